"""The undo journal of an import, read back: what it inserted and changed, noun by noun, and what had to stay.

Written by *_bulk; `take_back` is what undoing is for every noun alike. What each needs besides: undo and *_undo.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow.model import ImportState
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace

# Deletes rows that an import inserted: how many went, and which had to stay but may go later.
Delete = Callable[[Connection, Sequence[int]], tuple[int, Sequence[int]]]
Restore = Callable[[Connection, int, Mapping[str, Any]], object]

# Whether a line of the journal (j, of import i) may still be taken back: it stands, or had to be left.
MAY_GO_BACK = "(i.state = 'done' OR EXISTS (SELECT 1 FROM undo_left AS l WHERE l.change_id = j.id))"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal: rows that were inserted (`before` is None) or the row that was, as JSON."""

    id: int
    rows: Sequence[int]
    before: str | None

    @property
    def first_id(self) -> int:
        return self.rows[0]

    @property
    def last_id(self) -> int:
        return self.rows[-1]


def entries(db: Connection, import_id: int, noun: str) -> list[Change]:
    """Return the journal of one noun (a table), the latest change first."""
    rows = db.execute(
        "SELECT id, first_id, last_id, before FROM import_changes WHERE import_id = ? AND noun = ? ORDER BY id DESC",
        (import_id, noun),
    )
    return [Change(row["id"], range(row["first_id"], row["last_id"] + 1), row["before"]) for row in rows]


def due(db: Connection, import_id: int, noun: str) -> list[Change]:
    """Return what is to be taken back, the latest change first: all, or what had to stay if it is undone already."""
    state = db.execute("SELECT state FROM imports WHERE id = ?", (import_id,)).fetchone()[0]
    if state != ImportState.UNDONE:
        return entries(db, import_id, noun)
    left: dict[tuple[int, str | None], list[int]] = {}
    for row in db.execute(
        """SELECT j.id, j.before, l.row_id FROM import_changes AS j CROSS JOIN undo_left AS l ON l.change_id = j.id
           WHERE j.import_id = ? AND j.noun = ? ORDER BY j.id DESC, l.row_id""",
        (import_id, noun),
    ):
        left.setdefault((row["id"], row["before"]), []).append(row["row_id"])
    return [Change(number, rows, before) for (number, before), rows in left.items()]


def undone_in_part(db: Connection) -> list[int]:
    """Return the ids of undone imports of which something had to stay, the latest first."""
    rows = db.execute(
        """SELECT DISTINCT j.import_id FROM undo_left AS l JOIN import_changes AS j ON j.id = l.change_id
           JOIN imports AS i ON i.id = j.import_id WHERE i.state = ? ORDER BY j.import_id DESC""",
        (ImportState.UNDONE,),
    )
    return [row[0] for row in rows]


def newer(db: Connection, import_id: int, noun: str, change: Change) -> set[int]:
    """Return the rows of a change that a later import, which still stands, has changed again."""
    rows = db.execute(
        """SELECT j.first_id FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
           WHERE j.import_id > :import AND j.noun = :noun AND j.before IS NOT NULL AND i.state = 'done'
             AND j.first_id BETWEEN :first AND :last""",
        {"import": import_id, "noun": noun, "first": change.first_id, "last": change.last_id},
    )
    return {row[0] for row in rows}.intersection(change.rows)


def take_back(
    pace: Pace, import_id: int, noun: str, *, delete: Delete | None = None, restore: Restore | None = None
) -> tuple[int, int]:
    """Delete what an import inserted and restore what it changed, except where a later one changed it again.

    Without `delete` or `restore` such lines are passed over. Return how many rows went back and how many stay.
    """
    gone = kept = 0
    for change in due(pace.store.db, import_id, noun):
        if (delete if change.before is None else restore) is None:
            continue
        since = newer(pace.store.db, import_id, noun, change)
        _leave(pace, change, since)
        kept += len(since)
        if delete is not None and change.before is None:
            for ids in slices(pace, change.rows, since):
                with pace.transaction() as tx:
                    deleted, left = delete(tx, ids)
                    settle(tx, change, ids, left)
                gone, kept = gone + deleted, kept + len(ids) - deleted
        elif restore is not None and change.before is not None and not since:
            with pace.transaction() as tx:
                restore(tx, change.first_id, json.loads(change.before))
                settle(tx, change, change.rows, ())
            gone += 1
    return gone, kept


def settle(tx: Connection, change: Change, ids: Iterable[int], left: Iterable[int]) -> None:
    """Record that of these rows of a change only `left` remain to be taken back."""
    tx.executemany("DELETE FROM undo_left WHERE change_id = ? AND row_id = ?", ((change.id, row) for row in ids))
    tx.executemany("INSERT OR IGNORE INTO undo_left VALUES (?, ?)", ((change.id, row) for row in left))


def add_range(tx: Connection, import_id: int, noun: str, first_id: int, last_id: int) -> None:
    """Note rows that an import inserted, by their ids."""
    tx.execute(
        "INSERT INTO main.import_changes (import_id, noun, first_id, last_id) VALUES (?, ?, ?, ?)",
        (import_id, noun, first_id, last_id),
    )


def slices(pace: Pace, rows: Sequence[int], without: set[int]) -> Iterator[list[int]]:
    """Yield ids, as many at a time as the pace allows, leaving out those in `without`."""
    for some in pace.slices(rows):
        ids = [number for number in some if number not in without]
        if ids:
            yield ids


def _leave(pace: Pace, change: Change, rows: set[int]) -> None:
    for ids in slices(pace, sorted(rows), set()):
        with pace.transaction() as tx:
            settle(tx, change, (), ids)
