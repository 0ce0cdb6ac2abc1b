"""Group commits: what concurrent connections want recorded goes to disk together, before any of them goes on.

One thread commits while the event loop renders and talks; whatever is asked for during a commit is in the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailflow import clock, policy
from mailflow.policy import Decision, Limits
from mailflow.store import Connection, Store, articles, candidates, codes, contents, links, messages, polls
from mailflow.store.codes import Gift
from mailflow.store.contents import Content
from mailflow.store.events import Event
from mailflow.store.messages import Outcome
from mailflow.tokens import Keys
from mailflow.tracking import record

# Belt and braces: the run lock keeps a second sender out, and should it fail the message's own row does.
_NO_LONGER_OPEN = Decision(policy.Reason.ALREADY_SENT)


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome, and the address to suppress with it where the relay said that it does not exist."""

    outcome: Outcome
    contact_id: int
    bounced: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that must not even be rendered, why, and when to look at it again (ms)."""

    message_id: int
    reason: policy.Reason
    again_at: int


@dataclass(slots=True)
class _Batch:
    contents: list[Content] = field(default_factory=list)
    gifts: list[Gift] = field(default_factory=list)
    frozen: list[asyncio.Future[frozenset[int]]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    arming: list[tuple[int, asyncio.Future[Decision]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.frozen or self.refused or self.settled or self.arming)


class Ledger:
    """The durable side of a run. Used as an async context manager; leaving it waits for the last commit."""

    def __init__(self, store: Store, keys: Keys, limits: Limits, *, runner: str, now: Callable[[], datetime]) -> None:
        self._store = store.again()
        self._keys = keys
        self._limits = limits
        self._runner = runner
        self._now = now
        self._batch = _Batch()
        self._wake = asyncio.Event()
        self._closing = False
        self._failure: BaseException | None = None
        self._unrecorded: list[Settled] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mailflow-ledger")
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Ledger:
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
        if self._failure is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._record_rest)
        self._thread.shutdown()
        self._store.close()
        if self._failure is not None and exc[1] is None:
            raise self._failure

    async def freeze(self, rendered: Sequence[Content], gifts: Sequence[Gift] = ()) -> frozenset[int]:
        """Store rendered messages and give them the codes they show; what they say is durable when this returns.

        Return the messages that are not stored, because another process took their code meanwhile. A few dozen at a
        time: a commit that makes the file grow costs twice as much as one that only changes rows.
        """
        if self._failure is not None:
            raise self._failure
        if not rendered:
            return frozenset()
        future: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._batch.contents += rendered
        self._batch.gifts += gifts
        self._batch.frozen.append(future)
        self._wake.set()
        return await future

    def refuse(self, refused: Refused) -> None:
        """Record, soon, that a planned message is not to go for now."""
        self._batch.refused.append(refused)
        self._wake.set()

    def settle(self, settled: Settled) -> None:
        """Record what became of a message, soon."""
        self._batch.settled.append(settled)
        self._wake.set()

    async def arm(self, message_id: int) -> Decision:
        """Decide afresh whether a message may go, and record that its dot may: durable when this returns."""
        if self._failure is not None:
            raise self._failure
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._batch.arming.append((message_id, future))
        self._wake.set()
        return await future

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._batch = self._batch, _Batch()
            if batch:
                try:
                    lost, decisions = self._record(batch)
                    await loop.run_in_executor(self._thread, self._store.commit)
                except BaseException as error:
                    self._fail(batch, error)
                    return
                _release(batch, lost, decisions)
            elif self._closing:
                return
            if self._closing:
                self._wake.set()

    def _fail(self, batch: _Batch, error: BaseException) -> None:
        """Let nobody go on: what could not be recorded stays armed on disk and becomes a doubt."""
        self._failure = error
        self._unrecorded = batch.settled
        for part in (batch, self._batch):
            waiting: list[asyncio.Future[Any]] = [*part.frozen, *(future for _, future in part.arming)]
            for future in waiting:
                if not future.done():
                    future.set_exception(error)

    def _record_rest(self) -> None:
        """Try once more to record what the relay answered, so that a failure that is over leaves no needless doubt."""
        settled = self._unrecorded + self._batch.settled
        with suppress(Exception), self._store.transaction() as tx:  # the first failure is the one to report
            self._settle(tx, settled, clock.to_ms(self._now()))

    def _record(self, batch: _Batch) -> tuple[frozenset[int], list[Decision]]:
        """Write a batch without committing it; return the messages that lost their code, and who may go.

        On the event loop's own thread: another one would have to win the interpreter back from the loop after every
        row. Only the commit, which waits for the disk, is the other thread's.
        """
        now = self._now()
        at = clock.to_ms(now)
        tx = self._store.begin()
        try:
            lost = frozenset(codes.give(tx, batch.gifts))
            kept = [content for content in batch.contents if content.message_id not in lost]
            contents.keep(tx, kept, at=at)
            links.keep(tx, ((content.message_id, content.links) for content in kept))
            articles.note(tx, ((url, content.message_id) for content in kept for url in content.articles))
            polls.note_asked(tx, ((poll, content.message_id) for content in kept for poll in content.polls))
            messages.make_ready(tx, [content.message_id for content in kept])
            for refused in batch.refused:
                messages.refuse(tx, [(refused.message_id, refused.reason)], at=at, again_at=refused.again_at)
            self._settle(tx, batch.settled, at)
            return lost, self._arm(tx, [message_id for message_id, _ in batch.arming], now)
        except BaseException:
            self._store.rollback()
            raise

    def _settle(self, tx: Connection, settled: Sequence[Settled], at: int) -> None:
        messages.settle(tx, [item.outcome for item in settled], at=at)
        for item in settled:
            if item.bounced is not None:
                self._bounce(tx, item, item.bounced, at)

    def _bounce(self, tx: Connection, item: Settled, address: str, at: int) -> None:
        when = clock.from_ms(at)
        event = Event(
            name=record.BOUNCED,
            source="relay",
            source_id=f"message:{item.outcome.message_id}",
            occurred_at=when,
            recorded_at=when,
            contact_id=item.contact_id,
            properties={"kind": record.HARD, "address": address, "reply": item.outcome.reply},
        )
        record.record(tx, event, keys=self._keys)

    def _arm(self, tx: Connection, ids: Sequence[int], now: datetime) -> list[Decision]:
        if not ids:
            return []
        facts = candidates.for_messages(tx, self._keys, ids, now=now, month=self._limits.mix is not None)
        found = {item.message_id: item for item in facts}
        decisions = policy.decide_all([found[message_id] for message_id in ids], self._limits, now)
        at = clock.to_ms(now)
        allowed = [message_id for message_id, decision in zip(ids, decisions, strict=True) if decision.allowed]
        armed = messages.arm(tx, allowed, runner=self._runner, at=at)
        self._refuse(tx, zip(ids, decisions, strict=True), at)
        return [
            _NO_LONGER_OPEN if decision.allowed and message_id not in armed else decision
            for message_id, decision in zip(ids, decisions, strict=True)
        ]

    def _refuse(self, tx: Connection, decided: Iterable[tuple[int, Decision]], at: int) -> None:
        """Skip what may not go now, until its reason is gone where that is known, else for an hour."""
        refused: dict[int, list[tuple[int, str]]] = {}
        for message_id, decision in decided:
            if not decision.allowed and decision.reason is not policy.Reason.STOPPED:
                again_at = at + messages.LOOK_AGAIN_MS if decision.until is None else clock.to_ms(decision.until)
                refused.setdefault(again_at, []).append((message_id, decision.code))
        for again_at, some in refused.items():
            messages.refuse(tx, some, at=at, again_at=again_at)


def _release(batch: _Batch, lost: frozenset[int], decisions: Sequence[Decision]) -> None:
    """Let go on who waited for a commit, unless they were cancelled meanwhile."""
    for frozen in batch.frozen:
        if not frozen.done():
            frozen.set_result(lost)
    for (_, armed), decision in zip(batch.arming, decisions, strict=True):
        if not armed.done():
            armed.set_result(decision)
