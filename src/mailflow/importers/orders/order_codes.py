"""Read the discount codes that an order was placed with, out of the cells that shops write them into.

One code, several parted by commas or the like, a list of a shop's interface (JSON), or `code:SAVE10|amount:5`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mailflow.importers.values.cells import Sheet

_PARTS = re.compile(r"[,;|\n]")
_NAMED = re.compile(r"\s*(?:coupon[ _]?)?code\s*:\s*(.+)", re.IGNORECASE)
# `SAVE10 FREESHIP`, not `Free shipping in May`: the name of a discount that needs no code has small letters.
_TYPED = re.compile(r"[A-Z0-9_-]{4,}(?:\s+[A-Z0-9_-]{4,})+\Z")
_AMOUNT = re.compile(r"-?\d+[.,]\d{2}\Z")
_NOTHING = frozenset({"", "-", "--", "n/a", "na", "none", "null", "nan", "0", "no", "false", "[]", "{}"})
_LONGEST = 100


def column(sheet: Sheet) -> list[tuple[str, ...]] | None:
    """Return the codes of each row of a block, of all its columns of codes; None where the file has no such column."""
    columns = sheet.every("coupon")
    if not columns:
        return None
    read = [[codes_in(cell) for cell in cells] for _, cells in columns]
    if len(read) == 1:
        return read[0]
    return [tuple(code for codes in row for code in codes) for row in zip(*read, strict=True)]


def codes_in(cell: str) -> tuple[str, ...]:
    """Return the codes in a cell, as they are written there, each once; a blank cell or `none` has none."""
    text = cell.strip()
    if text.casefold() in _NOTHING:
        return ()
    found = list(_of_json(text)) if text[0] in "[{" else _of_text(text)
    return tuple(dict.fromkeys(filter(_is_code, found)))


def of_rows(
    codes: Sequence[tuple[str, ...]] | None, numbers: Iterable[int], rows: Iterable[int]
) -> Iterator[tuple[int, str]]:
    """Yield (number of the order, code) of rows that are an order each."""
    if codes is not None:
        for number, row in zip(numbers, rows, strict=True):
            for code in codes[row]:
                yield number, code


def of_spans(
    codes: Sequence[tuple[str, ...]] | None, numbers: Iterable[int], spans: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, str]]:
    """Yield (number of the order, code) of orders of several rows each."""
    if codes is not None:
        for number, span in zip(numbers, spans, strict=True):
            for code in (code for row in codes[slice(*span)] for code in row):
                yield number, code


def _is_code(text: str) -> bool:
    return text.casefold() not in _NOTHING and len(text) <= _LONGEST and not _AMOUNT.match(text)


def _of_text(text: str) -> list[str]:
    parts = [part.strip().strip("\"'") for part in _PARTS.split(text)]
    named = [match[1].strip() for part in parts if (match := _NAMED.match(part))]
    return named or [word for part in parts for word in _words(part)]


def _words(part: str) -> Sequence[str]:
    return part.split() if _TYPED.match(part) else (part,)


def _of_json(text: str) -> Iterator[str]:
    """Yield the codes of `["SAVE10"]` or `[{"code": "SAVE10", "amount": "5.00"}]`."""
    try:
        value = json.loads(text)
    except ValueError:
        yield from _of_text(text.strip("[]{}"))
        return
    yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, dict):
        yield from _leaves(value.get("code") or value.get("coupon_code") or [])
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
