"""`mailflow send`: send one campaign now, after asking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Session, command
from mailflow.cli.plain import shown
from mailflow.cli.plan import counts_table, over_mix, stages_table
from mailflow.cli.run import clock_of, print_tick
from mailflow.errors import UsageError
from mailflow.model import MessageState

if TYPE_CHECKING:
    from mailflow.campaigns.planning import CampaignPlan
    from mailflow.jobs.campaign import OpenCampaign
    from mailflow.jobs.tick import TickReport


_Campaign = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="The campaign: its id, or its file's name in campaigns/.")
]
_Plan = Annotated[
    str | None, typer.Option("--plan", metavar="ID", help="Only to who was in this plan and may still get it.")
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_TestTo = Annotated[
    str | None,
    typer.Option("--test-to", metavar="EMAIL", help="Send one test to this address, and to nobody else."),
]
_Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Send to at most this many people.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Write what each would get as .eml files; send nothing.")]
_Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where --dry-run writes.", show_default=False)]


@command
def send(
    session: Session,
    campaign: _Campaign,
    plan: _Plan = None,
    yes: _Yes = False,
    test_to: _TestTo = None,
    limit: _Limit = None,
    dry_run: _DryRun = False,
    out: _Out = None,
) -> None:
    """Send one campaign. Whoever has it already does not get it again, so it is safe to repeat.

    Shows the plan and asks; `--yes` or `--plan ID` answer for a script. A campaign with a `send_at` in the future is
    approved and goes out with `mailflow run`. Without a relay in mailflow.yaml it is a rehearsal into a mailbox folder.

    \b
    Examples:
      mailflow send thank_you --test-to me@myshop.example
      mailflow send thank_you --dry-run
      mailflow send thank_you --plan 1f0c9a52d7e3b846
      mailflow send thank_you --yes
    """
    from mailflow.jobs import send as job

    now = clock_of(session)
    if test_to is not None:
        _test(session, campaign, test_to)
        return
    prepare = job.prepare_dry_run if dry_run else job.prepare
    opened, made = prepare(session.workspace, campaign, plan_id=plan, now=session.now, at_most=limit)
    if dry_run:
        _dry_run(session, opened, made, out)
        return
    if made.recipients and not (yes or plan):
        _ask(session, opened, made)
    with session.progress(f"sending {campaign}", len(made.recipients)) as advance:
        done = job.send(
            session.workspace,
            opened,
            made,
            plan_id=plan,
            at_most=limit,
            now=now,
            is_real_clock=session.now_option is None,
            on_settled=advance,
        )
    _tell(session, opened, made, done.tick)


def _ask(session: Session, opened: OpenCampaign, made: CampaignPlan) -> None:
    """Show the plan and ask; raise `UsageError` where the answer is no."""
    _show(session, opened, made)
    if not session.confirm(_question(made, len(made.recipients))):
        raise UsageError("nothing was sent")


def _tell(session: Session, opened: OpenCampaign, made: CampaignPlan, tick: TickReport | None) -> None:
    """Say what became of it: sent, rehearsed, or (`tick` is None) approved for a later time."""
    if tick is None:
        session.say(_approved(session, made))
        return
    print_tick(session, tick)
    if made.scope.is_rehearsal and tick.states[MessageState.ACCEPTED]:
        session.say("nobody got mail: this was a rehearsal. Open some; a `relay:` in mailflow.yaml makes it real")
        if opened.offer is not None and opened.offer.shared is None:
            session.say(f"the codes in it are samples: none of {opened.offer.name} was used up")


def _show(session: Session, opened: OpenCampaign, made: CampaignPlan) -> None:
    """Show what the question is about, beside the question: on stderr."""
    from mailflow.jobs import mix
    from mailflow.jobs import plan as plan_job

    if not session.quiet:
        session.err.print(counts_table(made.counts()))
        if stages := plan_job.stages_of(opened, made, session.now):
            session.err.print("", stages_table(stages))
        over = mix.lifted(session.workspace, made, now=session.now)
        if over:
            session.say(over_mix(over, session.workspace.settings.mix))


def _approved(session: Session, made: CampaignPlan) -> str:
    """Return what happens next with a campaign whose time has not come."""
    assert made.spec.send_at is not None
    zone = session.workspace.settings.zone
    name, number = made.spec.id, len(made.recipients)
    if made.spec.send_at.is_local:
        when = f"at {made.spec.send_at.text.removesuffix('local').strip()} of each one's own time"
    else:
        when = f"at {clock.wall_text(made.spec.send_at.for_zone(zone, zone), zone)} ({zone.key})"
    return f"{name} is approved: `mailflow run` sends it to {number:,} people {when}. Put `mailflow run` into cron"


def _question(made: CampaignPlan, recipients: int) -> str:
    left_out = len(made.people) - len(made.recipients)
    verb = "Rehearse" if made.scope.is_rehearsal else "Send"
    return f"{verb} {made.spec.id} to {recipients:,} people ({left_out:,} of its audience do not get it)?"


def _test(session: Session, name: str, email: str) -> None:
    from mailflow.jobs import campaign as campaign_job
    from mailflow.jobs import send as job

    opened = campaign_job.open_campaign(session.workspace, name)
    reply = job.test_to(session.workspace, opened, email, session.now)
    where = f"{session.workspace.maildir}/new" if opened.scope.is_rehearsal else email
    session.say(f"test of {name} went to {where}: {reply}")


def _dry_run(session: Session, opened: OpenCampaign, made: CampaignPlan, out: Path | None) -> None:
    from mailflow.jobs import send as job

    folder = out or session.workspace.private / "dry-run" / made.spec.id
    number = job.write_files(session.workspace, opened, made, folder, session.now)
    session.say(f"wrote {number:,} messages to {shown(folder)}; nothing was sent")
