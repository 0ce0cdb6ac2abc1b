"""Who is who, as of a day: the RFM report, everybody's scores, a segment's members. How it is shown: cli/segment.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from mailflow import clock, money, scoring
from mailflow.config.yaml_files import suggestion
from mailflow.errors import ProblemsError, UsageError
from mailflow.rules import Rule
from mailflow.segments import Segments, segments
from mailflow.store import frames, members, past
from mailflow.store.members import Member
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.scoring.rfm import Scored
    from mailflow.store.scores import RfmRow

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


@dataclass(frozen=True, slots=True)
class Listed:
    """One segment there is; `rule` is None for an RFM class."""

    name: str
    rule: str | None
    contacts: int


def report(workspace: Workspace, day: date) -> Report:
    """Return the RFM report as of the end of a day."""
    from mailflow.analytics import rfm

    scored = _scored(workspace, day)
    found = rfm.summary(scored.frame)
    contacts, revenue = sum(row.contacts for row in found), sum(row.revenue_minor for row in found)
    rows = [
        ClassRow(
            name=row.name,
            contacts=row.contacts,
            orders=row.orders,
            revenue_minor=row.revenue_minor,
            currency=scored.currency,
            share_contacts=_share(row.contacts, contacts),
            share_revenue=_share(row.revenue_minor, revenue),
            median_recency_days=row.median_recency_days,
        )
        for row in found
    ]
    until = clock.to_ms(clock.end_of_day(day, workspace.settings.zone))
    return Report(day, scored.currency, rows, frames.orders_without_contact(workspace.store.db, until=until))


def contacts(workspace: Workspace, day: date) -> Iterator[dict[str, Cell]]:
    """Yield everybody's scores as of the end of a day, with the keys that the JSON promises."""
    from mailflow.scoring import rfm

    scored = _scored(workspace, day)
    people = members.named(workspace.store.db, scored.frame["contact"].tolist())
    for person, row in zip(people, rfm.rows(scored), strict=True):
        _, recency_days, frequency, monetary_minor, currency, r, f, m, name = row
        yield {
            "contact": person.key,
            "email": person.email,
            "recency_days": recency_days,
            "frequency": frequency,
            "monetary": money.to_text(monetary_minor, currency),
            "currency": currency,
            "r": r,
            "f": f,
            "m": m,
            "class": name,
        }


def named_rule(workspace: Workspace, name: str) -> Rule:
    """Return the rule of an RFM class or of a name in segments.yaml."""
    known = _segments(workspace)
    if name not in known.rules and name not in known.classes:
        hint = suggestion(name, [*known.rules, *known.classes])
        raise UsageError(f"there is no segment {name!r}{hint}. `mailflow segment --list` shows them all")
    return known.parse(name)


def written_rule(workspace: Workspace, text: str) -> Rule:
    """Return what a rule means; `RuleError` says what is wrong with it."""
    return _segments(workspace).parse(text)


def people(workspace: Workspace, rule: Rule, *, now: datetime, as_of: date | None = None) -> list[Member]:
    """Return whom a rule means: now, or as of the end of a day, when orders, scores and consent are that day's."""
    ids = _found(workspace, _segments(workspace), rule, now=now, as_of=as_of)
    return list(members.named(workspace.store.db, ids))


def listed(workspace: Workspace, *, now: datetime, as_of: date | None = None) -> list[Listed]:
    """Return every segment there is with its size: the RFM classes, then the rules of segments.yaml."""
    wrong = segments.problems(workspace.root, workspace.settings)
    if wrong:
        raise ProblemsError(list(wrong))
    known = _segments(workspace)
    sizes = {row.name: row.contacts for row in report(workspace, as_of or _today(workspace, now)).classes}
    rules = [
        Listed(name, text, len(_found(workspace, known, known.parse(name), now=now, as_of=as_of)))
        for name, text in known.rules.items()
    ]
    return [*(Listed(name, None, size) for name, size in sizes.items()), *rules]


def _segments(workspace: Workspace) -> Segments:
    return Segments.open(workspace.root, workspace.settings)


def _today(workspace: Workspace, now: datetime) -> date:
    return clock.local_date(now, workspace.settings.zone)


def _scored(workspace: Workspace, day: date) -> Scored:
    from mailflow.config.rates import load_rates
    from mailflow.scoring import rfm

    rates = load_rates(workspace.root / segments.RATES_FILE)
    return rfm.compute(workspace.store.db, workspace.settings, rates, day)


def _found(workspace: Workspace, known: Segments, rule: Rule, *, now: datetime, as_of: date | None) -> list[int]:
    today = _today(workspace, now)
    day = as_of or today
    scores = _scores_of(workspace, day, now) if known.needs_scores(rule) else None
    if scores is None and day == today:
        return known.members(workspace.store, rule, now=now)
    end = clock.end_of_day(day, workspace.settings.zone)
    with past.seen(workspace.store, until=clock.to_ms(end), consent_at=end if day < today else None, rfm=scores) as db:
        return known.found(db, rule, now=now if as_of is None else end)


def _scores_of(workspace: Workspace, day: date, now: datetime) -> Iterator[RfmRow] | None:
    """Return the scores of a day, or None where the kept ones are of it."""
    settings, root = workspace.settings, workspace.root
    today = _today(workspace, now)
    if day == today and not scoring.is_stale(workspace.store.db, settings, root=root, now=now):
        return None
    from mailflow.scoring import rfm

    return rfm.rows(_scored(workspace, day))


def _share(part: int, whole: int) -> float:
    """Return part / whole to four digits; 0 of nothing is 0."""
    return float(round(Fraction(part, whole), 4)) if whole else 0.0
