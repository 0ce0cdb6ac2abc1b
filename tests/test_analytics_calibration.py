"""Chances are judged as the definitions say, on the same events as popularity and one chance for all."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from mailflow.analytics import calibration


def test_scores_are_those_of_their_definitions() -> None:
    told, popular = np.array([0.5, 0.5, 0.1, 0.1]), np.array([0.2, 0.2, 0.2, 0.2])
    bought = np.array([1.0, 0.0, 0.0, 0.0])
    found = calibration.judge(told, popular, bought, days=30)
    assert found.brier == pytest.approx((0.25 + 0.25 + 0.01 + 0.01) / 4)
    assert found.brier_popular == pytest.approx((0.64 + 3 * 0.04) / 4)
    assert found.brier_constant == pytest.approx(0.25 * 0.75)
    assert found.log_loss == pytest.approx(-(2 * log(0.5) + 2 * log(0.9)) / 4)
    assert found.log_loss_constant == pytest.approx(-(log(0.25) + 3 * log(0.75)) / 4)
    assert (found.expected, found.bought, found.shown) == (pytest.approx(0.3), 0.25, 4)


def test_each_chance_stands_beside_what_became_of_it() -> None:
    told = np.array([0.3] * 100 + [0.02] * 200)
    bought = np.array([1.0] * 30 + [0.0] * 70 + [1.0] * 2 + [0.0] * 198)
    groups = calibration.judge(told, told, bought, days=30).groups
    assert [(group.chance, group.shown, group.bought) for group in groups] == [(0.3, 100, 0.3), (0.02, 200, 0.01)]
    # Wilson's interval of 30 in 100 is 0.2189 to 0.3958.
    assert (round(groups[0].low, 4), round(groups[0].high, 4)) == (0.2189, 0.3958)


def test_what_was_told_to_be_impossible_costs_much_and_not_everything() -> None:
    found = calibration.judge(np.array([0.0, 0.0]), np.array([0.5, 0.5]), np.array([1.0, 0.0]), days=1)
    assert found.log_loss == pytest.approx(-(log(1e-4) + log(1 - 1e-4)) / 2)
