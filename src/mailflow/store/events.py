"""Events: what happened, once each. What follows from an event is tracking.record's; orders are store/orders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailflow import clock
from mailflow.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: its name is a past participle, its identity is (source, source id).

    `contact_id` is None where nobody knows whom it was about. `properties` is what JSON can hold.
    """

    name: str
    source: str
    source_id: str
    occurred_at: datetime
    recorded_at: datetime
    contact_id: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


def insert(tx: Connection, event: Event) -> bool:
    """Write an event; return False where it is known already, by source and source id."""
    inserted = tx.execute(
        """INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at, properties)
           VALUES (:contact_id, :name, :source, :source_id, :occurred_at, :recorded_at, :properties)
           ON CONFLICT (source, source_id) DO NOTHING""",
        {
            "contact_id": event.contact_id,
            "name": event.name,
            "source": event.source,
            "source_id": event.source_id,
            "occurred_at": clock.to_ms(event.occurred_at),
            "recorded_at": clock.to_ms(event.recorded_at),
            "properties": json.dumps(dict(event.properties), ensure_ascii=False, sort_keys=True),
        },
    )
    return inserted.rowcount == 1


def of_contact(db: Connection, contact_id: int) -> list[Event]:
    """Return what happened around a contact, the oldest first."""
    rows = db.execute("SELECT * FROM events WHERE contact_id = ? ORDER BY occurred_at, id", (contact_id,))
    return [_event(row) for row in rows]


def named(db: Connection, contact_ids: Sequence[int], names: Sequence[str]) -> list[Event]:
    """Return the events with one of these names of some contacts, the oldest first."""
    rows = db.execute(
        """SELECT * FROM events
           WHERE name IN (SELECT value FROM json_each(:names)) AND contact_id IN (SELECT value FROM json_each(:ids))
           ORDER BY occurred_at, id""",
        {"names": json.dumps(list(names)), "ids": json.dumps(list(contact_ids))},
    )
    return [_event(row) for row in rows]


def _event(row: Row) -> Event:
    return Event(
        name=row["name"],
        source=row["source"],
        source_id=row["source_id"],
        occurred_at=clock.from_ms(row["occurred_at"]),
        recorded_at=clock.from_ms(row["recorded_at"]),
        contact_id=row["contact_id"],
        properties=json.loads(row["properties"]),
    )
