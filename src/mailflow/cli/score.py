"""`mailflow score`: compute and keep scores."""

from __future__ import annotations

from typing import Annotated

import typer

from mailflow.cli.frame import Session, command


@command
def score(
    session: Session,
    if_stale: Annotated[
        bool, typer.Option("--if-stale", help="Only when data, settings or the day changed since the last time.")
    ] = False,
) -> None:
    """Compute everybody's scores as of today (RFM) and keep them, for rules and templates.

    `plan`, `send` and `run` do it by themselves when it is due.

    \b
    Examples:
      mailflow score
      mailflow score --if-stale --quiet
    """
    from mailflow import scoring

    workspace = session.workspace
    if if_stale and not scoring.is_stale(workspace.store.db, workspace.settings, root=workspace.root, now=session.now):
        session.say("the scores are of today's data: nothing to do")
        return
    from mailflow.config.rates import load_rates
    from mailflow.scoring import rfm

    rates = load_rates(workspace.root / "rates.csv")
    result = rfm.refresh(workspace.store, workspace.settings, rates, root=workspace.root, now=session.now)
    session.say(f"scored {len(result.frame):,} contacts as of {result.as_of}")
