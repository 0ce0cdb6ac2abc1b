"""Take the products and categories that an import brought back, from its journal. Orders, contacts, consents: undo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mailflow.store import journal
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace
from mailflow.store.products_bulk import COLUMNS


def take_back(pace: Pace, import_id: int) -> tuple[int, int]:
    """Delete products that the import added and no order has, and restore what it changed of others.

    Return how many were taken back, and how many stay because an order has them or something newer changed them.
    """
    _take_back_categories(pace, import_id)
    promised: set[int] = set()
    if journal.due(pace.store.db, import_id, "products"):
        promised = {row[0] for row in pace.store.db.execute(_PROMISED)}

    def delete(tx: Connection, ids: Sequence[int]) -> tuple[int, Sequence[int]]:
        unused = [row[0] for row in tx.execute(_UNUSED, (json.dumps(ids),)) if row[0] not in promised]
        return _delete(tx, unused), sorted(set(ids).difference(unused))

    return journal.take_back(pace, import_id, "products", delete=delete, restore=_restore)


def _take_back_categories(pace: Pace, import_id: int) -> None:
    """Take products out of the categories that lines of orders gave them, unless a file of products spoke since."""
    for change in journal.due(pace.store.db, import_id, "product_categories"):
        spoken = journal.newer(pace.store.db, import_id, "products", change)
        with pace.transaction() as tx:
            if not spoken:
                tx.execute(
                    """DELETE FROM product_categories WHERE product_id = ?
                       AND category IN (SELECT value FROM json_each(?))""",
                    (change.first_id, change.before),
                )
            journal.settle(tx, change, change.rows, spoken)


def _delete(tx: Connection, ids: Sequence[int]) -> int:
    among = (json.dumps(ids),)
    tx.execute("UPDATE products SET parent_id = NULL WHERE parent_id IN (SELECT value FROM json_each(?))", among)
    tx.execute("DELETE FROM product_categories WHERE product_id IN (SELECT value FROM json_each(?))", among)
    return tx.execute("DELETE FROM products WHERE id IN (SELECT value FROM json_each(?))", among).rowcount


def _restore(tx: Connection, product_pk: int, before: Mapping[str, Any]) -> None:
    if tx.execute("SELECT 1 FROM products WHERE id = ?", (product_pk,)).fetchone() is None:
        return
    names = ", ".join(f"{name} = :{name}" for name in ("parent_id", *COLUMNS))
    tx.execute(
        f"UPDATE products SET {names} WHERE id = :id",
        {**before, "id": product_pk},
    )
    tx.execute("DELETE FROM product_categories WHERE product_id = ?", (product_pk,))
    tx.execute(
        "INSERT INTO product_categories (product_id, category) SELECT ?, value FROM json_each(?)",
        (product_pk, json.dumps(before["categories"])),
    )


# An import that gave a product categories takes them from this product again: its number may not go to another.
_UNUSED = """SELECT id FROM products AS p WHERE id IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM order_lines AS l WHERE l.product_id = p.id)
    AND NOT EXISTS (SELECT 1 FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
                    WHERE j.noun = 'product_categories' AND j.before IS NOT NULL AND j.first_id = p.id
                      AND i.state = 'done')"""
# What an order or a variant gets back when the import that took it away is undone as well.
_PROMISED = f"""SELECT g.value ->> 0 FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id,
      json_each(j.before, '$.lines') AS g
    WHERE j.noun = 'orders' AND j.before IS NOT NULL AND {journal.MAY_GO_BACK} AND g.value ->> 0 IS NOT NULL
    UNION SELECT j.before ->> 'parent_id' FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
    WHERE j.noun = 'products' AND j.before ->> 'parent_id' IS NOT NULL AND {journal.MAY_GO_BACK}"""
