"""What came in: one row per imported file, its problems, and its undo journal. Taking one back: undo."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock
from mailflow.model import ImportState
from mailflow.store import state
from mailflow.store.connection import Connection, Row

# Problems kept with an import; all of them are in its reject file.
MAX_PROBLEMS = 1_000
_DATA_VERSION = "data_version"


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One imported file. For orders, `inserted`, `updated` and `unchanged` count orders, `rejected` rows.

    `merged` rows are further lines of something that another row is counted for.
    """

    id: int
    file: str
    noun: str
    tool: str
    state: ImportState
    started_at: datetime
    inserted: int
    updated: int
    unchanged: int
    merged: int
    rejected: int
    undone_at: datetime | None


def begin(
    tx: Connection, *, file: str, sha256: str, noun: str, tool: str, options: Mapping[str, object], now: datetime
) -> int:
    """Record that an import begins to write; return its id. Until `finish` a later command rolls it back."""
    row = tx.execute(
        """INSERT INTO imports (file, sha256, noun, tool, state, started_at, options)
           VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        (file, sha256, noun, tool, ImportState.APPLYING, clock.to_ms(now), json.dumps(options, ensure_ascii=False)),
    ).fetchone()
    return int(row["id"])


def finish(
    tx: Connection,
    import_id: int,
    *,
    inserted: int,
    updated: int,
    unchanged: int,
    merged: int,
    rejected: int,
    problems: Iterable[tuple[int, str | None, str]],
    now: datetime,
) -> None:
    """Record that everything is written. `problems` are (line, field, reason)."""
    tx.execute(
        """UPDATE imports SET state = ?, finished_at = ?, inserted = ?, updated = ?, unchanged = ?, merged = ?,
             rejected = ? WHERE id = ?""",
        (ImportState.DONE, clock.to_ms(now), inserted, updated, unchanged, merged, rejected, import_id),
    )
    tx.executemany(
        "INSERT INTO import_problems (import_id, line, field, reason) VALUES (?, ?, ?, ?)",
        ((import_id, *problem) for problem in problems),
    )
    if inserted or updated:
        data_changed(tx)
    tx.execute(
        "UPDATE imports SET data_version = ?, options = json_set(options, '$.standing', ?) WHERE id = ?",
        (data_version(tx), _standing(tx), import_id),
    )


def begin_undoing(tx: Connection, import_id: int) -> None:
    """Record that an import is being undone. Until `settle` a later command goes on with it."""
    tx.execute("UPDATE imports SET state = ? WHERE id = ?", (ImportState.UNDOING, import_id))


def settle(tx: Connection, import_id: int, final: ImportState, now: datetime) -> None:
    """Record that an import was undone or rolled back."""
    tx.execute("UPDATE imports SET state = ?, undone_at = ? WHERE id = ?", (final, clock.to_ms(now), import_id))
    data_changed(tx)


def get(db: Connection, import_id: int) -> ImportRecord | None:
    """Return one import, or None."""
    row = db.execute("SELECT * FROM imports WHERE id = ?", (import_id,)).fetchone()
    return _record(row) if row else None


def all_of_them(db: Connection) -> list[ImportRecord]:
    """Return every import, the oldest first; one that was interrupted has zeros."""
    return [_record(row) for row in db.execute("SELECT * FROM imports ORDER BY id")]


def interrupted(db: Connection) -> list[int]:
    """Return the ids of imports that began to write, or to be undone, and never finished, the latest first."""
    rows = db.execute(
        "SELECT id FROM imports WHERE state IN (?, ?) ORDER BY id DESC", (ImportState.APPLYING, ImportState.UNDOING)
    )
    return [row["id"] for row in rows]


def problems(db: Connection, import_id: int) -> list[tuple[int, str | None, str]]:
    """Return the kept problems of an import as (line, field, reason)."""
    rows = db.execute("SELECT line, field, reason FROM import_problems WHERE import_id = ? ORDER BY id", (import_id,))
    return [(row["line"], row["field"], row["reason"]) for row in rows]


def standing_twin(
    db: Connection, sha256: str, noun: str, tool: str, options: Mapping[str, object]
) -> ImportRecord | None:
    """Return a finished import of the same bytes with the same options and no rejects, after which nothing changed."""
    rows = db.execute(
        """SELECT * FROM imports WHERE sha256 = ? AND noun = ? AND tool = ? AND state = ? AND rejected = 0
             AND data_version = ? AND json_extract(options, '$.standing') = ? ORDER BY id DESC""",
        (sha256, noun, tool, ImportState.DONE, data_version(db), _standing(db)),
    )
    wanted = json.loads(json.dumps(options))
    for row in rows:
        used = json.loads(row["options"])
        del used["standing"]
        if used == wanted:
            return _record(row)
    return None


def _standing(db: Connection) -> str:
    """Return marks of what changes outside imports too: consent, suppressions, and people who came in by themselves."""
    row = db.execute(
        """SELECT (SELECT max(id) FROM contacts), (SELECT max(id) FROM consents), (SELECT max(rowid) FROM statements),
                  count(*), max(lifted_at) FROM suppressions"""
    ).fetchone()
    return ".".join(str(mark or 0) for mark in row)


def data_version(db: Connection) -> int:
    """Return a number that grows whenever contacts or orders change: what was computed before it is out of date."""
    return int(state.get(db, _DATA_VERSION) or 0)


def data_changed(tx: Connection) -> None:
    """Make the data version grow."""
    state.put(tx, _DATA_VERSION, str(data_version(tx) + 1))


def _record(row: Row) -> ImportRecord:
    return ImportRecord(
        row["id"],
        row["file"],
        row["noun"],
        row["tool"],
        ImportState(row["state"]),
        clock.from_ms(row["started_at"]),
        row["inserted"],
        row["updated"],
        row["unchanged"],
        row["merged"],
        row["rejected"],
        clock.from_ms(row["undone_at"]) if row["undone_at"] is not None else None,
    )
