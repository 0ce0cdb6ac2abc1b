"""Kept facts of contacts: how many orders, how much, first and last; kept in the transaction that changes orders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from mailflow.store.connection import Connection

# Counted are open and paid orders: model.COUNTED_STATUSES. Refunds lower the revenue, not the count.
_COUNTED = "status IN ('open', 'paid')"
_FACTS = f"""SELECT contact_id, count(*), min(placed_at), max(placed_at)
    FROM main.orders WHERE {{condition}} AND contact_id IS NOT NULL AND {_COUNTED} GROUP BY contact_id"""
_REVENUE = f"""SELECT o.contact_id, o.currency, sum(o.total_minor - coalesce(
      (SELECT sum(r.amount_minor) FROM main.refunds AS r WHERE r.order_id = o.id), 0))
    FROM main.orders AS o WHERE {{condition}} AND o.contact_id IS NOT NULL AND {_COUNTED}
    GROUP BY o.contact_id, o.currency"""

_GROSS = f"""SELECT o.contact_id, o.currency, sum(o.total_minor) FROM main.orders AS o
    WHERE {{condition}} AND o.contact_id IS NOT NULL AND {_COUNTED} GROUP BY o.contact_id, o.currency"""


@dataclass(frozen=True, slots=True)
class Facts:
    """All kept facts: contact id → (orders, first, last) and (contact id, currency) → revenue in minor units."""

    orders: dict[int, tuple[int, int, int]]
    revenue: dict[tuple[int, str], int]


def add_orders(tx: Connection, first_id: int, last_id: int, *, refunds: bool) -> None:
    """Take orders that were just inserted, with these ids, into account; `refunds` where they may have some."""
    ids = {"first": first_id, "last": last_id}
    tx.execute(
        f"""INSERT INTO main.contact_facts (contact_id, order_count, first_order_at, last_order_at)
            {_FACTS.format(condition="id BETWEEN :first AND :last")}
            ON CONFLICT (contact_id) DO UPDATE SET order_count = order_count + excluded.order_count,
              first_order_at = min(first_order_at, excluded.first_order_at),
              last_order_at = max(last_order_at, excluded.last_order_at)""",
        ids,
    )
    tx.execute(
        f"""INSERT INTO main.contact_revenue (contact_id, currency, revenue_minor)
            {(_REVENUE if refunds else _GROSS).format(condition="o.id BETWEEN :first AND :last")}
            ON CONFLICT (contact_id, currency) DO UPDATE SET revenue_minor = revenue_minor + excluded.revenue_minor""",
        ids,
    )


def recount(tx: Connection, contact_ids: Iterable[int]) -> None:
    """Count the facts of some contacts anew, from their orders."""
    ids = {"ids": json.dumps(sorted(set(contact_ids)))}
    among = "contact_id IN (SELECT value FROM json_each(:ids))"
    tx.execute(f"DELETE FROM main.contact_facts WHERE {among}", ids)
    tx.execute(f"DELETE FROM main.contact_revenue WHERE {among}", ids)
    tx.execute(
        "INSERT INTO main.contact_facts (contact_id, order_count, first_order_at, last_order_at) "
        + _FACTS.format(condition=among),
        ids,
    )
    tx.execute(
        "INSERT INTO main.contact_revenue (contact_id, currency, revenue_minor) "
        + _REVENUE.format(condition=f"o.{among}"),
        ids,
    )


def kept(db: Connection) -> Facts:
    """Return the facts as they are kept."""
    return Facts(
        {row[0]: (row[1], row[2], row[3]) for row in db.execute(
            "SELECT contact_id, order_count, first_order_at, last_order_at FROM contact_facts")},
        {(row[0], row[1]): row[2] for row in db.execute(
            "SELECT contact_id, currency, revenue_minor FROM contact_revenue")},
    )  # fmt: skip


def counted(db: Connection) -> Facts:
    """Return the facts as a count of all orders gives them: what `kept` must equal."""
    return Facts(
        {row[0]: (row[1], row[2], row[3]) for row in db.execute(_FACTS.format(condition="TRUE"))},
        {(row[0], row[1]): row[2] for row in db.execute(_REVENUE.format(condition="TRUE"))},
    )
