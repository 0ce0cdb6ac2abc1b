"""Every way a command can end: its exit code, and one sentence where something is wrong."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mail_shop import make_shop
from mailflow import __version__, errors
from mailflow.cli import main, registry
from mailflow.errors import MailflowError


@pytest.fixture
def ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[BaseException], tuple[int, str]]:
    """Return a function that lets a command raise, and gives exit code and words."""

    def command(error: BaseException) -> tuple[int, str]:
        def fail(**_: object) -> None:
            raise error

        monkeypatch.setattr(main, "app", fail)
        code = main.run(["status"])
        return code, capsys.readouterr().err

    return command


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.MailflowError, 1),
        (errors.PartialFailure, 1),
        (errors.UsageError, 2),
        (errors.DataError, 65),
        (errors.UnavailableError, 69),
        (errors.BusyError, 75),
        (errors.ConfigError, 78),
    ],
)
def test_the_exit_code_belongs_to_the_kind_of_error(
    ends: Callable[[BaseException], tuple[int, str]], kind: type[MailflowError], code: int
) -> None:
    assert ends(kind("what, where, what next")) == (code, "mailflow: what, where, what next\n")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.db"), 69, "x.db: the disk is full"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.csv"), 2, "x.csv: there is no such file"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "x"), 2, "x: is a folder, not a file"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 2, "x: permission denied"),
        (OSError(errno.EIO, "Input/output error"), 69, "Input/output error"),
        (sqlite3.OperationalError("database is locked"), 75, "busy with another command"),
        (sqlite3.OperationalError("database or disk is full"), 69, "the disk is full or failing"),
        (sqlite3.OperationalError("attempt to write a readonly database"), 69, "cannot be written"),
        (sqlite3.DatabaseError("file is not a database"), 65, "restore it from .mailflow/backups"),
        (sqlite3.DatabaseError("database disk image is malformed"), 65, "restore it from .mailflow/backups"),
        (KeyboardInterrupt(), 130, "the same command goes on from there"),
        (ZeroDivisionError("division by zero"), 70, "internal error, please report it (ZeroDivisionError"),
    ],
)
def test_a_foreign_exception_is_told_in_a_sentence(
    ends: Callable[[BaseException], tuple[int, str]], error: BaseException, code: int, words: str
) -> None:
    found, said = ends(error)
    assert (found, words in said, said.count("\n")) == (code, True, 1), said


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["send", "--help"], ["outbox", "list", "--help"]])
def test_help_and_version_end_well(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(words) == 0
    assert __version__ in capsys.readouterr().out or "--help" in words or "-h" in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sned"], "send"),
        (["send"], "CAMPAIGN"),
        (["send", "--nonsense", "x"], "--nonsense"),
        (["outbox", "lsit"], "list"),
        (["plan", "--format", "xml"], "xml"),
        (["import", "x.csv", "--as", "elephants"], "'--as': 'elephants' is not one of 'contacts',"),
    ],
)
def test_a_slip_of_the_finger_is_usage(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_help_lists_every_command_and_its_help_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    page = capsys.readouterr().out
    for name, entry in registry.COMMANDS.items():
        assert f"  {name} " in page
        assert entry.summary.split()[0] in page


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from mailflow.cli.main import run; run(['--help']);"
        " heavy = {'pandas', 'numpy', 'sqlite_utils', 'asyncio', 'sqlite3', 'pydantic', 'yaml', 'jinja2'};"
        " print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", people=2_000)
    plan = f"{sys.executable} -m mailflow plan hello --format jsonl --workspace {shop.root}"
    command = f"{plan} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert done.stdout.splitlines()[-1] in {"0", "141"}


def test_an_interrupt_is_told_and_nothing_is_lost(tmp_path: Path, mail_sink: Callable[..., object]) -> None:
    from mail_shop import mailflow, with_relay
    from sink import Fault

    sink = mail_sink(Fault("DOT", "delay", seconds=0.1))
    shop = make_shop(tmp_path / "shop", people=400)
    with_relay(shop.root, sink.port)  # type: ignore[attr-defined]
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    command = [sys.executable, "-m", "mailflow", "send", "hello", "--yes", "--workspace", str(shop.root)]
    sending = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while len(sink.accepted()) < 5 and sending.poll() is None:  # type: ignore[attr-defined]
        time.sleep(0.01)
    os.kill(sending.pid, signal.SIGINT)
    said = sending.communicate(timeout=120)[1]
    assert sending.returncode == main.INTERRUPTED
    assert "mailflow: interrupted; nothing stays half-done" in said
    assert "Traceback" not in said
    assert mailflow(shop, "run") in {0, 1}
    got = [to for _, to in sink.accepted()]  # type: ignore[attr-defined]
    assert len(got) == len(set(got))
    unknown = shop.store.db.execute("SELECT count(*) FROM messages WHERE state = 'in_doubt'").fetchone()[0]
    assert len(got) >= 101 - unknown
