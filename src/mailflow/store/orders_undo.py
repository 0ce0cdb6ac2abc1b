"""Take the orders that an import brought back, from its journal, with lines, refunds and facts. The rest: undo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mailflow.store import facts, journal
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace


def take_back(pace: Pace, import_id: int) -> tuple[int, int]:
    """Delete orders that the import added and restore those it changed; return how many went, how many stay."""
    return journal.take_back(pace, import_id, "orders", delete=_delete, restore=_restore)


def _delete(tx: Connection, ids: Sequence[int]) -> tuple[int, Sequence[int]]:
    among = {"ids": json.dumps(ids)}
    touched = [
        row[0]
        for row in tx.execute(
            """SELECT DISTINCT contact_id FROM orders
               WHERE id IN (SELECT value FROM json_each(:ids)) AND contact_id IS NOT NULL""",
            among,
        )
    ]
    for table in ("order_lines", "refunds", "order_codes"):
        tx.execute(f"DELETE FROM {table} WHERE order_id IN (SELECT value FROM json_each(:ids))", among)
    tx.execute("DELETE FROM orders WHERE id IN (SELECT value FROM json_each(:ids))", among)
    facts.recount(tx, touched)
    return len(ids), ()


def _restore(tx: Connection, order_id: int, before: Mapping[str, Any]) -> None:
    held = tx.execute("SELECT contact_id FROM orders WHERE id = ?", (order_id,)).fetchone()
    if held is None:
        return
    tx.execute(
        """UPDATE orders SET contact_id = :contact_id, status = :status, placed_at = :placed_at,
             total_minor = :total_minor, currency = :currency, fingerprint = :fingerprint WHERE id = :id""",
        {**before, "id": order_id},
    )
    tx.execute("DELETE FROM order_lines WHERE order_id = ?", (order_id,))
    tx.execute("DELETE FROM refunds WHERE order_id = ?", (order_id,))
    tx.execute(
        """INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor)
           SELECT :id, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(:lines)""",
        {"id": order_id, "lines": json.dumps(before["lines"])},
    )
    tx.execute(
        """INSERT INTO refunds (order_id, source_id, refunded_at, amount_minor)
           SELECT :id, value ->> 0, value ->> 1, value ->> 2 FROM json_each(:refunds)""",
        {"id": order_id, "refunds": json.dumps(before["refunds"])},
    )
    if "codes" in before:  # a journal of before there were any does not speak of them
        tx.execute("DELETE FROM order_codes WHERE order_id = ?", (order_id,))
        tx.execute(
            """INSERT INTO order_codes (order_id, code_key, code)
               SELECT :id, value ->> 0, value ->> 1 FROM json_each(:codes)""",
            {"id": order_id, "codes": json.dumps(before["codes"])},
        )
    facts.recount(tx, [int(str(one)) for one in (held["contact_id"], before["contact_id"]) if one is not None])
