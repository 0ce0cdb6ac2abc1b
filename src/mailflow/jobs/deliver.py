"""Deliver what is due: render a little ahead, and carry it out while it is being rendered."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailflow import clock
from mailflow.delivery.carrier import Carrier
from mailflow.delivery.dispatch import Dispatcher, Ready, Report
from mailflow.delivery.ledger import Ledger, Settled
from mailflow.delivery.maildir import MaildirCarrier
from mailflow.delivery.rate import Limiter
from mailflow.delivery.smtp import Credentials, SmtpCarrier
from mailflow.errors import MailflowError
from mailflow.jobs.campaign import OpenCampaign
from mailflow.model import MessageState
from mailflow.outbox import context
from mailflow.outbox.render import Renderer
from mailflow.policy import Limits
from mailflow.store import Store, messages
from mailflow.store.messages import Content, Due, Outcome
from mailflow.workspace import Workspace

_AHEAD = 100  # messages whose data is read at once; rendered one by one as the connections take them
_FIRST = (-1, -1)
_REHEARSAL_CARRIERS = 16  # what several of them arm becomes durable in one commit: three times as fast as one by one


@dataclass(slots=True)
class Delivery:
    """What one delivery did."""

    report: Report
    unrendered: Counter[str] = field(default_factory=Counter)  # reason → messages that could not be made


def deliver(
    workspace: Workspace,
    open_campaigns: dict[str, OpenCampaign],
    *,
    now: Callable[[], datetime],
    on_settled: Callable[[], None] = lambda: None,
) -> Delivery:
    """Deliver every due message of the scopes in `open_campaigns`, under the run lock."""
    return asyncio.run(_deliver(workspace, open_campaigns, now, on_settled))


async def _deliver(
    workspace: Workspace,
    open_campaigns: dict[str, OpenCampaign],
    now: Callable[[], datetime],
    on_settled: Callable[[], None],
) -> Delivery:
    settings = workspace.settings
    limits = Limits(settings.limits.per_day, settings.limits.per_week)
    loop = asyncio.get_running_loop()
    async with Ledger(workspace.store, workspace.keys, limits, runner=runner_name(), now=now) as ledger:
        per_minute = settings.relay.per_minute if settings.relay else None
        dispatcher = Dispatcher(
            ledger, Limiter(per_minute, loop.time), now=now, dice=random.Random(), on_settled=on_settled
        )
        producer = _Producer(workspace, open_campaigns, ledger, dispatcher, now)
        report = await dispatcher.run(producer.stream(), carriers(workspace))
    return Delivery(report, producer.unrendered)


def carriers(workspace: Workspace) -> list[Carrier]:
    """Return the connections to use: those to the relay, or some into the rehearsal Maildir."""
    settings = workspace.settings
    if settings.relay is None:
        return [MaildirCarrier(workspace.maildir) for _ in range(_REHEARSAL_CARRIERS)]
    password = settings.relay.password(os.environ, workspace.root)
    credentials = Credentials(settings.relay.username, password) if settings.relay.username and password else None
    return [
        SmtpCarrier(settings.relay, credentials, hello=settings.sender.domain)
        for _ in range(settings.relay.connections)
    ]


def runner_name() -> str:
    """Return which process this is, for the attempts it makes."""
    return f"{socket.gethostname()}:{os.getpid()}"


class _Producer:
    """Yields due messages in order, with their bytes; what is not rendered yet is rendered on the way."""

    def __init__(
        self,
        workspace: Workspace,
        open_campaigns: dict[str, OpenCampaign],
        ledger: Ledger,
        dispatcher: Dispatcher,
        now: Callable[[], datetime],
    ) -> None:
        self._workspace = workspace
        self._open = open_campaigns
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._now = now
        self._renderers: dict[str, Renderer] = {}
        self._store: Store = workspace.store
        self.unrendered: Counter[str] = Counter()

    async def stream(self) -> AsyncIterator[Ready]:
        after = _FIRST
        by = clock.to_ms(self._now())
        while batch := messages.due(self._store.db, by=by, after=after, limit=_AHEAD):
            after = (batch[-1].next_at, batch[-1].id)
            wanted = [due for due in batch if due.scope in self._open]
            known = self._contexts(wanted)
            for due in wanted:
                if self._dispatcher.is_stopped(due.scope):
                    continue
                content = self._content(due, known)
                if content is not None:
                    yield Ready(due, content)

    def _contexts(self, batch: Sequence[Due]) -> dict[int, dict[str, Any]]:
        ids = [due.contact_id for due in batch if due.state is MessageState.PLANNED]
        return context.contact_contexts(self._store.db, ids, settings=self._workspace.settings, now=self._now())

    def _content(self, due: Due, known: dict[int, dict[str, Any]]) -> Content | None:
        """Return the frozen bytes of a message, making them where there are none; None where that is impossible."""
        if due.state is not MessageState.PLANNED:
            frozen = messages.content(self._store.db, due.id)
            if frozen is None:
                self._give_up(due, "the rendered message is gone")
            return frozen
        try:
            content = self._render(due, known[due.contact_id])
        except MailflowError as error:
            self._give_up(due, str(error).splitlines()[0])
            return None
        self._ledger.freeze(content)
        return content

    def _render(self, due: Due, known: dict[str, Any]) -> Content:
        first = due.scope not in self._renderers
        if first:
            self._renderers[due.scope] = self._open[due.scope].renderer()
        return self._renderers[due.scope].content(
            due.id, address=due.address, token=due.token, context=known, now=self._now(), checked=first
        )

    def _give_up(self, due: Due, reason: str) -> None:
        self.unrendered[reason] += 1
        outcome = Outcome(due.id, MessageState.FAILED, reply="", reason=reason)
        self._ledger.settle(Settled(outcome, due.contact_id))
