"""Read the rows of a file of owners, companies or costs: one table per noun says what each column is read from.

What becomes of the rows: register_pipeline. Their header words: words_registers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from mailflow import addresses, clock, money
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, address, country, identifiers, marked_text, to_json
from mailflow.importers.values.dates import InstantReader
from mailflow.importers.wording.words_registers import CURRENCIES
from mailflow.store import registers
from mailflow.store.registers import ROW, Register, name_key

_BLANK = frozenset({"", "-", "--", "—"})  # what ad tools write where there is nothing
_TOTAL = re.compile(r"\s*(?:grand\s+)?(?:totals?|gesamt(?:summe)?|summe|totale|totaal|sum)\b", re.IGNORECASE)
_SITE = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:www\.)?([^/?#:\s]+)(?::\d+)?(?:[/?#](.*))?\Z", re.IGNORECASE | re.DOTALL
)
# What may follow the name of a site that is a firm's own: a language, or the start page.
_START_PAGE = re.compile(r"(?:[a-z]{2}(?:[-_][a-z]{2})?)?/?(?:(?:index|home)(?:\.\w+)?)?/?\Z", re.IGNORECASE)
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Writing:
    """How dates and amounts of one file are written; `zone` is where a day begins, `mark` the decimal mark."""

    instant: InstantReader
    last_instant: InstantReader
    zone: ZoneInfo
    mark: str | None
    currency: str


Values = Sequence[Any]
Reader = Callable[[Sheet, Writing], Values]


@dataclass(frozen=True, slots=True)
class RegisterTable:
    """How a noun's file becomes rows of its register.

    `readers`: column → what reads it. `keys`: the columns that make a key where the file has no id, the first that is
    filled, with what folds it. `details`: fields that are kept as attributes of a name of their own. `identity`: where
    neither id nor key is, these columns and details are hashed. `required`: column → field that no row may lack.
    """

    register: Register
    readers: Mapping[str, Reader]
    keys: Mapping[str, Callable[[str], str]]
    keyless: str
    details: Mapping[str, Reader] = field(default_factory=dict)
    identity: tuple[str, ...] = ()
    required: Mapping[str, str] = field(default_factory=dict)


class RegisterRows:
    """Reads blocks of one file of a register. `totals` counts rows that only add others up."""

    def __init__(self, table: RegisterTable, recognised: Recognised, writing: Writing) -> None:
        self._table = table
        self._recognised = recognised
        self._writing = writing
        self.totals = 0

    def read(self, sheet: Sheet) -> Iterator[tuple[Any, ...]]:
        """Yield the sound rows of a block: line, key, the register's columns, attributes as JSON or None."""
        columns = {name: read(sheet, self._writing) for name, read in self._table.readers.items()}
        details = {name: read(sheet, self._writing) for name, read in self._table.details.items()}
        totals = self._find_totals(sheet, columns)
        keys = self._keys(sheet, {**columns, **details}, totals)
        documents = self._attributes(sheet, details)
        faulty = sheet.faulty
        for index, row in enumerate(zip(sheet.block.lines, keys, *columns.values(), documents, strict=True)):
            if index not in faulty and index not in totals:
                yield row

    def _find_totals(self, sheet: Sheet, columns: Mapping[str, Values]) -> set[int]:
        """Return the rows that only add others up: without a date, and called so in one of their first cells."""
        dates = columns.get("spent_on")
        if dates is None:
            return set()
        undated = {index for index, day in enumerate(dates) if day is None and index not in sheet.faulty}
        found = {index for index in undated if any(_TOTAL.match(cell) for cell in sheet.block.rows[index])}
        self.totals += len(found)
        return found

    def _keys(self, sheet: Sheet, said: Mapping[str, Values], totals: set[int]) -> list[str]:
        table = self._table
        cells = sheet.cells(table.register.key)
        ids = [""] * sheet.size if cells is None else identifiers(cells)
        keys = []
        for index, own in enumerate(ids):
            row = {name: values[index] for name, values in said.items()}
            key = own or next((fold(row[name]) for name, fold in table.keys.items() if row[name]), "")
            missing = next((field for name, field in table.required.items() if row[name] is None), None)
            if index not in totals and missing is not None:
                sheet.fault(index, missing, "the cell is blank")
            elif index not in totals and not key and not table.identity:
                sheet.fault(index, table.register.key, table.keyless)
            keys.append(key or _hash(row[name] for name in table.identity))
        return keys

    def _attributes(self, sheet: Sheet, details: Mapping[str, Values]) -> list[str | None]:
        places = list(self._recognised.attributes.items())
        documents = []
        for index, row in enumerate(sheet.block.rows):
            other = {name: cell for name, place in places if (cell := row[place].strip()) not in _BLANK}
            other |= {name: values[index] for name, values in details.items() if values[index] is not None}
            documents.append(to_json(other) if other else None)
        return documents


def _hash(parts: Iterator[Any]) -> str:
    digest = blake2b("\0".join(str(part or "") for part in parts).encode(), digest_size=8).hexdigest()
    return f"{ROW}{digest}"


def _texts(name: str) -> Reader:
    return lambda sheet, writing: sheet.texts(name)


def _person_name(sheet: Sheet, writing: Writing) -> Values:
    """Return full names, or first and last name joined."""
    halves = zip(sheet.texts("first_name"), sheet.texts("last_name"), strict=True)
    joined = [" ".join(filter(None, pair)) or None for pair in halves]
    return [whole or parts for whole, parts in zip(sheet.texts("full_name"), joined, strict=True)]


def _email(sheet: Sheet, writing: Writing) -> Values:
    return [found and found.email for found in sheet.read("email", address)]


def _domains(sheet: Sheet, writing: Writing) -> Values:
    """Return domains, of the column that says them, else of the firm's website."""
    said, sites = sheet.read("domain", _domain), sheet.first_of("website", _domain_of_site)
    return [domain or site for domain, site in zip(said, sites, strict=True)]


def _domain(cell: str) -> str | None:
    """Read a domain as it stands in addresses: lower case, A-labels, no `www.`; `ValueError` where it is none.

    None where the cell is blank, or a page within somebody else's site, such as a social network's.
    """
    cell = cell.strip()
    if cell in _BLANK:
        return None
    site = _SITE.match(cell)
    if site and not _START_PAGE.match(site[2] or ""):
        return None
    name = site[1].rpartition("@")[2] if site else ""
    try:
        return addresses.normalise(f"x@{name.rstrip('.')}").key.partition("@")[2]
    except ValueError:
        raise ValueError(f"{cell!r} is not a domain") from None


def _domain_of_site(cell: str) -> str | None:
    """Read the domain of a website; None where it has none."""
    try:
        return _domain(cell)
    except ValueError:
        return None


def _days(name: str) -> Reader:
    """Return a reader of days in the account's zone, as text; None for a blank cell and for that of a row of totals."""

    def read(sheet: Sheet, writing: Writing) -> Values:
        instant = writing.instant if name == "spent_on" else writing.last_instant
        known: dict[str, str | None] = {}

        def day(cell: str) -> str | None:
            if cell not in known:
                blank = cell.strip() in _BLANK or _TOTAL.match(cell)
                known[cell] = None if blank else _local_day(instant(cell), writing.zone)
            return known[cell]

        return sheet.read(name, day)

    return read


def _last_days(sheet: Sheet, writing: Writing) -> Values:
    """Return the last day of rows that are about more than one day; None for the others."""
    first, last = _days("spent_on")(sheet, writing), _days("ends_on")(sheet, writing)
    return [end if end != begin else None for begin, end in zip(first, last, strict=True)]


def _local_day(ms: int, zone: ZoneInfo) -> str:
    return clock.local_date(clock.from_ms(ms), zone).isoformat()


def _currencies(sheet: Sheet, writing: Writing) -> Values:
    """Return currencies: of their column, else of the amount's header (`Amount spent (EUR)`), else the account's."""
    words = [word for header, _ in sheet.every("amount") for word in _WORDS.findall(header)]
    fallback = next((word for word in words if word in CURRENCIES), writing.currency)
    return [code or fallback for code in sheet.read("currency", _currency)]


def _currency(cell: str) -> str | None:
    return None if cell.strip() in _BLANK else money.currency_code(cell)


def _amounts(sheet: Sheet, writing: Writing) -> Values:
    """Return what was spent in minor units; ad tools count in fractions of a cent, which are rounded half up."""
    pairs = list(zip(sheet.cells("amount") or (), _currencies(sheet, writing), strict=True))
    return sheet.convert("amount", pairs, lambda pair: _amount(pair[0], pair[1], writing.mark))


def _amount(cell: str, currency: str, mark: str | None) -> int | None:
    return None if cell.strip() in _BLANK else money.rounded(money.parse_number(cell, currency, mark), currency)


OWNERS = RegisterTable(
    registers.OWNERS,
    {
        "name": _person_name,
        "email": _email,
        "phone": lambda sheet, writing: sheet.first_of("phone", marked_text),
        "title": _texts("title"),
    },
    keys={"email": str.lower, "name": name_key},
    keyless="there is no id, e-mail address or name in this row",
)
COMPANIES = RegisterTable(
    registers.COMPANIES,
    {
        "name": _texts("name"),
        "name_key": lambda sheet, writing: [name and name_key(name) for name in sheet.texts("name")],
        "domain": _domains,
        "industry": _texts("industry"),
        "size": _texts("size"),
        "country": lambda sheet, writing: sheet.first_of("country", country),
        "owner": _texts("owner"),
    },
    keys={"domain": str.lower, "name": name_key},
    keyless="there is no id, domain or name in this row",
)
COSTS = RegisterTable(
    registers.COSTS,
    {
        "spent_on": _days("spent_on"),
        "channel": _texts("channel"),
        "campaign": _texts("campaign"),
        "amount_minor": _amounts,
        "currency": _currencies,
        "note": _texts("note"),
    },
    keys={},
    keyless="",
    details={"ends_on": _last_days, "ad_group": _texts("ad_group"), "ad": _texts("ad")},
    # Not the amount: ad tools correct it for days to come, and the corrected one must take the place of the first.
    identity=("spent_on", "channel", "campaign", "note", "currency", "ad_group", "ad"),
    required={"spent_on": "spent_on", "amount_minor": "amount"},
)
