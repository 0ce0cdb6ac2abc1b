"""Messages that wait for their time, as a plan shows them. Every other question about messages: messages.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailflow.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open message, with the key and address of its recipient; `next_at` is when it goes (ms)."""

    scope: str
    contact_id: int
    step: str
    next_at: int
    key: str
    email: str | None


def until(db: Connection, *, by: int) -> Iterator[Waiting]:
    """Yield the open messages due by an instant, in the order in which they are due."""
    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute(
        "SELECT m.scope, m.contact_id, m.step, m.next_at, c.key, c.email FROM messages AS m INDEXED BY messages_open"
        " JOIN contacts AS c ON c.id = m.contact_id"
        " WHERE m.state IN ('planned', 'ready', 'deferred') AND m.next_at <= ? ORDER BY m.next_at, m.id",
        (by,),
    )
    return (Waiting(*row) for row in cursor)
