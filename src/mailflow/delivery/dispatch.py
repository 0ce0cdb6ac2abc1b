"""Carry a stream of messages over several connections at once. Where the stream comes from: jobs/deliver.py."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailflow import clock
from mailflow.delivery import backoff
from mailflow.delivery.carrier import Carrier, CarrierDown
from mailflow.delivery.ledger import Ledger, Settled
from mailflow.delivery.rate import Limiter
from mailflow.delivery.replies import Fault, Judgement, Reply, judge
from mailflow.model import MessageState
from mailflow.policy import Decision, Reason
from mailflow.store.contents import Content
from mailflow.store.messages import Due, Outcome

RELAY_PAUSE = timedelta(minutes=5)
FAULTS_IN_A_ROW = 3  # of the relay, before a connection gives up
AHEAD = 50  # messages that wait, rendered, for a connection
BREAKER_AFTER = 100  # settled messages of a scope, before its share of refusals means something
BREAKER_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that may be offered: its row and its frozen bytes."""

    due: Due
    content: Content


@dataclass(slots=True)
class Report:
    """What a dispatch did: messages per state, scopes it had to stop, and why it ended early.

    `stopped` are stops that have to hold from now on, `halted` scopes met a stop of the owner's. `down` is why the
    last connection was lost, when none was left to carry the rest.
    """

    states: Counter[MessageState] = field(default_factory=Counter)
    refused: Counter[Reason] = field(default_factory=Counter)
    stopped: dict[str, str] = field(default_factory=dict)
    halted: set[str] = field(default_factory=set)
    down: Reply | None = None
    login_refused: Reply | None = None


class Dispatcher:
    """Runs connections over one stream of ready messages until it ends or nothing can be carried any more."""

    def __init__(
        self,
        ledger: Ledger,
        limiter: Limiter,
        *,
        now: Callable[[], datetime],
        dice: random.Random,
        on_settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._limiter = limiter
        self._now = now
        self._dice = dice
        self._on_settled = on_settled
        self._failed: Counter[str] = Counter()
        self._settled: Counter[str] = Counter()
        self._opening = asyncio.Lock()
        self._lost: Reply | None = None  # why a connection gave up
        self._stopping = False
        self._stream_failure: Exception | None = None
        self.report = Report()

    def is_stopped(self, scope: str) -> bool:
        """Whether this run has found that a scope must not go on."""
        return scope in self.report.stopped or scope in self.report.halted

    async def run(self, stream: AsyncIterator[Ready], carriers: list[Carrier]) -> Report:
        """Carry the stream. Messages that were not armed stay as they are when it ends early."""
        queue: asyncio.Queue[Ready | None] = asyncio.Queue(maxsize=AHEAD)
        feeder = asyncio.create_task(self._feed(stream, queue, len(carriers)))
        workers = [asyncio.create_task(self._work(carrier, queue)) for carrier in carriers]
        try:
            reached_the_end = await asyncio.gather(*workers)
        finally:
            for task in (feeder, *workers):
                task.cancel()
            await asyncio.gather(feeder, *workers, return_exceptions=True)
        if self._stream_failure is not None:
            raise self._stream_failure
        if not any(reached_the_end):
            self.report.down = self._lost
        return self.report

    async def _feed(self, stream: AsyncIterator[Ready], queue: asyncio.Queue[Ready | None], workers: int) -> None:
        try:
            async for ready in stream:
                await queue.put(ready)
        except Exception as error:  # raised again by `run`, when the connections have let go
            self._stream_failure = error
        for _ in range(workers):
            await queue.put(None)

    async def _work(self, carrier: Carrier, queue: asyncio.Queue[Ready | None]) -> bool:
        """Carry with one connection; return whether it lived to the end."""
        try:
            if not await self._open(carrier):
                return False
            await self._carry_all(carrier, queue)
        except CarrierDown as down:
            self._note_lost(down.reply)
            return False
        finally:
            await carrier.close()
        return True

    async def _open(self, carrier: Carrier) -> bool:
        """Open one connection after the other, and none after one that failed.

        A wrong password is tried once: relays lock accounts out after a few. A relay that takes no more connections is
        not asked for more.
        """
        async with self._opening:
            if self._lost is None:
                await carrier.open()
                return True
        return False

    async def _carry_all(self, carrier: Carrier, queue: asyncio.Queue[Ready | None]) -> None:
        """Carry until the stream ends; `CarrierDown` when the relay was at fault several times in a row."""
        faults = 0
        while (ready := await queue.get()) is not None and not self._stopping:
            if self.is_stopped(ready.due.scope):
                continue
            await self._limiter.turn()
            if self._stopping or self.is_stopped(ready.due.scope):
                continue
            reply = await self._carry(carrier, ready)
            faults = faults + 1 if reply is not None and judge(reply).fault is Fault.RELAY else 0
            if reply is not None and faults == FAULTS_IN_A_ROW:
                raise CarrierDown(reply)

    async def _carry(self, carrier: Carrier, ready: Ready) -> Reply | None:
        """Carry one message; return the relay's answer, or None where we did not let it go."""
        reply = await carrier.offer(ready.content)
        if reply is None:
            decision = await self._ledger.arm(ready.due.id)
            if not decision.allowed:
                await self._refuse(carrier, ready, decision)
                return None
            reply = await carrier.finish()
        self._settle(ready, reply)
        return reply

    async def _refuse(self, carrier: Carrier, ready: Ready, decision: Decision) -> None:
        """Drop a message that stands before its dot: the only way to take it back is to drop the line."""
        assert decision.reason is not None
        self.report.refused[decision.reason] += 1
        if decision.reason is Reason.STOPPED:
            self.report.halted.add(ready.due.scope)
        await carrier.close()

    def _settle(self, ready: Ready, reply: Reply) -> None:
        judgement = judge(reply)
        self._ledger.settle(self._settled_from(ready, reply, judgement))
        self.report.states[judgement.state] += 1
        self._on_settled()
        self._watch(ready.due.scope, judgement, reply)

    def _settled_from(self, ready: Ready, reply: Reply, judgement: Judgement) -> Settled:
        ours = judgement.fault in {Fault.RELAY, Fault.SENDER, Fault.LOGIN}
        outcome = Outcome(
            message_id=ready.due.id,
            state=judgement.state,
            reply=str(reply),
            reason=judgement.reason,
            tries=0 if ours and judgement.state is MessageState.DEFERRED else 1,
        )
        if judgement.state is MessageState.DEFERRED:
            outcome = replace(outcome, next_at=self._next_at(ready.due, ours=ours))
        bounced = ready.content.rcpt_to if judgement.fault is Fault.ADDRESS else None
        return Settled(outcome, ready.due.contact_id, bounced)

    def _next_at(self, due: Due, *, ours: bool) -> int:
        """Return when to try again, at the latest when it is too late: then it expires."""
        if ours:
            return min(clock.to_ms(self._now() + RELAY_PAUSE), due.not_after)
        again = backoff.next_try(due.attempts + 1, now=self._now(), dice=self._dice.random())
        return min(clock.to_ms(again), due.not_after)

    def _watch(self, scope: str, judgement: Judgement, reply: Reply) -> None:
        """Stop what hurts: our domain refused, our login refused, or too many addresses that do not exist."""
        self._settled[scope] += 1
        if judgement.state is MessageState.FAILED:
            self._failed[scope] += 1
        if judgement.fault is Fault.LOGIN:
            self.report.login_refused = reply
            self._stopping = True
        elif judgement.fault is Fault.SENDER:
            self.report.stopped[scope] = f"the relay refuses us as a sender: {reply}"
        elif self._settled[scope] >= BREAKER_AFTER and self._failed[scope] > BREAKER_SHARE * self._settled[scope]:
            share = self._failed[scope] / self._settled[scope]
            self.report.stopped[scope] = f"{share:.0%} of {self._settled[scope]} messages were refused, last: {reply}"

    def _note_lost(self, reply: Reply) -> None:
        if judge(reply).fault is Fault.LOGIN:
            self.report.login_refused = reply
            self._stopping = True
        self._lost = reply
