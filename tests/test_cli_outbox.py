"""The outbox: every message by name, with the keys that scripts rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mail_shop import CAMPAIGN, NOW, add_people, mailflow, make_shop, with_relay, write_campaign
from mailflow.workspace import Workspace
from sink import Fault, Sink

KEYS = ["id", "email", "what", "state", "due_at", "attempts", "reply", "reason"]
Listed = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = make_shop(tmp_path / "shop", people=3)
    add_people(made, ["quiet@example.com"], consent=None)
    assert mailflow(made, "send", "hello", "--yes", now=NOW) == 0
    return made


@pytest.fixture
def listed(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Listed:
    """Return a function that gives `mailflow outbox list … --format json`."""

    def command(*words: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert mailflow(shop, "outbox", "list", *words, "--format", "json") == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    return command


def test_the_keys_are_those_of_the_contract(listed: Listed) -> None:
    found = listed()
    assert [list(row) for row in found] == [KEYS] * 4
    assert found[-1] == {
        "id": 1,
        "email": "p1@example.com",
        "what": "hello",
        "state": "accepted",
        "due_at": "2026-03-20T09:00:00Z",
        "attempts": 1,
        "reply": "250 rehearsed into 00000001.mailflow.eml",
        "reason": None,
    }
    assert (found[0]["state"], found[0]["reason"]) == ("skipped", "no_consent")


def test_filters(shop: Workspace, listed: Listed) -> None:
    write_campaign(shop.root, "other", CAMPAIGN)
    assert mailflow(shop, "send", "other", "--yes", now=NOW) == 0
    assert len(listed()) == 8
    assert {row["what"] for row in listed("--campaign", "other")} == {"other"}
    assert [row["email"] for row in listed("--state", "skipped", "--campaign", "hello")] == ["quiet@example.com"]
    assert len(listed("--state", "skipped", "--state", "accepted")) == 8
    assert len(listed("--email", "P1@Example.com")) == 2
    assert len(listed("--limit", "3")) == 3
    assert listed("--email", "nobody@example.com") == []
    assert mailflow(shop, "outbox", "list", "--state", "lost") == 2


def test_a_script_gets_all_and_a_person_the_latest(
    tmp_path: Path, listed: Listed, shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    add_people(shop, [f"more{number}@example.com" for number in range(100)])
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert len(listed()) == 104
    assert mailflow(shop, "outbox", "list") == 0
    said = capsys.readouterr()
    assert said.out.count("@example.com") == 50
    assert "these are the latest 50: --limit shows more" in said.err


def test_one_message_with_its_attempts(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "outbox", "show", "1", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found)[: len(KEYS)] == KEYS
    assert (found["to"], found["subject"], found["rehearsal"]) == ("p1@example.com", "Hello you", True)
    (attempt,) = found["attempts_made"]
    assert attempt["outcome"] == "accepted"
    assert mailflow(shop, "outbox", "show", "1") == 0
    page = capsys.readouterr().out
    assert "2026-03-20 10:00" in page  # the shop's own time
    assert "rehearsal" in page


def test_the_exact_bytes_of_a_message(shop: Workspace, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    capfdbinary.readouterr()
    assert mailflow(shop, "outbox", "show", "1", "--eml") == 0
    data = capfdbinary.readouterr().out
    assert data == (shop.maildir / "new" / "00000001.mailflow.eml").read_bytes()


def test_what_is_not_there_is_told(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "outbox", "show", "99") == 2
    assert "there is no message 99: `mailflow outbox list` shows their numbers" in capsys.readouterr().err
    assert mailflow(shop, "outbox", "show", "4", "--eml") == 2
    assert "has no bytes" in capsys.readouterr().err


def test_what_a_relay_refused_has_its_words(tmp_path: Path, mail_sink: Callable[..., Sink], listed: Listed) -> None:
    shop = make_shop(tmp_path / "real", people=2)
    sink = mail_sink(Fault("RCPT", "reply", text="550 5.1.1 no such user", match="p1@"))
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    assert mailflow(shop, "send", "hello", "--yes") == 1
    rows = shop.store.db.execute("SELECT state, reply, reason FROM messages ORDER BY id").fetchall()
    assert [row["state"] for row in rows] == ["failed", "accepted"]
    assert "550 5.1.1 no such user" in rows[0]["reply"]
    assert rows[0]["reason"] == "hard_bounce"
