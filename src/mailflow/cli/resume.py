"""`mailflow resume`: take a stop back."""

from __future__ import annotations

from typing import Annotated

import typer

from mailflow.cli.frame import Session, command
from mailflow.jobs import stopping


@command
def resume(
    session: Session,
    campaign: Annotated[
        str | None, typer.Argument(metavar="CAMPAIGN", help="Only this campaign; without it, the stop of everything.")
    ] = None,
) -> None:
    """Take a stop back. What was waiting goes out with the next `mailflow run`, if its time has not passed.

    \b
    Examples:
      mailflow resume
      mailflow resume thank_you
    """
    was_stopped = stopping.resume(session.workspace, campaign)
    what = campaign or "everything"
    session.say(f"resumed: {what}" if was_stopped else f"{what} was not stopped")
    still = stopping.still_stopped(session.workspace)
    if still:
        session.say(f"still stopped: {', '.join(still)}")
