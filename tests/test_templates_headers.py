"""Header values come back as what was asked, whatever somebody's name or a subject holds."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow.errors import ConfigError
from mailflow.templates import Envelope, Rendered, compose, headers

PIECES = [
    *"abcXYZ ,.;:<>()[]@\"'\\=?_!#&*",
    *"äöüßéñçøłžğıΩжЮשלוםسلام日本語中文한국어ไทย🎉",
    "👩‍👩‍👧‍👦", "👍🏽", "e\u0301", "Ω\u0345", "🇦🇹", " ", " ", " ", "order", "Größe",
    "=?utf-8?q?a=0D=0ABcc=3A_evil=40x=2Eexample?=", "=?utf-8?b?QmNjOiBl?=", "=?x?=",
    "\r\nBcc: evil@x.example", "\x00", "\u2028", "\u202e", "\x85", "\t", "\ufeff", "\x1b[31m",
]  # fmt: skip


def envelope(**changes: object) -> Envelope:
    values: dict[str, object] = {
        "from_name": "Kleine Rösterei",
        "from_email": "news@shop.example",
        "to_name": "Anna",
        "to_email": "anna@example.com",
        "reply_to": "hello@shop.example",
        "message_id": "t0k3n@shop.example",
        "date": datetime(2026, 3, 20, 8, tzinfo=UTC),
        "list_id": "spring.shop.example",
        "unsubscribe_mailto": "mailto:bye@shop.example?subject=unsubscribe%20v1.abc.u.token." + "x" * 80,
        "unsubscribe_url": "https://mail.shop.example/v1.abc.u.token." + "y" * 80,
        "return_path": "bounces@shop.example",
    }
    return Envelope(**{**values, **changes})  # type: ignore[arg-type]


def test_two_thousand_subjects_and_names_are_read_back_without_a_difference() -> None:
    dice = random.Random(20260320)
    for _ in range(2000):
        subject, to_name, from_name = ("".join(dice.choices(PIECES, k=dice.randint(0, 40))) for _ in range(3))
        rendered = Rendered(f"x{subject}", "", "<p>x</p>", "x", from_name=from_name or None)
        wanted = envelope(to_name=to_name)
        compose.check(compose.build(rendered, wanted), rendered, wanted)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=120))
def test_an_encoded_value_decodes_to_the_safe_text(text: str) -> None:
    safe = headers.safe_header(text)
    encoded = headers.subject(safe)
    assert str(make_header(decode_header(encoded.replace("\r\n", "")))) == safe
    for line in encoded.split("\r\n"):
        assert len(line) <= 76
        assert line.isascii()
        assert line.isprintable()


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60))
def test_every_encoded_word_is_short_and_holds_whole_characters(text: str) -> None:
    for word in headers.subject("ä" + headers.safe_header(text)).split("\r\n "):
        assert len(word) <= 75
        decode_header(word)[0][0].decode("utf-8")  # type: ignore[union-attr]


def test_a_joined_emoji_is_not_torn_over_two_words() -> None:
    family = "👩‍👩‍👧‍👦"
    words = headers.subject("Grüße an euch alle" + family * 4).split("\r\n ")
    assert len(words) > 1
    assert sum(str(make_header(decode_header(word))).count(family) for word in words) == 4


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\r\nBcc: b", "a Bcc: b"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("\x00a\x07b\x9fc", "abc"),
        ("\u202eabc\u2066", "abc"),
        ("  tight  ", "tight"),
        ("e\u0301", "é"),
        ("plain", "plain"),
        ("\ud800x", "x"),
    ],
)
def test_safe_header_keeps_the_words_and_drops_what_steers(text: str, safe: str) -> None:
    assert headers.safe_header(text) == safe


def test_ascii_stays_readable() -> None:
    assert headers.subject("Your tea is ready") == "Your tea is ready"
    assert headers.mailbox("Ann O'Neil", "ann@example.com") == "Ann O'Neil <ann@example.com>"
    assert headers.mailbox("Berg, Ann", "ann@example.com") == '"Berg, Ann" <ann@example.com>'
    assert headers.mailbox('A "B" \\', "ann@example.com") == '"A \\"B\\" \\\\" <ann@example.com>'
    assert headers.mailbox("", "ann@example.com") == "ann@example.com"


def test_a_long_ascii_subject_folds_at_spaces_and_loses_none() -> None:
    text = "word " * 40 + "end"
    folded = headers.subject(text)
    assert "\r\n " in folded
    assert folded.replace("\r\n", "") == text


@pytest.mark.parametrize("length", [66, 67, 68, 75, 76, 90])
def test_no_line_of_a_subject_is_longer_than_76_with_its_name(length: int) -> None:
    for text in ("w" * length, "w" * length + " end", "a " + "w" * length):
        lines = f"Subject: {headers.subject(text)}".split("\r\n")
        assert max(map(len, lines)) <= 76
        assert str(make_header(decode_header("".join(lines).removeprefix("Subject: ")))) == text


@pytest.mark.parametrize("length", [10, 70, 200, 450])
def test_list_unsubscribe_is_literal_and_on_one_line_at_any_length(length: int) -> None:
    url = "https://mail.shop.example/" + "t" * (length - 26 if length > 26 else 1)
    data = compose.build(
        Rendered("x", "", "<p>x</p>", "x"), envelope(unsubscribe_url=url, unsubscribe_mailto="bye@shop.example")
    )
    assert f"\r\nList-Unsubscribe: <mailto:bye@shop.example>, <{url}>\r\n".encode() in data
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in data


def test_without_an_https_link_one_click_is_not_promised() -> None:
    data = compose.build(Rendered("x", "", "<p>x</p>", "x"), envelope(unsubscribe_url=None))
    assert b"List-Unsubscribe: <mailto:" in data
    assert b"List-Unsubscribe-Post" not in data


@pytest.mark.parametrize(
    "changes",
    [
        {"to_email": "a@b.example>\r\nBcc: c@d.example"},
        {"to_email": "=?utf-8?q?x?=@b.example"},
        {"to_email": "jürgen@example.com"},
        {"from_email": "a b@example.com"},
        {"reply_to": "x@y.example, z@y.example"},
        {"message_id": "a b@shop.example"},
        {"message_id": "a>\r\nBcc: x@shop.example"},
        {"list_id": "a\nb"},
        {"unsubscribe_url": "http://shop.example/u"},
        {"unsubscribe_url": "https://shop.example/u\r\nBcc: x"},
        {"unsubscribe_mailto": "x@y.example>,<mailto:z@y.example"},
        {"feedback_id": "a:b c"},
    ],
)
def test_an_address_or_link_that_could_break_a_header_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        compose.build(Rendered("x", "", "<p>x</p>", "x"), envelope(**changes))


def test_dates_are_english_and_utc_anywhere() -> None:
    vienna = datetime(2026, 3, 20, 9, 5, 7, tzinfo=timezone(timedelta(hours=1)))
    assert headers.date(vienna) == "Fri, 20 Mar 2026 08:05:07 +0000"


def test_an_empty_subject_is_not_sent() -> None:
    with pytest.raises(ConfigError, match="subject"):
        compose.build(Rendered("\x00 ", "", "<p>x</p>", "x"), envelope())
