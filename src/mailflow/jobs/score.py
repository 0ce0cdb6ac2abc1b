"""What the kept scores are and why: their runs with provenance, and what gave one person theirs.

The sums: scoring/; when they are due: scoring/fresh.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from mailflow import clock, money
from mailflow.phrases import many
from mailflow.segments import Segments, traits
from mailflow.store import Connection, profiles, scores
from mailflow.store.scores import ScoreRun

_DAY_MS = 86_400_000
_MEASURES = {"r": ("recency", "recency_days"), "f": ("frequency", "frequency"), "m": ("monetary", "monetary")}


@dataclass(frozen=True, slots=True)
class Explained:
    """One kept score of a person with its causes: facts by name, as JSON holds them, and the same in words."""

    name: str
    value: str | float | int
    as_of: date
    causes: Sequence[Mapping[str, Any]]
    words: str


def run_record(run: ScoreRun) -> dict[str, Any]:
    """Return a run with its provenance, with the keys that the JSON promises."""
    return {
        "score": run.name,
        "version": run.version,
        "as_of": run.as_of.isoformat(),
        "computed_at": clock.iso(run.computed_at),
        "contacts": run.inputs.get("contacts"),
        "inputs": dict(run.inputs),
    }


def explain(
    db: Connection, contact_id: int, *, segments: Segments | None = None, now: datetime | None = None
) -> list[Explained]:
    """Return every kept score of a contact with its causes; with `segments`, how sure we are of traits at `now` too."""
    kept = [*_rfm(db, contact_id), *_lifecycle(db, contact_id), *_others(db, contact_id)]
    return kept if segments is None or now is None else [*kept, *_traits(db, contact_id, segments, now)]


def _rfm(db: Connection, contact_id: int) -> Iterator[Explained]:
    kept, run = profiles.rfm(db, contact_id), scores.latest(db, scores.RFM)
    if kept is None or run is None:
        return
    values = {"r": kept.recency_days, "f": kept.frequency, "m": kept.monetary}
    given = {"r": kept.r, "f": kept.f, "m": kept.m}
    for letter, (measure, field) in _MEASURES.items():
        cuts = [_shown(cut, kept.currency if letter == "m" else None) for cut in run.inputs["cuts"][measure]]
        below = 5 - given[letter] if letter == "r" else given[letter] - 1
        cause = {field: values[letter], "cut_points": cuts, "strictly_below": below}
        unit = {"r": "days", "f": "orders", "m": kept.currency}[letter]
        unit = unit.removesuffix("s") if values[letter] == 1 else unit
        words = f"{values[letter]} {unit}; {below} of the cut points {', '.join(cuts)} lie below"
        yield Explained(f"rfm.{letter}", given[letter], run.as_of, [cause], words)
    yield Explained("rfm.class", kept.name, run.as_of, [{"r": kept.r, "f": kept.f}], f"R {kept.r}, F {kept.f}")


def _shown(cut: str, currency: str | None) -> str:
    """Return a cut point in decimals: of days and orders as they are, of minor units in the currency's own."""
    value = Fraction(cut) / (1 if currency is None else 10 ** money.digits(currency))
    return f"{float(value):.4f}".rstrip("0").rstrip(".")


def _lifecycle(db: Connection, contact_id: int) -> Iterator[Explained]:
    row = scores.lifecycle_of(db, contact_id)
    if row is None:
        return
    gap, silence = (None if row[name] is None else round(row[name] / _DAY_MS, 1) for name in ("gap", "silence"))
    cause = {"orders": row["orders"], "usual_gap_days": gap, "silence_days": silence, "before": row["previous"]}
    parts = [many(row["orders"], "order", "orders")]
    parts += [] if gap is None else [f"usually {gap} days apart"]
    parts += [] if silence is None else [f"the last {silence} days before {row['as_of']}"]
    yield Explained("lifecycle", row["stage"], date.fromisoformat(row["as_of"]), [cause], ", ".join(parts))


def _others(db: Connection, contact_id: int) -> Iterator[Explained]:
    for row in scores.of_contact(db, contact_id):
        causes = json.loads(row["causes"])
        words = "; ".join(", ".join(f"{key} {value}" for key, value in cause.items()) for cause in causes)
        yield Explained(row["name"], row["value"], date.fromisoformat(row["as_of"]), causes, words)


def _traits(db: Connection, contact_id: int, segments: Segments, now: datetime) -> Iterator[Explained]:
    today = clock.local_date(now, segments.settings.zone)
    for trait in traits.of_contact(segments, db, contact_id, now=now):
        causes = [
            {
                "sign": sign.rule,
                "source": sign.source or None,
                "confidence": sign.percent / 100,
                "against": sign.against,
                "seen": sign.seen or None,
            }
            for sign in trait.signs
        ]
        words = "; ".join(sign.in_words() for sign in trait.signs)
        yield Explained(f"traits.{trait.name}", round(trait.confidence, 4), today, causes, words)
