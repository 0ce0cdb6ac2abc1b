"""How good a ranked list is when the truth is known: hit rate, NDCG, and intervals of differences.

All of lists cut at `k`. A product is relevant or not: the gain of a relevant one is 1.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with a 95 % interval."""

    value: float
    low: float
    high: float


def is_hit(ranked: Sequence[int], relevant: Collection[int], k: int) -> bool:
    """Return whether one of the first `k` is relevant."""
    return any(product in relevant for product in ranked[:k])


def ndcg(ranked: Sequence[int], relevant: Collection[int], k: int) -> float:
    """Return the normalised discounted cumulative gain of the first `k`, 0 to 1 (Järvelin & Kekäläinen 2002, b = 2).

    The discount of rank r is 1 / log2(r + 1), as in Burges et al. 2005; the best list has min(k, relevant) hits.
    """
    gain = sum(1 / log2(place + 2) for place, product in enumerate(ranked[:k]) if product in relevant)
    best = sum(1 / log2(place + 2) for place in range(min(k, len(relevant))))
    return gain / best if best else 0.0


def mean_interval(values: Floats, *, seed: int) -> Interval:
    """Return the mean of people's values with a percentile bootstrap over people (Efron & Tibshirani 1993, ch. 13)."""
    means = _resampled(values, seed=seed)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))


def ratio_interval(values: Floats, baseline: Floats, *, seed: int) -> Interval | None:
    """Return the ratio of two means over the same people, resampled in pairs; None where the baseline is nothing."""
    if not baseline.mean() > 0:
        return None
    above, below = _resampled(values, seed=seed), _resampled(baseline, seed=seed)
    with np.errstate(divide="ignore"):
        low, high = np.quantile(above / np.maximum(below, 1e-12), (0.025, 0.975))
    return Interval(float(values.mean() / baseline.mean()), float(low), float(high))


def _resampled(values: Floats, *, seed: int) -> Floats:
    """Return means of bootstrap samples; the same seed draws the same people, so that two calls are paired."""
    dice = np.random.default_rng(seed)
    return np.array([values[dice.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLES)])
