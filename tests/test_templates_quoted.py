"""Quoted-printable piece by piece decodes to the text, whatever the pieces are and whoever's came before."""

from __future__ import annotations

import quopri
import random

from mailflow.templates.quoted import LINE, Pieces, encode

STATIC = compile("a = 'Hello \\n'; b = ('From here\\n', 'x' * 3); c = 'Grüße = alle '", "", "exec")
PARTS = [
    "From ",
    "F",
    ".",
    "=",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\x00",
    "\x7f",
    "é",
    "語",
    "\ud800",
    "a" * 70,
    "word ",
    "=20",
    "-",
]


def text_of(chance: random.Random) -> str:
    return "".join(chance.choices(PARTS, k=chance.randint(1, 12)))


def canonical(text: str) -> str:
    data = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in data if letter >= " " or letter in "\t\n")


def decoded(wire: bytes) -> str:
    lines = wire.split(b"\r\n")
    assert max(map(len, lines)) <= LINE
    assert not any(line.startswith(b"From ") or line.endswith((b" ", b"\t")) for line in lines)
    return quopri.decodestring(wire.replace(b"\r\n", b"\n")).decode("utf-8")


def test_any_pieces_in_any_order_read_as_the_text_that_they_make() -> None:
    chance, known = random.Random(5), Pieces(STATIC)
    for _ in range(4000):
        texts = [text_of(chance) for _ in range(chance.randint(1, 6))]
        texts = [text for text in texts if not text.endswith("\r")]  # half of a line end is no piece of a template
        wire = known.encoded(texts, "").wire
        assert decoded(wire).removesuffix("\n") == canonical("".join(texts)).removesuffix("\n")


def test_a_whole_text_reads_as_it_was() -> None:
    chance = random.Random(6)
    for _ in range(2000):
        text = canonical(text_of(chance)) + "\n"
        assert decoded(encode(text.encode("utf-8"))) == text


def test_a_form_does_not_depend_on_what_was_encoded_before() -> None:
    chance, used = random.Random(7), Pieces(STATIC)
    texts = [text_of(chance) for _ in range(9000)]
    first = [used[text] for text in texts]
    assert [Pieces(STATIC)[text] for text in texts[:200]] == first[:200] == [used[text] for text in texts[:200]]
