"""kill -9 at any moment: nobody gets a message twice, nobody is lost in silence, doubts are few and listed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.people import add_contact
from tests.sink import Fault, Sink

from mailflow.clock import now as clock_now
from mailflow.jobs import approved
from mailflow.model import ConsentState, MessageState
from mailflow.store import Store, state
from mailflow.workspace import Workspace

CONNECTIONS = 4
KILLS = int(os.environ.get("MAILFLOW_KILLS", "100"))
WANTED_ARMED = 0.8  # of the kills must hit while a message stands between its arming and its outcome

SETTINGS = """\
name: Kill shop
address: 1 Test Street, Testville
currency: EUR
timezone: Europe/Vienna
sender: {{name: Kill shop, email: news@killshop.example}}
unsubscribe: {{mailto: no@killshop.example}}
limits: {{per_day: null, per_week: null}}
relay: {{host: 127.0.0.1, port: {port}, tls: none, connections: {connections}}}
"""
CAMPAIGN = "audience: everyone\ntemplate: letter\n"
TEMPLATE = "---\nsubject: Letter to {{ contact.first_name | default('you') }}\n---\nHello {{ contact.email }}\n"


@dataclass
class Tally:
    """What the kills did, printed at the end."""

    kills: int = 0
    hit_armed: int = 0
    doubts: int = 0
    worst: int = 0
    runs: int = 0
    states: Counter[str] = field(default_factory=Counter)


def make_workspace(root: Path, port: int, contacts: int) -> Workspace:
    for folder in ("campaigns", "templates", ".mailflow"):
        (root / folder).mkdir(parents=True, mode=0o700)
    (root / "mailflow.yaml").write_text(SETTINGS.format(port=port, connections=CONNECTIONS))
    (root / "campaigns" / "letter.yaml").write_text(CAMPAIGN)
    (root / "templates" / "letter.md").write_text(TEMPLATE)
    Store.create(root / "mailflow.db").close()
    workspace = Workspace.at(root)
    with workspace.store.transaction() as tx:
        state.put(tx, approved.TESTED, "1")
        for number in range(contacts):
            add_contact(tx, f"person{number}@example.com", now=clock_now(), consent=ConsentState.SUBSCRIBED)
    return workspace


def begin(workspace: Workspace, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mailflow", *arguments, "--quiet", "--workspace", str(workspace.root)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def count(workspace: Workspace, *states: MessageState) -> int:
    marks = ",".join("?" * len(states))
    return int(
        workspace.store.db.execute(f"SELECT count(*) FROM messages WHERE state IN ({marks})", states).fetchone()[0]
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 120) -> bool:
    """Wait for a condition while the process lives; False when it ended first."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.001)
    raise AssertionError("the sender did not get anywhere")


def kill_once(workspace: Workspace, witness: Sink, process: subprocess.Popen[bytes], dice: random.Random) -> bool:
    """Kill a sender at a random moment after its first accepted message; False when it had ended before."""
    before = len(witness.accepted())
    if not wait_until(lambda: len(witness.accepted()) > before, process):
        return False
    time.sleep(dice.uniform(0.0, 0.08))
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    wait_for_quiet(witness)
    return True


def wait_for_quiet(witness: Sink) -> None:
    """Wait until the sink has taken what was on its way: else it would pass for the next sender's first message."""
    taken, since = -1, time.monotonic()
    while time.monotonic() - since < 0.1:
        if len(witness.accepted()) != taken:
            taken, since = len(witness.accepted()), time.monotonic()
        time.sleep(0.01)


def settle_kill(workspace: Workspace, tally: Tally) -> None:
    """Count what a kill left armed, before the next run turns it into doubts."""
    armed = count(workspace, MessageState.ARMED)
    tally.kills += 1
    tally.hit_armed += armed > 0
    tally.doubts += armed
    tally.worst = max(tally.worst, armed)


def test_kill_9_doubles_nobody_and_loses_nobody_in_silence(
    tmp_path: Path, mail_sink: Callable[..., Sink], capsys: pytest.CaptureFixture[str]
) -> None:
    check_kills(KILLS, tmp_path, mail_sink, capsys)


@pytest.mark.soak
def test_two_thousand_kills_double_nobody_either(
    tmp_path: Path, mail_sink: Callable[..., Sink], capsys: pytest.CaptureFixture[str]
) -> None:
    check_kills(2_000, tmp_path, mail_sink, capsys)


def check_kills(kills: int, tmp_path: Path, mail_sink: Callable[..., Sink], capsys: pytest.CaptureFixture[str]) -> None:
    """Kill a campaign's senders again and again until it is done, print the counts, and check them."""
    dice = random.Random(20_261_122)
    people = kills * 14
    # The sink thinks for a while before it answers a dot, as relays do: most kills then hit an armed message.
    witness = mail_sink(Fault(at="DOT", action="delay", seconds=0.02))
    workspace = make_workspace(tmp_path / "shop", witness.port, people)
    tally = Tally()
    process = begin(workspace, "send", "letter", "--yes")
    while tally.kills < kills:
        killed = kill_once(workspace, witness, process, dice)
        tally.runs += 1
        if not killed:
            break
        settle_kill(workspace, tally)
        process = begin(workspace, "run")
    process.wait(timeout=120)
    subprocess.run([sys.executable, "-m", "mailflow", "run", "-q", "--workspace", str(workspace.root)], timeout=120)

    copies = witness.copies()
    accepted = count(workspace, MessageState.ACCEPTED)
    doubts = count(workspace, MessageState.IN_DOUBT)
    open_ones = count(workspace, MessageState.PLANNED, MessageState.READY, MessageState.ARMED, MessageState.DEFERRED)
    with capsys.disabled():
        print(
            f"\n{tally.kills} kills, {tally.hit_armed} hit an armed message; {people} messages: {accepted} accepted,"
            f" {doubts} in doubt (worst kill {tally.worst}, {CONNECTIONS} connections), {open_ones} open;"
            f" the sink has {len(copies)}, most copies of one: {max(copies.values())}"
        )
    assert tally.kills == kills
    assert tally.hit_armed >= WANTED_ARMED * kills
    assert max(copies.values()) == 1, "somebody got it twice"
    assert tally.worst <= CONNECTIONS
    assert doubts == tally.doubts
    assert accepted + doubts + open_ones == people
    assert open_ones == 0
    listed = {row[0] for row in workspace.store.db.execute("SELECT address FROM messages WHERE state = 'in_doubt'")}
    unseen = {f"person{n}@example.com" for n in range(people)} - {recipient for _, recipient in witness.accepted()}
    assert unseen <= listed, "somebody got nothing and is not listed"


def test_of_two_runs_at_once_one_works_and_one_exits_75(tmp_path: Path, mail_sink: Callable[..., Sink]) -> None:
    witness = mail_sink(Fault(at="DOT", action="wait", skip=1))
    workspace = make_workspace(tmp_path / "shop", witness.port, 240)
    first = begin(workspace, "send", "letter", "--yes")
    assert wait_until(lambda: len(witness.accepted()) > 0, first)
    second = begin(workspace, "run")
    assert second.wait(timeout=120) == 75
    assert first.poll() is None
    witness.release()
    assert first.wait(timeout=120) == 0
    assert len(witness.accepted()) == 240
    assert set(witness.copies().values()) == {1}
