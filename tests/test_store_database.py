"""The database file: its schema, its permissions, its migrations, and what is no database of ours."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Migrations

from mailflow.cli.main import run
from mailflow.errors import ConfigError, DataError, UnavailableError
from mailflow.store import Store, connection, database, migrations

SCHEMA = Path(database.__file__).with_name("schema.sql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a fresh database file."""
    made = tmp_path / "mailflow.db"
    Store.create(made).close()
    return made


@pytest.fixture
def a_newer_mailflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Migrations]:
    """Let this process know one migration more than the files it finds."""
    later = Migrations(connection.MIGRATION_SET)
    for known in migrations.migrations._migrations:
        later._migrations.append(known)

    @later()
    def m9999_notes(db: object) -> None:
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT")  # type: ignore[attr-defined]

    monkeypatch.setattr(migrations, "migrations", later)
    monkeypatch.setattr(database, "MIGRATION_NAMES", (*database.MIGRATION_NAMES, "m9999_notes"))
    return later


def objects(db: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Return (kind, name) → SQL of everything in a database, spaces evened out."""
    rows = db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    return {(kind, name): " ".join(sql.split()) for kind, name, sql in rows}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_fresh_store_is_what_all_migrations_make(path: Path) -> None:
    import sqlite_utils

    migrated = sqlite_utils.Database(memory=True)
    migrations.migrations.apply(migrated)
    with Store.open(path, backups=path.parent) as store:
        fresh = objects(store.db)
    assert fresh == objects(migrated.conn)
    assert len(fresh) > 30


def test_schema_sql_is_what_the_migrations_write() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == migrations.dump_schema()


def test_the_names_kept_for_a_quick_look_are_those_of_the_migrations() -> None:
    import sqlite_utils

    pending = migrations.migrations.pending(sqlite_utils.Database(memory=True))
    assert tuple(migration.name for migration in pending) == database.MIGRATION_NAMES


def test_a_current_file_is_opened_without_a_backup(path: Path) -> None:
    Store.open(path, backups=path.parent / "backups").close()
    assert not (path.parent / "backups").exists()


def test_an_older_file_is_backed_up_and_then_migrated(path: Path, a_newer_mailflow: Migrations) -> None:
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO state (name, value) VALUES ('kept', 'yes')")
    backups = path.parent / "backups"
    with Store.open(path, backups=backups) as store:
        assert ("table", "notes") in objects(store.db)
        assert store.db.execute("SELECT value FROM state WHERE name = 'kept'").fetchone()[0] == "yes"
        assert database.pending_migrations(store.db, path) == []
    (backup,) = backups.iterdir()
    assert (mode(backup), mode(backups)) == (0o600, 0o700)
    with sqlite3.connect(backup) as old:
        assert ("table", "notes") not in objects(old)
        assert old.execute("SELECT value FROM state WHERE name = 'kept'").fetchone()[0] == "yes"


def test_a_backup_is_made_beside_later_ones_where_an_older_one_was_deleted(
    path: Path, a_newer_mailflow: Migrations
) -> None:
    backups = path.parent / "backups"
    backups.mkdir()
    (backups / f"{path.stem}-0002.db").write_text("the second backup; the first was deleted")
    Store.open(path, backups=backups).close()
    assert sorted(each.name for each in backups.iterdir()) == [f"{path.stem}-0002.db", f"{path.stem}-0003.db"]


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, a_newer_mailflow: Migrations) -> None:
    @a_newer_mailflow()
    def m99999_broken(db: object) -> None:
        db.execute("CREATE TABLE half (id INTEGER) STRICT")  # type: ignore[attr-defined]
        raise RuntimeError("the lights went out")

    before = objects(sqlite3.connect(path))
    with pytest.raises(RuntimeError):
        Store.open(path, backups=path.parent / "backups")
    with sqlite3.connect(path) as db:
        after = objects(db)
    assert ("table", "half") not in after
    assert before.keys() <= after.keys()


def test_a_newer_file_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('mailflow', 'm0999_from_tomorrow', '2030-01-01')"
        )
    with pytest.raises(ConfigError, match=r"newer mailflow \(m0999_from_tomorrow\)"):
        Store.open(path, backups=path.parent)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be looked at" * 40])
def test_what_is_no_database_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    (tmp_path / "shop" / "mailflow.db").write_bytes(content)
    assert run(["status", "--workspace", str(tmp_path / "shop")]) == 65
    said = capfd.readouterr().err
    assert "not a " in said
    assert ".mailflow/backups" in said


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mailflow.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(DataError, match="not a mailflow database"):
        Store.open(path, backups=tmp_path)


def test_a_missing_database_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="database is missing"):
        Store.open(tmp_path / "mailflow.db", backups=tmp_path)


def test_create_does_not_overwrite(path: Path) -> None:
    with pytest.raises(FileExistsError):
        Store.create(path)


@pytest.mark.parametrize(
    ("version", "journal"),
    [
        ((3, 40, 1), ("PERSIST", "EXTRA")),
        ((3, 44, 5), ("PERSIST", "EXTRA")),
        ((3, 44, 6), ("WAL", "FULL")),
        ((3, 45, 0), ("PERSIST", "EXTRA")),
        ((3, 50, 6), ("PERSIST", "EXTRA")),
        ((3, 50, 7), ("WAL", "FULL")),
        ((3, 51, 0), ("PERSIST", "EXTRA")),
        ((3, 51, 2), ("PERSIST", "EXTRA")),
        ((3, 51, 3), ("WAL", "FULL")),
        ((3, 53, 0), ("WAL", "FULL")),
    ],
)
def test_a_wal_only_where_sqlite_does_it_well(version: tuple[int, ...], journal: tuple[str, str]) -> None:
    assert connection.journal_settings(version) == journal


def test_the_pragmas_that_were_asked_for_hold(path: Path) -> None:
    journal, synchronous = connection.journal_settings(sqlite3.sqlite_version_info)
    with Store.open(path, backups=path.parent) as store:
        asked = {name: store.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
        assert asked == {"journal_mode": journal.lower(), "synchronous": {"FULL": 2, "EXTRA": 3}[synchronous]}
        assert store.db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert store.db.execute("PRAGMA secure_delete").fetchone()[0] == 1


def test_a_transaction_that_raises_leaves_nothing(path: Path) -> None:
    with Store.open(path, backups=path.parent) as store:
        with pytest.raises(sqlite3.IntegrityError), store.transaction() as tx:
            tx.executemany("INSERT INTO state (name, value) VALUES ('a', ?)", [("b",), ("c",)])
        assert store.db.execute("SELECT count(*) FROM state WHERE name = 'a'").fetchone()[0] == 0
        with store.transaction() as tx:  # and the next one goes
            tx.execute("INSERT INTO state (name, value) VALUES ('a', 'b')")


def test_everything_private_is_closed_to_others(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    script = (
        "import os, sys; os.umask(0o022); from mailflow.cli.main import run;"
        f" where = ['--workspace', {str(root)!r}, '--quiet'];"
        f" assert run(['init', {str(root)!r}, '--quiet']) == 0;"
        " assert run(['contact', 'subscribe', 'ada@example.com', '--evidence', 'asked', *where]) == 0;"
        f" open({str(root / 'campaigns' / 'hello.yaml')!r}, 'w').write('audience: everyone\\ntemplate: newsletter\\n');"
        " assert run(['send', 'hello', '--dry-run', *where]) == 0;"
        " assert run(['send', 'hello', '--yes', *where]) == 0"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONPATH": ""})
    files = [path for path in (root / ".mailflow").rglob("*") if path.is_file() and path.name != ".gitignore"]
    assert {path.name for path in files} >= {"keys.json", "lock"}
    assert sum(path.suffix == ".eml" for path in files) == 2
    assert mode(root / ".mailflow") == 0o700
    assert {path.name: oct(mode(path)) for path in (*files, *root.glob("mailflow.db*")) if mode(path) != 0o600} == {}
