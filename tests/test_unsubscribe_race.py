"""A no that is recorded while a campaign is being sent: nothing that was not armed before it goes out any more."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mailflow import clock
from mailflow.cli.main import run
from mailflow.model import ConsentState, MessageState
from mailflow.store.events import Event
from mailflow.tracking.record import record
from mailflow.workspace import Workspace
from people import add_contact
from sink import Fault, Sink

PEOPLE = 300
WHILE_IT_WAITS = 40  # noes said while the relay holds every message at its dot: most of these come in time
NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ON_ITS_WAY = {MessageState.ARMED, MessageState.ACCEPTED}


def make_shop(root: Path, port: int) -> Workspace:
    """Make a workspace with a relay and people who all agreed to mail."""
    assert run(["init", str(root), "--quiet"]) == 0
    (root / "mailflow.yaml").write_text(
        "name: Quitte\nsender: {name: Quitte, email: hello@quitte.example}\naddress: 1 Long Lane\ncurrency: EUR\n"
        "timezone: Europe/Vienna\nunsubscribe: {mailto: out@quitte.example}\n"
        f"relay: {{host: 127.0.0.1, port: {port}, tls: none, connections: 4}}\n",
        encoding="utf-8",
    )
    (root / "campaigns" / "hello.yaml").write_text("audience: everyone\ntemplate: hello\n", encoding="utf-8")
    (root / "templates" / "hello.md").write_text("---\nsubject: Hello\n---\nHello there.\n", encoding="utf-8")
    shop = Workspace.at(root)
    with shop.store.transaction() as tx:
        for number in range(PEOPLE):
            add_contact(tx, f"p{number}@example.com", now=NOW, consent=ConsentState.SUBSCRIBED)
    return shop


def say_no(shop: Workspace, contact_id: int) -> str | None:
    """Record a no, and return the state in which it met the contact's message; None where there was no message."""
    now = clock.now()
    with shop.store.transaction() as tx:
        record(tx, Event("unsubscribed", "web", f"no {contact_id}", now, now, contact_id), keys=shop.keys)
        row = tx.execute(
            "SELECT state FROM messages WHERE contact_id = ? AND scope = 'campaign:hello'", (contact_id,)
        ).fetchone()
    return None if row is None else str(row["state"])


def test_nothing_goes_out_after_a_no_that_was_not_armed_before_it(
    tmp_path: Path, mail_sink: Callable[..., Sink]
) -> None:
    sink = mail_sink(Fault("DOT", "wait", seconds=0.02, skip=10))
    shop = make_shop(tmp_path / "shop", sink.port)
    where = ["--workspace", str(shop.root), "--quiet"]
    assert run(["send", "hello", "--test-to", "me@quitte.example", *where]) == 0

    sending = subprocess.Popen([sys.executable, "-m", "mailflow", "send", "hello", "--yes", *where])
    while sending.poll() is None and len(sink.accepted()) < 10:
        pass
    people = list(range(1, PEOPLE + 1))
    random.Random(7).shuffle(people)
    met: dict[int, str | None] = {}
    for number, contact_id in enumerate(people):
        if number == WHILE_IT_WAITS:
            sink.release()
        if sending.poll() is None:
            met[contact_id] = say_no(shop, contact_id)
    assert sending.wait(timeout=120) in {0, 1}

    got = {to for _, to in sink.accepted()}
    too_late = [
        contact_id
        for contact_id, state in met.items()
        if state not in ON_ITS_WAY and f"p{contact_id - 1}@example.com" in got
    ]
    in_time = sum(state not in ON_ITS_WAY for state in met.values())
    print(f"{len(met)} noes during the send, {in_time} of them in time, {len(too_late)} mailed all the same")
    assert too_late == []
    assert in_time >= 20
    reasons = dict(
        shop.store.db.execute("SELECT reason, count(*) FROM messages WHERE state = 'skipped' GROUP BY 1").fetchall()
    )
    assert reasons == {"unsubscribed": in_time}
