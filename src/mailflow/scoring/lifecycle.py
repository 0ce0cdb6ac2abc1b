"""Bring everybody's lifecycle stage up to date. The question to the store, and what the stages are: store/lifecycle.

No frames are needed: SQLite compares on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from mailflow import clock
from mailflow.config import Settings
from mailflow.config.settings import LifecycleSettings, days
from mailflow.store import Connection, Store, lifecycle, past, scores
from mailflow.store.lifecycle import Bounds, Stage
from mailflow.store.marks import Mark, Marks
from mailflow.store.pace import Pace

UNKNOWN_GAP = 90  # days: what is typical as long as hardly anybody ordered twice


def bounds(db: Connection, settings: Settings) -> Bounds:
    """Return the definition of the stages by mailflow.yaml, on the orders that a connection sees."""
    said = settings.lifecycle
    steps = (said.at_risk, said.lapsed, said.lost)
    in_gaps = not isinstance(said.at_risk, str)
    at_risk, lapsed, lost = (float(step) if isinstance(step, Decimal) else _ms(step) for step in steps)
    return Bounds(_ms(said.new), said.loyal, at_risk, lapsed, lost, in_gaps, _typical(db, said))


def _typical(db: Connection, said: LifecycleSettings) -> int:
    if said.typical_gap is not None:
        return _ms(said.typical_gap)
    measured = lifecycle.typical_gap(db)
    return UNKNOWN_GAP * lifecycle.DAY_MS if measured is None else measured


def _ms(length: str) -> int:
    return int(days(length) * lifecycle.DAY_MS)


def refresh(store: Store, settings: Settings, *, marks: Marks, now: datetime) -> Mapping[Stage, int]:
    """Bring everybody's stage up to date, and return how many came into each from another one.

    `marks` were read before, so that what changes meanwhile leaves the stages stale.
    """
    today = clock.local_date(now, settings.zone)
    until = clock.to_ms(clock.end_of_day(today, settings.zone))
    with past.seen(store, until=until) as db:
        found = bounds(db, settings)
        seen = {str(mark): marks[mark] for mark in (Mark.PEOPLE, Mark.FILES)}
        inputs = {"bounds": asdict(found), "until": until, **seen}
        with store.transaction() as tx:
            run = scores.begin(tx, lifecycle.LIFECYCLE, lifecycle.VERSION, as_of=today, now=now, inputs=inputs)
        count = lifecycle.find_moves(db, found, until=until)
        moves = lifecycle.counts_of_moves(db)
        lifecycle.write(Pace(store), db, count, run_id=run, at=clock.to_ms(now))
    with store.transaction() as tx:
        scores.finish(tx, run, now=now)
    return moves
