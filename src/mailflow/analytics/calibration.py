"""What probabilities of being bought were worth, against what became of it and against popularity alone.

The chances themselves: chances.py. Which lists, learned from what: holdout.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_CHANCE = 1e-4  # chances are told with four digits: a chance of nothing counts as this in the log loss
_Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class Group:
    """Products that were told the same chance: how many were shown, which share was bought, and its 95 % interval.

    The interval is Wilson's (1927, equation 4 as in Brown, Cai & DasGupta 2001).
    """

    chance: float
    shown: int
    bought: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the chances were worth: learned before a test period, of lists shown at its beginning.

    `brier` is the mean squared error (Brier 1950), `log_loss` the mean of -log of the probability of what happened
    (Good 1952); less is better. `_popular` is that of telling each product the share of all people who bought it just
    before, `_constant` that of telling all products the one share that turned out to be true.
    """

    days: int
    shown: int
    expected: float
    bought: float
    brier: float
    brier_popular: float
    brier_constant: float
    log_loss: float
    log_loss_popular: float
    log_loss_constant: float
    groups: Sequence[Group]


def judge(told: Floats, popular: Floats, bought: Floats, *, days: int) -> Forecast:
    """Return what chances were worth: those told, those by popularity, and 1.0 where it was bought; same lengths."""
    share = float(bought.mean())
    constant = np.full(len(bought), share)
    return Forecast(
        days=days,
        shown=len(bought),
        expected=float(told.mean()),
        bought=share,
        brier=_brier(told, bought),
        brier_popular=_brier(popular, bought),
        brier_constant=_brier(constant, bought),
        log_loss=_log_loss(told, bought),
        log_loss_popular=_log_loss(popular, bought),
        log_loss_constant=_log_loss(constant, bought),
        groups=[_group(float(chance), bought[told == chance]) for chance in np.unique(told)[::-1]],
    )


def _brier(told: Floats, bought: Floats) -> float:
    return float(((told - bought) ** 2).mean())


def _log_loss(told: Floats, bought: Floats) -> float:
    sure = np.clip(told, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    return float(-(bought * np.log(sure) + (1 - bought) * np.log(1 - sure)).mean())


def _group(chance: float, bought: Floats) -> Group:
    shown, share = len(bought), float(bought.mean())
    middle = (share + _Z**2 / (2 * shown)) / (1 + _Z**2 / shown)
    half = _Z * sqrt(share * (1 - share) / shown + _Z**2 / (4 * shown**2)) / (1 + _Z**2 / shown)
    return Group(chance, shown, share, max(0.0, middle - half), min(1.0, middle + half))
