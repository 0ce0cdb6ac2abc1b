"""Recency, frequency, monetary: five scores each by quintile, and the class of (R, F). The definition: docs/rfm.md.

Everything is counted in integers, and cut points are exact fractions, so that equal values always get equal scores.
Where the population comes from: store/frames.py. Frames have one row per contact:

    contact        any key
    recency_days   calendar days since the last order
    frequency      number of orders, at least 1
    monetary_minor net revenue in minor units, may be 0 or negative
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

VERSION = 1

Cuts = tuple[Fraction, ...]
ClassTable = Mapping[str, Sequence[tuple[int, int]]]

# Best first: the order of every report.
CLASSES: ClassTable = MappingProxyType(
    {
        "champions": ((5, 4), (5, 5)),
        "loyal_customers": ((4, 4), (4, 5), (3, 4), (3, 5)),
        "potential_loyalists": ((5, 2), (5, 3), (4, 2), (4, 3)),
        "new_customers": ((5, 1),),
        "promising": ((4, 1),),
        "need_attention": ((3, 3),),
        "about_to_sleep": ((3, 1), (3, 2)),
        "cannot_lose_them": ((2, 5), (1, 5)),
        "at_risk": ((2, 3), (2, 4), (1, 3), (1, 4)),
        "hibernating": ((2, 1), (2, 2), (1, 1), (1, 2)),
    }
)


@dataclass(frozen=True, slots=True)
class CutPoints:
    """The four values that part the five scores of each measure, ascending; empty where there is no population."""

    recency: Cuts
    frequency: Cuts
    monetary: Cuts


def quintiles(values: NDArray[np.int64]) -> Cuts:
    """Return the linearly interpolated 20, 40, 60 and 80 % quantiles of integers, exactly; none of none.

    The definition 7 of Hyndman & Fan (1996), which R, numpy and spreadsheets use by default: position (n - 1) p
    between the sorted values.
    """
    if len(values) == 0:
        return ()
    places = [divmod(fifth * (len(values) - 1), 5) for fifth in (1, 2, 3, 4)]
    needed = {place for whole, rest in places for place in (whole, whole + bool(rest))}
    ordered = np.partition(values, sorted(needed))
    return tuple(
        Fraction(int(ordered[whole]) * (5 - rest) + int(ordered[whole + bool(rest)]) * rest, 5)
        for whole, rest in places
    )


def cut_points(frame: pd.DataFrame, bounds: Mapping[str, Sequence[Fraction]] = MappingProxyType({})) -> CutPoints:
    """Return the cut points of a population; what `bounds` fixes (monetary in minor units) is not computed."""
    return CutPoints(
        recency=tuple(bounds.get("recency", ())) or quintiles(frame["recency_days"].to_numpy()),
        frequency=tuple(bounds.get("frequency", ())) or quintiles(frame["frequency"].to_numpy()),
        monetary=tuple(bounds.get("monetary", ())) or quintiles(frame["monetary_minor"].to_numpy()),
    )


def number_below(values: NDArray[np.int64], cuts: Cuts) -> NDArray[np.int64]:
    """Return for each value how many cut points lie strictly below it.

    For an integer that is the same as their whole parts lying strictly below it.
    """
    whole = np.array([cut.numerator // cut.denominator for cut in cuts], np.int64)
    return np.searchsorted(whole, values, side="left")


def scored(frame: pd.DataFrame, cuts: CutPoints, classes: ClassTable = CLASSES) -> pd.DataFrame:
    """Return the frame with `r`, `f`, `m` (1 to 5, int8) and `class` (a category, best first).

    f and m = 1 + the number of cut points strictly below the value, r = 5 - that of recency_days.
    """
    r = 5 - number_below(frame["recency_days"].to_numpy(), cuts.recency)
    f = 1 + number_below(frame["frequency"].to_numpy(), cuts.frequency)
    m = 1 + number_below(frame["monetary_minor"].to_numpy(), cuts.monetary)
    table = np.zeros((6, 6), np.int8)
    for code, pairs in enumerate(classes.values()):
        for pair in pairs:
            table[pair] = code
    return frame.assign(
        r=r.astype(np.int8),
        f=f.astype(np.int8),
        m=m.astype(np.int8),
        **{"class": pd.Categorical.from_codes(table[r, f], pd.Index(list(classes)))},
    )


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One class of the report; `median_recency_days` is None where nobody is in it."""

    name: str
    contacts: int
    orders: int
    revenue_minor: int
    median_recency_days: float | None


def summary(frame: pd.DataFrame) -> list[ClassSummary]:
    """Return one summary per class of a scored frame, best first, empty classes too."""
    codes = frame["class"].cat.codes.to_numpy()
    recency = frame["recency_days"].to_numpy()
    names = list(frame["class"].cat.categories)
    contacts = np.bincount(codes, minlength=len(names))
    orders, revenue = _sums(codes, frame["frequency"], len(names)), _sums(codes, frame["monetary_minor"], len(names))
    return [
        ClassSummary(
            name=name,
            contacts=int(contacts[code]),
            orders=int(orders[code]),
            revenue_minor=int(revenue[code]),
            median_recency_days=float(np.median(recency[codes == code])) if contacts[code] else None,
        )
        for code, name in enumerate(names)
    ]


def grid(frame: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many contacts, and how much revenue in minor units, each pair of scores has: arrays [r - 1, f - 1]."""
    cells = 5 * (frame["r"].to_numpy().astype(np.int64) - 1) + frame["f"].to_numpy() - 1
    contacts = np.bincount(cells, minlength=25).astype(np.int64)
    return contacts.reshape(5, 5), _sums(cells, frame["monetary_minor"], 25).reshape(5, 5)


@dataclass(frozen=True, slots=True)
class Band:
    """What gets one score: whole values from `low` to `high`, None where that side is open; and how many have it.

    `is_empty` where two cut points leave no whole value between them.
    """

    score: int
    low: int | None
    high: int | None
    contacts: int

    @property
    def is_empty(self) -> bool:
        return self.low is not None and self.high is not None and self.low > self.high


def bands(cuts: Cuts, scores: pd.Series[Any], *, falling: bool = False) -> list[Band]:
    """Return the five bands of a measure, the lowest values first; `falling`: these get score 5, as in recency."""
    edges = [cut.numerator // cut.denominator for cut in cuts]
    if not edges:
        return []
    lows, highs = [None, *(edge + 1 for edge in edges)], [*edges, None]
    had = np.bincount(scores.to_numpy(), minlength=6)
    order = range(5, 0, -1) if falling else range(1, 6)
    return [Band(score, low, high, int(had[score])) for score, low, high in zip(order, lows, highs, strict=True)]


def _sums(codes: NDArray[Any], values: pd.Series[Any], size: int) -> NDArray[np.int64]:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, codes, values.to_numpy())
    return sums
