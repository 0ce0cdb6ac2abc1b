"""What became of polls, and answers that come by other ways than a page: `mailflow poll`, `mailflow report polls`.

What an answer writes: tracking/polls. Where answers stand in files: poll_files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from mailflow import clock
from mailflow.config.polls import Poll, Polls, said_in
from mailflow.config.yaml_files import suggestion
from mailflow.errors import MailflowError, Problem, UsageError
from mailflow.experiments.intervals import Share, leads, wilson
from mailflow.jobs import poll_files, who
from mailflow.jobs.poll_files import Found, Signed, Told
from mailflow.store import Connection
from mailflow.store import polls as store_polls
from mailflow.tracking import polls as tracking
from mailflow.tracking.polls import Reply, Result
from mailflow.workspace import Workspace

COLUMNS = (
    "poll", "question", "state", "closes_on", "asked", "response", "answered", "answer", "text", "correct", "people",
    "share", "low", "high", "verdict",
)  # fmt: skip
_FEWEST = 20  # people whose answers say anything about others
_SLICE = 100  # answers in a transaction: about 30 ms

LEADS, TOO_EARLY = "leads", "too early to say"


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One answer: how many people's it is, and of those who answered how great a share, with its interval."""

    key: str
    text: str | None  # None: it is no longer in polls.yaml
    is_correct: bool | None
    people: int
    share: Share | None


@dataclass(frozen=True, slots=True)
class PollLine:
    """One poll in figures. `response` is the share of those asked who answered; `verdict` is about the first answer."""

    name: str
    question: str | None
    state: str  # open | closed | gone
    closes_on: date | None
    asked: int
    asked_and_answered: int
    answered: int
    response: Share | None
    answers: tuple[AnswerLine, ...]
    verdict: str

    def records(self) -> list[dict[str, Any]]:
        """Return the poll as JSON prints it: an object for each answer."""
        shared = {
            "poll": self.name,
            "question": self.question,
            "state": self.state,
            "closes_on": None if self.closes_on is None else self.closes_on.isoformat(),
            "asked": self.asked,
            "response": None if self.response is None else round(self.response.value, 4),
            "answered": self.answered,
        }
        return [{**shared, **_record(one), "verdict": self.verdict} for one in self.answers]


@dataclass(slots=True)
class Taken:
    """What a file brought: how many answers came to what, and the rows that could not be used."""

    results: Counter[Result] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


def open_polls(workspace: Workspace) -> Polls:
    """Return the polls of the workspace."""
    return Polls.open(workspace.root, workspace.settings)


def report(workspace: Workspace, name: str | None, *, now: datetime) -> list[PollLine]:
    """Return one poll, or all of polls.yaml and those that are no longer in it but were asked or answered."""
    polls = open_polls(workspace)
    known = [*polls.by_name, *(gone for gone in store_polls.names(workspace.store.db) if gone not in polls.by_name)]
    if name is not None and name not in known:
        raise UsageError(polls.unknown(name))
    return [_line(workspace, one, polls.by_name.get(one), now) for one in (known if name is None else [name])]


def answer(workspace: Workspace, name: str, person: str, key: str, *, at: datetime, now: datetime) -> Reply:
    """Record what somebody answered otherwise than by a link; `UsageError` where there is no such answer."""
    poll = open_polls(workspace).get(name)
    with workspace.store.transaction() as tx:
        return _told(workspace, tx, poll, person, key, at=min(at, now), now=now)


def take(workspace: Workspace, path: Path, *, now: datetime) -> Taken:
    """Record the answers in a file. The same file twice changes nothing the second time."""
    polls, taken = open_polls(workspace), Taken()
    found: Iterator[Found] = poll_files.read(path, workspace.settings.zone)
    while batch := list(islice(found, _SLICE)):
        with workspace.store.transaction() as tx:
            for one in batch:
                _take(workspace, tx, polls, one, taken, path.name, now)
    return taken


def _take(
    workspace: Workspace, tx: Connection, polls: Polls, one: Found, taken: Taken, file: str, now: datetime
) -> None:
    match one:
        case Problem():
            taken.problems.append(one)
        case Signed(_, signed, method, at):
            reply = tracking.take(tx, workspace.keys, polls, signed, method=method, at=at or now, now=now)
            taken.results[reply.result] += 1
        case Told(line, person, name, key, at):
            try:
                reply = _told(workspace, tx, polls.get(name), person, key, at=min(at or now, now), now=now)
            except MailflowError as error:
                taken.problems.append(Problem(file, str(error), line))
            else:
                taken.results[reply.result] += 1


def _told(
    workspace: Workspace, tx: Connection, poll: Poll, person: str, key: str, *, at: datetime, now: datetime
) -> Reply:
    contact = who.find(tx, workspace.keys, person)
    chosen = poll.answer(key)
    if chosen is None:
        hint = suggestion(key, [each.key for each in poll.answers])
        raise UsageError(f"the poll {poll.name!r} has no answer {key!r}{hint}")
    return tracking.by_owner(tx, workspace.keys, poll, chosen, contact.id, at=at, now=now)


def _line(workspace: Workspace, name: str, poll: Poll | None, now: datetime) -> PollLine:
    closes_at = None if poll is None else poll.closes_at
    until = None if closes_at is None else clock.to_ms(closes_at)
    tally = store_polls.tally(workspace.store.db, name, until=until)
    language = workspace.settings.language
    lines = _answers(poll, tally.answers, language)
    ranked = sorted((one.people for one in lines), reverse=True)
    answered = sum(ranked)
    return PollLine(
        name=name,
        question=None if poll is None else said_in(poll.question, language),
        state="gone" if poll is None else "open" if poll.is_open(now) else "closed",
        closes_on=None if poll is None else poll.closes_on,
        asked=tally.asked,
        asked_and_answered=tally.asked_and_answered,
        answered=answered,
        response=wilson(tally.asked_and_answered, tally.asked),
        answers=lines,
        verdict=LEADS if answered >= _FEWEST and leads(*[*ranked, 0][:2]) else TOO_EARLY,
    )


def _answers(poll: Poll | None, counted: Mapping[str, int], language: str) -> tuple[AnswerLine, ...]:
    """Return the answers of polls.yaml in its order, then those that are no longer there."""
    left, answered = dict(counted), sum(counted.values())
    lines = []
    for one in poll.answers if poll is not None else ():
        people = sum(left.pop(key) for key in [key for key in left if key.lower() == one.key.lower()])
        share = wilson(people, answered)
        lines.append(AnswerLine(one.key, said_in(one.text, language), one.is_correct, people, share))
    gone = [AnswerLine(key, None, None, people, wilson(people, answered)) for key, people in sorted(left.items())]
    return (*lines, *gone)


def _record(line: AnswerLine) -> dict[str, Any]:
    share = line.share
    return {
        "answer": line.key,
        "text": line.text,
        "correct": line.is_correct,
        "people": line.people,
        "share": None if share is None else round(share.value, 4),
        "low": None if share is None else round(share.low, 4),
        "high": None if share is None else round(share.high, 4),
    }
