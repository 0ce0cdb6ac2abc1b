"""Take answers to polls: what a signed link says, whether it counts, and what it writes. The links: outbox/polls.

Mail scanners follow every link of a mail: what only fetches a page (GET, HEAD) is shown a page that asks, and never
counts. An answer counts when it is sent (POST), mailed, or told by the owner; it can be changed until the poll closes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mailflow import clock
from mailflow.config.polls import Answer, Poll, Polls, said_in
from mailflow.model import Scope
from mailflow.store import polls as store_polls
from mailflow.store import statements
from mailflow.store.connection import Connection
from mailflow.store.events import Event
from mailflow.store.polls import Asked
from mailflow.store.statements import Statement
from mailflow.tokens import Keys, Purpose
from mailflow.tracking.record import record

SOURCE = "poll"
_TEST = "test:"  # how the scopes of the owner's own tests begin


class Method(StrEnum):
    """How an answer came. Only what somebody did counts, not what fetched a page."""

    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    MAIL = "mail"  # a reply, or a mail that the link opened
    OWNER = "owner"  # told by phone, typed by hand


_LOOKS = frozenset({Method.GET, Method.HEAD})


class Result(StrEnum):
    """What became of an answer."""

    RECORDED = "recorded"
    CHANGED = "changed"  # they had given another answer
    UNCHANGED = "unchanged"  # it is their answer already
    ASKS = "asks"  # only a page was fetched: it asks whether they mean it, and nothing is written
    CLOSED = "closed"
    UNKNOWN_POLL = "unknown_poll"
    UNKNOWN_ANSWER = "unknown_answer"
    TRIAL = "trial"  # the link of a test, a preview or a rehearsal
    INVALID = "invalid"  # not a link of ours, or not as we wrote it


_SENTENCES = {
    Result.RECORDED: "Thank you: your answer is noted.",
    Result.CHANGED: "Thank you: your answer is changed.",
    Result.UNCHANGED: "This is your answer already.",
    Result.ASKS: "Is this your answer?",
    Result.CLOSED: "This poll is closed: no answer is taken any more.",
    Result.UNKNOWN_POLL: "This poll is no longer there.",
    Result.UNKNOWN_ANSWER: "This answer is no longer there.",
    Result.TRIAL: "This is the link of a test or a rehearsal: nothing is noted.",
    Result.INVALID: "This link is not as we sent it: open it from the mail again.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of an answer, as far as it is known whose it is and to what."""

    result: Result
    poll: Poll | None = None
    answer: Answer | None = None
    contact_id: int | None = None
    before: str | None = None  # the key of the answer that they had given

    @property
    def sentence(self) -> str:
        """The result as a sentence for who answered."""
        return _SENTENCES[self.result]

    @property
    def counts(self) -> bool:
        """Whether it is their answer now."""
        return self.result in (Result.RECORDED, Result.CHANGED, Result.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Said:
    """What a signed link says: the token of its message, the name of a poll, the key of an answer."""

    token: str
    poll: str
    answer: str


def sign(keys: Keys, said: Said) -> str:
    """Return the signed part of a link; names of polls and answers hold no dash, so that it can be read back."""
    return keys.sign(Purpose.ANSWER, f"{said.token}-{said.poll}-{said.answer}")


def read(keys: Keys, signed: str) -> Said | None:
    """Return what a link says; None for one that we did not sign."""
    subject = keys.verify(signed, Purpose.ANSWER)
    parts = subject.rsplit("-", 2) if subject else []
    return Said(*parts) if len(parts) == 3 else None


def look(db: Connection, keys: Keys, polls: Polls, signed: str, *, at: datetime) -> Reply:
    """Return what the page of a link has to say; nothing is written. `ASKS` where an answer would be taken."""
    return _looked(db, polls, read(keys, signed), at)[0]


def take(
    tx: Connection, keys: Keys, polls: Polls, signed: str, *, method: Method, at: datetime, now: datetime
) -> Reply:
    """Take the answer that came back by a signed link at an instant, and return what became of it.

    The same answer that comes twice is one. An answer of the future is one of now.
    """
    at, said = min(at, now), read(keys, signed)
    reply, asked = _looked(tx, polls, said, at)
    if said is None or asked is None or reply.result is not Result.ASKS or method in _LOOKS:
        return reply
    source_id = f"{said.token}:{said.poll}:{said.answer}:{clock.to_ms(at)}"
    return _write(tx, keys, reply, _Coming(SOURCE, source_id, at, now, Scope.campaign_of(asked.scope)))


def by_owner(
    tx: Connection, keys: Keys, poll: Poll, answer: Answer, contact_id: int, *, at: datetime, now: datetime
) -> Reply:
    """Take an answer that the owner was told, by phone or at the counter, and return what became of it."""
    before = store_polls.answer_at(tx, contact_id, poll.name, at=clock.to_ms(at))
    if not poll.is_open(at):
        return Reply(Result.CLOSED, poll, answer, contact_id, before)
    reply = Reply(Result.ASKS, poll, answer, contact_id, before)
    source_id = f"{contact_id}:{poll.name}:{answer.key}:{clock.to_ms(at)}"
    return _write(tx, keys, reply, _Coming(Method.OWNER, source_id, at, now))


def _looked(db: Connection, polls: Polls, said: Said | None, at: datetime) -> tuple[Reply, Asked | None]:
    """Return `ASKS` where an answer counts at an instant, else why not; and the message that it is from."""
    if said is None:
        return Reply(Result.INVALID), None
    poll = polls.by_name.get(said.poll)
    answer = poll.answer(said.answer) if poll is not None else None
    asked = store_polls.asked_in(db, said.token)
    if asked is None or asked.is_rehearsal or asked.scope.startswith(_TEST):
        return Reply(Result.TRIAL, poll, answer), None
    if poll is None:
        return Reply(Result.UNKNOWN_POLL, contact_id=asked.contact_id), asked
    before = store_polls.answer_at(db, asked.contact_id, poll.name, at=clock.to_ms(at))
    result = Result.ASKS
    if answer is None:
        result = Result.UNKNOWN_ANSWER
    elif not poll.is_open(at):
        result = Result.CLOSED
    return Reply(result, poll, answer, asked.contact_id, before), asked


@dataclass(frozen=True, slots=True)
class _Coming:
    """From where and when an answer came: what makes it one event, and the campaign that asked."""

    source: str
    source_id: str
    at: datetime
    now: datetime
    campaign: str | None = None


def _write(tx: Connection, keys: Keys, reply: Reply, coming: _Coming) -> Reply:
    poll, answer, contact_id = reply.poll, reply.answer, reply.contact_id
    assert poll is not None
    assert answer is not None
    assert contact_id is not None
    properties: dict[str, object] = {"poll": poll.name, "answer": answer.key}
    if answer.is_correct is not None:
        properties["correct"] = answer.is_correct
    if coming.campaign is not None:
        properties["campaign"] = coming.campaign
    event = Event(store_polls.ANSWERED, coming.source, coming.source_id, coming.at, coming.now, contact_id, properties)
    if reply.before == answer.key or not record(tx, event, keys=keys):
        return replace(reply, result=Result.UNCHANGED)
    _fill(tx, poll, answer, contact_id, reply.before, clock.to_ms(coming.at))
    return replace(reply, result=Result.RECORDED if reply.before is None else Result.CHANGED)


def _fill(tx: Connection, poll: Poll, answer: Answer, contact_id: int, before: str | None, at: int) -> None:
    """Put what an answer says into the field of its poll, unless something later is known."""
    if poll.sets is None or not store_polls.is_last(tx, contact_id, poll.name, at=at):
        return
    question = said_in(poll.question, None)
    holds = statements.state(tx, Statement(contact_id, poll.sets, answer.value, question, at, f"poll {poll.name}"))
    if not holds:
        return
    value: object = poll.plain(answer)
    if poll.adds:
        taken_back = poll.answer(before) if before is not None else None
        gone = [value] if taken_back is None else [value, poll.plain(taken_back)]
        known = statements.attribute(tx, contact_id, poll.sets)
        listed = known if isinstance(known, list) else [known] if known is not None else []
        value = [*(each for each in listed if each not in gone), value]
    statements.fill(tx, contact_id, poll.sets, value, at=at)
