"""RFM of everybody as of a day: computed for the report, and kept for rules. The sums: analytics/rfm.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mailflow import clock, money
from mailflow.analytics import rfm
from mailflow.analytics.rfm import ClassTable, CutPoints
from mailflow.config import RfmSettings, Settings
from mailflow.config.rates import Rates
from mailflow.scoring import fresh
from mailflow.store import Connection, Store, frames, scores
from mailflow.store.frames import Population
from mailflow.store.scores import RfmRow

# Rows written, or ids swept, in one transaction: some 30 ms here, and at most 100.
SLICE = 2_000
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Scored:
    """Everybody's scores as of a day; `frame` has the columns of `analytics.rfm.scored`, ordered by contact id."""

    frame: pd.DataFrame
    cuts: CutPoints
    currency: str
    as_of: date


def compute(db: Connection, settings: Settings, rates: Rates, day: date) -> Scored:
    """Return the RFM scores of everybody with a counted order by the end of a day in the account's zone."""
    until = clock.to_ms(clock.end_of_day(day, settings.zone))
    people = frames.population(db, until=until, currency=settings.currency, rates=rates, day=day)
    return of_population(people, settings, day)


def of_population(people: Population, settings: Settings, day: date) -> Scored:
    """Return the scores of a population as of the end of a day, cut by its own quintiles."""
    frame = pd.DataFrame(
        {
            "contact": people.contact_ids,
            "recency_days": _days_since(people.last_at, day, settings.zone),
            "frequency": people.frequency,
            "monetary_minor": people.monetary_minor,
        },
        copy=False,
    )
    return of_frame(frame, people.currency, settings, day)


def of_frame(frame: pd.DataFrame, currency: str, settings: Settings, day: date) -> Scored:
    """Return the scores of a frame such as `analytics.rfm` describes, by the bounds and classes of mailflow.yaml."""
    cuts = rfm.cut_points(frame, bounds(settings.rfm, currency))
    return Scored(rfm.scored(frame, cuts, class_table(settings)), cuts, currency, day)


def history(db: Connection, settings: Settings, days: Sequence[date]) -> Iterator[Mapping[str, int]]:
    """Yield how many contacts each class had at the end of each of some days, ascending, as today's orders tell it.

    Classes are of (R, F), so amounts and their currencies are not looked at.
    """
    zone = settings.zone
    untils = [clock.to_ms(clock.end_of_day(day, zone)) for day in days]
    for day, (people, frequency, last_at) in zip(days, frames.activity(db, untils), strict=True):
        frame = pd.DataFrame(
            {
                "contact": people,
                "recency_days": _days_since(last_at, day, zone),
                "frequency": frequency,
                "monetary_minor": np.zeros(len(people), np.int64),
            }
        )
        scored = of_frame(frame, settings.currency, settings, day).frame
        yield {row.name: row.contacts for row in rfm.summary(scored)}


def class_table(settings: Settings) -> ClassTable:
    """Return the classes of (R, F): those of mailflow.yaml, else the usual ten."""
    return settings.rfm.classes or rfm.CLASSES


def bounds(settings: RfmSettings, currency: str) -> Mapping[str, Sequence[Fraction]]:
    """Return the fixed bounds of mailflow.yaml, those of amounts in minor units."""
    scale = {"monetary": 10 ** money.digits(currency)}
    return {
        str(name): [Fraction(value) * scale.get(name, 1) for value in values]
        for name, values in (settings.bounds or {}).items()
    }


def refresh(store: Store, settings: Settings, rates: Rates, *, root: Path, now: datetime) -> Scored:
    """Compute the scores as of today and keep them, in short transactions; readers see the old ones or the new ones.

    What they depend on is read before they are computed: data that arrives meanwhile leaves them stale.
    """
    inputs = fresh.inputs(store.db, settings, root=root)
    result = compute(store.db, settings, rates, clock.local_date(now, settings.zone))
    provenance = {**inputs, **_told(result)}
    before = scores.latest(store.db, scores.RFM)
    with store.transaction() as tx:
        run = scores.begin(tx, scores.RFM, fresh.RFM_VERSION, as_of=result.as_of, now=now, inputs=provenance)
    _write(store, run, result, since=before.id if before is not None else None)
    with store.transaction() as tx:
        scores.finish(tx, run, now=now)
    for first in range(0, scores.highest_contact(store.db) + 1, SLICE):
        with store.transaction() as tx:
            scores.sweep(tx, run, first=first, last=first + SLICE - 1)
    return result


def _write(store: Store, run: int, result: Scored, *, since: int | None) -> None:
    """Write everybody's scores slice by slice, and with each who moved since the run `since`."""
    first = 0
    for slice_ in _slices(result):
        last = slice_[-1][0]
        with store.transaction() as tx:
            scores.add_rfm(tx, run, slice_)
            if since is not None:
                scores.add_moves(tx, run, since=since, first=first, last=last)
        first = last + 1
    if since is not None:  # who had scores then and has none now, beyond the last who has
        with store.transaction() as tx:
            scores.add_moves(tx, run, since=since, first=first, last=scores.highest_contact(tx))


def rows(result: Scored) -> Iterator[RfmRow]:
    """Yield the scores as the store keeps them."""
    for slice_ in _slices(result):
        yield from slice_


def _slices(result: Scored) -> Iterator[Sequence[RfmRow]]:
    for start in range(0, len(result.frame), SLICE):
        part = result.frame.iloc[start : start + SLICE]
        columns: list[list[Any]] = [
            part[name].tolist()
            for name in ("contact", "recency_days", "frequency", "monetary_minor", "r", "f", "m", "class")
        ]
        columns.insert(4, [result.currency] * len(part))
        yield list(zip(*columns, strict=True))


def _days_since(last_at: NDArray[np.int64], day: date, zone: ZoneInfo) -> NDArray[np.int64]:
    """Return the calendar days between each instant's day in the zone and a day."""
    local = pd.to_datetime(last_at, unit="ms", utc=True).tz_convert(zone).tz_localize(None)
    days = local.to_numpy().astype("datetime64[ms]").astype(np.int64) // _DAY_MS
    return (day - date(1970, 1, 1)).days - days


def _told(result: Scored) -> Mapping[str, Any]:
    """Return what a run remembers of its outcome: how many in which class, and the cut points exactly: 12, 61/5."""
    cuts = {name: [str(cut) for cut in getattr(result.cuts, name)] for name in ("recency", "frequency", "monetary")}
    return {
        "contacts": len(result.frame),
        "classes": {row.name: row.contacts for row in rfm.summary(result.frame)},
        "currency": result.currency,
        "cuts": cuts,
    }
