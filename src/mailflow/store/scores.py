"""Scores as they are kept: runs with their provenance, RFM rows that nobody reads before their run is finished, moves.

The sums: analytics/. When they are due: scoring/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mailflow import clock
from mailflow.store.connection import Connection, Row

RFM = "rfm"
# (contact_id, recency_days, frequency, monetary_minor, currency, r, f, m, class)
RfmRow = tuple[int, int, int, int, str, int, int, int, str]


@dataclass(frozen=True, slots=True)
class ScoreRun:
    """A finished computation: of which sum, for which day, from what."""

    id: int
    name: str
    version: int
    as_of: date
    computed_at: datetime
    inputs: Mapping[str, Any]


def latest(db: Connection, name: str) -> ScoreRun | None:
    """Return the last finished run of a score, whose rows are those that everybody reads."""
    row = db.execute(
        "SELECT id, name, version, as_of, computed_at, inputs FROM score_runs"
        " WHERE name = ? AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1",
        (name,),
    ).fetchone()
    return None if row is None else _run(row)


def begin(tx: Connection, name: str, version: int, *, as_of: date, now: datetime, inputs: Mapping[str, Any]) -> int:
    """Open a run and return its id; its rows are not seen before `finish`."""
    cursor = tx.execute(
        "INSERT INTO score_runs (name, version, as_of, computed_at, inputs) VALUES (?, ?, ?, ?, ?)",
        (name, version, as_of.isoformat(), clock.to_ms(now), json.dumps(inputs, sort_keys=True)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def add_rfm(tx: Connection, run_id: int, rows: Iterable[RfmRow]) -> None:
    """Write rows of an open run."""
    tx.executemany(
        "INSERT INTO rfm_scores"
        " (run_id, contact_id, recency_days, frequency, monetary_minor, currency, r, f, m, class)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((run_id, *row) for row in rows),
    )


def finish(tx: Connection, run_id: int, *, now: datetime) -> None:
    """Close a run: from this commit on everybody reads its rows."""
    tx.execute("UPDATE score_runs SET finished_at = ? WHERE id = ?", (clock.to_ms(now), run_id))


def highest_contact(db: Connection) -> int:
    """Return the highest contact id that has kept scores."""
    return int(db.execute("SELECT coalesce(max(contact_id), 0) FROM rfm_scores").fetchone()[0])


def add_moves(tx: Connection, run_id: int, *, since: int, first: int, last: int) -> None:
    """Write who of the contacts `first` to `last` is in another class than in the run `since`.

    All their rows of both runs must be there. Who was merged since is not told to have left.
    """
    tx.execute(
        """INSERT INTO rfm_moves (contact_id, run_id, from_class, to_class)
           SELECT n.contact_id, :run, o.class, n.class FROM rfm_scores AS n
           LEFT JOIN rfm_scores AS o ON o.contact_id = n.contact_id AND o.run_id = :since
           WHERE n.run_id = :run AND n.contact_id BETWEEN :first AND :last AND n.class IS NOT o.class
           UNION ALL
           SELECT o.contact_id, :run, o.class, NULL FROM rfm_scores AS o JOIN contacts AS c ON c.id = o.contact_id
           WHERE o.run_id = :since AND o.contact_id BETWEEN :first AND :last AND c.merged_into IS NULL
             AND NOT EXISTS (SELECT 1 FROM rfm_scores AS n WHERE n.contact_id = o.contact_id AND n.run_id = :run)""",
        {"run": run_id, "since": since, "first": first, "last": last},
    )


def sweep(tx: Connection, run_id: int, *, first: int, last: int) -> None:
    """Delete what nobody reads, of the contacts `first` to `last`: older scores, and moves that never came to be.

    Those are of runs that were given up, and of `run_id` itself if a later one was finished before it.
    """
    among = {"run": run_id, "name": RFM, "first": first, "last": last}
    finished = "SELECT max(id) FROM score_runs WHERE name = :name AND finished_at IS NOT NULL"
    tx.execute(f"DELETE FROM rfm_scores WHERE contact_id BETWEEN :first AND :last AND run_id < ({finished})", among)
    tx.execute(
        f"""DELETE FROM rfm_moves WHERE contact_id BETWEEN :first AND :last AND run_id < ({finished})
              AND (run_id = :run OR run_id IN (SELECT id FROM score_runs WHERE finished_at IS NULL))""",
        among,
    )


@dataclass(frozen=True, slots=True)
class Move:
    """One change of class; `before` is None for somebody new, `after` for who has no counted order any more."""

    contact_id: int
    before: str | None
    after: str | None
    as_of: date
    computed_at: datetime


def moves(
    db: Connection, *, since: date | None = None, until: date | None = None, into: str | None = None
) -> Iterator[Move]:
    """Yield changes of class seen as of days from `since` to `until`, oldest first; `into` one class, or into any."""
    rows = db.execute(
        """SELECT v.contact_id, v.from_class, v.to_class, r.as_of, r.computed_at
           FROM score_runs AS r JOIN rfm_moves AS v ON v.run_id = r.id
           WHERE r.name = :name AND r.finished_at IS NOT NULL
             AND r.as_of >= coalesce(:since, '') AND r.as_of <= coalesce(:until, '9999')
             AND (:into IS NULL OR v.to_class = :into)
           ORDER BY r.id, v.contact_id""",
        {"name": RFM, "since": since and since.isoformat(), "until": until and until.isoformat(), "into": into},
    )
    for row in rows:
        day, computed = date.fromisoformat(row["as_of"]), clock.from_ms(row["computed_at"])
        yield Move(row["contact_id"], row["from_class"], row["to_class"], day, computed)


def runs(db: Connection, name: str | None = None) -> list[ScoreRun]:
    """Return the finished runs, of one score or of all, the latest first."""
    rows = db.execute(
        "SELECT id, name, version, as_of, computed_at, inputs FROM score_runs"
        " WHERE finished_at IS NOT NULL AND (:name IS NULL OR name = :name) ORDER BY id DESC",
        {"name": name},
    )
    return [_run(row) for row in rows]


def of_contact(db: Connection, contact_id: int) -> list[Row]:
    """Return name, value, causes (JSON) and as_of of a contact's further scores, by name."""
    return db.execute(
        """SELECT s.name, s.value, s.causes, r.as_of FROM scores AS s JOIN score_runs AS r ON r.id = s.run_id
           WHERE s.contact_id = ? AND r.finished_at IS NOT NULL ORDER BY s.name""",
        (contact_id,),
    ).fetchall()


def lifecycle_of(db: Connection, contact_id: int) -> Row | None:
    """Return a contact's present stage, what it was before, what decided it (milliseconds) and the day, or None."""
    row: Row | None = db.execute(
        """SELECT s.stage, s.previous, s.orders, s.gap, s.silence, r.as_of
           FROM lifecycle_now AS s JOIN score_runs AS r ON r.id = s.run_id WHERE s.contact_id = ?""",
        (contact_id,),
    ).fetchone()
    return row


def _run(row: Row) -> ScoreRun:
    day, computed = date.fromisoformat(row["as_of"]), clock.from_ms(row["computed_at"])
    return ScoreRun(row["id"], row["name"], row["version"], day, computed, json.loads(row["inputs"]))
