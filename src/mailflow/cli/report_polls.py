"""`mailflow report polls`: what people answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailflow.cli.frame import Session
from mailflow.cli.plain import shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.experiments.intervals import Share
    from mailflow.jobs.polls import PollLine


def polls(session: Session, name: str | None) -> None:
    """Print how many people gave which answer, of one poll or of all."""
    from mailflow.jobs import polls as job

    found = job.report(session.workspace, name, now=session.now)
    records = [record for line in found for record in line.records()]
    session.emit(records, lambda: _tables(found), columns=job.COLUMNS)
    if not found:
        session.say("no polls yet: write them into polls.yaml, as docs/polls.md tells")


def _tables(found: list[PollLine]) -> RenderableType:
    from rich.console import Group

    if not found:
        return "no polls"
    return Group(*(part for line in found for part in _table(line)))


def _table(line: PollLine) -> list[RenderableType]:
    from mailflow.cli.tables import rows_table

    headings = ["answer", "", "people", "share", "95 % interval"]
    rows = [
        (
            shown(one.key) + (" ✓" if one.is_correct else ""),
            shown(one.text) if one.text is not None else "(no longer in polls.yaml)",
            f"{one.people:,}",
            "" if one.share is None else f"{one.share.value:.0%}",
            _interval(one.share),
        )
        for one in line.answers
    ]
    title = f"{line.name} ({_state(line)}): {shown(line.question or 'no longer in polls.yaml')}"
    return [title, rows_table(rows, headings, numbers=headings[2:]), *_sentences(line), ""]


def _state(line: PollLine) -> str:
    if line.state == "open" and line.closes_on is not None:
        return f"open until {line.closes_on}"
    return f"closed since {line.closes_on}" if line.state == "closed" else line.state


def _sentences(line: PollLine) -> list[str]:
    """Return what the figures say."""
    told = [f"{line.answered:,} {'person' if line.answered == 1 else 'people'} answered."]
    if line.response is not None:
        share = f"{line.response.value:.0%}; {_interval(line.response)}"
        told.append(f"Of {line.asked:,} who were asked by mail, {line.asked_and_answered:,} did ({share}).")
    right = [one for one in line.answers if one.is_correct]
    if right and line.answered:
        told.append(f"{sum(one.people for one in right) / line.answered:.0%} were right.")
    if line.answered:
        best = max(line.answers, key=lambda one: one.people)
        sure = line.verdict == "leads"
        words = shown(f"{best.key} is ahead of every other answer.") if sure else "Too early to say which is ahead."
        told.append(words)
    return [" ".join(told)]


def _interval(share: Share | None) -> str:
    return "" if share is None else f"{share.low:.0%} to {share.high:.0%}"
