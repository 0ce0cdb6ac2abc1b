"""The line for cron: silent when there is nothing to say, exact when a program listens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mail_shop import CAMPAIGN, NOW, add_people, mailflow, make_shop, with_relay, write_campaign
from mailflow.workspace import Workspace
from sink import Fault, Sink


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = make_shop(tmp_path / "shop", people=3)
    add_people(made, ["quiet@example.com"], consent=None)
    return made


def test_nothing_to_do_is_said_by_silence(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "run") == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_what_was_done_is_told(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-20 10:00\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW.replace(hour=8)) == 0
    capsys.readouterr()
    assert mailflow(shop, "run", now=NOW) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "hello: 3 to send" in said.err
    assert "  1 left out: Nothing says that they agreed to marketing mail." in said.err
    assert "3 rehearsed into" in said.err
    assert mailflow(shop, "run", "--quiet", now=NOW) == 0
    assert capsys.readouterr().err == ""


def test_the_same_for_a_program(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "send", "hello", "--yes", "--format", "json", "--quiet") == 0
    assert json.loads(capsys.readouterr().out) == {
        "planned": {"hello": {"send": 3, "no_consent": 1}},
        "accepted": 3,
        "deferred": 0,
        "failed": 0,
        "in_doubt": 0,
        "refused": {},
        "expired": 0,
        "segments": {},
        "held": {},
        "stopped": [],
        "recovered": {"ready": 0, "in_doubt": 0, "assumed_sent": 0},
    }


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault("RCPT", "reply", text="450 4.2.0 greylisted"), 0, "put off"),
        (Fault("RCPT", "reply", text="550 5.1.1 no such user", match="p1@"), 1, "1 messages failed"),
        (Fault("DOT", "drop", match="p1@"), 1, "1 messages are in doubt"),
        (Fault("CONNECT", "reply", text="554 go away"), 69, "the relay cannot be used"),
        (Fault("MAIL", "reply", text="550 5.7.26 unauthenticated"), 1, "hello was stopped"),
    ],
    ids=["not now", "no such user", "in doubt", "down", "sender refused"],
)
def test_the_exit_code_tells_what_became_of_it(
    shop: Workspace,
    mail_sink: Callable[..., Sink],
    capsys: pytest.CaptureFixture[str],
    fault: Fault,
    code: int,
    words: str,
) -> None:
    good, bad = mail_sink(), mail_sink(fault)
    with_relay(shop.root, good.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    with_relay(shop.root, bad.port)
    capsys.readouterr()
    assert mailflow(shop, "send", "hello", "--yes") == code
    assert words in capsys.readouterr().err
