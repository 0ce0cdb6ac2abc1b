"""Show other people's data as the text it is: nothing in it steers the terminal, and nothing is markup."""

from __future__ import annotations

import re
from typing import Any

_SPACES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029 ]+")
_MOST = 500
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


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", errors="backslashreplace").decode("ascii")
