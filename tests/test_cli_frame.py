"""What all commands share: common options, formats, questions, where the workspace is found."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mail_shop import mailflow, make_shop
from mailflow.cli.frame import Format, Session
from mailflow.cli.main import run
from mailflow.errors import UsageError
from mailflow.workspace import Workspace
from people import add_contact

ROWS = [
    {"name": "Zoë", "count": 1, "share": 0.5, "tags": ["a", "b"], "note": None},
    {"name": "=HYPERLINK(1)", "count": -2, "share": 0.0, "tags": [], "note": "-5"},
]


def session(form: Format = Format.TABLE, *, quiet: bool = False) -> Session:
    return Session(None, form, quiet, False, None)


def test_json_is_one_array(capsys: pytest.CaptureFixture[str]) -> None:
    session(Format.JSON).emit(ROWS, lambda: "")
    assert json.loads(capsys.readouterr().out) == ROWS


def test_jsonl_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    session(Format.JSONL).emit(ROWS, lambda: "")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS


def test_csv_is_safe_for_spreadsheets(capsys: pytest.CaptureFixture[str]) -> None:
    session(Format.CSV).emit(ROWS, lambda: "")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == {"name": "Zoë", "count": "1", "share": "0.5", "tags": '["a", "b"]', "note": ""}
    assert rows[1]["name"] == "'=HYPERLINK(1)"  # a formula is text
    assert (rows[1]["count"], rows[1]["note"]) == ("-2", "-5")  # a number is not


def test_an_empty_csv_has_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    session(Format.CSV).emit([], lambda: "", columns=("a", "b"))
    assert capsys.readouterr().out == "a,b\n"


def test_talk_goes_to_stderr_and_not_at_all_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    session().say("hello")
    session(quiet=True).say("nobody hears this")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "hello\n")


def test_a_question_without_a_terminal_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull, encoding="utf-8"))  # noqa: SIM115 - closed with the test
    with pytest.raises(UsageError, match="no terminal to ask on: say --yes"):
        session().confirm("Really?")


def test_no_progress_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with session().progress("sending", 3) as advance:
        advance()
        advance(2)
    assert capsys.readouterr().err == ""


def test_the_workspace_is_found_from_any_folder_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_shop(tmp_path / "shop", people=1)
    monkeypatch.delenv("MAILFLOW_WORKSPACE", raising=False)
    monkeypatch.chdir(shop.root / "templates")
    assert run(["plan", "hello", "--quiet"]) == 0
    monkeypatch.chdir(tmp_path)
    assert run(["plan", "hello", "--quiet"]) == 2
    monkeypatch.setenv("MAILFLOW_WORKSPACE", str(shop.root))
    assert run(["plan", "hello", "--quiet"]) == 0
    assert run(["plan", "hello", "--quiet", "--workspace", str(tmp_path)]) == 2  # the option wins


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize("words", [["plan", "hello"], ["status"], ["outbox", "list"], ["run"], ["outbox", "show", "1"]])
def test_data_is_on_stdout_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: Format, words: list[str]
) -> None:
    shop = make_shop(tmp_path / "shop", people=2)
    assert mailflow(shop, "send", "hello", "--yes") == 0
    capsys.readouterr()
    assert mailflow(shop, *words, "--format", form) == 0
    out = capsys.readouterr().out
    match form:
        case Format.JSON:
            json.loads(out)
        case Format.JSONL:
            assert all(json.loads(line) for line in out.splitlines())
        case Format.CSV:
            assert len({len(row) for row in csv.reader(io.StringIO(out))}) == 1
        case Format.TABLE:
            assert "\x1b" not in out  # no colours into a pipe


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_poor_terminal_gets_no_traceback(tmp_path: Path, encoding: str) -> None:
    shop = make_shop(tmp_path / "shop", people=1)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET email = 'zoë@example.com'")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for form in (Format.TABLE, Format.JSON):
        command = [sys.executable, "-m", "mailflow", "plan", "hello", "--format", form, "--workspace", str(shop.root)]
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert b"internal error" not in done.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "words", ["export contacts", "export contacts --format json", "segment --rule true --format csv"]
)
def test_data_on_a_terminal_does_not_steer_it_and_in_a_pipe_is_whole(
    tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "Eve\x1b]0;owned\x07\x9b31m\u202e"
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    shop = Workspace.at(tmp_path / "shop")
    with shop.store.transaction() as tx:
        number = add_contact(tx, "eve@example.com", now=datetime(2026, 3, 20, tzinfo=UTC))
        tx.execute("UPDATE contacts SET first_name = ?, city = ? WHERE id = ?", (evil, evil, number))
    capsys.readouterr()
    arguments = [*words.split(), "--workspace", str(tmp_path / "shop")]
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    assert run(arguments) == 0
    monkeypatch.setattr("sys.stdout", pipe := io.StringIO())
    assert run(arguments) == 0
    assert "eve@example.com" in terminal.getvalue()
    assert not set("\x1b\x07\x9b\u202e") & set(terminal.getvalue())
    assert "\x9b" in pipe.getvalue() or "segment" in words
