"""RFM over time and by kind of goods: who moved between classes, the classes of each category or brand.

As of a day, of everybody: jobs/segment; as a page: jobs/rfm_report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mailflow import clock
from mailflow.config.rates import RATES_FILE, load_rates
from mailflow.config.yaml_files import suggestion
from mailflow.errors import UsageError
from mailflow.jobs import segment
from mailflow.jobs.segment import Cell, ClassRow
from mailflow.segments import RFM_CLASSES
from mailflow.store import frames_by, members, scores
from mailflow.store.frames_by import Label
from mailflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PersonMoved:
    """One change of class of one person, first seen as of a day; None is no class: not yet, or no longer."""

    contact: str
    email: str | None
    before: str | None
    after: str | None
    at: date

    def as_record(self) -> dict[str, str | None]:
        """Return the move with the keys that the JSON promises."""
        return {
            "contact": self.contact,
            "email": self.email,
            "from": self.before,
            "to": self.after,
            "at": self.at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class MovesFound:
    """Moves, oldest first, and the day from which on scores are kept at all."""

    moves: Sequence[PersonMoved]
    first: date | None


def moves(workspace: Workspace, *, since: date, until: date, into: str | None) -> MovesFound:
    """Return who moved between classes as of days from `since` to `until`; `into` one class alone."""
    db = workspace.store.db
    classes = tuple(workspace.settings.rfm.classes or RFM_CLASSES)
    if into is not None and into not in classes:
        raise UsageError(f"there is no RFM class {into!r}{suggestion(into, classes)}")
    found = list(scores.moves(db, since=since, until=until, into=into))
    people = {one.id: one for one in members.named(db, sorted({move.contact_id for move in found}))}
    told = [
        PersonMoved(who.key, who.email, move.before, move.after, move.as_of)
        for move in found
        if (who := people.get(move.contact_id)) is not None
    ]
    return MovesFound(told, min((run.as_of for run in scores.runs(db, scores.RFM)), default=None))


@dataclass(frozen=True, slots=True)
class KindReport:
    """The classes of those who bought goods of one category or brand."""

    by: Label
    name: str
    classes: Sequence[ClassRow]

    @property
    def contacts(self) -> int:
        return sum(row.contacts for row in self.classes)

    def records(self) -> list[dict[str, Cell]]:
        """Return its rows with the keys that the JSON promises: those of the report, after the category or brand."""
        return [{str(self.by): self.name, **row.as_record()} for row in self.classes]


def lines_without_price(workspace: Workspace, day: date) -> int:
    """Return how many order lines there are by the end of a day that `by_kind` can give no money."""
    until = clock.to_ms(clock.end_of_day(day, workspace.settings.zone))
    return frames_by.lines_without_price(workspace.store.db, until=until)


def by_kind(workspace: Workspace, by: Label, day: date) -> list[KindReport]:
    """Return the RFM report of each category or brand as of the end of a day, that with most contacts first."""
    from mailflow.scoring import rfm

    settings = workspace.settings
    found = frames_by.populations(
        workspace.store,
        by,
        until=clock.to_ms(clock.end_of_day(day, settings.zone)),
        currency=settings.currency,
        rates=load_rates(workspace.root / RATES_FILE),
        day=day,
    )
    reports = [
        KindReport(by, one.label, segment.class_rows(rfm.of_population(one.people, settings, day))) for one in found
    ]
    return sorted(reports, key=lambda report: (-report.contacts, report.name))
