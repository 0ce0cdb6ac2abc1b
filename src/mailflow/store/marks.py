"""How far everything has come that segments and scores are made of: numbers that change when it does, read at once.

Whoever keeps a mark sees by comparing whether there is anything to do, without opening a single file.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from mailflow.store import imports
from mailflow.store.connection import Connection


class Mark(StrEnum):
    """One sort of things that rules look at."""

    PEOPLE = "people"  # contacts, what they said and bought: whatever files bring
    CONSENT = "consent"
    EVENTS = "events"
    MAIL = "mail"  # what was sent
    SCORES = "scores"
    STAGES = "stages"
    FILES = "files"  # the workspace's settings and rules: not of the store, see jobs/keep
    AMOUNTS = "amounts"  # the currency of amounts, and what others are worth in it: see segments/narrow


Marks = Mapping[Mark, str]

_LAST = {
    Mark.CONSENT: "SELECT max(id) FROM consents",
    Mark.EVENTS: "SELECT max(id) FROM events",
    # Of what is under way the outcome is not known yet: it comes without another attempt.
    Mark.MAIL: """SELECT (SELECT coalesce(max(id), 0) FROM attempts) || '.' || count(*) || '.' || coalesce(sum(id), 0)
                  FROM messages WHERE state IN ('armed', 'in_doubt')""",
    Mark.SCORES: """SELECT id FROM score_runs
                    WHERE finished_at IS NOT NULL AND name NOT IN ('lifecycle', 'recommendations', 'favourites')
                    ORDER BY id DESC LIMIT 1""",
    Mark.STAGES: "SELECT max(id) FROM lifecycle_stages",
}
_PEOPLE = "SELECT (SELECT max(id) FROM contacts), (SELECT max(id) FROM statements), (SELECT max(id) FROM merges)"


def now(db: Connection) -> Marks:
    """Return how far everything in the store has come."""
    return {Mark.PEOPLE: people(db), **{mark: _last(db, sql) for mark, sql in _LAST.items()}}


def people(db: Connection) -> str:
    """Return how far contacts and orders have come."""
    return ".".join(str(number or 0) for number in (imports.data_version(db), *db.execute(_PEOPLE).fetchone()))


def _last(db: Connection, sql: str) -> str:
    row = db.execute(sql).fetchone()
    return str(0 if row is None or row[0] is None else row[0])
