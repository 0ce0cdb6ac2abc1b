"""`mailflow plan`: who would get what and when, who would not, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.plan import Plan

_PEOPLE_SHOWN = 10
_COLUMNS = ("email", "what", "step", "due_at", "decision", "reason")


@command
def plan(
    session: Session,
    campaign: Annotated[str | None, typer.Argument(help="What `send` would do with this campaign now.")] = None,
    until: Annotated[
        str, typer.Option("--until", help="Without a campaign: what `run` would do within this time.")
    ] = "24h",
    people: Annotated[bool, typer.Option("--people", help="List everybody, not only the first of each kind.")] = False,
) -> None:
    """Show who would get what and when, who would not, and why. Sends nothing.

    With a campaign, its plan gets an id: `send CAMPAIGN --plan ID` then sends to those people and nobody else.
    Without one, it is what the next runs would do.

    \b
    Examples:
      mailflow plan thank_you
      mailflow plan thank_you --people
      mailflow plan --until 7d --format json
    """
    from mailflow.jobs import plan as job

    if campaign is not None:
        made = job.plan_campaign(session.workspace, campaign, session.now)
    else:
        made = job.plan_run(session.workspace, session.now, until=session.now + _duration(until))
    records = [line.as_record() for line in made.lines]
    if session.format in (Format.TABLE, Format.JSON):
        session.emit_object({"plan_id": made.id, "messages": records}, lambda: _tables(made, _everybody(people)))
    else:
        session.emit(records, lambda: "", columns=_COLUMNS)
    _talk(session, made, campaign)


def _duration(text: str) -> timedelta:
    return clock.parse_duration(text)


def _everybody(people: bool) -> int | None:
    return None if people else _PEOPLE_SHOWN


def _tables(made: Plan, shown: int | None) -> RenderableType:
    from rich.console import Group

    return Group(_counts(made), "", _people(made, shown))


def _counts(made: Plan) -> RenderableType:
    from rich.table import Table

    from mailflow import policy

    table = Table(box=None, pad_edge=False)
    for name in ("Campaign", "Decision"):
        table.add_column(name)
    table.add_column("People", justify="right")
    table.add_column("Why")
    for (what, decision, reason), number in sorted(
        made.counts().items(), key=lambda item: (item[0][0], item[0][1] != "send", -item[1])
    ):
        table.add_row(what, decision, f"{number:,}", policy.sentence(reason) if reason else "")
    return table


def _people(made: Plan, shown: int | None) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("E-mail", "Due", "Decision", "Reason"):
        table.add_column(name, overflow="fold")
    seen: dict[tuple[str, str | None], int] = {}
    left_out = 0
    for line in made.lines:
        kind = (line.decision, line.reason)
        seen[kind] = seen.get(kind, 0) + 1
        if shown is not None and seen[kind] > (shown if line.decision == "send" else 3):
            left_out += 1
            continue
        due = clock.iso(clock.from_ms(line.due_at))
        table.add_row(line.email or "(no address)", due, line.decision, line.reason or "")
    if left_out:
        table.add_row(f"… and {left_out:,} more (--people lists all)", "", "", "")
    return table


def _talk(session: Session, made: Plan, campaign: str | None) -> None:
    for name, reason in made.held.items():
        session.say(f"{name} is held: {reason}")
    sends = sum(line.decision == "send" for line in made.lines)
    kind = "rehearsed into .mailflow/rehearsal (no relay is configured)" if made.is_rehearsal else "sent"
    session.say(f"plan {made.id}: {sends:,} of {len(made.lines):,} would be {kind}")
    if campaign is not None:
        session.say(f"next: mailflow send {campaign} --plan {made.id}")
        return
    from mailflow.jobs import plan as job

    waiting = job.drafts(session.workspace)
    if waiting:
        session.say(f"not approved yet: {', '.join(waiting)}. `mailflow plan {waiting[0]}` shows what it would do")
