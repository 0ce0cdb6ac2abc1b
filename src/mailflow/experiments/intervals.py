"""How sure a share is that was counted in a sample: intervals of 95 %. Who is in which arm: assign.py."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959963984540054  # of the normal distribution, for 95 % on both sides


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a whole, 0 to 1, with the interval in which the true one lies in 95 of 100 samples."""

    value: float
    low: float
    high: float


def wilson(hits: int, of: int) -> Share | None:
    """Return how great a share `hits` are of a sample, with its score interval; None of nothing.

    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference, JASA 22 (158), 209–212.
    """
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")
    if of == 0:
        return None
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    reach = _Z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    # At the ends the formula is exact, but for rounding.
    return Share(share, 0.0 if hits == 0 else middle - reach, 1.0 if hits == of else middle + reach)


def leads(first: int, second: int) -> bool:
    """Say whether one count is surely ahead of another: of those who chose one of the two, more than half chose it."""
    found = wilson(first, first + second)
    return found is not None and found.low > 0.5
