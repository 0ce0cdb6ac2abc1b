"""The sums of RFM against plain Python, and the edges that the definition names."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow.analytics import rfm
from mailflow.segments import RFM_CLASSES
from rfm_by_hand import TABLE, scores

People = list[tuple[int, int, int]]


def frame(people: People) -> pd.DataFrame:
    values = np.array(people, np.int64).reshape(-1, 3)
    columns = dict(zip(("recency_days", "frequency", "monetary_minor"), values.T, strict=True))
    return pd.DataFrame({"contact": np.arange(len(people)), **columns})


def computed(people: People) -> list[tuple[int, int, int, str]]:
    table = frame(people)
    scored = rfm.scored(table, rfm.cut_points(table))
    return list(scored[["r", "f", "m", "class"]].itertuples(index=False, name=None))


def by_hand(people: People) -> list[tuple[int, int, int, str]]:
    return list(scores({str(index): facts for index, facts in enumerate(people)}).values())


person = st.tuples(st.integers(0, 40), st.integers(1, 6), st.integers(-500, 2_000))
anybody = st.tuples(st.integers(0, 20_000), st.integers(1, 5_000), st.integers(-(10**12), 10**15))


@settings(max_examples=400, deadline=None)
@given(st.lists(person, max_size=60) | st.lists(anybody, max_size=60))
def test_scores_equal_those_by_hand(people: People) -> None:
    assert computed(people) == by_hand(people)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=80))
def test_quintiles_are_those_of_numpy_to_rounding(values: list[int]) -> None:
    exact = [float(cut) for cut in rfm.quintiles(np.array(values, np.int64))]
    assert exact == pytest.approx(np.quantile(values, [0.2, 0.4, 0.6, 0.8]).tolist())


@settings(max_examples=100, deadline=None)
@given(st.lists(person, min_size=2, max_size=60))
def test_equal_values_get_equal_scores(people: People) -> None:
    found = computed(people)
    for index, place in ((0, 0), (1, 1), (2, 2)):
        seen: dict[int, int] = {}
        for facts, score in zip(people, found, strict=True):
            assert seen.setdefault(facts[index], int(score[place])) == score[place]  # type: ignore[arg-type]


def test_the_class_table_is_that_of_the_handbook() -> None:
    table = {pair: name for name, pairs in rfm.CLASSES.items() for pair in pairs}
    assert table == {(r, f + 1): name for r, names in TABLE.items() for f, name in enumerate(names)}


def test_the_class_names_known_without_pandas_are_the_same() -> None:
    assert tuple(rfm.CLASSES) == RFM_CLASSES


def test_a_cut_point_itself_is_not_strictly_below() -> None:
    """Six values 0 to 5 have the cut points 1, 2, 3, 4 exactly."""
    assert rfm.quintiles(np.arange(6)) == (1, 2, 3, 4)
    assert [score[2] for score in computed([(0, 1, minor) for minor in range(6)])] == [1, 1, 2, 3, 4, 5]
    assert [score[0] for score in computed([(days, 1, 0) for days in range(6)])] == [5, 5, 4, 3, 2, 1]


def test_interpolated_cut_points_are_exact_fractions() -> None:
    assert rfm.quintiles(np.array([1, 2])) == (Fraction(6, 5), Fraction(7, 5), Fraction(8, 5), Fraction(9, 5))


def test_one_time_buyers_all_have_the_lowest_frequency() -> None:
    assert {score[1] for score in computed([(days, 1, 100) for days in range(50)])} == {1}


def test_one_customer_is_new() -> None:
    assert computed([(400, 7, 12_345)]) == [(5, 1, 1, "new_customers")]


def test_everybody_alike_is_new() -> None:
    assert set(computed([(30, 2, 500)] * 9)) == {(5, 1, 1, "new_customers")}


def test_nobody_is_well_defined() -> None:
    table = frame([])
    cuts = rfm.cut_points(table)
    assert cuts == rfm.CutPoints((), (), ())
    summary = rfm.summary(rfm.scored(table, cuts))
    assert [row.name for row in summary] == list(RFM_CLASSES)
    assert all(row == rfm.ClassSummary(row.name, 0, 0, 0, None) for row in summary)


def test_fixed_bounds_take_the_place_of_quintiles() -> None:
    table = frame([(30, 1, 2_500), (31, 2, 2_501), (365, 8, 40_000), (366, 9, 40_001)])
    bounds = {"recency": [30, 90, 180, 365], "frequency": [1, 2, 4, 8], "monetary": [2500, 6000, 15000, 40000]}
    cuts = rfm.cut_points(table, {name: [Fraction(value) for value in values] for name, values in bounds.items()})
    scored = rfm.scored(table, cuts)
    assert scored["r"].tolist() == [5, 4, 2, 1]
    assert scored["f"].tolist() == [1, 2, 4, 5]
    assert scored["m"].tolist() == [1, 2, 4, 5]


def test_a_bound_between_whole_numbers_is_kept_exactly() -> None:
    table = frame([(0, 1, 0), (0, 2, 0)])
    cuts = rfm.cut_points(table, {"frequency": [Fraction(3, 2), Fraction(5, 2), Fraction(7, 2), Fraction(9, 2)]})
    assert rfm.scored(table, cuts)["f"].tolist() == [1, 2]


def test_a_class_table_of_ones_own_is_used_in_its_order() -> None:
    everything = [(r, f) for r in range(1, 6) for f in range(1, 6)]
    table = frame([(1, 1, 1), (2, 2, 2), (3, 3, 3)])
    scored = rfm.scored(table, rfm.cut_points(table), {"rest": everything[:-1], "best": everything[-1:]})
    assert [(row.name, row.contacts) for row in rfm.summary(scored)] == [("rest", 3), ("best", 0)]


def test_sums_of_large_amounts_are_exact() -> None:
    table = frame([(0, 1, 2**53 + 1), (0, 1, 1), (0, 1, 1)])
    scored = rfm.scored(table, rfm.cut_points(table))
    assert sum(row.revenue_minor for row in rfm.summary(scored)) == 2**53 + 3
