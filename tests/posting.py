"""A store with people and frozen messages, and runs of the real dispatcher over it: what delivery tests share."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailflow import clock
from mailflow.cli.main import run as run_command
from mailflow.config import RelaySettings
from mailflow.delivery.carrier import Carrier
from mailflow.delivery.connect import Credentials
from mailflow.delivery.dispatch import Dispatcher, Ready, Report
from mailflow.delivery.ledger import Ledger
from mailflow.delivery.rate import Limiter
from mailflow.delivery.smtp import SmtpCarrier
from mailflow.model import ConsentState, MessageState
from mailflow.policy import Limits
from mailflow.store import Store, contents, messages, state
from mailflow.store.contents import Content
from mailflow.tokens import Keys
from mailflow.workspace import Workspace
from people import add_contact, add_message
from sink import Sink

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
PATIENCE = 30  # seconds that one run may take before the test fails
UNSETTLED = {MessageState.READY, MessageState.DEFERRED}


def relay(port: int, **settings: object) -> RelaySettings:
    """Return settings of a relay on loopback, without TLS and with short waits unless said otherwise."""
    given = {"host": "127.0.0.1", "port": port, "tls": "none", "connections": 2, "timeout": 5, "dot_timeout": 5}
    return RelaySettings.model_validate({**given, **settings})


def letter(number: int, size: int = 200) -> bytes:
    """Return a message whose Message-ID the sink can tell; it has lines that begin with dots."""
    head = f"Message-ID: <m{number}@shop.example>\r\nSubject: Hello\r\n\r\n.dotted\r\n..\r\n"
    return head.encode() + (b"x" * 70 + b"\r\n") * max(0, (size - 70) // 72) + b"the end\r\n"


class Post:
    """A database with `people` subscribers and one ready message for each, due now."""

    def __init__(self, folder: Path, people: int = 6, *, addresses: Sequence[str] = (), size: int = 200) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "mailflow.db"
        self.store = Store.create(self.path)
        self.keys = Keys.load_or_create(folder / "keys.json")
        given = addresses or [f"p{number}@example.com" for number in range(1, people + 1)]
        with self.store.transaction() as tx:
            ids = []
            for address in given:
                contact = add_contact(tx, address, now=NOW, consent=ConsentState.SUBSCRIBED)
                ids.append(add_message(tx, contact, address, now=NOW, state=MessageState.PLANNED))
            frozen = [
                Content(number, "shop@shop.example", address, "Hello", letter(number, size))
                for number, address in zip(ids, given, strict=True)
            ]
            contents.keep(tx, frozen, at=clock.to_ms(NOW))
            messages.make_ready(tx, [content.message_id for content in frozen])

    @classmethod
    def copy_of(cls, other: Post, folder: Path) -> Post:
        """Return a copy in another folder, which is faster than writing it anew."""
        shutil.copytree(other.path.parent, folder)
        return cls.at(folder)

    @classmethod
    def at(cls, folder: Path) -> Post:
        """Open one that was made before."""
        post = cls.__new__(cls)
        post.path = folder / "mailflow.db"
        post.store = Store.open(post.path, backups=folder)
        post.keys = Keys.load_or_create(folder / "keys.json")
        return post

    def run(
        self,
        settings: RelaySettings,
        *,
        after: timedelta = timedelta(),
        credentials: Credentials | None = None,
        store: Store | None = None,
        limits: Limits | None = None,
        on_settled: Callable[[], None] = lambda: None,
    ) -> Report:
        """Recover and deliver what is due at `NOW + after`, as a tick does; `store` stands in for the ledger's."""
        now = NOW + after
        with self.store.transaction() as tx:
            messages.recover(tx, at=clock.to_ms(now))
            messages.expire(tx, at=clock.to_ms(now))

        def instant() -> datetime:
            return now

        async def deliver() -> Report:
            runner = {"runner": "test", "now": instant}
            async with Ledger(store or self.store, self.keys, limits or Limits(), **runner) as ledger:
                limiter = Limiter(settings.per_minute, asyncio.get_running_loop().time)
                dispatcher = Dispatcher(ledger, limiter, now=instant, dice=random.Random(7), on_settled=on_settled)
                carriers: list[Carrier] = [
                    SmtpCarrier(settings, credentials, hello="shop.example") for _ in range(settings.connections)
                ]
                return await dispatcher.run(self._stream(now, dispatcher), carriers)

        return asyncio.run(asyncio.wait_for(deliver(), PATIENCE))

    async def _stream(self, now: datetime, dispatcher: Dispatcher) -> AsyncIterator[Ready]:
        after = (-1, -1)
        while batch := messages.due(self.store.db, by=clock.to_ms(now), after=after, limit=20):
            after = (batch[-1].next_at, batch[-1].id)
            frozen = contents.many(self.store.db, [due.id for due in batch])
            for due in batch:
                if not dispatcher.is_stopped(due.scope):
                    yield Ready(due, frozen[due.id])

    def rows(self) -> list[sqlite3.Row]:
        """Return the messages, in order of their ids."""
        return self.store.db.execute("SELECT * FROM messages ORDER BY id").fetchall()

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows()]

    def suppressions(self) -> list[str]:
        """Return the suppressed addresses."""
        return [row[0] for row in self.store.db.execute("SELECT address FROM suppressions ORDER BY id")]

    def close(self) -> None:
        self.store.close()


def make_shop(root: Path, relay_settings: str, people: int) -> Workspace:
    """Make a workspace whose campaign `hello` goes to `people` subscribers by a relay (YAML), its test seen."""
    assert run_command(["init", str(root), "--quiet"]) == 0
    (root / "mailflow.yaml").write_text(
        "name: Quitte\nsender: {name: Quitte, email: hello@quitte.example}\naddress: 1 Long Lane\ncurrency: EUR\n"
        f"timezone: Europe/Vienna\nunsubscribe: {{mailto: out@quitte.example}}\nrelay: {relay_settings}\n",
        encoding="utf-8",
    )
    (root / "campaigns" / "hello.yaml").write_text("audience: everyone\ntemplate: hello\n", encoding="utf-8")
    (root / "templates" / "hello.md").write_text("---\nsubject: Hello\n---\nHello there.\n", encoding="utf-8")
    shop = Workspace.at(root)
    with shop.store.transaction() as tx:
        state.put(tx, "tested_at", "1")
        for number in range(1, people + 1):
            add_contact(tx, f"p{number}@example.com", now=NOW, consent=ConsentState.SUBSCRIBED)
    return shop


def states_of(shop: Workspace) -> Counter[str]:
    """Return how many messages of a workspace are in each state."""
    return Counter(row[0] for row in shop.store.db.execute("SELECT state FROM messages"))


def audit(post: Post, sink: Sink) -> None:
    """Check what holds after any run: nobody twice, "accepted" only what the sink has, a reason for everything else."""
    copies = sink.copies()
    assert set(copies.values()) <= {1}, "somebody got it twice"
    for row in post.rows():
        found, taken = MessageState(row["state"]), copies[f"<m{row['id']}@shop.example>"]
        match found:
            case MessageState.ACCEPTED:
                assert taken == 1
                assert row["reply"].startswith("2")
                assert row["settled_at"] is not None
            case MessageState.IN_DOUBT:
                assert row["reason"] in {"no_readable_reply", "interrupted"}
                assert row["settled_at"] is not None
            case MessageState.DEFERRED | MessageState.FAILED:
                assert taken == 0
                assert row["reason"]
                assert row["reply"]
            case MessageState.SKIPPED:
                assert taken == 0
                assert row["reason"]
            case _:
                assert found is MessageState.READY
                assert taken == 0
