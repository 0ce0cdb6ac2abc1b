"""Everybody's stage in their life as a customer, told from the kept facts. What the stages mean: scoring/lifecycle.py.

Silence is the time from the last order to the end of a day; a gap is the usual time between two orders of a person,
with one gap of the typical customer counted in, so that two orders in one week make nobody a weekly customer:

    gap = (last order - first order + typical gap) / number of orders
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.model import Stage
from mailflow.store import marks, scores
from mailflow.store.connection import Connection
from mailflow.store.marks import Mark, Marks
from mailflow.store.pace import Pace

if TYPE_CHECKING:
    from mailflow.config.settings import LifecycleSettings  # a tick with nothing due loads no settings

LIFECYCLE = "lifecycle"  # the name of its runs
VERSION = 1  # goes up when the same data give other stages
DAY_MS = 86_400_000
_FEWEST = 10  # people with a gap of their own, before one is called typical
_UNKNOWN_GAP = 90 * DAY_MS  # what is typical as long as hardly anybody ordered twice


@dataclass(frozen=True, slots=True)
class Bounds:
    """The definition at work: lengths in milliseconds where `in_gaps` is false, else numbers of gaps."""

    new: int
    loyal: int
    at_risk: float
    lapsed: float
    lost: float
    in_gaps: bool
    typical_gap: int


@dataclass(frozen=True, slots=True)
class StageNow:
    """One person's stage, since when (milliseconds), and the figures that decided it: lengths in milliseconds."""

    stage: Stage
    previous: Stage | None
    entered_at: int
    orders: int
    gap: int | None
    silence: int | None
    bounds: Mapping[str, float]  # of the run that found it

    @property
    def gap_days(self) -> int | None:
        """Their usual time between two orders, in whole days."""
        return None if self.gap is None else self.gap // DAY_MS

    @property
    def silence_days(self) -> int | None:
        """The time since their last order when the stage began, in whole days."""
        return None if self.silence is None else self.silence // DAY_MS


_GAP = f"max({DAY_MS}, (f.last_order_at - f.first_order_at + :typical_gap) / f.order_count)"
_PEOPLE = f"""SELECT c.id AS contact_id, f.order_count AS orders, {_GAP} AS gap,
      max(0, :until - f.last_order_at) AS silence
    FROM contacts AS c LEFT JOIN contact_facts AS f ON f.contact_id = c.id WHERE c.merged_into IS NULL"""
_STAGES = f"""SELECT contact_id, orders, gap, silence, CASE
      WHEN orders IS NULL THEN 'lead'
      WHEN silence >= :lost * unit THEN 'lost'
      WHEN silence >= :lapsed * unit THEN 'lapsed'
      WHEN silence >= :at_risk * unit THEN 'at_risk'
      WHEN orders >= :loyal THEN 'loyal'
      WHEN orders = 1 AND silence <= :new THEN 'new'
      ELSE 'active' END AS stage
    FROM (SELECT *, iif(:in_gaps, gap, 1) AS unit FROM ({_PEOPLE}))"""


def is_stale(db: Connection, known: Marks, *, at: int) -> bool:
    """Say whether the kept stages are of other data or settings, or of an earlier day than that of an instant."""
    run = scores.latest(db, LIFECYCLE)
    if run is None or run.version != VERSION or not clock.to_ms(run.computed_at) <= at < run.inputs["until"]:
        return True
    return any(run.inputs.get(mark) != known.get(mark) for mark in (Mark.PEOPLE, Mark.FILES))


def holds(db: Connection, settings: LifecycleSettings, *, until: int) -> bool:
    """Say whether the kept stages are those of the end of a day, by these settings and the present data."""
    run = scores.latest(db, LIFECYCLE)
    return run is not None and (
        run.version == VERSION
        and run.inputs["until"] == until
        and run.inputs["settings"] == settings.model_dump_json()
        and run.inputs[Mark.PEOPLE] == marks.people(db)
    )


def bounds(db: Connection, settings: LifecycleSettings) -> Bounds:
    """Return the definition of the stages, on the orders that a connection sees."""
    steps = (settings.at_risk, settings.lapsed, settings.lost)
    at_risk, lapsed, lost = (float(step) if isinstance(step, Decimal) else _length(step) for step in steps)
    in_gaps = not isinstance(settings.at_risk, str)
    said = settings.typical_gap
    typical = (typical_gap(db) or _UNKNOWN_GAP) if said is None else _length(said)
    return Bounds(_length(settings.new), settings.loyal, at_risk, lapsed, lost, in_gaps, typical)


def _length(text: str) -> int:
    return clock.parse_duration(text) // timedelta(milliseconds=1)


def latest(db: Connection) -> int:
    """Return the instant of the last finished run, in milliseconds; 0 is never."""
    run = scores.latest(db, LIFECYCLE)
    return 0 if run is None else clock.to_ms(run.computed_at)


def typical_gap(db: Connection) -> int | None:
    """Return the median of the usual gaps of who ordered twice or more, the lower of two; None of too few people."""
    gaps = f"""FROM (SELECT max({DAY_MS}, (last_order_at - first_order_at) / (order_count - 1)) AS gap
                     FROM contact_facts WHERE order_count > 1)"""
    people = int(db.execute(f"SELECT count(*) {gaps}").fetchone()[0])
    if people < _FEWEST:
        return None
    row = db.execute(f"SELECT gap {gaps} ORDER BY gap LIMIT 1 OFFSET ?", ((people - 1) // 2,)).fetchone()
    return int(row[0])


def show_as_of(db: Connection, bounds: Bounds, *, until: int) -> None:
    """Let a connection see the stages of another day in place of the kept ones, on what it sees of orders."""
    db.execute("CREATE TEMP TABLE lifecycle_now (contact_id INTEGER PRIMARY KEY, stage TEXT)")
    sql = f"INSERT INTO temp.lifecycle_now SELECT contact_id, stage FROM ({_STAGES})"
    db.execute(sql, {**asdict(bounds), "until": until})


def find_moves(db: Connection, bounds: Bounds, *, until: int) -> int:
    """Put everybody whose stage is not the kept one, or who is nobody any more, into `temp.moves`; return how many.

    `db` may see less than the store; what is kept is the store's.
    """
    db.execute("DROP TABLE IF EXISTS temp.moves")
    db.execute(
        """CREATE TEMP TABLE moves (rank INTEGER PRIMARY KEY, contact_id INTEGER, stage TEXT, previous TEXT,
             orders INTEGER, gap INTEGER, silence INTEGER)"""
    )
    db.execute(
        f"""INSERT INTO temp.moves (contact_id, stage, previous, orders, gap, silence)
            SELECT n.contact_id, n.stage, o.stage, coalesce(n.orders, 0), n.gap, n.silence FROM ({_STAGES}) AS n
            LEFT JOIN main.lifecycle_stages AS o ON o.contact_id = n.contact_id AND o.left_at IS NULL
            WHERE o.stage IS NOT n.stage
            UNION ALL
            SELECT o.contact_id, NULL, o.stage, 0, NULL, NULL
            FROM contacts AS c JOIN main.lifecycle_stages AS o ON o.contact_id = c.id AND o.left_at IS NULL
            WHERE c.merged_into IS NOT NULL""",
        {**asdict(bounds), "until": until},
    )
    return int(db.execute("SELECT count(*) FROM temp.moves").fetchone()[0])


def moved(db: Connection, first: int, last: int) -> Sequence[tuple[object, ...]]:
    """Return the moves from one rank to another: (contact, stage, previous, orders, gap, silence)."""
    rows = db.execute(
        "SELECT contact_id, stage, previous, orders, gap, silence FROM temp.moves WHERE rank BETWEEN ? AND ?",
        (first, last),
    )
    return [tuple(row) for row in rows]


def counts_of_moves(db: Connection) -> dict[Stage, int]:
    """Return how many came into each stage from another one."""
    rows = db.execute(
        "SELECT stage, count(*) FROM temp.moves WHERE stage IS NOT NULL AND previous IS NOT NULL GROUP BY stage"
    )
    return {Stage(row[0]): row[1] for row in rows}


def write(pace: Pace, db: Connection, count: int, *, run_id: int, at: int) -> None:
    """Record the moves that `db` found, in short transactions."""
    first = 1
    while first <= count:
        last = first + pace.rows - 1
        slice_ = moved(db, first, last)
        with pace.transaction() as tx:
            tx.executemany(
                "UPDATE lifecycle_stages SET left_at = ? WHERE contact_id = ? AND left_at IS NULL",
                ((at, row[0]) for row in slice_ if row[2] is not None),
            )
            tx.executemany(
                """INSERT INTO lifecycle_stages (contact_id, stage, previous, orders, gap, silence, entered_at, run_id)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                ((*row, at, run_id) for row in slice_ if row[1] is not None),
            )
        first = last + 1


def rewind(pace: Pace, *, at: int) -> None:
    """Forget the moves of later instants, in short transactions: a rehearsal had moved the clock there.

    A rewind that was cut off is begun again, as the run of the later instant is still the last one.
    """
    for sql, changed in (
        ("DELETE FROM lifecycle_stages", "entered_at"),
        ("UPDATE lifecycle_stages SET left_at = NULL", "left_at"),
    ):
        rows = pace.store.db.execute(f"SELECT id FROM lifecycle_stages WHERE {changed} > ?", (at,))
        for ids in pace.slices([row["id"] for row in rows]):
            with pace.transaction() as tx:
                tx.execute(f"{sql} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))


def sizes(db: Connection) -> dict[Stage, int]:
    """Return how many people are in each stage, empty ones too."""
    rows = db.execute("SELECT stage, count(*) FROM lifecycle_now GROUP BY stage")
    found = {row[0]: row[1] for row in rows}
    return {stage: found.get(stage, 0) for stage in Stage}


def came_between(db: Connection, since: int, until: int) -> dict[Stage, int]:
    """Return how many came into each stage from another one since an instant, and were still there at a later one."""
    rows = db.execute(
        """SELECT stage, count(*) FROM lifecycle_stages WHERE previous IS NOT NULL AND entered_at >= :since
             AND entered_at < :until AND (left_at IS NULL OR left_at >= :until) GROUP BY stage""",
        {"since": since, "until": until},
    )
    return {Stage(row[0]): row[1] for row in rows}


def stages_of(db: Connection, contact_ids: Collection[int]) -> dict[int, Stage]:
    """Return the kept stages of contacts by id; before the first run there are none."""
    rows = db.execute(
        "SELECT contact_id, stage FROM lifecycle_now WHERE contact_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(contact_ids)),),
    )
    return {row[0]: Stage(row[1]) for row in rows}


def of_contact(db: Connection, contact_id: int) -> StageNow | None:
    """Return the kept stage of a contact with what decided it, or None before the first run."""
    row = db.execute(
        """SELECT s.*, r.inputs FROM lifecycle_now AS s JOIN score_runs AS r ON r.id = s.run_id
           WHERE s.contact_id = ?""",
        (contact_id,),
    ).fetchone()
    if row is None:
        return None
    previous = None if row["previous"] is None else Stage(row["previous"])
    return StageNow(
        Stage(row["stage"]), previous, row["entered_at"], row["orders"], row["gap"], row["silence"],
        json.loads(row["inputs"])["bounds"],
    )  # fmt: skip
