"""The bytes of a message: right for every parser, within every limit."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow.templates import Rendered, compose
from test_templates_headers import envelope

RENDERED = Rendered("Grüße", "", "<p>Größe = 3 …</p>\n", "Größe = 3 …\n")


def bodies(data: bytes) -> list[str]:
    return [part.get_content().replace("\r\n", "\n") for part in message_from_bytes(data, policy=default).iter_parts()]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=400), st.text(max_size=400))
def test_any_text_is_read_back_and_no_line_is_too_long(text: str, html: str) -> None:
    rendered = replace(RENDERED, text=text, html=html)
    data = compose.build(rendered, envelope())
    compose.check(data, rendered, envelope())
    body = data.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76


@pytest.mark.parametrize(
    "text",
    [
        "x" * 500, "=" * 300, "ü" * 300, " \n" * 20, "tab\t\nblank \n", ".\n..\n.a\n", "From here\nFrom there",
        "a\rb\r\nc\n", "\x00\x07\x1b[31m", "日本語" * 100,
        "a=\n=b", "\ud800 alone", "\u2028\x85", "", "--=_t0k3n\n--=_t0k3n--\n",
    ],
)  # fmt: skip
def test_awkward_texts_survive(text: str) -> None:
    rendered = replace(RENDERED, text=text)
    data = compose.build(rendered, envelope())
    compose.check(data, rendered, envelope())
    assert not re.search(rb"(?m)^From ", data.partition(b"\r\n\r\n")[2])
    assert len(bodies(data)) == 2


def test_mostly_foreign_text_takes_base64_and_the_rest_stays_readable() -> None:
    html = "<p>Größe = 3</p>\n" + "<p>plain</p>\n" * 5
    data = compose.build(replace(RENDERED, text="これは日本語の本文です。" * 20, html=html), envelope())
    text_part, html_part = data.split(b"--=_t0k3n\r\n")[1:]
    assert b"base64" in text_part
    assert b"quoted-printable" in html_part
    assert b"<p>Gr=C3=B6=C3=9Fe =3D 3" in html_part


def test_headers_stand_once_in_order() -> None:
    names = message_from_bytes(compose.build(RENDERED, envelope()), policy=default).keys()
    assert names == [
        "Date", "From", "To", "Reply-To", "Subject", "Message-ID", "List-ID", "List-Unsubscribe",
        "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
    ]  # fmt: skip


def test_the_same_message_is_the_same_bytes() -> None:
    assert compose.build(RENDERED, envelope()) == compose.build(RENDERED, envelope())


def test_check_finds_a_header_that_was_not_asked_for() -> None:
    data = compose.build(RENDERED, envelope()).replace(b"\r\nSubject:", b"\r\nBcc: e@x.example\r\nSubject:")
    with pytest.raises(compose.WireError, match="Bcc"):
        compose.check(data, RENDERED, envelope())


@pytest.mark.parametrize(
    "change", [(b"anna@", b"hanna@"), (b"=C3=B6", b"oe"), (b"\r\n", b"\n"), (b"List-ID: <", b"List-ID: <x")]
)
def test_check_finds_what_was_changed(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(compose.WireError):
        compose.check(compose.build(RENDERED, envelope()).replace(*change), RENDERED, envelope())


def test_a_template_may_name_its_own_sender_and_reply_address() -> None:
    data = compose.build(replace(RENDERED, from_name="Mira", reply_to="mira@shop.example"), envelope())
    message = message_from_bytes(data, policy=default)
    assert message["From"].addresses[0].display_name == "Mira"
    assert message["Reply-To"] == "mira@shop.example"
