"""Small things there is one of: the clock's high-water mark, the data version, when a test was seen."""

from __future__ import annotations

from mailflow.store.connection import Connection


def get(db: Connection, name: str) -> str | None:
    """Return a kept value, or None."""
    row = db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row["value"])


def put(tx: Connection, name: str, value: str) -> None:
    """Keep a value under a name."""
    tx.execute(
        "INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
