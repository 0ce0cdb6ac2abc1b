"""Fix a rule to a moment: times become milliseconds, days text, amounts minor units, as the store keeps them.

Both faces of a rule, predicate.py and store/rules_sql.py, start from what this returns, and see only tests of a field
against one plain value.
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from mailflow import clock, money
from mailflow.rules import traits
from mailflow.rules.types import (
    All,
    Always,
    Around,
    Compare,
    CompareFields,
    Condition,
    Context,
    Deed,
    Did,
    Field,
    FieldType,
    FromNow,
    Known,
    Like,
    Near,
    Not,
    OneOf,
    Rule,
    Some,
    Value,
    Weighed,
)

Plain = str | int | float | bool
_BIRTHDAY = "birthday"
_INSTANT = Field("instant", FieldType.INSTANT)
_FIRST_DAY, _LAST_DAY = date(1, 1, 2), date(9999, 12, 30)


@dataclass(frozen=True, slots=True)
class Test:
    """A field against a value as the store keeps it; `operator` is one of == < <= > >=. False where it is missing."""

    field: Field
    operator: str
    value: Plain


@dataclass(frozen=True, slots=True)
class TestAny:
    """A field against several such values: true if it equals one of them."""

    field: Field
    values: tuple[Plain, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """True where the part is false."""

    part: Resolved


@dataclass(frozen=True, slots=True)
class Each:
    """True where all parts are."""

    parts: tuple[Resolved, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True where at least one part is."""

    parts: tuple[Resolved, ...]


@dataclass(frozen=True, slots=True)
class Returns:
    """A birthday on one of these days of some year, written 03-07; the last of them is in the next seven days, say."""

    field: Field
    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What a `Did` asks for, from `since` on and before `until` (milliseconds); see there."""

    deed: Deed
    names: tuple[str, ...]
    product: str | None
    category: str | None
    campaign: str | None
    since: int | None
    until: int
    at_least: int
    where: Resolved | None
    people_only: bool
    poll: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """A sign of a trait: true of somebody or not, and what it then does to the sum; see traits.py."""

    part: Resolved
    share: Fraction
    against: bool


@dataclass(frozen=True, slots=True)
class Weighs:
    """How sure we are of a trait, as a whole number of the smallest steps there are: `low` to `high`, both included."""

    weights: tuple[Weight, ...]
    low: int
    high: int


Resolved = (
    Always | Test | TestAny | CompareFields | Known | Like | Returns | Around | Done | Weighs | Opposite | Each | Either
)


def resolve(rule: Rule, context: Context) -> Resolved:
    """Return the rule as plain tests at a moment."""
    return fixed(rule.condition, context)


def fixed(condition: Condition, context: Context) -> Resolved:
    """Return a part of a rule as plain tests at a moment."""
    match condition:
        case Always() | CompareFields() | Known() | Like() | Around():
            return condition
        case Near():
            return _near(condition, context)
        case Did():
            return _done(condition, context)
        case Weighed():
            return _weighs(condition, context)
        case Compare(field, operator, value):
            return _compare(field, operator, value, context)
        case OneOf(field, values):
            return _one_of(field, values, context)
        case Not(part):
            return Opposite(fixed(part, context))
        case All(parts):
            return Each(tuple(fixed(part, context) for part in parts))
        case Some(parts):
            return Either(tuple(fixed(part, context) for part in parts))


def _compare(field: Field, operator: str, value: Value, context: Context) -> Resolved:
    if field.type is FieldType.INSTANT and isinstance(value, date) and not isinstance(value, datetime):
        return _within_day(field, operator, value, context)
    return Test(field, operator, _plain(field, value, context))


def _near(near: Near, context: Context) -> Resolved:
    """Between now and then, without its end: seven days ahead are today and the six after it."""
    field, step = near.field, near.duration if near.ahead else -near.duration
    if field.type is FieldType.INSTANT:
        early, late = sorted((clock.to_ms(context.now), clock.to_ms(context.now + step)))
        return Each((Test(field, ">=", early), Test(field, "<", late) if near.ahead else Test(field, "<=", late)))
    today = clock.local_date(context.now, context.zone)
    days = [today + timedelta(days=number) * (1 if near.ahead else -1) for number in range(near.duration.days)]
    if field.name == _BIRTHDAY:
        return Returns(field, tuple(sorted(_returning(days))))
    if not days:
        return Always(False)
    return Each((Test(field, ">=", min(days).isoformat()), Test(field, "<=", max(days).isoformat())))


def _returning(days: list[date]) -> set[str]:
    """Return the birthdays that fall on some days; who was born on 29 February has the 28th in other years."""
    found = {f"{day:%m-%d}" for day in days}
    return found | {"02-29"} if any(f"{day:%m-%d}" == "02-28" and not isleap(day.year) for day in days) else found


def _done(did: Did, context: Context) -> Resolved:
    ends = clock.to_ms(clock.end_of_day(clock.local_date(context.now, context.zone), context.zone))
    since, until = _edge(did.window.since, context, last=False), _edge(did.window.until, context, last=True)
    until = ends if until is None else min(until, ends)
    return Done(
        did.deed, did.names, did.product, did.category, did.campaign, since, until,
        did.at_least, fixed(did.where, context) if did.where is not None else None, did.people_only,
        did.poll, did.answer,
    )  # fmt: skip


def _weighs(weighed: Weighed, context: Context) -> Resolved:
    low, high = traits.bounds(weighed)
    return Weighs(weights(weighed, context), low, high) if low <= high else Always(False)


def weights(weighed: Weighed, context: Context) -> tuple[Weight, ...]:
    """Return the signs of a trait at a moment."""
    return tuple(
        Weight(fixed(sign.outline.condition, context), traits.share(sign), sign.against) for sign in weighed.signs
    )


def _edge(value: FromNow | date | datetime | None, context: Context, *, last: bool) -> int | None:
    """Return an end of a window in milliseconds; its last day belongs to it."""
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        day = min(max(value, _FIRST_DAY), _LAST_DAY)
        return clock.to_ms(
            clock.end_of_day(day, context.zone) if last else clock.local_instant(day, time(), context.zone)
        )
    return int(_plain(_INSTANT, value, context))


def _within_day(field: Field, operator: str, day: date, context: Context) -> Resolved:
    """Compare an instant with a whole day: before it starts, after it ends, or within it."""
    day = min(max(day, _FIRST_DAY), _LAST_DAY)
    starts = clock.to_ms(clock.local_instant(day, time(), context.zone))
    ends = clock.to_ms(clock.end_of_day(day, context.zone))
    match operator:
        case "<" | ">=":
            return Test(field, operator, starts)
        case "<=":
            return Test(field, "<", ends)
        case ">":
            return Test(field, ">=", ends)
        case _:
            return Each((Test(field, ">=", starts), Test(field, "<", ends)))


def _one_of(field: Field, values: tuple[Value, ...], context: Context) -> Resolved:
    if field.type is FieldType.INSTANT:
        return Either(tuple(_compare(field, "==", value, context) for value in values))
    return TestAny(field, tuple(_plain(field, value, context) for value in values))


def _plain(field: Field, value: Value, context: Context) -> Plain:
    """Return a constant as the store would keep it in this field."""
    match value:
        case bool() | str():
            return value
        case Decimal():
            return _number(value.scaleb(money.digits(context.currency)) if field.type is FieldType.MONEY else value)
        case FromNow(offset) if field.type is FieldType.INSTANT:
            return clock.to_ms(context.now) + offset // timedelta(milliseconds=1)
        case FromNow(offset):
            return _moved(context.now, offset, context).isoformat()
        case datetime():
            return clock.to_ms(_instant(value, context))
        case date():
            return value.isoformat()


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _instant(value: datetime, context: Context) -> datetime:
    if value.tzinfo is not None:
        return value
    day = min(max(value.date(), _FIRST_DAY), _LAST_DAY)
    return clock.local_instant(day, value.time(), context.zone)


def _moved(now: datetime, offset: timedelta, context: Context) -> date:
    """Return the calendar day at `now` + `offset`, held within the years that a date can have."""
    try:
        return clock.local_date(now + offset, context.zone)
    except OverflowError:
        return _LAST_DAY if offset > timedelta() else _FIRST_DAY
