"""Look up the orders that a file of lines is of, and what its staged lines add up to. Writing them: orders_bulk."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mailflow.store.connection import Connection


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as the database has it: when in ms, how much in minor units of its currency."""

    placed_at: int
    total_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Unequal:
    """How many staged orders have lines that do not add up to their total, and the first of them."""

    count: int
    order_id: str
    lines_minor: int
    total_minor: int
    currency: str


def known_orders(db: Connection, source: str, order_ids: Collection[str]) -> Mapping[str, KnownOrder]:
    """Return those of some orders of a shop that are known, by their ids."""
    rows = db.execute(
        """SELECT order_id, placed_at, total_minor, currency FROM main.orders
           WHERE source = ? AND order_id IN (SELECT value FROM json_each(?))""",
        (source, json.dumps(list(order_ids))),
    )
    return {row[0]: KnownOrder(*tuple(row)[1:]) for row in rows}


def drop_staged(db: Connection, order_ids: Collection[str]) -> set[str]:
    """Take orders with their lines out of the staging tables; return which of them were there."""
    among = {"ids": json.dumps(list(order_ids))}
    condition = "order_id IN (SELECT value FROM json_each(:ids))"
    there = {row[0] for row in db.execute(f"SELECT DISTINCT order_id FROM stage.orders WHERE {condition}", among)}
    if there:
        db.execute(f"DELETE FROM stage.lines WHERE order_n IN (SELECT n FROM stage.orders WHERE {condition})", among)
        db.execute(f"DELETE FROM stage.orders WHERE {condition}", among)
    return there


def unequal(db: Connection) -> Unequal | None:
    """Return which staged orders have priced lines that are not worth their total; None where all are."""
    rows = db.execute(
        """SELECT o.order_id, cast(round(sum(l.quantity * l.price_minor)) AS INTEGER), o.total_minor, o.currency
           FROM stage.orders AS o JOIN stage.lines AS l ON l.order_n = o.n
           GROUP BY o.n
           HAVING count(*) = count(l.price_minor) AND abs(sum(l.quantity * l.price_minor) - o.total_minor) >= 1
           ORDER BY o.n"""
    )
    first, count = None, 0
    for row in rows:
        first, count = first or row, count + 1
    return Unequal(count, *tuple(first)) if first is not None else None


def differences(db: Connection, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would change, after orders_bulk.compare: the old and the new lines of an order."""
    rows = db.execute(
        """SELECT s.line, s.order_id AS "order", 'lines' AS field,
                  (SELECT group_concat(format('%g × %s', quantity, title), ', ') FROM main.order_lines
                   WHERE order_id = r.order_pk) AS old,
                  (SELECT group_concat(format('%g × %s', quantity, title), ', ') FROM stage.lines
                   WHERE order_n = r.n) AS new
           FROM stage.revised AS r JOIN stage.orders AS s ON s.n = r.n ORDER BY r.rank LIMIT ?""",
        (limit,),
    )
    return [dict(row) for row in rows]
