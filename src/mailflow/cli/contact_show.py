"""`mailflow contact show`: everything known of one person. Gathered by jobs/profile, printed by contact_page."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command

if TYPE_CHECKING:
    from mailflow.jobs.profile import Profile

_LATEST = 100  # what a terminal shows of a long life unless it is asked for more

Who = Annotated[
    str,
    typer.Argument(
        metavar="WHO", help="An e-mail address, phone number, contact key or customer id.", show_default=False
    ),
]

_Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="Only what happened since this day.", show_default=False)
]
_Only = Annotated[
    str | None,
    typer.Option(
        metavar="SORTS",
        help="Only orders, events, messages, consents, statements, scores or imports; several with commas.",
        show_default=False,
    ),
]
_Latest = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Only the latest N; 0 is all. A table shows 100.", show_default=False),
]
_Html = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a page of its own, to look at or to print.", show_default=False),
]


@command
def show(
    session: Session, who: Who, since: _Since = None, only: _Only = None, limit: _Latest = None, html: _Html = None
) -> None:
    """Show what is known of one person.

    Fields and where each comes from, consent, suppression, orders, scores, and everything that happened, from all
    sources, in time order. Contacts that were merged are shown as one.

    \b
    Examples:
      mailflow contact show ada@example.com
      mailflow contact show ada@example.com --only orders,messages --since 2026-01-01
      mailflow contact show 4711 --format json
      mailflow contact show ada@example.com --html ada.html
    """
    from mailflow.cli.contact_page import page
    from mailflow.cli.contact_record import as_record

    zone = session.workspace.settings.zone
    shown = _limit(limit, everything=html is not None or session.format is not Format.TABLE)
    known = _known(session, who, since, only, shown)
    if html is None:
        session.emit_object(as_record(known, zone), lambda: page(known, zone))
    else:
        _write(session, known, html)


def _known(session: Session, who: str, since: str | None, only: str | None, limit: int | None) -> Profile:
    """Return what is known of somebody, as far as it is asked for."""
    from mailflow.jobs import profile
    from mailflow.jobs import who as people

    workspace = session.workspace
    part = profile.Part(
        since=None if since is None else clock.local_instant(clock.parse_date(since), time(), workspace.settings.zone),
        sorts=None if only is None else profile.sorts(only),
        limit=limit,
    )
    with workspace.store.snapshot() as db:
        person = people.find(db, workspace.keys, who)
        rules = profile.rules(workspace)
        return profile.of_contact(db, workspace.keys, person, part, now=session.now, segments=rules)


def _write(session: Session, known: Profile, html: Path) -> None:
    from mailflow.cli.contact_record import as_record
    from mailflow.cli.plain import cleaned, shown
    from mailflow.cli.written import write_private
    from mailflow.reports import contact_page

    zone = session.workspace.settings.zone
    write_private(html, contact_page.render(cleaned(as_record(known, zone)), zone=zone, now=session.now))
    session.say(f"Written: {shown(html)}")


def _limit(asked: int | None, *, everything: bool) -> int | None:
    if asked is None:
        return None if everything else _LATEST
    return asked or None
