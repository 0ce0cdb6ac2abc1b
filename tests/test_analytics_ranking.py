"""Hit rate and NDCG against sums by hand, intervals against what is known of them."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from mailflow.analytics import ranking


def test_a_hit_is_one_of_the_first_k() -> None:
    assert ranking.is_hit([1, 2, 3], {3}, 3)
    assert not ranking.is_hit([1, 2, 3], {3}, 2)
    assert not ranking.is_hit([], {3}, 10)


@pytest.mark.parametrize(
    ("ranked", "relevant", "expected"),
    [
        ([1, 2, 3], {1}, 1.0),
        ([1, 2, 3], {2}, 1 / log2(3)),
        ([1, 2, 3], {2, 3, 9}, (1 / log2(3) + 1 / 2) / (1 + 1 / log2(3) + 1 / 2)),
        ([1, 2, 3], {1, 2, 3, 4, 5}, 1.0),  # at most three can be hit
        ([1, 2, 3], {9}, 0.0),
        ([], {9}, 0.0),
        ([1], set(), 0.0),
    ],
)
def test_ndcg_is_the_gain_by_the_best_there_could_be(ranked: list[int], relevant: set[int], expected: float) -> None:
    assert ranking.ndcg(ranked, relevant, 3) == pytest.approx(expected)


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide_and_always_the_same() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    interval = ranking.mean_interval(values, seed=7)
    assert interval.value == pytest.approx(values.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.1)
    assert interval == ranking.mean_interval(values, seed=7)


def test_a_ratio_is_resampled_in_pairs() -> None:
    values = np.random.default_rng(1).uniform(1, 9, 100)
    doubled = ranking.ratio_interval(2 * values, values, seed=7)
    assert doubled is not None
    assert (doubled.low, doubled.value, doubled.high) == pytest.approx((2, 2, 2))
    assert ranking.ratio_interval(values, np.zeros(100), seed=7) is None
