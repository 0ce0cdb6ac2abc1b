"""Gather what the RFM page shows: scores and classes, their history, who moved, which campaigns speak to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby

from mailflow import clock, money
from mailflow.analytics import rfm
from mailflow.campaigns import spec
from mailflow.errors import MailflowError
from mailflow.jobs import segment
from mailflow.reports import rfm_advice
from mailflow.reports.rfm_page import Cell, ClassLine, Measure, Moved, Moves, Past, RfmPage
from mailflow.rules.types import All, Compare, Condition, OneOf, Some
from mailflow.scoring import rfm as scoring
from mailflow.scoring.rfm import Scored
from mailflow.segments import Segments
from mailflow.store import contacts, frames, scores
from mailflow.workspace import Workspace

_MONTHS = 12
_MOVED_IN = timedelta(days=30)
_LINES = 15  # of moves


def gather(workspace: Workspace, day: date) -> RfmPage:
    """Return the page as of the end of a day."""
    db, scored = workspace.store.db, segment.scored(workspace, day)
    rows, people = segment.class_rows(scored), len(scored.frame)
    until = clock.to_ms(clock.end_of_day(day, workspace.settings.zone))
    return RfmPage(
        shop=workspace.settings.name,
        as_of=day,
        zone=workspace.settings.timezone,
        currency=scored.currency,
        contacts=people,
        orders=sum(row.orders for row in rows),
        revenue_minor=sum(row.revenue_minor for row in rows),
        strangers=frames.orders_without_contact(db, until=until),
        without_order=max(0, contacts.count(db) - people),
        cells=_cells(workspace, scored),
        classes=_classes(workspace, rows),
        history=list(_history(workspace, day)),
        moves=_moves(workspace, day),
        measures=_measures(workspace, scored),
    )


def _cells(workspace: Workspace, scored: Scored) -> list[list[Cell]]:
    """Return the pairs of scores, best R first."""
    people, revenue = rfm.grid(scored.frame)
    names = {pair: name for name, pairs in scoring.class_table(workspace.settings).items() for pair in pairs}
    all_people, all_revenue = int(people.sum()), int(revenue.sum())

    def cell(r: int, f: int) -> Cell:
        mine, brought = int(people[r - 1, f - 1]), int(revenue[r - 1, f - 1])
        return Cell(r, f, names[r, f], mine, brought, _share(mine, all_people), _share(brought, all_revenue))

    return [[cell(r, f) for f in range(1, 6)] for r in range(5, 0, -1)]


def _share(part: int, whole: int) -> float:
    return float(Fraction(part, whole)) if whole else 0.0


def _classes(workspace: Workspace, rows: Sequence[segment.ClassRow]) -> list[ClassLine]:
    table = scoring.class_table(workspace.settings)
    audiences = _audiences(workspace, tuple(table))
    lines = []
    for row in rows:
        advice = rfm_advice.of_class(row.name, table[row.name])
        lines.append(
            ClassLine(
                name=row.name,
                scores=_in_words(table[row.name]),
                contacts=row.contacts,
                orders=row.orders,
                revenue_minor=row.revenue_minor,
                share_contacts=row.share_contacts,
                share_revenue=row.share_revenue,
                median_recency_days=row.median_recency_days,
                who=advice.who,
                next=advice.next,
                campaigns=audiences.get(row.name, ()),
                shipped=advice.campaign,
                is_here=(workspace.campaigns / f"{advice.campaign}.yaml").exists(),
            )
        )
    return lines


def _in_words(pairs: Sequence[tuple[int, int]]) -> str:
    """Return pairs of scores as a line: R 5, F 4–5; R 3–4, F 4–5 where each R has the same F, else one by one."""
    by_r = {r: [f for _, f in theirs] for r, theirs in groupby(sorted(pairs), key=lambda pair: pair[0])}
    by_f = {tuple(fs): [r for r, others in by_r.items() if others == fs] for fs in by_r.values()}
    return "; ".join(f"R {_span(rs)}, F {_span(fs)}" for fs, rs in by_f.items())


def _span(numbers: Sequence[int]) -> str:
    """Return ascending scores: 5, 4–5, 1, 3."""
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}–{numbers[-1]}"
    return ", ".join(map(str, numbers))


def _audiences(workspace: Workspace, classes: Sequence[str]) -> Mapping[str, list[str]]:
    """Return by class the campaigns whose audience names it; a file with a mistake is `mailflow plan`'s to tell."""
    try:
        known = Segments.open(workspace.root, workspace.settings)
    except MailflowError:
        return {}
    found: dict[str, list[str]] = {}
    for path in spec.campaign_paths(workspace.campaigns):
        try:
            campaign = spec.read(path).spec
            named = () if campaign.audience == spec.EVERYONE else _named(known.parse(campaign.audience).condition)
        except MailflowError:
            continue
        for name in set(named) & set(classes):
            found.setdefault(name, []).append(campaign.id)
    return found


def _named(condition: Condition) -> Iterator[str]:
    """Yield the classes that a condition asks for."""
    match condition:
        case All(parts) | Some(parts):
            for part in parts:
                yield from _named(part)
        case Compare(field, "==", value) if field.name == "rfm.class":
            yield str(value)
        case OneOf(field, values) if field.name == "rfm.class":
            yield from map(str, values)


def _history(workspace: Workspace, day: date) -> Iterator[Past]:
    """Yield how many were in each class at the last month ends that have anybody, and on the day itself."""
    days = [*_month_ends(day), day]
    found = scoring.history(workspace.store.db, workspace.settings, days)
    for when, people in zip(days, found, strict=True):
        if sum(people.values()):
            yield Past(when, people)


def _month_ends(day: date) -> list[date]:
    """Return the last days of the months before a day's, ascending."""
    ends = []
    first = day.replace(day=1)
    for _ in range(_MONTHS):
        ends.append(first - timedelta(days=1))
        first = ends[-1].replace(day=1)
    return ends[::-1]


def _moves(workspace: Workspace, day: date) -> Moves:
    """Return who moved in the last weeks, the most usual moves first, from the runs there are up to the day."""
    db = workspace.store.db
    days = sorted(run.as_of for run in scores.runs(db, scores.RFM) if run.as_of <= day)
    if len(days) < 2:
        return Moves(len(days), days[0] if days else None, None, None, ())
    since = next((run for run in reversed(days) if run <= days[-1] - _MOVED_IN), days[0])
    counted = Counter(
        (move.before, move.after) for move in scores.moves(db, since=since + timedelta(days=1), until=day)
    )
    lines = [Moved(before, after, count) for (before, after), count in counted.most_common(_LINES)]
    return Moves(len(days), days[0], since, days[-1], lines)


def _measures(workspace: Workspace, scored: Scored) -> list[Measure]:
    frame, fixed = scored.frame, scoring.bounds(workspace.settings.rfm, scored.currency)
    return [
        Measure(
            name=name,
            unit=unit,
            bands=rfm.bands(cuts, frame[score], falling=name == "recency"),
            cuts=[_number(cut / 10**digits, digits) for cut in cuts],
            fixed=bool(fixed.get(name)),
        )
        for name, unit, score, cuts, digits in (
            ("recency", "days", "r", scored.cuts.recency, 0),
            ("frequency", "orders", "f", scored.cuts.frequency, 0),
            ("monetary", scored.currency, "m", scored.cuts.monetary, money.digits(scored.currency)),
        )
    ]


def _number(cut: Fraction, digits: int) -> str:
    """Return a cut point in decimals, at least as many as its unit has and at most three more: 12, 61.2, 29.70."""
    text = f"{float(cut):,.{digits + 3}f}"
    whole, _, part = text.partition(".")
    part = part.rstrip("0").ljust(digits, "0")
    return f"{whole}.{part}" if part else whole
