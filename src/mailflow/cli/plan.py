"""`mailflow plan`: who would get what and when, who would not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command
from mailflow.cli.plain import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.config.mix import MixSettings
    from mailflow.jobs.plan import Plan, PlanLine

_PEOPLE_SHOWN, _OTHERS_SHOWN = 10, 3
_DECISIONS = ("send", "hold_out", "skip")  # the order in which people are listed
_COLUMNS = ("email", "what", "step", "due_at", "decision", "reason")


@command
def plan(
    session: Session,
    campaign: Annotated[
        str | None, typer.Argument(metavar="CAMPAIGN", help="What `send` would do with this campaign now.")
    ] = None,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Without a campaign: what `run` would do within this time.")
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
        made = job.plan_run(session.workspace, session.now, until=session.now + clock.parse_duration(until))
    records = (line.as_record() for line in made.lines)
    if session.format is Format.TABLE:
        session.out.print(_tables(session, made, people))
    elif session.format is Format.JSON:
        stages = {stage or "unknown": number for stage, number in made.stages.items()}
        told: dict[str, Any] = {"plan_id": made.id}
        told |= {"stages": stages} if stages else {}
        told |= {"over_mix": made.over_mix} if made.over_mix else {}
        session.emit_holding(told, "messages", records)
    else:
        session.emit_stream(records, columns=_COLUMNS)
    _talk(session, made, campaign, people)


def counts_table(counts: Counter[tuple[str, str, str | None]]) -> RenderableType:
    """Return a table of (campaign, decision, reason) → people: who gets it first, then the most frequent reason."""
    from rich.table import Table

    from mailflow import policy

    table = Table(box=None, pad_edge=False)
    for name in ("Campaign", "Decision"):
        table.add_column(name)
    table.add_column("People", justify="right")
    table.add_column("Why")
    for (what, decision, reason), number in sorted(
        counts.items(), key=lambda item: (item[0][0], item[0][1] != "send", -item[1])
    ):
        table.add_row(visible(what), decision, f"{number:,}", visible(policy.sentence(reason)) if reason else "")
    return table


def over_mix(people: int, limit: MixSettings) -> str:
    """Return the warning that a promotion is one too many for some people."""
    assert limit.promo_at_most is not None
    return (
        f"warning: with it, more than {float(limit.promo_at_most * 100):g} % of the mail that {people:,} of them"
        " got in 30 days would be promotion (mix in mailflow.yaml; `mailflow report mix` shows how it stands)"
    )


def _tables(session: Session, made: Plan, everybody: bool) -> RenderableType:
    from rich.console import Group

    if not made.lines:
        return "nobody"
    people = _people(session, made, everybody)
    stages = [stages_table(made.stages), ""] if made.stages else []
    return Group(counts_table(made.counts()), "", *stages, people)


def stages_table(stages: Mapping[str | None, int]) -> RenderableType:
    """Return a table of lifecycle stages with the people who would get the mail in each."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("Stage")
    table.add_column("People", justify="right")
    for stage, number in stages.items():
        table.add_row(stage or "(none)", f"{number:,}")
    return table


def _people(session: Session, made: Plan, everybody: bool) -> RenderableType:
    """Return a table of people, of each kind of decision only the first few unless `everybody` is to be there."""
    from rich.table import Table

    zone = session.workspace.settings.zone
    table = Table(box=None, pad_edge=False)
    for name in ("E-mail", "Due", "Decision", "Reason"):
        table.add_column(name, overflow="fold", no_wrap=name == "E-mail")
    for line in sorted(_listed(made, everybody), key=lambda line: _DECISIONS.index(line.decision)):
        due = clock.wall_text(clock.from_ms(line.due_at), zone) if line.decision == "send" else ""
        table.add_row(visible(line.email or "(no address)"), due, line.decision, visible(line.reason or ""))
    return table


def _kinds(made: Plan) -> Counter[tuple[str, str | None]]:
    """Return (decision, reason) → lines."""
    kinds = Counter[tuple[str, str | None]]()
    for (_, decision, reason), number in made.counts().items():
        kinds[decision, reason] += number
    return kinds


def _listed(made: Plan, everybody: bool) -> Iterator[PlanLine]:
    """Yield everybody, or the first few of each kind of decision; the others are not read."""
    if everybody:
        yield from made.lines
        return
    left = _shown(made)
    for line in made.lines:
        kind = (line.decision, line.reason)
        if left[kind]:
            left[kind] -= 1
            yield line
            if not left.total():
                return


def _shown(made: Plan) -> Counter[tuple[str, str | None]]:
    """Return how many lines of each (decision, reason) the short table has."""
    most = {"send": _PEOPLE_SHOWN}
    return Counter({kind: min(number, most.get(kind[0], _OTHERS_SHOWN)) for kind, number in _kinds(made).items()})


def _hidden(made: Plan) -> int:
    """Return how many people the short table leaves out."""
    return len(made.lines) - _shown(made).total()


def _talk(session: Session, made: Plan, campaign: str | None, everybody: bool) -> None:
    for name, reason in made.held.items():
        session.say(f"{name} is held: {reason}")
    sends = sum(number for (decision, _), number in _kinds(made).items() if decision == "send")
    if session.format is Format.TABLE and not everybody and _hidden(made):
        session.say(f"and {_hidden(made):,} more people: --people lists them all")
    kind = "rehearsed: no relay is set, so nobody gets mail" if made.is_rehearsal else "sent"
    if made.lines:
        session.say(f"plan {made.id}: {sends:,} of {len(made.lines):,} would be {kind}")
    if made.over_mix:
        session.say(over_mix(made.over_mix, session.workspace.settings.mix))
    if campaign is not None:
        if sends:
            session.say(f"next: mailflow send {campaign} --plan {made.id}")
        elif not made.lines:
            session.say(
                f"nobody is in the audience of {campaign}: `mailflow import` brings people in,"
                " `mailflow segment --rule EXPR` shows whom a rule means"
            )
        return
    from mailflow.jobs import plan as job

    waiting = job.drafts(session.workspace)
    if waiting:
        session.say(f"not approved yet: {', '.join(waiting)}. `mailflow plan {waiting[0]}` shows what it would do")
