"""Turns of phrase that every room says alike."""

from __future__ import annotations


def many(count: int, one: str, more: str) -> str:
    """Return a number with its noun: `1 row is`, `2,000 rows are`."""
    return f"{count:,} {one if count == 1 else more}"
