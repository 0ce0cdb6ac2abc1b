"""Find out what goes together, what is popular and what people buy again, and keep it. Sums: analytics/neighbours.

What is kept is of products: a person's own list is made when it is needed (suggest.py), from their orders as they are
then. So a run costs by products, not by people times products, and nobody is shown what they bought since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mailflow import clock
from mailflow.analytics import blend, holdout, merchandise, neighbours
from mailflow.analytics.chances import Chances
from mailflow.analytics.neighbours import Choices, Floats, Integers, Pairs, Purchases
from mailflow.config.recommending import MEASURED
from mailflow.scoring import sample, suggest
from mailflow.store import Store, frames_goods, scores, suggestions
from mailflow.store.pace import Pace

if TYPE_CHECKING:
    from mailflow.config import Settings
    from mailflow.store import Connection
    from mailflow.store.frames_goods import Product
    from mailflow.store.suggestions import NeighbourRow, SalesRow

_Row = TypeVar("_Row")
_CHANCE_DAYS = 30
_PAIRS_AT_ONCE = 50_000
_DAY_MS = 86_400_000
POPULAR = 500  # products of the popular list: enough for who has most of them


@dataclass(frozen=True, slots=True)
class Bought:
    """What was bought by `people` of `buyers`. Purchases speak of products by their place in `products`."""

    products: Sequence[Product]
    purchases: Purchases
    people: int
    buyers: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found out, by the places of `products`: `again` is NaN for what is no consumable."""

    products: Sequence[Product]
    pairs: Pairs
    buyers: Floats
    popularity: Floats
    again: Floats
    popular_weight: float
    chances: Chances | None
    purchases: int
    of_people: int
    of_buyers: int


def load(db: Connection, settings: Settings, *, until: int) -> Bought:
    """Return what was bought before an instant (milliseconds), without fees, variants as their parents.

    Of a large shop, what the people of `sample.draw` bought.
    """
    roots, numbers = _numbered(db, settings)
    drawn = sample.draw(db)
    read = frames_goods.lines(db, drawn.people, drawn.heavy, numbers, until=until, most_orders=sample.MOST_ORDERS)
    parts = [neighbours.by_person(Purchases(*columns)) for columns in read]
    return Bought(roots, _joined(parts), len(drawn.people), drawn.buyers)


def _numbered(db: Connection, settings: Settings) -> tuple[Sequence[Product], Integers]:
    """Return the goods, and by the id of each product or variant its place among them, -1 for what is none."""
    known = list(frames_goods.products(db))
    roots = [product for product in known if product.root == product.id and _is_good(product, settings)]
    place = {product.id: number for number, product in enumerate(roots)}
    numbers = np.full(1 + max((product.id for product in known), default=0), -1)
    for product in known:
        numbers[product.id] = place.get(product.root, -1)
    return roots, numbers


def _joined(parts: list[Purchases]) -> Purchases:
    """Return purchases as one, and let go of the parts."""
    none = np.zeros(0, np.int64)
    whole = Purchases(
        np.concatenate([none, *(part.people for part in parts)]),
        np.concatenate([none, *(part.products for part in parts)]),
        np.concatenate([none, *(part.at for part in parts)]),
    )
    parts.clear()
    return whole


def compute(db: Connection, settings: Settings, *, now: datetime) -> Found:
    """Return what the orders before `now` tell."""
    bought = load(db, settings, until=clock.to_ms(now))
    size, choices = len(bought.products), choices_of(bought, settings)
    # First what is learned from earlier days: what it holds is gone before the rest is held.
    choices = replace(choices, popular_weight=blend.popular_weight(bought.purchases, size, choices))
    chances = _chances(bought, choices)
    once = neighbours.latest(bought.purchases)
    return Found(
        products=bought.products,
        pairs=neighbours.pairs(once, size, support=choices.support),
        buyers=np.bincount(once.products, minlength=size).astype(np.float64),
        popularity=neighbours.popularity(once, size, half_life_days=choices.half_life_days),
        again=neighbours.again(bought.purchases, size, choices.consumables),
        popular_weight=choices.popular_weight,
        chances=chances,
        purchases=len(once),
        of_people=bought.people,
        of_buyers=bought.buyers,
    )


def choices_of(bought: Bought, settings: Settings) -> Choices:
    """Return what mailflow.yaml says, by the places of the products."""
    chosen, named = settings.recommendations, None
    if chosen.consumables != MEASURED:
        kinds = [merchandise.is_named((), product.categories, chosen.consumables) for product in bought.products]
        named = np.array(kinds, bool)
    return Choices(chosen.support, chosen.popular_half_life, named)


def refresh(store: Store, settings: Settings, *, now: datetime) -> Found:
    """Compute everything as of now and keep it, in short transactions; readers see the old run or the new one."""
    inputs = suggest.inputs(store.db, settings)
    found = compute(store.db, settings, now=now)
    today: date = clock.local_date(now, settings.zone)
    told = {
        **inputs,
        "products": int((found.buyers > 0).sum()),
        "purchases": found.purchases,
        "people": found.of_people,
        "of_buyers": found.of_buyers,
        "pairs": len(found.pairs),
        "consumables": int((~np.isnan(found.again)).sum()),
        "method": "cosine of customers' rows of length 1, shrunk; see docs/recommendations.md",
        "popular_weight": found.popular_weight,
        "chances": None if found.chances is None else asdict(found.chances),
        "shrink": neighbours.SHRINK,
        "kept": neighbours.KEPT,
    }
    with store.transaction() as tx:
        run = scores.begin(tx, suggestions.RECOMMENDATIONS, neighbours.VERSION, as_of=today, now=now, inputs=told)
    pace = Pace(store)
    for rows in _slices(_sales(found), pace):
        with pace.transaction() as tx:
            suggestions.add_sales(tx, run, rows)
    for pairs in _slices(_pairs(found), pace):
        with pace.transaction() as tx:
            suggestions.add_neighbours(tx, run, pairs)
    with store.transaction() as tx:
        scores.finish(tx, run, now=now)
    _sweep(pace, run)
    return found


def _is_good(product: Product, settings: Settings) -> bool:
    names = (product.product_id, product.sku, product.title)
    exclude = settings.recommendations.exclude
    return not merchandise.is_fee(product.title) and not merchandise.is_named(names, product.categories, exclude)


def _chances(bought: Bought, choices: Choices) -> Chances | None:
    """Return how likely recommended products are bought within a month, or a fifth of the time that is known."""
    at = bought.purchases.at
    if not len(at):
        return None
    days = min(_CHANCE_DAYS, int(at.max() - at.min()) // 5 // _DAY_MS)
    if days < 1:
        return None
    return holdout.learn_chances(
        bought.purchases,
        len(bought.products),
        choices,
        until=int(at.max()) + 1,
        days=days,
    )


def _sales(found: Found) -> Iterator[SalesRow]:
    places = {number: place for place, number in enumerate(neighbours.ranked(found.popularity, most=POPULAR).tolist())}
    columns = (found.buyers.tolist(), found.popularity.tolist(), found.again.tolist())
    for number, (buyers, popularity, again) in enumerate(zip(*columns, strict=True)):
        if buyers:
            rate = None if again != again else again
            yield found.products[number].id, int(buyers), popularity, places.get(number), rate


def _pairs(found: Found) -> Iterator[NeighbourRow]:
    pairs, last, place = found.pairs, -1, 0
    for first in range(0, len(pairs), _PAIRS_AT_ONCE):
        part = slice(first, first + _PAIRS_AT_ONCE)
        columns = (pairs.products, pairs.neighbours, pairs.scores, pairs.support)
        for number, other, score, support in zip(*(column[part].tolist() for column in columns), strict=True):
            place = place + 1 if number == last else 0
            last = number
            yield found.products[number].id, place, found.products[other].id, score, support


def _slices(rows: Iterator[_Row], pace: Pace) -> Iterator[Sequence[_Row]]:
    while part := list(islice(rows, pace.rows)):
        yield part


def _sweep(pace: Pace, run: int) -> None:
    while True:
        with pace.transaction() as tx:
            if not suggestions.sweep(tx, run, limit=pace.rows):
                return
