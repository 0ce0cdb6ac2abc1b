"""What other languages and everyday writing put into a rule, and how a rule says it. What a rule is: parse.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from mailflow.rules.syntax import Kind, Token

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "is": "a rule compares with ==, and asks for a missing value with == null, for any with != null",
        **dict.fromkeys(("equals", "equal", "eq"), "a rule compares with =="),
        **dict.fromkeys(
            ("like", "ilike", "matches", "includes", "has"),
            'of a part of a text, write contains "…", starts_with "…" or ends_with "…"',
        ),
        "startswith": 'write starts_with "…"',
        "endswith": 'write ends_with "…"',
        "between": "write both ends: age >= 30 and age < 40",
        **dict.fromkeys(
            "second seconds minute minutes hour hours day days week weeks month months year years".split(),
            "a duration is one word, such as 24h, 90d or 12w",
        ),
        **dict.fromkeys(("if", "then", "else", "where", "select", "from"), "a rule is only the condition itself"),
    }
)
_AMOUNT = "an amount is a plain number in your currency, such as 99.50"
_CURRENCY = re.compile(r"[A-Z]{3}")
_DIGITS = re.compile(r"\d[\d.]*$")


def foreign(text: str, token: Token) -> str | None:
    """Return how a rule says what a word or sign at the wrong place was meant to say; None where nobody knows."""
    before = text[: token.span[0]].rstrip()
    if token.kind is Kind.NAME:
        word = str(token.value)
        if _CURRENCY.fullmatch(word) and _DIGITS.search(before):
            return _AMOUNT
        return _WORDS.get(word.lower())
    if token.value == "," and _DIGITS.search(before) and text[token.span[1] : token.span[1] + 1].isdigit():
        return "a number has a point and nothing else: 1000, 99.50"
    return None
