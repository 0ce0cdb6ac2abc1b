"""Which products go together, what is popular, and what people buy again: from who bought what and when.

Purchases are three arrays of one length, one entry for each person, product and day or finer instant:

    people    who, as integers from 0
    products  what, as integers from 0, numbered so that equal scores are in the order of the numbers
    at        when, milliseconds

`by_person` brings them into an order; what is in it already is not sorted again.

One person's list from all this: recommend.py. How good it is: holdout.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

VERSION = 2
SHRINK = 10  # people: a pair that few bought is trusted this little; chosen on validation periods, see docs
KEPT = 30  # neighbours of one product
LONGEST = 200  # products of one person, the latest: what a wholesaler's thousand have in common is the shop
LEAST_CHANCES = 5  # people who could have bought something again, before anything is said of it
PRIOR = 10  # people: how much the shop as a whole weighs in the share of one product
CONSUMABLE = 0.2  # bought again by at least this share of those who came back
_UNIT = 1 << 20  # weights are whole numbers of this, whose sums are exact in any order
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Purchases:
    """Who bought what and when; arrays of one length, described above."""

    people: Integers
    products: Integers
    at: Integers

    def __len__(self) -> int:
        return len(self.people)

    def where(self, chosen: NDArray[np.bool_]) -> Purchases:
        """Return the purchases of a mask."""
        return Purchases(self.people[chosen], self.products[chosen], self.at[chosen])


@dataclass(frozen=True, slots=True)
class Choices:
    """What a shop may choose: people who must have bought both of a pair, how fast sales grow old, consumables.

    `consumables` says of each product whether it is one; None: those that are bought again often enough. How much
    `popular_weight` popular products have beside what goes together is measured: blend.py.
    """

    support: int
    half_life_days: float
    consumables: NDArray[np.bool_] | None
    popular_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """Neighbours of products, arrays of one length: by product, the nearest first; `support` people bought both."""

    products: Integers
    neighbours: Integers
    scores: Floats
    support: Integers

    def __len__(self) -> int:
        return len(self.products)


def by_person(purchases: Purchases) -> Purchases:
    """Return purchases by person, then by product, the latest first; those that are so as they are."""
    people, products, at = purchases.people, purchases.products, purchases.at
    is_next = (people[1:] > people[:-1]) | (
        (people[1:] == people[:-1])
        & ((products[1:] > products[:-1]) | ((products[1:] == products[:-1]) & (at[1:] <= at[:-1])))
    )
    return purchases if is_next.all() else _taken(purchases, np.lexsort((-at, products, people)))


def latest(purchases: Purchases) -> Purchases:
    """Return each person's purchases of each product once, at the latest instant, by person, the latest first."""
    found = by_person(purchases)
    once = found.where(_are_first(found))
    return _taken(once, np.lexsort((once.products, -once.at, once.people)))


def _are_first(found: Purchases) -> NDArray[np.bool_]:
    """Say which purchases, in the order of `by_person`, are the first of their person and product."""
    are_first = np.ones(len(found), bool)
    are_first[1:] = (found.people[1:] != found.people[:-1]) | (found.products[1:] != found.products[:-1])
    return are_first


def _taken(purchases: Purchases, order: Integers) -> Purchases:
    return Purchases(purchases.people[order], purchases.products[order], purchases.at[order])


def pairs(once: Purchases, n_products: int, *, support: int, shrink: int = SHRINK, kept: int = KEPT) -> Pairs:
    """Return what goes together, of purchases as `latest` gives them.

    The likeness of two products is the cosine of their columns in the matrix of people by products (Sarwar et al.
    2001; Linden et al. 2003), each person's row brought to length 1 so that who buys a lot counts no more than others
    (Deshpande & Karypis 2004), times c / (c + shrink) for the c people who bought both (Bell & Koren 2007). Pairs
    with fewer than `support` people are left out.

    Row by row: what it costs is the sum of squares of people's histories, what it holds the purchases and one row.
    """
    rows, columns = _recent(once)
    starts = np.searchsorted(rows, np.arange(rows[-1] + 2 if len(rows) else 1))
    lengths = np.diff(starts)
    weights = np.rint(_UNIT / np.maximum(lengths, 1)).astype(np.int64)
    by_product = np.argsort(columns, kind="stable")
    holders = rows[by_product]
    edges = np.searchsorted(columns[by_product], np.arange(n_products + 1))
    norms: Floats = np.bincount(columns, weights=weights[rows], minlength=n_products).astype(np.float64)
    matrix = _Matrix(starts, columns, weights, norms)
    found = [
        matrix.row(product, holders[edges[product] : edges[product + 1]], support=support, shrink=shrink, kept=kept)
        for product in range(n_products)
        if edges[product + 1] - edges[product] >= support
    ]
    if not found:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, np.zeros(0), none)
    return Pairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _recent(once: Purchases) -> tuple[Integers, Integers]:
    """Return people and products of purchases, of each person the latest LONGEST."""
    if not len(once):
        return once.people, once.products
    starts = np.flatnonzero(np.r_[True, once.people[1:] != once.people[:-1]])
    place = np.arange(len(once)) - np.repeat(starts, np.diff(np.r_[starts, len(once)]))
    chosen = place < LONGEST
    return once.people[chosen], once.products[chosen]


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Who bought what: person p has the products columns[starts[p] : starts[p + 1]], each with weights[p]."""

    starts: Integers
    columns: Integers
    weights: Integers
    norms: Floats  # squared: of the weighted columns

    def row(
        self, product: int, holders: Integers, *, support: int, shrink: int, kept: int
    ) -> tuple[Integers, Integers, Floats, Integers]:
        """Return one product's neighbours, of what its `holders` bought, as columns of `Pairs`."""
        sizes = self.starts[holders + 1] - self.starts[holders]
        begins = np.r_[0, np.cumsum(sizes[:-1])]
        places = np.repeat(self.starts[holders] - begins, sizes) + np.arange(sizes.sum())
        others, place = np.unique(self.columns[places], return_inverse=True)
        both = np.bincount(place)
        weighed = np.bincount(place, weights=np.repeat(self.weights[holders], sizes))
        chosen = (both >= support) & (others != product)
        others, both = others[chosen], both[chosen]
        cosine = weighed[chosen] / np.sqrt(self.norms[product] * self.norms[others])
        scores = np.round(cosine * both / (both + shrink), 9)
        best = np.lexsort((others, -scores))[:kept]
        return np.full(len(best), product), others[best], scores[best], both[best]


def popularity(once: Purchases, n_products: int, *, half_life_days: float) -> Floats:
    """Return how popular each product is: its buyers, each counting half for every half-life before the last sale."""
    age = (once.at.max(initial=0) - once.at) / (_DAY_MS * half_life_days)
    return np.round(np.bincount(once.products, weights=np.exp2(-age), minlength=n_products), 9)


def ranked(scores: Floats, *, most: int | None = None) -> Integers:
    """Return the numbers of products with a score above 0, the highest first."""
    order = np.lexsort((np.arange(len(scores)), -scores))
    return order[: int((scores > 0).sum())][:most]


def repeat_rates(purchases: Purchases, n_products: int) -> Floats:
    """Return the share of each product's buyers who bought it again, of those who came back on a later day at all.

    It is drawn to the share of all products by the weight of PRIOR people; NaN where fewer than LEAST_CHANCES came
    back: nothing is known of it.
    """
    found = by_person(purchases)
    people, products, days = found.people, found.products, found.at // _DAY_MS
    last_day = np.full(int(people.max(initial=-1)) + 1, np.iinfo(np.int64).min)
    np.maximum.at(last_day, people, days)
    starts = np.flatnonzero(_are_first(found))
    first_days = days[np.r_[starts[1:], len(days)] - 1] if len(starts) else days
    came_back = last_day[people[starts]] > first_days
    bought_again = days[starts] > first_days
    chances = np.bincount(products[starts], weights=came_back, minlength=n_products)
    repeats = np.bincount(products[starts], weights=bought_again, minlength=n_products)
    usual = repeats.sum() / max(chances.sum(), 1)
    rates = np.round((repeats + PRIOR * usual) / (chances + PRIOR), 9)
    return np.where(chances >= LEAST_CHANCES, rates, np.nan)


def again(purchases: Purchases, n_products: int, consumables: NDArray[np.bool_] | None) -> Floats:
    """Return how likely each consumable is bought again, NaN for other products; see `Choices`."""
    rates = repeat_rates(purchases, n_products)
    if consumables is None:
        return np.where(rates >= CONSUMABLE, rates, np.nan)
    return np.where(consumables, np.where(np.isnan(rates), CONSUMABLE, rates), np.nan)
