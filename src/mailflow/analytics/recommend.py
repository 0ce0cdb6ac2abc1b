"""Rank products for one person, from what they bought and looked at; what goes together with what: neighbours.py.

No numpy here: this runs while messages are made. How good the rankings are is measured with this very function, see
holdout.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, islice

MOST_PRIOR = 200  # popular products that count for everybody; the others are hardly popular
LONGEST_HISTORY = 50  # the latest products of a person that count: more made lists no better, and slower
UNIT = 10**9  # likeness is counted in whole parts of 1, so that sums are the same in any order

# A product that goes together with another, and how much so: 0 to UNIT.
Neighbour = tuple[int, int]
Neighbours = Mapping[int, Sequence[Neighbour]]


class Source(StrEnum):
    """What a suggestion comes from."""

    BOUGHT = "bought"  # goes together with something they bought
    AGAIN = "again"  # a consumable that they bought
    VIEWED = "viewed"  # they looked at it, or it goes together with what they looked at
    POPULAR = "popular"  # many bought it lately


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A product for one person; `because` is the product of theirs that says most for it, None for popular ones.

    `score` is in parts of UNIT, 0 for what only fills up.
    """

    product: int
    score: int
    source: Source
    because: int | None


@dataclass(frozen=True, slots=True)
class History:
    """What one person bought and looked at, each the latest first and each product once."""

    bought: Sequence[int] = ()
    viewed: Sequence[int] = ()


def suggest(
    history: History,
    neighbours: Neighbours,
    popular: Iterable[int],
    *,
    prior: Sequence[Neighbour] = (),
    again: Mapping[int, float],
    allowed: Callable[[int], bool],
    named: Callable[[int], bool] = lambda product: True,
    order: Callable[[int], object],
    items: int,
) -> list[Suggestion]:
    """Return up to `items` products, the best first, none of them bought before unless it is in `again`.

    A product's score is the sum of its likeness to each product of the person (item-item: Sarwar et al. 2001, section
    3.2 with ratings of 1; Linden et al. 2003), and of what `prior` gives to it whoever the person is: how much that
    should be is measured (blend.py). What they looked at counts as like itself, 1; what they bought and others buy
    again by its share of `again`. Where that runs out, `popular` fills up, in its order. `allowed` is asked last,
    whatever the source; equal scores are in the order of `order`. What of theirs is not `named` speaks for nothing: it
    would be the reason.
    """
    owned = set(history.bought)
    own = History(
        [*filter(named, history.bought[:LONGEST_HISTORY])], [*filter(named, history.viewed[:LONGEST_HISTORY])]
    )
    seeds = [*_seeds(own, neighbours, again), *([(Source.POPULAR, None, prior)] if prior else ())]
    scores = _summed(near for _, _, near in seeds)

    def may_have(product: int) -> bool:
        return (product not in owned or product in again) and allowed(product)

    best = list(islice(filter(may_have, _ranked(scores, order)), items))
    causes = _causes(seeds, best, owned)
    taken = set(best)
    left = (product for product in popular if product not in taken and may_have(product))
    return [Suggestion(product, scores[product], *causes[product]) for product in best] + [
        Suggestion(product, 0, Source.POPULAR, None) for product in islice(left, items - len(best))
    ]


def prior(popular: Sequence[tuple[int, float]], weight: float) -> list[Neighbour]:
    """Return what popular products score for everybody: the first of them `weight`, others by how popular they are."""
    if not weight or not popular:
        return []
    (_, most), *_ = popular
    return [(product, round(weight * amount / most * UNIT)) for product, amount in popular[:MOST_PRIOR]]


def likeness(history: History, neighbours: Neighbours, again: Mapping[int, float]) -> dict[int, int]:
    """Return the scores of products for one person, by what they bought and looked at alone."""
    return _summed(near for _, _, near in _seeds(history, neighbours, again))


def ranked(scores: Mapping[int, int], prior: Sequence[Neighbour]) -> Iterator[int]:
    """Yield products by their scores and what `prior` adds, the highest first, equal ones by number."""
    return _ranked(_summed((scores.items(), prior)), lambda product: product)


def _summed(parts: Iterable[Iterable[Neighbour]]) -> dict[int, int]:
    scores: dict[int, int] = {}
    for part in parts:
        for product, score in part:
            scores[product] = scores.get(product, 0) + score
    return scores


# A product of theirs, where it is from, and what it speaks for; without a product, what speaks for everybody's.
_Seed = tuple[Source, int | None, Sequence[Neighbour]]


def _seeds(history: History, neighbours: Neighbours, again: Mapping[int, float]) -> Iterator[_Seed]:
    for mine in history.bought[:LONGEST_HISTORY]:
        if mine in again:
            yield Source.AGAIN, mine, [(mine, round(again[mine] * UNIT))]
        yield Source.BOUGHT, mine, neighbours.get(mine, ())
    for seen in history.viewed[:LONGEST_HISTORY]:
        yield Source.VIEWED, seen, [(seen, UNIT)]
        yield Source.VIEWED, seen, neighbours.get(seen, ())


def _ranked(scores: Mapping[int, int], order: Callable[[int], object]) -> Iterator[int]:
    """Yield products by score, the highest first; who is equal in the order of `order`, asked for these alone."""
    for _, equal in groupby(sorted(scores, key=scores.__getitem__, reverse=True), key=scores.__getitem__):
        yield from sorted(equal, key=order)  # type: ignore[arg-type]


def _causes(
    seeds: Iterable[_Seed], products: Iterable[int], owned: set[int]
) -> Mapping[int, tuple[Source, int | None]]:
    """Return what speaks most for each product; for one they have that they have it, whatever else there is."""
    most = dict.fromkeys(products, -1)
    causes: dict[int, tuple[Source, int | None]] = {product: (Source.AGAIN, product) for product in most}
    for source, mine, near in seeds:
        for product, score in near:
            if score > most.get(product, score) and product not in owned:
                most[product] = score
                causes[product] = (source, mine)
    return causes
