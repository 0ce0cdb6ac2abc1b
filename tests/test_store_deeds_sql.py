"""Three opinions on generated rules agree: SQL about everybody, a test of one person, and plain Python over tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailflow.rules import Rule, RuleError, explain, parse
from mailflow.rules.predicate import Facts, holds
from mailflow.rules.resolve import resolve
from mailflow.store import Store, history, members, rules_sql
from rule_oracle import Oracle
from rule_shop import CONTEXT, FACTORS, FIELDS, Maker, Writer

PEOPLE = 24
IN_CI, SOAKED = 2_500, 25_000  # rules for each of two shops


class Shop:
    """One made-up shop with everybody's facts and the oracle on it."""

    def __init__(self, path: Path, seed: int, *, merges: bool) -> None:
        self.store = Store.create(path)
        self.merges = merges
        Maker(self.store.db, seed, merges=merges).shop(PEOPLE)
        self.oracle = Oracle(self.store.db, CONTEXT, FACTORS)
        self.facts: dict[int, Facts] = {}
        for number in range(1, PEOPLE + 1):
            facts = history.facts(self.store.db, number, context=CONTEXT, factors=FACTORS)
            if facts is not None:
                self.facts[number] = facts

    def by_sql(self, rule: Rule) -> list[int]:
        where, parameters = rules_sql.compile(rule, context=CONTEXT, factors=FACTORS, merges=self.merges)
        return list(members.found(self.store.db, where, parameters))

    def by_predicate(self, rule: Rule) -> list[int]:
        condition = resolve(rule, CONTEXT)
        return [number for number, facts in self.facts.items() if holds(condition, facts)]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shop]]:
    folder = tmp_path_factory.mktemp("rules")
    made = [Shop(folder / f"{merges}.db", seed, merges=merges) for seed, merges in ((3, False), (4, True))]
    yield made
    for shop in made:
        shop.store.close()


def agree(shops: list[Shop], seed: int, count: int) -> None:
    """Ask generated rules of each shop; everybody, nobody and some must come out, each often."""
    writer = Writer(seed)
    some = 0
    for number in range(count * len(shops)):
        shop, text = shops[number % len(shops)], writer.rule()
        try:
            rule = parse(text, fields=FIELDS)
        except RuleError as error:
            if "nested deeper" in error.message:
                continue
            raise
        wanted = shop.oracle.members(rule.condition)
        assert shop.by_sql(rule) == wanted, text
        assert shop.by_predicate(rule) == wanted, text
        some += 0 < len(wanted) < len(shop.facts)
    assert some > count * len(shops) / 3


def test_five_thousand_rules_mean_the_same_people_in_three_opinions(shops: list[Shop]) -> None:
    agree(shops, 1, IN_CI)


@pytest.mark.soak
def test_fifty_thousand_rules_mean_the_same_people_in_three_opinions(shops: list[Shop]) -> None:
    agree(shops, 2, SOAKED)


def test_an_explanation_says_of_everybody_what_the_rule_says(shops: list[Shop]) -> None:
    writer = Writer(5)
    for _ in range(100):
        rule = parse(writer.rule(), fields=FIELDS)
        for shop in shops:
            meant = shop.by_predicate(rule)
            for number, facts in shop.facts.items():
                assert explain(rule, facts, CONTEXT).truth == (number in meant)
