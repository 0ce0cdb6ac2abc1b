"""Scores as they are kept: runs with their provenance, and RFM rows that nobody reads before their run is finished.

The sums: analytics/. When they are due: scoring/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mailflow import clock
from mailflow.store.connection import Connection

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
    if row is None:
        return None
    day, computed = date.fromisoformat(row["as_of"]), clock.from_ms(row["computed_at"])
    return ScoreRun(row["id"], row["name"], row["version"], day, computed, json.loads(row["inputs"]))


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


def drop_rfm_before(tx: Connection, run_id: int, *, first: int, last: int) -> None:
    """Delete rows of earlier runs, of the contacts `first` to `last`, except the last one in each class they left.

    What stays tells when somebody's class changed; an abandoned run leaves nothing.
    """
    tx.execute(
        """DELETE FROM rfm_scores WHERE contact_id BETWEEN :first AND :last AND run_id < :run AND (
             run_id IN (SELECT id FROM score_runs WHERE finished_at IS NULL)
             OR class = (SELECT n.class FROM rfm_scores AS n
                         WHERE n.contact_id = rfm_scores.contact_id AND n.run_id > rfm_scores.run_id
                           AND n.run_id IN (SELECT id FROM score_runs WHERE finished_at IS NOT NULL)
                         ORDER BY n.run_id LIMIT 1))""",
        {"first": first, "last": last, "run": run_id},
    )
