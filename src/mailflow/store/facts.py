"""Kept facts of people: how many orders, how much, first and last; kept in the transaction that changes orders.

A person is a contact with everybody who was merged into them: the facts are those of the contact they are now, and a
contact who was merged into another has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from mailflow.store.connection import Connection
from mailflow.store.person_sql import person_of

# Counted are open and paid orders: model.COUNTED_STATUSES. Refunds lower the revenue, not the count.
_COUNTED = "status IN ('open', 'paid')"
_PERSON = person_of("o.contact_id")
_FACTS = f"""SELECT {{who}}, count(*), min(o.placed_at), max(o.placed_at)
    FROM main.orders AS o WHERE {{condition}} AND o.contact_id IS NOT NULL AND o.{_COUNTED} GROUP BY 1"""
_REVENUE = f"""SELECT {{who}}, o.currency, sum(o.total_minor - coalesce(
      (SELECT sum(r.amount_minor) FROM main.refunds AS r WHERE r.order_id = o.id), 0))
    FROM main.orders AS o WHERE {{condition}} AND o.contact_id IS NOT NULL AND o.{_COUNTED} GROUP BY 1, o.currency"""
_GROSS = f"""SELECT {{who}}, o.currency, sum(o.total_minor) FROM main.orders AS o
    WHERE {{condition}} AND o.contact_id IS NOT NULL AND o.{_COUNTED} GROUP BY 1, o.currency"""


@dataclass(frozen=True, slots=True)
class Facts:
    """All kept facts: contact id → (orders, first, last) and (contact id, currency) → revenue in minor units."""

    orders: dict[int, tuple[int, int, int]]
    revenue: dict[tuple[int, str], int]


def add_orders(tx: Connection, first_id: int, last_id: int, *, refunds: bool) -> None:
    """Take orders that were just inserted, with these ids, into account; `refunds` where they may have some.

    They are of contacts who are merged into nobody: an import finds out who its buyers are now.
    """
    ids = {"first": first_id, "last": last_id}
    tx.execute(
        f"""INSERT INTO main.contact_facts (contact_id, order_count, first_order_at, last_order_at)
            {_FACTS.format(who="o.contact_id", condition="o.id BETWEEN :first AND :last")}
            ON CONFLICT (contact_id) DO UPDATE SET order_count = order_count + excluded.order_count,
              first_order_at = min(first_order_at, excluded.first_order_at),
              last_order_at = max(last_order_at, excluded.last_order_at)""",
        ids,
    )
    tx.execute(
        f"""INSERT INTO main.contact_revenue (contact_id, currency, revenue_minor)
            {(_REVENUE if refunds else _GROSS).format(who="o.contact_id", condition="o.id BETWEEN :first AND :last")}
            ON CONFLICT (contact_id, currency) DO UPDATE SET revenue_minor = revenue_minor + excluded.revenue_minor""",
        ids,
    )


def recount(tx: Connection, contact_ids: Iterable[int]) -> None:
    """Count the facts of these contacts anew from the orders, as those of the people whom they belong to."""
    ids = {"ids": json.dumps(_whole(tx, contact_ids))}
    among = "contact_id IN (SELECT value FROM json_each(:ids))"
    tx.execute(f"DELETE FROM main.contact_facts WHERE {among}", ids)
    tx.execute(f"DELETE FROM main.contact_revenue WHERE {among}", ids)
    tx.execute(
        "INSERT INTO main.contact_facts (contact_id, order_count, first_order_at, last_order_at) "
        + _FACTS.format(who=_PERSON, condition=f"o.{among}"),
        ids,
    )
    tx.execute(
        "INSERT INTO main.contact_revenue (contact_id, currency, revenue_minor) "
        + _REVENUE.format(who=_PERSON, condition=f"o.{among}"),
        ids,
    )


def _whole(db: Connection, contact_ids: Iterable[int]) -> list[int]:
    """Return these contacts, whoever they were merged into, and everybody else who was merged into those."""
    rows = db.execute(
        """WITH person (id) AS (
             SELECT DISTINCT coalesce(c.merged_into, c.id) FROM main.contacts AS c
             WHERE c.id IN (SELECT value FROM json_each(?)))
           SELECT id FROM person
           UNION ALL SELECT c.id FROM person AS p JOIN main.contacts AS c ON c.merged_into = p.id""",
        (json.dumps(sorted(set(contact_ids))),),
    )
    return [row[0] for row in rows]


def any_kept(db: Connection) -> bool:
    """Return whether anybody has ordered."""
    return db.execute("SELECT 1 FROM contact_facts LIMIT 1").fetchone() is not None


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
        {row[0]: (row[1], row[2], row[3]) for row in db.execute(_FACTS.format(who=_PERSON, condition="TRUE"))},
        {(row[0], row[1]): row[2] for row in db.execute(_REVENUE.format(who=_PERSON, condition="TRUE"))},
    )


def differing(db: Connection, first: int, last: int) -> tuple[int, list[int]]:
    """Compare the kept facts of the contacts from one id to another with their orders.

    Return how many have facts at all, and which of them have others than their orders give.
    """
    ends = {"first": first, "last": last}
    cursor = db.cursor()
    cursor.row_factory = None  # plain tuples: a million of them are compared
    orders: dict[int, tuple[int, int, int]] = {}
    revenue = set()
    for person, currency, count, begin, end, minor in cursor.execute(_counts_sql(db, ends), ends):
        revenue.add((person, currency, minor))
        if person in orders:  # in another currency too
            count, begin, end = count + orders[person][0], min(begin, orders[person][1]), max(end, orders[person][2])
        orders[person] = count, begin, end
    kept_orders = {row[0]: row[1:] for row in cursor.execute(_KEPT_FACTS, ends)}
    kept_revenue = set(cursor.execute(_KEPT_REVENUE, ends))
    wrong = {person for person in kept_orders.keys() | orders if kept_orders.get(person) != orders.get(person)}
    wrong.update(row[0] for row in kept_revenue ^ revenue)
    return len(kept_orders.keys() | orders | {row[0] for row in kept_revenue}), sorted(wrong)


def _counts_sql(db: Connection, ends: dict[str, int]) -> str:
    """Return the question what the orders give, the cheaper one where nobody is merged or nothing refunded."""
    merged, refunded = db.execute(_SPECIAL, ends).fetchone()
    return _COUNTS.format(
        who=_PERSON if merged else "o.contact_id",
        minor=_NET if refunded else "o.total_minor",
        condition=_WHOLE_PEOPLE if merged else "o.contact_id BETWEEN :first AND :last",
    )


_KEPT_FACTS = """SELECT contact_id, order_count, first_order_at, last_order_at FROM main.contact_facts
    WHERE contact_id BETWEEN :first AND :last"""
_KEPT_REVENUE = """SELECT contact_id, currency, revenue_minor FROM main.contact_revenue
    WHERE contact_id BETWEEN :first AND :last"""
_SPECIAL = """SELECT EXISTS (SELECT 1 FROM main.contacts WHERE id BETWEEN :first AND :last AND merged_into IS NOT NULL)
      OR EXISTS (SELECT 1 FROM main.contacts WHERE merged_into BETWEEN :first AND :last),
    EXISTS (SELECT 1 FROM main.refunds)"""
_NET = "o.total_minor - coalesce((SELECT sum(r.amount_minor) FROM main.refunds AS r WHERE r.order_id = o.id), 0)"
_COUNTS = f"""SELECT {{who}}, o.currency, count(*), min(o.placed_at), max(o.placed_at), sum({{minor}})
    FROM main.orders AS o WHERE {{condition}} AND o.contact_id IS NOT NULL AND o.{_COUNTED} GROUP BY 1, o.currency"""
# The orders of everybody who is one of these contacts now.
_WHOLE_PEOPLE = """o.contact_id IN (
    SELECT id FROM main.contacts WHERE id BETWEEN :first AND :last AND merged_into IS NULL
    UNION ALL SELECT id FROM main.contacts WHERE merged_into BETWEEN :first AND :last)"""
