"""The shape of a rule as it is written: tokens, the syntax tree with its places, and the error that points at them.

How tokens become a tree: parse.py; what the names in it mean: types.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from mailflow.errors import ConfigError

MAX_LENGTH = 20_000  # characters; keeps a rule inside SQLite's limit of 32,766 parameters
_MAX_DIGITS = 15  # what a double holds exactly
_MAX_DAYS = 36_500

Span = tuple[int, int]


class RuleError(ConfigError):
    """A rule that cannot be understood: what is wrong, the line with a caret under the place, and a suggestion.

    `message` is the sentence alone, for a caller that knows the file; `line` and `column` count from 1 in the rule's
    own text.
    """

    def __init__(self, message: str, text: str, span: Span) -> None:
        self.message = message
        self.text = text
        self.start, self.end = span
        self.line = text.count("\n", 0, self.start) + 1
        self.column = self.start - (text.rfind("\n", 0, self.start) + 1) + 1
        super().__init__(f"{message}\n{self._shown()}")

    def _shown(self) -> str:
        """Return the line of the mistake, cut to fit a terminal, with carets under it."""
        shown = self.text.split("\n")[self.line - 1].replace("\t", " ")
        first = self.column - 1
        width = max(1, min(self.end - self.start, len(shown) - first, 60))
        skipped = max(0, first - 60)
        return f"  {shown[skipped : skipped + 120]}\n  {' ' * (first - skipped)}{'^' * width}"


class Kind(StrEnum):
    """What a token is."""

    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    MARK = "mark"  # operators and brackets
    END = "end"


class Token(NamedTuple):
    """One word of a rule; `value` is what it stands for: the text without quotes, the number, the duration."""

    kind: Kind
    value: str | Decimal | timedelta
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A field such as `country` or `orders.count`, or one of `now`, `null`, `true`, `false`."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or duration."""

    value: str | Decimal | timedelta
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    operator: str
    operand: Syntax
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`x and y`, `x == y`, `x - y` …; `operator_span` is where the operator stands."""

    operator: str
    left: Syntax
    right: Syntax
    span: Span
    operator_span: Span


@dataclass(frozen=True, slots=True)
class Membership:
    """`x in (a, b)` or `x not in (a, b)`."""

    subject: Syntax
    items: tuple[Syntax, ...]
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Keyword:
    """`key=c` in a call; `span` is that of the key."""

    name: str
    value: Syntax
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`name(a, b, key=c)`."""

    name: str
    arguments: tuple[Syntax, ...]
    keywords: tuple[Keyword, ...]
    span: Span
    name_span: Span


@dataclass(frozen=True, slots=True)
class Near:
    """`x within next 7d` or `x within last 7d`."""

    subject: Syntax
    duration: timedelta
    ahead: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Listed:
    """Several values in brackets, in a call: `between=("2026-01-01", "2026-02-01")`."""

    items: tuple[Syntax, ...]
    span: Span


Syntax = Name | Literal | Unary | Binary | Membership | Near | Listed | Call

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<date>\d{4}-\d\d-\d\d(?![\w.]))
    | (?P<number>\d+(?:\.\d+)?(?P<unit>[^\W\d]\w*|%)?)
    | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<foreign>&&|\|\||<>|=>|=<|===)
    | (?P<mark>==|!=|<=|>=|[<>=+\-(),])
    """,
    re.VERBOSE,
)
_FOREIGN = {"&&": "and", "||": "or", "<>": "!=", "=>": ">=", "=<": "<=", "===": "==", "!": "not", "[": "(", "]": ")"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ESCAPE = re.compile(r"\\(.)")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def tokens(text: str) -> list[Token]:
    """Split a rule into tokens, ended by one of kind END; `RuleError` at what cannot be one."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"this rule is longer than {MAX_LENGTH:,} characters: split it up", text, (0, 1))
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        if match.lastgroup != "space":
            found.append(_token(text, match))
        position = match.end()
    found.append(Token(Kind.END, "", (len(text), len(text))))
    return found


def _token(text: str, match: re.Match[str]) -> Token:
    span = match.span()
    match match.lastgroup:
        case "name":
            return Token(Kind.NAME, match[0], span)
        case "mark":
            return Token(Kind.MARK, match[0], span)
        case "number":
            return _number(text, match)
        case "text":
            return Token(Kind.TEXT, _unquoted(text, match[0], span), span)
        case "date":
            raise RuleError(f'a date stands in quotes: "{match[0]}"', text, span)
    raise RuleError(f"{match[0]!r} is not an operator here: write {_FOREIGN[match[0]]}", text, span)


def _number(text: str, match: re.Match[str]) -> Token:
    written, unit, span = match["number"], match["unit"], match.span()
    digits = written.removesuffix(unit or "")
    if len(digits) > _MAX_DIGITS:
        raise RuleError(f"this number has more than {_MAX_DIGITS} digits", text, span)
    if unit is None:
        return Token(Kind.NUMBER, Decimal(digits), span)
    if unit == "%":
        return Token(Kind.NUMBER, Decimal(digits).scaleb(-2), span)
    if unit not in _SECONDS or "." in digits:
        message = f"{written!r} is not a duration: write a whole number and s, m, h, d or w, such as 90d"
        raise RuleError(message, text, span)
    seconds = int(digits) * _SECONDS[unit]
    if seconds > _MAX_DAYS * 86_400:
        raise RuleError(f"a duration goes up to {_MAX_DAYS}d", text, span)
    return Token(Kind.DURATION, timedelta(seconds=seconds), span)


def _unquoted(text: str, written: str, span: Span) -> str:
    value = _ESCAPE.sub(r"\1", written[1:-1])
    if _UNPRINTABLE.search(value):
        raise RuleError("a text must not hold control characters", text, span)
    return value


def _unreadable(text: str, position: int) -> RuleError:
    sign = text[position]
    span = (position, position + 1)
    if sign in "\"'":
        return RuleError(f"this text has no closing {sign}", text, span)
    if sign in "“”„‘’«»":
        return RuleError(f'{sign!r} is not a quotation mark here: write "…"', text, span)
    if sign in _FOREIGN:
        return RuleError(f"{sign!r} is not an operator here: write {_FOREIGN[sign]}", text, span)
    if sign in "€$£¥":
        return RuleError("an amount is a plain number in your currency, such as 99.50", text, span)
    if sign == ";":
        return RuleError("a rule is one condition: join its parts with and or or", text, span)
    if sign == "#":
        return RuleError("a comment has no place in a rule: in a file it stands on a line of its own", text, span)
    return RuleError(f"{sign!r} cannot stand here", text, span)
