"""How well recommendations would have done: learn from before a day, look at what people bought from that day on.

A hold-out in time, as the mail itself has it: nothing from the test period is known to what is tested. The
parameters (neighbours.SHRINK and its like) were chosen on earlier periods than the tests of any figure in the docs. The
sums that are measured are those that mail uses: neighbours.py, blend.py and recommend.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mailflow.analytics import blend, calibration, chances, neighbours, ranking, recommend
from mailflow.analytics.calibration import Forecast
from mailflow.analytics.chances import Chances, Shown
from mailflow.analytics.neighbours import Choices, Purchases
from mailflow.analytics.ranking import Interval
from mailflow.analytics.recommend import History, Neighbour, Suggestion

Floats = NDArray[np.float64]

K = 10
LEAST_PEOPLE = 30  # fewer, and an interval over them means nothing
MOST_PEOPLE = 20_000  # more make the interval no narrower than anybody needs; evenly chosen
_MOST_TRIED = 3_000  # people whose lists the chances are learned from
_SEED = 20260320
_DAY_MS = 86_400_000


class Method(StrEnum):
    """What is compared."""

    RECOMMENDED = "recommended"  # as mail has it: bought together, with what is popular lately
    POPULAR_LATELY = "popular_lately"  # with time decay: the fallback alone
    POPULAR = "popular"  # most buyers of all time: the baseline


class Goal(StrEnum):
    """What counts as a hit."""

    NEW = "new"  # products that the person had not bought before
    ALL = "all"  # whatever they bought, known or new


@dataclass(frozen=True, slots=True)
class Figures:
    """How one method did for one goal. `ratio` is its NDCG against the baseline's, None for the baseline itself."""

    goal: Goal
    method: Method
    people: int
    ndcg: Interval
    hit_rate: Interval
    ratio: Interval | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out. `figures` is empty where too few people bought before and after, and `why` says so."""

    train: int  # purchases: person and product, each once
    test: int
    people: int  # who bought before and after
    products: int  # that were bought before
    with_neighbours: int  # of these
    recommended_products: int  # different ones in all lists
    bought_again: int  # products that who comes back often buys again, consumables or not
    personal: float  # share of people whose list of K has something other than popular products
    popular_weight: float  # how much popular products count beside the most alike, 1
    figures: Sequence[Figures]
    forecast: Forecast | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """All that is learned from purchases up to some instant."""

    neighbours: Mapping[int, Sequence[Neighbour]]
    prior: Sequence[Neighbour]
    popular_lately: Sequence[int]
    popular: Sequence[int]
    again: Mapping[int, float]


def learn(purchases: Purchases, once: Purchases, n_products: int, choices: Choices) -> Model:
    """Return what recommendations go by when these are all purchases; `once` is the same by `neighbours.latest`."""
    lately = neighbours.popularity(once, n_products, half_life_days=choices.half_life_days)
    buyers = np.bincount(once.products, minlength=n_products).astype(float)
    rates = neighbours.again(purchases, n_products, choices.consumables)
    again = np.flatnonzero(~np.isnan(rates))
    return Model(
        neighbours=blend.Near(neighbours.pairs(once, n_products, support=choices.support)),
        prior=recommend.prior(blend.most_popular(lately), choices.popular_weight),
        popular_lately=neighbours.ranked(lately).tolist(),
        popular=neighbours.ranked(buyers).tolist(),
        again=dict(zip(again.tolist(), rates[again].tolist(), strict=True)),
    )


def evaluate(purchases: Purchases, n_products: int, choices: Choices, *, at: int) -> Evaluation:
    """Return how what was learned before `at` (milliseconds) does for who bought before and after."""
    before, after = purchases.where(purchases.at < at), purchases.where(purchases.at >= at)
    train, test = neighbours.latest(before), neighbours.latest(after)
    people = np.intersect1d(train.people, test.people)
    known = len(np.unique(train.products))
    if len(people) < LEAST_PEOPLE:
        told = f"only {len(people)} {'person' if len(people) == 1 else 'people'}" if len(people) else "nobody"
        why = f"{told} bought both before that day and since, and it takes {LEAST_PEOPLE}"
        return Evaluation(len(train), len(test), len(people), known, 0, 0, 0, 0.0, 0.0, (), why=why)
    choices = replace(choices, popular_weight=blend.popular_weight(before, n_products, choices))
    model = learn(before, train, n_products, choices)
    chosen = people[:: -(-len(people) // MOST_PEOPLE)]
    lists = _Lists(model, blend.histories(train, chosen), blend.histories(test, chosen))
    shown = [suggestion for ranked in lists.recommended for suggestion in ranked[:K]]
    personal = sum(any(one.because is not None for one in ranked[:K]) for ranked in lists.recommended)
    return Evaluation(
        train=len(train),
        test=len(test),
        people=len(chosen),
        products=known,
        with_neighbours=len(model.neighbours),
        recommended_products=len({one.product for one in shown}),
        bought_again=int(np.isfinite(neighbours.again(before, n_products, None)).sum()),
        personal=personal / len(chosen),
        popular_weight=choices.popular_weight,
        figures=[figures for goal in Goal for figures in lists.figures(goal)],
        forecast=_forecast(model, before, after, n_products, choices, at=at),
    )


def learn_chances(purchases: Purchases, n_products: int, choices: Choices, *, until: int, days: int) -> Chances | None:
    """Return how likely lists would have been right in the last `days` before `until`; None where too few bought."""
    at = until - days * _DAY_MS
    before, after = purchases.where(purchases.at < at), purchases.where(purchases.at >= at)
    train, test = neighbours.latest(before), neighbours.latest(after)
    people = np.unique(train.people)
    if len(np.intersect1d(people, test.people)) < LEAST_PEOPLE:
        return None
    chosen = people[:: -(-len(people) // _MOST_TRIED)]
    model = learn(before, train, n_products, choices)
    return chances.fit(
        _Lists(model, blend.histories(train, chosen), blend.histories(test, chosen)).outcomes(), days=days
    )


def _forecast(
    model: Model, before: Purchases, after: Purchases, n_products: int, choices: Choices, *, at: int
) -> Forecast | None:
    """Return how probabilities that were learned before `at` did after it, among everybody who had bought."""
    days = max(1, -(-(int(after.at.max()) - at) // _DAY_MS))
    learned = learn_chances(before, n_products, choices, until=at, days=days)
    if learned is None:
        return None
    train, test = neighbours.latest(before), neighbours.latest(after)
    people = np.unique(train.people)
    chosen = people[:: -(-len(people) // _MOST_TRIED)]
    lists = _Lists(model, blend.histories(train, chosen), blend.histories(test, chosen))
    by_popularity = _bought_lately(before, n_products, since=at - days * _DAY_MS)
    shown = [(learned.of(one.place, is_popular=one.is_popular), one) for one in lists.outcomes()]
    told = [(chance, by_popularity[one.product], one.was_bought) for chance, one in shown if chance is not None]
    if not told:
        return None
    chance, popular, bought = np.array(told, float).T
    return calibration.judge(chance, popular, bought, days=days)


def _bought_lately(purchases: Purchases, n_products: int, *, since: int) -> Floats:
    """Return which share of the people who bought before `since` bought each product from then on.

    Half a person more bought each, of one more, so that no product counts as impossible (Krichevsky & Trofimov 1981).
    """
    known = np.unique(purchases.where(purchases.at < since).people)
    later = neighbours.latest(purchases.where((purchases.at >= since) & np.isin(purchases.people, known)))
    return (np.bincount(later.products, minlength=n_products) + 0.5) / (len(known) + 1)


class _Lists:
    """The lists that each method gives to the same people, and what these bought afterwards."""

    def __init__(self, model: Model, bought: list[list[int]], later: list[list[int]]) -> None:
        self._model = model
        self._bought = bought
        self._later = later
        self.recommended = [self._recommend(history) for history in bought]

    def figures(self, goal: Goal) -> list[Figures]:
        """Return the figures of all methods for a goal; none where too few people bought anything of its kind."""
        relevant = [
            set(later).difference(bought if goal is Goal.NEW else ())
            for bought, later in zip(self._bought, self._later, strict=True)
        ]
        judged = [place for place, wanted in enumerate(relevant) if wanted]
        if len(judged) < LEAST_PEOPLE:
            return []
        wanted = [relevant[place] for place in judged]
        ranked = {method: [self._ranked(method, goal, place) for place in judged] for method in Method}
        gains = {
            method: np.array([ranking.ndcg(*pair, K) for pair in zip(lists, wanted, strict=True)])
            for method, lists in ranked.items()
        }
        hits = {
            method: np.array([float(ranking.is_hit(*pair, K)) for pair in zip(lists, wanted, strict=True)])
            for method, lists in ranked.items()
        }
        return [
            Figures(
                goal,
                method,
                len(judged),
                ranking.mean_interval(gains[method], seed=_SEED),
                ranking.mean_interval(hits[method], seed=_SEED),
                None
                if method is Method.POPULAR
                else ranking.ratio_interval(gains[method], gains[Method.POPULAR], seed=_SEED),
            )
            for method in Method
        ]

    def outcomes(self) -> Iterator[Shown]:
        """Yield what the first K places of each list had, and whether it was bought afterwards."""
        for ranked, later in zip(self.recommended, map(set, self._later), strict=True):
            for place, one in enumerate(ranked[:K]):
                yield Shown(place, one.because is None, one.product in later, one.product)

    def _recommend(self, bought: list[int]) -> list[Suggestion]:
        model = self._model
        return recommend.suggest(
            History(bought),
            model.neighbours,
            model.popular_lately,
            prior=model.prior,
            again=model.again,
            allowed=lambda product: True,
            order=lambda product: product,
            items=K + sum(product in model.again for product in bought),  # K are left when these are not counted
        )

    def _ranked(self, method: Method, goal: Goal, place: int) -> list[int]:
        owned = set(self._bought[place]) if goal is Goal.NEW else set()
        if method is Method.RECOMMENDED:
            products = [one.product for one in self.recommended[place]]
        else:
            products = list(self._model.popular_lately if method is Method.POPULAR_LATELY else self._model.popular)
        return _first(products, owned)


def _first(products: Sequence[int], without: set[int]) -> list[int]:
    """Return the first K products that are not in a set."""
    found: list[int] = []
    for product in products:
        if product not in without:
            found.append(product)
            if len(found) == K:
                break
    return found
