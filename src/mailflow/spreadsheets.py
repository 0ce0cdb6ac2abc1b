"""CSV as every reader reads it, and what a spreadsheet would run as a formula, written such that it stays text."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import Any, Protocol

# What Excel, LibreOffice, Numbers and Google Sheets take for the start of a formula, the wide forms of East Asian
# keyboards among it, behind blanks and signs of no width too; and what ends a cell early (OWASP, CSV Injection).
_FORMULA = re.compile(r"[\s\x00-\x20\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹢﹣﹦﹫]|[\t\r\n]")
_NUMBER = re.compile(r"-\d+(?:\.\d+)?\Z", re.ASCII)


class Writer(Protocol):
    """What csv.writer returns."""

    def writerow(self, row: Iterable[Any], /) -> Any: ...

    def writerows(self, rows: Iterable[Iterable[Any]], /) -> Any: ...


class Stream(Protocol):
    """Takes text."""

    def write(self, text: str, /) -> Any: ...


class _Lines:
    """Ends each row as files here do."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, row: str) -> None:
        """Write a whole row, which is what csv.writer writes at once."""
        self._stream.write(f"{row[:-2]}\n")


def writer(stream: Stream) -> Writer:
    """Return a writer of CSV in which no value begins a row: each line break in a cell stands in quotes.

    CPython before 3.13 leaves a lone carriage return bare where rows end in a line feed alone, and readers begin a row
    at it.
    """
    return csv.writer(_Lines(stream), lineterminator="\r\n")


def safe(text: str) -> str:
    """Return a cell that a spreadsheet shows as it is: an apostrophe before what it would run; not before a number."""
    return f"'{text}" if _is_run(text) else text


def unsafe(text: str) -> str:
    """Return a cell that `safe` wrote as it was before, whatever it was."""
    return text[1:] if text[:1] == "'" and _is_run(text[1:]) else text


def _is_run(text: str) -> bool:
    """Whether a spreadsheet runs a cell; apostrophes before it count as none, so that one more can be told from it."""
    if text[:1].isalnum():  # nearly all cells
        return False
    bare = text.lstrip("'")
    return _FORMULA.match(bare) is not None and not _NUMBER.match(bare)
