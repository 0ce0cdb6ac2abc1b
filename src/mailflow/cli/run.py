"""`mailflow run`: one unattended tick, the line for cron."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.cli.frame import Session, command
from mailflow.errors import UsageError
from mailflow.model import MessageState

if TYPE_CHECKING:
    from mailflow.jobs.tick import TickReport


@command
def run(session: Session) -> None:
    """Do everything that is due, then exit. Safe to start twice, to kill, and to miss.

    Sends what was approved and is due, tries again what was put off, lets expire what came too late; writes down who
    came into segments and lifecycle stages and who left. Two at once: the second exits at once with code 75. Says
    nothing when there was nothing to do.

    \b
    Examples:
      mailflow run
      */5 * * * * cd ~/shop && mailflow run --quiet      the line for crontab
    """
    from mailflow.jobs import tick

    now = clock_of(session)
    with session.progress("sending") as advance:
        report = tick.tick(session.workspace, now=now, is_real_clock=session.now_option is None, on_settled=advance)
    print_tick(session, report)


def clock_of(session: Session) -> Callable[[], datetime]:
    """Return the clock a sending command goes by; another time than the present is only for rehearsals."""
    if session.now_option is None:
        return clock.now
    if session.workspace.settings.relay is not None:
        raise UsageError("--now is for rehearsals: with a relay configured, mail goes out by the real clock only")
    fixed = session.now
    return lambda: fixed


def print_tick(session: Session, report: TickReport) -> None:
    """Say what a tick did; raise what its exit code has to tell."""
    record = _record(report)
    if session.format != "table":
        session.emit_object(record, lambda: "")
    else:
        for line in _sentences(session, report):
            session.say(line)
    report.raise_for_failures()


def _record(report: TickReport) -> dict[str, Any]:
    return {
        "planned": {name: dict(counts) for name, counts in report.planned.items()},
        **{state: report.states.get(state, 0) for state in _REACHED},
        "refused": {str(reason): number for reason, number in _refused(report).items()},
        "expired": report.expired,
        "segments": _segments(report),
        "held": dict(report.held),
        "stopped": sorted(report.stopped),
        "recovered": {str(state): number for state, number in report.recovered.items()},
    }


def _segments(report: TickReport) -> dict[str, dict[str, int]]:
    kept = report.kept
    names = (kept.entered | kept.left) if kept else ()
    return {name: {"entered": kept.entered[name], "left": kept.left[name]} for name in names} if kept else {}


_REACHED = (MessageState.ACCEPTED, MessageState.DEFERRED, MessageState.FAILED, MessageState.IN_DOUBT)


def _refused(report: TickReport) -> dict[Any, int]:
    return dict(report.delivery.report.refused) if report.delivery else {}


def _sentences(session: Session, report: TickReport) -> list[str]:
    from mailflow import policy

    lines = []
    if report.rolled_back_imports:
        lines.append(f"rolled back {report.rolled_back_imports} imports that had been interrupted")
    if doubts := report.recovered.get(MessageState.IN_DOUBT):
        lines.append(
            f"an earlier run was interrupted: {doubts} messages are in doubt,"
            " see `mailflow outbox list --state in_doubt`"
        )
    lines += _moves(report)
    for name, counts in report.planned.items():
        lines.append(f"{name}: {counts['send']:,} to send")
        lines += [f"  {n:,} left out: {policy.sentence(r)}" for r, n in counts.most_common() if r != "send"]
    lines += [f"{name} is stopped: `mailflow status` says how to let it go on" for name in sorted(report.stopped)]
    if report.expired:
        lines.append(f"{report.expired:,} expired: their time had passed")
    if report.delivery is not None:
        lines += _delivered(session, report)
    return lines


def _moves(report: TickReport) -> list[str]:
    """Say who came into segments and left them."""
    kept = report.kept
    if kept is None:
        return []
    moved = [name for name in kept.entered | kept.left if kept.entered[name] or kept.left[name]]
    return [f"segment {name}: {kept.entered[name]:,} came, {kept.left[name]:,} left" for name in moved]


def _delivered(session: Session, report: TickReport) -> list[str]:
    from mailflow import policy

    rehearsal = session.workspace.settings.relay is None
    accepted = report.states[MessageState.ACCEPTED]
    where = f"rehearsed into {session.workspace.maildir}/new" if rehearsal else "accepted by the relay"
    lines = [f"{accepted:,} {where}"]
    if deferred := report.states[MessageState.DEFERRED]:
        lines.append(f"{deferred:,} put off; `mailflow run` tries them again")
    lines += [f"{n:,} not sent: {policy.sentence(r)}" for r, n in _refused(report).items()]
    return lines
