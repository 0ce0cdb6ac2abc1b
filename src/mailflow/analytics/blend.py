"""How much popular products count beside what goes together: measured, because shops differ.

Where people have tastes of their own (a gift shop), what goes together finds what they buy next; where everybody buys
the same staples (groceries), what is popular does, and a few common buyers of rare pairs only mislead. A person's score
of a product is the sum of both, as a prior is added to what was seen (compare the shrinkage of Bell & Koren 2007). The
weight is tried on the last fifth of the purchases, learned from those before: of those that did as well as the best, as
far as can be told, it is the least, which leaves most to the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

import numpy as np

from mailflow.analytics import neighbours, ranking, recommend
from mailflow.analytics.neighbours import Choices, Floats, Integers, Purchases
from mailflow.analytics.recommend import UNIT, History, Neighbour

WEIGHTS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)  # tried ones; at 1 the most popular counts as much as a perfect likeness
LEAST_PEOPLE = 30  # fewer decide nothing: no weight then
_MOST_TRIED = 1_000  # people by whose lists the weight is chosen
_MOST_NEAR = 5_000  # products whose neighbours are kept as lists
_K = 10


def split_at(purchases: Purchases, share: float = 0.8) -> int:
    """Return the instant before which `share` of the purchases lie."""
    return int(np.quantile(purchases.at, share)) if len(purchases) else 0


def most_popular(popularity: Floats) -> list[tuple[int, float]]:
    """Return the most popular products, the first first, each with how popular it is: what `recommend.prior` takes."""
    order = neighbours.ranked(popularity, most=recommend.MOST_PRIOR)
    return list(zip(order.tolist(), popularity[order].tolist(), strict=True))


def popular_weight(purchases: Purchases, n_products: int, choices: Choices) -> float:
    """Return the least weight that did lately as well as the best, by NDCG of ten products that are new to people.

    As well is within one standard error of the difference over people (the 1 SE rule of Breiman et al. 1984, 3.4.3).
    """
    at = split_at(purchases)
    before, after = purchases.where(purchases.at < at), purchases.where(purchases.at >= at)
    train, test = neighbours.latest(before), neighbours.latest(after)
    people = np.intersect1d(train.people, test.people)
    chosen = people[:: -(-len(people) // _MOST_TRIED)] if len(people) else people
    had, later = histories(train, chosen), histories(test, chosen)
    wanted = [set(bought).difference(known) for known, bought in zip(had, later, strict=True)]
    if sum(map(bool, wanted)) < LEAST_PEOPLE:
        return 0.0
    near = Near(neighbours.pairs(train, n_products, support=choices.support))
    popular = most_popular(neighbours.popularity(train, n_products, half_life_days=choices.half_life_days))
    priors = [recommend.prior(popular, weight) for weight in WEIGHTS]
    gains = np.array(
        [
            _gains(recommend.likeness(History(known), near, {}), set(known), new, priors)
            for known, new in zip(had, wanted, strict=True)
            if new
        ]
    )
    behind = gains[:, [int(gains.mean(axis=0).argmax())]] - gains
    as_well = behind.mean(axis=0) <= behind.std(axis=0, ddof=1) / np.sqrt(len(gains))
    return WEIGHTS[int(as_well.argmax())]


def _gains(
    scores: Mapping[int, int], owned: set[int], wanted: set[int], priors: Sequence[Sequence[Neighbour]]
) -> list[float]:
    """Return the NDCG of one person's list under each prior."""
    lists = (islice((one for one in recommend.ranked(scores, added) if one not in owned), _K) for added in priors)
    return [ranking.ndcg(list(found), wanted, _K) for found in lists]


def histories(purchases: Purchases, people: Integers) -> list[list[int]]:
    """Return what each of some people bought, the latest first; purchases are as `latest` gives them."""
    starts = np.searchsorted(purchases.people, people)
    ends = np.searchsorted(purchases.people, people, side="right")
    return [purchases.products[start:end].tolist() for start, end in zip(starts, ends, strict=True)]


class Near(Mapping[int, Sequence[Neighbour]]):
    """Pairs by product. Only what is asked for is made into lists, and what was asked for lately is kept."""

    def __init__(self, pairs: neighbours.Pairs) -> None:
        self._pairs = pairs
        starts = np.flatnonzero(np.diff(pairs.products, prepend=-1))
        ends = np.r_[starts[1:], len(pairs)].tolist() if len(starts) else []
        self._parts = dict(zip(pairs.products[starts].tolist(), map(slice, starts.tolist(), ends), strict=True))
        self._made = lru_cache(_MOST_NEAR)(self._make)

    def __getitem__(self, product: int) -> Sequence[Neighbour]:
        return self._made(product)

    def __iter__(self) -> Iterator[int]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def _make(self, product: int) -> Sequence[Neighbour]:
        part = self._parts[product]
        scores = np.rint(self._pairs.scores[part] * UNIT).astype(np.int64)
        return list(zip(self._pairs.neighbours[part].tolist(), scores.tolist(), strict=True))
