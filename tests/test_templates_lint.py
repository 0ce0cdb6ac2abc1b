"""Each offline check of a message, with a bad case that it finds and a good one that it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailflow.jobs.lint.deadlines import Deadlines
from mailflow.templates import Envelope, Rendered, compose
from mailflow.templates.lint import fields, links, scarce, wire, wording
from mailflow.templates.lint.checks import CHECKS, Severity
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.message import Inspector
from mailflow.templates.lint.places import Place, Places
from mailflow.templates.lint.spoken import Spoken, Texts
from mailflow.templates.lint.wording import Wording

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta name="color-scheme" content="light dark"><title>Tea</title>{head}</head>
<body style="background-color: #fffffe; color: #222222">
<p>{filler}</p>
{body}
</body></html>"""
FILLER = "There are new teas on the second shelf from the left, and we would like you to try them. " * 4
PREHEADER = "Three new teas that came in this week, and one old one."
READER = {"email": "anna.lee@mail.example", "phone": "+43 1 555 01 23"}
HOSTS = Hosts(own=("quitte.example",), is_file=lambda path: path == "assets/logo.png")
PICTURE = '<img src="https://quitte.example/a.png" alt="A cup" width="200">'


def spoken(text: str) -> Spoken:
    """Return what a message with a text part says."""
    return Texts(Wording([], "")).look(Rendered("Tea", PREHEADER, "", text), READER["email"])


def codes(body: str = "", *, head: str = "", filler: str = FILLER, **said: str) -> set[str]:
    """Return the codes that a page with this body is found to have."""
    html = PAGE.format(head=head, body=body, filler=filler)
    rendered = Rendered(
        said.get("subject", "New teas"), said.get("preheader", PREHEADER), html, said.get("text", FILLER)
    )
    words = Wording(["cheap", "last chance"], "None of us")
    found = [*Texts(words).look(rendered, READER["email"]).faults, *Inspector(words, HOSTS).look(rendered, READER)]
    return {each.code for each in found}


@pytest.mark.parametrize(
    ("code", "bad", "good"),
    [
        ("L103", "<p>Hi {{ name }}</p>", "<p>Hi Anna</p>"),
        ("L103", "<p>Hi *|FNAME|*</p>", "<p>5 * 3 | 2</p>"),
        ("L103", "<p>Caf&amp;eacute;</p>".replace("eacute", "auml"), "<p>Q&amp;A</p>"),
        ("L104", "<p>Your tea is nan.</p>", "<p>Your tea is Nanking.</p>"),
        ("L104", "<p>Hi None, how are you?</p>", "<p>And None of us knew, None of <b>us</b>.</p>"),
        ("L104", "<p>Your tea is undefined</p>", "<p>None of us knew.</p>"),
        ("L105", "<p>Hi ,</p>", "<p>Hi Anna,</p>"),
        ("L105", "<p>Dear ,</p>", "<p>Dear all,</p>"),
        ("L105", "<p>Welcome, !</p>", "<p>Welcome, you!</p>"),
        ("L105", "<p>Thank you, , for coming.</p>", "<p>Well, ... thank you, :) really.</p>"),
        ("L105", "<p>Dear Dr. ,</p>", "<p>Dear Dr. Lee,</p>"),
        ("L105", "<p>Your code ( ) is here</p>", "<p>Your code (A) is here</p>"),
        ("L106", "<p>It is Cheap.</p>", "<p>It is cheapish.</p>"),
        ("L106", "<p>The last\nchance.</p>", "<p>The last of its kind.</p>"),
        ("L107", "<p>Gr\u00c3\u00bc\u00c3\u0178e</p>", "<p>Grüße aus Ãngela</p>"),
        ("L301", '<a href="http://quitte.example/">Tea</a>', '<a href="https://quitte.example/">Tea</a>'),
        ("L302", '<a href="https://bit.ly/x">Tea</a>', '<a href="https://habit.ly/x">Tea</a>'),
        ("L303", '<a href="https://192.0.2.1/">Tea</a>', '<a href="https://192.example/">Tea</a>'),
        ("L304", '<a href="https://evil.example/">https://quitte.example/pay</a>',
         '<a href="https://www.quitte.example/pay">quitte.example/pay</a>'),
        ("L304", '<a href="https://evil.example/"><b>www.bank.com</b></a>', '<a href="https://e.example/">list.pdf</a>'),
        ("L304", '<a href="mailto:a@evil.example">hello@quitte.example</a>',
         '<a href="mailto:shop@quitte.example?subject=Tea">hello@quitte.example</a>'),
        ("L304", '<a href="https://evil.example/">hello@quitte.example</a>',
         '<a href="https://quitte.example/contact">hello@quitte.example</a>'),
        ("L305", '<a href="https://localhost:8000/">Tea</a>', '<a href="https://quitte.example:8000/">Tea</a>'),
        ("L305", '<a href="https://intranet/tea">Tea</a>', '<a href="https://intranet.quitte.example/tea">Tea</a>'),
        ("L305", '<a href="/tea">Tea</a>', '<a href="mailto:hello@quitte.example">Tea</a>'),
        ("L305", '<a href="#below">Tea</a>', '<a href="#below">Tea</a><p id="below">Here</p>'),
        ("L305", '<a href="">Tea</a>', '<a href="tel:+4315550123">Call</a>'),
        ("L305", '<a href="assets/logo.png">Tea</a>', '<a href="https://quitte.example/assets/logo.png">Tea</a>'),
        ("L306", '<a href="https://quitte.example/?e=anna.lee@mail.example">Tea</a>', "<p>anna.lee@mail.example</p>"),
        ("L306", '<a href="https://quitte.example/?e=anna.lee%40mail.example">Tea</a>',
         '<a href="https://quitte.example/?k=a1b2">Tea</a>'),
        ("L306", '<a href="https://quitte.example/?p=4315550123">Tea</a>', '<a href="tel:+4315550123">Call</a>'),
        ("L307", '<img src="https://spy.example/o.gif" alt="" width="1" height="1">',
         '<img src="https://quitte.example/o.gif" alt="" width="1" height="1">'),
        ("L307", '<a href="https://spy.example/v1.k1.u.abcdef.0123456789abcdef01">Tea</a>',
         '<a href="https://quitte.example/v1.k1.u.abcdef.0123456789abcdef01">Tea</a>'),
        ("L308", '<a href="javascript:go()">Tea</a>', '<a href="sms:+43155">Tea</a>'),
        ("L401", '<img src="https://quitte.example/a.png" width="200">', PICTURE),
        ("L402", '<img src="https://quitte.example/a.png" alt="" width="200">', PICTURE),
        ("L403", '<img src="https://quitte.example/a.png" alt="A cup">', PICTURE),
        ("L404", "<script>go()</script>", "<p>script</p>"),
        ("L404", '<form action="https://quitte.example/"></form>', "<p>form</p>"),
        ("L405", '<p onmouseover="go()">Tea</p>', '<p title="on it">Tea</p>'),
        ("L406", '<p style="display: flex">Tea</p>', '<p style="display: block">Tea</p>'),
        ("L406", '<p style="width: calc(100% - 2px)">Tea</p>', '<p style="width: 100%">Tea</p>'),
        ("L406", "<video></video>", "<p>video</p>"),
        ("L406", '<img src="data:image/png;base64,AA" alt="A" width="9">', PICTURE),
        ("L408", PICTURE * 31, PICTURE * 3),
        ("L409", f"<p>{'word ' * 17_000}</p>", f"<p>{'word ' * 9_000}</p>"),
        ("L410", f"<p>{'word ' * 22_000}</p>", f"<p>{'word ' * 17_000}</p>"),
        ("L414", '<p style="color: #cccccc">Pale</p>', '<p style="color: #555555">Dark</p>'),
        ("L414", '<p style="color: #999999; font-size: 20px">Pale</p>',
         '<p style="color: #8a8a8a; font-size: 30px">Large</p>'),
        ("L416", '<p style="color: #000; background: #fff">Hard</p>',
         '<p style="color: #111; background: #fff">Soft</p>'),
    ],
)  # fmt: skip
def test_check_finds_the_bad_and_leaves_the_good(code: str, bad: str, good: str) -> None:
    assert code in codes(bad)
    assert code not in codes(good)


@pytest.mark.parametrize(
    ("code", "bad", "good"),
    [
        ("L201", "A very long subject that goes on and on until nobody sees its end", "A" * 60),
        ("L202", "🔥 New teas 🔥", "New teas 🍵"),
        ("L203", "New\u200b teas", "Neue Tees für dich"),
        ("L204", "Fwd: New teas", "Reading: new teas"),
        ("L204", "RE: New teas", "Recipe: new teas"),
        ("L205", "NEW TEAS ARE HERE", "New TEAS are here"),
        ("L205", "New teas!!", "New teas!"),
        ("L213", PREHEADER, "New teas"),
    ],
)
def test_subject(code: str, bad: str, good: str) -> None:
    assert code in codes(subject=bad)
    assert code not in codes(subject=good)


@pytest.mark.parametrize(("code", "preheader"), [("L211", ""), ("L212", "Look!"), ("L212", "on and on " * 15)])
def test_preheader(code: str, preheader: str) -> None:
    assert code in codes(preheader=preheader)
    assert code not in codes(preheader=PREHEADER)


def test_a_mail_of_pictures_needs_words() -> None:
    assert "L407" in codes(PICTURE, text="[A cup] (https://quitte.example/)", filler="")
    assert "L407" not in codes(PICTURE)


def test_the_page_says_language_title_and_dark_mode() -> None:
    bare = Rendered("New teas", PREHEADER, f"<html><head></head><body><p>{FILLER}</p></body></html>", FILLER)
    found = {each.code for each in Inspector(Wording([], ""), HOSTS).look(bare, READER)}
    assert {"L411", "L412", "L413"} <= found
    assert not {"L411", "L412", "L413"} & codes()


def test_text_has_to_be_readable_in_dark_mode_too() -> None:
    rule = (
        "<style>@media (prefers-color-scheme: dark) {{ .card {{ background-color: #111111 !important; {0} }} }}</style>"
    )
    body = '<div class="card" style="background-color: #ffffff; color: #222222"><p>Tea</p></div>'
    assert "L415" in codes(body, head=rule.format(""))
    assert "L415" not in codes(body, head=rule.format("color: #eeeeee !important;"))


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        (".card > p", True),
        (".card>p", True),
        ("body > .card > p", True),
        ("body .card > p", True),
        ("html > p", False),
        ("body > p", False),
        (".card > .card p", False),
        ("> p", False),
        (".card + p", False),
    ],
)
def test_dark_rules_for_children_hold_for_children_only(selector: str, holds: bool) -> None:
    """The shipped layout for MJML names its content so."""
    sheet = f"<style>@media (prefers-color-scheme: dark) {{ {selector} {{ color: #111111 !important }} }}</style>"
    body = '<div class="card"><p style="background-color: #111112">Tea</p></div>'
    light = body.replace("#111112", "#111112; color: #eeeeee")
    assert ("L415" in codes(light, head=sheet)) is holds


def test_a_style_sheet_that_is_not_read_is_told() -> None:
    online = '<link rel="stylesheet" href="https://fonts.example/css?family=Tea">'
    page = (
        f"<html><head>{online}\n<!-- <link rel='stylesheet' href='old.css'> -->\n<link rel=stylesheet href='tea.css'>"
    )
    ((found, place),) = fields.sheets_left_out({"templates/t.html": page})
    assert (found.code, found.about, place.line, found.remedy) == (
        "L404",
        "tea.css",
        3,
        "Put what is in it into <style>",
    )
    assert "L406" in codes(head=online)


def test_text_in_a_cell_without_size_is_looked_at() -> None:
    """As MJML builds every text."""
    cell = '<table><tr><td style="font-size: 0px">{0}</td></tr></table>'
    assert "L414" in codes(cell.format('<div style="font-size: 13px; color: #999999">Tea</div>'))
    assert "L414" not in codes(cell.format('<div style="color: #999999">Tea</div>'))


def test_colours_are_told_once_for_light_and_dark() -> None:
    rule = "<style>@media (prefers-color-scheme: dark) { .card { background-color: #22bc66 !important } }</style>"
    body = '<div class="card" style="background-color: #22bc66; color: #ffffff">Buy</div>'
    assert codes(body, head=rule) & {"L414", "L415"} == {"L414"}


@pytest.mark.parametrize(
    ("style", "seen"),
    [
        ("font-size:26px", True),
        ("font:700 20px/1.5 Arial", True),
        ("font:400 26px Arial", True),
        ("font-size:1.7em", True),
        ("font-size:20px", False),
        ("font-size:1..5em", False),
        ("font-size:.px", False),
        ("font-size:2.5.3px", False),
    ],
)
def test_large_text_needs_less_contrast_however_its_size_is_written(style: str, seen: bool) -> None:
    bold = ";font-weight:700" if "700" in style else ""
    body = f"<p style='color:#888888;background:#ffffff;{style}{bold}'>Hello there.</p>"
    assert ("L414" not in codes(body)) is seen


@pytest.mark.parametrize(
    ("link", "is_told"),
    [
        ('<a href="{0}">Unsubscribe</a>', False),
        ('<a href="{0}"><b>Unsubscribe</b></a>', False),
        ('<a href="{0}"><img src="https://quitte.example/out.png" alt="Unsubscribe" width="9"></a>', False),
        ('<a href="{0}"></a>', True),
        ('<a href="{0}"> </a> Unsubscribe', True),
        ('<a href="{0}" style="font-size: 0">Unsubscribe</a>', True),
        ('<div style="display: none"><a href="{0}">Unsubscribe</a></div>', True),
        ('<a href="{0}"></a> <a href="{0}">Unsubscribe</a>', False),
    ],
)
def test_the_way_out_has_to_be_seen(link: str, is_told: bool) -> None:
    page = link.format("https://quitte.example/v1.k1.u.abcdef.0123456789abcdef01")
    assert ("L512" in codes(f"<p>{page}</p>")) is is_told


def test_a_contrast_is_not_rounded_up() -> None:
    page = PAGE.format(head="", body='<p style="background-color: #222222; color: #888888">Tea</p>', filler=FILLER)
    (found,) = Inspector(Wording([], ""), HOSTS).look(Rendered("New teas", PREHEADER, page, FILLER), READER)
    assert found.message.endswith("a contrast of 4.4, not 4.5")


def test_what_is_for_outlook_alone_is_left_alone() -> None:
    """As MJML writes heroes and buttons."""
    vml = '<v:image style="position:absolute;z-index:-3" src="https://quitte.example/h.jpg" xmlns:v="urn:vml" />'
    assert codes(f"<!--[if mso | IE]>{vml}<![endif]-->") == set()
    assert "L301" in codes(f"<!--[if mso | IE]>{vml.replace('https', 'http')}<![endif]-->")
    assert codes(head="<!--[if mso]><noscript><xml></xml></noscript><![endif]-->") == set()


def test_emoji_of_several_parts_is_one_sign() -> None:
    assert wording.visible("👩‍👩‍👧 für Zoë") == 9


def test_a_clean_page_has_no_findings() -> None:
    assert codes(PICTURE) == set()


def test_an_address_with_capitals_is_found_in_a_link() -> None:
    for link in (
        "https://quitte.example/?e=Anna.Lee@Mail.example",
        "https://quitte.example/?e=anna.lee%40mail.example",
    ):
        html = PAGE.format(head="", body=f'<a href="{link}">Tea</a>', filler=FILLER)
        reader = {"email": "Anna.Lee@Mail.example"}
        found = Inspector(Wording([], ""), HOSTS).look(Rendered("New teas", PREHEADER, html, FILLER), reader)
        assert [each.code for each in found] == ["L306"]


def test_what_only_one_person_has_is_found_after_a_thousand_without_it() -> None:
    inspector = Inspector(Wording([], ""), HOSTS)
    for number in range(1000):
        html = PAGE.format(head="", body=f"<p>Hi Person {number},</p>", filler=FILLER)
        assert inspector.look(Rendered("New teas", PREHEADER, html, FILLER), READER) == []
    html = PAGE.format(head="", body="<p>Hi nan,</p>", filler=FILLER)
    assert [each.code for each in inspector.look(Rendered("New teas", PREHEADER, html, FILLER), READER)] == ["L104"]


TODAY = datetime(2026, 3, 20, tzinfo=UTC).date()


@pytest.mark.parametrize(
    ("code", "text", "ends"),
    [
        ("L601", "Today only: five euros.", None),
        ("L601", "Nur noch heute: fünf Euro.", None),
        ("L601", "Letzte Chance!", None),
        ("L601", "Five euros until 30 June 2026.", "2026-08-31"),
        ("L604", "Hurry up, there is no time to lose.", None),
        ("L604", "Nur noch wenige Stunden.", None),
        ("L604", "Now hurry.", None),
        ("L601", "Five euros until Friday.", "2026-08-31"),
    ],
)
def test_hurry_needs_a_deadline(code: str, text: str, ends: str | None) -> None:
    last = datetime.fromisoformat(ends).date() if ends else None
    found = Deadlines().look(spoken(text), (TODAY, last))
    assert [each.code for each in found] == [code]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("Today only: five euros.", "2026-03-20"),
        ("Until 31 August 2026.", "2026-08-31"),
        ("Closed until 6 April.", None),
        ("There is no need to hurry. You do not have to hurry.", None),
        ("Come by until Friday.", None),
        ("Closed until 6 April.", "2026-08-31"),
    ],
)
def test_a_true_deadline_is_left_alone(text: str, ends: str | None) -> None:
    last = datetime.fromisoformat(ends).date() if ends else None
    assert Deadlines().look(spoken(text), (TODAY, last)) == []


LINK = "https://quitte.example/u/token1"
RENDERED = Rendered(
    "New teas", PREHEADER, f'<p>1 Long Lane</p><a href="{LINK}">Unsubscribe</a>', f"1 Long Lane\nUnsubscribe: {LINK}"
)
ASKED = wire.Asked(
    domain="quitte.example",
    subject="New teas",
    address="1 Long Lane",
    unsubscribe_hosts=("quitte.example",),
    is_token=lambda token: token == "token1",
)


def message(rendered: Rendered = RENDERED, **said: Any) -> bytes:
    """Return the bytes of a sound message, or of one whose envelope says something else."""
    values: dict[str, Any] = {
        "from_name": "Quitte", "from_email": "hello@quitte.example", "to_name": "Anna", "to_email": "anna@mail.example",
        "reply_to": "tea@quitte.example", "message_id": "abc@quitte.example", "date": datetime(2026, 3, 20, tzinfo=UTC),
        "list_id": "news.quitte.example", "unsubscribe_mailto": None, "unsubscribe_url": LINK,
        "return_path": "hello@quitte.example", "feedback_id": "a:b:c:quitte1", **said,
    }  # fmt: skip
    return compose.build(rendered, Envelope(**values))


def found_in(data: bytes) -> set[str]:
    return {found.code for found in wire.check(data, ASKED)}


def test_a_sound_message_has_no_findings() -> None:
    assert found_in(message()) == set()


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("L501", message(from_email="hello@elsewhere.example")),
        ("L501", message().replace(b"From: ", b"From: x@quitte.example\r\nFrom: ", 1)),
        ("L502", message().replace(b"Reply-To: tea@quitte.example", b"Reply-To: nobody at all")),
        ("L503", message(message_id="abc@elsewhere.example")),
        ("L504", message().replace(b"Date: ", b"X-Date: ", 1)),
        ("L505", message().replace(b"Subject: New teas", b"Subject: Old teas")),
        ("L506", message().replace(b"List-Unsubscribe: ", b"X-Unsubscribe: ", 1)),
        ("L506", message(unsubscribe_url="https://elsewhere.example/u/token1")),
        ("L506", message(unsubscribe_url="https://quitte.example/u/token2")),
        ("L506", message().replace(f"<{LINK}>".encode(), b"=?utf-8?q?=3Chttps=3A=3E?=")),
        ("L507", message().replace(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b"")),
        ("L507", message().replace(b"=One-Click", b"=OneClick")),
        ("L508", message(list_id=None)),
        ("L508", message().replace(b"<news.quitte.example>", b"news")),
        ("L509", message(feedback_id="a:b:c:anna@mail.example")),
        ("L509", message(feedback_id="only-one")),
        ("L510", b"DKIM-Signature: v=1; d=quitte.example; h=from:subject; b=x\r\n" + message()),
        ("L511", message(Rendered("New teas", PREHEADER, f'<a href="{LINK}">x</a>', f"1 Long Lane {LINK}"))),
        ("L512", message(Rendered("New teas", PREHEADER, "<p>1 Long Lane</p>", f"1 Long Lane {LINK}"))),
        ("L513", message(Rendered("New teas", PREHEADER, RENDERED.html, ""))),
        ("L514", message().replace(b"charset=utf-8", b"charset=latin-1")),
        ("L514", message().replace(b"quoted-printable", b"8bit")),
        ("L514", message() + b"x" * 1200),
        ("L514", message().replace(b"\r\n", b"\n")),
        ("L515", message(Rendered("New teas", PREHEADER, RENDERED.html + "x" * 11_000_000, RENDERED.text))),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_bytes_that_are_wrong_are_told(code: str, data: bytes) -> None:
    assert code in found_in(data)


def test_a_signature_that_covers_both_is_enough() -> None:
    signed = b"DKIM-Signature: v=1; h=from:list-unsubscribe:list-unsubscribe-post; b=x\r\n" + message()
    assert found_in(signed) == set()


def test_a_free_mail_provider_cannot_be_the_sender() -> None:
    data = message(from_email="shop@gmail.com", message_id="a@gmail.com")
    asked = wire.Asked(domain="gmail.com", subject="New teas", unsubscribe_hosts=("quitte.example",))
    assert "L501" in {found.code for found in wire.check(data, asked)}


def test_a_fault_is_placed_where_its_text_stands_else_on_the_line_most_like_it() -> None:
    files = {"templates/a.md": "one\nHi {{ name }},\nsee\nthis thing\n", "mailflow:b.html": "Hi there"}
    places = Places("templates/a.md", files)
    assert places.find(("see this",)) == Place("templates/a.md", 3, 1)
    assert places.find(("nowhere", "Hi nan, it is we")) == Place("templates/a.md", 2)
    assert places.find(()) == Place("templates/a.md")


def test_a_picture_of_the_folder_is_placed_where_the_template_names_it() -> None:
    files = {"templates/a.md": "![Bread](img/dark rye.png)\n![Roll](roll.png)", "mailflow:b.html": "<img src=x>"}
    places = Places(
        "templates/a.md",
        {**files, "templates/assets/roll.png": "ab" * 32, "templates/assets/img/dark rye.png": "cd" * 32},
    )
    assert places.find((f"cid:{'ab' * 12}@mailflow", "<img")) == Place("templates/a.md", 2, 9)
    assert places.find(("https://shop.example/mail/img/dark%20rye.png", "<img")) == Place("templates/a.md", 1, 10)


def test_every_check_has_a_code_a_severity_and_something_to_do() -> None:
    assert all(check.severity in Severity and check.about and check.remedy for check in CHECKS.values())
    assert len({check.name for check in CHECKS.values()}) == len(CHECKS)


def test_hosts_are_read_from_addresses() -> None:
    assert links.host_of("https://Quitte.example:443/x") == "quitte.example"
    assert links.host_of("https://[broken") == ""


@pytest.mark.parametrize(
    ("text", "stocks", "is_true"),
    [
        ("Only 3 left!", [3], True),
        ("Only 3 left in stock", [2, 40], True),
        ("Only 3 left!", [40], False),
        ("Only 3 left!", [], False),
        ("Nur noch 5 Stück auf Lager.", [5], True),
        ("Nur noch 5 Stück auf Lager.", [6], False),
        ("Almost sold out", [10], True),
        ("Fast ausverkauft", [11], False),
        ("17 people are looking at this", [1], False),
        ("Plus que 2 en stock", [2], True),
        ("Bijna uitverkocht", [], False),
    ],
)
def test_little_that_is_left_has_to_be_in_stock(text: str, stocks: list[int], is_true: bool) -> None:
    (claim,) = scarce.claims(f"Tea for you. {text} Hurry slowly.")
    assert claim.is_true(stocks) is is_true
    assert claim.words in text


@pytest.mark.parametrize(
    "text",
    [
        "He has 3 left feet when he dances.",
        "Only 3 days left",
        "The first batch is sold out.",
        "It takes 3 left turns to get here; only 3 of us came.",
        "Wir haben nur noch 3 Wochen Zeit und sehen uns bald.",
    ],
)
def test_what_speaks_of_no_stock_is_left_alone(text: str) -> None:
    assert list(scarce.claims(text)) == []
