"""What a rule depends on beside its own words: which things it reads, and how soon the clock alone changes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.rules import FieldType, Rule
from mailflow.rules.types import All, Compare, Condition, Deed, Did, FromNow, Near, Not, OneOf, Some, Weighed
from mailflow.store.marks import Mark

# A rule of hours is looked at within minutes, one of days within the hour.
_SOONEST, _LATEST = timedelta(minutes=5), timedelta(hours=1)
_PARTS = 24
_FIELDS = {
    "rfm": Mark.SCORES,
    "scores": Mark.SCORES,
    "lifecycle": Mark.STAGES,
    "tickets": Mark.EVENTS,
    "consent": Mark.CONSENT,
    "topics": Mark.CONSENT,
}
_DEEDS = {Deed.ORDER: Mark.PEOPLE, Deed.EVENT: Mark.EVENTS, Deed.MAIL: Mark.MAIL}


def reads(rule: Rule) -> frozenset[Mark]:
    """Return what changes the members of a rule when it changes."""
    fields = {_FIELDS.get(field.name.partition(".")[0], Mark.PEOPLE) for field in rule.fields()}
    deeds = {_DEEDS[deed] for deed in rule.deeds()}
    old_mail = {Mark.EVENTS} if Deed.MAIL in rule.deeds() else set()  # what other tools delivered
    return frozenset({Mark.PEOPLE} | fields | deeds | old_mail)


def due_at(rule: Rule, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when to look again though nothing changed: when the day turns, or earlier where a rule counts hours."""
    midnight = clock.local_instant(clock.local_date(now, zone) + timedelta(days=1), time(), zone)
    lengths = [abs(length) for length in _lengths(rule.condition)]
    if not lengths:
        return midnight
    shortest = min(lengths)
    return min(midnight, now + min(max(shortest / _PARTS, _SOONEST), _LATEST))


def _lengths(condition: Condition) -> Iterator[timedelta]:
    """Yield how far from now the rule looks, wherever that moves with the clock and not with the day."""
    match condition:
        case Compare(field, _, FromNow(offset)) if field.type is FieldType.INSTANT:
            yield offset
        case OneOf(field, values) if field.type is FieldType.INSTANT:
            yield from (value.offset for value in values if isinstance(value, FromNow))
        case Near(field, duration) if field.type is FieldType.INSTANT:
            yield duration
        case Did():
            yield from _of_edges(condition.window.since, condition.window.until)
        case Weighed(signs=signs):
            for sign in signs:
                yield from _lengths(sign.outline.condition)
        case Not(part):
            yield from _lengths(part)
        case All(parts) | Some(parts):
            for part in parts:
                yield from _lengths(part)


def _of_edges(*edges: FromNow | date | datetime | None) -> Iterator[timedelta]:
    yield from (edge.offset for edge in edges if isinstance(edge, FromNow))
