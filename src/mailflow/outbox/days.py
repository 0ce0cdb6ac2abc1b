"""What a day is like where somebody lives: the season, and the rows of context.csv and context/*.csv.

Weather, pollen, what is in fashion: whatever a shop puts into its files, by day and, if it likes, by place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from mailflow import clock
from mailflow.errors import MailflowError, Problem, ProblemsError
from mailflow.places.names import country_code, postcode_keys, town_key, zone_country
from mailflow.places.tables import Line, Table

DAYS_FILE = "context.csv"
DAYS_FOLDER = "context"
SEASONS = ("winter", "spring", "summer", "autumn")
_PLACES = ("postcode", "city", "region", "country")  # the most exact first
_COLUMNS = {
    "date": "date day datum tag jour fecha giorno".split(),
    "country": "country country_code land pays paese país".split(),
    "region": "region state province bundesland région regione provincia".split(),
    "city": "city town place ort stadt gemeinde ville ciudad città".split(),
    "postcode": "postcode postal_code zip zip_code plz postleitzahl code_postal cp cap".split(),
}
# Where June is winter: countries with most of their people south of the equator.
_SOUTH = frozenset(
    "AO AR AU BI BO BR BW CC CD CG CK CL CX EC FJ FK GA ID IO KI KM LS MG MU MW MZ NA NC NF NR NU NZ PE PF PG PN PY RE "
    "RW SB SC SH ST SZ TL TO TV TZ UY VU WF WS YT ZA ZM ZW".split()
)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:[.,]\d{1,9})?\Z")

Key = tuple[str | None, ...]  # as in _PLACES; None for what a row does not say
Values = dict[str, Any]


def season(today: date, country: str | None) -> str:
    """Return `spring`, `summer`, `autumn` or `winter` by the calendar of meteorologists, which begins with months."""
    turned = 2 if country in _SOUTH else 0
    return SEASONS[(today.month % 12 // 3 + turned) % 4]


@dataclass
class _Told:
    """What one file says of one day: the rows by place."""

    columns: list[str]
    rows: dict[Key, Values] = field(default_factory=dict)

    @cached_property
    def shapes(self) -> list[tuple[bool, ...]]:
        """Which parts of a place its rows name, the most exact last."""
        return sorted({tuple(part is not None for part in key) for key in self.rows})

    def of(self, place: Key) -> Values:
        """Return every column for a place: of the most exact row that has a value, null where none has."""
        found: Values = dict.fromkeys(self.columns)
        for shape in self.shapes:
            key = tuple(part if asked else None for part, asked in zip(place, shape, strict=True))
            if sum(shape) > sum(part is not None for part in key):
                continue  # it names a part of the place that is not known of this person
            for name, value in self.rows.get(key, {}).items():
                if value is not None:
                    found[name] = value
        return found


class Days:
    """Reads the files of a workspace, one day at a time: what other days are like is not kept.

    `home` is the country of who has none: that of the account's time zone.
    """

    def __init__(self, root: Path, timezone: str) -> None:
        self.home = zone_country(timezone)
        self._paths = files(root)
        self._day: date | None = None
        self._told: list[_Told] = []

    def check(self, today: date) -> None:
        """Read the files; `ProblemsError` lists the lines that are wrong, in whatever file."""
        problems, told = [], []
        for path in self._paths:
            try:
                told.append(_read(path, today))
            except ProblemsError as error:
                problems += [replace(each, file=_shown(path)) for each in error.problems]
        if problems:
            raise ProblemsError(problems)
        self._day, self._told = today, told

    def of(self, contact: Mapping[str, Any], today: date) -> tuple[str, Values]:
        """Return the season and the values of the day for a contact, given as templates know it."""
        if today != self._day:
            self.check(today)
        country = country_code(contact.get("country")) or self.home
        place = _key({name: contact.get(name) for name in _PLACES}, country)
        found: Values = {}
        for each in self._told:
            found.update(each.of(place))
        return season(today, country), found


def files(root: Path) -> list[Path]:
    """Return the files there are: context.csv, and those of the folder context/ by name."""
    own = root / DAYS_FILE
    return [*([own] if os.path.lexists(own) else []), *sorted((root / DAYS_FOLDER).glob("*.csv"))]


def _shown(path: Path) -> str:
    return f"{DAYS_FOLDER}/{path.name}" if path.parent.name == DAYS_FOLDER else path.name


def _read(path: Path, today: date) -> _Told:
    """Return what a file says of a day; `ProblemsError` lists every line that is wrong, of other days too.

    A file of nothing but its heading, as a feed leaves that came empty, has every value, and nothing in it.
    """
    root = path.parent.parent if path.parent.name == DAYS_FOLDER else path.parent
    table = Table(path, _COLUMNS, fewest=0, root=root)
    told: _Told | None = None
    for line in table.lines():
        told = told or _Told(_value_columns(table))
        try:
            _take(told, line, today)
        except (ValueError, MailflowError) as error:
            table.refuse(line.number, str(error))
    table.done()
    return told or _Told(_value_columns(table) if table.heading else [])


def _value_columns(table: Table) -> list[str]:
    names = [name for name in table.heading if name and name not in _COLUMNS]
    if "date" not in table.heading:
        raise table.wrong("has no column date: every line says which day it is about", 1)
    if not names:
        raise table.wrong("has no column beside days and places: add one such as weather", 1)
    return names


def _take(told: _Told, line: Line, today: date) -> None:
    """Take in a line; `ValueError` or `UsageError` says what is wrong with it."""
    if not line.cells["date"]:
        raise ValueError("the date is missing")
    day = clock.parse_date(line.cells["date"])
    written = line.cells.get("country") or ""
    if written and country_code(written) is None:
        raise ValueError(f"{written!r} is no country: write its two letters, such as AT")
    if day != today:
        return
    key = _key(line.cells, country_code(written) if written else None)
    if key in told.rows:
        raise ValueError("this day and place stand above already: say it once")
    told.rows[key] = {name: _value(line.cells.get(name, "")) for name in told.columns}


def _key(cells: Mapping[str, Any], country: str | None) -> Key:
    """Return a place as it is compared: the spelling of a town or a postcode does not matter."""
    postcode, city, region = (str(cells.get(name) or "").strip() for name in _PLACES[:3])
    return (
        postcode_keys(country or "", postcode)[0] if postcode else None,
        town_key(city) if city else None,
        region.casefold() if region else None,
        country,
    )


def _value(cell: str) -> Any:
    """Return a cell as templates get it: a number that can be compared, text, null for an empty one."""
    if not _NUMBER.match(cell):
        return cell or None
    plain = cell.replace(",", ".")
    return float(plain) if "." in plain else int(plain)


def problems(root: Path, timezone: str, today: date) -> Iterator[Problem]:
    """Yield what is wrong in the files, each with its line."""
    try:
        Days(root, timezone).check(today)
    except ProblemsError as error:
        yield from error.problems
