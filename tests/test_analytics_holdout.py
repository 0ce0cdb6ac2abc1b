"""The hold-out in time finds a structure that is there, none that is not, and knows nothing of the test period."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mailflow.analytics import blend, chances, holdout
from mailflow.analytics.chances import Shown
from mailflow.analytics.holdout import Goal, Method
from mailflow.analytics.neighbours import Choices, Purchases

DAY = 86_400_000
PRODUCTS = 60
CHOICES = Choices(support=3, half_life_days=30, consumables=np.zeros(PRODUCTS, bool))


def shop(people: int, *, tastes: int, seed: int = 1) -> Purchases:
    """Return two purchases a week for ten weeks; everybody keeps to one of `tastes` shelves of products."""
    dice, rows = random.Random(seed), []
    shelf = PRODUCTS // tastes
    for person in range(people):
        mine = dice.randrange(tastes) * shelf
        rows += [(person, mine + dice.randrange(shelf), dice.randrange(70)) for _ in range(8)]
    columns = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    who, what, when = columns
    return Purchases(who, what, when * DAY)


def staples(people: int, *, seed: int = 1) -> Purchases:
    """Return eight purchases of everybody in ten weeks; some products are bought far more often, by anybody."""
    dice, rows = random.Random(seed), []
    weights = [1 / (product + 1) for product in range(PRODUCTS)]
    for person in range(people):
        rows += [(person, product, dice.randrange(70)) for product in dice.choices(range(PRODUCTS), weights, k=8)]
    who, what, when = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return Purchases(who, what, when * DAY)


def figures(found: holdout.Evaluation, goal: Goal = Goal.NEW) -> dict[Method, holdout.Figures]:
    return {one.method: one for one in found.figures if one.goal is goal}


def test_where_people_have_tastes_recommendations_beat_popular_products() -> None:
    found = holdout.evaluate(shop(400, tastes=6), PRODUCTS, CHOICES, at=55 * DAY)
    ours = figures(found)[Method.RECOMMENDED]
    assert ours.ratio is not None
    assert ours.ratio.low > 2
    assert ours.people == figures(found)[Method.POPULAR].people > 100
    assert found.personal == 1
    assert 0 < found.with_neighbours <= found.products <= PRODUCTS


def test_where_nobody_has_a_taste_there_is_no_difference_to_find() -> None:
    ours = figures(holdout.evaluate(shop(400, tastes=1), PRODUCTS, CHOICES, at=55 * DAY))[Method.RECOMMENDED]
    assert ours.ratio is not None
    assert ours.ratio.low < 1.1
    assert ours.ratio.high > 0.8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_everybody_buys_the_same_staples_lists_go_by_what_is_popular(seed: int) -> None:
    found = holdout.evaluate(staples(2000, seed=seed), PRODUCTS, CHOICES, at=55 * DAY)
    ours = figures(found)[Method.RECOMMENDED]
    assert found.popular_weight > 0
    assert ours.ratio is not None
    assert ours.ratio.value > 0.95


def test_where_people_have_tastes_little_is_added_for_everybody() -> None:
    assert blend.popular_weight(shop(400, tastes=6), PRODUCTS, CHOICES) <= 0.1


def test_too_few_people_give_no_weight() -> None:
    assert blend.popular_weight(shop(20, tastes=2), PRODUCTS, CHOICES) == 0
    nothing = Purchases(*(np.zeros(0, np.int64) for _ in range(3)))
    assert blend.popular_weight(nothing, 0, Choices(3, 30, np.zeros(0, bool))) == 0


def test_chances_told_before_the_test_hold_in_it() -> None:
    forecast = holdout.evaluate(shop(1500, tastes=6), PRODUCTS, CHOICES, at=55 * DAY).forecast
    assert forecast is not None
    assert forecast.expected == pytest.approx(forecast.bought, rel=0.25)
    assert forecast.brier <= forecast.brier_constant * 1.05
    # Where people have tastes, what suits one is told better than by what everybody buys.
    assert forecast.brier < forecast.brier_popular
    assert forecast.log_loss < forecast.log_loss_popular
    assert sum(group.shown for group in forecast.groups) == forecast.shown


def test_nothing_after_the_day_is_learned_from() -> None:
    bought = shop(400, tastes=6)
    dice = np.random.default_rng(3)
    shuffled = bought.products.copy()
    later = bought.at >= 55 * DAY
    shuffled[later] = dice.permutation(shuffled[later])
    both = [
        holdout.evaluate(Purchases(bought.people, products, bought.at), PRODUCTS, CHOICES, at=55 * DAY)
        for products in (bought.products, shuffled)
    ]
    assert both[0].train == both[1].train
    assert (both[0].with_neighbours, both[0].recommended_products) == (
        both[1].with_neighbours,
        both[1].recommended_products,
    )
    assert both[0].figures != both[1].figures


def test_the_same_orders_give_the_same_figures() -> None:
    bought = shop(200, tastes=6)
    order = np.random.default_rng(1).permutation(len(bought))
    assert holdout.evaluate(bought, PRODUCTS, CHOICES, at=55 * DAY) == holdout.evaluate(
        bought.where(order), PRODUCTS, CHOICES, at=55 * DAY
    )


def test_too_few_people_are_told_and_not_measured() -> None:
    found = holdout.evaluate(shop(20, tastes=2), PRODUCTS, CHOICES, at=55 * DAY)
    assert found.figures == ()
    assert "30" in found.why
    nothing = Purchases(*(np.zeros(0, np.int64) for _ in range(3)))
    assert holdout.evaluate(nothing, 0, Choices(3, 30, np.zeros(0, bool)), at=0).why


def test_a_chance_goes_by_the_place_and_never_grows_with_it() -> None:
    shown = [Shown(0, False, number < 10) for number in range(100)]
    shown += [Shown(1, False, number < 20) for number in range(100)]
    shown += [Shown(2, False, number < 3) for number in range(100)]
    shown += [Shown(3, False, True) for _ in range(99)]
    shown += [Shown(0, True, number < 1) for number in range(200)]
    found = chances.fit(shown, days=30)
    assert found.personal == [0.15, 0.15, 0.03]
    assert found.popular == [0.005]
    assert found.of(1, is_popular=False) == 0.15
    assert found.of(3, is_popular=False) is None
    assert found.of(1, is_popular=True) is None
