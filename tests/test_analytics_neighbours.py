"""What goes together, what is popular and what is bought again, against hand sums and a plain brute force."""

from __future__ import annotations

import random
from math import isnan, sqrt

import numpy as np
import pytest

from mailflow.analytics import neighbours
from mailflow.analytics.neighbours import Pairs, Purchases

DAY = 86_400_000
Row = tuple[int, int, int]  # person, product, day


def purchases(*rows: Row) -> Purchases:
    people, products, days = (np.array([row[place] for row in rows], np.int64) for place in range(3))
    return Purchases(people, products, days * DAY)


def as_rows(pairs: Pairs) -> list[tuple[int, int, float, int]]:
    columns = (pairs.products, pairs.neighbours, pairs.scores, pairs.support)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def brute_force(rows: list[Row], n: int, support: int) -> dict[tuple[int, int], float]:
    """Return the likeness of each pair by its definition, with sets and floats."""
    owned: dict[int, set[int]] = {}
    for person, product, _ in rows:
        owned.setdefault(person, set()).add(product)
    vectors = [
        {person: 1 / sqrt(len(products)) for person, products in owned.items() if product in products}
        for product in range(n)
    ]
    found = {}
    for one in range(n):
        for other in range(n):
            both = vectors[one].keys() & vectors[other].keys()
            if one != other and len(both) >= support:
                dot = sum(vectors[one][person] * vectors[other][person] for person in both)
                lengths = [sqrt(sum(value**2 for value in vectors[place].values())) for place in (one, other)]
                found[one, other] = dot / (lengths[0] * lengths[1]) * len(both) / (len(both) + neighbours.SHRINK)
    return found


def random_rows(seed: int, people: int = 60, n: int = 25) -> list[Row]:
    dice = random.Random(seed)
    return [(dice.randrange(people), min(int(dice.expovariate(0.15)), n - 1), dice.randrange(90)) for _ in range(600)]


def test_likeness_is_the_cosine_of_rows_of_length_1_shrunk_by_how_few_bought_both() -> None:
    bought = purchases((0, 0, 1), (0, 1, 1), (1, 0, 2), (1, 1, 2), (2, 0, 3), (2, 1, 3), (2, 2, 3), (3, 2, 4))
    found = as_rows(neighbours.pairs(neighbours.latest(bought), 3, support=1))
    # Rows weigh 1/2, 1/2, 1/3 and 1. Of 0 and 1: (1/2 + 1/2 + 1/3) / (4/3) = 1, times 3/13. Of 0 and 2: (1/3) / (4/3)
    # = 1/4, times 1/11.
    assert found == [
        (0, 1, pytest.approx(3 / 13, abs=1e-6), 3),
        (0, 2, pytest.approx(1 / 44, abs=1e-6), 1),
        (1, 0, pytest.approx(3 / 13, abs=1e-6), 3),
        (1, 2, pytest.approx(1 / 44, abs=1e-6), 1),
        (2, 0, pytest.approx(1 / 44, abs=1e-6), 1),
        (2, 1, pytest.approx(1 / 44, abs=1e-6), 1),
    ]


def test_pairs_that_too_few_bought_are_left_out() -> None:
    bought = purchases((0, 0, 1), (0, 1, 1), (1, 0, 2), (1, 1, 2), (2, 0, 3), (2, 2, 3))
    assert [row[:2] for row in as_rows(neighbours.pairs(neighbours.latest(bought), 3, support=2))] == [(0, 1), (1, 0)]
    assert len(neighbours.pairs(neighbours.latest(bought), 3, support=3)) == 0


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("support", [1, 3])
def test_all_pairs_are_those_of_the_definition(seed: int, support: int) -> None:
    rows = random_rows(seed)
    found = as_rows(neighbours.pairs(neighbours.latest(purchases(*rows)), 25, support=support, kept=25))
    assert {(one, other): score for one, other, score, _ in found} == pytest.approx(
        brute_force(rows, 25, support), abs=1e-6
    )


def test_each_product_keeps_its_nearest_and_equal_ones_are_in_the_order_of_their_numbers() -> None:
    bought = purchases(*((person, product, 1) for person in range(4) for product in range(6)))
    found = as_rows(neighbours.pairs(neighbours.latest(bought), 6, support=1, kept=2))
    assert [row[:2] for row in found] == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] + [
        (product, other) for product in (3, 4, 5) for other in (0, 1)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_neither_the_order_of_rows_nor_the_numbers_of_people_matter(seed: int) -> None:
    rows = random_rows(seed)
    dice = random.Random(seed)
    names = list(range(60))
    dice.shuffle(names)
    other = [(names[person], product, day) for person, product, day in rows]
    dice.shuffle(other)
    both = [as_rows(neighbours.pairs(neighbours.latest(purchases(*each)), 25, support=2)) for each in (rows, other)]
    assert both[0] == both[1]


def test_of_who_buys_everything_only_the_latest_products_count() -> None:
    rows = [(0, product, product) for product in range(neighbours.LONGEST + 5)]
    found = neighbours.pairs(neighbours.latest(purchases(*rows)), len(rows), support=1)
    assert set(found.products.tolist()) == set(range(5, neighbours.LONGEST + 5))


def test_each_product_of_a_person_counts_once_at_its_latest_day_the_latest_first() -> None:
    once = neighbours.latest(purchases((7, 1, 5), (3, 2, 1), (7, 0, 9), (7, 1, 11), (7, 2, 9)))
    assert (once.people.tolist(), once.products.tolist()) == ([3, 7, 7, 7], [2, 1, 0, 2])
    assert (once.at // DAY).tolist() == [1, 11, 9, 9]


def test_a_sale_counts_half_for_every_half_life_before_the_last_sale() -> None:
    once = neighbours.latest(purchases((0, 0, 60), (1, 0, 30), (2, 1, 0), (3, 1, 60)))
    found = neighbours.popularity(once, 3, half_life_days=30)
    assert found.tolist() == [1.5, 1.25, 0.0]
    assert neighbours.ranked(found).tolist() == [0, 1]


def test_bought_again_is_the_share_of_who_came_back_drawn_to_the_whole_shop() -> None:
    rows = [(person, 0, 1) for person in range(5)] + [(person, 0, 9) for person in range(4)] + [(4, 1, 9), (9, 1, 9)]
    rates = neighbours.repeat_rates(purchases(*rows), 2)
    # Five had the chance and four took it; nobody came back after buying 1. The shop as a whole: 4 of 5.
    assert rates[0] == pytest.approx((4 + 10 * 0.8) / (5 + 10))
    assert isnan(rates[1])
    assert [isnan(rate) for rate in neighbours.again(purchases(*rows), 2, np.array([False, True]))] == [True, False]


def test_nothing_bought_is_nothing_found() -> None:
    nothing = Purchases(*(np.zeros(0, np.int64) for _ in range(3)))
    once = neighbours.latest(nothing)
    assert len(once) == len(neighbours.pairs(once, 3, support=1)) == 0
    assert neighbours.popularity(once, 3, half_life_days=30).tolist() == [0, 0, 0]
    assert np.isnan(neighbours.repeat_rates(nothing, 3)).all()
    assert len(neighbours.pairs(once, 0, support=1)) == 0
