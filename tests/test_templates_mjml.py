"""MJML: tags go through it unharmed, it is worked in once where it can be, and mistakes have a place."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mailflow import templates
from mailflow.templates import Rendered, TemplateError, mjml
from test_templates_compile import FOOTER, HEAD, person, write

FOOT = f"<mj-section><mj-column><mj-text>{FOOTER}</mj-text></mj-column></mj-section>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path / "templates"


def page(body: str, head: str = "") -> str:
    return f"{HEAD}<mjml><mj-head>{head}</mj-head><mj-body>{body}{FOOT}</mj-body></mjml>"


def cell(inner: str) -> str:
    return f"<mj-section><mj-column>{inner}</mj-column></mj-section>"


def render(folder: Path, text: str, **fields: Any) -> tuple[Rendered, bool]:
    """Return what a template gives, and whether it was worked in once."""
    write(folder, "t.mjml", text)
    template = templates.load(folder, "t")
    return template.render(person(**fields)), template.inlines_once


def problem(folder: Path, text: str, **fields: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        render(folder, text, **fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "count", "words"),
    [
        ("{% for p in products %}" + cell("<mj-text>{{ p.title }}</mj-text>") + "{% endfor %}", 2, ">Tea &amp; Co<"),
        (cell("{% for p in products %}<mj-text>{{ p.title }}</mj-text>{% endfor %}"), 2, ">Mug<"),
        (cell("<mj-text>{% for p in products %}<p>{{ p.title }}<br></p>{% endfor %}</mj-text>"), 2, ">Mug<br></p>"),
        (cell("<mj-button href='{{ p.url }}'>{% if contact.vip %}VIP{% else %}Go{% endif %}</mj-button>").replace(
            "p.url", "shop.url"), 0, ">VIP</a>"),
        ("{% if contact.vip %}" + cell("<mj-text>VIP</mj-text>") + "{% else %}" + cell("<mj-text>no</mj-text>")
         + "{% endif %}", 0, ">VIP</div>"),
        ("<mj-wrapper>{% for p in products %}" + cell("<mj-text>{{ p.title }}</mj-text>") + "{% endfor %}</mj-wrapper>",
         2, ">Mug<"),
        (cell("<mj-table>{% for p in products %}<tr><td>{{ p.title }}</td></tr>{% endfor %}</mj-table>"), 2, "<td"),
        (cell("<mj-image src='{{ shop.url }}/x.png' alt='{{ contact.city }}' />"), 0, 'alt="Wien"'),
    ],
)  # fmt: skip
def test_tags_go_through_and_are_worked_in_once(folder: Path, body: str, count: int, words: str) -> None:
    made, once = render(folder, page(body), vip=True)
    assert once
    assert words in made.html
    assert made.html.count("Tea &amp; Co") + made.html.count("Mug") == count
    assert "{%" not in made.html
    assert "mf" not in made.html.replace("mso-mf", "").partition("<body")[2].replace("comfort", "")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<mj-section>{% for p in products %}<mj-column><mj-text>{{ p.title }}</mj-text></mj-column>{% endfor %}"
         "</mj-section>", "mj-column-per-50"),
        ("<mj-section><mj-column width='{{ contact.points }}%'><mj-text>x</mj-text></mj-column></mj-section>",
         "mj-column-per-40"),
        (cell("<mj-text color='{{ contact.colour }}'>x</mj-text>"), "color:#123456"),
        (cell("<mj-social>{% for p in products %}<mj-social-element name='instagram' href='{{ p.url }}'>{{ p.title }}"
              "</mj-social-element>{% endfor %}</mj-social>"), 'href="https://shop.example/mug"'),
    ],
)  # fmt: skip
def test_what_mjml_must_see_is_worked_in_per_message(folder: Path, body: str, words: str) -> None:
    made, once = render(folder, page(body), points=40, colour="#123456")
    assert not once
    assert words in made.html


def test_both_parts_the_preheader_and_the_language(folder: Path) -> None:
    body = cell(
        "<mj-text><h1>News</h1>Hi {{ contact.first_name }}<br>there &amp; <a href='{{ shop.url }}'>here</a></mj-text>"
        "<mj-button href='{{ shop.url }}/b'>Go</mj-button><mj-divider />"
        "<mj-image src='https://x.example/i.png' alt='Pot' />"
    )
    made, _ = render(folder, page(body), language="de")
    assert 'lang="de"' in made.html
    assert made.html.index("Fresh today") < made.html.index("News")
    assert made.text.startswith(
        "News\n====\n\nHi Anna\nthere & here (https://shop.example)\n\nGo (https://shop.example/b)"
    )
    assert "[Pot]" in made.text
    assert "1 Sample Street" in made.text


def test_a_fragment_takes_the_shipped_layout_and_blocks_of_all_kinds(folder: Path) -> None:
    write(folder, "blocks/row.mjml", cell("<mj-text>row {{ contact.city }}</mj-text>"))
    write(folder, "blocks/words.md", "*Hello* there\n")
    body = '{% include "blocks/row.mjml" %}\n' + cell('<mj-text>{% include "blocks/words.md" %}</mj-text>')
    made, once = render(folder, HEAD + body)
    assert once
    assert "row Wien" in made.html
    assert "<em>Hello</em> there" in made.html
    assert "prefers-color-scheme" in made.html
    assert "Unsubscribe: https://shop.example/u/sample" in made.text


def test_a_layout_in_mjml_takes_markdown_too(folder: Path) -> None:
    write(folder, "layouts/l.mjml", f"<mjml><mj-body>{cell('<mj-text>{{ content }}</mj-text>')}{FOOT}</mj-body></mjml>")
    write(folder, "t.md", HEAD.replace("preheader", "layout: l\npreheader") + "**Bold** {{ contact.city }}\n")
    made = templates.load(folder, "t").render(person())
    assert "<strong>Bold</strong> Wien" in made.html
    assert "**" not in made.text
    write(folder, "u.mjml", HEAD.replace("preheader", "layout: l\npreheader") + "<mj-section></mj-section>")
    with pytest.raises(TemplateError, match=r"l\.mjml: .* put it into <mj-body>"):
        templates.load(folder, "u")
    write(folder, "layouts/l.mjml", f"<mjml><mj-body>{{{{ content }}}}{FOOT}</mj-body></mjml>")
    templates.load(folder, "u").render(person())
    with pytest.raises(TemplateError, match=r"l\.mjml: .* into <mj-text>"):
        templates.load(folder, "t")


def test_raw_html_that_would_be_lost_is_refused(folder: Path) -> None:
    assert "put its HTML into <mj-text>" in problem(
        folder, HEAD + "<mj-raw><p>x</p></mj-raw>" + cell("<mj-text>x</mj-text>")
    )
    assert ">x</p>" in render(folder, page("<mj-raw><p>x</p></mj-raw>"))[0].html


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("<mj-section>\n<mj-colum></mj-colum></mj-section>", ":6", "did you mean <mj-column>"),
        ("<mj-section>\n\n<mj-column></mj-section>", ":7", "</mj-section> stands where </mj-column> of line 7"),
        ("\n<mj-include path='/etc/passwd' />", ":6", 'write {% include "blocks/NAME.mjml" %}'),
        ("\n\nHello", ":7", "put it into <mj-text>"),
        (cell("\n<p>x</p>"), ":6", "directly in <mj-column>"),
        (cell("<mj-text\nalign=left>x</mj-text>"), ":5", 'align="…"'),
        (cell("<mj-text>\n\n{{ contact.frist_name }}</mj-text>"), ":7", "did you mean 'first_name'"),
        (cell("<mj-text>\n{{ contact.first_name | uper }}</mj-text>"), ":6", "did you mean 'upper'"),
        ("{% if contact.city %}<mj-section>{% endif %}", ":5", "stands where </mj-section>"),
        (cell("<mj-raw><script>x</script></mj-raw>"), "", "does not work in mail"),
        (cell("<mj-text {{ contact.city }}>x</mj-text>"), ":5", "outside of quotes"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(folder: Path, body: str, place: str, words: str) -> None:
    said = problem(folder, page(body))
    assert said.startswith(f"templates/t.mjml{place}: ")
    assert words in said


def test_mjml_belongs_into_mjml(folder: Path) -> None:
    write(folder, "blocks/row.mjml", cell("<mj-text>x</mj-text>"))
    write(folder, "m.md", HEAD + 'x\n\n{% include "blocks/row.mjml" %}\n')
    with pytest.raises(TemplateError, match=r"m\.md:7: .* is MJML"):
        templates.load(folder, "m")
    assert "there is no layout templates/layouts/letter.mjml" in problem(
        folder, HEAD.replace("preheader", "layout: letter\npreheader") + cell("<mj-text>x</mj-text>")
    )


class Reader(HTMLParser):
    """Reads elements, words and the words of the last picture, as a mail program does."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.words = ""
        self.alt: str | None = None

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(name)
        self.alt = dict(attributes).get("alt", self.alt)

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize(
    "evil",
    ["<b>x</b>", "</mj-text><mj-raw>x</mj-raw>", "a & b < c", "\"'><mj-include path='x'/>", "]]>", "-->", "{{ 7*7 }}"],
)
def test_data_is_data_however_mjml_is_worked_in(folder: Path, evil: str) -> None:
    words = "<mj-text>{{ contact.first_name }}</mj-text>"
    picture = cell("<mj-image src='https://x.example/i' alt='{{ contact.first_name }}' />")
    columns = f"<mj-section>{{% for p in [1, 2] %}}<mj-column>{words}</mj-column>{{% endfor %}}</mj-section>"
    for body in (cell(words), columns):
        made, _ = render(folder, page(body + picture), first_name=evil)
        reader = Reader()
        reader.feed(made.html)
        assert reader.names <= {
            "html",
            "head",
            "meta",
            "style",
            "title",
            "body",
            "div",
            "table",
            "tbody",
            "tr",
            "td",
            "p",
            "a",
            "img",
        }
        assert reader.alt == evil
        assert evil in reader.words
        assert evil in made.text


def test_nothing_is_read_or_fetched_and_no_font_is_loaded(folder: Path) -> None:
    (folder / "canary.mjml").write_text("<mj-text>canary</mj-text>", encoding="utf-8")
    assert "canary" not in problem(folder, page("<mj-include path='canary.mjml' />"))
    made, _ = render(folder, page(cell("<mj-text font-family='Roboto'>x</mj-text>")))
    assert "googleapis" not in made.html


def test_the_same_mjml_gives_the_same_html() -> None:
    links = "<mj-navbar hamburger='hamburger'><mj-navbar-link href='https://x.example'>x</mj-navbar-link></mj-navbar>"
    text = f"<mjml><mj-body>{cell(links)}</mj-body></mjml>"
    assert mjml.to_html(text) == mjml.to_html(text)


def test_a_page_without_a_title_has_the_subject_for_one(folder: Path) -> None:
    for text in (page(cell("<mj-text>x</mj-text>")), f"{HEAD}<mjml><mj-body>{FOOT}</mj-body></mjml>"):
        rendered, once = render(folder, text)
        assert f"<title>{rendered.subject}</title>" in rendered.html
        assert once
    rendered, _ = render(folder, page("", "<mj-title>Own</mj-title>"))
    assert "<title>Own</title>" in rendered.html


def test_the_preheader_stands_in_the_body_and_not_among_the_attributes(folder: Path) -> None:
    defaults = "<mj-attributes><mj-body background-color='gray' /></mj-attributes>"
    rendered, _ = render(folder, page(cell("<mj-text>x</mj-text>"), defaults))
    assert rendered.html.count("Fresh today") == 1
    assert rendered.html.index("<body") < rendered.html.index("Fresh today")


def test_fonts_are_worked_in_once_and_stay_links(folder: Path) -> None:
    font = "<mj-font name='Tea' href='https://fonts.example/css?family=Tea' />"
    rendered, once = render(folder, page(cell("<mj-text font-family='Tea, Arial'>x</mj-text>"), font))
    assert once
    assert '<link href="https://fonts.example/css?family=Tea" rel="stylesheet"' in rendered.html


def test_a_hero_without_height_has_that_of_what_is_in_it(folder: Path) -> None:
    hero = "<mj-hero background-color='#24594f' padding='60px 20px'><mj-text>x</mj-text></mj-hero>"
    rendered, _ = render(folder, page(hero))
    assert 'height="-' not in rendered.html
    assert "height:-" not in rendered.html.replace(" ", "")


def test_what_mrml_cannot_read_is_told_by_its_words(folder: Path) -> None:
    attribute = "<mj-html-attributes><mj-selector path='.a'></mj-selector></mj-html-attributes>"
    assert "write the attributes into the HTML itself" in problem(folder, page("", attribute))
    said = problem(folder, page("", "<mj-section></mj-section>"))
    assert "position" not in said
    assert "mj-section" in said


def test_words_that_would_come_out_without_size_are_refused(folder: Path) -> None:
    write(folder, "blocks/hello.md", "Hello **you**")
    direct = page("<mj-section><mj-column>\n{{ contact.city }}</mj-column></mj-section>")
    line = direct[: direct.index("{{ contact.city")].count("\n") + 1
    assert problem(folder, direct).startswith(
        f"templates/t.mjml:{line}: a value or a block of text comes to stand directly"
    )
    block = '{% if contact.city %}{% include "blocks/hello.md" %}{% endif %}'
    assert "directly in <mj-column>, where nobody sees it: put it into <mj-text>" in problem(folder, page(cell(block)))
    shown, _ = render(folder, page(cell(f"<mj-text>{block}</mj-text>")), city="Wien")
    assert "<strong>you</strong>" in shown.html
