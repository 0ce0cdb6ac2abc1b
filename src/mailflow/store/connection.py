"""A connection to the SQLite file with mailflow's settings. The file as a whole, its transactions: database.py."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mailflow import clock
from mailflow.places.names import country_code, own_km, town_key

Connection = sqlite3.Connection
Row = sqlite3.Row

BUSY_TIMEOUT_MS = 5_000
MIGRATION_SET = "mailflow"
# What rules ask of Python: name in SQL, number of arguments, function; each is asked of few people.
_FUNCTIONS = (
    ("local_part", 4, clock.local_part),
    ("own_km", 3, own_km),
    ("country_code", 1, country_code),
    ("town_key", 1, town_key),
)


def connect(path: Path) -> Connection:
    """Open a connection with mailflow's settings: foreign keys, durable commits, a journal that this SQLite does well.

    Usable from one thread at a time, not only from the one that opened it.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    db.row_factory = sqlite3.Row
    db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA cache_size = -65536")
    db.execute("PRAGMA temp_store = MEMORY")
    for name, arguments, function in _FUNCTIONS:
        db.create_function(name, arguments, function, deterministic=True)
    journal, synchronous = journal_settings(sqlite3.sqlite_version_info)
    db.execute(f"PRAGMA journal_mode = {journal}").fetchone()
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("PRAGMA journal_size_limit = 4194304")
    # macOS only flushes to the drive itself when told so; elsewhere these do nothing.
    db.execute("PRAGMA fullfsync = ON")
    db.execute("PRAGMA checkpoint_fullfsync = ON")
    return db


def journal_settings(version: tuple[int, ...]) -> tuple[str, str]:
    """Return (journal mode, synchronous) for a SQLite version, durable on power loss either way.

    Before 3.51.3 (and outside the fixes 3.50.7 and 3.44.6) two connections that checkpoint at once can corrupt a WAL
    database, see https://sqlite.org/wal.html#walresetbug; there the older rollback journal is used. It is zeroed and
    kept rather than truncated: as durable, and a commit costs half as much where a growing file must be synced.
    """
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return ("WAL", "FULL") if fixed else ("PERSIST", "EXTRA")
