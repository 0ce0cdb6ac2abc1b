"""Deliver what is due: render a little ahead, and carry it out while it is being rendered."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mailflow import clock
from mailflow.delivery.carrier import Carrier
from mailflow.delivery.connect import Credentials
from mailflow.delivery.dispatch import AHEAD, Dispatcher, Ready, Report
from mailflow.delivery.ledger import Ledger, Refused, Settled
from mailflow.delivery.maildir import MaildirCarrier
from mailflow.delivery.rate import Limiter
from mailflow.delivery.smtp import SmtpCarrier
from mailflow.errors import MailflowError
from mailflow.jobs import personal
from mailflow.jobs.campaign import OpenCampaign
from mailflow.jobs.offer_desk import Desk, Offered
from mailflow.model import MessageState
from mailflow.outbox.render import Renderer
from mailflow.policy import limits_of
from mailflow.store import Store, contents, messages
from mailflow.store.contents import Content
from mailflow.store.messages import Due, Outcome
from mailflow.workspace import Workspace

_FIRST = (-1, -1)
_TRIES = 3  # to render a message anew whose code went to somebody else meanwhile
_REHEARSAL_CARRIERS = 16  # what several of them arm becomes durable in one commit: three times as fast as one by one


@dataclass(slots=True)
class Delivery:
    """What one delivery did."""

    report: Report
    unrendered: Counter[str] = field(default_factory=Counter)  # reason → messages that could not be made
    dry: Counter[str] = field(default_factory=Counter)  # scope → messages for which no code was left


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
    limits = limits_of(settings)
    loop = asyncio.get_running_loop()
    async with Ledger(workspace.store, workspace.keys, limits, runner=runner_name(), now=now) as ledger:
        per_minute = settings.relay.per_minute if settings.relay else None
        dispatcher = Dispatcher(
            ledger, Limiter(per_minute, loop.time), now=now, dice=random.Random(), on_settled=on_settled
        )
        producer = _Producer(workspace, open_campaigns, ledger, dispatcher, now)
        report = await dispatcher.run(producer.stream(), carriers(workspace))
    return Delivery(report, producer.unrendered, producer.dry)


def carriers(workspace: Workspace) -> list[Carrier]:
    """Return the connections to use: those to the relay, or some into the rehearsal Maildir."""
    settings = workspace.settings
    if settings.relay is None:
        return [MaildirCarrier(workspace.maildir) for _ in range(_REHEARSAL_CARRIERS)]
    relay = settings.relay.seen_from(workspace.root)
    password = relay.password(os.environ, workspace.root)
    credentials = Credentials(relay.username, password) if relay.username and password else None
    return [SmtpCarrier(relay, credentials, hello=settings.sender.domain) for _ in range(relay.connections)]


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
        self._asked: personal.Asked | None = None  # what templates ask of people; found when needed
        self._desk = Desk(workspace, open_campaigns)
        self.unrendered: Counter[str] = Counter()
        self.dry: Counter[str] = Counter()

    async def stream(self) -> AsyncIterator[Ready]:
        after = _FIRST
        by = clock.to_ms(self._now())
        while batch := messages.due(self._store.db, by=by, after=after, limit=AHEAD):
            after = (batch[-1].next_at, batch[-1].id)
            wanted = [due for due in batch if due.scope in self._open and not self._dispatcher.is_stopped(due.scope)]
            for together in self._rounds(wanted):
                for ready in await self._ready(together):
                    yield ready

    async def _ready(self, batch: Sequence[Due], tries: int = _TRIES) -> list[Ready]:
        """Return messages with their bytes, frozen before any is offered; those that cannot be made are left out."""
        frozen = contents.many(self._store.db, [due.id for due in batch])
        planned = [due for due in batch if due.state is MessageState.PLANNED]
        made = [due for due in planned if due.id not in frozen]  # the others were skipped after a relay saw their bytes
        offered = self._desk.choose(made, self._now())
        self._leave_out(batch, offered)
        made = [due for due in made if not offered.leaves_out(due.id)]
        known = self._contexts(made)
        found: dict[int, Content | None] = {}
        for due in batch:
            if not offered.leaves_out(due.id):
                found[due.id] = frozen.get(due.id) or self._content(due, known, offered.contexts.get(due.id))
            await asyncio.sleep(0)  # the connections go on while the next message is rendered
        rendered = [content for due in planned if (content := found.get(due.id)) is not None]
        gifts = [gift for content in rendered if (gift := offered.gifts.get(content.message_id)) is not None]
        lost = await self._ledger.freeze(rendered, gifts)
        ready = [Ready(due, content) for due in batch if due.id not in lost and (content := found.get(due.id))]
        if lost and tries:  # to another process, were the run lock no lock: with another code
            ready += await self._ready([due for due in made if due.id in lost], tries - 1)
        return ready

    def _rounds(self, batch: Sequence[Due]) -> Iterator[list[Due]]:
        """Yield the messages of a batch so that none is made beside another one that has articles for the same person.

        What the first one has is known when the next one is made: nobody gets an article twice.
        """
        left = list(batch)
        while left:
            reading: set[int] = set()
            now: list[Due] = []
            later: list[Due] = []
            for due in left:
                has_articles = due.state is MessageState.PLANNED and self._open[due.scope].template.mentions("articles")
                (later if has_articles and due.contact_id in reading else now).append(due)
                if has_articles:
                    reading.add(due.contact_id)
            yield now
            left = later

    def _leave_out(self, batch: Sequence[Due], offered: Offered) -> None:
        """Note who gets nothing for now: because of the offer in the message, or because no code is left."""
        for due in batch:
            if (reason := offered.refused.get(due.id)) is not None:
                self._ledger.refuse(Refused(due.id, reason, due.not_after))
            elif due.id in offered.dry:
                self.dry[due.scope] += 1

    def _contexts(self, batch: Sequence[Due]) -> dict[int, dict[str, Any]]:
        if not batch:
            return {}
        if self._asked is None:
            templates = [campaign.template for campaign in self._open.values()]
            self._asked = personal.asked(self._workspace, templates, now=self._now())
        contact_ids = [due.contact_id for due in batch]
        return personal.contexts_of(self._workspace, self._asked, contact_ids, now=self._now())

    def _content(self, due: Due, known: dict[int, dict[str, Any]], offer: Mapping[str, Any] | None) -> Content | None:
        """Return the bytes of a message that has none; None, and the message fails, where that is impossible."""
        if due.state is not MessageState.PLANNED:
            self._give_up(due, "the rendered message is gone")
            return None
        if not due.address.isascii():
            self._give_up(
                due, "the address has letters that mail servers need SMTPUTF8 for, which mailflow does not use"
            )
            return None
        try:
            context = known[due.contact_id]
            return self._render(due, context if offer is None else {**context, "offer": offer})
        except MailflowError as error:
            self._give_up(due, str(error).splitlines()[0])
            return None

    def _render(self, due: Due, known: dict[str, Any]) -> Content:
        first = due.scope not in self._renderers
        if first:
            self._renderers[due.scope] = self._open[due.scope].renderer()
        content = self._renderers[due.scope].content(
            due.id, address=due.address, token=due.token, context=known, now=self._now(), checked=first
        )
        if not self._open[due.scope].template.mentions("articles"):
            return content
        return replace(content, articles=tuple(article["url"] for article in known.get("articles", ())))

    def _give_up(self, due: Due, reason: str) -> None:
        self.unrendered[reason] += 1
        outcome = Outcome(due.id, MessageState.FAILED, reply="", reason=reason)
        self._ledger.settle(Settled(outcome, due.contact_id))
