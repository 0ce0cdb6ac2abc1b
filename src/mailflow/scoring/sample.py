"""Whose orders are read to find out what goes together: everybody's, or of a large shop an even sample of people.

A person's place in the draw is a hash of their contact's key: the same people tomorrow, whatever was imported since and
in whatever order, and the more of them the smaller the shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mailflow.experiments import assign
from mailflow.store import frames_goods

if TYPE_CHECKING:
    from mailflow.store import Connection

MOST_LINES = 1_000_000  # order lines, about: what goes together among these goes together among ten times as many
MOST_ORDERS = 500  # of one person, the latest: a till that rings up everybody under one name is nobody's taste
_SALT = "recommendations"


@dataclass(frozen=True, slots=True)
class Sample:
    """Who was drawn of so many `buyers`: `people` are contact ids in the order of the draw.

    At the places of `heavy` stand people with more than MOST_ORDERS.
    """

    people: NDArray[np.int64]
    heavy: frozenset[int]
    buyers: int


def draw(db: Connection) -> Sample:
    """Return the first people of the draw who have MOST_LINES together: all where there are fewer lines."""
    per_order, buyers = frames_goods.lines_per_order(db), 0
    places: NDArray[np.uint64] = np.zeros(0, np.uint64)
    people: NDArray[np.int64] = np.zeros(0, np.int64)
    orders: NDArray[np.int64] = np.zeros(0, np.int64)
    for more, keys, counts in frames_goods.buyers(db):
        buyers += len(more)
        drawn = np.array([assign.position(key, salt=_SALT) for key in keys], np.uint64)
        places, people, orders = np.r_[places, drawn], np.r_[people, more], np.r_[orders, counts]
        order = np.argsort(places)
        lines = np.cumsum(np.minimum(orders[order], MOST_ORDERS)) * per_order
        order = order[: max(1, int(np.searchsorted(lines, MOST_LINES, side="right")))]
        places, people, orders = places[order], people[order], orders[order]
    return Sample(people, frozenset(np.flatnonzero(orders > MOST_ORDERS).tolist()), buyers)
