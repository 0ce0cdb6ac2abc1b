"""`mailflow poll …`: answers that come by other ways than a page. The work: jobs/polls; figures: report_polls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Record, Session, command, group
from mailflow.cli.plain import shown, visible
from mailflow.cli.talk import talk
from mailflow.errors import DataError, PartialFailure

if TYPE_CHECKING:
    from mailflow.jobs.polls import Taken

poll = group(
    "poll",
    """Record answers to polls: from a log or a mailbox, or by hand.

    \b
    Examples:
      mailflow poll take access.log
      mailflow poll answer spring anna@customers.example green
    """,
)

_SHOWN = 20  # problems that a person wants to see at once
# What becomes of an answer, in words for the owner; in this order.
_WORDS = {
    "recorded": "recorded",
    "changed": "changed",
    "unchanged": "known already",
    "asks": "only looked at (GET): not counted",
    "closed": "too late: the poll was closed",
    "unknown_poll": "of a poll that is not in polls.yaml",
    "unknown_answer": "an answer that is not in polls.yaml",
    "trial": "of tests, previews and rehearsals: not counted",
    "invalid": "not signed by this workspace",
}


@poll.command()
@command
def answer(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="POLL", help="The poll in polls.yaml.")],
    who: Annotated[str, typer.Argument(metavar="WHO", help="An address, key or customer id.")],
    key: Annotated[str, typer.Argument(metavar="ANSWER", help="The key of the answer.")],
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="When they said so; else now.", show_default=False)
    ] = None,
) -> None:
    """Record what somebody said by phone or in a mail.

    It counts as a click does: the last answer counts, and a poll that is closed takes none.

    \b
    Examples:
      mailflow poll answer spring anna@customers.example green
      mailflow poll answer spring anna@customers.example green --at 2026-03-21
    """
    from mailflow.jobs import polls as job

    when = session.now if at is None else clock.parse_instant(at, session.workspace.settings.zone)
    reply = job.answer(session.workspace, name, who, key, at=when, now=session.now)
    before = f" (it was {reply.before})" if reply.result == "changed" else ""
    record = {"poll": name, "who": who, "answer": key, "result": str(reply.result), "before": reply.before}
    session.emit_object(record, lambda: shown(f"{who}: {_WORDS[reply.result]}{before}"))
    if not reply.counts:
        raise DataError(f"{name}: {reply.sentence}")


@poll.command()
@command
def take(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A log, a mailbox, a folder of mails, or a CSV.")],
) -> None:
    """Record the answers in a file. The same file twice changes nothing the second time.

    In a web server's log, the links that were confirmed count (POST), not those that were only fetched (GET): mail
    scanners fetch every link. In an .eml, an mbox or a Maildir, subjects count; in other texts, links as they stand. A
    CSV has the columns email, poll and answer, and may have answered_at.

    \b
    Examples:
      mailflow poll take /var/log/nginx/access.log
      mailflow poll take replies.mbox
      mailflow poll take counter.csv --format json
    """
    from mailflow.jobs import polls as job
    from mailflow.tracking.polls import Result

    with session.progress("Reading answers"):
        taken = job.take(session.workspace, file, now=session.now)
    counted: list[Record] = [{"result": word, "answers": taken.results[Result(word)]} for word in _WORDS]
    session.emit(counted, lambda: _summary(taken, file), columns=("result", "answers"))
    for problem in taken.problems[:_SHOWN]:
        talk(visible(problem))
    if taken.problems:
        rows = "row" if len(taken.problems) == 1 else "rows"
        raise PartialFailure(f"{len(taken.problems):,} {rows} of {shown(file)} could not be used")


def _summary(taken: Taken, file: Path) -> str:
    lines = [f"{taken.results[result]:>6,}  {_WORDS[result]}" for result in sorted(taken.results, key=_place)]
    if lines:
        return "\n".join(lines)
    return f"there is no answer to a poll in {shown(str(file))}; a CSV has the columns email, poll and answer"


def _place(result: str) -> int:
    return list(_WORDS).index(result)
