"""Compare staged events with those that are known, and write what is new or changed. One event: events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow import clock
from mailflow.store import journal, matching, visitors
from mailflow.store.connection import Connection
from mailflow.store.contacts_bulk import CONTACT_OF
from mailflow.store.pace import Pace

EVENT_COLUMNS = (
    "n", "row", "line", "source_id", "numbered", "undated", "name", "occurred_at", "email_key", "customer_id",
    "phone_key", "visitor", "properties", "part",
)  # fmt: skip

_SLICE = 20_000
_GROUPS = 16  # neighbouring contacts are written together: see orders_bulk

# `row` is the number of the file's row: several events may come of one. `numbered`: rows without an id and without a
# time of day, which are told apart by their number among equals. `undated`: nobody says when, so it was when we
# heard of it, at the latest when the thing itself took place. `part` is one line of a thing told in several rows.
_TABLES = """
CREATE TABLE stage.events (
  n INTEGER PRIMARY KEY, row INTEGER, line INTEGER, source_id TEXT, numbered INTEGER, undated INTEGER,
  name TEXT, occurred_at INTEGER, email_key TEXT, customer_id TEXT, phone_key TEXT, visitor TEXT, properties TEXT,
  part TEXT
);
CREATE TABLE stage.known (n INTEGER PRIMARY KEY, event_pk INTEGER, target INTEGER, changed INTEGER);
CREATE TABLE stage.arrived (rank INTEGER PRIMARY KEY, n INTEGER, target INTEGER);
CREATE TABLE stage.revised (rank INTEGER PRIMARY KEY, n INTEGER, event_pk INTEGER, target INTEGER)
"""

# Who an event is of: whom its row names, else whom its visitor turned out to be, else nobody yet.
_WHO = """LEFT JOIN stage.buyers AS p ON p.email_key = s.email_key AND p.customer_id = s.customer_id
      AND p.phone_key = iif(s.email_key = '' AND s.customer_id = '', s.phone_key, '')
    LEFT JOIN stage.visitors AS v ON v.visitor = s.visitor AND s.visitor <> ''"""
_TARGET = "coalesce(p.target, v.target)"


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What a file would do, in rows. `repeated` events came more than once in it, `anonymous` ones are of nobody."""

    new: int
    changed: int
    repeated: int
    anonymous: int


def prepare(db: Connection) -> None:
    """Make the staging tables."""
    for statement in _TABLES.split(";"):
        db.execute(statement)


def add(db: Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Add events: tuples in the order of EVENT_COLUMNS."""
    marks = ", ".join("?" * len(EVENT_COLUMNS))
    db.executemany(f"INSERT INTO stage.events ({', '.join(EVENT_COLUMNS)}) VALUES ({marks})", rows)


def join_parts(db: Connection, name: str) -> int:
    """Make one event of the rows that share a source id, their parts a list in the property `name`.

    Where the rows give different values, each is that of its part and the whole is their sum. Return how many rows
    were joined to another.
    """
    rows = "SELECT count(DISTINCT row) FROM stage.events"
    before = int(db.execute(rows).fetchone()[0])
    db.execute("CREATE INDEX stage.events_by_id ON events (source_id, n)")
    db.execute(
        """CREATE TABLE stage.wholes AS
           SELECT min(n) AS n, json_group_array(json(part)) FILTER (WHERE part IS NOT NULL) AS parts,
                  min(properties ->> 'value') <> max(properties ->> 'value') AS differs,
                  round(total(properties ->> 'value'), 4) AS added
           FROM (SELECT source_id, n, part, properties FROM stage.events ORDER BY source_id, n) GROUP BY source_id"""
    )
    db.execute("CREATE UNIQUE INDEX stage.wholes_by_n ON wholes (n)")
    db.execute(
        """UPDATE stage.events AS s SET properties = json_set(properties, '$.' || ?, json(w.parts))
           FROM stage.wholes AS w WHERE s.n = w.n AND w.parts <> '[]'""",
        (name,),
    )
    db.execute(
        """UPDATE stage.events AS s SET properties = json_set(properties, '$.value', w.added)
           FROM stage.wholes AS w WHERE s.n = w.n AND w.differs"""
    )
    db.execute("DELETE FROM stage.events WHERE n NOT IN (SELECT n FROM stage.wholes)")
    return before - int(db.execute(rows).fetchone()[0])


def compare(db: Connection, source: str) -> EventCounts:
    """Find out which staged events are new and which differ from what is known; after `matching.match_people`."""
    matching.index_buyers(db)
    visitors.match_named(db)
    repeated = _drop_repeated(db)
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM stage.events").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        db.execute(_KNOWN, {"source": source, "first": first, "last": first + _SLICE - 1})
    contacts = db.execute("SELECT coalesce(max(id), 0) FROM main.contacts").fetchone()[0]
    fresh = db.execute("SELECT count(*) FROM stage.fresh").fetchone()[0]
    db.execute(_ARRIVED, {"known": contacts, "width": (contacts + fresh) // _GROUPS + 1})
    db.execute(
        "INSERT INTO stage.revised (n, event_pk, target) SELECT n, event_pk, target FROM stage.known WHERE changed"
        " ORDER BY event_pk"
    )
    many = db.execute("SELECT max(n) > max(row) FROM stage.events").fetchone()[0]
    rows = db.execute(_COUNT_ROWS if many else _COUNT_EVENTS).fetchone()
    anonymous = db.execute("SELECT count(*) FROM stage.arrived WHERE target IS NULL").fetchone()[0]
    return EventCounts(rows["new"], rows["changed"], repeated, anonymous)


def add_new(pace: Pace, import_id: int, source: str, now_ms: int) -> None:
    """Write the new events, slice by slice."""
    for first, last in pace.ranks("arrived"):
        with pace.transaction() as tx:
            base = tx.execute("SELECT coalesce(max(id), 0) FROM main.events").fetchone()[0] + 1 - first
            tx.execute(_INSERT, {"base": base, "first": first, "last": last, "source": source, "now": now_ms})
            tx.execute(
                "INSERT INTO main.import_changes (import_id, noun, first_id, last_id) VALUES (?, 'events', ?, ?)",
                (import_id, first + base, last + base),
            )


def revise_known(pace: Pace, import_id: int) -> None:
    """Write what changed about known events, the old ones into the journal first."""
    for first, last in pace.ranks("revised"):
        with pace.transaction() as tx:
            tx.execute(_JOURNAL, {"import": import_id, "first": first, "last": last})
            tx.execute(_UPDATE, {"first": first, "last": last})


def differences(db: Connection, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would change: one entry per event and property, times as ISO text."""
    rows = db.execute(
        """SELECT s.line, s.source_id, e.name AS old_name, s.name AS new_name, e.occurred_at AS old_at,
                  s.occurred_at AS new_at, e.properties AS old_properties, s.properties AS new_properties
           FROM stage.revised AS r JOIN stage.events AS s ON s.n = r.n JOIN main.events AS e ON e.id = r.event_pk
           ORDER BY r.rank LIMIT ?""",
        (limit,),
    )
    changes: list[dict[str, Any]] = []
    for row in rows:
        old, new = json.loads(row["old_properties"]), json.loads(row["new_properties"])
        old |= {"name": row["old_name"], "occurred_at": clock.iso(clock.from_ms(row["old_at"]))}
        new |= {"name": row["new_name"], "occurred_at": clock.iso(clock.from_ms(row["new_at"]))}
        who = {"line": row["line"], "event": row["source_id"]}
        found = [
            {**who, "field": name, "old": old.get(name), "new": new.get(name)}
            for name in {**old, **new}
            if old.get(name) != new.get(name)
        ]
        changes.extend(found or [{**who, "field": "contact", "old": None, "new": None}])
    return changes


def take_back(pace: Pace, import_id: int) -> tuple[int, int]:
    """Delete the events that an import added and restore those it changed; return how many went, how many stay.

    What a later import changed again stays as it is.
    """
    return journal.take_back(pace, import_id, "events", delete=_delete, restore=_restore)


def _delete(tx: Connection, ids: Sequence[int]) -> tuple[int, Sequence[int]]:
    tx.execute("DELETE FROM events WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
    return len(ids), ()


def _restore(tx: Connection, event_pk: int, before: Mapping[str, Any]) -> None:
    tx.execute(
        """UPDATE events SET contact_id = :contact_id, visitor = :visitor, name = :name, occurred_at = :occurred_at,
             properties = :properties WHERE id = :id""",
        {**before, "id": event_pk},
    )


def _drop_repeated(db: Connection) -> int:
    """Give equal rows that have only a date their number; of others with one id keep the last. Return how many went."""
    db.execute("CREATE INDEX IF NOT EXISTS stage.events_by_id ON events (source_id, n)")
    db.execute(
        """CREATE TABLE stage.repeated AS SELECT s.n, s.numbered,
             row_number() OVER (PARTITION BY s.source_id ORDER BY s.n) AS number,
             lead(s.n) OVER (PARTITION BY s.source_id ORDER BY s.n) AS next
           FROM stage.events AS s
           WHERE s.source_id IN (SELECT source_id FROM stage.events GROUP BY source_id HAVING count(*) > 1)"""
    )
    db.execute(
        """UPDATE stage.events AS s SET source_id = s.source_id || '-' || d.number FROM stage.repeated AS d
           WHERE d.n = s.n AND d.numbered AND d.number > 1"""
    )
    return db.execute(
        "DELETE FROM stage.events WHERE n IN (SELECT n FROM stage.repeated WHERE NOT numbered AND next IS NOT NULL)"
    ).rowcount


_KNOWN = f"""INSERT INTO stage.known (n, event_pk, target, changed)
    SELECT s.n, e.id, {_TARGET}, e.name <> s.name OR (NOT s.undated AND e.occurred_at <> s.occurred_at)
        OR e.properties <> s.properties
        OR (s.visitor <> '' AND e.visitor IS NOT s.visitor)
        OR ({_TARGET} IS NOT NULL AND e.contact_id IS NOT -{_TARGET}
            AND NOT EXISTS (SELECT 1 FROM main.contacts AS c WHERE c.id = e.contact_id AND c.merged_into = -{_TARGET}))
    FROM stage.events AS s CROSS JOIN main.events AS e ON e.source = :source AND e.source_id = s.source_id
    {_WHO} WHERE s.n BETWEEN :first AND :last"""
_ARRIVED = f"""INSERT INTO stage.arrived (n, target)
    SELECT s.n, {_TARGET} FROM stage.events AS s {_WHO} LEFT JOIN stage.fresh AS f ON f.target = {_TARGET}
    WHERE s.n NOT IN (SELECT n FROM stage.known)
    ORDER BY coalesce(:known + f.rank, -{_TARGET}, 0) / :width, s.source_id"""
# A row all of whose events are new is new; one that adds to what is known, or changes it, is a change.
_COUNT_ROWS = """SELECT count(*) FILTER (WHERE arrived = events) AS new,
      count(*) FILTER (WHERE arrived < events AND (arrived OR changed)) AS changed
    FROM (SELECT count(*) AS events, count(*) FILTER (WHERE k.n IS NULL) AS arrived, total(k.changed) AS changed
          FROM stage.events AS s LEFT JOIN stage.known AS k ON k.n = s.n GROUP BY s.row)"""
_COUNT_EVENTS = (
    """SELECT (SELECT count(*) FROM stage.arrived) AS new, (SELECT count(*) FROM stage.revised) AS changed"""
)
_INSERT = f"""INSERT INTO main.events (id, contact_id, name, source, source_id, occurred_at, recorded_at, properties,
                                    visitor)
    SELECT a.rank + :base, {CONTACT_OF.format("a.target")}, s.name, :source, s.source_id,
           iif(s.undated, min(s.occurred_at, :now), s.occurred_at), :now,
           s.properties, nullif(s.visitor, '')
    FROM stage.arrived AS a JOIN stage.events AS s ON s.n = a.n
    WHERE a.rank BETWEEN :first AND :last ORDER BY a.rank"""
_JOURNAL = """INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
    SELECT :import, 'events', e.id, e.id, json_object('contact_id', e.contact_id, 'visitor', e.visitor, 'name', e.name,
      'occurred_at', e.occurred_at, 'properties', e.properties)
    FROM stage.revised AS r JOIN main.events AS e ON e.id = r.event_pk
    WHERE r.rank BETWEEN :first AND :last ORDER BY r.rank"""
_UPDATE = f"""UPDATE main.events AS e SET name = s.name,
      occurred_at = iif(s.undated, e.occurred_at, s.occurred_at), properties = s.properties,
      visitor = coalesce(nullif(s.visitor, ''), e.visitor),
      contact_id = coalesce({CONTACT_OF.format("r.target")}, e.contact_id)
    FROM stage.revised AS r JOIN stage.events AS s ON s.n = r.n
    WHERE r.rank BETWEEN :first AND :last AND e.id = r.event_pk"""
