"""`mailflow outbox`: messages one by one, each with its state and the relay's words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command, group
from mailflow.cli.plain import shown
from mailflow.errors import UsageError
from mailflow.model import MessageState, Scope

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.store import Row

outbox = group(
    "outbox",
    """List and show messages, one row per recipient.

    \b
    Examples:
      mailflow outbox list --state failed
      mailflow outbox show 17
    """,
)

_SHOWN = 50  # of a table; a script gets all
_ALL = 2**62
_INSTANTS = {"due_at", "not_after", "planned_at", "settled_at", "armed_at"}
_COLUMNS = ("id", "email", "what", "state", "due_at", "attempts", "reply", "reason")


@outbox.command("list")
@command
def list_(
    session: Session,
    state: Annotated[
        list[MessageState] | None,
        typer.Option("--state", metavar="STATE", help=f"Only these; repeat for several: {', '.join(MessageState)}."),
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", metavar="ID", help="Only this campaign.")] = None,
    email: Annotated[str | None, typer.Option("--email", metavar="EMAIL", help="Only this person.")] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="At most so many. Of a table the default is 50, else all."),
    ] = None,
) -> None:
    """List messages, the latest first.

    \b
    Examples:
      mailflow outbox list --state failed --state in_doubt
      mailflow outbox list --campaign thank_you --limit 1000 --format csv
    """
    from mailflow.store import messages

    most = limit or (_SHOWN if session.format is Format.TABLE else _ALL)
    rows = messages.listing(
        session.workspace.store.db, states=tuple(state or ()), campaign=campaign, email=email, limit=most
    )
    records = [_record(row) for row in rows]
    session.emit(records, lambda: _table(rows) if rows else "no messages", columns=_COLUMNS)
    if len(rows) == most and limit is None:
        session.say(f"these are the latest {most}: --limit shows more, --state, --campaign and --email fewer")


@outbox.command("show")
@command
def show(
    session: Session,
    message_id: Annotated[int, typer.Argument(metavar="ID", help="A message's number, from `outbox list`.")],
    eml: Annotated[bool, typer.Option("--eml", help="Print the exact bytes to stdout.")] = False,
) -> None:
    """Show one message: its state, every attempt, and with `--eml` the bytes that went out.

    \b
    Examples:
      mailflow outbox show 17
      mailflow outbox show 17 --eml > message.eml
    """
    from mailflow.store import messages

    db = session.workspace.store.db
    row = messages.get(db, message_id)
    if row is None:
        raise UsageError(f"there is no message {message_id}: `mailflow outbox list` shows their numbers")
    if eml:
        _print_bytes(session, message_id)
        return
    attempts = [_attempt(item) for item in messages.attempts(db, message_id)]
    record = {**_record(row), **_details(row), "attempts_made": attempts}
    session.emit_object(record, lambda: _page(record, session.workspace.settings.zone))


def _print_bytes(session: Session, message_id: int) -> None:
    from mailflow.store import contents

    content = contents.get(session.workspace.store.db, message_id)
    if content is None:
        raise UsageError(f"message {message_id} has no bytes: not rendered yet, or dropped 30 days after it was sent")
    sys.stdout.buffer.write(content.data)


def _record(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "email": row["email"],
        "what": Scope.campaign_of(row["scope"]),
        "state": row["state"],
        "due_at": clock.iso(clock.from_ms(row["due_at"])),
        "attempts": row["attempts"],
        "reply": row["reply"],
        "reason": row["reason"],
    }


def _details(row: Row) -> dict[str, Any]:
    return {
        "rehearsal": bool(row["rehearsal"]),
        "to": row["rcpt_to"] or row["address"],
        "from": row["mail_from"],
        "subject": row["subject"],
        "size": row["size"],
        "sha256": row["sha256"],
        "not_after": clock.iso(clock.from_ms(row["not_after"])),
        "planned_at": clock.iso(clock.from_ms(row["planned_at"])),
        "settled_at": None if row["settled_at"] is None else clock.iso(clock.from_ms(row["settled_at"])),
    }


def _attempt(row: Row) -> dict[str, Any]:
    return {
        "armed_at": clock.iso(clock.from_ms(row["armed_at"])),
        "ended_at": None if row["ended_at"] is None else clock.iso(clock.from_ms(row["ended_at"])),
        "outcome": row["outcome"],
        "reply": row["reply"],
        "runner": row["runner"],
    }


def _table(rows: list[Row]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("ID", "E-mail", "What", "State", "Reason or reply"):
        table.add_column(name, overflow="fold", no_wrap=name == "E-mail")
    for row in rows:
        what = Scope.campaign_of(row["scope"])
        words = shown(row["reason"] or row["reply"] or "")
        named = f"{what} (rehearsal)" if row["rehearsal"] else what
        table.add_row(str(row["id"]), shown(row["email"] or ""), shown(named), row["state"], words)
    return table


def _page(record: dict[str, Any], zone: ZoneInfo) -> RenderableType:
    """Return a message as lines of name and value, with instants as the account's zone shows them."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in record.items():
        if name != "attempts_made" and value is not None:
            table.add_row(name.replace("_", " "), shown(_in_words(name, value, zone)))
    for attempt in record["attempts_made"]:
        words = shown(f"{attempt['outcome'] or 'not ended'} {attempt['reply'] or ''}")
        table.add_row("attempt", f"{_in_words('armed_at', attempt['armed_at'], zone)}: {words}")
    return table


def _in_words(name: str, value: Any, zone: ZoneInfo) -> str:
    if name in _INSTANTS:
        return clock.wall_text(clock.parse_instant(value, zone), zone)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
