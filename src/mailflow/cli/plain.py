"""Show other people's data as the text it is: nothing in it steers the terminal, and nothing is markup."""

from __future__ import annotations

import io
import re
import shlex
from typing import Any, TextIO

_SPACES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029 ]+")
_MOST = 500
# Control characters but for tab and line end, and what turns the direction of writing.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_JOINERS = frozenset("\u200c\u200d\xa0\u202f")  # in names and emoji; they steer nothing


def visible(text: object) -> str:
    """Return a value on one line, with control characters and changes of direction as escapes (`\\x1b`)."""
    line = _SPACES.sub(" ", str(text)).strip()
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() or letter in _JOINERS else _escape(letter) for letter in line)


def shown(text: object) -> str:
    """Return a value for a reader at a terminal: visible, and cut where it would flood the screen."""
    line = visible(text)
    return line if len(line) <= _MOST else f"{line[:_MOST]}… ({len(line):,} letters; --format json has all)"


def cleaned(value: Any) -> Any:
    """Return what JSON can hold with every text in it made visible."""
    if isinstance(value, dict):
        return {key: cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    return visible(value) if isinstance(value, str) else value


def typed(word: str) -> str:
    """Return a word of a command that people may paste: a shell takes it for one word and runs nothing in it."""
    return shlex.quote(visible(word))


def steerless(text: str) -> str:
    """Return text of any number of lines with what would steer the terminal as escapes."""
    return _STEERING.sub(lambda found: _escape(found[0]), text)


class Harmless(io.TextIOBase):
    """A terminal that data is written to as it is: what would steer it comes as an escape."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        """Write text; its line ends and tabs are left."""
        self._terminal.write(steerless(text))
        return len(text)


def harmless(stream: TextIO) -> TextIO:
    """Return where data goes: to a terminal without what steers it; a file or a program gets every letter."""
    return Harmless(stream) if stream.isatty() else stream  # type: ignore[return-value]


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", errors="backslashreplace").decode("ascii")
