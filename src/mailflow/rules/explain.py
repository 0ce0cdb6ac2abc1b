"""Say why a rule is true or false of one contact: each part with what was seen. Whether it is: predicate.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from mailflow import clock, money
from mailflow.places import distance_km
from mailflow.rules import traits
from mailflow.rules.history import History
from mailflow.rules.predicate import HISTORY, Facts, holds, moments, seen, weigh, where_is
from mailflow.rules.resolve import Done, fixed, weights
from mailflow.rules.types import (
    All,
    Around,
    Compare,
    CompareFields,
    Condition,
    Context,
    Did,
    Field,
    FieldType,
    Known,
    Like,
    Near,
    Not,
    OneOf,
    Outline,
    Rule,
    Sign,
    Some,
    Weighed,
)

MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Explained:
    """A part of a rule: its words, its truth, and what was seen: `7`, `last 2026-01-03`; blank where it has parts.

    A comparison with a trait has the signs of it as parts, and beside them how sure those that are true make us.
    """

    text: str
    truth: bool
    value: str
    parts: tuple[Explained, ...] = ()
    confidence: float | None = None  # of a trait, and of a sign alone, 0 to 1


def explain(rule: Rule, facts: Facts, context: Context) -> Explained:
    """Return the rule as a tree, each part with its truth and what it saw of a contact with these facts."""
    return _explained(rule.outline, facts, context)


def leaves(part: Explained) -> Iterator[Explained]:
    """Yield the parts that have no parts themselves, or that say more than these: a trait."""
    if part.value or not part.parts:
        yield part
        return
    for inner in part.parts:
        yield from leaves(inner)


def _explained(outline: Outline, facts: Facts, context: Context) -> Explained:
    if not outline.parts and (weighed := _trait_in(outline.condition)) is not None:
        return _weighed(outline, weighed, facts, context)
    parts = tuple(_explained(part, facts, context) for part in outline.parts)
    value = "" if parts else ", ".join(_values(outline.condition, facts, context))
    return Explained(" ".join(outline.text.split()), holds(fixed(outline.condition, context), facts), value, parts)


def confidence(weighed: Weighed, facts: Facts, context: Context) -> Fraction | None:
    """Return how sure the signs of a trait make us of it; None where none speaks for it."""
    found = weigh(weights(weighed, context), facts)
    return Fraction(found, traits.steps(map(traits.share, weighed.signs))) if found else None


def _trait_in(condition: Condition) -> Weighed | None:
    """Return the comparison with a trait that a part is, be it with != or null."""
    condition = condition.part if isinstance(condition, Not) else condition
    return condition if isinstance(condition, Weighed) else None


def _weighed(outline: Outline, weighed: Weighed, facts: Facts, context: Context) -> Explained:
    sure = confidence(weighed, facts, context)
    return Explained(
        " ".join(outline.text.split()),
        holds(fixed(outline.condition, context), facts),
        MISSING if sure is None else traits.percent(sure),
        tuple(_sign(sign, facts, context) for sign in weighed.signs),
        None if sure is None else float(sure),
    )


def _sign(sign: Sign, facts: Facts, context: Context) -> Explained:
    """Return a sign of a trait with its truth, what was seen, and whose word it is."""
    found = _explained(sign.outline, facts, context)
    against = " against" if sign.against else ""
    source = f", {sign.source}" if sign.source else ""
    return replace(found, text=f"{sign.percent} %{against}{source}: {found.text}", confidence=sign.percent / 100)


def _values(condition: Condition, facts: Facts, context: Context) -> Iterator[str]:
    match condition:
        case Compare(field) | OneOf(field) | Known(field) | Like(field) | Near(field):
            yield _shown(field, facts, context)
        case CompareFields(left, _, right):
            yield f"{left.name} {_shown(left, facts, context)}"
            yield f"{right.name} {_shown(right, facts, context)}"
        case Did():
            done = fixed(condition, context)
            assert isinstance(done, Done)
            yield _deeds(done, facts.get(HISTORY, History()), context)
        case Weighed():
            sure = confidence(condition, facts, context)
            yield MISSING if sure is None else traits.percent(sure)
        case Around(center, _, atlas):
            found = where_is(facts, atlas)
            yield MISSING if found is None else f"{found.how}, {distance_km(found.spot, center):.1f} km"
        case Not(part):
            yield from _values(part, facts, context)
        case All(parts) | Some(parts):
            for part in parts:
                yield from _values(part, facts, context)


def _shown(field: Field, facts: Facts, context: Context) -> str:
    """Return a contact's values in a field as people read them."""
    values = seen(facts, field)
    return ", ".join(_text(value, field, context) for value in values) if values else MISSING


def _text(value: Any, field: Field, context: Context) -> str:
    match field.type:
        case FieldType.INSTANT:
            return clock.wall_text(clock.from_ms(int(value)), context.zone)
        case FieldType.MONEY:
            return f"{money.to_text(int(value), context.currency)} {context.currency}"
        case FieldType.BOOL:
            return "true" if value else "false"
        case FieldType.NUMBER:
            return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
    return str(value)


def _deeds(done: Done, history: History, context: Context) -> str:
    """Return how often somebody did something within its window, and when last, be it before the window."""
    inside = moments(done, history)
    ever = moments(replace(done, since=None), history)
    if not ever:
        return "never"
    last = f"last {clock.local_date(clock.from_ms(max(ever)), context.zone)}"
    return f"{len(inside)}, {last}" if inside else last
