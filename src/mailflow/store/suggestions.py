"""What recommendations are looked up from, for many contacts at once: their own orders and views, and what a run found.

What a run reads: frames_goods.py. How a list is made of it: analytics/recommend.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from mailflow.store.connection import Connection, Row
from mailflow.store.frames import COUNTED

RECOMMENDATIONS = "recommendations"
# (product_id, place, neighbour_id, score, support) and (product_id, buyers, popularity, place, again)
NeighbourRow = tuple[int, int, int, float, int]
SalesRow = tuple[int, int, float, int | None, float | None]

_PEOPLE = """people (id, root) AS (
    SELECT id, coalesce(merged_into, id) FROM contacts WHERE id IN (SELECT value FROM json_each(:ids))
    UNION SELECT id, merged_into FROM contacts WHERE merged_into IN (SELECT value FROM json_each(:ids)))"""
# An event names a product by the shop's id, its SKU or its title; whose shop's it is, it does not say.
_VIEWED = f"""WITH RECURSIVE {_PEOPLE},
    seen (root, at, product_id, sku, title) AS (
      SELECT p.root, max(e.occurred_at), CAST(e.properties ->> 'product_id' AS TEXT),
             CAST(e.properties ->> 'sku' AS TEXT), CAST(e.properties ->> 'product' AS TEXT)
      FROM people AS p JOIN events AS e ON e.contact_id = p.id
      WHERE e.name = 'product_viewed' AND e.occurred_at BETWEEN :since AND :until GROUP BY 1, 3, 4, 5),
    shops (source) AS (
      SELECT min(source) FROM products
      UNION ALL SELECT (SELECT min(source) FROM products WHERE source > s.source) FROM shops AS s
      WHERE s.source IS NOT NULL)
    SELECT s.root, coalesce(p.parent_id, p.id) AS product, max(s.at) AS at
    FROM seen AS s CROSS JOIN shops AS h CROSS JOIN products AS p ON p.id = coalesce(
      (SELECT id FROM products WHERE source = h.source AND product_id = s.product_id),
      (SELECT id FROM products WHERE source = h.source AND sku = s.sku ORDER BY id LIMIT 1),
      (SELECT id FROM products WHERE source = h.source AND title = s.title ORDER BY id LIMIT 1))
    WHERE h.source IS NOT NULL
    GROUP BY 1, 2 ORDER BY 1, 3 DESC, p.product_id, p.source"""


_NO_FIELDS: Mapping[str, Sequence[Any]] = MappingProxyType({})
_CATEGORIES = "(SELECT json_group_array(category) FROM product_categories AS k WHERE k.product_id = p.id)"


@dataclass(frozen=True, slots=True)
class Good:
    """A product as it can be shown now. `fields` are its values by name, its variants' among them.

    `on_sale` are the fields of what can be bought: of the variants in stock, where there are variants.
    """

    id: int
    source: str
    product_id: str
    sku: str | None
    title: str
    url: str | None
    image_url: str | None
    price_minor: int | None
    currency: str | None
    is_available: bool
    fields: Mapping[str, Sequence[Any]]
    on_sale: Mapping[str, Sequence[Any]]

    @property
    def key(self) -> tuple[str, str]:
        """What orders products that are equally good."""
        return self.product_id, self.source


def bought(db: Connection, contact_ids: Collection[int], *, until: int) -> dict[int, list[int]]:
    """Return the products that each contact bought before `until`, each once, the latest first; variants as parents."""
    rows = db.execute(
        f"""WITH {_PEOPLE}
            SELECT p.root, coalesce(g.parent_id, g.id) AS product, max(o.placed_at) AS at
            FROM people AS p JOIN orders AS o ON o.contact_id = p.id JOIN order_lines AS l ON l.order_id = o.id
              JOIN products AS g ON g.id = l.product_id
            WHERE o.status IN {COUNTED} AND o.placed_at < :until AND l.quantity > 0
            GROUP BY 1, 2 ORDER BY 1, 3 DESC, g.product_id, g.source""",
        {"ids": json.dumps(list(contact_ids)), "until": until},
    )
    return _by_person(rows)


def viewed(db: Connection, contact_ids: Collection[int], *, since: int, until: int) -> dict[int, list[int]]:
    """Return the products that each contact looked at within a time, each once, the latest first."""
    window = {"ids": json.dumps(list(contact_ids)), "since": since, "until": until}
    return _by_person(db.execute(_VIEWED, window))


def neighbours(db: Connection, run_id: int, products: Collection[int]) -> dict[int, list[tuple[int, float]]]:
    """Return (product, score) of what goes together with each of some products, the nearest first."""
    found: dict[int, list[tuple[int, float]]] = {product: [] for product in products}
    for row in db.execute(
        """SELECT product_id, neighbour_id, score FROM product_neighbours
           WHERE run_id = :run AND product_id IN (SELECT value FROM json_each(:products)) ORDER BY product_id, place""",
        {"run": run_id, "products": json.dumps(list(products))},
    ):
        found[row["product_id"]].append((row["neighbour_id"], row["score"]))
    return found


def popular(db: Connection, run_id: int) -> list[tuple[int, float]]:
    """Return the popular products of a run, the most popular first, each with how popular it is."""
    rows = db.execute(
        "SELECT product_id, popularity FROM product_sales WHERE run_id = ? AND place IS NOT NULL ORDER BY place",
        (run_id,),
    )
    return [(row["product_id"], row["popularity"]) for row in rows]


def consumables(db: Connection, run_id: int) -> dict[int, float]:
    """Return how likely each consumable is bought again."""
    rows = db.execute("SELECT product_id, again FROM product_sales WHERE run_id = ? AND again IS NOT NULL", (run_id,))
    return {row["product_id"]: row["again"] for row in rows}


def listing(db: Connection) -> frozenset[str]:
    """Return the sources that have products with a page (URL) of their own."""
    return frozenset(row["source"] for row in db.execute("SELECT DISTINCT source FROM products WHERE url <> ''"))


def roots(db: Connection) -> list[int]:
    """Return all products but variants, by id."""
    return [row["id"] for row in db.execute("SELECT id FROM products WHERE parent_id IS NULL ORDER BY id")]


def low_stocks(db: Connection, most: int) -> Iterator[tuple[str, int]]:
    """Yield the title and stock of each product and variant of which there are some, and at most so many."""
    rows = db.execute("SELECT title, stock FROM products WHERE stock BETWEEN 1 AND ? AND title <> ''", (most,))
    return ((row["title"], row["stock"]) for row in rows)


def goods(db: Connection, products: Collection[int], *, with_fields: bool) -> dict[int, Good]:
    """Return products by id, with what their variants say; who is no product any more is left out.

    `fields` and `on_sale` are empty without `with_fields`: reading them costs more than all the rest.
    """
    categories = _CATEGORIES if with_fields else "NULL"
    rows = db.execute(
        f"""SELECT p.*, p.id AS root, 0 AS is_variant, {categories} AS categories
            FROM products AS p WHERE p.id IN (SELECT value FROM json_each(:products))
            UNION ALL
            SELECT p.*, p.parent_id AS root, 1 AS is_variant, {categories} AS categories
            FROM products AS p WHERE p.parent_id IN (SELECT value FROM json_each(:products))
            ORDER BY root, is_variant, 1""",
        {"products": json.dumps(list(products))},
    )
    families = (list(members) for _, members in groupby(rows, key=itemgetter("root")))
    return {
        members[0]["id"]: _good(members, with_fields=with_fields)
        for members in families
        if not members[0]["is_variant"]
    }


def add_neighbours(tx: Connection, run_id: int, rows: Iterable[NeighbourRow]) -> None:
    """Write rows of an open run."""
    tx.executemany(
        "INSERT INTO product_neighbours (run_id, product_id, place, neighbour_id, score, support)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        ((run_id, *row) for row in rows),
    )


def add_sales(tx: Connection, run_id: int, rows: Iterable[SalesRow]) -> None:
    """Write rows of an open run."""
    tx.executemany(
        "INSERT INTO product_sales (run_id, product_id, buyers, popularity, place, again) VALUES (?, ?, ?, ?, ?, ?)",
        ((run_id, *row) for row in rows),
    )


def sweep(tx: Connection, run_id: int, *, limit: int) -> bool:
    """Delete up to `limit` rows of runs other than `run_id` and say whether there were any: nobody reads them."""
    gone = 0
    for table, key in (("product_neighbours", "run_id, product_id, place"), ("product_sales", "run_id, product_id")):
        gone += tx.execute(
            f"DELETE FROM {table} WHERE ({key}) IN"
            f" (SELECT {key} FROM {table} WHERE run_id < :run OR run_id > :run LIMIT :limit)",
            {"run": run_id, "limit": limit},
        ).rowcount
    return gone > 0


def _by_person(rows: Iterable[Any]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["root"], []).append(row["product"])
    return found


def _good(members: Sequence[Row], *, with_fields: bool) -> Good:
    """Return a product of its own row and those of its variants."""
    own, variants = members[0], members[1:]
    offered = [row for row in (variants or [own]) if row["status"] == "active"]
    sold = [row for row in offered if row["stock"] is None or row["stock"] > 0]  # a stock that is not counted is one
    priced = [row for row in (own, *sold) if row["price_minor"] is not None]
    cheapest = own if own["price_minor"] is not None else min(priced, key=lambda row: row["price_minor"], default=own)
    pictured = next((row["image_url"] for row in (own, *sold) if row["image_url"]), None)
    return Good(
        id=own["id"],
        source=own["source"],
        product_id=own["product_id"],
        sku=own["sku"],
        title=own["title"],
        url=own["url"] or next((row["url"] for row in sold if row["url"]), None),
        image_url=pictured,
        price_minor=cheapest["price_minor"],
        currency=cheapest["currency"],
        is_available=own["status"] == "active" and bool(sold),
        fields=_fields(members) if with_fields else _NO_FIELDS,
        on_sale=_fields([own, *sold]) if with_fields else _NO_FIELDS,
    )


def _fields(members: Sequence[Row]) -> Mapping[str, Sequence[Any]]:
    found: dict[str, list[Any]] = {}
    for row in members:
        said = {name: row[name] for name in ("product_id", "sku", "title", "vendor")}
        for name, value in {**said, "category": json.loads(row["categories"]), **json.loads(row["attributes"])}.items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return MappingProxyType(found)
