"""Messages as a parser reads them that we had no hand in: npm's mailparser. Every header, every value, both texts."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from hostile import TAKEN, address
from mailflow.templates import Envelope, Rendered, compose, headers
from test_templates_headers import PIECES, envelope

READER = Path(__file__).parent / "mailparser"
SCRIPTS = (
    "abcdefghij klmnop qrstuvwxyz", "äöüßéñçøłžğı ÄÖÜ", "Ωμέγα ελληνικά", "привет новый заказ", "שלום עולם",
    "مرحبا طلب جديد", "日本語の件名", "中文主题订单", "한국어 제목", "ไทยคำสั่งซื้อ", "हिन्दी आदेश", "🎉👍🏽👩‍👩‍👧‍👦🇦🇹 ",
)  # fmt: skip


@pytest.fixture(scope="module")
def reader() -> Path:
    """Return the folder of the foreign parser, its modules installed; skipped where there is no node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed (Debian: nodejs, npm): npm's mailparser reads nothing")
    if not (READER / "node_modules" / "mailparser").is_dir():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=READER, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            words = f"mailparser cannot be installed: {done.stderr.strip()[-500:]}"
            pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    return READER


def read(reader: Path, messages: list[bytes]) -> Iterator[dict[str, Any]]:
    """Yield what the foreign parser makes of each message."""
    lines = "".join(f'{{"raw": "{base64.b64encode(message).decode()}"}}\n' for message in messages)
    done = subprocess.run(
        ["node", "read.js"], cwd=reader, input=lines, capture_output=True, text=True, timeout=600, check=True
    )
    return map(json.loads, done.stdout.rstrip("\n").split("\n"))  # U+2028 ends no line here


def fuzzed(dice: random.Random) -> tuple[Rendered, Envelope]:
    """Return a message whose every text and link is made of awkward pieces."""
    subject, to_name, from_name = ("".join(dice.choices(PIECES, k=dice.randint(0, 40))) for _ in range(3))
    link = "".join(dice.choices("abcXYZ019-._~!$&'()*+,=:@/?%", k=dice.randint(1, 200)))
    rendered = Rendered(f"x{subject}", "", f"<p>{to_name}</p>", subject or "x", from_name=from_name or None)
    wanted = envelope(
        to_name=to_name,
        unsubscribe_url=f"https://shop.example/{link}",
        unsubscribe_mailto=f"mailto:bye@shop.example?subject={link}",
        list_id=f"{dice.randrange(10**9)}.shop.example",
        reply_to=dice.choice([None, "a.b+c@shop.example"]),
        auto_submitted=dice.random() < 0.5,
    )
    return rendered, wanted


def multilingual(dice: random.Random) -> tuple[Rendered, Envelope]:
    """Return a message with a subject of words of several scripts."""
    words = ("".join(dice.choices(dice.choice(SCRIPTS), k=dice.randint(1, 14))) for _ in range(dice.randint(1, 12)))
    return Rendered(" ".join(words) + ".", "", "<p>x</p>", "x"), envelope()


def assert_read_alike(reader: Path, cases: Iterator[tuple[Rendered, Envelope]]) -> None:
    while batch := list(islice(cases, 1000)):
        found = list(read(reader, [compose.build(rendered, wanted) for rendered, wanted in batch]))
        assert len(found) == len(batch)
        for (rendered, wanted), mail in zip(batch, found, strict=True):
            assert differences(rendered, wanted, mail) == []


def differences(rendered: Rendered, wanted: Envelope, mail: dict[str, Any]) -> list[object]:
    """Return (what, wanted, read) for each thing that the foreign parser reads otherwise."""
    fields = dict(compose.header_fields(rendered, wanted))
    checks: list[tuple[str, object, object]] = [
        ("names", [*(name.lower() for name in fields), "content-type"], mail["names"]),
        ("subject", headers.safe_header(rendered.subject), mail["subject"]),
        ("from", person(rendered.from_name or wanted.from_name, wanted.from_email), mail["from"]),
        ("to", person(wanted.to_name, wanted.to_email), mail["to"]),
        ("reply-to", person("", wanted.reply_to) if wanted.reply_to else None, mail["replyTo"]),
        ("message-id", f"<{wanted.message_id}>", mail["messageId"]),
        ("text", readable(rendered.text), (mail["text"] or "").rstrip("\n")),
        ("html", readable(rendered.html), (mail["html"] or "").rstrip("\n")),
    ]
    literal = [name for name in fields if name.startswith(("List-", "Auto-", "Date", "Feedback-"))]
    checks += [(name, f"{name}: {fields[name]}", mail["lines"][name.lower()]) for name in literal]
    return [check for check in checks if check[1] != check[2]]


def person(name: str, address: str | None) -> list[dict[str, str | None]]:
    return [{"name": headers.safe_phrase(name), "address": address}]


def readable(text: str) -> str:
    return compose._canonical(text).decode().rstrip("\n")


def test_two_thousand_awkward_headers_are_read_alike_by_a_foreign_parser(reader: Path) -> None:
    dice = random.Random(1)
    assert_read_alike(reader, (fuzzed(dice) for _ in range(1400)))
    assert_read_alike(reader, (multilingual(dice) for _ in range(600)))


def test_letters_full_of_hostile_data_are_read_alike_by_a_foreign_parser(reader: Path, hostile_shop: Path) -> None:
    letters = [path.read_bytes() for path in (hostile_shop / ".mailflow" / "rehearsal" / "new").iterdir()]
    found = list(read(reader, letters))
    assert len(found) == len(TAKEN)
    assert {mail["to"][0]["address"] for mail in found} == set(map(address, range(len(TAKEN))))
    for letter, mail in zip(letters, found, strict=True):
        known = message_from_bytes(letter, EmailMessage, policy=default)
        assert mail["names"] == [name.lower() for name in known]
        assert mail["subject"] == known["Subject"]
        assert [len(mail["to"]), [one["address"] for one in mail["from"]]] == [1, ["hello@quitte.example"]]
        assert [file["filename"] for file in mail["attachments"]] == ["event.ics"]
        html = known.get_body(("html",))
        assert html is not None
        assert mail["html"].rstrip() == html.get_content().replace("\r\n", "\n").rstrip()


@pytest.mark.soak
def test_fifty_thousand_awkward_headers_are_read_alike_by_a_foreign_parser(reader: Path) -> None:
    dice = random.Random(20261122)
    assert_read_alike(reader, (fuzzed(dice) for _ in range(50_000)))


@pytest.mark.soak
def test_twenty_thousand_multilingual_subjects_are_read_alike_by_a_foreign_parser(reader: Path) -> None:
    dice = random.Random(20261123)
    assert_read_alike(reader, (multilingual(dice) for _ in range(20_000)))
