"""`mailflow why`: why this person got it, did not, or will get it when. The answers: jobs/why.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from mailflow.cli.frame import Record, Session, command
from mailflow.cli.plain import shown
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from mailflow.jobs.why import Answer

_COLUMNS = (
    "what",
    "rehearsal",
    "state",
    "decision",
    "reason",
    "sentence",
    "due_at",
    "settled_at",
    "attempts",
    "reply",
    "code",
)


@command
def why(
    session: Session,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whose.", show_default=False)],
    what: Annotated[str | None, typer.Argument(metavar="WHAT", help="Only this campaign.", show_default=False)] = None,
) -> None:
    """Explain why a person got something, did not, or will get it when.

    The first answer is about marketing mail in general, the others are one for each message and campaign.

    \b
    Examples:
      mailflow why ada@example.com
      mailflow why ada@example.com thank_you --format json
    """
    from mailflow.addresses import normalise
    from mailflow.jobs import why as job

    try:
        address = normalise(email)
    except ValueError as error:
        raise UsageError(f"{email!r}: {error}") from None
    answers = job.answer(session.workspace, address, what, now=session.now)
    zone = session.workspace.settings.zone
    session.emit([_record(answer) for answer in answers], lambda: _table(answers, zone), columns=_COLUMNS)


def _record(answer: Answer) -> Record:
    from mailflow.clock import iso

    return {
        "what": answer.what,
        "rehearsal": answer.rehearsal,
        "state": None if answer.state is None else str(answer.state),
        "decision": None if answer.verdict is None else str(answer.verdict),
        "reason": answer.reason,
        "sentence": answer.sentence,
        "due_at": None if answer.due_at is None else iso(answer.due_at),
        "settled_at": None if answer.settled_at is None else iso(answer.settled_at),
        "attempts": answer.attempts,
        "reply": answer.reply,
        "code": answer.code,
    }


def _table(answers: list[Answer], zone: ZoneInfo) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("what", "state", "when", "why"):
        table.add_column(name, no_wrap=name == "when")
    for answer in answers:
        what = f"{answer.what} (rehearsal)" if answer.rehearsal else answer.what
        instant = answer.settled_at or answer.due_at
        when = "" if instant is None else instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")
        reply = f"\n{shown(answer.reply)}" if answer.reply else ""
        state = "" if answer.state is None else str(answer.state)
        table.add_row(shown(what), state, when, shown(answer.sentence) + reply)
    return table
