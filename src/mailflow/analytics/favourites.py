"""What people buy most, of all people at once: the category that is in most of somebody's orders.

An order counts once for a category, whatever it holds of it; of two the one bought later wins, then the one with the
lower number. In SQL, of a few people: store/favourites.py; a test holds that both agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders with ascending ids: whose each is, and when it was placed (milliseconds)."""

    ids: Integers
    whose: Integers
    at: Integers


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of orders, in any sequence: of which order, and the product."""

    orders: Integers
    products: Integers


@dataclass(frozen=True, slots=True)
class Categories:
    """Products and the number of a category each is in, ascending by product; `count` is above every number."""

    products: Integers
    numbers: Integers
    count: int


@dataclass(frozen=True, slots=True)
class Purchases:
    """One row for each order and category: who and what (`who * count + number`), and when."""

    keys: Integers
    at: Integers

    def __len__(self) -> int:
        return len(self.keys)


def purchases(orders: Orders, lines: Lines, categories: Categories) -> Purchases:
    """Return what orders are about; all lines of an order must be among those given. Lines of other orders are left."""
    rows = np.searchsorted(orders.ids, lines.orders)
    rows[rows == len(orders.ids)] = 0
    counted = orders.ids[rows] == lines.orders if len(orders.ids) else np.zeros(len(rows), bool)
    rows, products = rows[counted], lines.products[counted]
    first = np.searchsorted(categories.products, products, side="left")
    each = np.searchsorted(categories.products, products, side="right") - first
    before = np.cumsum(each) - each
    places = np.repeat(first - before, each) + np.arange(each.sum())
    pairs = np.sort(np.repeat(rows, each) * categories.count + categories.numbers[places])
    rows, numbers = np.divmod(pairs[_begins(pairs)], categories.count)
    return Purchases(orders.whose[rows] * categories.count + numbers, orders.at[rows])


def favourites(bought: Purchases, count: int) -> tuple[Integers, Integers]:
    """Return whose favourite is the category of which number, of all purchases of these people; ascending by person."""
    if not len(bought):
        return bought.keys, bought.keys
    sequence = np.argsort(bought.keys)
    keys = bought.keys[sequence]
    starts = np.flatnonzero(_begins(keys))
    times = np.diff(starts, append=len(keys))
    latest = np.maximum.reduceat(bought.at[sequence], starts)
    who, numbers = np.divmod(keys[starts], count)
    best = np.lexsort((numbers, -latest, -times, who))
    best = best[_begins(who[best])]
    return who[best], numbers[best]


def _begins(ascending: Integers) -> NDArray[np.bool_]:
    """Return where another value begins."""
    begins = np.ones(len(ascending), bool)
    begins[1:] = ascending[1:] != ascending[:-1]
    return begins
