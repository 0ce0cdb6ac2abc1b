"""`mailflow report mix`: how much of people's mail is promotion."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailflow.cli.frame import Format, Session
from mailflow.cli.plain import shown
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.analytics.mix import Mix

_SHOWN = 20


def mix(session: Session, *, contacts: bool, html: Path | None) -> None:
    """Print how people are spread over shares of promotions, or one line for each of them, or write a page."""
    from mailflow.jobs import mix as job

    if contacts and html is not None:
        raise UsageError("--contacts is a list, --html a page of everybody: say one of the two")
    if contacts:
        _contacts(session)
        return
    with session.progress("Counting messages"):
        found = job.gather(session.workspace, now=session.now)
    if html is not None:
        _write(session, found, html)
    else:
        session.emit(found.records(), lambda: _table(found), columns=job.COLUMNS)
    for words in _warnings(found):
        session.say(words)


def sentences(found: Mix) -> list[str]:
    """Return what the figures say."""
    if not found.people:
        return ["No marketing mail went out in the last 30 days. Rehearsals do not count."]
    promo = "promotion" if found.promo == 1 else "promotions"
    return [
        f"{found.people:,} people got {found.messages:,} messages in 30 days, {found.promo:,} of them {promo}"
        f" ({found.promo / found.messages:.0%}).",
        *_warnings(found),
    ]


def _warnings(found: Mix) -> list[str]:
    if not found.over:
        return []
    most = found.limit.promo_at_most
    assert most is not None
    return [
        f"warning: the mail of {found.over:,} {'person' if found.over == 1 else 'people'} is more than"
        f" {float(most * 100):g} % promotion (mix.promo_at_most)."
        " `mailflow report mix --contacts` names them; mail of kind: value brings it down"
    ]


def _table(found: Mix) -> RenderableType:
    from rich.console import Group

    from mailflow.analytics.mix import TOO_FEW
    from mailflow.cli.tables import rows_table

    if not found.people:
        return sentences(found)[0]
    headings = ["promotions", "people", "share", "above the limit"]
    rows = [
        (
            f"(under {found.limit.least} messages)" if band.name == TOO_FEW else band.name,
            f"{band.people:,}",
            f"{band.people / found.people:.1%}",
            f"{band.over:,}" if band.over else "",
        )
        for band in found.bands
    ]
    return Group(rows_table(rows, headings, numbers=headings[1:]), sentences(found)[0])


def _contacts(session: Session) -> None:
    from mailflow.jobs import mix as job

    found = job.contacts(session.workspace, now=session.now)
    if session.format is not Format.TABLE:
        session.emit_stream(found, columns=job.CONTACT_COLUMNS)
        return
    session.emit([], lambda: _contacts_table(session, found))


def _contacts_table(session: Session, found: Iterator[dict[str, Any]]) -> RenderableType:
    from mailflow.cli.tables import rows_table

    first = list(islice(found, _SHOWN))
    if not first:
        return f"Nobody got {session.workspace.settings.mix.least} messages in the last 30 days."
    rest = sum(1 for _ in found)
    if rest:
        session.say(f"and {rest:,} more people: --format csv lists them all")
    headings = ["contact", "messages", "promotions", "share", ""]
    rows = [
        (
            shown(row["email"] or row["contact"]),
            row["messages"],
            row["promo"],
            f"{row['promo_share']:.0%}",
            "above the limit" if row["over_limit"] else "",
        )
        for row in first
    ]
    return rows_table(rows, headings, numbers=headings[1:4])


def _write(session: Session, found: Mix, path: Path) -> None:
    from mailflow.cli.written import write_private
    from mailflow.reports import mix_page

    page = mix_page.render(found, session.workspace.settings, sentences(found), now=session.now)
    write_private(path, page)
    session.say(f"Written: {shown(path)}")
