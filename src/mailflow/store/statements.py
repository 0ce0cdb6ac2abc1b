"""What one person says of themselves, one thing at a time: it fills a field, and files yield to it. Files: bulk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mailflow.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Statement:
    """A field and the value that a person gave it, as text, with the question they were asked."""

    contact_id: int
    field: str
    value: str
    question: str
    stated_at: int
    source: str


def state(tx: Connection, statement: Statement) -> bool:
    """Write a statement down; return whether it is the latest one on its field, which holds."""
    tx.execute(
        """INSERT INTO statements (contact_id, field, value, question, stated_at, source)
           VALUES (:contact_id, :field, :value, :question, :stated_at, :source)""",
        {name: getattr(statement, name) for name in Statement.__slots__},
    )
    later = tx.execute(
        """SELECT EXISTS (SELECT 1 FROM statements AS s
             WHERE s.field = :field AND s.stated_at > :at
               AND s.contact_id IN (SELECT id FROM contacts WHERE id = :id OR merged_into = :id))""",
        {"field": statement.field, "at": statement.stated_at, "id": statement.contact_id},
    ).fetchone()
    return not later[0]


def attribute(db: Connection, contact_id: int, name: str) -> Any:
    """Return what stands in a field of a contact beyond the built-in ones; None where nothing does."""
    row = db.execute("SELECT attributes FROM contacts WHERE id = ?", (contact_id,)).fetchone()
    return None if row is None else json.loads(row["attributes"]).get(name)


def fill(tx: Connection, contact_id: int, name: str, value: Any, *, at: int) -> None:
    """Put a value, or a list of them, into a field of a contact beyond the built-in ones."""
    row = tx.execute("SELECT attributes FROM contacts WHERE id = ?", (contact_id,)).fetchone()
    known = {**json.loads(row["attributes"]), name: value}
    tx.execute(
        "UPDATE contacts SET attributes = ?, updated_at = max(updated_at, ?) WHERE id = ?",
        (json.dumps(known, ensure_ascii=False), at, contact_id),
    )
