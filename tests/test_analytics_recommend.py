"""One person's list: what speaks for what, what is left out, what fills up, and that nothing depends on chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mailflow.analytics.recommend import UNIT, History, Source, Suggestion, prior, suggest
from mailflow.config.recommending import Must, NeverShowSettings, Unknown
from mailflow.rules import never_show

NEAR = {
    1: [(10, UNIT // 2), (11, UNIT // 4), (12, UNIT // 4)],
    2: [(11, UNIT // 2), (1, UNIT // 2)],
    3: [(13, UNIT // 8)],
}


def listed(
    history: History,
    popular: list[int] | None = None,
    *,
    again: Mapping[int, float] | None = None,
    allowed: Callable[[int], bool] = lambda product: True,
    items: int = 5,
) -> list[Suggestion]:
    return suggest(
        history, NEAR, popular or [], again=again or {}, allowed=allowed, order=lambda product: product, items=items
    )


def test_likeness_to_all_that_they_bought_adds_up_and_the_nearest_is_the_reason() -> None:
    found = listed(History(bought=[1, 2]))
    assert [(one.product, one.score, one.because) for one in found] == [
        (11, 3 * UNIT // 4, 2),
        (10, UNIT // 2, 1),
        (12, UNIT // 4, 1),
    ]
    assert {one.source for one in found} == {Source.BOUGHT}


def test_what_they_have_is_not_recommended_unless_it_is_a_consumable() -> None:
    assert 1 not in {one.product for one in listed(History(bought=[1, 2]), [1, 2])}
    found = listed(History(bought=[1, 2]), [1, 2], again={1: 0.9})
    assert found[0] == Suggestion(1, round(0.9 * UNIT) + UNIT // 2, Source.AGAIN, 1)
    assert 2 not in {one.product for one in found}


def test_what_they_looked_at_comes_first_and_brings_what_goes_with_it() -> None:
    found = listed(History(bought=[3], viewed=[1]))
    assert [(one.product, one.source, one.because) for one in found] == [
        (1, Source.VIEWED, 1),
        (10, Source.VIEWED, 1),
        (11, Source.VIEWED, 1),
        (12, Source.VIEWED, 1),
        (13, Source.BOUGHT, 3),
    ]


def test_what_they_looked_at_and_then_bought_is_theirs() -> None:
    assert 1 not in {one.product for one in listed(History(bought=[1], viewed=[1]))}


def test_popular_products_fill_up_in_their_order_and_are_all_that_new_customers_get() -> None:
    assert [one.product for one in listed(History(), [9, 8, 7], items=2)] == [9, 8]
    found = listed(History(bought=[3]), [8, 13, 3, 9])
    assert [(one.product, one.source) for one in found] == [
        (13, Source.BOUGHT),
        (8, Source.POPULAR),
        (9, Source.POPULAR),
    ]


def test_what_is_popular_adds_to_the_likeness_and_is_the_reason_where_it_says_most() -> None:
    found = suggest(
        History(bought=[1]),
        NEAR,
        [8, 12],
        prior=prior([(8, 40.0), (12, 10.0), (1, 5.0)], 0.3),
        again={},
        allowed=lambda product: True,
        order=lambda product: product,
        items=5,
    )
    assert [(one.product, one.score, one.source, one.because) for one in found] == [
        (10, UNIT // 2, Source.BOUGHT, 1),
        (12, UNIT // 4 + 3 * UNIT // 40, Source.BOUGHT, 1),
        (8, 3 * UNIT // 10, Source.POPULAR, None),
        (11, UNIT // 4, Source.BOUGHT, 1),
    ]


def test_without_a_weight_what_is_popular_only_fills_up() -> None:
    assert prior([(8, 40.0)], 0.0) == prior([], 1.0) == []


def test_equal_scores_are_in_the_order_of_the_products_whatever_they_bought_first() -> None:
    near = {1: [(30, 5), (20, 5)], 2: [(10, 5)]}
    for bought in ([1, 2], [2, 1]):
        found = suggest(
            History(bought), near, [], again={}, allowed=lambda product: True, order=lambda product: product, items=9
        )
        assert [one.product for one in found] == [10, 20, 30]


WORDS = st.sets(st.sampled_from(["nuts", "gluten", "milk", "Egg"]), max_size=3)
RULES = st.lists(
    st.builds(
        NeverShowSettings,
        contact=st.just("diet"),
        product=st.sampled_from(["allergens", "suits"]),
        must=st.sampled_from(Must),
        unknown=st.sampled_from(Unknown),
    ),
    min_size=1,
    max_size=3,
)
GOODS = st.dictionaries(
    st.integers(1, 20),
    st.fixed_dictionaries({"allergens": WORDS.map(", ".join), "suits": WORDS.map(sorted)}),
    min_size=1,
)
PLACES = st.lists(st.integers(1, 20), max_size=8, unique=True)


def violates(rule: NeverShowSettings, theirs: set[str], good: Mapping[str, Any]) -> bool:
    """Say by its definition whether a product is against a rule."""
    raw = good[rule.product]
    its = {word.strip().lower() for word in (raw.split(",") if isinstance(raw, str) else raw) if word.strip()}
    mine = {word.lower() for word in theirs}
    if not mine:
        return False
    if not its:
        return rule.unknown is Unknown.HIDE
    return bool(mine & its) if rule.must is Must.DIFFER else not mine & its


@given(RULES, WORDS, GOODS, PLACES, PLACES, PLACES, st.data())
def test_what_must_never_be_shown_is_not_whatever_it_comes_from(
    rules: list[NeverShowSettings],
    theirs: set[str],
    goods: dict[int, dict[str, Any]],
    bought: list[int],
    viewed: list[int],
    popular: list[int],
    data: st.DataObject,
) -> None:
    near = {
        mine: [(other, 1 + data.draw(st.integers(0, 3))) for other in goods if other != mine]
        for mine in {*bought, *viewed}
    }
    may_see = never_show.for_contact(rules, {"diet": sorted(theirs)})
    found = suggest(
        History(bought, viewed),
        near,
        popular,
        prior=prior([(product, 1.0) for product in popular], data.draw(st.sampled_from([0.0, 0.3, 1.0]))),
        again=dict.fromkeys(bought, 0.5),
        allowed=lambda product: product in goods and may_see(goods[product]),
        order=lambda product: product,
        items=20,
    )
    shown = {one.product for one in found}
    assert not [product for product in shown for rule in rules if violates(rule, theirs, goods[product])]
    assert {product for product in popular if product in goods} - shown <= {
        product for product in goods if any(violates(rule, theirs, goods[product]) for rule in rules)
    }
