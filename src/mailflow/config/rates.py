"""Exchange rates in rates.csv: `date,from,to,rate`, one day's price of one unit of `from` in units of `to`.

Amounts in several currencies are never added up without them; what is converted when: store/frames.py.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from mailflow import money
from mailflow.config import files
from mailflow.config.yaml_files import MAX_BYTES, decode
from mailflow.errors import Problem, ProblemsError

RATES_FILE = "rates.csv"
COLUMNS = ("date", "from", "to", "rate")


@dataclass(frozen=True, slots=True)
class Rates:
    """Every rate there is, by (from, to); empty where there is no file."""

    days: Mapping[tuple[str, str], Mapping[date, Decimal]] = field(default_factory=dict)

    def on(self, day: date, source: str, target: str) -> Decimal | None:
        """Return the latest rate known on a day, either way round; None where there is none yet."""
        if source == target:
            return Decimal(1)
        direct = self._latest(day, source, target)
        inverse = self._latest(day, target, source)
        if direct and (not inverse or direct[0] >= inverse[0]):
            return direct[1]
        return 1 / inverse[1] if inverse else None

    def _latest(self, day: date, source: str, target: str) -> tuple[date, Decimal] | None:
        known = [item for item in self.days.get((source, target), {}).items() if item[0] <= day]
        return max(known) if known else None


_LEAST, _MOST = Decimal("1E-9"), Decimal("1E9")  # no currency is worth so little of another, and sums stay numbers


def load_rates(path: Path) -> Rates:
    """Read rates.csv; no file is no rates. `ProblemsError` lists the lines that are wrong."""
    if not os.path.lexists(path):
        return Rates()
    try:
        raw = files.read(files.inside(path.parent, path), MAX_BYTES)
    except files.Unreadable as error:
        raise ProblemsError([Problem(path.name, str(error))]) from None
    days: dict[tuple[str, str], dict[date, Decimal]] = {}
    problems: list[Problem] = []
    for line, row in _rows(decode(raw, path.name), path.name):
        try:
            days.setdefault((_currency(row["from"]), _currency(row["to"])), {})[_day(row["date"])] = _rate(row["rate"])
        except ValueError as error:
            problems.append(Problem(path.name, str(error), line))
    if problems:
        raise ProblemsError(problems)
    return Rates(days)


def _rows(text: str, file: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv.reader(text.splitlines())
    heading = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        message = f"has no column {', '.join(missing)}: its first line must be {','.join(COLUMNS)}"
        raise ProblemsError([Problem(file, message, 1)])
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                padded = [*(cell.strip() for cell in cells), *[""] * len(heading)]
                yield reader.line_num, dict(zip(heading, padded, strict=False))
    except csv.Error as error:
        raise ProblemsError([Problem(file, f"is not read from here on: {error}", reader.line_num)]) from None


def _currency(text: str) -> str:
    if money.currency_code(text) != text:
        raise ValueError(f"{text!r} is not a currency: write three capitals such as EUR")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date: write it as 2026-03-20") from None


def _rate(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not _LEAST <= value <= _MOST:
        raise ValueError(f"{text!r} is not a rate: write a number above 0 such as 0.92")
    return value
