"""A place in a rule: `near("Graz", km=25)`, `near(store="Main Street", km=10)`. What people did: functions.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from mailflow.config.yaml_files import suggestion
from mailflow.errors import ProblemsError
from mailflow.places import PlaceError, Spot, locate
from mailflow.rules.syntax import Call, Literal, RuleError, Span, Syntax
from mailflow.rules.types import Around, Names

NAME = "near"
_KNOWN = ("place", "store", "km")
FARTHEST_KM = 500  # what is farther is another country: the rule for that is `country in (…)`


class Checker(Protocol):
    """What reads the values in a call: the rule it stands in."""

    names: Names

    def error(self, message: str, span: Span) -> RuleError: ...


def read(call: Call, checker: Checker) -> Around:
    """Return what a call means; `RuleError` where it is wrong."""
    given = _arguments(call, checker)
    place, store = given.get("place"), given.get("store")
    if (place is None) == (store is None):
        raise checker.error('say near what: near("Graz", km=25), or near(store="Main Street", km=10)', call.span)
    km = _km(given.get("km"), call, checker)
    try:
        center = _place(place, checker) if place is not None else _store(store, checker)
    except ProblemsError as error:
        raise checker.error(str(error.problems[0]), call.span) from error
    return Around(center, km, checker.names.atlas)


def _arguments(call: Call, checker: Checker) -> Mapping[str, Syntax]:
    """Return the arguments by name, the first one as the place; unknown and doubled ones are told."""
    if len(call.arguments) > 1:
        written = 'one place: write its name, or "47.07, 15.44" in one pair of quotes'
        raise checker.error(f"near(…) takes {written}", call.arguments[1].span)
    given = dict(zip(("place",), call.arguments, strict=False))
    for keyword in call.keywords:
        if keyword.name not in _KNOWN:
            hint = suggestion(keyword.name, _KNOWN)
            raise checker.error(f"near(…) has no {keyword.name!r}{hint}", keyword.span)
        if keyword.name in given:
            raise checker.error(f"{keyword.name} is given twice", keyword.span)
        given[keyword.name] = keyword.value
    return given


def _km(value: Syntax | None, call: Call, checker: Checker) -> float:
    match value:
        case None:
            raise checker.error("say how near: write km=25", call.span)
        case Literal(Decimal() as km) if 0 < km <= FARTHEST_KM:
            return float(km)
        case Literal(Decimal() as km) if km > FARTHEST_KM:
            raise checker.error(f'km= goes up to {FARTHEST_KM}; for a whole country write country == "AT"', value.span)
        case Literal(timedelta()):
            raise checker.error("km= is a number of kilometres: write km=25", value.span)
    raise checker.error("km= takes a number above 0, such as 25", value.span)


def _place(value: Syntax, checker: Checker) -> Spot:
    text = _text(value, "a place", '"Graz", "8010, AT" or "47.07, 15.44"', checker)
    try:
        return locate(text, checker.names.atlas)
    except PlaceError as error:
        raise checker.error(str(error), value.span) from error


def _store(value: Syntax | None, checker: Checker) -> Spot:
    assert value is not None
    name = _text(value, "store=", '"Main Street"', checker)
    try:
        return checker.names.stores.called(name).spot
    except PlaceError as error:
        raise checker.error(str(error), value.span) from error


def _text(value: Syntax, what: str, example: str, checker: Checker) -> str:
    match value:
        case Literal(str() as text) if text.strip():
            return text.strip()
    raise checker.error(f"{what} is a text in quotes, such as {example}", value.span)
