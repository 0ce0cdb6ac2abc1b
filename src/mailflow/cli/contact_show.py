"""`mailflow contact show`: everything known of one person. Gathered by jobs/profile, printed by contact_page."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command

_LATEST = 100  # what a terminal shows of a long life unless it is asked for more

Who = Annotated[
    str,
    typer.Argument(
        metavar="WHO", help="An e-mail address, phone number, contact key or customer id.", show_default=False
    ),
]


@command
def show(
    session: Session,
    who: Who,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what happened since this day.", show_default=False)
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="SORTS",
            help="Only orders, events, messages, consents, statements, scores or imports; several with commas.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Only the latest N; 0 is all. A table shows 100.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page of its own, to look at or to print.", show_default=False),
    ] = None,
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
    from mailflow.jobs import profile
    from mailflow.jobs import who as people

    workspace = session.workspace
    zone = workspace.settings.zone
    part = profile.Part(
        since=None if since is None else clock.local_instant(clock.parse_date(since), time(), zone),
        sorts=None if only is None else profile.sorts(only),
        limit=_limit(limit, everything=html is not None or session.format is not Format.TABLE),
    )
    with workspace.store.snapshot() as db:
        person = people.find(db, workspace.keys, who)
        rules = profile.rules(workspace)
        known = profile.of_contact(db, workspace.keys, person, part, now=session.now, segments=rules)
    if html is None:
        session.emit_object(as_record(known, zone), lambda: page(known, zone))
        return
    from mailflow.cli.plain import cleaned, shown
    from mailflow.cli.written import write_private
    from mailflow.reports import contact_page

    write_private(html, contact_page.render(cleaned(as_record(known, zone)), zone=zone, now=session.now))
    session.say(f"Written: {shown(html)}")


def _limit(asked: int | None, *, everything: bool) -> int | None:
    if asked is None:
        return None if everything else _LATEST
    return asked or None
