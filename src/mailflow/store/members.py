"""Who a compiled rule finds, and what they are called. How a rule becomes SQL: rules_sql.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailflow.store.connection import Connection
from mailflow.store.rules_sql import Parameters

_CHUNK = 5_000
COUNT = "SELECT count(*) FROM contacts AS c WHERE c.merged_into IS NULL AND {}"


@dataclass(frozen=True, slots=True)
class Member:
    """A contact as a list of people shows it."""

    id: int
    key: str
    email: str | None
    first_name: str | None
    last_name: str | None


def found(db: Connection, where: str, parameters: Parameters) -> Iterator[int]:
    """Yield the ids of the contacts that a compiled rule asks for, in order; merged ones are left out.

    `where` comes from `rules_sql.compile`, which makes it from constants of its own.
    """
    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute(f"SELECT c.id FROM contacts AS c WHERE c.merged_into IS NULL AND {where} ORDER BY c.id", parameters)
    for (contact_id,) in cursor:
        yield contact_id


def count(db: Connection, where: str, parameters: Parameters) -> int:
    """Return how many contacts a compiled rule asks for."""
    return int(db.execute(COUNT.format(where), parameters).fetchone()[0])


def any_merged(db: Connection) -> bool:
    """Return whether any contact was merged into another."""
    return db.execute("SELECT 1 FROM contacts WHERE merged_into IS NOT NULL LIMIT 1").fetchone() is not None


def named(db: Connection, ids: Sequence[int]) -> Iterator[Member]:
    """Yield these contacts with their names, in the order of the ids, which ascend."""
    for start in range(0, len(ids), _CHUNK):
        chunk = json.dumps([int(contact_id) for contact_id in ids[start : start + _CHUNK]])
        rows = db.execute(
            "SELECT id, key, email, first_name, last_name FROM contacts"
            " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (chunk,),
        )
        for row in rows:
            yield Member(row["id"], row["key"], row["email"], row["first_name"], row["last_name"])
