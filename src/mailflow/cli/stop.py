"""`mailflow stop`: nothing more goes out, from the next message on."""

from __future__ import annotations

from typing import Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Session, command
from mailflow.jobs import stopping


@command
def stop(
    session: Session,
    campaign: Annotated[
        str | None, typer.Argument(metavar="CAMPAIGN", help="Only this campaign; without it, everything.")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, for `status` and `why`.")
    ] = "stopped by hand",
) -> None:
    """Stop sending at once, of everything or of one campaign, also in a run that is at work.

    It takes effect before the next message. Nothing is lost: `mailflow resume` lets it go on.

    \b
    Examples:
      mailflow stop
      mailflow stop thank_you --reason "wrong price"
    """
    stopping.stop(session.workspace, campaign, reason, at=clock.to_ms(session.now))
    session.say(
        f"stopped: {campaign or 'everything'}. `mailflow resume{f' {campaign}' if campaign else ''}` lets it go on"
    )
