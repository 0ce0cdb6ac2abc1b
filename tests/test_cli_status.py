"""The status: what waits, what is stopped, what became of everything, per campaign."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mail_shop import CAMPAIGN, NOW, add_people, mailflow, make_shop, write_campaign
from mailflow.model import MessageState
from mailflow.workspace import Workspace


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_shop(tmp_path / "shop", people=3)


def test_nothing_yet_says_what_to_do(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "status") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "no messages yet: `mailflow plan CAMPAIGN` shows what one would do" in said.err
    assert mailflow(shop, "status", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_every_state_is_counted(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    add_people(shop, ["quiet@example.com"], consent=None)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    capsys.readouterr()
    assert mailflow(shop, "status", "--format", "json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert list(found) == ["campaign", "rehearsal", *MessageState, "next_at"]
    assert (found["campaign"], found["rehearsal"], found["accepted"], found["skipped"]) == ("hello", True, 3, 1)
    assert mailflow(shop, "status") == 0
    assert "hello (rehearsal)" in capsys.readouterr().out


def test_what_is_approved_and_waits_is_shown(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    capsys.readouterr()
    assert mailflow(shop, "status") == 0
    assert "hello (rehearsal) goes on at 2026-03-21 09:00" in capsys.readouterr().err
    assert mailflow(shop, "status", "--format", "json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["next_at"] == "2026-03-21T08:00:00Z"


def test_what_is_stopped_is_shown_with_the_way_back(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "stop") == 0
    assert mailflow(shop, "stop", "hello", "--reason", "wrong price") == 0
    capsys.readouterr()
    assert mailflow(shop, "status") == 0
    said = capsys.readouterr().err
    assert "stopped: everything (stopped by hand). `mailflow resume` lets it go on" in said
    assert "stopped: hello (wrong price). `mailflow resume hello` lets it go on" in said
