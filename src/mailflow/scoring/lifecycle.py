"""Bring everybody's lifecycle stage up to date. The question to the store, and what the stages are: store/lifecycle.

No frames are needed: SQLite compares on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from mailflow import clock
from mailflow.config import Settings
from mailflow.model import Stage
from mailflow.store import Store, lifecycle, past, scores
from mailflow.store.marks import Mark, Marks
from mailflow.store.pace import Pace


def refresh(store: Store, settings: Settings, *, marks: Marks, now: datetime) -> Mapping[Stage, int]:
    """Bring everybody's stage up to date, and return how many came into each from another one.

    `marks` were read before, so that what changes meanwhile leaves the stages stale.
    """
    today = clock.local_date(now, settings.zone)
    until = clock.to_ms(clock.end_of_day(today, settings.zone))
    with past.seen(store, until=until) as db:
        bounds = lifecycle.bounds(db, settings.lifecycle)
        inputs = {
            "bounds": asdict(bounds),
            "settings": settings.lifecycle.model_dump_json(),
            "until": until,
            **{str(mark): marks[mark] for mark in (Mark.PEOPLE, Mark.FILES)},
        }
        with store.transaction() as tx:
            run = scores.begin(tx, lifecycle.LIFECYCLE, lifecycle.VERSION, as_of=today, now=now, inputs=inputs)
        count = lifecycle.find_moves(db, bounds, until=until)
        moves = lifecycle.counts_of_moves(db)
        lifecycle.write(Pace(store), db, count, run_id=run, at=clock.to_ms(now))
    with store.transaction() as tx:
        scores.finish(tx, run, now=now)
    return moves
