"""What planning wants to know of many contacts at once. Whether they may be mailed: candidates.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailflow.idset import IdSet
from mailflow.store.connection import Connection

_FEW = 20_000


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


def by_key(db: Connection, contact_ids: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield (key, id) of contacts in the order of their keys; ids that are unknown are left out.

    A few are sorted; for many the index of all keys is read, so that no list of them stands in memory.
    """
    cursor = db.cursor()
    cursor.row_factory = None
    if len(contact_ids) <= _FEW:
        cursor.execute(
            "SELECT key, id FROM contacts WHERE id IN (SELECT value FROM json_each(?)) ORDER BY key",
            (json.dumps(list(contact_ids)),),
        )
        yield from cursor
        return
    wanted = IdSet(contact_ids)
    cursor.execute("SELECT key, id FROM contacts ORDER BY key")
    yield from (row for row in cursor if row[1] in wanted)
