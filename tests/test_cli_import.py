"""`mailflow import`: exit codes, JSON and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mailflow.cli.main import run
from mailflow.workspace import Workspace

CONTACTS = "email,first name\nann@example.com,Ann\nnot an address,Eve\n"
ORDERS = "order id,email,date,total\n1,ann@example.com,2026-01-05,12.50\n"
RESULT_KEYS = {
    "file", "as", "from", "id", "rows", "inserted", "updated", "unchanged", "merged", "rejected", "reject_file",
    "problems", "warnings", "layout", "same_as",
}  # fmt: skip
LIST_KEYS = ["id", "file", "as", "from", "at", "inserted", "updated", "unchanged", "rejected", "undone"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    assert run(["init", str(root), "--quiet"]) == 0
    (root / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (root / "orders.csv").write_text(ORDERS, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def call(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    capfd.readouterr()
    code = run(["import", *words, "--format", "json"])
    out, err = capfd.readouterr()
    return code, json.loads(out) if out else None, err


def test_the_result_of_each_file_is_json(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, results, err = call(capfd, "contacts.csv", "orders.csv")
    assert code == 1
    assert [set(result) for result in results] == [RESULT_KEYS, RESULT_KEYS]
    first, second = results
    assert (first["as"], first["id"], first["rows"], first["inserted"], first["rejected"]) == ("contacts", 1, 2, 1, 1)
    assert first["problems"][0]["line"] == 3
    assert Path(first["reject_file"]).name == "1-contacts.csv"
    assert (second["as"], second["from"], second["inserted"], second["reject_file"]) == ("orders", "plain", 1, None)
    assert "1 row rejected" in err


def test_a_dry_run_has_no_id_and_takes_no_lock(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Workspace.at(shop).lock():
        code, (result,), _ = call(capfd, "orders.csv", "--dry-run")
    assert (code, result["id"], result["inserted"], result["changes"]) == (0, None, 1, [])
    assert call(capfd, "--list")[1] == []


def test_an_import_beside_another_command_is_busy(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Workspace.at(shop).lock():
        assert call(capfd, "orders.csv")[0] == 75


def test_the_list_and_undo(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(capfd, "orders.csv", "--now", "2026-02-01T10:00:00Z")
    code, (row,), _ = call(capfd, "--list")
    assert (code, list(row)) == (0, LIST_KEYS)
    assert (row["id"], row["at"], row["undone"]) == (1, "2026-02-01T10:00:00Z", None)
    code, (undone,), _ = call(capfd, "--undo", "1", "--now", "2026-02-02")
    assert (code, undone["orders"], undone["contacts"]) == (0, 1, 1)
    assert call(capfd, "--list")[1][0]["undone"] is not None
    assert call(capfd, "--undo", "1")[0] == 2
    assert call(capfd, "--undo", "7")[0] == 2


def test_a_file_that_cannot_be_used_does_not_stop_the_others(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "empty.csv").touch()
    code, results, err = call(capfd, "empty.csv", "orders.csv")
    assert (code, len(results)) == (65, 1)
    assert "empty.csv: the file is empty" in err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nothing.csv"],
        ["orders.csv", "--list"],
        ["orders.csv", "--consent", "express"],
        ["orders.csv", "--consent", "unknown", "--evidence", "x"],
        ["orders.csv", "--evidence", "x"],
        ["orders.csv", "--map", "email"],
        ["orders.csv", "--map", "email=total=x=nothing"],
        ["orders.csv", "--as", "things"],
        ["orders.csv", "--from", "nobody"],
        ["orders.csv", "--date-format", "soon"],
        ["orders.csv", "--timezone", "Mars"],
        ["orders.csv", "--currency", "money"],
    ],
)
def test_what_cannot_be_carried_out_is_a_usage_error(
    shop: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert call(capfd, *words)[0] == 2
