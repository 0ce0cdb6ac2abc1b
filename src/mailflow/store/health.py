"""Whether the database file is sound: SQLite's own check, its journal, and the kept facts against a full recount."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailflow.store import facts
from mailflow.store.connection import Connection, journal_settings

_SLICE = 5_000  # contacts whose orders are counted in one statement
_FAULTS = 20  # told per table

Advance = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Engine:
    """Which SQLite this is, how it keeps its journal, and whether it has the bug that can corrupt a WAL database."""

    version: str
    journal_mode: str
    wal_is_safe: bool


@dataclass(frozen=True, slots=True)
class FactsCheck:
    """How many people's kept facts were compared, how many differ from their orders, and a few of them by key."""

    people: int
    differing: int
    keys: tuple[str, ...]


def engine(db: Connection) -> Engine:
    """Return what runs the database."""
    mode = str(db.execute("PRAGMA main.journal_mode").fetchone()[0]).lower()
    return Engine(sqlite3.sqlite_version, mode, journal_settings(sqlite3.sqlite_version_info)[0] == "WAL")


def faults(db: Connection) -> Iterator[str]:
    """Yield what SQLite finds wrong in the file, a table at a time: nobody can write while it looks at one."""
    tables = db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    for (table,) in tables.fetchall():
        for (found,) in db.execute(f"PRAGMA main.quick_check('{table}')").fetchmany(_FAULTS):
            if found != "ok":
                yield f"{table}: {found}"


def check_facts(db: Connection, advance: Advance = lambda contacts: None) -> FactsCheck:
    """Compare the kept facts of everybody with what their orders give, slice by slice."""
    highest = int(db.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0])
    people = differing = 0
    shown: list[str] = []
    for first in range(1, highest + 1, _SLICE):
        last = min(highest, first + _SLICE - 1)
        compared, wrong = facts.differing(db, first, last)
        people, differing = people + compared, differing + len(wrong)
        shown += [_key(db, contact_id) for contact_id in wrong[: 3 - len(shown)]]
        advance(last - first + 1)
    return FactsCheck(people, differing, tuple(shown))


def _key(db: Connection, contact_id: int) -> str:
    row = db.execute("SELECT coalesce(email, key) FROM contacts WHERE id = ?", (contact_id,)).fetchone()
    return str(row[0]) if row else f"contact {contact_id}"
