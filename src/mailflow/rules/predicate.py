"""Ask a rule about one contact whose facts are at hand. The same as SQL, about everybody: store/rules_sql.py."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mailflow.places import Atlas, Whereabouts, distance_km, whereabouts
from mailflow.places.names import LATITUDES, LONGITUDES
from mailflow.rules import traits
from mailflow.rules.history import History, fold, times
from mailflow.rules.resolve import (
    Done,
    Each,
    Either,
    Opposite,
    Plain,
    Resolved,
    Returns,
    Test,
    TestAny,
    Weighs,
    Weight,
    resolve,
)
from mailflow.rules.types import Always, Around, CompareFields, Context, Field, FieldType, Known, Like, Part, Rule

# Facts by canonical field name, as the store keeps them: milliseconds, minor units, ISO days, JSON values; a missing
# one is None or not there. The account's currency is that of `orders.revenue`. What they did is a History, as HISTORY.
Facts = Mapping[str, Any]

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
HISTORY = "history"
_NOTHING = History()
_ATTRIBUTE = "attributes."


def matches(rule: Rule, facts: Facts, *, context: Context) -> bool:
    """Say whether a contact with these facts is one of those the rule asks for."""
    return holds(resolve(rule, context), facts)


def holds(condition: Resolved, facts: Facts) -> bool:
    """Say whether a rule that is fixed to a moment is true of these facts."""
    match condition:
        case Always(value):
            return value
        case Test(field, sign, wanted):
            return any(_compare(value, sign, wanted, field) for value in seen(facts, field))
        case TestAny(field, several):
            return any(_compare(value, "==", wanted, field) for value in seen(facts, field) for wanted in several)
        case CompareFields(left, sign, right):
            return any(_compare(a, sign, b, left) for a in seen(facts, left) for b in seen(facts, right))
        case Known(field):
            return bool(seen(facts, field))
        case Like(field, part, text):
            return any(_has(fold(value), part, fold(text)) for value in seen(facts, field))
        case Returns(field, days):
            return any(value[-5:] in days for value in seen(facts, field))
        case Around(center, km, atlas):
            found = where_is(facts, atlas)
            return found is not None and distance_km(found.spot, center) <= km
        case Done():
            return len(moments(condition, facts.get(HISTORY, _NOTHING))) >= condition.at_least
        case Weighs(weights, low, high):
            return low <= weigh(weights, facts) <= high
        case Opposite(part):
            return not holds(part, facts)
        case Each(parts):
            return all(holds(part, facts) for part in parts)
        case Either(parts):
            return any(holds(part, facts) for part in parts)


def weigh(weights: Sequence[Weight], facts: Facts) -> int:
    """Return how sure signs make us of a trait, in its smallest steps; 0 where none speaks for it."""
    return traits.weigh((weight.share, weight.against, holds(weight.part, facts)) for weight in weights)


def moments(done: Done, history: History) -> list[int]:
    """Return when a person did something, in milliseconds."""
    where = done.where
    return [
        at for at, candidates in times(done, history) if where is None or any(holds(where, each) for each in candidates)
    ]


def where_is(facts: Facts, atlas: Atlas) -> Whereabouts | None:
    """Return where a person is; None where their facts do not say it."""
    country, postcode, city = (facts.get(name) for name in ("country", "postcode", "city"))
    own = {name: facts.get(f"{_ATTRIBUTE}{name}") for name in (*LATITUDES, *LONGITUDES)}
    return whereabouts(atlas, country=country, postcode=postcode, city=city, attributes=own)


def _has(value: str, part: Part, text: str) -> bool:
    match part:
        case Part.ANYWHERE:
            return text in value
        case Part.START:
            return value.startswith(text)
        case Part.END:
            return value.endswith(text)


def _compare(value: Plain, sign: str, wanted: Plain, field: Field) -> bool:
    if field.type is FieldType.DATE and sign != "==" and "-" in (str(value)[:1], str(wanted)[:1]):
        return False  # a birthday without a year is neither before nor after anything
    return _OPERATORS[sign](_folded(value), _folded(wanted))


def _folded(value: Plain) -> Plain:
    return fold(value) if isinstance(value, str) else value


def seen(facts: Facts, field: Field) -> list[Any]:
    """Return the values a contact has in a field: none where it is missing or of another type than declared."""
    if not field.multi:
        return [value for value in _found(facts, field.name) if _fits(value, field.type)][:1]
    several = [
        value for found in _found(facts, field.name) for value in (found if isinstance(found, list) else [found])
    ]
    return [value for value in several if _fits(value, field.type) and not isinstance(value, Mapping)]


def _found(facts: Facts, name: str) -> Iterator[Any]:
    """Yield what has a name: the fact of that name, then for `a.b` what is called b within a."""
    yield facts.get(name)
    first, *steps = name.split(".")
    if first == "attributes" and steps:
        first, steps = f"attributes.{steps[0]}", steps[1:]
    if steps:
        found = facts.get(first)
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
        yield found


def _fits(value: object, kind: FieldType) -> bool:
    match kind:
        case FieldType.ANY:
            return value is not None
        case FieldType.BOOL:
            return isinstance(value, bool)
        case FieldType.TEXT | FieldType.CHOICE | FieldType.DATE:
            return isinstance(value, str)
        case _:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
