"""Who was in which segment when. Whom a rule finds: members.py; when to look again: segments/keep.py."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailflow.store.connection import Connection
from mailflow.store.marks import Mark, Marks
from mailflow.store.pace import Pace


class Cause(StrEnum):
    """Why somebody is in a segment since a moment, or no longer."""

    PERSON = "person"  # something about them changed, or time went by
    RULE = "rule"  # the rule was edited
    START = "start"  # they were in it when its history began


@dataclass(frozen=True, slots=True)
class Kept:
    """A segment whose members are kept; instants in milliseconds, `rule` as it was when they were last compared."""

    id: int
    name: str
    rule: str
    hash: str
    since: int  # of this version of the rule
    first_at: int
    checked_at: int | None
    seen: Mapping[str, str]
    due_at: int | None

    def is_due(self, marks: Marks, at: int) -> bool:
        """Say whether its members may be others by now: what it reads has changed, or its time has come."""
        if self.checked_at is None or (self.due_at is not None and self.due_at <= at):
            return True
        return any(marks[Mark(name)] != mark for name, mark in self.seen.items() if name in marks)


@dataclass(frozen=True, slots=True)
class Ended:
    """The history of a segment that is no longer in segments.yaml; instants in milliseconds."""

    id: int
    name: str
    first_at: int
    ended_at: int


@dataclass(frozen=True, slots=True)
class Move:
    """One step into a segment or out of it."""

    contact_id: int
    entered: bool
    at: int
    cause: Cause


def kept(db: Connection) -> dict[str, Kept]:
    """Return the segments whose members are kept, by name; those that were dropped are left out."""
    rows = db.execute(
        """SELECT s.*, v.rule, v.hash, v.since FROM segments AS s
           JOIN segment_versions AS v ON v.id = (SELECT max(id) FROM segment_versions WHERE segment_id = s.id)
           WHERE s.dropped_at IS NULL ORDER BY s.id"""
    )
    return {
        row["name"]: Kept(
            row["id"], row["name"], row["rule"], row["hash"], row["since"], row["first_at"], row["checked_at"],
            json.loads(row["seen"]), row["due_at"],
        )
        for row in rows
    }  # fmt: skip


def ended(db: Connection, name: str) -> Ended | None:
    """Return the history of a segment whose rule is gone from segments.yaml; None where there is none.

    That it is gone is for the caller to know: a tick may not have looked since.
    """
    row = db.execute(
        """SELECT id, name, first_at, coalesce(dropped_at, checked_at) AS ended_at FROM segments
           WHERE name = ? AND coalesce(dropped_at, checked_at) IS NOT NULL""",
        (name,),
    ).fetchone()
    return None if row is None else Ended(row["id"], row["name"], row["first_at"], row["ended_at"])


def begin(tx: Connection, name: str, rule: str, hash_: str, *, at: int) -> None:
    """Begin the history of a segment, or go on with one that was dropped."""
    row = tx.execute(
        """INSERT INTO segments (name, first_at) VALUES (:name, :at)
           ON CONFLICT (name) DO UPDATE SET dropped_at = NULL, checked_at = NULL, first_at = :at RETURNING id""",
        {"name": name, "at": at},
    ).fetchone()
    renew(tx, row["id"], rule, hash_, at=at)


def renew(tx: Connection, segment_id: int, rule: str, hash_: str, *, at: int) -> None:
    """Record a new version of a rule."""
    tx.execute(
        "INSERT INTO segment_versions (segment_id, rule, hash, since) VALUES (?, ?, ?, ?)",
        (segment_id, rule, hash_, at),
    )


def checked(tx: Connection, segment_id: int, *, seen: Mapping[str, str], due_at: int | None, at: int) -> None:
    """Record that the members are those of an instant, on data that had come so far."""
    tx.execute(
        "UPDATE segments SET checked_at = ?, seen = ?, due_at = ? WHERE id = ?",
        (at, json.dumps(seen), due_at, segment_id),
    )


def put_off(tx: Connection, segment_id: int, *, seen: Marks, due_at: int) -> None:
    """Record when to look at a segment again whose members cannot be found now; the last ones stay."""
    tx.execute("UPDATE segments SET seen = ?, due_at = ? WHERE id = ?", (json.dumps(seen), due_at, segment_id))


def put_all_off(tx: Connection, files: str, *, due_at: int) -> None:
    """Record that none can be looked at before a file is edited, or so long."""
    tx.execute("UPDATE segments SET seen = json_set(seen, '$.files', ?), due_at = ?", (files, due_at))


def drop(tx: Connection, segment_id: int, *, at: int) -> None:
    """Record that there is no such rule any more; its members must have left before."""
    tx.execute("UPDATE segments SET dropped_at = ?, seen = '{}', due_at = NULL WHERE id = ?", (at, segment_id))


def differences(db: Connection, segment_id: int, found: Iterable[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Return who is in a segment by its rule but not by its history, and the other way round: contact ids, ascending.

    `found` are those whom the rule means, ascending. A byte for each contact is all that is kept of the history: sets
    in SQLite or Python cost several times as much.
    """
    here = bytearray(1 + _highest_contact(db, segment_id))
    for contact_id in present(db, segment_id):
        here[contact_id] = 1
    entered = []
    for contact_id in found:
        if here[contact_id]:
            here[contact_id] = 0
        else:
            entered.append(contact_id)
    return entered, [contact_id for contact_id, is_left in enumerate(here) if is_left]


def _highest_contact(db: Connection, segment_id: int) -> int:
    """Return the highest contact id there is, and was when somebody came into a segment."""
    row = db.execute(
        """SELECT max(coalesce((SELECT max(id) FROM contacts), 0), coalesce((SELECT max(contact_id) FROM membership
             WHERE segment_id = ? AND left_at IS NULL), 0))""",
        (segment_id,),
    ).fetchone()
    return int(row[0])


def present(db: Connection, segment_id: int) -> Iterator[int]:
    """Yield who is in a segment by its history: contact ids."""
    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute("SELECT contact_id FROM membership WHERE segment_id = ? AND left_at IS NULL", (segment_id,))
    for (contact_id,) in cursor:
        yield contact_id


def present_among(db: Connection, segment_id: int, contact_ids: Collection[int]) -> set[int]:
    """Return who of some contacts is in a segment by its history."""
    rows = db.execute(
        """SELECT contact_id FROM membership
           WHERE segment_id = ? AND left_at IS NULL AND contact_id IN (SELECT value FROM json_each(?))""",
        (segment_id, json.dumps(list(contact_ids))),
    )
    return {row[0] for row in rows}


def enter(pace: Pace, segment_id: int, contact_ids: Sequence[int], cause: Cause, *, at: int) -> None:
    """Record that people came into a segment."""
    for slice_ in pace.slices(contact_ids):
        with pace.transaction() as tx:
            tx.execute(
                """INSERT INTO membership (segment_id, contact_id, entered_at, entered_by)
                   SELECT ?, value, ?, ? FROM json_each(?)""",
                (segment_id, at, cause, json.dumps(slice_)),
            )


def leave(pace: Pace, segment_id: int, contact_ids: Sequence[int], cause: Cause, *, at: int) -> None:
    """Record that people are no longer in a segment."""
    for slice_ in pace.slices(contact_ids):
        with pace.transaction() as tx:
            tx.execute(
                """UPDATE membership SET left_at = ?, left_by = ?
                   WHERE segment_id = ? AND left_at IS NULL AND contact_id IN (SELECT value FROM json_each(?))""",
                (at, cause, segment_id, json.dumps(slice_)),
            )


def latest(db: Connection) -> int:
    """Return the instant at which members were last compared, in milliseconds; 0 is never."""
    return int(db.execute("SELECT coalesce(max(checked_at), 0) FROM segments").fetchone()[0])


def rewind(pace: Pace, *, at: int) -> None:
    """Forget what was recorded of later instants, in short transactions: a rehearsal had moved the clock there.

    Until its last one `latest` tells of the later instant, so that a rewind that was cut off is begun again.
    """
    for sql, changed in (("DELETE FROM membership", "entered_at"), (_COME_BACK, "left_at")):
        rows = pace.store.db.execute(f"SELECT id FROM membership WHERE {changed} > ?", (at,))
        for ids in pace.slices([row["id"] for row in rows]):
            with pace.transaction() as tx:
                tx.execute(f"{sql} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
    with pace.store.transaction() as tx:
        _rewind_segments(tx, at)


_COME_BACK = "UPDATE membership SET left_at = NULL, left_by = NULL"


def _rewind_segments(tx: Connection, at: int) -> None:
    later = {"at": at}
    tx.execute("DELETE FROM segment_versions WHERE since > :at", later)
    tx.execute(
        """DELETE FROM segments WHERE first_at > :at
             AND NOT EXISTS (SELECT 1 FROM membership AS m WHERE m.segment_id = segments.id)
             AND NOT EXISTS (SELECT 1 FROM segment_versions AS v WHERE v.segment_id = segments.id)""",
        later,
    )
    tx.execute(
        """UPDATE segments SET checked_at = :at, due_at = :at, dropped_at = NULL
           WHERE dropped_at IS NULL OR dropped_at > :at""",
        later,
    )


def as_of(db: Connection, segment_id: int, at: int) -> Sequence[int]:
    """Return who was in a segment just before an instant, by its history: contact ids, ascending."""
    rows = db.execute(
        """SELECT DISTINCT contact_id FROM membership
           WHERE segment_id = :segment AND entered_at < :at AND (left_at IS NULL OR left_at >= :at)
           ORDER BY contact_id""",
        {"segment": segment_id, "at": at},
    )
    return [row[0] for row in rows]


def sizes_as_of(db: Connection, at: int) -> dict[str, int]:
    """Return how many were in each segment just before an instant, of those whose history goes over it."""
    rows = db.execute(
        """SELECT s.name, (SELECT count(*) FROM membership AS m WHERE m.segment_id = s.id AND m.entered_at < :at
                           AND (m.left_at IS NULL OR m.left_at >= :at)) AS size
           FROM segments AS s WHERE s.dropped_at IS NULL AND s.first_at < :at AND s.checked_at >= :at""",
        {"at": at},
    )
    return {row["name"]: row["size"] for row in rows}


def moves(db: Connection, segment_id: int, since: int) -> Iterator[Move]:
    """Yield every step into a segment and out of it from an instant on, in time order."""
    rows = db.execute(
        """SELECT contact_id, 1 AS entered, entered_at AS at, entered_by AS cause FROM membership
           WHERE segment_id = :segment AND entered_at >= :since AND entered_by <> 'start'
           UNION ALL SELECT contact_id, 0, left_at, left_by FROM membership
           WHERE segment_id = :segment AND left_at >= :since
           ORDER BY 3, 1, 2""",
        {"segment": segment_id, "since": since},
    )
    for row in rows:
        yield Move(row["contact_id"], bool(row["entered"]), row["at"], Cause(row["cause"]))


def forget(tx: Connection, contact_ids: Sequence[int]) -> None:
    """Delete everything about contacts that are about to be deleted."""
    for rows in ("left_at IS NULL", "left_at IS NOT NULL"):  # each has an index of its own
        tx.execute(
            f"""DELETE FROM membership WHERE {rows} AND segment_id IN (SELECT id FROM segments)
                  AND contact_id IN (SELECT value FROM json_each(?))""",
            (json.dumps(list(contact_ids)),),
        )


def since(db: Connection, segment_id: int, contact_id: int) -> tuple[int, Cause] | None:
    """Return since when somebody is in a segment, in milliseconds, and why; None where its history has them not."""
    row = db.execute(
        "SELECT entered_at, entered_by FROM membership WHERE segment_id = ? AND contact_id = ? AND left_at IS NULL",
        (segment_id, contact_id),
    ).fetchone()
    return None if row is None else (row["entered_at"], Cause(row["entered_by"]))


def versions(db: Connection, segment_id: int, since: int) -> Sequence[tuple[int, str]]:
    """Return (since when, rule) of each version of a rule that came after an instant."""
    rows = db.execute(
        "SELECT since, rule FROM segment_versions WHERE segment_id = ? AND since >= ? ORDER BY id",
        (segment_id, since),
    )
    return [(row["since"], row["rule"]) for row in rows]
