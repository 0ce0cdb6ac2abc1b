"""Who a compiled rule finds, and what they are called. How a rule becomes SQL: rules_sql.py."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailflow.errors import DataError
from mailflow.store.connection import Connection
from mailflow.store.rules_sql import Parameters, TraitSql

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


class Confidences:
    """How sure we are of a trait, by contact id: 0 to 1, None where no sign speaks for it. 16 bytes a contact."""

    def __init__(self) -> None:
        self._ids = array("q")
        self._shares = array("d")

    def add(self, contact_id: int, share: float) -> None:
        """Keep that of a contact with a higher id than all before."""
        self._ids.append(contact_id)
        self._shares.append(share)

    def get(self, contact_id: int) -> float | None:
        """Return that of one contact."""
        place = bisect_left(self._ids, contact_id)
        return self._shares[place] if place < len(self._ids) and self._ids[place] == contact_id else None


def confidences(db: Connection, trait: TraitSql) -> Confidences:
    """Return how sure we are of a trait, of everybody whom a sign of it speaks for."""
    kept = Confidences()
    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute(
        f"""SELECT id, steps FROM (SELECT c.id AS id, {trait.sql} AS steps FROM contacts AS c
            WHERE c.merged_into IS NULL) WHERE steps > 0 ORDER BY id""",
        trait.parameters,
    )
    for contact_id, steps in cursor:
        kept.add(contact_id, steps / trait.steps)
    return kept


def totals(db: Connection, query: str, parameters: Parameters) -> dict[int, float]:
    """Return contact → sum of what `rules_sql.compile_totals` adds up; `DataError` for several currencies."""
    found: dict[int, float] = {}
    for row in db.execute(query, parameters):
        if row["several"]:
            raise DataError(
                "amounts of events are in several currencies, which are never added up: narrow them with where="
            )
        if row["total"]:
            found[row["who"]] = row["total"]
    return found


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
