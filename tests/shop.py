"""Orders and refunds for tests, written straight into a store with the facts that an import would keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.store import Connection, Store


@dataclass(frozen=True)
class Order:
    """One order; `refunds` are (instant, minor units). A contact of None is a stranger's."""

    contact: str | None
    placed_at: datetime
    total_minor: int
    currency: str = "EUR"
    status: str = "paid"
    refunds: tuple[tuple[datetime, int], ...] = ()


def at(day: str, zone: ZoneInfo, hour: int = 12, minute: int = 0) -> datetime:
    """Return the instant of a wall-clock time."""
    return clock.local_instant(date.fromisoformat(day), time(hour, minute), zone)


def keep_orders(store: Store, orders: Iterable[Order]) -> dict[str, int]:
    """Write orders and their contacts, recount the facts, and return the contacts' ids by name."""
    with store.transaction() as tx:
        ids: dict[str, int] = {}
        for number, order in enumerate(orders, start=1):
            contact = None if order.contact is None else _contact(tx, ids, order.contact)
            tx.execute(
                "INSERT INTO orders"
                " (id, source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
                " VALUES (:id, 'test', :id, :contact, :status, :placed_at, :total_minor, :currency, 0)",
                {
                    "id": number,
                    "contact": contact,
                    "status": order.status,
                    "placed_at": clock.to_ms(order.placed_at),
                    "total_minor": order.total_minor,
                    "currency": order.currency,
                },
            )
            tx.executemany(
                "INSERT INTO refunds (order_id, source_id, refunded_at, amount_minor) VALUES (?, ?, ?, ?)",
                [(number, str(index), clock.to_ms(when), minor) for index, (when, minor) in enumerate(order.refunds)],
            )
        recount(tx)
    return ids


def recount(tx: Connection) -> None:
    """Write the kept facts anew from all orders and refunds."""
    tx.execute("DELETE FROM contact_facts")
    tx.execute("DELETE FROM contact_revenue")
    tx.execute(
        "INSERT INTO contact_facts SELECT contact_id, count(*), min(placed_at), max(placed_at) FROM orders"
        " WHERE status IN ('open', 'paid') AND contact_id IS NOT NULL GROUP BY contact_id"
    )
    tx.execute(
        """INSERT INTO contact_revenue SELECT contact_id, currency, sum(minor) FROM (
             SELECT contact_id, currency, total_minor AS minor FROM orders WHERE status IN ('open', 'paid')
             UNION ALL
             SELECT o.contact_id, o.currency, -r.amount_minor FROM refunds AS r JOIN orders AS o ON o.id = r.order_id
             WHERE o.status IN ('open', 'paid'))
           WHERE contact_id IS NOT NULL GROUP BY contact_id, currency"""
    )


def _contact(tx: Connection, ids: dict[str, int], name: str) -> int:
    if name not in ids:
        ids[name] = len(ids) + 1
        tx.execute(
            "INSERT INTO contacts (id, key, email, source, created_at, updated_at) VALUES (?, ?, ?, 'test', 0, 0)",
            (ids[name], f"key-{name}", f"{name}@example.com" if name.isalnum() else None),
        )
    return ids[name]
