"""Contact data is data wherever a template puts it: in text, attributes, links, styles and the text part."""

from __future__ import annotations

from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hostile import VECTORS
from mailflow import templates
from mailflow.templates import TemplateError
from test_hostile_mail import shown
from test_templates_compile import FOOTER, HEAD, person, write

PAGE = (
    "<html lang='en'><head><title>{{ contact.x }}</title></head><body>"
    "<p title=\"{{ contact.x }}\" data-x='{{ contact.x }}'>{{ contact.x }}</p>"
    '<a href="https://shop.example/?q={{ contact.x }}&r=1#{{ contact.x }}">q</a>'
    "<a href='https://shop.example/p/{{ contact.x }}/end'>p</a>"
    "<img src='https://shop.example/i.png' alt='{{ contact.x }}'>"
    "<!--[if mso]><td width='1' title='{{ contact.x }}'>{{ contact.x }}</td><![endif]-->" + FOOTER + "</body></html>"
)


class Reader(HTMLParser):
    """Reads what a mail program would."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.words = ""

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path / "templates"


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_no_value_leaves_the_place_it_stands_in(folder: Path) -> None:
    assert len(VECTORS) >= 40
    write(folder, "t.html", HEAD + PAGE)
    template = templates.load(folder, "t")
    plain = read(template.render(person(x="plain")).html)
    for vector in VECTORS:
        made = template.render(person(x=vector))
        found = read(made.html)
        assert [name for name, _ in found.elements] == [name for name, _ in plain.elements], vector
        assert [sorted(values) for _, values in found.elements] == [sorted(values) for _, values in plain.elements], (
            vector
        )
        assert len(found.comments) == 1
        _, paragraph = next(element for element in found.elements if element[0] == "p")
        assert shown(paragraph["data-x"] or "") == shown(paragraph["title"] or "") == shown(vector)
        _check_links([values["href"] or "" for name, values in found.elements if name == "a"], vector)


def _check_links(links: list[str], vector: str) -> None:
    search, inside = urlsplit(links[0]), urlsplit(links[1])
    assert search.netloc == inside.netloc == "shop.example"
    assert parse_qsl(search.query, keep_blank_values=True)[0] == ("q", vector.encode("utf-8", "replace").decode())
    assert parse_qsl(search.query)[-1] == ("r", "1")
    assert inside.query == inside.fragment == ""
    assert inside.path.startswith("/p/")
    assert inside.path.endswith("/end")


def test_the_text_part_has_the_same_links(folder: Path) -> None:
    write(folder, "t.md", HEAD + "[x](https://shop.example/?q={{ contact.x }})\n")
    made = templates.load(folder, "t").render(person(x="a b&c=d) (https://evil.example"))
    assert "(https://shop.example/?q=a%20b%26c%3Dd%29%20%28https%3A%2F%2Fevil.example)" in made.text
    write(folder, "t.md", HEAD + "[x]({{ contact.x }})\n")
    template = templates.load(folder, "t")
    for vector in (each for each in VECTORS if not each.startswith(("https://", "mailto:"))):
        with pytest.raises(TemplateError, match=r"t\.md:5: .*is not a link"):
            template.render(person(x=vector))


@pytest.mark.parametrize(
    ("link", "value", "result"),
    [
        ("{{ contact.x }}/new", "https://a.example", "https://a.example/new"),
        ("{{ shop.url }}{{ contact.x }}", "/tea?a=1", "https://shop.example/tea?a=1"),
        ("{{ shop.url }}/{{ contact.x }}", "tee/grün 100%", "https://shop.example/tee/gr%C3%BCn%20100%25"),
        ("{{ shop.url }}/{{ contact.x }}", "a%20b", "https://shop.example/a%20b"),
        ("{{ shop.url }}/?q={{ contact.x }}", "a b", "https://shop.example/?q=a%20b"),
        ("{{ shop.url }}/?q={{ contact.x | urlencode }}", "a b", "https://shop.example/?q=a%20b"),
        ("https://{{ contact.x }}/a", "b.example", "https://b.example/a"),
        ("mailto:{{ contact.x }}?subject={{ contact.city }}", "a@b.example", "mailto:a@b.example?subject=Wien"),
        ("{% if contact.x %}{{ contact.x }}{% else %}x{% endif %}/n", "https://a.example", "https://a.example/n"),
        ("{{ shop.url }}{% if contact.x %}?c={{ contact.x }}{% endif %}", "&", "https://shop.example?c=%26"),
    ],
)  # fmt: skip
def test_a_value_is_made_for_its_part_of_a_link(folder: Path, link: str, value: str, result: str) -> None:
    write(folder, "t.html", HEAD + f'<p><a href="{link}">x</a></p>')
    made = templates.load(folder, "t").render(person(x=value))
    assert result in [values.get("href") for _, values in read(made.html).elements]
    assert f"x ({result})" in made.text


@pytest.mark.parametrize(
    ("link", "value"),
    [
        ("{{ shop.url }}{{ contact.x }}", "@evil.example/"),
        ("{{ shop.url }}{{ contact.x }}", ".evil.example"),
        ("https://{{ contact.x }}/a", "evil.example@b"),
        ("https://shop.example{{ contact.x }}", ":8080"),
        ("{% if contact.city %}{{ contact.x }}{% else %}{{ shop.url }}{% endif %}", "javascript:x"),
        ("{% if contact.city %}{% else %}{{ shop.url }}{% endif %}{{ contact.x }}", "javascript:x"),
        ("java{{ contact.x }}", "script:x"),
    ],
)
def test_a_value_cannot_choose_where_a_link_leads(folder: Path, link: str, value: str) -> None:
    write(folder, "t.html", HEAD + f'<p>\n<a href="{link}">x</a></p>')
    with pytest.raises(TemplateError, match=r"t\.html:6: contact\.x is "):
        templates.load(folder, "t").render(person(x=value))


@pytest.mark.parametrize(
    "page", ['<p style="color: {{ contact.x }}">x</p>', "<style>p { color: {{ contact.x }} }</style><p>x</p>"]
)
def test_a_value_in_a_style_is_a_value(folder: Path, page: str) -> None:
    write(folder, "t.html", HEAD + f"<html lang='en'><head></head><body>\n{page}{FOOTER}</body></html>")
    template = templates.load(folder, "t")
    assert "color: #24594f" in template.render(person(x="#24594f")).html
    for vector in ("red;background:url(https://evil.example/x)", "expression(x)", "a:b", "}body{color:red", "</style>"):
        with pytest.raises(TemplateError, match=r"t\.html:6: contact\.x is .* no value for a style"):
            template.render(person(x=vector))


def test_a_picture_in_a_style_is_a_link(folder: Path) -> None:
    write(folder, "t.html", HEAD + "<p style=\"background-image: url('{{ contact.x }}')\">x</p>")
    template = templates.load(folder, "t")
    assert "url('https://a.example/x.png')" in template.render(person(x="https://a.example/x.png")).html
    made = template.render(person(x="https://a.example/');color:red;x('"))
    assert "color:red" not in made.html.replace("%29;color:red", "")
    with pytest.raises(TemplateError, match="is not a link"):
        template.render(person(x="javascript:x"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<p {{ contact.x }}>x</p>", "outside of quotes"),
        ("<p title={{ contact.x }}>x</p>", "outside of quotes"),
        ("<{{ contact.x }}>x</p>", "name of an element"),
        ("<h{{ contact.x }}>x</h1>", "outside of quotes"),
        ("<p onclick=\"x('{{ contact.x }}')\">x</p>", "does not work in mail"),
        ("<meta http-equiv='refresh' content='0;url={{ contact.x }}'>", "does not work in mail"),
        ("{{ contact.x | safe }}", "'safe' is not available"),
    ],
)
def test_places_where_data_could_become_code_are_refused(folder: Path, body: str, words: str) -> None:
    write(folder, "t.html", HEAD + f"<div>\n{body}</div>")
    with pytest.raises(TemplateError, match=r"t\.html") as caught:
        templates.load(folder, "t")
    assert words in str(caught.value)


def test_nothing_is_asked_for_over_the_network(folder: Path) -> None:
    asked: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Canary) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        there = f"http://127.0.0.1:{server.server_port}"
        css = f"<link rel='stylesheet' href='{there}/a.css'><style>@import url('{there}/b.css');</style>"
        page = f"<html lang='en'><head>{css}</head><body><p>x</p><img src='{there}/c.png' alt=''>{FOOTER}</body></html>"
        write(folder, "t.html", HEAD + page)
        templates.load(folder, "t").render(person())
        font = f"<mj-font name='A' href='{there}/d.css' />"
        section = f"<mj-section><mj-column><mj-text font-family='A'>{FOOTER}</mj-text></mj-column></mj-section>"
        write(folder, "u.mjml", HEAD + f"<mjml><mj-head>{font}</mj-head><mj-body>{section}</mj-body></mjml>")
        templates.load(folder, "u").render(person())
        server.shutdown()
        thread.join()
    assert asked == []


def test_no_subject_says_more_than_one_line(folder: Path) -> None:
    write(folder, "t.md", '---\nsubject: "Hi {{ contact.x }}"\npreheader: "{{ contact.x }}"\n---\nHello.\n')
    template = templates.load(folder, "t")
    for vector in VECTORS:
        made: Any = template.render(person(x=vector[:300]))
        assert "\n" not in made.subject
        assert "\r" not in made.subject


def test_what_ends_in_the_other_kind_of_quote_keeps_it(folder: Path) -> None:
    style = "color:{{ contact.x }};font-family:'Open Sans'"
    page = f"<html lang='en'><head></head><body><p style=\"{style}\">Hi</p>{FOOTER}</body></html>"
    write(folder, "t.html", HEAD + page)
    made = read(templates.load(folder, "t").render(person(x="red")).html)
    assert ("p", {"style": "color:red;font-family:'Open Sans'"}) in made.elements
