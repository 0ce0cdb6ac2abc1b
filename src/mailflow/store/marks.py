"""How far everything has come that segments and scores are made of: numbers that change when it does, read at once.

Whoever keeps a mark sees by comparing whether there is anything to do, without opening a single file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from mailflow.store import imports
from mailflow.store.connection import Connection


class Mark(StrEnum):
    """One sort of things that rules look at."""

    PEOPLE = "people"  # contacts, what they said and bought: whatever files bring, and consent
    EVENTS = "events"
    MAIL = "mail"  # what was sent
    SCORES = "scores"
    STAGES = "stages"


Marks = Mapping[Mark, str]

_LAST = {
    Mark.EVENTS: "SELECT max(id) FROM events",
    Mark.MAIL: "SELECT max(id) FROM attempts",
    Mark.SCORES: "SELECT id FROM score_runs WHERE finished_at IS NOT NULL AND name <> 'lifecycle' ORDER BY id DESC LIMIT 1",
    Mark.STAGES: "SELECT max(id) FROM lifecycle_stages",
}
_PEOPLE = """SELECT (SELECT max(id) FROM contacts), (SELECT max(id) FROM consents), (SELECT max(id) FROM statements),
    (SELECT max(id) FROM merges)"""


def now(db: Connection, which: Iterable[Mark] = tuple(Mark)) -> Marks:
    """Return how far these have come."""
    return {mark: _people(db) if mark is Mark.PEOPLE else _last(db, mark) for mark in which}


def _people(db: Connection) -> str:
    return ".".join(str(number or 0) for number in (imports.data_version(db), *db.execute(_PEOPLE).fetchone()))


def _last(db: Connection, mark: Mark) -> str:
    row = db.execute(_LAST[mark]).fetchone()
    return str(0 if row is None or row[0] is None else row[0])
