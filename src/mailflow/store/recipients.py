"""Read what a message may say about its recipients, many at once. One contact at a time: contacts and profiles."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from mailflow.store.connection import Connection, Row

_AMONG = "IN (SELECT value FROM json_each(:ids))"


@dataclass(slots=True)
class Recipient:
    """The rows of one contact: the contact, its kept facts, revenue in minor units by currency, RFM scores."""

    contact: Row
    facts: Row | None = None
    revenue: dict[str, int] = field(default_factory=dict)
    scores: Row | None = None


def many(db: Connection, contact_ids: Collection[int]) -> dict[int, Recipient]:
    """Return contacts by id, in four queries however many they are. Who is not there is left out."""
    ids = {"ids": json.dumps(list(contact_ids))}
    found = {row["id"]: Recipient(row) for row in db.execute(f"SELECT * FROM contacts WHERE id {_AMONG}", ids)}
    for row in db.execute(f"SELECT * FROM contact_facts WHERE order_count > 0 AND contact_id {_AMONG}", ids):
        found[row["contact_id"]].facts = row
    for row in db.execute(f"SELECT * FROM contact_revenue WHERE contact_id {_AMONG} ORDER BY currency", ids):
        found[row["contact_id"]].revenue[row["currency"]] = row["revenue_minor"]
    for row in db.execute(f"SELECT * FROM rfm_now WHERE contact_id {_AMONG}", ids):
        found[row["contact_id"]].scores = row
    return found
