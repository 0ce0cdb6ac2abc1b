"""The question before a send, and what is said after it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mail_shop import CAMPAIGN, NOW, add_people, letters, mailflow, make_shop, states, write_campaign
from mailflow.model import ConsentState
from mailflow.workspace import Workspace


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = make_shop(tmp_path / "shop", people=3)
    add_people(made, ["no@example.com"], ConsentState.UNSUBSCRIBED)
    return made


def answered(shop: Workspace, answer: bytes, *words: str) -> tuple[int, str]:
    """Run a command on a terminal of 80 columns, answer its question, and return exit code and all it said."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "mailflow", *words, "--workspace", str(shop.root)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other side has gone
            break
        said += part
        if answer and said.rstrip().endswith(b"[y/N]"):
            os.write(ours, answer)
            answer = b""
    os.close(ours)
    return process.wait(timeout=30), said.decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"maybe\n", b"\x04"])
def test_anything_but_a_yes_sends_nothing(shop: Workspace, answer: bytes) -> None:
    code, said = answered(shop, answer, "send", "hello")
    assert code == 2
    assert "Rehearse hello to 3 people (1 of its audience do not get it)? [y/N]" in said
    assert "nothing was sent" in said
    assert states(shop) == {}


def test_a_yes_sends_what_was_shown(shop: Workspace) -> None:
    code, said = answered(shop, b"y\n", "send", "hello")
    assert code == 0
    assert said.index("They said no to marketing mail") < said.index("[y/N]") < said.index("3 rehearsed into")
    assert "nobody got mail: this was a rehearsal" in said
    assert len(letters(shop)) == 3


def test_talk_is_broken_between_words(shop: Workspace) -> None:
    _, said = answered(shop, b"y\n", "send", "hello")
    long = [line for line in said.splitlines() if len(line) > 80 and str(shop.root) not in line]
    assert long == []


def test_nobody_to_send_to_is_no_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = make_shop(tmp_path / "empty", people=0)
    assert mailflow(shop, "send", "hello") == 0
    assert "hello: 0 to send" in capsys.readouterr().err


def test_without_a_terminal_the_way_out_is_named(shop: Workspace) -> None:
    command = [sys.executable, "-m", "mailflow", "send", "hello", "--workspace", str(shop.root)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "There is no terminal to ask on: say --yes, or --plan ID" in done.stderr
    assert states(shop) == {}


def test_a_local_time_is_told_as_each_ones_own(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00 local\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert "sends it to 3 people at 2026-03-21 09:00 of each one's own time" in capsys.readouterr().err
