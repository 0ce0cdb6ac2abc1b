"""Turns of phrase that every room says alike."""

from __future__ import annotations

from collections.abc import Sequence


def many(count: int, one: str, more: str) -> str:
    """Return a number with its noun: `1 row is`, `2,000 rows are`."""
    return f"{count:,} {one if count == 1 else more}"


def listed(words: Sequence[str], *, last: str = "and") -> str:
    """Return words in a row: `a`, `a and b`, `a, b and c`."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
