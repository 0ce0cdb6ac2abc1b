"""Open the SQLite file safely: modes, journal, transactions, migrations when due. What is in it: schema.sql."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailflow.errors import BusyError, ConfigError, DataError, MailflowError, UnavailableError
from mailflow.store.connection import MIGRATION_SET, Connection, connect

# The names of all migrations in order, kept here so that opening a current file need not import sqlite-utils (and
# with it pandas); a test holds that they are those of migrations.py.
MIGRATION_NAMES = ("m0001_first", "m0002_everything", "m0003_offers", "m0004_answers", "m0005_favourites")

_SCHEMA = Path(__file__).with_name("schema.sql")

_PAGES_COPIED = 2_000  # at a time, as nobody can write while these are read


class Store:
    """One open workspace database. A context manager; closing twice is harmless."""

    def __init__(self, path: Path, db: Connection) -> None:
        self.path = path
        self.db = db

    @classmethod
    def create(cls, path: Path) -> Store:
        """Make a new database file, readable by its owner only, with the current schema."""
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        os.close(descriptor)
        store = cls(path, connect(path))
        store.db.executescript(f"BEGIN;\n{_SCHEMA.read_text(encoding='utf-8')}\nCOMMIT;")
        return store

    @classmethod
    def open(cls, path: Path, *, backups: Path) -> Store:
        """Open an existing database; migrate it first when it is older, after a backup into the folder `backups`."""
        if not path.is_file():
            raise UnavailableError(
                f"{path}: the database is missing. Restore it from a backup, with the folder .mailflow beside it. If"
                " nothing was ever sent from here: put mailflow.yaml aside, run `mailflow init`, and put it back"
            )
        db = connect(path)
        try:
            pending = pending_migrations(db, path)
            if pending:
                from mailflow.store import migrations

                migrations.migrate(db, path, backups=backups)
        except BaseException:
            db.close()
            raise
        return cls(path, db)

    def again(self) -> Store:
        """Open a second connection to the same file, for another thread."""
        return Store(self.path, connect(self.path))

    def copy_to(self, path: Path) -> Store:
        """Copy the database as it is now into an empty file, and open that. The other may be in use meanwhile."""
        copy = connect(path)
        self.db.backup(copy, pages=_PAGES_COPIED)
        return Store(path, copy)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run a block in one write transaction: committed at its end, rolled back if it raises.

        The write lock is taken at the start, so a transaction never fails half-way for somebody else's lock. Keep it
        under 100 ms: readers and the web door wait meanwhile.
        """
        tx = self.begin()
        try:
            yield tx
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def begin(self) -> Connection:
        """Begin a write transaction that `commit` or `rollback` ends; `transaction` is what nearly everybody wants."""
        self.db.execute("BEGIN IMMEDIATE")
        return self.db

    def commit(self) -> None:
        """Make the transaction durable; what cannot be is rolled back."""
        try:
            self.db.execute("COMMIT")
        except BaseException:
            self.rollback()
            raise

    def rollback(self) -> None:
        """Take the transaction back, if one is open."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Run a block of reads that all see the same state."""
        self.db.execute("BEGIN")
        try:
            yield self.db
        finally:
            self.rollback()


def pending_migrations(db: Connection, path: Path) -> list[str]:
    """Return the names of migrations that `db` lacks, in order; refuse a file that is not ours or is newer."""
    try:
        rows = db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (MIGRATION_SET,)).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        raise DataError(
            f"{path}: this is not a mailflow database. Restore it from .mailflow/backups or start anew"
        ) from error
    applied = {row["name"] for row in rows}
    newer = applied - set(MIGRATION_NAMES)
    if newer:
        raise ConfigError(f"{path}: made by a newer mailflow ({', '.join(sorted(newer))}). Upgrade mailflow")
    return [name for name in MIGRATION_NAMES if name not in applied]


def explain(error: BaseException) -> MailflowError | None:
    """Return what a database exception means for the user, or None where it is not one of the database's."""
    if not isinstance(error, sqlite3.Error):
        return None
    text = str(error)
    if "disk is full" in text or "disk I/O error" in text:
        return UnavailableError(
            f"the disk is full or failing ({text}): nothing half-done was kept. Free some space and repeat"
        )
    if "locked" in text or "busy" in text:
        return BusyError("the database is busy with another command: try again in a moment")
    if "readonly" in text or "unable to open" in text:
        return UnavailableError(
            f"the database cannot be written ({text}): check the permissions of mailflow.db and its folder"
        )
    if "not a database" in text or "malformed" in text:
        return DataError(f"mailflow.db is damaged or not a database ({text}): restore it from .mailflow/backups")
    return None
