"""Mail to people whose data is made to break out: their words in it, and nothing else that is of their making."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import browser
from hostile import HARMLESS, TAKEN, VECTORS, address
from mail_shop import NOW, mailflow
from mailflow import templates
from mailflow.templates import context
from test_templates_compile import FOOTER, HEAD

STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
BREAKS = re.compile("[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029]+")
PAGE = (
    """
<html lang="en"><head><title>{{ contact.city }}</title></head><body>
<p title="{{ contact.city }}" data-x='{{ owner.name }}'>{{ day.weather }} {{ season }}</p>
<pre>{{ contact.nearest_store.name }}</pre><textarea>{{ contact.nearest_store.hours }}</textarea>
<!--[if mso]><table><tr><td title="{{ contact.city }}">{{ choices.hero.text }}</td></tr></table><![endif]-->
<a href="https://shop.example/?q={{ offer.code }}&r={{ offer.title }}#{{ contact.city }}">x</a>
<a href='https://shop.example/{{ contact.x }}/end'>{{ contact.x }}</a>
<img src="https://shop.example/{{ contact.city }}.png" alt='{{ contact.x }}'>
{% for a in articles %}
<a href="{{ a.url }}" title="{{ a.title }}">{{ a.title }} {{ a.summary }}</a>
{% endfor %}
{% for p in recommendations %}<p>{{ p.title }}: {{ p.reason }} {{ p.because }} {{ p.sku }}</p>{% endfor %}
{% for s in contact.segments %}<b>{{ s }}</b>{% endfor %}"""
    + FOOTER
    + "</body></html>"
)
MJML = (
    '<mjml lang="en"><mj-head><mj-title>{{ contact.city }}</mj-title><mj-preview>{{ contact.x }}</mj-preview></mj-head>'
    "<mj-body><mj-section><mj-column><mj-text>Dear {{ contact.first_name }}</mj-text>"
    '<mj-button href="https://shop.example/?q={{ contact.city }}" title="{{ owner.name }}">{{ offer.code }}</mj-button>'
    '<mj-image src="https://shop.example/x.png" alt="{{ contact.x }}" />'
    '<mj-table><tr><td title="{{ contact.x }}">{{ day.weather }}</td></tr></mj-table>'
    f"<mj-text>{FOOTER}</mj-text></mj-column></mj-section></mj-body></mjml>"
)


class Shape(HTMLParser):
    """What a document is made of, whatever it says: elements, attributes, styles, and the hosts that it leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.made: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made += [tag, *(name for name, _ in attrs), *(value for name, value in attrs if name == "style")]
        links = [urlsplit(value or "") for name, value in attrs if name in ("href", "src", "background", "action")]
        self.made += [(link.scheme, link.netloc) for link in links]

    def handle_endtag(self, tag: str) -> None:
        self.made.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.made.append(Shape(data.partition(">")[2].rpartition("<")[0]).made if "[if" in data else "comment")

    def handle_decl(self, decl: str) -> None:
        self.made.append(decl)

    unknown_decl = handle_pi = handle_decl


def shown(vector: str) -> str:
    """Return what a reader is shown of a value: one line of single blanks, without what steers."""
    return " ".join(STEERING.sub("", BREAKS.sub(" ", vector)).split())


@pytest.fixture(scope="module")
def letters(hostile_shop: Path) -> dict[int, bytes]:
    """Return the bytes of everybody's letter, by the number of their vector."""
    found = {}
    for path in (hostile_shop / ".mailflow" / "rehearsal" / "new").iterdir():
        data = path.read_bytes()
        to = str(message_from_bytes(data, EmailMessage, policy=default)["To"].addresses[0].addr_spec)
        found[int(re.findall(r"(\d+)@", to)[0])] = data
    return found


@pytest.fixture(scope="module")
def read(letters: Mapping[int, bytes]) -> dict[int, EmailMessage]:
    """Return everybody's letter as the standard library reads it."""
    return {number: message_from_bytes(data, EmailMessage, policy=default) for number, data in letters.items()}


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def test_everybody_gets_a_letter_of_seven_bits_and_whole_lines(letters: Mapping[int, bytes]) -> None:
    assert sorted(letters) == list(range(len(TAKEN)))
    assert not [number for number, data in letters.items() if re.search(rb"[^\t\r\n -~]|\r(?!\n)|(?<!\r)\n", data)]


def test_every_letter_has_the_headers_and_parts_of_the_harmless_one(read: Mapping[int, EmailMessage]) -> None:
    def frame(message: EmailMessage) -> object:
        same = [message[name] for name in ("Feedback-ID", "List-ID", "MIME-Version")]
        senders = [sender.addr_spec for sender in message["From"].addresses]
        parts = [(each.get_content_type(), each.get_filename()) for each in message.walk()]
        return message.keys(), same, senders, parts, message.defects

    wanted = frame(read[0])
    assert {number: frame(message) for number, message in read.items() if frame(message) != wanted} == {}
    for number, message in read.items():
        (to,) = message["To"].addresses
        assert to.addr_spec == address(number)
        assert not STEERING.search(f"{to.display_name}{message['From']}{message['Subject']}")


@pytest.mark.parametrize("header", ["Subject", "To", "From"])
def test_names_and_subjects_are_read_as_they_were_meant(read: Mapping[int, EmailMessage], header: str) -> None:
    looked_at = 0
    for number, message in read.items():
        vector = TAKEN[number].strip()
        if not (vector.isascii() and vector.isprintable() and 1 < len(vector) < 90):
            continue
        value = message[header]
        wanted = {"Subject": f"{vector} of {vector}", "To": f"{vector} {vector}", "From": f"{vector} {number}"}[header]
        found = str(value) if header == "Subject" else value.addresses[0].display_name
        # CPython before 3.13 reads a blank into a long name at each fold.
        assert found.replace(" ", "") == wanted.replace(" ", ""), vector
        looked_at += 1
    assert looked_at > 100


def test_no_value_makes_an_element_an_attribute_or_a_link(read: Mapping[int, EmailMessage]) -> None:
    wanted = Shape(part(read[0], "html")).made
    assert len(wanted) > 100
    assert [TAKEN[number] for number, one in read.items() if Shape(part(one, "html")).made != wanted] == []


def test_both_parts_say_the_value_as_it_is_and_nothing_that_steers(read: Mapping[int, EmailMessage]) -> None:
    for number, message in read.items():
        words = shown(TAKEN[number]) or "-"
        html, text = part(message, "html"), part(message, "plain")
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", html, re.DOTALL)
        assert heading is not None
        assert shown(unescape(heading[1])) == words
        assert shown(text.split("\n")[0]) == words
        assert not STEERING.search(html + text)


def test_no_value_makes_a_line_in_the_text_part(read: Mapping[int, EmailMessage]) -> None:
    lines = part(read[0], "plain").count("\n")
    assert lines > 20
    assert [TAKEN[number] for number, one in read.items() if part(one, "plain").count("\n") != lines] == []


def test_no_value_makes_a_line_in_an_appointment(read: Mapping[int, EmailMessage]) -> None:
    names = (
        "BEGIN VERSION PRODID METHOD BEGIN UID DTSTAMP DTSTART DTEND SUMMARY LOCATION DESCRIPTION URL END END".split()
    )
    for number, message in read.items():
        (file,) = message.iter_attachments()
        lines = re.sub(r"\r?\n ", "", str(file.get_content())).rstrip("\r\n").split("\n")
        assert [re.split("[:;]", line)[0] for line in lines] == names, TAKEN[number]


def test_the_page_for_everybody_says_nothing_of_anybody(hostile_shop: Path) -> None:
    page = (hostile_shop / "archive" / "news.html").read_text(encoding="utf-8")
    assert not [vector for vector in VECTORS if len(vector) > 12 and vector.strip() in page]


def leaves(known: Any, vector: str) -> Any:
    """Return plain data of which every text but an address of the web is a vector."""
    if isinstance(known, dict):
        return {key: leaves(value, vector) for key, value in known.items()}
    if isinstance(known, list):
        return [leaves(value, vector) for value in known]
    return vector if isinstance(known, str) and not known.startswith("http") else known


def everything(vector: str) -> dict[str, Any]:
    """Return all that a template may be told of a person and for them, with a vector in all of it."""
    known = context.sample()
    product = {"title": "Tea", "url": "https://shop.example/t", "reason": "because", "because": "x", "sku": "s"}
    told = {
        "contact": {**known["contact"], "x": "x", "segments": ["vip"], "nearest_store": {"name": "x", "hours": "y"}},
        "owner": {"name": "Eva", "email": "eva@shop.example", "phone": "1", "title": "Boss"},
        "offer": {"code": "C", "title": "T"},
        "recommendations": [product, product],
        "articles": [{"title": "Tea", "url": "https://shop.example/a", "summary": "x"}],
        "season": "spring",
        "day": {"weather": "sun"},
        "choices": {"hero": {"text": "Tea"}},
    }
    made: dict[str, Any] = {**known, **leaves(told, vector)}
    made["contact"]["first_name"] = vector[:100]  # it stands in the subject, which has an end
    return made


def pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield HTML and MJML templates made for each vector, by their name and the vector's number."""
    folder.mkdir()
    (folder / "page.html").write_text(HEAD + PAGE, encoding="utf-8")
    (folder / "mail.mjml").write_text(HEAD + MJML, encoding="utf-8")
    for name in ("page", "mail"):
        template = templates.load(folder, name)
        for number, vector in enumerate(TAKEN):
            yield f"{name} {number}", template.render(everything(vector.strip() or HARMLESS)).html


def test_a_browser_reads_the_same_elements_whatever_the_data(
    read: Mapping[int, EmailMessage], tool: Callable[[str], str], tmp_path: Path
) -> None:
    documents = {f"letter {number}": part(message, "html") for number, message in read.items()}
    documents |= dict(pages(tmp_path / "templates"))
    found = browser.trees(tool("chromium"), tmp_path, documents)
    assert len(found) == 3 * len(TAKEN)
    for kind in ("letter", "page", "mail"):
        wanted = found[f"{kind} 0"]
        assert len(wanted) > 15
        assert [name for name, tree in found.items() if name.startswith(kind) and tree != wanted] == []


@pytest.mark.parametrize("number", [1, 15, 61, 90, 123])
def test_a_preview_is_the_letter_but_for_its_tokens(
    hostile_shop: Path, letters: Mapping[int, bytes], capfdbinary: pytest.CaptureFixture[bytes], number: int
) -> None:
    assert mailflow(hostile_shop, "preview", "news", "--for", address(number), "--eml", now=NOW) == 0
    seen = message_from_bytes(capfdbinary.readouterr().out, EmailMessage, policy=default)
    sent = message_from_bytes(letters[number], EmailMessage, policy=default)
    assert seen.keys() == sent.keys()
    assert [seen[name] for name in ("From", "To", "Subject")] == [sent[name] for name in ("From", "To", "Subject")]
    assert Shape(part(seen, "html")).made == Shape(part(sent, "html")).made
