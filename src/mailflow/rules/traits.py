"""How sure signs make us of a trait: the sum, in whole numbers, so that both faces of a rule count exactly alike.

A sign alone makes us sure to a share c. Signs are taken as independent grounds, each of which may be wrong by itself
(noisy or; J. Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, section 4.3.2): with the true signs for it,
1 - (1 - c1)(1 - c2)…; each true sign against it leaves 1 - c of that. Where no sign speaks for it, nothing is known.

What a file says of traits: segments/traits_file.py; what a rule says of them: check.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailflow.rules.types import Sign, Weighed

# The smallest steps must be counted in SQLite's whole numbers.
_MOST_STEPS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SignText:
    """A sign as it is written: its rule, how sure it alone makes us (1 to 99 percent), and whose word it is."""

    rule: str
    percent: int
    against: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Trait:
    """What somebody may care about, and the signs of it; `title` says it in words."""

    name: str
    title: str
    signs: tuple[SignText, ...]


def share(sign: Sign | SignText) -> Fraction:
    """Return how sure a sign alone makes us, 0 to 1."""
    return Fraction(sign.percent, 100)


def steps(shares: Iterable[Fraction]) -> int:
    """Return how many of the smallest steps make 1 for signs of these shares."""
    return prod(each.denominator for each in shares)


def are_countable(signs: Iterable[SignText]) -> bool:
    """Say whether a database can count the steps of these signs exactly: at least nine, and more of round shares."""
    return steps(map(share, signs)) <= _MOST_STEPS


def weigh(signs: Iterable[tuple[Fraction, bool, bool]]) -> int:
    """Return the confidence in smallest steps, of signs as (share, whether against, whether true)."""
    whole = doubt = kept = 1
    for part, against, truth in signs:
        left = part.denominator - part.numerator if truth else part.denominator
        if against:
            kept *= left
        else:
            whole *= part.denominator
            doubt *= left
    return (whole - doubt) * kept


def bounds(weighed: Weighed) -> tuple[int, int]:
    """Return from and up to how many steps the comparison is true; the first is above the second where it never is."""
    whole = steps(map(share, weighed.signs))
    wanted = Fraction(weighed.share) * whole
    low, high = 1, whole
    match weighed.operator:
        case ">=":
            low = ceil(wanted)
        case ">":
            low = floor(wanted) + 1
        case "<=":
            high = floor(wanted)
        case "<":
            high = ceil(wanted) - 1
        case _:
            low, high = ceil(wanted), floor(wanted)
    return max(low, 1), min(high, whole)


def percent(confidence: Fraction | float) -> str:
    """Return a confidence as people read it, `96 %`: rounded down, so that 69.96 % is not taken for 70 %."""
    return f"{floor(Fraction(confidence).limit_denominator(10**9) * 1000) / 10:g} %"
