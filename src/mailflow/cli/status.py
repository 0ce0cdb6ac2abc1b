"""`mailflow status`: what is waiting, in doubt, failed or stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.cli.frame import Format, Session, command
from mailflow.cli.plain import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.status import ScopeStatus

_ALWAYS = ("waiting", "accepted", "failed", "in_doubt")
_COLUMNS = (*_ALWAYS, "assumed_sent", "skipped", "held_out", "expired", "cancelled")


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
    if found or session.format is not Format.TABLE:
        session.emit([item.as_record() for item in found], lambda: _table(found))
    for item in found:
        if item.next_at is not None:
            when = clock.wall_text(clock.from_ms(item.next_at), session.workspace.settings.zone)
            session.say(f"{_name(item)} goes on at {when}, with the next `mailflow run` after it")
    for campaign, reason in job.stops(session.workspace).items():
        resume = f"mailflow resume {campaign}".rstrip()
        session.say(f"stopped: {campaign or 'everything'} ({reason}). `{resume}` lets it go on")
    for campaign, reason in job.held(session.workspace).items():
        session.say(f"held by the last run: {campaign}: {reason}")
    if not found:
        session.say("no messages yet: `mailflow plan CAMPAIGN` shows what one would do")


def _table(found: list[ScopeStatus]) -> RenderableType:
    """Return a table of counts; a rare state has a column only where there is something in it."""
    from rich.table import Table

    from mailflow.jobs.status import WAITING

    counted = [{**item.states, "waiting": sum(item.states.get(state, 0) for state in WAITING)} for item in found]
    columns = [name for name in _COLUMNS if name in _ALWAYS or any(states.get(name) for states in counted)]
    table = Table(box=None, pad_edge=False)
    table.add_column("Campaign", overflow="fold")
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    for item, states in zip(found, counted, strict=True):
        table.add_row(_name(item), *(f"{states.get(column, 0):,}" for column in columns))
    return table


def _name(item: ScopeStatus) -> str:
    return visible(f"{item.campaign} (rehearsal)" if item.is_rehearsal else item.campaign)
