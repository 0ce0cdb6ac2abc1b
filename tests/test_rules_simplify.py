"""A simplified rule is true of the same people, and asks less: held against random rules about random lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from mailflow.rules.resolve import Done, Each, Either, Opposite, Resolved
from mailflow.rules.resolve import Test as FieldTest
from mailflow.rules.simplify import simplified
from mailflow.rules.types import Always, Deed, Field, FieldType

NOW = 100
OPENED = Done(Deed.EVENT, ("opened",), None, None, None, 70, NOW, 1, None, people_only=True)
BOUGHT = replace(OPENED, deed=Deed.ORDER, names=())
LONG = 10
COUNTRY = FieldTest(Field("country", FieldType.TEXT), "==", "DE")


def engaged(since: int) -> Either:
    return Either((replace(OPENED, since=since), replace(BOUGHT, since=since)))


def test_what_segments_within_segments_ask_twice_is_asked_once() -> None:
    cooling = Each((engaged(LONG), Opposite(engaged(70))))
    silent = Each((COUNTRY, Opposite(engaged(70)), Opposite(cooling)))
    never = (Opposite(replace(OPENED, since=LONG)), Opposite(replace(BOUGHT, since=LONG)))
    assert set(_parts(simplified(silent))) == {COUNTRY, *never}


@pytest.mark.parametrize(
    ("rule", "plain"),
    [
        (Each((COUNTRY, COUNTRY)), COUNTRY),
        (Opposite(Opposite(COUNTRY)), COUNTRY),
        (Either((COUNTRY, Each((Opposite(COUNTRY), OPENED)))), Either((COUNTRY, OPENED))),
        (Each((OPENED, replace(OPENED, since=LONG))), OPENED),
        (Either((OPENED, replace(OPENED, since=None))), replace(OPENED, since=None)),
        (Each((replace(OPENED, at_least=3), replace(OPENED, at_least=2))), replace(OPENED, at_least=3)),
        (Each((replace(OPENED, since=LONG, at_least=2), OPENED)), None),  # neither says the other
        (Each((OPENED, Opposite(replace(OPENED, since=LONG)))), Always(False)),
        (Either((COUNTRY, Always(True))), Always(True)),
    ],
)
def test_a_part_that_others_decide_is_left_out(rule: Resolved, plain: Resolved | None) -> None:
    assert simplified(rule) == (rule if plain is None else plain)


def test_simplified_rules_are_true_of_the_same_people() -> None:
    dice = Random(4)
    shorter = 0
    for _ in range(1_500):
        rule = _rule(dice, 4)
        plain = simplified(rule)
        shorter += sum(1 for _ in _parts(plain)) < sum(1 for _ in _parts(rule))
        for _ in range(8):
            life = _life(dice)
            assert _is_true(rule, life) == _is_true(plain, life), (rule, plain, life)
    assert shorter > 300


Life = tuple[str, list[tuple[Deed, int]]]


def _life(dice: Random) -> Life:
    deeds = [(dice.choice([Deed.EVENT, Deed.ORDER]), dice.randrange(NOW)) for _ in range(dice.randrange(6))]
    return dice.choice(["DE", "AT"]), deeds


def _is_true(condition: Resolved, life: Life) -> bool:
    country, deeds = life
    match condition:
        case Always(value):
            return value
        case Opposite(part):
            return not _is_true(part, life)
        case Each(parts):
            return all(_is_true(part, life) for part in parts)
        case Either(parts):
            return any(_is_true(part, life) for part in parts)
        case Done(deed=deed, since=since, until=until, at_least=least):
            return sum(1 for what, at in deeds if what is deed and (since or 0) <= at < until) >= least
        case FieldTest(_, _, value):
            return country == value
    raise AssertionError(condition)


def _rule(dice: Random, depth: int) -> Resolved:
    kind = dice.randrange(5) if depth else dice.randrange(2)
    if kind == 0:
        return dice.choice([COUNTRY, Always(True), Always(False), replace(COUNTRY, value="AT")])
    if kind == 1:
        since, until = dice.choice([None, 20, 50, 80]), dice.choice([60, NOW])
        return replace(dice.choice([OPENED, BOUGHT]), since=since, until=until, at_least=dice.randrange(1, 4))
    if kind == 2:
        return Opposite(_rule(dice, depth - 1))
    parts = tuple(_rule(dice, depth - 1) for _ in range(dice.randrange(1, 4)))
    return Each(parts) if kind == 3 else Either(parts)


def _parts(condition: Resolved) -> Iterator[Resolved]:
    match condition:
        case Each(parts) | Either(parts):
            for part in parts:
                yield from _parts(part)
        case Opposite(Each() | Either() | Opposite() as part):
            yield from _parts(part)
        case _:
            yield condition
