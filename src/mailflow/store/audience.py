"""What planning wants to know of many contacts at once. Whether they may be mailed: candidates.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mailflow.store.connection import Connection


@dataclass(frozen=True, slots=True)
class PlanningFacts:
    """A contact as a plan needs it: the stable key, the address, and the zone they live in where it is known."""

    id: int
    key: str
    email: str | None
    timezone: str | None


def planning_facts(db: Connection, contact_ids: Sequence[int]) -> dict[int, PlanningFacts]:
    """Return contact id → facts; ids that are unknown are left out."""
    rows = db.execute(
        "SELECT id, key, email, timezone FROM contacts WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(contact_ids)),),
    )
    return {row["id"]: PlanningFacts(row["id"], row["key"], row["email"], row["timezone"]) for row in rows}
