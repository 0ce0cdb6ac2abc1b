"""Ask a rule about one contact whose facts are at hand. The same as SQL, about everybody: store/rules_sql.py."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from mailflow.rules.resolve import Each, Either, Opposite, Plain, Resolved, Test, TestAny, resolve
from mailflow.rules.types import Always, CompareFields, Context, Field, FieldType, Known, Rule

# Facts by canonical field name, as the store keeps them: milliseconds, minor units, ISO days, JSON values; a missing
# one is None or not there. The account's currency is that of `orders.revenue`.
Facts = Mapping[str, Any]

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FOLD = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def matches(rule: Rule, facts: Facts, *, context: Context) -> bool:
    """Say whether a contact with these facts is one of those the rule asks for."""
    return holds(resolve(rule, context), facts)


def holds(condition: Resolved, facts: Facts) -> bool:
    """Say whether a rule that is fixed to a moment is true of these facts."""
    match condition:
        case Always(value):
            return value
        case Test(field, sign, wanted):
            return any(_compare(value, sign, wanted, field) for value in _values(facts, field))
        case TestAny(field, several):
            return any(_compare(value, "==", wanted, field) for value in _values(facts, field) for wanted in several)
        case CompareFields(left, sign, right):
            return any(_compare(a, sign, b, left) for a in _values(facts, left) for b in _values(facts, right))
        case Known(field):
            return bool(_values(facts, field))
        case Opposite(part):
            return not holds(part, facts)
        case Each(parts):
            return all(holds(part, facts) for part in parts)
        case Either(parts):
            return any(holds(part, facts) for part in parts)


def _compare(value: Plain, sign: str, wanted: Plain, field: Field) -> bool:
    if field.type is FieldType.DATE and sign != "==" and "-" in (str(value)[:1], str(wanted)[:1]):
        return False  # a birthday without a year is neither before nor after anything
    return _OPERATORS[sign](_folded(value), _folded(wanted))


def _folded(value: Plain) -> Plain:
    return value.translate(_FOLD) if isinstance(value, str) else value


def _values(facts: Facts, field: Field) -> list[Any]:
    """Return the values a contact has in a field: none where it is missing or of another type than declared."""
    found = facts.get(field.name)
    several = found if isinstance(found, list) and field.multi else [found]
    return [value for value in several if _fits(value, field.type)]


def _fits(value: object, kind: FieldType) -> bool:
    match kind:
        case FieldType.BOOL:
            return isinstance(value, bool)
        case FieldType.TEXT | FieldType.CHOICE | FieldType.DATE:
            return isinstance(value, str)
        case _:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
