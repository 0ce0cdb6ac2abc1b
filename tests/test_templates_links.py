"""How of a template: utm values, counted addresses, and what is never touched."""

from __future__ import annotations

import random
import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from mailflow import templates
from mailflow.templates import Rendered, context
from mailflow.templates.linking import COUNTED, PIXEL, Clicks, How, Utm, link_id, tagged

UTM = Utm((("utm_source", "news"), ("utm_medium", "email"), ("utm_campaign", "spring")), ("shop.example",))
PREFIX = "https://t.example/c/v1.abc.k.tok.mac"


def rendered(tmp_path: Path, body: str, how: How, **more: object) -> Rendered:
    tmp_path.joinpath("news.md" if "<" not in body[:1] else "news.html").write_text(f"---\nsubject: x\n---\n{body}\n")
    known = context.sample() | {"unsubscribe_url": "https://shop.example/u/v1.k.u.t.m"}
    return templates.load(tmp_path, "news", how).render({**known, **more})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/a", "https://shop.example/a?utm_source=news&utm_medium=email&utm_campaign=spring"),
        ("https://SHOP.example", "https://SHOP.example?utm_source=news&utm_medium=email&utm_campaign=spring"),
        ("https://shop.example/a?x=1#part", "https://shop.example/a?x=1&utm_source=news&utm_medium=email&utm_campaign=spring#part"),
        ("https://shop.example/?utm_source=own", "https://shop.example/?utm_source=own&utm_medium=email&utm_campaign=spring"),
        ("https://shop.example/?UTM_Source=", "https://shop.example/?UTM_Source=&utm_medium=email&utm_campaign=spring"),
        ("https://other.example/a", "https://other.example/a"),
        ("https://shop.example.evil.example/", "https://shop.example.evil.example/"),
        ("https://user@other.example/shop.example", "https://user@other.example/shop.example"),
        ("https://[broken/", "https://[broken/"),
        ("mailto:a@shop.example", "mailto:a@shop.example"),
    ],
)  # fmt: skip
def test_utm_values_go_to_own_hosts_only_and_keep_what_is_there(url: str, expected: str) -> None:
    assert tagged(url, UTM) == expected


def test_what_a_link_leads_to_is_the_same_with_utm_values_and_has_each_of_them_once() -> None:
    chance = random.Random(3)
    parts = ["/", "?", "#", "&", "=", "utm_source", "UTM_Medium", "%75", "+", "a", "é", ";", "//", ":80", "@", "."]
    for _ in range(5000):
        url = "https://shop.example" + "".join(chance.choices(parts, k=chance.randint(0, 8)))
        made = tagged(url, UTM)
        assert tagged(made, UTM) == made
        old, new = urlsplit(url), urlsplit(made)
        assert (new.scheme, new.netloc, new.path, new.fragment) == (old.scheme, old.netloc, old.path, old.fragment)
        assert new.query.startswith(old.query)
        if old.hostname and old.hostname.rstrip(".") == "shop.example":
            names = [name.lower() for name, _ in parse_qsl(new.query, keep_blank_values=True)]
            assert {"utm_source", "utm_medium", "utm_campaign"} <= set(names)
            assert names.count("utm_campaign") == 1
        else:
            assert made == url


def test_a_link_of_everybody_and_one_of_a_person_are_tagged_in_both_parts(tmp_path: Path) -> None:
    body = "[All](https://shop.example/all?a=1&b=2#top) [Yours]({{ shop.url }}/p?k={{ contact.key }}) [Out](https://o.example/)"
    made = rendered(tmp_path, body, How(UTM))
    for text in (made.html.replace("&amp;", "&"), made.text):
        assert "https://shop.example/all?a=1&b=2&utm_source=news&utm_medium=email&utm_campaign=spring#top" in text
        assert "https://shop.example/p?k=sample&utm_source=news&utm_medium=email&utm_campaign=spring" in text
        assert "https://o.example/" in text
        assert "o.example/?utm" not in text


def test_without_tracking_a_template_has_the_links_it_was_written_with(tmp_path: Path) -> None:
    body = "[All](https://shop.example/all) [Yours]({{ shop.url }}/p?k={{ contact.key }})"
    assert rendered(tmp_path, body, How()) == rendered(tmp_path, body, How(clicks=True))


def test_counted_links_lead_over_the_page_that_counts_and_are_found_by_their_id(tmp_path: Path) -> None:
    body = "[All](https://shop.example/all?a=1&b=2) [Yours]({{ shop.url }}/p?k={{ contact.key }}) [All](https://shop.example/all?a=1&b=2)"
    clicks = Clicks(PREFIX)
    made = rendered(tmp_path, body, How(clicks=True), **{COUNTED: clicks})
    urls = {"https://shop.example/all?a=1&b=2", "https://shop.example/p?k=sample"}
    assert urls <= set(clicks.found.values())
    for url in urls:
        assert clicks.found[link_id(url)] == url
        assert f"{PREFIX}/{link_id(url)}" in made.html
        assert f"{PREFIX}/{link_id(url)}" in made.text
        assert url not in made.html.replace("&amp;", "&")


def test_what_says_no_and_what_is_no_page_is_never_rewritten(tmp_path: Path) -> None:
    body = (
        "[No]({{ unsubscribe_url }}) [Mail](mailto:a@shop.example) [Call](tel:+431) [Up](#top) "
        "[Mine](mailto:{{ contact.email }}) [Odd]({{ shop.url }}/{% if contact.city %}a{% endif %})"
    )
    clicks = Clicks(PREFIX)
    made = rendered(tmp_path, body, How(UTM, clicks=True), **{COUNTED: clicks})
    hrefs = re.findall(r'href="([^"]*)"', made.html)
    for kept in ("https://shop.example/u/v1.k.u.t.m", "mailto:a@shop.example", "tel:+431", "#top"):
        assert kept in hrefs
    assert "mailto:anna.sample@example.com" in hrefs
    assert "https://shop.example/a" in hrefs
    assert not any("unsubscribe" in url or "/u/" in url for url in clicks.found.values())


def test_data_cannot_become_another_kind_of_link_by_being_counted(tmp_path: Path) -> None:
    with pytest.raises(templates.TemplateError, match="not a link"):
        rendered(tmp_path, "[x]({{ evil }})", How(clicks=True), evil="javascript:alert(1)", **{COUNTED: Clicks(PREFIX)})


@pytest.mark.parametrize("suffix", ["html", "mjml"])
def test_whole_pages_and_mjml_are_rewritten_too(tmp_path: Path, suffix: str) -> None:
    pages = {
        "html": '<html lang="en"><head><title>x</title></head><body><a href="https://shop.example/a">A</a>'
        '<p>{{ shop.address }} <a href="{{ unsubscribe_url }}">no</a></p></body></html>',
        "mjml": '<mjml><mj-body><mj-section><mj-column><mj-button href="https://shop.example/a">A</mj-button>'
        '<mj-text>{{ shop.address }} <a href="{{ unsubscribe_url }}">no</a></mj-text></mj-column></mj-section>'
        "</mj-body></mjml>",
    }
    (tmp_path / f"news.{suffix}").write_text(f"---\nsubject: x\n---\n{pages[suffix]}\n")
    known = context.sample() | {"unsubscribe_url": "https://shop.example/u", COUNTED: (clicks := Clicks(PREFIX))}
    made = templates.load(tmp_path, "news", How(clicks=True)).render(known)
    assert f'href="{PREFIX}/{link_id("https://shop.example/a")}"' in made.html
    assert list(clicks.found.values()) == ["https://shop.example/a"]


def test_the_open_pixel_is_there_only_when_its_address_is_given(tmp_path: Path) -> None:
    how = How(opens=True)
    picture = "https://t.example/o/v1.abc.o.tok.mac.gif"
    assert "<img" not in rendered(tmp_path, "Hi", how).html
    html = rendered(tmp_path, "Hi", how, **{PIXEL: picture}).html
    assert html.count(f'<img src="{picture}" alt="" width="1" height="1"') == 1
    assert html.index(picture) < html.index("</body>")
    assert picture not in rendered(tmp_path, "Hi", How(), **{PIXEL: picture}).html


def test_a_counted_link_comes_in_two_pieces_each_of_which_comes_again(tmp_path: Path) -> None:
    body = "[All](https://shop.example/all) [Yours]({{ shop.url }}/p?k={{ contact.key }})"
    clicks = Clicks(PREFIX)
    made = rendered(tmp_path, body, How(UTM, clicks=True), **{COUNTED: clicks})
    assert made.pieces is not None
    for pieces, whole in zip(made.pieces, (made.html, made.text), strict=True):
        ends = [after for piece, after in pairwise(pieces) if piece == PREFIX]
        assert {end.removeprefix("/") for end in ends} == set(re.findall(rf"{re.escape(PREFIX)}/([\w-]+)", whole))
        assert {clicks.found[end.removeprefix("/")].partition("?")[0] for end in ends} >= {
            "https://shop.example/all",
            "https://shop.example/p",
        }


def test_an_ampersand_in_the_address_of_the_counting_page_is_written_as_each_part_writes_it(tmp_path: Path) -> None:
    made = rendered(
        tmp_path, "[All](https://shop.example/all)", How(clicks=True), **{COUNTED: Clicks("https://t.example/a&b/c")}
    )
    link = link_id("https://shop.example/all")
    assert f'href="https://t.example/a&amp;b/c/{link}"' in made.html
    assert f"https://t.example/a&b/c/{link}" in made.text


def test_links_are_found_in_every_message_though_they_were_in_the_one_before(tmp_path: Path) -> None:
    body = "[All](https://shop.example/all) [Yours]({{ shop.url }}/p)"
    tmp_path.joinpath("news.md").write_text(f"---\nsubject: x\n---\n{body}\n")
    template = templates.load(tmp_path, "news", How(UTM, clicks=True))
    found = []
    for number in range(3):
        clicks = Clicks(f"{PREFIX}{number}")
        made = template.render(context.sample() | {"unsubscribe_url": "https://shop.example/u", COUNTED: clicks})
        assert all(f"{PREFIX}{number}/{link}" in made.html for link in clicks.found)
        found.append(clicks.found)
    assert found[0] == found[1] == found[2] != {}
