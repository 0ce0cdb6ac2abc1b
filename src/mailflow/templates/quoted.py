"""Quoted-printable (RFC 2045 section 6.7) piece by piece: what a template says to everybody is encoded once.

Jinja hands a template's own words out as the very same strings for every person, so their encoded form is looked up;
that of values which come again, too. Every piece begins a line of its own and ends in a soft line break: then no form
depends on what stands before it. That costs three bytes a piece, and takes a tenth of the time of encoding the whole.
The bytes around it: compose.py.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType

LINE = 76  # of an encoded line, its soft line break included
_ROOM = LINE - 5  # of text on a line, so that an F at its start and a blank at its end can still be written as three
_SOFT = "=\r\n"
_KEPT, _KEPT_LENGTH = 4096, 512  # values that are kept, and their characters
CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text with its quoted-printable form. `text` is the very object that the form was made of."""

    text: str
    wire: bytes


class Pieces(dict[str, bytes]):
    """What the parts of one template hand out, by text: its own strings beforehand, values as they come."""

    def __init__(self, *codes: CodeType) -> None:
        super().__init__((text, _piece(text).encode("ascii")) for code in codes for text in _constants(code))
        self._room = len(self) + _KEPT

    def __missing__(self, text: str) -> bytes:
        piece = _piece(text).encode("ascii")
        if len(text) <= _KEPT_LENGTH:
            if len(self) >= self._room:  # by then most are values of one person each
                for old in list(self)[self._room - _KEPT :]:
                    self.pop(old, None)  # another thread may have been here
            self[text] = piece
        return piece

    def encoded(self, pieces: Iterable[str], text: str) -> Encoded:
        """Return `text`, which is these pieces joined, with its form."""
        found = [*map(self.__getitem__, pieces)]
        if next(filter(None, reversed(found)), b"").endswith(b"=\r\n"):
            found.append(b"\r\n")
        return Encoded(text, b"".join(found))


def encode(data: bytes) -> bytes:
    r"""Return UTF-8 with `\n` line ends, without control characters, in quoted-printable with CRLF."""
    wire = binascii.b2a_qp(data, istext=True)
    # There is no room for two characters more in its lines; and a blank at the end of one takes room that it has not.
    blanks = b"=20\n" in wire or b"=09\n" in wire
    is_long = blanks and max(map(len, wire.split(b"\n"))) > LINE
    if is_long or b"\nFrom " in wire or wire.startswith(b"From "):
        return _piece(data.decode("utf-8")).encode("ascii")
    return wire.replace(b"\n", b"\r\n")


def _constants(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants(constant)
        elif isinstance(constant, tuple):
            yield from (text for text in constant if isinstance(text, str))
        elif isinstance(constant, str):
            yield constant


def _piece(text: str) -> str:
    """Return the lines of text, the last with a soft line break unless it is empty."""
    if "\n" in text or "\r" in text:
        *lines, last = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return "".join([*[f"{_closed(_broken(_escaped(line)))}\r\n" for line in lines], _piece(last)])
    line = _escaped(text)
    if len(line) > _ROOM or line[:1] == "F":
        line = _broken(line)
    return f"{line}{_SOFT}" if line else ""


def _escaped(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line.replace("=", "=3D")
    data = line.encode("utf-8", "replace").translate(None, CONTROLS)  # a lone surrogate becomes a question mark
    # Its own soft line breaks are taken out again: they leave no room for what may have to be escaped still.
    return binascii.b2a_qp(data).replace(b"=\n", b"").decode("ascii")


def _broken(line: str) -> str:
    """Return an escaped line with soft breaks, none of them inside an escaped byte."""
    if "=" not in line and "F" not in line[::_ROOM]:  # addresses of counted links, say
        return _SOFT.join([line[start : start + _ROOM] for start in range(0, len(line), _ROOM)])
    rows: list[str] = []
    while len(line) > _ROOM:
        escape = line.find("=", _ROOM - 2, _ROOM)
        end = _ROOM if escape < 0 else escape
        rows.append(f"{_opened(line[:end])}=")
        line = line[end:]
    return "\r\n".join([*rows, _opened(line)])


def _opened(row: str) -> str:
    """Return a line that an mbox on the way does not make ">From …", whatever comes behind what is here of it."""
    return f"=46{row[1:]}" if row[:1] == "F" and "From ".startswith(row[:5]) else row


def _closed(line: str) -> str:
    return f"{line[:-1]}={ord(line[-1]):02X}" if line.endswith((" ", "\t")) else line
