"""The undo journal of an import, read back: what it inserted and what it changed, noun by noun. Written by *_bulk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailflow.store.connection import Connection
from mailflow.store.pace import Pace


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal: rows that were inserted (`before` is None) or the row that was, as JSON."""

    id: int
    first_id: int
    last_id: int
    before: str | None


def entries(db: Connection, import_id: int, noun: str) -> list[Change]:
    """Return the journal of one noun (a table), the latest change first."""
    rows = db.execute(
        "SELECT id, first_id, last_id, before FROM import_changes WHERE import_id = ? AND noun = ? ORDER BY id DESC",
        (import_id, noun),
    )
    return [Change(row["id"], row["first_id"], row["last_id"], row["before"]) for row in rows]


def newer(db: Connection, import_id: int, noun: str, change: Change) -> set[int]:
    """Return the rows of a change that a later import, which still stands, has changed again."""
    rows = db.execute(
        """SELECT j.first_id FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
           WHERE j.import_id > :import AND j.noun = :noun AND j.before IS NOT NULL AND i.state = 'done'
             AND j.first_id BETWEEN :first AND :last""",
        {"import": import_id, "noun": noun, "first": change.first_id, "last": change.last_id},
    )
    return {row[0] for row in rows}


def add_range(tx: Connection, import_id: int, noun: str, first_id: int, last_id: int) -> None:
    """Note rows that an import inserted, by their ids."""
    tx.execute(
        "INSERT INTO main.import_changes (import_id, noun, first_id, last_id) VALUES (?, ?, ?, ?)",
        (import_id, noun, first_id, last_id),
    )


def slices(pace: Pace, change: Change, without: set[int]) -> Iterator[list[int]]:
    """Yield the ids of a change, as many at a time as the pace allows, leaving out those in `without`."""
    first = change.first_id
    while first <= change.last_id:
        last = min(change.last_id, first + pace.rows - 1)
        ids = [number for number in range(first, last + 1) if number not in without]
        if ids:
            yield ids
        first = last + 1
