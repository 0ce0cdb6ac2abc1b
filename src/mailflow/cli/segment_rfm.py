"""What `mailflow segment` tells of RFM beside the report: its page, who moved between classes, RFM by category."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.cli.frame import Format, Session
from mailflow.cli.plain import shown
from mailflow.store.frames_by import Label

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from mailflow.jobs.rfm import KindReport

_MOVE_COLUMNS = ["contact", "email", "from", "to", "at"]
_KIND_COLUMNS = "{} class contacts orders revenue currency share_contacts share_revenue median_recency_days"
_SHOWN = 20
_SHORTEST_NAME = 8  # letters of a category, however narrow the terminal


def page(session: Session, day: date, path: Path) -> None:
    """Write the RFM report as a page."""
    from mailflow.cli.written import write_private
    from mailflow.jobs import rfm_report
    from mailflow.reports import rfm_page

    write_private(path, rfm_page.render(rfm_report.gather(session.workspace, day), now=session.now))
    session.say(f"Written: {shown(path)}")


def moves(session: Session, since: str | None, until: date | None, into: str | None) -> None:
    """Print who moved from a day on, by default from the first of this month."""
    from mailflow.jobs import rfm

    today = clock.local_date(session.now, session.workspace.settings.zone)
    last = until or today
    first = last.replace(day=1) if since is None else clock.parse_date(since)
    found = rfm.moves(session.workspace, since=first, until=last, into=into)
    rows = [one.as_record() for one in found.moves]
    session.emit(rows, lambda: _moves_table(rows) if rows else "Nobody moved.", columns=_MOVE_COLUMNS)
    if found.first is None:
        session.say("scores have not been kept yet: `mailflow score` keeps them, and so does every `mailflow run`")
    elif found.first >= first:
        session.say(f"scores are kept since {found.first}: nothing is known of moves up to that day")
    rest = (
        f", the last {_SHOWN} shown; --format csv shows all"
        if len(rows) > _SHOWN and session.format is Format.TABLE
        else ""
    )
    session.say(f"{len(rows):,} moves from {first} to {last}{rest}")


def _moves_table(rows: list[dict[str, str | None]]) -> RenderableType:
    from mailflow.cli.tables import rows_table

    shown = [
        (row["email"] or row["contact"], row["from"] or "– (new)", row["to"] or "– (no order any more)", row["at"])
        for row in rows[-_SHOWN:]
    ]
    return rows_table(shown, ["contact", "from", "to", "at"])


def by(session: Session, label: Label, day: date) -> None:
    """Print the RFM classes of each category or brand."""
    from mailflow.jobs import rfm

    found = rfm.by_kind(session.workspace, label, day)
    rows = [record for report in found for record in report.records()]
    columns = _KIND_COLUMNS.format(label).split()
    session.emit(
        rows,
        lambda: _kinds_table(session, found[:_SHOWN]) if found else f"No {label} of anything bought by {day}.",
        columns=columns,
    )
    if not found:
        session.say(f"no order line is of a product with a {label}: `mailflow import products.csv` says which have one")
        return
    if len(found) > _SHOWN and session.format is Format.TABLE:
        session.say(f"the first {_SHOWN} of {len(found):,}; --format csv shows all")
    if unpriced := rfm.lines_without_price(session.workspace, day):
        told = "order line has no price and counts" if unpriced == 1 else "order lines have no price and count"
        session.say(f"{unpriced:,} {told} as 0")


def _kinds_table(session: Session, found: Sequence[KindReport]) -> RenderableType:
    """Return how many of each class bought of each kind; classes nobody is in anywhere are left out.

    Where the names of the classes do not fit beside each other they are numbered, and told below.
    """
    from rich.console import Group

    names = [row.name for row in found[0].classes]
    used = [place for place, _ in enumerate(names) if any(report.classes[place].contacts for report in found)]
    rows = [
        (report.name, f"{report.contacts:,}", *(f"{report.classes[place].contacts:,}" for place in used))
        for report in found
    ]
    told = [names[place].replace("_", " ") for place in used]
    headings = [str(found[0].by), "contacts", *told]
    if sum(_widths(rows, headings)) <= session.out.width:
        return _table_of_kinds(rows, headings, width=session.out.width)
    numbers = [str(number) for number in range(1, len(told) + 1)]
    legend = ", ".join(f"{number} {name}" for number, name in zip(numbers, told, strict=True))
    return Group(_table_of_kinds(rows, [*headings[:2], *numbers], width=session.out.width), legend)


def _widths(rows: Sequence[Sequence[str]], headings: Sequence[str]) -> list[int]:
    """Return how wide each column is, with its gap, where headings break between words and cells do not break."""
    words = [max(map(len, heading.split())) for heading in headings]
    return [max(*map(len, cells), word) + 2 for *cells, word in zip(*rows, words, strict=True)]


def _table_of_kinds(rows: Sequence[Sequence[str]], headings: Sequence[str], *, width: int) -> Table:
    """Return rows as a table, of which a long name in the first column gives way."""
    from rich import box
    from rich.table import Table

    room = width - sum(_widths(rows, headings)[1:]) - 2
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(headings[0], no_wrap=True, overflow="ellipsis", max_width=max(room, _SHORTEST_NAME))
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    for name, *counts in rows:
        table.add_row(shown(name), *counts)
    return table
