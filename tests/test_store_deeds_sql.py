"""Three opinions on generated rules agree: SQL about everybody, a test of one person, and plain Python over tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta

import pytest

from mailflow import clock
from mailflow.rules import Context, Rule, explain, parse
from mailflow.rules.predicate import Facts, holds
from mailflow.rules.resolve import resolve
from mailflow.store import Connection, Store, history, members, past, rules_sql
from rule_oracle import Oracle
from rule_places import NAMES
from rule_shop import CONTEXT, FACTORS, FIELDS, NOW, Maker, Writer

PEOPLE = 24


class Shop:
    """One made-up shop with everybody's facts and the oracle on it, now or as of the end of a past day."""

    def __init__(self, db: Connection, context: Context, *, merges: bool) -> None:
        self.db = db
        self.context = context
        self.merges = merges
        self.oracle = Oracle(db, context, FACTORS)
        self.facts: dict[int, Facts] = {}
        for number in range(1, PEOPLE + 1):
            facts = history.facts(db, number, context=context, factors=FACTORS)
            if facts is not None:
                self.facts[number] = facts

    def by_sql(self, rule: Rule) -> list[int]:
        where, parameters = rules_sql.compile(rule, context=self.context, factors=FACTORS, merges=self.merges)
        return list(members.found(self.db, where, parameters))

    def by_predicate(self, rule: Rule) -> list[int]:
        condition = resolve(rule, self.context)
        return [number for number, facts in self.facts.items() if holds(condition, facts)]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shop]]:
    """Three shops: without merges, with some, and as of the end of a past day, which had 23 hours in Vienna."""
    folder = tmp_path_factory.mktemp("rules")
    end = clock.end_of_day(date(2026, 3, 29), CONTEXT.zone)
    with ExitStack() as stack:
        stores = [stack.enter_context(Store.create(folder / f"{seed}.db")) for seed in (3, 4)]
        for seed, store in zip((3, 4), stores, strict=True):
            Maker(store.db, seed, merges=seed == 4).shop(PEOPLE)
        tonight = clock.to_ms(clock.end_of_day(NOW.date(), CONTEXT.zone))
        seen = [stack.enter_context(past.seen(store, until=tonight)) for store in stores]
        before = stack.enter_context(past.seen(stores[1], until=clock.to_ms(end), consent_at=end))
        yesterday = replace(CONTEXT, now=end - timedelta(milliseconds=1))
        yield [
            Shop(seen[0], CONTEXT, merges=False),
            Shop(seen[1], CONTEXT, merges=True),
            Shop(before, yesterday, merges=True),
        ]


def agree(shops: list[Shop], seed: int, count: int) -> None:
    """Ask generated rules, each of one shop; everybody, nobody and some must come out, each often."""
    writer = Writer(seed)
    some = 0
    for number in range(count):
        shop, text = shops[number % len(shops)], writer.rule()
        if number % 25 == 0:
            traits = Writer(seed + number).traits()
        rule = parse(text, fields=FIELDS, names=NAMES, traits=traits)
        wanted = shop.oracle.members(rule.condition)
        assert shop.by_sql(rule) == wanted, text
        assert shop.by_predicate(rule) == wanted, text
        some += 0 < len(wanted) < len(shop.facts)
    assert some > count / 3


def test_five_thousand_rules_mean_the_same_people_in_three_opinions(shops: list[Shop]) -> None:
    agree(shops, 1, 5_000)


@pytest.mark.soak
def test_fifty_thousand_rules_mean_the_same_people_in_three_opinions(shops: list[Shop]) -> None:
    agree(shops, 2, 50_000)


def test_an_explanation_says_of_everybody_what_the_rule_says(shops: list[Shop]) -> None:
    writer, traits = Writer(5), Writer(6).traits()
    for _ in range(100):
        rule = parse(writer.rule(), fields=FIELDS, names=NAMES, traits=traits)
        for shop in shops:
            meant = shop.by_predicate(rule)
            for number, facts in shop.facts.items():
                assert explain(rule, facts, shop.context).truth == (number in meant)
