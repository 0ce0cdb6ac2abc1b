"""`mailflow status`: what is waiting, in doubt, failed or stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.cli.frame import Session, command

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.status import ScopeStatus

_COLUMNS = ("waiting", "accepted", "failed", "in_doubt", "skipped", "held_out", "expired")


@command
def status(session: Session) -> None:
    """Show per campaign what is waiting, delivered, in doubt or failed, and what is stopped.

    \b
    Examples:
      mailflow status
      mailflow status --format json
    """
    from mailflow.jobs import status as job

    found = job.by_scope(session.workspace)
    session.emit([item.as_record() for item in found], lambda: _table(found) if found else "nothing")
    for item in found:
        if item.next_at is not None:
            when = clock.wall_text(clock.from_ms(item.next_at), session.workspace.settings.zone)
            session.say(f"{_name(item)} goes on at {when}, with the next `mailflow run` after it")
    for campaign, reason in job.stops(session.workspace).items():
        what = campaign or "everything"
        session.say(f"stopped: {what} ({reason}). `mailflow resume {campaign}`".rstrip() + " lets it go on")
    if not found:
        session.say("no messages yet: `mailflow plan CAMPAIGN` shows what one would do")


def _table(found: list[ScopeStatus]) -> RenderableType:
    from rich.table import Table

    from mailflow.jobs.status import WAITING

    table = Table(box=None, pad_edge=False)
    table.add_column("Campaign", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    for item in found:
        states = {**item.states, "waiting": sum(item.states.get(state, 0) for state in WAITING)}
        table.add_row(_name(item), *(f"{states.get(column, 0):,}" for column in _COLUMNS))
    return table


def _name(item: ScopeStatus) -> str:
    return f"{item.campaign} (rehearsal)" if item.is_rehearsal else item.campaign
