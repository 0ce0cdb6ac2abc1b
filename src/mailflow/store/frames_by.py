"""Who bought goods of each category or brand, as columns: what frames.py gives of whole orders, of their lines alone.

The sums are made by SQLite in windows over the contacts, so that no more is held than one row per contact and label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from mailflow.config.rates import Rates
from mailflow.store import frames
from mailflow.store.connection import Connection
from mailflow.store.database import Store
from mailflow.store.frames import Population

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

_CONTACTS_AT_ONCE = 5_000


class Label(StrEnum):
    """What lines are told apart by."""

    CATEGORY = "category"  # of the product or, of a variant, of its parent; a product may have several
    BRAND = "brand"  # the product's vendor, else its parent's


_LABELS: Mapping[Label, str] = {
    Label.CATEGORY: """SELECT product_id, category FROM product_categories
        UNION SELECT v.id, k.category FROM products AS v JOIN product_categories AS k ON k.product_id = v.parent_id""",
    Label.BRAND: """SELECT v.id, coalesce(nullif(v.vendor, ''), p.vendor) FROM products AS v
        LEFT JOIN products AS p ON p.id = v.parent_id WHERE coalesce(nullif(v.vendor, ''), p.vendor) <> ''""",
}
# A line counts once under each of its labels; an order counts once, however many of its lines have one.
_SUMS = f"""
    SELECT g.label, o.contact_id, o.currency, count(DISTINCT o.id), max(o.placed_at),
           coalesce(sum(CAST(round(l.quantity * l.price_minor) AS INTEGER)), 0)
    FROM orders AS o JOIN order_lines AS l ON l.order_id = o.id
    CROSS JOIN temp.goods AS g ON g.product_id = l.product_id
    WHERE o.contact_id BETWEEN :low AND :high AND o.placed_at < :until AND o.status IN {frames.COUNTED}
    GROUP BY g.label, o.contact_id, o.currency"""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Everybody who bought goods with one label; `monetary_minor` of the population is the money of these lines."""

    label: str
    people: Population


def populations(store: Store, by: Label, *, until: int, currency: str, rates: Rates, day: date) -> Iterator[Labelled]:
    """Yield for each category or brand, by name, who had bought of it before `until` (milliseconds).

    Names that differ only in case are one. Money is quantity × price of the lines: neither shipping nor what was taken
    off the whole order or refunded is part of it.
    """
    import numpy as np

    with store.again() as other:
        names = _keep_goods(other.db, by)
        rows = np.array(list(_rows(other.db, until)), dtype=np.int64).reshape(-1, 6)
        currencies = frames.currencies(other.db)
        merged = frames.survivors(other.db)
    used = [currencies[code] for code in np.unique(rows[:, 2])]
    reported, worth = frames.factors(used, currency, rates, day)
    if merged is not None:
        rows[:, 1] = merged[rows[:, 1]]
    factors = [worth.get(one, 1.0) for one in currencies]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    codes, starts = np.unique(rows[:, 0], return_index=True)
    for code, mine in zip(codes, np.split(rows, starts[1:]), strict=False):  # without rows there is one empty part
        yield Labelled(names[code], _population(mine, factors, reported))


def lines_without_price(db: Connection, *, until: int) -> int:
    """Return how many lines of counted orders before `until` (milliseconds) have no price, and so are worth nothing."""
    query = f"""SELECT count(*) FROM order_lines AS l JOIN orders AS o ON o.id = l.order_id
        WHERE l.price_minor IS NULL AND l.quantity <> 0 AND l.product_id IS NOT NULL AND o.contact_id IS NOT NULL
          AND o.status IN {frames.COUNTED} AND o.placed_at < ?"""
    return int(db.execute(query, (until,)).fetchone()[0])


def _keep_goods(db: Connection, by: Label) -> list[str]:
    """Note the label of each product in a temporary table; return the labels, which it knows by their place."""
    found: dict[str, list[tuple[int, str]]] = {}
    for product_id, label in db.execute(_LABELS[by]):
        found.setdefault(label.casefold(), []).append((product_id, label))
    db.execute(
        "CREATE TEMP TABLE goods (product_id INTEGER, label INTEGER, PRIMARY KEY (product_id, label)) WITHOUT ROWID"
    )
    keys = sorted(found)
    rows = ((product_id, code) for code, key in enumerate(keys) for product_id, _ in found[key])
    db.executemany("INSERT OR IGNORE INTO temp.goods VALUES (?, ?)", rows)
    return [min(label for _, label in found[key]) for key in keys]


def _rows(db: Connection, until: int) -> Iterator[tuple[int, ...]]:
    """Yield (label, contact, currency by its place, orders, last order, money)."""
    codes = {name: code for code, name in enumerate(frames.currencies(db))}
    highest = db.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0]
    for low in range(0, highest + 1, _CONTACTS_AT_ONCE):
        window = {"low": low, "high": low + _CONTACTS_AT_ONCE - 1, "until": until}
        for label, contact, currency, orders, last_at, minor in db.execute(_SUMS, window):
            yield label, contact, codes[currency], orders, last_at, minor


def _population(rows: Integers, worth: Sequence[float], currency: str) -> Population:
    """Add up the rows of one label by person."""
    import numpy as np

    people, place = np.unique(rows[:, 1], return_inverse=True)
    count, money = np.zeros(len(people), np.int64), np.zeros(len(people), np.int64)
    last = np.full(len(people), np.iinfo(np.int64).min)
    np.add.at(count, place, rows[:, 3])
    np.maximum.at(last, place, rows[:, 4])
    for code in np.unique(rows[:, 2]):
        chosen = rows[:, 2] == code
        amounts = np.zeros(len(people), np.int64)
        np.add.at(amounts, place[chosen], rows[chosen, 5])
        money += frames.converted(amounts, worth[code])
    return Population(people, count, last, money, currency)
