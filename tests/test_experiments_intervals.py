"""Wilson's score interval, held to published figures and to its definition."""

from __future__ import annotations

from math import sqrt

import pytest

from mailflow.experiments.intervals import leads, wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3 (score, without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(hits: int, of: int, low: float, high: float) -> None:
    found = wilson(hits, of)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_its_ends_are_where_the_score_test_just_does_not_refuse() -> None:
    for hits, of in ((1, 3), (7, 20), (50, 51), (999, 2000)):
        found = wilson(hits, of)
        assert found is not None
        for end in (found.low, found.high):
            z = abs(found.value - end) / sqrt(end * (1 - end) / of)
            assert z == pytest.approx(1.959964, abs=1e-5)


def test_nothing_and_all_stay_within_a_whole() -> None:
    nothing, everything = wilson(0, 7), wilson(7, 7)
    assert nothing is not None
    assert everything is not None
    assert (nothing.low, everything.high) == (0.0, 1.0)
    assert nothing.high == pytest.approx(1 - everything.low)
    assert wilson(0, 0) is None
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("first", "second", "surely"), [(0, 0, False), (3, 0, False), (5, 0, True), (28, 12, True), (24, 16, False)]
)
def test_one_leads_when_more_than_half_surely_prefer_it(first: int, second: int, surely: bool) -> None:
    assert leads(first, second) is surely
