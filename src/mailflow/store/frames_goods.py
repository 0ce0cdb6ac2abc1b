"""Who bought which product and when, as columns, and the products these are of. What is made of them: analytics.

What is recommended to one person is looked up by suggestions.py. Numpy is imported on use.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mailflow.store import frames
from mailflow.store.connection import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

_COUNTED = f"o.status IN {frames.COUNTED} AND o.placed_at < :until"
_LINES = f"""json_each(:whose) AS w CROSS JOIN orders AS o ON o.contact_id = w.value
      CROSS JOIN order_lines AS l ON l.order_id = o.id
    WHERE {_COUNTED} AND o.placed_at >= :since AND l.product_id IS NOT NULL AND l.quantity > 0"""
_EVER = -(1 << 62)
_KEYS_AT_ONCE = 100_000
_PEOPLE_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Product:
    """What a product is called. `root` is its own id, of a variant its parent's; `is_listed`: it has a page (URL)."""

    id: int
    root: int
    source: str
    product_id: str
    sku: str | None
    title: str
    categories: tuple[str, ...]
    is_listed: bool


def products(db: Connection) -> Iterator[Product]:
    """Yield all products in an order that does not depend on when they were imported."""
    rows = db.execute(
        """SELECT id, coalesce(parent_id, id) AS root, source, product_id, sku, title,
                  coalesce(url, '') <> '' AS is_listed,
                  (SELECT group_concat(category, char(31)) FROM product_categories AS k WHERE k.product_id = p.id)
                    AS categories
           FROM products AS p ORDER BY product_id, source"""
    )
    for row in rows:
        categories = tuple(row["categories"].split("\x1f")) if row["categories"] else ()
        yield Product(
            row["id"],
            row["root"],
            row["source"],
            row["product_id"],
            row["sku"],
            row["title"],
            categories,
            bool(row["is_listed"]),
        )


def lines_per_order(db: Connection) -> float:
    """Return how many lines an order has on average; 0 where there is none."""
    lines, orders = (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("order_lines", "orders"))
    return float(lines / orders) if orders else 0.0


def buyers(db: Connection) -> Iterator[tuple[Integers, list[str], Integers]]:
    """Yield everybody with a counted order, some at a time: contact ids, keys and numbers of orders, of one length."""
    import numpy as np

    last = db.execute("SELECT coalesce(max(contact_id), 0) FROM contact_facts").fetchone()[0]
    for low in range(0, last + 1, _KEYS_AT_ONCE):
        ids, keys, orders = db.execute(
            """SELECT group_concat(f.contact_id), group_concat(c.key), group_concat(f.order_count)
               FROM contact_facts AS f CROSS JOIN contacts AS c ON c.id = f.contact_id
               WHERE f.contact_id BETWEEN ? AND ?""",
            (low, low + _KEYS_AT_ONCE - 1),
        ).fetchone()
        if ids is not None:
            yield np.fromstring(ids, np.int64, sep=","), keys.split(","), np.fromstring(orders, np.int64, sep=",")


def lines(
    db: Connection, people: Integers, heavy: Collection[int], numbers: Integers, *, until: int, most_orders: int
) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Yield what some people bought before `until`, some people at a time, in the order of `people`.

    Each time three columns, a row for each line: places in `people`, numbers of products, milliseconds. `people` are
    contact ids; who was merged into them is they. Of `heavy` places the latest `most_orders` orders are read (and
    those of the same instant as the last of them). `numbers` has the number of each product by its id, negative for
    those to leave out; all ids are in it.
    """
    import numpy as np

    members, places = _members(db, people)
    place_of = np.full(1 + int(members.max(initial=0)), -1)
    place_of[members] = places
    for first, end in _blocks(len(people), heavy):
        whose = members[np.searchsorted(places, first) : np.searchsorted(places, end)]
        window = {"whose": json.dumps(whose.tolist()), "since": _EVER, "until": until}
        if first in heavy:
            window["since"] = _instant_of(db, window, most_orders)
        for who, which, when in frames.in_columns(
            db, ("o.contact_id", "l.product_id", "o.placed_at"), _LINES, [window]
        ):
            number = numbers[which]
            known = number >= 0
            yield place_of[who[known]], number[known], when[known]
    db.execute("PRAGMA shrink_memory")  # these pages are not read again, and the sums want the room


def _members(db: Connection, people: Integers) -> tuple[Integers, Integers]:
    """Return all contacts that are one of some people, and whose place in `people` is theirs, by place."""
    import numpy as np

    merged = frames.survivors(db)
    if merged is None:
        return people, np.arange(len(people))
    place_of = np.full(len(merged), -1)
    place_of[people] = np.arange(len(people))
    places = place_of[merged]
    members = np.flatnonzero(places >= 0)
    members = members[np.argsort(places[members], kind="stable")]
    return members, places[members]


def _blocks(size: int, heavy: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of places, some at a time; a heavy place is a range of its own."""
    edges = {*range(0, size, _PEOPLE_AT_ONCE), *heavy, *(place + 1 for place in heavy), size}
    yield from pairwise(sorted(edges))


def _instant_of(db: Connection, window: Mapping[str, Any], nth: int) -> int:
    """Return when the last but `nth` - 1 order of some contacts was placed; the beginning where there are fewer."""
    row = db.execute(
        f"""SELECT o.placed_at FROM orders AS o
            WHERE o.contact_id IN (SELECT value FROM json_each(:whose)) AND {_COUNTED}
            ORDER BY o.placed_at DESC LIMIT 1 OFFSET :nth - 1""",
        {**window, "nth": nth},
    ).fetchone()
    return _EVER if row is None else int(row[0])
