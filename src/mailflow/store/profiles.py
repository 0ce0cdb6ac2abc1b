"""Sum up one person: what they bought, their scores, what is open. What happened when: timeline; who: contacts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class RfmSummary:
    """The RFM scores as they were last computed; `monetary` is decimal text."""

    name: str
    r: int
    f: int
    m: int
    recency_days: int
    frequency: int
    monetary: str
    currency: str
    as_of: str


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """One further score, as it was last computed."""

    name: str
    value: float
    as_of: str


def orders(db: Connection, contact_ids: Sequence[int]) -> OrderSummary | None:
    """Return the counted orders of the contacts that are one person, from the kept facts; None where there are none."""
    ids = (json.dumps(list(contact_ids)),)
    facts = db.execute(
        """SELECT coalesce(sum(order_count), 0) AS orders, min(first_order_at) AS first, max(last_order_at) AS last
           FROM contact_facts WHERE contact_id IN (SELECT value FROM json_each(?)) AND order_count > 0""",
        ids,
    ).fetchone()
    if not facts["orders"]:
        return None
    revenue = db.execute(
        """SELECT currency, sum(revenue_minor) AS revenue_minor FROM contact_revenue
           WHERE contact_id IN (SELECT value FROM json_each(?)) GROUP BY currency ORDER BY currency""",
        ids,
    )
    return OrderSummary(
        count=facts["orders"],
        first_at=clock.from_ms(facts["first"]),
        last_at=clock.from_ms(facts["last"]),
        revenue={row["currency"]: money.to_text(row["revenue_minor"], row["currency"]) for row in revenue},
    )


def rfm(db: Connection, contact_id: int) -> RfmSummary | None:
    """Return the RFM scores as they were last computed, or None."""
    row = db.execute(
        "SELECT s.*, r.as_of FROM rfm_now AS s JOIN score_runs AS r ON r.id = s.run_id WHERE s.contact_id = ?",
        (contact_id,),
    ).fetchone()
    if row is None:
        return None
    monetary = money.to_text(row["monetary_minor"], row["currency"])
    return RfmSummary(
        row["class"], row["r"], row["f"], row["m"], row["recency_days"], row["frequency"], monetary, row["currency"],
        row["as_of"],
    )  # fmt: skip


def scores(db: Connection, contact_id: int) -> list[ScoreSummary]:
    """Return the further scores of a contact by name, each as it was last computed."""
    rows = db.execute(
        """SELECT s.name, s.value, r.as_of FROM scores AS s JOIN score_runs AS r ON r.id = s.run_id
           WHERE s.contact_id = ? AND r.finished_at IS NOT NULL ORDER BY s.name""",
        (contact_id,),
    )
    return [ScoreSummary(row["name"], row["value"], row["as_of"]) for row in rows]
