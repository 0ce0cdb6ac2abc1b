"""Checks of the database file: whether it can be read, is sound, and keeps the facts that its orders give."""

from __future__ import annotations

from collections.abc import Iterator

from mailflow.errors import BusyError
from mailflow.jobs.doctor.examined import Examined
from mailflow.jobs.doctor.findings import Finding, error
from mailflow.store import field_usage, health, imports
from mailflow.workspace import DATABASE_FILE

_RESTORE = "Stop everything with `mailflow stop`, and restore mailflow.db from .mailflow/backups or your own backup"


def described(examined: Examined) -> str | None:
    """Return what runs the database in a few words, or None where it cannot be opened."""
    if examined.store is None:
        return None
    engine = health.engine(examined.store.db)
    return f"SQLite {engine.version}, journal mode {engine.journal_mode}"


def unreadable(examined: Examined) -> Iterator[Finding]:
    """Find a database that cannot be opened at all."""
    if examined.store is None and examined.store_trouble is not None:
        yield error("database", DATABASE_FILE, examined.store_trouble, "Nothing else in it could be checked until then")


def damaged(examined: Examined) -> Iterator[Finding]:
    """Find pages of the file that SQLite cannot make sense of."""
    if examined.store is None:
        return
    for fault in health.faults(examined.store.db):
        examined.is_damaged = True
        yield error("database", DATABASE_FILE, f"the file is damaged: {fault}", _RESTORE)


def unsafe_journal(examined: Examined) -> Iterator[Finding]:
    """Find a write-ahead log under a SQLite that can corrupt it: https://sqlite.org/wal.html#walresetbug."""
    if examined.store is None:
        return
    engine = health.engine(examined.store.db)
    if engine.journal_mode == "wal" and not engine.wal_is_safe:
        yield error(
            "database",
            DATABASE_FILE,
            f"its write-ahead log is not safe with SQLite {engine.version}: two programs at once can corrupt it",
            "Close every other program that has it open, then run any mailflow command: it changes the journal",
        )


def interrupted_imports(examined: Examined) -> Iterator[Finding]:
    """Find imports that were stopped half-way and not taken back yet."""
    if examined.store is None or not imports.interrupted(examined.store.db):
        return
    try:
        with examined.workspace.lock():
            waiting = imports.interrupted(examined.store.db)
    except BusyError:
        return  # it is at work
    for import_id in waiting:
        record = imports.get(examined.store.db, import_id)
        yield error(
            "database",
            f"import {import_id}",
            f"it was interrupted{f' ({record.file})' if record else ''}: some of what it brought is there, some is not",
            "The next `mailflow import` or `mailflow run` takes it back first; import that file again if you want it",
        )


def wrong_facts(examined: Examined) -> Iterator[Finding]:
    """Find people whose kept number of orders or revenue is not what their orders give."""
    if examined.store is None or examined.is_damaged:
        return
    db = examined.store.db
    with examined.progress("Counting orders", field_usage.last_id(db)) as advance:
        found = health.check_facts(db, advance)
    if found.differing:
        shown = ", ".join(found.keys) + (" …" if found.differing > len(found.keys) else "")
        yield error(
            "database",
            "contact_facts",
            f"the kept facts (orders, revenue, first and last order) of {found.differing:,} of {found.people:,} people"
            f" differ from their orders: {shown}",
            "Restore the database from before something other than mailflow wrote into it; please report it if nothing"
            " did",
        )
