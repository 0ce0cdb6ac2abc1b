"""Who is who, as of a day: the RFM report, everybody's scores. Who is in a segment: jobs/members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from mailflow import clock, money
from mailflow.store import frames, members
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from mailflow.scoring.engine import Engine
    from mailflow.scoring.rfm import Scored

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of the report; shares are of all contacts and of all revenue, 0 to 1."""

    name: str
    contacts: int
    orders: int
    revenue_minor: int
    currency: str
    share_contacts: float
    share_revenue: float
    median_recency_days: float | None

    def as_record(self) -> dict[str, Cell]:
        """Return the row with the keys that the JSON promises."""
        median = self.median_recency_days
        return {
            "class": self.name,
            "contacts": self.contacts,
            "orders": self.orders,
            "revenue": money.to_text(self.revenue_minor, self.currency),
            "currency": self.currency,
            "share_contacts": self.share_contacts,
            "share_revenue": self.share_revenue,
            "median_recency_days": int(median) if median is not None and median.is_integer() else median,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The RFM report as of the end of a day; `strangers` are orders of buyers nothing is known of."""

    as_of: date
    currency: str
    classes: list[ClassRow]
    strangers: int

    @property
    def contacts(self) -> int:
        return sum(row.contacts for row in self.classes)

    @property
    def orders(self) -> int:
        return sum(row.orders for row in self.classes)

    @property
    def revenue_minor(self) -> int:
        return sum(row.revenue_minor for row in self.classes)


def report(workspace: Workspace, day: date) -> Report:
    """Return the RFM report as of the end of a day."""
    found = scored(workspace, day)
    until = clock.to_ms(clock.end_of_day(day, workspace.settings.zone))
    strangers = frames.orders_without_contact(workspace.store.db, until=until)
    return Report(day, found.currency, class_rows(found), strangers)


def from_files(workspace: Workspace, day: date, folder: Path, engine: Engine) -> tuple[Report, list[dict[str, Cell]]]:
    """Return the report, and everybody's scores as `contacts` gives them, from files that `export` wrote."""
    from mailflow.config.rates import RATES_FILE, load_rates
    from mailflow.scoring import from_files as files

    rates = load_rates(workspace.root / RATES_FILE)
    found = files.compute(folder, engine, workspace.settings, rates, day)
    report = Report(day, found.scored.currency, class_rows(found.scored), found.strangers)
    return report, list(_records(found.scored, zip(found.keys, found.emails, strict=True)))


def class_rows(found: Scored) -> list[ClassRow]:
    """Return the classes of scored people, best first, empty ones too."""
    from mailflow.analytics import rfm

    rows = rfm.summary(found.frame)
    contacts, revenue = sum(row.contacts for row in rows), sum(row.revenue_minor for row in rows)
    return [
        ClassRow(
            name=row.name,
            contacts=row.contacts,
            orders=row.orders,
            revenue_minor=row.revenue_minor,
            currency=found.currency,
            share_contacts=_share(row.contacts, contacts),
            share_revenue=_share(row.revenue_minor, revenue),
            median_recency_days=row.median_recency_days,
        )
        for row in rows
    ]


def contacts(workspace: Workspace, day: date) -> Iterator[dict[str, Cell]]:
    """Return everybody's scores as of the end of a day, one by one, with the keys that the JSON promises."""
    found = scored(workspace, day)
    people = members.named(workspace.store.db, found.frame["contact"].tolist())
    return _records(found, ((person.key, person.email) for person in people))


def _records(found: Scored, people: Iterable[tuple[str, str | None]]) -> Iterator[dict[str, Cell]]:
    from mailflow.scoring import rfm

    for (key, email), row in zip(people, rfm.rows(found), strict=True):
        _, recency_days, frequency, monetary_minor, currency, r, f, m, name = row
        yield {
            "contact": key,
            "email": email,
            "recency_days": recency_days,
            "frequency": frequency,
            "monetary": money.to_text(monetary_minor, currency),
            "currency": currency,
            "r": r,
            "f": f,
            "m": m,
            "class": name,
        }


def scored(workspace: Workspace, day: date) -> Scored:
    """Return everybody's RFM scores as of the end of a day."""
    from mailflow.config.rates import RATES_FILE, load_rates
    from mailflow.scoring import rfm

    rates = load_rates(workspace.root / RATES_FILE)
    return rfm.compute(workspace.store.db, workspace.settings, rates, day)


def _share(part: int, whole: int) -> float:
    """Return part / whole to four digits; 0 of nothing is 0."""
    return float(round(Fraction(part, whole), 4)) if whole else 0.0
