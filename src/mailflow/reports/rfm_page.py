"""Render the RFM report as an HTML page of its own. What is on it comes from jobs/rfm_report; the sums: analytics/rfm.

The page is rfm_page.html beside this file: heat maps of R × F, the classes with what to do next, how they changed, who
moved, and how the scores were cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mailflow import clock, money
from mailflow.analytics.rfm import Band
from mailflow.reports import pages

_BAR, _GAP, _HEIGHT = 9, 3, 36  # of a trend's bars, in the units of its drawing


@dataclass(frozen=True, slots=True)
class Cell:
    """One pair of scores: how many people, what they brought, as shares of all; `name` is its class."""

    r: int
    f: int
    name: str
    contacts: int
    revenue_minor: int
    share_contacts: float
    share_revenue: float


@dataclass(frozen=True, slots=True)
class ClassLine:
    """One class: its figures, what to do next, and the campaigns of the workspace whose audience names it.

    `shipped` is the campaign of the shop pack that suits it; `is_here`: the workspace has it.
    """

    name: str
    scores: str
    contacts: int
    orders: int
    revenue_minor: int
    share_contacts: float
    share_revenue: float
    median_recency_days: float | None
    who: str
    next: str
    campaigns: Sequence[str]
    shipped: str | None
    is_here: bool


@dataclass(frozen=True, slots=True)
class Past:
    """How many were in each class at the end of a day."""

    day: date
    contacts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Moved:
    """How many went from one class to another; None is no class: not yet, or no longer."""

    before: str | None
    after: str | None
    contacts: int


@dataclass(frozen=True, slots=True)
class Moves:
    """Who moved between the days of two runs of the scores; without two runs there is nothing to compare."""

    runs: int
    first: date | None
    since: date | None
    until: date | None
    lines: Sequence[Moved]


@dataclass(frozen=True, slots=True)
class Measure:
    """How a measure was cut: its bands, worst score first, in its unit; `fixed` by mailflow.yaml, else quintiles."""

    name: str
    unit: str
    bands: Sequence[Band]
    cuts: Sequence[str]
    fixed: bool


@dataclass(frozen=True, slots=True)
class RfmPage:
    """Everything on the page; `cells` best R first, `history` oldest first."""

    shop: str
    as_of: date
    zone: str
    currency: str
    contacts: int
    orders: int
    revenue_minor: int
    strangers: int
    without_order: int
    cells: Sequence[Sequence[Cell]]
    classes: Sequence[ClassLine]
    history: Sequence[Past]
    moves: Moves
    measures: Sequence[Measure]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a trend as it is drawn: left edge, top edge and height."""

    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One class over time: bars up to the class's own greatest number, and its first and last number."""

    name: str
    bars: Sequence[Bar]
    first: int
    last: int

    @property
    def change(self) -> str:
        """The change in words: + 12 %, − 3 %, new."""
        if self.first == self.last:
            return "unchanged"
        if not self.first:
            return f"+ {self.last:,}"
        part = 100 * (self.last - self.first) / self.first
        return f"{'+' if part > 0 else '−'} {abs(part):,.0f} %"


def render(page: RfmPage, *, now: datetime) -> str:
    """Return the page as HTML."""

    def amount(minor: int) -> str:
        return pages.grouped(money.to_text(minor, page.currency))

    return pages.template("rfm_page.html").render(
        page=page,
        trends=trends(page),
        width=len(page.history) * (_BAR + _GAP),
        height=_HEIGHT,
        bar=_BAR,
        amount=amount,
        short=short,
        days=lambda number: f"{number:,.1f}".removesuffix(".0"),
        whole=lambda minor: short(minor // 10 ** money.digits(page.currency)),
        band=lambda band, measure: _band(band, measure, page.currency),
        most=_most(page),
        heat=lambda share, most: f"{share / most:.3f}" if most else "0",
        made_at=clock.wall_text(now, clock.zone(page.zone)),
    )


def trends(page: RfmPage) -> list[Trend]:
    """Return each class over time, in the order of the classes."""
    return [_trend(line.name, page.history) for line in page.classes] if len(page.history) > 1 else []


def _trend(name: str, history: Sequence[Past]) -> Trend:
    counts = [past.contacts.get(name, 0) for past in history]
    most = max(counts) or 1
    bars = []
    for place, (count, past) in enumerate(zip(counts, history, strict=True)):
        height = max(round(_HEIGHT * count / most, 1), 1.0 if count else 0.0)
        bars.append(Bar(place * (_BAR + _GAP), _HEIGHT - height, height, f"{past.day}: {count:,}"))
    return Trend(name, bars, counts[0], counts[-1])


def _most(page: RfmPage) -> tuple[float, float]:
    """Return the greatest share of people and of revenue that a cell has."""
    cells = [cell for row in page.cells for cell in row]
    return max(cell.share_contacts for cell in cells), max(0.0, *(cell.share_revenue for cell in cells))


def short(number: int) -> str:
    """Return a whole number in at most five letters: 9,999, 12.3k, 738k, 1.2M."""
    size = abs(number)
    if size < 10_000:
        return f"{number:,}"
    for unit, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if size >= unit:
            return f"{number / unit:.1f}{letter}" if size < 100 * unit else f"{number / unit:.0f}{letter}"
    raise AssertionError(number)


def _band(band: Band, measure: Measure, currency: str) -> str:
    """Return a band in words: 0–20 days, 3 orders, more than 250.00."""

    def value(number: int) -> str:
        return pages.grouped(money.to_text(number, currency) if measure.name == "monetary" else number)

    if band.is_empty:
        return "–"
    low = 0 if band.low is None and measure.name == "recency" else band.low
    if band.low is None and measure.name == "frequency":
        low = 1
    if low is not None and low == band.high:
        return value(low)
    if low is None:
        return f"up to {value(band.high)}" if band.high is not None else "any"
    return f"from {value(low)}" if band.high is None else f"{value(low)} – {value(band.high)}"
