"""Every noun as rows to hand over, a block at a time, for other programs. How they are written: jobs/export.

Rows are of whole people: what belongs to a contact that was merged is told of whom they were merged into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from mailflow import clock, money
from mailflow.store import first_heard
from mailflow.store.connection import Connection
from mailflow.store.contacts import FIELDS

_AT_ONCE = 20_000  # ids in one block
_QUARTER_MS = 900_000  # since 1972 no zone changes its clocks within a quarter of an hour
_REGULAR_MS = 94_694_400_000  # 1973

Row = tuple[Any, ...]


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    INSTANT = "instant"  # UTC milliseconds
    DAY = "day"  # of an instant: the date in the account's zone
    MONEY = "money"  # minor units, with the row's currency in the column after next: amount, minor units, currency


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file."""

    name: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Noun:
    """What can be handed over: its columns, the query for a block of ids, and the table whose ids are counted."""

    columns: Sequence[Column]
    sql: str
    table: str


def _columns(text: str) -> list[Column]:
    """Return columns from words such as `order_id total_minor:integer`."""
    return [Column(name, Kind(kind or "text")) for name, _, kind in (word.partition(":") for word in text.split())]


_WHO = (
    "LEFT JOIN contacts AS own ON own.id = {}.contact_id"
    " LEFT JOIN contacts AS c ON c.id = coalesce(own.merged_into, own.id)"
)
_OF_ORDER = f"JOIN orders AS o ON o.id = x.order_id {_WHO.format('o')}"
_IN_BLOCK = "x.id BETWEEN :low AND :high ORDER BY x.id"

NOUNS: Mapping[str, Noun] = MappingProxyType(
    {
        "contacts": Noun(
            _columns(
                f"contact_id:integer contact email {' '.join(FIELDS)} attributes source created_at:instant"
                " consent since:instant"
            ),
            f"""SELECT x.id, x.key, x.email, {", ".join(f"x.{name}" for name in FIELDS)}, x.attributes, x.source,
                {first_heard.sql("x")}, coalesce(s.state, 'never'), s.since
                FROM contacts AS x LEFT JOIN consent_states AS s
                  ON s.contact_id = x.id AND s.channel = 'email' AND s.topic = ''
                WHERE x.merged_into IS NULL AND {_IN_BLOCK}""",
            "contacts",
        ),
        "orders": Noun(
            _columns(
                "order_id shop contact_id:integer contact email status placed_at:instant placed_on:day"
                " total:money total_minor:integer currency"
            ),
            f"""SELECT x.order_id, x.source, c.id, c.key, c.email, x.status, x.placed_at, x.placed_at,
                x.total_minor, x.total_minor, x.currency FROM orders AS x {_WHO.format("x")} WHERE {_IN_BLOCK}""",
            "orders",
        ),
        "order_lines": Noun(
            _columns(
                "order_id shop contact_id:integer contact placed_at:instant product_id title quantity:real"
                " price:money price_minor:integer currency"
            ),
            f"""SELECT o.order_id, o.source, c.id, c.key, o.placed_at, p.product_id, x.title, x.quantity, x.price_minor,
                x.price_minor, o.currency FROM order_lines AS x {_OF_ORDER}
                LEFT JOIN products AS p ON p.id = x.product_id WHERE {_IN_BLOCK}""",
            "order_lines",
        ),
        "refunds": Noun(
            _columns(
                "order_id shop contact_id:integer contact status placed_on:day refunded_at:instant refunded_on:day"
                " amount:money amount_minor:integer currency"
            ),
            f"""SELECT o.order_id, o.source, c.id, c.key, o.status, o.placed_at, x.refunded_at, x.refunded_at,
                x.amount_minor, x.amount_minor, o.currency FROM refunds AS x {_OF_ORDER} WHERE {_IN_BLOCK}""",
            "refunds",
        ),
        "products": Noun(
            _columns(
                "product_id shop sku title vendor parent_id categories status stock:integer"
                " price:money price_minor:integer currency"
            ),
            f"""SELECT x.product_id, x.source, x.sku, x.title, x.vendor, p.product_id,
                (SELECT group_concat(category, '; ') FROM product_categories WHERE product_id = x.id), x.status,
                x.stock, x.price_minor, x.price_minor, x.currency
                FROM products AS x LEFT JOIN products AS p ON p.id = x.parent_id WHERE {_IN_BLOCK}""",
            "products",
        ),
        "events": Noun(
            _columns("event contact_id:integer contact email occurred_at:instant source source_id properties"),
            f"""SELECT x.name, c.id, c.key, c.email, x.occurred_at, x.source, x.source_id, x.properties
                FROM events AS x {_WHO.format("x")} WHERE {_IN_BLOCK}""",
            "events",
        ),
        "consents": Noun(
            _columns(
                "contact_id:integer contact channel topic state basis address occurred_at:instant recorded_at:instant"
                " source wording evidence"
            ),
            f"""SELECT c.id, c.key, x.channel, x.topic, x.state, x.basis, x.address, x.occurred_at, x.recorded_at,
                x.source, x.wording, x.evidence FROM consents AS x {_WHO.format("x")} WHERE {_IN_BLOCK}""",
            "consents",
        ),
    }
)


def blocks(db: Connection, noun: Noun, zone: ZoneInfo) -> Iterator[list[Row]]:
    """Yield the rows of a noun by their ids, a block at a time; instants are milliseconds, money decimal strings."""
    shape = [_converter(column.kind, place, zone) for place, column in enumerate(noun.columns)]
    changed = [(place, convert) for place, convert in enumerate(shape) if convert is not None]
    highest = db.execute(f"SELECT coalesce(max(id), 0) FROM {noun.table}").fetchone()[0]
    for low in range(1, highest + 1, _AT_ONCE):
        rows = db.execute(noun.sql, {"low": low, "high": low + _AT_ONCE - 1}).fetchall()
        if rows:
            yield [_row(row, changed) for row in rows]


def count(db: Connection, noun: Noun) -> int:
    """Return about how many rows there are: for a progress bar."""
    return int(db.execute(f"SELECT count(*) FROM {noun.table}").fetchone()[0])


Converter = Callable[[Sequence[Any]], Any]


def _row(row: Sequence[Any], changed: Sequence[tuple[int, Converter]]) -> Row:
    cells = list(row)
    for place, convert in changed:
        cells[place] = convert(row)
    return tuple(cells)


def _converter(kind: Kind, place: int, zone: ZoneInfo) -> Converter | None:
    if kind is Kind.DAY:
        return _Days(place, zone)
    if kind is Kind.MONEY:
        return lambda row: None if row[place] is None else money.to_text(row[place], row[place + 2] or "")
    return None


class _Days:
    """The dates of instants in a zone; those of a quarter of an hour are worked out once."""

    def __init__(self, place: int, zone: ZoneInfo) -> None:
        self.place, self.zone = place, zone
        self.known: dict[int, str] = {}

    def __call__(self, row: Sequence[Any]) -> str | None:
        ms = row[self.place]
        if ms is None:
            return None
        if ms < _REGULAR_MS:
            return clock.local_date(clock.from_ms(ms), self.zone).isoformat()
        quarter = ms // _QUARTER_MS
        day = self.known.get(quarter)
        if day is None:
            day = self.known[quarter] = clock.local_date(clock.from_ms(ms), self.zone).isoformat()
        return day
