"""What a plan shows is what happens then: counts, people, times, reasons."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mail_shop import CAMPAIGN, NOW, add_people, letters, mailflow, make_shop, write_campaign
from mailflow.model import ConsentState
from mailflow.workspace import Workspace

DAY = timedelta(days=1)
KEYS = ["email", "what", "step", "due_at", "decision", "reason"]
Planned = Callable[..., dict[str, Any]]


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = make_shop(tmp_path / "shop", people=3)
    add_people(made, ["no@example.com"], ConsentState.UNSUBSCRIBED)
    return made


@pytest.fixture
def planned(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Planned:
    """Return a function that gives `mailflow plan … --format json`."""

    def command(*words: str, code: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        assert mailflow(shop, "plan", *words, "--format", "json", now=NOW) == code
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return command


def counted(plan: dict[str, Any]) -> Counter[tuple[str, str | None]]:
    return Counter((line["decision"], line["reason"]) for line in plan["messages"])


def test_the_keys_are_those_of_the_contract(planned: Planned) -> None:
    found = planned("hello")
    assert list(found) == ["plan_id", "messages"]
    assert [list(line) for line in found["messages"]] == [KEYS] * 4
    assert found["messages"][0] == {
        "email": "p1@example.com",
        "what": "hello",
        "step": "",
        "due_at": "2026-03-20T09:00:00Z",
        "decision": "send",
        "reason": None,
    }
    assert found["messages"][3]["reason"] == "unsubscribed"


def test_the_same_in_lines_and_columns(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "plan", "hello", "--format", "jsonl", now=NOW) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(line) for line in lines] == [KEYS] * 4
    assert mailflow(shop, "plan", "hello", "--format", "csv", now=NOW) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["email"] for row in rows] == [line["email"] for line in lines]
    assert mailflow(shop, "plan", "--format", "csv", now=NOW) == 0
    assert capsys.readouterr().out == ",".join(KEYS) + "\n"


def test_with_nothing_approved_nothing_is_due(
    planned: Planned, shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert planned()["messages"] == []
    assert mailflow(shop, "plan", now=NOW) == 0
    assert "not approved yet: hello. `mailflow plan hello` shows what it would do" in capsys.readouterr().err


def test_a_plan_of_the_runs_to_come_is_what_they_do(shop: Workspace, planned: Planned) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-22 09:00\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert planned("--until", "24h")["messages"] == []
    found = planned("--until", "7d")
    assert counted(found) == {("send", None): 3, ("skip", "unsubscribed"): 1}
    assert {line["due_at"] for line in found["messages"]} == {"2026-03-22T08:00:00Z"}
    assert mailflow(shop, "run", now=NOW + 2 * DAY) == 0
    assert letters(shop) == [line["email"] for line in found["messages"] if line["decision"] == "send"]
    assert planned("--until", "7d")["messages"] == []


def test_what_is_planned_already_is_shown_once(shop: Workspace, planned: Planned) -> None:
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET timezone = 'Asia/Tokyo' WHERE email = 'p1@example.com'")
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00 local\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    before = planned("--until", "7d")
    assert mailflow(shop, "run", now=NOW + DAY / 2) == 0  # rows are written, nobody is due
    after = planned("--until", "7d")
    assert letters(shop) == []
    wanted = sorted((line["email"], line["due_at"]) for line in before["messages"] if line["decision"] == "send")
    assert sorted((line["email"], line["due_at"]) for line in after["messages"]) == wanted


def test_a_plan_keeps_to_who_was_approved(shop: Workspace, planned: Planned) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    assert mailflow(shop, "send", "hello", "--plan", planned("hello")["plan_id"], now=NOW) == 0
    add_people(shop, ["new@example.com"])
    assert counted(planned("--until", "7d")) == {("send", None): 3}
    assert mailflow(shop, "send", "hello", "--yes", "--limit", "2", now=NOW) == 0
    assert counted(planned("--until", "7d"))["send", None] == 2


def test_what_is_held_is_told_and_not_counted(
    shop: Workspace, planned: Planned, capsys: pytest.CaptureFixture[str]
) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 10:00\n")
    assert planned("--until", "7d")["messages"] == []
    assert mailflow(shop, "plan", "--until", "7d", now=NOW) == 0
    assert "hello is held: its files changed since it was approved" in capsys.readouterr().err


def test_the_table_names_the_first_of_each_kind(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    add_people(shop, [f"more{number}@example.com" for number in range(20)])
    assert mailflow(shop, "plan", "hello", now=NOW) == 0
    said = capsys.readouterr()
    assert said.out.count("@example.com") == 11
    assert "and 13 more people: --people lists them all" in said.err
    assert "next: mailflow send hello --plan " in said.err
    assert mailflow(shop, "plan", "hello", "--people", now=NOW) == 0
    assert capsys.readouterr().out.count("@example.com") == 24


def test_the_id_of_a_plan_is_stable(planned: Planned, shop: Workspace) -> None:
    first = planned("hello")["plan_id"]
    assert planned("hello")["plan_id"] == first
    add_people(shop, ["new@example.com"])
    assert planned("hello")["plan_id"] != first


@pytest.mark.parametrize("words", [["--until", "soon"], ["none"]])
def test_what_cannot_be_planned_is_refused(shop: Workspace, words: list[str]) -> None:
    assert mailflow(shop, "plan", *words) == 2


def test_an_audience_of_nobody_is_told_with_what_to_do(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(shop.root, "far", 'audience: country == "NZ"\ntemplate: hello\n')
    assert mailflow(shop, "plan", "far", now=NOW) == 0
    said = capsys.readouterr()
    assert said.out.strip() == "nobody"
    assert "nobody is in the audience of far" in said.err
    assert "mailflow segment --rule" in said.err
