"""Sum up one contact: what they bought, and their class. What happened when: timeline; who they are: contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock, money
from mailflow.store.connection import Connection


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """Counted orders: how many, when, and what they brought after refunds, as decimal text per currency."""

    count: int
    first_at: datetime
    last_at: datetime
    revenue: Mapping[str, str]


def orders(db: Connection, contact_id: int) -> OrderSummary | None:
    """Return a contact's counted orders from the kept facts; None for somebody who never ordered."""
    facts = db.execute("SELECT * FROM contact_facts WHERE contact_id = ?", (contact_id,)).fetchone()
    if facts is None or not facts["order_count"]:
        return None
    revenue = db.execute(
        "SELECT currency, revenue_minor FROM contact_revenue WHERE contact_id = ? ORDER BY currency", (contact_id,)
    )
    return OrderSummary(
        count=facts["order_count"],
        first_at=clock.from_ms(facts["first_order_at"]),
        last_at=clock.from_ms(facts["last_order_at"]),
        revenue={row["currency"]: money.to_text(row["revenue_minor"], row["currency"]) for row in revenue},
    )


def rfm_class(db: Connection, contact_id: int) -> str | None:
    """Return the RFM class as it was last computed, or None."""
    row = db.execute("SELECT class FROM rfm_now WHERE contact_id = ?", (contact_id,)).fetchone()
    return None if row is None else str(row["class"])
