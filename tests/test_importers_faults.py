"""An import that fails, is interrupted or killed at any point leaves nothing behind: all or nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from import_shop import NOW, ImportShop, options_of
from mailflow.cli.main import run
from mailflow.errors import UnfinishedError
from mailflow.importers import Noun, import_file, recover
from mailflow.model import ImportState
from mailflow.store import Store, imports, undo
from mailflow.store.staging import open_staging
from mailflow.workspace import Workspace

# What only says that something was tried: the row of the import that was rolled back, and the number of data changes.
# Suppressions stay whatever happens to their import, as do the noes of people we know.
TRIES = ("imports", "import_problems", "import_changes", "state", "sqlite_sequence")
NOES = ("suppressions", "consents", "consent_states")
BEFORE = "email,first_name,newsletter\nann@example.com,Ann,yes\nbob@example.com,Bob,yes\n"
FILES = {
    "contacts.csv": "email,first_name,newsletter,tags\nann@example.com,Anna,yes,vip\nnew@example.com,New,yes,\nx,,,\n",
    "orders.csv": "order id,email,date,total,product,city\n1,ann@example.com,2026-01-05,12.50,Tea,Wien\n"
    "2,new@example.com,2026-01-06,3.00,Pot,Graz\n1,ann@example.com,2026-01-05,12.50,Cup,Wien\n",
    "events.csv": "event,email,timestamp,url\nviewed,ann@example.com,2026-01-05T10:00:00Z,https://shop.example/tea\n"
    "viewed,new@example.com,2026-01-05T10:00:00Z,https://shop.example/pot\n",
    "products.csv": "product id,title,price,category\n7,Tea,3.00,Drinks\n8,Pot,30.00,Ware\n",
    "suppressed.csv": "email,suppression reason\nann@example.com,complaint\nnew@example.com,hard bounce\n",
    "owners.csv": "email,name\nowner@example.com,Olga Owner\n",
    "companies.csv": "name,domain,industry\nTea Ltd,tea.example,tea\n",
    "costs.csv": "date,channel,amount\n2026-01-05,ads,12.50\n",
}
NOUNS = {"suppressed.csv": Noun.SUPPRESSIONS, "owners.csv": Noun.OWNERS, "companies.csv": Noun.COMPANIES}


class FailingConnection:
    """A connection whose Nth call raises, once or from then on; ROLLBACK works, as it needs no space."""

    def __init__(self, db: sqlite3.Connection, at: int, *, lasting: bool) -> None:
        self._db, self._at, self._lasting = db, at, lasting
        self.calls = 0

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self._count(sql)
        return self._db.execute(sql, *parameters)

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        self._count(sql)
        return self._db.executemany(sql, rows)

    def _count(self, sql: str) -> None:
        if sql != "ROLLBACK":
            self.calls += 1
            if self.calls == self._at or (self._lasting and self.calls > self._at):
                raise sqlite3.OperationalError("database or disk is full")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


class FailingStore(Store):
    """A store whose connections for staging and writing fail."""

    def __init__(self, real: Store, at: int, *, lasting: bool) -> None:
        super().__init__(real.path, real.db)
        self._at, self._lasting = at, lasting
        self.calls = 0

    def again(self) -> Store:
        failing = FailingConnection(super().again().db, self._at, lasting=self._lasting)
        self._failing = failing
        return Store(self.path, failing)  # type: ignore[arg-type]

    @property
    def reached(self) -> bool:
        return self._failing.calls >= self._at


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("name", list(FILES))
def test_a_database_call_that_fails_leaves_nothing_behind(name: str, lasting: bool, tmp_path: Path) -> None:
    shop = ImportShop(tmp_path / "shop")
    shop.take(BEFORE)
    path = shop.folder / name
    path.write_text(FILES[name])
    without = (*TRIES, *NOES) if name == "suppressed.csv" else TRIES
    before = shop.fingerprint(*without)
    options = options_of(noun=NOUNS.get(name))
    at, failed = 0, 0
    while True:
        at += 1 if at < 12 else 3
        store = FailingStore(shop.store, at, lasting=lasting)
        try:
            import_file(store, shop.private, shop.keys, path, options, now=shop.now)
            assert not store.reached, f"call {at} failed and nobody said so"
            break
        except sqlite3.OperationalError:
            failed += 1
        except UnfinishedError:
            failed += 1
        assert shop.leftovers() == []
        recover(shop.store, shop.private, now=shop.now)  # as the next command does
        assert shop.fingerprint(*without) == before, f"call {at}"
    assert failed > 5
    assert shop.fingerprint(*TRIES) != before


@contextmanager
def workspace(folder: Path, rows: int) -> Iterator[Path]:
    """Make a workspace with a file of so many people in it."""
    root = folder / "shop"
    assert run(["init", str(root), "--quiet"]) == 0
    (root / "before.csv").write_text(BEFORE)
    people = "".join(f"p{number}@example.com,Name {number},yes,c{number % 9}\n" for number in range(rows))
    (root / "people.csv").write_text(f"email,first_name,newsletter,city\nann@example.com,Anna,yes,Wien\n{people}")
    assert run(["import", str(root / "before.csv"), "--workspace", str(root), "--quiet"]) == 0
    yield root


def fingerprint(root: Path, *only: str) -> dict[str, str]:
    shop = ImportShop.__new__(ImportShop)
    shop.store = Workspace.at(root).store
    found = shop.fingerprint(*TRIES)
    shop.store.close()
    return {name: hashed for name, hashed in found.items() if not only or name in only}


@pytest.mark.parametrize(
    ("part", "signal_number"),
    [(0.3, signal.SIGKILL), (0.6, signal.SIGKILL), (0.9, signal.SIGKILL), (0.6, signal.SIGINT), (0.9, signal.SIGTERM)],
)
def test_an_import_that_is_stopped_leaves_nothing_behind(part: float, signal_number: int, tmp_path: Path) -> None:
    with workspace(tmp_path, 12_000) as root:
        before = fingerprint(root)
        command = [sys.executable, "-m", "mailflow", "import", "people.csv", "--workspace", "."]
        begun = time.monotonic()
        stopped = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_until_it_writes(root, stopped, part)
        stopped.send_signal(signal_number)
        _, said = stopped.communicate(timeout=30)
        assert time.monotonic() - begun < 30
        if stopped.returncode == 0:
            pytest.skip("it was done before it could be stopped")
        if signal_number == signal.SIGINT:
            assert (stopped.returncode, "interrupted" in said, "Traceback" in said) == (130, True, False)
            assert list((root / ".mailflow" / "spool").iterdir()) == []
        assert run(["import", "--workspace", str(root), "--undo", "99", "--quiet"]) == 2  # any next command
        assert list((root / ".mailflow" / "spool").iterdir()) == []
        assert fingerprint(root) == before
        assert run(["import", str(root / "people.csv"), "--workspace", str(root), "--quiet"]) == 0


def wait_until_it_writes(root: Path, process: subprocess.Popen[str], part: float) -> None:
    """Wait until an import has staged its file, or written some of it."""
    spool = root / ".mailflow" / "spool"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        if part < 0.5 and spool.exists() and any(path.stat().st_size > 200_000 for path in spool.iterdir()):
            return
        if part >= 0.5:
            db = sqlite3.connect(f"file:{root / 'mailflow.db'}?mode=ro", uri=True)
            count = db.execute("SELECT count(*) FROM contacts").fetchone()[0]
            db.close()
            if count > 12_000 * (part - 0.5):
                return
        time.sleep(0.005)


def test_an_interrupted_command_takes_back_what_it_wrote_at_once(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path / "shop")
    shop.take(BEFORE)
    before = shop.fingerprint(*TRIES)
    store = FailingStore(shop.store, 10**9, lasting=False)

    def interrupt(progress: Any) -> None:
        if progress.phase == "writing" and progress.done:
            os.kill(os.getpid(), signal.SIGINT)

    path = shop.folder / "contacts.csv"
    path.write_text(FILES["contacts.csv"])
    with pytest.raises(KeyboardInterrupt):
        import_file(store, shop.private, shop.keys, path, options_of(), now=shop.now, report=interrupt)
    assert shop.fingerprint(*TRIES) == before
    assert shop.rows("SELECT state FROM imports ORDER BY id") == [("done",), ("rolled_back",)]


def test_a_disk_that_fills_up_while_a_file_is_read_is_told_as_that(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path / "shop")
    with open_staging(shop.store, tmp_path / "spool") as staging:
        staging.db.execute("PRAGMA stage.max_page_count = 40")
        with pytest.raises(sqlite3.OperationalError, match="full"), staging.filling():
            staging.add_cards(("line", "email"), ((line, "ann@example.com" * 100) for line in range(1000)))


def test_a_disk_that_stays_full_is_not_said_to_keep_nothing(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path / "shop")
    shop.take(BEFORE)
    before = shop.fingerprint(*TRIES)
    path = shop.folder / "contacts.csv"
    path.write_text(FILES["contacts.csv"])
    told = ""
    for at in range(9, 400):
        full = FailingStore(shop.store, at, lasting=True)
        try:
            import_file(full, shop.private, shop.keys, path, options_of(), now=NOW)
        except UnfinishedError as error:
            told = str(error)
            break
        except sqlite3.OperationalError:
            continue
    assert "import 2 is there in part" in told
    assert "disk is full" in told
    assert "The next `mailflow import` or `mailflow run` goes on with that" in told
    assert shop.rows("SELECT state FROM imports ORDER BY id") == [("done",), ("applying",)]
    recover(shop.store, shop.private, now=NOW)
    assert shop.fingerprint(*TRIES) == before


def test_an_undoing_that_fails_is_finished_by_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with workspace(tmp_path, 50) as root:
        at = ["--workspace", str(root)]
        before = fingerprint(root, "contact_facts", "identities", "orders", "products")
        (root / "orders.csv").write_text(FILES["orders.csv"])
        assert run(["import", str(root / "orders.csv"), *at]) == 0
        store = Workspace.at(root).store
        for call in (6, 10, 14):  # it stops each time a little later
            failing = Store(store.path, FailingConnection(store.db, call, lasting=True))  # type: ignore[arg-type]
            with pytest.raises(UnfinishedError, match="import 2 is there in part"):
                undo.take_back(failing, 2, now=NOW, final=ImportState.UNDONE)
            assert imports.interrupted(store.db) == [2]
        store.close()
        capsys.readouterr()
        assert run(["import", "--undo", "2", *at]) == 0
        assert " ".join(capsys.readouterr().out.split()).startswith("Import 2 (")
        assert fingerprint(root, "contact_facts", "identities", "orders", "products") == before
        assert run(["import", "--undo", "2", *at]) == 2


def test_an_import_whose_reject_file_cannot_be_written_is_taken_back(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path / "shop")
    shop.take(BEFORE)
    before = shop.fingerprint(*TRIES)
    (shop.private / "rejects").touch()  # where the folder should be
    with pytest.raises(FileExistsError):
        shop.take(FILES["contacts.csv"])
    assert shop.fingerprint(*TRIES) == before
    assert shop.leftovers() == []
