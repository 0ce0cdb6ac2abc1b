"""Everybody's orders and lines as arrays, for what people buy most. The sums: analytics/favourites.py.

A window of orders with all their lines at a time, so that nothing large is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailflow.store import frames
from mailflow.store.connection import Connection

if TYPE_CHECKING:
    from mailflow.store.frames import Integers

# The categories of the shop, A to Z like a to z, each in one of its spellings; a variant is in those of its product.
_NAMES = """SELECT lower(min(category)) AS folded, min(category) FROM product_categories
    GROUP BY category COLLATE NOCASE ORDER BY folded"""
_SORTED = """SELECT DISTINCT p.id, lower(k.category) FROM products AS p
    JOIN product_categories AS k ON k.product_id IN (p.id, p.parent_id) ORDER BY p.id"""
_ORDERS = """orders WHERE id BETWEEN :low AND :high AND contact_id IS NOT NULL AND status IN ('open', 'paid')
    AND placed_at < :until"""
_LINES = "order_lines WHERE order_id BETWEEN :low AND :high AND product_id IS NOT NULL"
AT_ONCE = 50_000


def categories(db: Connection) -> tuple[list[str], Integers, Integers]:
    """Return the names of categories, and products with the place of a category each is in, ascending by product."""
    import numpy as np

    names = [tuple(row) for row in db.execute(_NAMES)]
    places = {folded: place for place, (folded, _) in enumerate(names)}
    rows = [(row[0], places[row[1]]) for row in db.execute(_SORTED)]
    table = np.array(rows, np.int64).reshape(-1, 2)
    return [name for _, name in names], table[:, 0], table[:, 1]


def lines(db: Connection) -> int:
    """Return about how many lines of orders there are, at once."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM order_lines").fetchone()[0])


def orders(db: Connection) -> int:
    """Return the highest id of an order: so many are gone through."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM orders").fetchone()[0])


def windows(db: Connection, *, until: int) -> Iterator[tuple[tuple[Integers, ...], tuple[Integers, ...]]]:
    """Yield (order ids, whose they are now, when) and (order ids, products) of lines, of counted orders before `until`.

    Each is of AT_ONCE ids of orders. Lines may be of orders that are not counted.
    """
    import numpy as np

    none = (np.empty(0, np.int64),)
    who = frames.survivors(db)
    for low in range(0, orders(db) + 1, AT_ONCE):
        window = {"low": low, "high": low + AT_ONCE - 1, "until": until}
        placed = next(frames.in_columns(db, ("id", "contact_id", "placed_at"), _ORDERS, [window]), none * 3)
        held = next(frames.in_columns(db, ("order_id", "product_id"), _LINES, [window]), none * 2)
        sequence = np.argsort(placed[0])
        ids, whose, at = (column[sequence] for column in placed)
        yield (ids, whose if who is None else who[whose], at), held
