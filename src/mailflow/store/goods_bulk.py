"""Write the products that staged orders name, and the categories that their lines give them. Orders: orders_bulk.

A product is known by the shop's id, else its SKU, else its title: an order line with a SKU alone is of the product that
has this SKU, whatever its id. Files of products themselves: products_bulk.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailflow.store import journal
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace

_TABLES = """
CREATE TABLE stage.nameless (product_id TEXT PRIMARY KEY, sku TEXT, title TEXT) WITHOUT ROWID;
CREATE TABLE stage.alike (product_id TEXT PRIMARY KEY, product_pk INTEGER) WITHOUT ROWID;
CREATE TABLE stage.goods (rank INTEGER PRIMARY KEY, product_id TEXT UNIQUE, sku TEXT, title TEXT);
CREATE TABLE stage.sorted (rank INTEGER PRIMARY KEY, product_pk INTEGER, category TEXT);
CREATE TABLE stage.product_of (product_id TEXT PRIMARY KEY, product_pk INTEGER) WITHOUT ROWID
"""

# The product of an order line `l`, once `add` is done.
PRODUCT_OF = "(SELECT product_pk FROM stage.product_of AS k WHERE k.product_id = l.product_id)"


def open_stage(db: Connection) -> None:
    """Make the tables in which the products of order lines and their categories are collected."""
    db.execute("CREATE TABLE stage.named (product_id TEXT PRIMARY KEY, sku TEXT, title TEXT) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE stage.line_categories"
        " (product_id TEXT, category TEXT, PRIMARY KEY (product_id, category)) WITHOUT ROWID"
    )


def add_names(db: Connection, names: Iterable[tuple[str, str | None, str]]) -> None:
    """Add (product id, SKU, title) as lines say them; of several with one id the first counts."""
    db.executemany("INSERT OR IGNORE INTO stage.named VALUES (?, ?, ?)", names)


def add_categories(db: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Add (product id, category) as lines say them."""
    db.executemany("INSERT OR IGNORE INTO stage.line_categories VALUES (?, ?)", pairs)


def add(pace: Pace, import_id: int, source: str) -> None:
    """Write the products of the staged orders that are not known yet, and their categories."""
    db = pace.store.db
    for statement in _TABLES.split(";"):
        db.execute(statement)
    db.execute(_NAMELESS, {"source": source})
    for column in ("sku", "title"):
        db.execute(_ALIKE.format(column=column), {"source": source})
    db.execute(
        """INSERT INTO stage.goods (product_id, sku, title) SELECT product_id, sku, title FROM stage.nameless
           WHERE product_id NOT IN (SELECT product_id FROM stage.alike) ORDER BY product_id"""
    )
    for first, last in pace.ranks("goods"):
        with pace.transaction() as tx:
            base = tx.execute("SELECT coalesce(max(id), 0) FROM main.products").fetchone()[0] + 1 - first
            tx.execute(
                """INSERT INTO main.products (id, source, product_id, sku, title)
                   SELECT rank + :base, :source, product_id, sku, title FROM stage.goods
                   WHERE rank BETWEEN :first AND :last""",
                {"base": base, "first": first, "last": last, "source": source},
            )
            journal.add_range(tx, import_id, "products", first + base, last + base)
    db.execute(_FOUND, {"source": source})
    _sort(pace, import_id, source)


def _sort(pace: Pace, import_id: int, source: str) -> None:
    """Put products that are in none into the categories that lines say: a file of products knows better."""
    db = pace.store.db
    db.execute(
        f"""INSERT INTO stage.sorted (product_pk, category)
            SELECT product_pk, category FROM (
              SELECT {PRODUCT_OF} AS product_pk, l.category FROM stage.line_categories AS l) AS s
            WHERE product_pk IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM main.product_categories AS c WHERE c.product_id = s.product_pk)
            ORDER BY product_pk, category""",
        {"source": source},
    )
    for first, last in pace.ranks("sorted"):
        with pace.transaction() as tx:
            span = {"first": first, "last": last, "import": import_id}
            tx.execute(
                """INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
                   SELECT :import, 'product_categories', product_pk, product_pk, json_group_array(category)
                   FROM stage.sorted WHERE rank BETWEEN :first AND :last GROUP BY product_pk""",
                span,
            )
            tx.execute(
                """INSERT OR IGNORE INTO main.product_categories (product_id, category)
                   SELECT product_pk, category FROM stage.sorted WHERE rank BETWEEN :first AND :last""",
                span,
            )


_NAMELESS = """INSERT INTO stage.nameless (product_id, sku, title) SELECT product_id, sku, title FROM stage.named AS l
    WHERE NOT EXISTS (SELECT 1 FROM main.products AS p WHERE p.source = :source AND p.product_id = l.product_id)"""
_FOUND = """INSERT INTO stage.product_of (product_id, product_pk) SELECT l.product_id, coalesce(
      (SELECT id FROM main.products AS p WHERE p.source = :source AND p.product_id = l.product_id),
      (SELECT product_pk FROM stage.alike AS k WHERE k.product_id = l.product_id))
    FROM stage.named AS l"""
_ALIKE = """INSERT OR IGNORE INTO stage.alike (product_id, product_pk)
    SELECT l.product_id, min(p.id) FROM stage.nameless AS l JOIN main.products AS p
      ON p.source = :source AND p.{column} = l.product_id
    WHERE l.product_id = l.{column} GROUP BY l.product_id"""
