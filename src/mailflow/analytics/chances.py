"""How likely a recommended product is bought: what became of the lists that an earlier day would have given.

The chance goes by a product's place in its list, not by its score: scores grow with a shop's orders, so those of an
earlier day mean something else today, while the share of first places that were bought stays what it was. Later places
have no higher chance than earlier ones: isotonic regression (pool adjacent violators, Ayer et al. 1955; for
calibration: Zadrozny & Elkan 2002).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEAST = 100  # lists with something in a place; fewer say nothing of a chance of some per cent
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """A product that a list would have had: in which place (from 0), whether for its popularity, and was it bought."""

    place: int
    is_popular: bool
    was_bought: bool
    product: int = -1


@dataclass(frozen=True, slots=True)
class Chances:
    """Probabilities of being bought within so many days, by place: of products of their own, and of popular ones."""

    days: int
    personal: Sequence[float]
    popular: Sequence[float]

    def of(self, place: int, *, is_popular: bool) -> float | None:
        """Return the probability of what is in a place (from 0); None where nothing is known."""
        known = self.popular if is_popular else self.personal
        return known[place] if place < len(known) else None


def fit(shown: Iterable[Shown], *, days: int) -> Chances:
    """Return the chances that products had."""
    counts: dict[bool, dict[int, list[int]]] = {False: {}, True: {}}
    for one in shown:
        count = counts[one.is_popular].setdefault(one.place, [0, 0])
        count[0] += one.was_bought
        count[1] += 1
    return Chances(days, *(_descending(counts[is_popular]) for is_popular in (False, True)))


def _descending(counts: dict[int, list[int]]) -> list[float]:
    """Return the share bought in each place from the first, made to fall; where a place says too little it ends."""
    blocks: list[list[int]] = []  # bought, shown, places
    for place in range(len(counts)):
        bought, shown = counts.get(place, [0, 0])
        if shown < LEAST:
            break
        blocks.append([bought, shown, 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] < blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [before + more for before, more in zip(blocks[-1], last, strict=True)]
    return [round(bought / shown, _DIGITS) for bought, shown, places in blocks for _ in range(places)]
