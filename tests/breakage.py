"""Break files of every kind in every way that files are broken: cut off, shuffled, wrongly encoded, half lost."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from mailflow.importers import Noun

ROWS = 12
_PEOPLE = ("ann", "bob", "zoë", "dörte", "eve", "françois", "gül", "Hana", "ívar", "jo o'neil")
_WORDS = tuple("yes|no||subscribed|Unsubscribed|NA|null|00123|+436601234567|=1+1|München|€ 5".split("|"))
_ENCODINGS = ("cp1252", "utf-8", "utf-16")
_ODD_LETTERS = "\u2028\u0085\u200b\ufeff\ufffd\x1a\x0b\x0c\x1c"
_OBJECTS = ('{"a":', "[1, 2]", '{"a": {"b": NaN}}', "\\ud800")
_NUMBERS = ("1e400", "9" * 5_000, "-0", "0x10", "١٢", "1e9")

# What each column of a sample holds: a name of a generator below, or words to choose from.
_SAMPLES: dict[Noun, dict[str, str]] = {
    Noun.CONTACTS: {
        "email": "email", "first_name": "name", "last name": "name", "phone": "phone", "country": "AT|DE|NO|",
        "newsletter": "yes|no||perhaps", "Opt-in time": "time", "Shoe size": "38|39|NA|null",
    },
    Noun.SIGNUPS: {"email": "email", "first_name": "name", "Signup date": "time", "source": "footer|fair"},
    Noun.SUPPRESSIONS: {"email": "email", "reason": "hard bounce|complaint|unsubscribed|", "date": "time"},
    Noun.ORDERS: {
        "order id": "id", "email": "email", "date": "time", "total": "amount", "currency": "EUR|USD|",
        "status": "paid|open|x|", "product": "name", "quantity": "1|2|-1|", "price": "amount",
    },
    Noun.PRODUCTS: {
        "product id": "id", "sku": "id", "title": "name", "price": "amount",
        "category": "tea|pots > blue|",
    },
    Noun.CARTS: {
        "cart id": "id", "email": "email", "status": "open|checked out|emptied", "updated at": "time",
        "value": "amount",
    },
    Noun.EVENTS: {
        "event": "visited|viewed|used", "email": "email", "timestamp": "time", "url": "url",
        "seconds": "1|20|x",
    },
    Noun.ENGAGEMENT: {"email": "email", "event": "open|click|bounce|sent", "timestamp": "time", "campaign": "name"},
    Noun.TICKETS: {
        "ticket id": "id", "email": "email", "created at": "time", "status": "open|closed|pending",
        "subject": "name",
    },
    Noun.ANSWERS: {"email": "email", "submitted at": "time", "question": "name", "answer": "name"},
    Noun.BOOKINGS: {"booking id": "id", "email": "email", "start": "time", "status": "booked|attended|no-show"},
    Noun.SOCIAL: {
        "platform": "instagram|x", "handle": "name", "type": "follow|mention", "date": "time",
        "text": "name",
    },
    Noun.OWNERS: {"email": "email", "name": "name", "phone": "phone"},
    Noun.COMPANIES: {"name": "name", "domain": "url", "industry": "tea|", "size": "1|20|many"},
    Noun.COSTS: {"date": "time", "channel": "ads|fair", "amount": "amount", "currency": "EUR|"},
}  # fmt: skip
NOUNS = tuple(_SAMPLES)


@dataclass(frozen=True, slots=True)
class Broken:
    """A broken file: what it was, what was done to it, and its records if these can be counted without its reader."""

    noun: Noun
    name: str
    content: bytes
    steps: tuple[str, ...]
    records: int | None


def make(seed: int) -> Broken:
    """Return the broken file of a seed."""
    dice = random.Random(seed)
    noun = dice.choice(NOUNS)
    header = list(_SAMPLES[noun])
    rows = [[_cell(dice, _SAMPLES[noun][name]) for name in header] for _ in range(dice.randrange(ROWS))]
    lines = dice.random() < 0.25
    text = _json_lines(header, rows) if lines else _csv(dice, header, rows)
    steps = []
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        name = dice.choice(list(_TEXT_STEPS))
        text = _TEXT_STEPS[name](dice, text)
        steps.append(name)
    encoding = dice.choice(("utf-8",) * 6 + ("utf-8-sig", "cp1252", "utf-16", "utf-16-le", "latin-1", "mac-roman"))
    content = text.encode(encoding, "replace")
    steps.append(encoding)
    whole = content
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        name = dice.choice(list(_BYTE_STEPS))
        content = _BYTE_STEPS[name](dice, content)
        steps.append(name)
    countable = content == whole and encoding in ("utf-8", "utf-8-sig", "utf-16")
    records = _count(text, json_lines=lines) if countable else None
    return Broken(noun, "file.jsonl" if lines else "file.csv", content, tuple(steps), records)


def _count(text: str, *, json_lines: bool) -> int | None:
    """Return the records of a text without quotes: its lines that are not empty, without the header."""
    lines = re.split(r"\r\n|\r|\n", text)
    if json_lines:
        return sum(1 for line in lines if line.strip())
    if '"' in text or not text.strip():
        return None
    filled = [number for number, line in enumerate(lines) if line.strip(" ,;\t|\ufeff")]
    if not filled:
        return None
    return sum(1 for line in lines[filled[0] + 1 :] if line)


def _csv(dice: random.Random, header: list[str], rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    quoting = dice.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    end = dice.choice(("\n", "\r\n"))
    writer = csv.writer(buffer, delimiter=dice.choice(",,;\t|"), lineterminator=end, quoting=quoting)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _json_lines(header: list[str], rows: list[list[str]]) -> str:
    objects = [dict(zip(header, row, strict=True)) for row in rows]
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in objects)


def _cell(dice: random.Random, kind: str) -> str:
    day = f"2026-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
    match kind:
        case "email":
            return (
                f"{dice.choice(_PEOPLE[:5])}{dice.randrange(4)}@example.com" if dice.random() > 0.05 else "no address"
            )
        case "name":
            return dice.choice((*_PEOPLE, "", "a, b", 'say "hi"', "two\nlines"))
        case "phone":
            return dice.choice(("+43 660 1234567", "0660/123", "", "x"))
        case "id":
            return dice.choice(("00123", "#1001", "7", f"{dice.randrange(30)}", "1.0"))
        case "time":
            return dice.choice((day, f"{day}T10:30:00Z", f"{day} 10:30", "31.12.2025", "03/04/2026", "", "soon"))
        case "amount":
            return dice.choice(("12.50", "1,022.50", "$7", "-3.00", "", "12,5", "0", "1e9", "9" * 30))
        case "url":
            return dice.choice(("https://shop.example/tea?a=1", "shop.example", ""))
        case _:
            return dice.choice(kind.split("|"))


def _lines_of(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _somewhere(dice: random.Random, text: str, put: str) -> str:
    at = dice.randrange(len(text) + 1)
    return text[:at] + put + text[at:]


def _changed_lines(change: Callable[[random.Random, list[str]], list[str]]) -> Callable[[random.Random, str], str]:
    return lambda dice, text: "".join(change(dice, _lines_of(text)))


def _doubled(dice: random.Random, lines: list[str]) -> list[str]:
    return lines + dice.sample(lines, k=dice.randrange(len(lines) + 1))


def _shuffled(dice: random.Random, lines: list[str]) -> list[str]:
    return dice.sample(lines, k=len(lines))


def _cut_into(dice: random.Random, lines: list[str]) -> list[str]:
    """Return the lines with one of them cut, so that the next goes on in it."""
    if not lines:
        return lines
    at = dice.randrange(len(lines))
    return [*lines[:at], lines[at][: dice.randrange(len(lines[at]) + 1)], *lines[at + 1 :]]


def _turned_columns(dice: random.Random, text: str) -> str:
    rows = [line.split(",") for line in text.split("\n")]
    order = dice.sample(range(len(rows[0])), k=len(rows[0]))
    return "\n".join(",".join(row[at] for at in order if at < len(row)) for row in rows)


def _mixed_ends(dice: random.Random, text: str) -> str:
    return re.sub(r"\r?\n", lambda _: dice.choice(("\n", "\r\n", "\r", "\n\n", "\r\r\n")), text)


_TEXT_STEPS: dict[str, Callable[[random.Random, str], str]] = {
    "cut off": lambda dice, text: text[: dice.randrange(len(text) + 1)],
    "rows doubled": _changed_lines(_doubled),
    "rows shuffled": _changed_lines(_shuffled),
    "a row cut": _changed_lines(_cut_into),
    "columns shuffled": _turned_columns,
    "line ends mixed": _mixed_ends,
    "quotes dropped": lambda dice, text: text.replace('"', "", dice.randrange(1, 20)),
    "a quote put in": lambda dice, text: _somewhere(dice, text, '"'),
    "a NUL": lambda dice, text: _somewhere(dice, text, "\0"),
    "a delimiter": lambda dice, text: _somewhere(dice, text, dice.choice(",;\t|")),
    "delimiters changed": lambda dice, text: text.replace(",", dice.choice(";\t|:"), dice.randrange(1, 60)),
    "a huge cell": lambda dice, text: _somewhere(dice, text, "x" * dice.choice((65_535, 65_537, 200_000))),
    "many cells": lambda dice, text: _somewhere(dice, text, "," * 250),
    "odd letters": lambda dice, text: _somewhere(dice, text, dice.choice(_ODD_LETTERS)),
    "a word": lambda dice, text: _somewhere(dice, text, dice.choice(_WORDS)),
    "an object": lambda dice, text: _somewhere(dice, text, dice.choice(_OBJECTS)),
    "an empty line": lambda dice, text: _somewhere(dice, text, "\n\n"),
    "a wide number": lambda dice, text: _somewhere(dice, text, dice.choice(_NUMBERS)),
}  # fmt: skip


def _flipped(dice: random.Random, content: bytes) -> bytes:
    broken = bytearray(content)
    for _ in range(dice.randrange(1, 9)):
        if broken:
            broken[dice.randrange(len(broken))] = dice.randrange(256)
    return bytes(broken)


def _lost(dice: random.Random, content: bytes) -> bytes:
    at = dice.randrange(len(content) + 1)
    return content[:at] + content[at + dice.randrange(50) :]


_BYTE_STEPS: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "bytes cut off": lambda dice, content: content[: dice.randrange(len(content) + 1)],
    "bytes flipped": _flipped,
    "bytes lost": _lost,
    "encodings mixed": lambda dice, content: content + "größer;ß,€\n".encode(dice.choice(_ENCODINGS)),
    "zeros at the end": lambda dice, content: content + b"\0" * dice.randrange(600),
}
