"""Compare a staged file of products with those that are known, and write what is new or changed.

Products that only order lines name: goods_bulk; taking an import back: products_undo.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow import money
from mailflow.store import journal
from mailflow.store.connection import Connection, Row
from mailflow.store.pace import Pace

COLUMNS = (
    "product_id", "sku", "title", "vendor", "price_minor", "currency", "url", "image_url", "stock", "status",
    "attributes",
)  # fmt: skip
STAGED_COLUMNS = ("line", "parent", *COLUMNS, "categories")

_SLICE = 20_000
# `line` tells the row of the file; several products may be of one row, and several rows of one product. `categories` is
# a JSON list, NULL where the row says nothing of them; `product_pk` is the known product, `parent_pk` its parent's.
_TABLES = f"""
CREATE TABLE stage.product_rows (n INTEGER PRIMARY KEY, {", ".join(STAGED_COLUMNS)});
CREATE TABLE stage.products (
  n INTEGER PRIMARY KEY, line INTEGER, parent TEXT, {", ".join(f"{name}" for name in COLUMNS)}, categories TEXT,
  product_pk INTEGER, changed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE stage.arrived (rank INTEGER PRIMARY KEY, n INTEGER);
CREATE TABLE stage.revised (rank INTEGER PRIMARY KEY, n INTEGER, product_pk INTEGER)
"""


@dataclass(frozen=True, slots=True)
class ProductCounts:
    """What the rows of a file would do: a row that brings several products counts once, for the newest of them."""

    new: int
    changed: int
    unchanged: int
    merged: int


def open_stage(db: Connection) -> None:
    """Make the tables in which a file's products are collected."""
    for statement in _TABLES.split(";"):
        db.execute(statement)


def add(db: Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Add what rows say of products: tuples in the order of STAGED_COLUMNS."""
    db.executemany(
        f"INSERT INTO stage.product_rows ({', '.join(STAGED_COLUMNS)}) VALUES ({', '.join('?' * len(STAGED_COLUMNS))})",
        rows,
    )


def compare(db: Connection, source: str) -> ProductCounts:
    """Fold the rows about one product into one, find the products that are known, and mark what differs."""
    _fold(db)
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM stage.products").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        span = {"source": source, "first": first, "last": first + _SLICE - 1}
        for statement in (_BY_ID, _BY_SKU, _BY_TITLE):
            db.execute(statement, span)
    db.execute(_ONCE)
    for first in range(1, last + 1, _SLICE):
        span = {"source": source, "first": first, "last": first + _SLICE - 1}
        db.execute(_CHANGED, span)
    db.execute("INSERT INTO stage.arrived (n) SELECT n FROM stage.products WHERE product_pk IS NULL ORDER BY n")
    db.execute(
        "INSERT INTO stage.revised (n, product_pk)"
        " SELECT n, product_pk FROM stage.products WHERE changed ORDER BY product_pk"
    )
    row = db.execute(
        """SELECT count(*) FILTER (WHERE news = 2) AS new, count(*) FILTER (WHERE news = 1) AS changed,
                  count(*) FILTER (WHERE news = 0) AS same,
                  (SELECT count(DISTINCT line) FROM stage.product_rows) - count(*) AS merged
           FROM (SELECT max(iif(product_pk IS NULL, 2, changed)) AS news FROM stage.products GROUP BY line)"""
    ).fetchone()
    return ProductCounts(row["new"], row["changed"], row["same"], row["merged"])


def write(pace: Pace, import_id: int, source: str) -> None:
    """Write new products, then what changed of known ones, then who is whose variant."""
    db = pace.store.db
    for first, last in pace.ranks("arrived"):
        with pace.transaction() as tx:
            base = tx.execute("SELECT coalesce(max(id), 0) FROM main.products").fetchone()[0] + 1 - first
            span = {"base": base, "first": first, "last": last, "source": source}
            tx.execute(_INSERT, span)
            tx.execute(_INSERT_CATEGORIES, span)
            journal.add_range(tx, import_id, "products", first + base, last + base)
        db.execute(
            "UPDATE stage.products SET product_pk = a.rank + :base FROM stage.arrived AS a"
            " WHERE a.n = products.n AND a.rank BETWEEN :first AND :last",
            span,
        )
    for first, last in pace.ranks("revised"):
        span = {"first": first, "last": last, "import": import_id}
        with pace.transaction() as tx:
            tx.execute(_JOURNAL, span)
            tx.execute(_UPDATE, span)
            tx.execute(_FORGET_CATEGORIES, span)
            tx.execute(_RENEW_CATEGORIES, span)
    _adopt(pace, source)


def differences(db: Connection, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would change: `{line, product, field, old, new}`, prices with their currency."""
    both = ", ".join(f"s.{name} AS new_{name}, o.{name} AS old_{name}" for name in COLUMNS)
    rows = db.execute(
        f"""SELECT s.line, s.categories, o.product_id AS known_as, {both}, {_KNOWN_CATEGORIES} AS old_categories
            FROM stage.revised AS r JOIN stage.products AS s ON s.n = r.n JOIN main.products AS o ON o.id = r.product_pk
            ORDER BY r.rank LIMIT ?""",
        (limit,),
    )
    return [change for row in rows for change in _row_differences(row)]


def _row_differences(row: Row) -> Iterator[dict[str, Any]]:
    where = {"line": row["line"], "product": row["known_as"]}
    for name in COLUMNS:
        old, new = row[f"old_{name}"], row[f"new_{name}"]
        if name == "attributes":
            before = json.loads(old)
            for key, value in json.loads(new or "{}").items():
                if before.get(key) != value:
                    yield {**where, "field": key, "old": before.get(key), "new": value}
        elif name == "price_minor" and new is not None and new != old:
            prices = [money.labelled(old, row["old_currency"]), money.labelled(new, row["new_currency"])]
            yield {**where, "field": "price", "old": prices[0], "new": prices[1]}
        elif new is not None and new != old:
            yield {**where, "field": name, "old": old, "new": new}
    if row["categories"] is not None and row["categories"] != row["old_categories"]:
        lists = [", ".join(json.loads(text)) for text in (row["old_categories"], row["categories"])]
        yield {**where, "field": "categories", "old": lists[0] or None, "new": lists[1]}


def _fold(db: Connection) -> None:
    """Fill stage.products: one for each id. The first row that says something of a field counts; categories add up."""
    db.execute("CREATE INDEX stage.product_rows_by_id ON product_rows (product_id)")
    db.execute("CREATE INDEX stage.products_by_id ON products (product_id)")
    first = ", ".join(
        f"(SELECT r.{name} FROM stage.product_rows AS r WHERE r.product_id = g.product_id AND r.{name} IS NOT NULL"
        f" ORDER BY r.n LIMIT 1) AS {name}"
        for name in ("parent", *COLUMNS) if name != "product_id"
    )  # fmt: skip
    single = ", ".join(f"r.{name}" for name in ("line", "parent", *COLUMNS))
    names = ", ".join(("n", "line", "parent", *COLUMNS))
    db.execute(
        f"""INSERT INTO stage.products ({names}, categories)
            SELECT r.n, {single}, r.categories FROM stage.product_rows AS r
            JOIN (SELECT min(n) AS n FROM stage.product_rows
                  GROUP BY product_id HAVING count(*) = 1) AS g ON g.n = r.n"""
    )
    ordered = ", ".join(name for name in ("parent", *COLUMNS) if name != "product_id")
    db.execute(
        f"""INSERT INTO stage.products (n, line, product_id, {ordered}, categories)
            SELECT g.n, g.line, g.product_id, {first}, {_ALL_CATEGORIES}
            FROM (SELECT min(n) AS n, min(line) AS line, product_id FROM stage.product_rows
                  GROUP BY product_id HAVING count(*) > 1) AS g"""
    )


def _adopt(pace: Pace, source: str) -> None:
    """Give variants their parent, by its id or its SKU."""
    db = pace.store.db
    db.execute("CREATE TABLE stage.adopted (rank INTEGER PRIMARY KEY, product_pk INTEGER, parent_pk INTEGER)")
    db.execute(
        """INSERT INTO stage.adopted (product_pk, parent_pk)
           SELECT product_pk, parent_pk FROM (
             SELECT s.product_pk, coalesce(
               (SELECT id FROM main.products AS p WHERE p.source = :source AND p.product_id = s.parent),
               (SELECT min(id) FROM main.products AS p WHERE p.source = :source AND p.sku = s.parent)) AS parent_pk
             FROM stage.products AS s WHERE s.parent IS NOT NULL) AS found
           JOIN main.products AS o ON o.id = found.product_pk
           WHERE parent_pk IS NOT NULL AND parent_pk <> product_pk AND o.parent_id IS NOT parent_pk
           ORDER BY product_pk""",
        {"source": source},
    )
    for first, last in pace.ranks("adopted"):
        with pace.transaction() as tx:
            tx.execute(
                """UPDATE main.products AS o SET parent_id = a.parent_pk FROM stage.adopted AS a
                   WHERE a.rank BETWEEN ? AND ? AND o.id = a.product_pk""",
                (first, last),
            )


# A known product is found by its id, else where an order line knew it by its SKU or title alone.
_BY_ID = """UPDATE stage.products AS s SET product_pk =
      (SELECT id FROM main.products AS p WHERE p.source = :source AND p.product_id = s.product_id)
    WHERE s.n BETWEEN :first AND :last"""
_BY_SKU = """UPDATE stage.products AS s SET product_pk =
      (SELECT id FROM main.products AS p WHERE p.source = :source AND p.product_id = s.sku)
    WHERE s.n BETWEEN :first AND :last AND s.product_pk IS NULL AND s.sku IS NOT NULL"""
_BY_TITLE = """UPDATE stage.products AS s SET product_pk =
      (SELECT id FROM main.products AS p WHERE p.source = :source AND p.product_id = s.title AND p.sku IS NULL)
    WHERE s.n BETWEEN :first AND :last AND s.product_pk IS NULL AND s.title IS NOT NULL"""
# Of several that claim one product, only the first is it; whoever has its id comes before the others.
_ONCE = """UPDATE stage.products SET product_pk = NULL WHERE n IN (
      SELECT n FROM (SELECT s.n, row_number() OVER (
          PARTITION BY s.product_pk ORDER BY s.product_id <> p.product_id, s.n) AS place
        FROM stage.products AS s JOIN main.products AS p ON p.id = s.product_pk) WHERE place > 1)"""
_KNOWN_CATEGORIES = """(SELECT json_group_array(category) FROM (
    SELECT category FROM main.product_categories WHERE product_id = o.id ORDER BY category))"""
_ALL_CATEGORIES = """(SELECT nullif(json_group_array(value), '[]') FROM (
    SELECT DISTINCT j.value FROM stage.product_rows AS r, json_each(r.categories) AS j
    WHERE r.product_id = g.product_id ORDER BY j.value))"""
_CHANGED = f"""UPDATE stage.products AS s SET changed = 1 FROM main.products AS o
    WHERE o.id = s.product_pk AND s.n BETWEEN :first AND :last AND (
      {" OR ".join(f"(s.{name} IS NOT NULL AND s.{name} IS NOT o.{name})" for name in COLUMNS if name != "attributes")}
      OR json_patch(o.attributes, coalesce(s.attributes, '{{}}')) <> o.attributes
      OR (s.categories IS NOT NULL AND s.categories <> {_KNOWN_CATEGORIES})
      OR (s.parent IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM main.products AS p WHERE p.id = o.parent_id AND s.parent IN (p.product_id, p.sku))
          AND EXISTS (SELECT 1 FROM stage.products AS t WHERE t.product_id = s.parent
                      UNION ALL SELECT 1 FROM main.products AS p WHERE p.source = o.source AND p.product_id = s.parent
                      UNION ALL SELECT 1 FROM main.products AS p WHERE p.source = o.source AND p.sku = s.parent)))"""
_INSERT = f"""INSERT INTO main.products (id, source, {", ".join(COLUMNS)})
    SELECT a.rank + :base, :source, s.product_id, s.sku, coalesce(s.title, s.sku, s.product_id), s.vendor,
           s.price_minor, s.currency, s.url, s.image_url, s.stock, coalesce(s.status, 'active'),
           coalesce(s.attributes, '{{}}')
    FROM stage.arrived AS a JOIN stage.products AS s ON s.n = a.n
    WHERE a.rank BETWEEN :first AND :last ORDER BY a.rank"""
_INSERT_CATEGORIES = """INSERT INTO main.product_categories (product_id, category)
    SELECT a.rank + :base, j.value FROM stage.arrived AS a JOIN stage.products AS s ON s.n = a.n,
      json_each(s.categories) AS j
    WHERE a.rank BETWEEN :first AND :last"""
_JOURNAL = f"""INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
    SELECT :import, 'products', o.id, o.id, json_object('parent_id', o.parent_id,
      {", ".join(f"'{name}', o.{name}" for name in COLUMNS)}, 'categories', json({_KNOWN_CATEGORIES}))
    FROM stage.revised AS r JOIN main.products AS o ON o.id = r.product_pk
    WHERE r.rank BETWEEN :first AND :last ORDER BY r.rank"""
_UPDATE = f"""UPDATE main.products AS o SET
      {", ".join(f"{name} = coalesce(s.{name}, o.{name})" for name in COLUMNS if name != "attributes")},
      attributes = json_patch(o.attributes, coalesce(s.attributes, '{{}}'))
    FROM stage.revised AS r JOIN stage.products AS s ON s.n = r.n
    WHERE r.rank BETWEEN :first AND :last AND o.id = r.product_pk"""
_FORGET_CATEGORIES = """DELETE FROM main.product_categories WHERE product_id IN (
    SELECT r.product_pk FROM stage.revised AS r JOIN stage.products AS s ON s.n = r.n
    WHERE r.rank BETWEEN :first AND :last AND s.categories IS NOT NULL)"""
_RENEW_CATEGORIES = """INSERT INTO main.product_categories (product_id, category)
    SELECT r.product_pk, j.value FROM stage.revised AS r JOIN stage.products AS s ON s.n = r.n,
      json_each(s.categories) AS j
    WHERE r.rank BETWEEN :first AND :last"""
