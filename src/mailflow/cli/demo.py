"""`mailflow demo`: the whole main job on sample data. What it does: jobs/demo.py."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command

if TYPE_CHECKING:
    from mailflow.jobs.demo import Demo


@command
def demo(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to make it.")] = Path("demo-shop"),
    again: Annotated[bool, typer.Option("--again", help="Make an earlier demo anew.")] = False,
) -> None:
    """Run the whole main job on a made-up shop: import, score, plan, send, into a mailbox folder. Mails nobody.

    A tea shop's customers and orders are made up, and go through the same commands that you would type. Afterwards the
    folder is a workspace to try things in. Nothing outside of it is touched.

    \b
    Examples:
      mailflow demo
      mailflow demo /tmp/tea --again
    """
    from mailflow.jobs import demo as job

    is_real_clock = session.now_option is None
    done = job.demo(folder, again=again, now=_clock(session), is_real_clock=is_real_clock, tell=session.say)
    if session.format is Format.TABLE:
        _show(session, done)
    else:
        session.emit_object(_record(done), str)
    _say_next(session, done)


def _clock(session: Session) -> Callable[[], datetime]:
    from mailflow.jobs.demo import BRAND

    if session.now_option is None:
        return clock.now
    # There is no workspace yet whose zone it could be in.
    fixed = clock.parse_instant(session.now_option, clock.zone(BRAND.timezone))
    return lambda: fixed


def _show(session: Session, done: Demo) -> None:
    from mailflow.cli.segment_report import report_table

    session.out.print()
    session.out.print(report_table(session, done.report))
    for line in [*_counts(done), *_letters(done)]:
        print(line)


def _counts(done: Demo) -> Iterator[str]:
    from mailflow import policy

    yield f"\n{done.contacts:>6,} contacts and {done.orders:,} orders imported"
    yield f"{done.delivered:>6,} messages delivered, each exactly as it would go out"
    yield f"{done.left_out.total():>6,} times somebody was left out:"
    for reason, number in done.left_out.most_common():
        yield f"{number:>6,}   {policy.sentence(reason)}"


def _letters(done: Demo) -> Iterator[str]:
    yield "\nThree of the messages, to open with your mail program:"
    for letter in done.letters:
        yield f"\n  {letter.subject}\n  to {letter.to}\n  {_from_here(letter.path)}"


def _from_here(path: Path) -> str:
    """Return a path as it is typed from the current folder, unless that goes far up."""
    near = os.path.relpath(path)
    return str(path) if near.startswith(os.path.join(os.pardir, os.pardir)) else near


def _record(done: Demo) -> dict[str, Any]:
    return {
        "workspace": str(done.workspace.root),
        "contacts": done.contacts,
        "orders": done.orders,
        "delivered": done.delivered,
        "left_out": dict(done.left_out),
        "classes": [row.as_record() for row in done.report.classes],
        "messages": [
            {"campaign": letter.campaign, "email": letter.to, "subject": letter.subject, "file": str(letter.path)}
            for letter in done.letters
        ],
    }


def _say_next(session: Session, done: Demo) -> None:
    person = done.letters[0].to
    session.say("\nNext:")
    session.say(f"  cd {shlex.quote(_from_here(done.workspace.root))}")
    session.say("  mailflow status                          (every campaign's messages)")
    session.say(f"  mailflow contact show {person}")
    session.say(f"  mailflow why {person} win_back")
    session.say("  mailflow segment values_organic          (who said so in the survey)")
    session.say("  mailflow segment --rule 'country == \"AT\" and orders.count >= 5'")
    session.say("Then your own shop: docs/tutorial.md, or `mailflow init my-shop`.")
