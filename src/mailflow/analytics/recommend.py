"""Rank products for one person, from what they bought and looked at; what goes together with what: neighbours.py.

No numpy here: this runs while messages are made. How good the rankings are is measured with this very function, see
holdout.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

LONGEST_HISTORY = 50  # the latest products of a person that count: what was bought years before says little
_DIGITS = 9  # scores that differ by less are equal, and their order is the products'


class Source(StrEnum):
    """What a suggestion comes from."""

    BOUGHT = "bought"  # goes together with something they bought
    AGAIN = "again"  # a consumable that they bought
    VIEWED = "viewed"  # they looked at it, or it goes together with what they looked at
    POPULAR = "popular"  # many bought it lately


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A product that goes together with another, how much so (0 to 1), and how many people bought both."""

    product: int
    score: float
    support: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A product for one person; `because` is the product of theirs that says most for it, None for popular ones."""

    product: int
    score: float
    source: Source
    because: int | None


@dataclass(frozen=True, slots=True)
class History:
    """What one person bought and looked at, each the latest first and each product once."""

    bought: Sequence[int] = ()
    viewed: Sequence[int] = ()


Neighbours = Mapping[int, Sequence[Neighbour]]


def suggest(
    history: History,
    neighbours: Neighbours,
    popular: Iterable[int],
    *,
    again: Mapping[int, float],
    allowed: Callable[[int], bool],
    order: Callable[[int], object],
    items: int,
) -> list[Suggestion]:
    """Return up to `items` products, the best first, none of them bought before unless it is in `again`.

    A product's score is the sum of its likeness to each product of the person (item-item: Sarwar et al. 2001, eq. for
    the weighted sum with all weights 1; Linden et al. 2003). What they looked at counts as like itself (1), what they
    bought and others buy again by its share of `again`. Where that runs out, `popular` fills up, in its order.
    `allowed` is asked last, whatever the source; equal scores are in the order of `order`.
    """
    owned = set(history.bought)
    found: dict[int, float] = {}
    best: dict[int, tuple[float, Source, int]] = {}

    def add(product: int, score: float, source: Source, because: int) -> None:
        if product in owned and product not in again:
            return
        found[product] = found.get(product, 0.0) + score
        if product not in best or score > best[product][0]:
            best[product] = (score, source, because)

    for mine in history.bought[:LONGEST_HISTORY]:
        if mine in again:
            add(mine, again[mine], Source.AGAIN, mine)
        for other in neighbours.get(mine, ()):
            add(other.product, other.score, Source.BOUGHT, mine)
    for seen in history.viewed[:LONGEST_HISTORY]:
        add(seen, 1.0, Source.VIEWED, seen)
        for other in neighbours.get(seen, ()):
            add(other.product, other.score, Source.VIEWED, seen)
    ranked = sorted(found, key=lambda product: (-round(found[product], _DIGITS), order(product)))
    chosen = _first(ranked, allowed, items)
    taken = set(chosen)
    rest = (product for product in popular if product not in taken and (product not in owned or product in again))
    fillers = _first(rest, allowed, items - len(chosen))
    return [Suggestion(product, found[product], *best[product][1:]) for product in chosen] + [
        Suggestion(product, 0.0, Source.POPULAR, None) for product in fillers
    ]


def _first(products: Iterable[int], allowed: Callable[[int], bool], items: int) -> list[int]:
    chosen: list[int] = []
    for product in products:
        if len(chosen) >= items:
            break
        if allowed(product):
            chosen.append(product)
    return chosen
