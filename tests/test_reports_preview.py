"""The page of previews: nothing is loaded from anywhere, dark is dark and light is light."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pytest

import browser
from mailflow.errors import Problem, ProblemsError, UsageError
from mailflow.reports import preview_page
from mailflow.reports.preview_page import Letter

MAIL = """<!DOCTYPE html><html><head><meta name="color-scheme" content="light dark"><style>
p { color: #111111; } body { background-color: #fafafa; }
@media (prefers-color-scheme: dark) { p { color: #eeeeee !important; } body { background-color: #101010 !important; } }
@media (prefers-color-scheme:light) and (min-width: 10px) { h1 { color: #aa0000; } }
@media (max-width: 480px) and (prefers-color-scheme: dark) { h1 { color: #00bb00; } }
</style></head><body><h1>Tea</h1><p>(prefers-color-scheme: dark) are words here</p>
<a href="https://shop.example/a?x=1&amp;y=2">A <b>pot</b></a>
<a href="https://shop.example/a?x=1&amp;y=2"><img src="https://shop.example/p.png" alt="Pot"></a>
<a href="mailto:hello@shop.example">Write</a></body></html>"""


def letter(**changed: object) -> Letter:
    known: dict[str, object] = {
        "people": None, "told": (), "email": "ada@example.com", "is_sample": False,
        "from_header": "Tea <t@shop.example>",
        "subject": "Tea </title><script>alert(1)</script>", "preheader": "Fresh", "html": MAIL, "text": "Tea\n",
        "data": b"Subject: Tea\r\n\r\nTea\r\n",
    }  # fmt: skip
    return Letter(**{**known, **changed})  # type: ignore[arg-type]


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = preview_page.render("hello", [letter()])
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in page
    outside = re.sub(r'srcdoc="[^"]*"', "", page)
    assert "<script" not in outside
    assert not re.search(r"(?:src|href)=", outside)
    assert page.count('sandbox=""') == page.count("<iframe") == 2


def test_pictures_of_the_web_are_loaded_only_where_that_is_asked_for() -> None:
    assert "img-src data:;" not in preview_page.render("hello", [letter()])
    assert "1 picture of the web is not loaded here" in preview_page.render("hello", [letter()])
    page = preview_page.render("hello", [letter()], pictures=True)
    assert 'img-src data: https:"' in page
    assert "not loaded here" not in page


def test_what_a_mail_holds_cannot_leave_its_frame() -> None:
    hostile = letter(html='<p>"></iframe><script>alert(2)</script>', text="</pre><script>alert(3)</script>")
    page = preview_page.render("<b>x</b>", [hostile])
    assert "<script" not in page
    assert "<b>x</b>" not in page
    frames = [html.unescape(found) for found in re.findall(r'srcdoc="([^"]*)"', page)]
    assert all("</iframe><script>" in frame for frame in frames)


def test_each_address_is_listed_once_with_its_words_and_how_often() -> None:
    found = preview_page.links(MAIL)
    assert [(link.address, link.words, link.count) for link in found] == [
        ("https://shop.example/a?x=1&y=2", "A pot", 2),
        ("mailto:hello@shop.example", "Write", 1),
    ]


def test_size_is_held_against_what_gmail_shows() -> None:
    assert '<div class="meter">' in preview_page.render("hello", [letter()])
    large = preview_page.render("hello", [letter(html="x" * 102_001)])
    assert "102.0 KB of HTML" in large
    assert '<div class="meter over"><i style="width: 100%"></i>' in large


def test_without_a_preheader_the_inbox_shows_how_the_text_begins() -> None:
    page = preview_page.render("hello", [letter(preheader="", text="Hello\n=====\n\nWhat is new\n")])
    assert "Hello ===== What is new" in page
    assert "none: inboxes show how the text begins" in page


def test_a_mail_without_rules_for_dark_mode_says_so() -> None:
    assert "no rules for dark mode" not in preview_page.render("hello", [letter()])
    assert "no rules for dark mode" in preview_page.render("hello", [letter(html="<p>Tea</p>")])


def test_words_in_the_text_of_a_mail_stay_what_they_are() -> None:
    for scheme in ("dark", "light"):
        assert "<p>(prefers-color-scheme: dark) are words here</p>" in preview_page.in_scheme(MAIL, scheme)


def test_variants_are_listed_with_their_people_and_what_makes_them() -> None:
    page = preview_page.render("hello", [letter(people=1234, told=["if <x>"]), letter(people=0, email="b@example.com")])
    assert "1,234" in page
    assert "<li>if &lt;x&gt;</li>" in page
    assert "<b>nobody</b>b@example.com" in page
    assert page.count('name="variant"') == 2


def test_mistakes_become_a_page_with_their_places() -> None:
    error = ProblemsError([Problem("templates/hello.md", "there is no <nope>", 7, 3)])
    assert "templates/hello.md:7:3: there is no &lt;nope&gt;" in preview_page.render_error("hello", error)
    assert "gone" in preview_page.render_error("hello", UsageError("gone"))


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser here")
@pytest.mark.parametrize("is_dark", [False, True])
def test_a_browser_shows_the_dark_rules_in_the_dark_copy_only(tmp_path: Path, is_dark: bool) -> None:
    documents = {scheme: preview_page.in_scheme(MAIL, scheme) for scheme in ("light", "dark")}
    chromium = shutil.which("chromium")
    assert chromium
    wide = browser.look_at(chromium, tmp_path, documents, width=700, is_dark=is_dark)
    phone = browser.look_at(chromium, tmp_path, documents, width=375, is_dark=is_dark)

    def colours(seen: dict[str, object], scheme: str) -> dict[str, tuple[str, str]]:
        texts = seen[scheme]["texts"]  # type: ignore[index]
        return {words: (browser.channels(ink), browser.channels(ground)) for words, ink, ground in texts}

    words = "(prefers-color-scheme: dark) are words here"
    assert colours(wide, "light")[words] == ("#111111", "#fafafa")
    assert colours(wide, "dark")[words] == ("#eeeeee", "#101010")
    assert colours(wide, "light")["Tea"][0] == "#aa0000"
    assert colours(phone, "dark")["Tea"][0] == "#00bb00"
    assert colours(wide, "dark")["Tea"][0] not in ("#aa0000", "#00bb00")
