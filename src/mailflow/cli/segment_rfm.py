"""What `mailflow segment` tells of RFM beside the report: its page, who moved between classes, RFM by category."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.cli.frame import Format, Session
from mailflow.store.frames_by import Label

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.rfm import KindReport

_MOVE_COLUMNS = ["contact", "email", "from", "to", "at"]
_KIND_COLUMNS = "{} class contacts orders revenue currency share_contacts share_revenue median_recency_days"
_SHOWN = 20


def page(session: Session, day: date, path: Path) -> None:
    """Write the RFM report as a page."""
    from mailflow.cli.written import write_private
    from mailflow.jobs import rfm_report
    from mailflow.reports import rfm_page

    write_private(path, rfm_page.render(rfm_report.gather(session.workspace, day), now=session.now))
    session.say(f"Written: {path}")


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
    from mailflow.cli.segment import rows_table

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
        rows, lambda: _kinds_table(found) if found else f"No {label} of anything bought by {day}.", columns=columns
    )
    if not found:
        session.say(f"no order line is of a product with a {label}: `mailflow import products.csv` says which have one")
    elif len(found) > _SHOWN:
        session.say(f"the first {_SHOWN} of {len(found):,}; --format csv shows all")


def _kinds_table(found: list[KindReport]) -> RenderableType:
    """Return how many of each class bought of each kind; classes nobody is in anywhere are left out."""
    from mailflow.cli.segment import rows_table

    shown = found[:_SHOWN]
    names = [row.name for row in shown[0].classes] if shown else []
    used = [place for place, _ in enumerate(names) if any(report.classes[place].contacts for report in shown)]
    rows = [
        (report.name, f"{report.contacts:,}", *(f"{report.classes[place].contacts:,}" for place in used))
        for report in shown
    ]
    headings = [str(shown[0].by) if shown else "", "contacts", *(names[place].replace("_", " ") for place in used)]
    return rows_table(rows, headings, numbers=headings[1:])
