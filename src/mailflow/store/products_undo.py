"""Take the products and categories that an import brought back, from its journal. Orders, contacts, consents: undo."""

from __future__ import annotations

import json

from mailflow.store import journal
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace
from mailflow.store.products_bulk import COLUMNS


def take_back(pace: Pace, import_id: int) -> tuple[int, int]:
    """Delete products that the import added and no order has, and restore what it changed of others.

    Return how many were taken back, and how many stay because an order has them or something newer changed them.
    """
    db = pace.store.db
    gone = kept = 0
    for change in journal.entries(db, import_id, "product_categories"):
        with pace.transaction() as tx:
            tx.execute(
                """DELETE FROM product_categories WHERE product_id = ?
                   AND category IN (SELECT value FROM json_each(?))""",
                (change.first_id, change.before),
            )
    for change in journal.entries(db, import_id, "products"):
        newer = journal.newer(db, import_id, "products", change)
        kept += len(newer)
        if change.before is None:
            for ids in journal.slices(pace, change, newer):
                with pace.transaction() as tx:
                    deleted = _delete_unused(tx, ids)
                gone, kept = gone + deleted, kept + len(ids) - deleted
        elif not newer:
            with pace.transaction() as tx:
                _restore(tx, change.first_id, json.loads(change.before))
            gone += 1
    return gone, kept


def _delete_unused(tx: Connection, ids: list[int]) -> int:
    unused = [
        row[0]
        for row in tx.execute(
            """SELECT id FROM products AS p WHERE id IN (SELECT value FROM json_each(?))
               AND NOT EXISTS (SELECT 1 FROM order_lines AS l WHERE l.product_id = p.id)""",
            (json.dumps(ids),),
        )
    ]
    among = (json.dumps(unused),)
    tx.execute("UPDATE products SET parent_id = NULL WHERE parent_id IN (SELECT value FROM json_each(?))", among)
    tx.execute("DELETE FROM product_categories WHERE product_id IN (SELECT value FROM json_each(?))", among)
    return tx.execute("DELETE FROM products WHERE id IN (SELECT value FROM json_each(?))", among).rowcount


def _restore(tx: Connection, product_pk: int, before: dict[str, object]) -> None:
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
