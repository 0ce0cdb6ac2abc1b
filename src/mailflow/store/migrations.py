"""Bring an older database up to date, after a backup. Append-only: a migration that was released never changes.

`python -m mailflow.store.migrations` writes schema.sql anew from all migrations.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import sqlite_utils
from sqlite_utils import Migrations

from mailflow.store.connection import MIGRATION_SET, Connection

_SQL = Path(__file__).with_name("sql")
_HEADER = """\
-- The schema as all migrations leave it; a test holds that they do. Written by `python -m mailflow.store.migrations`.
-- Instants are integer UTC milliseconds (`_at`), money integer minor units beside its currency (`_minor`).

"""

migrations = Migrations(MIGRATION_SET)


@migrations()
def m0001_first(db: sqlite_utils.Database) -> None:
    """Make every noun of the first release."""
    _execute_file(db, "m0001_first.sql")


@migrations()
def m0002_everything(db: sqlite_utils.Database) -> None:
    """Add what a shop knows beside contacts and orders."""
    _execute_file(db, "m0002_everything.sql")


@migrations()
def m0003_offers(db: sqlite_utils.Database) -> None:
    """Add what people are offered: codes that are theirs alone, and products that suit them."""
    _execute_file(db, "m0003_offers.sql")


@migrations()
def m0004_answers(db: sqlite_utils.Database) -> None:
    """Add who was asked what in polls, and until when a mail is true."""
    _execute_file(db, "m0004_answers.sql")


@migrations()
def m0005_favourites(db: sqlite_utils.Database) -> None:
    """Add what people buy most."""
    _execute_file(db, "m0005_favourites.sql")


def migrate(db: Connection, path: Path, *, backups: Path) -> Path:
    """Back the database up into the folder `backups`, then apply what is missing. Return the backup's path."""
    backup = back_up(db, path, backups=backups)
    migrations.apply(sqlite_utils.Database(db, execute_plugins=False))
    return backup


def back_up(db: Connection, path: Path, *, backups: Path) -> Path:
    """Copy a database that may be in use into a new file of the folder `backups`, readable by its owner only."""
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 1 + sum(1 for _ in backups.glob(f"{path.stem}-*.db"))
    while (target := backups / f"{path.stem}-{number:04d}.db").exists():  # somebody deleted an older one
        number += 1
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    copy = sqlite3.connect(target)
    try:
        db.backup(copy)
    finally:
        copy.close()
    return target


def dump_schema() -> str:
    """Return the schema that all migrations make, as a script that also records them as applied."""
    db = sqlite_utils.Database(memory=True)
    migrations.apply(db)
    statements = [
        row[0].strip() + ";"
        for row in db.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        )
    ]
    records = [
        f"INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('{MIGRATION_SET}', '{row.name}',"
        " strftime('%Y-%m-%d %H:%M:%f+00:00'));"
        for row in migrations.applied(db)
    ]
    return _HEADER + "\n\n".join(statements) + "\n\n" + "\n".join(records) + "\n"


def _execute_file(db: sqlite_utils.Database, name: str) -> None:
    """Run a script statement by statement: `executescript` would commit the migration's transaction."""
    statement = ""
    for line in (_SQL / name).read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


if __name__ == "__main__":
    Path(__file__).with_name("schema.sql").write_text(dump_schema(), encoding="utf-8")
