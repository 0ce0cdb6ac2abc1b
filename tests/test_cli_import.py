"""`mailflow import`: exit codes, JSON and what it says."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mailflow import clock
from mailflow.cli.import_ import What
from mailflow.cli.main import run
from mailflow.importers import Noun
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


def test_a_dry_run_of_several_files_knows_what_those_before_bring(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shop / "exports"
    folder.mkdir()
    (folder / "a-lines.csv").write_text("order_id,sku,quantity,price\n1,TEA,1,12.50\n9,POT,1,3.00\n")
    (folder / "orders.csv").write_text(ORDERS)
    before = (shop / "mailflow.db").read_bytes()
    wanted = {"rows": 2, "inserted": 0, "updated": 1, "rejected": 1, "id": None, "reject_file": None}
    code, (orders, lines), _ = call(capfd, "exports", "--dry-run")
    assert (code, orders["inserted"], {name: lines[name] for name in wanted}) == (1, 1, wanted)
    assert [change["field"] for change in lines["changes"]] == ["lines"]
    assert call(capfd, "--list")[1] == []
    assert (shop / "mailflow.db").read_bytes() == before
    assert list((shop / ".mailflow" / "spool").glob("*")) == []
    assert not (shop / ".mailflow" / "rejects").exists()
    _, (orders, lines), _ = call(capfd, "exports")
    assert (orders["inserted"], lines["updated"], lines["rejected"]) == (1, 1, 1)


def test_a_dry_run_of_large_files_says_that_each_stands_alone(
    shop: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailflow.jobs.importing._LARGE", 1_000)
    _, results, _ = call(capfd, "contacts.csv", "orders.csv", "--dry-run")
    assert "each was compared with what is there now" in results[-1]["warnings"][-1]
    assert not any("compared" in warning for warning in results[0]["warnings"])


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


def test_the_list_shows_the_days_of_the_shop(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = shop / "mailflow.yaml"
    lines = config.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("timezone:")]
    config.write_text("\n".join([*kept, "timezone: Europe/Vienna", ""]), encoding="utf-8")
    call(capfd, "orders.csv", "--now", "2026-02-01T23:30:00Z")
    assert run(["import", "--list", "--format", "table"]) == 0
    told = capfd.readouterr().out
    assert "2026-02-02" in told
    assert "2026-02-01" not in told


def test_a_file_that_cannot_be_used_does_not_stop_the_others(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "empty.csv").touch()
    code, results, err = call(capfd, "empty.csv", "orders.csv")
    assert (code, len(results)) == (65, 1)
    assert "empty.csv: the file is empty" in err


def test_a_folder_with_an_archive_is_imported_and_what_holds_no_rows_is_listed(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shop / "exports"
    folder.mkdir()
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("orders.csv", ORDERS)
    (folder / "contacts.csv").write_text("email\nann@example.com\n")
    (folder / "photo.png").write_bytes(b"\x89PNG")
    code, results, err = call(capfd, "exports")
    assert (code, [Path(result["file"]).name for result in results]) == (0, ["contacts.csv", "export.zip:orders.csv"])
    assert "photo.png: left out" in err
    assert list((shop / ".mailflow" / "spool").iterdir()) == []


def test_the_exit_code_is_the_worst(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "empty.csv").touch()
    code, results, err = call(capfd, "nothing.csv", "contacts.csv", "empty.csv")
    assert (code, len(results)) == (65, 1)
    assert "nothing.csv: no such file" in err
    assert "1 row rejected" in err
    assert call(capfd, "nothing.csv", "contacts.csv")[0] == 2


def test_an_empty_folder_is_told(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "exports").mkdir()
    code, results, err = call(capfd, "exports")
    assert (code, results, "exports: there is no file to import" in err) == (2, [], True)


def test_the_sum_is_always_printed(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    run(["import", "contacts.csv", "orders.csv", "--quiet"])
    assert "3 rows read = 2 new + 0 changed + 0 unchanged + 1 rejected." in " ".join(capfd.readouterr().out.split())


def test_a_dry_run_tells_the_old_and_the_new_and_json_tells_all(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    people = [f"p{number}@example.com" for number in range(60)]
    (shop / "people.csv").write_text("email,city\n" + "".join(f"{mail},Wien\n" for mail in people))
    call(capfd, "people.csv")
    (shop / "people.csv").write_text("email,city\n" + "".join(f"{mail},Graz\n" for mail in people) + "x,y\n" * 40)
    _, (result,), _ = call(capfd, "people.csv", "--dry-run")
    assert (result["updated"], len(result["changes"]), len(result["problems"])) == (60, 60, 40)
    assert result["changes"][0].items() >= {"line": 2, "field": "city", "old": "Wien", "new": "Graz"}.items()
    capfd.readouterr()
    run(["import", "people.csv", "--dry-run"])
    assert "line 2: p0@example.com: city: Wien -> Graz" in capfd.readouterr().err


def test_what_the_options_said_is_offered_for_keeping(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "sales.csv").write_text("who,when,how much\nann@example.com,03/04/2026,5\n")
    words = ["--as", "orders", "--map", "who=email", "--map", "when=placed_at", "--map", "how much=total"]
    _, _, err = call(capfd, "sales.csv", *words, "--date-format", "DD/MM/YYYY")
    kept = err[err.index("imports:") :]
    settings = shop / "mailflow.yaml"
    settings.write_text(settings.read_text() + "\n" + kept.split("\nmailflow:")[0])
    code, (result,), _ = call(capfd, "sales.csv")
    assert (code, result["as"], result["unchanged"]) == (0, "orders", 1)


def test_the_same_folder_again_is_known(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "contacts.csv").write_text("email\nann@example.com\n")
    for _ in range(2):
        call(capfd, "contacts.csv", "orders.csv")
    _, results, err = call(capfd, "contacts.csv", "orders.csv")
    assert [(result["id"], result["same_as"], result["unchanged"]) for result in results] == [
        (None, 3, 1),
        (None, 2, 1),
    ]
    assert "nothing has changed since" in err
    assert len(call(capfd, "--list")[1]) == 3


DOUBTFUL = "order id,email,date,total\n1,ann@example.com,03/04/2026,12.50\n"


def test_without_a_terminal_a_question_is_an_error_with_the_option(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shop / "orders.csv").write_text(DOUBTFUL)
    code, results, err = call(capfd, "orders.csv")
    assert (code, results, "--date-format DD/MM/YYYY" in err) == (2, [], True)


@pytest.mark.parametrize(("answer", "code", "placed"), [("1", 0, "2026-04-0"), ("2", 0, "2026-03-0"), ("", 2, None)])
def test_at_a_terminal_a_question_is_asked_and_the_answer_used(
    shop: Path, answer: str, code: int, placed: str | None
) -> None:
    (shop / "orders.csv").write_text(DOUBTFUL)
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "mailflow", "import", "orders.csv"]
    done = subprocess.run(command, cwd=shop, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(ours)
    os.close(theirs)
    assert "Which?" in done.stderr
    assert done.returncode == code
    rows = Workspace.at(shop).store.db.execute("SELECT placed_at FROM orders").fetchall()
    assert [clock.iso(clock.from_ms(row[0]))[:9] for row in rows] == ([placed] if placed else [])


def test_rows_come_through_a_pipe(shop: Path) -> None:
    command = [sys.executable, "-m", "mailflow", "import", "-", "--format", "json"]
    done = subprocess.run(command, cwd=shop, input=ORDERS, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)[0]["inserted"] == 1


def test_every_kind_of_file_can_be_said() -> None:
    assert [what.value for what in What] == [noun.value for noun in Noun]


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
