"""Who bought which product and when, as columns, and the products these are of. What is made of them: analytics.

What is recommended to one person is looked up by suggestions.py. Numpy is imported on use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailflow.store import frames
from mailflow.store.connection import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

_LINES = f"""orders AS o CROSS JOIN order_lines AS l ON l.order_id = o.id
    WHERE o.id BETWEEN :low AND :high AND o.contact_id IS NOT NULL AND o.status IN {frames.COUNTED}
      AND o.placed_at < :until AND l.product_id IS NOT NULL AND l.quantity > 0"""


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


def count_lines(db: Connection) -> int:
    """Return about how many order lines there are, without counting them."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM order_lines").fetchone()[0])


def lines(db: Connection, numbers: Integers, *, until: int, one_in: int = 1) -> tuple[Integers, Integers, Integers]:
    """Return who bought what and when before `until`: contact ids, numbers of products, milliseconds.

    `numbers` has the number of each product by its id, negative for those to leave out; all ids are in it. Who was
    merged is who they are now. One row a line; of every `one_in` people one, always the same.
    """
    import numpy as np

    merged = frames.survivors(db)
    people, products, at = [], [], []
    columns = ("o.contact_id", "l.product_id", "o.placed_at")
    for whose, which, when in frames.of_orders(db, columns, _LINES, until=until):
        number, person = numbers[which], whose if merged is None else merged[whose]
        known = (number >= 0) & (_scattered(person) % one_in == 0)
        people.append(person[known])
        products.append(number[known])
        at.append(when[known])
    none = np.zeros(0, np.int64)
    return (
        np.concatenate([none, *people]),
        np.concatenate([none, *products]),
        np.concatenate([none, *at]),
    )


def _scattered(ids: Integers) -> Integers:
    """Return numbers in which neighbours by id, who came in with the same file, are far apart (Knuth 6.4)."""
    return (ids * 2_654_435_761 % (1 << 32)) >> 16
