"""Visitors: people known by a cookie or device only. Who each turns out to be, and the events that then become theirs.

A visitor becomes somebody's when one row of any file names both. The first contact keeps it: a shared computer does not
move from one to the other. Events that name a person themselves stay that person's.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailflow.store.connection import Connection
from mailflow.store.contacts_bulk import CONTACT_OF
from mailflow.store.pace import Pace

VISITOR = "visitor"

_SLICE = 20_000
_TABLES = """
CREATE TABLE stage.seen (n INTEGER PRIMARY KEY, email_key TEXT, customer_id TEXT, phone_key TEXT, visitor TEXT);
CREATE TABLE stage.visitors (rank INTEGER PRIMARY KEY, visitor TEXT UNIQUE, target INTEGER, is_new INTEGER)
"""


def prepare(db: Connection) -> None:
    """Make the staging tables: `seen` are rows that name a visitor and a person, `visitors` who each is."""
    for statement in _TABLES.split(";"):
        db.execute(statement)


def add(db: Connection, rows: Iterable[tuple[str, str, str, str]]) -> None:
    """Add what a file says of visitors: (e-mail as it is compared, customer id, phone as it is compared, visitor)."""
    db.executemany("INSERT INTO stage.seen (email_key, customer_id, phone_key, visitor) VALUES (?, ?, ?, ?)", rows)


def match(db: Connection) -> None:
    """Find out who the visitors of a file of contacts or orders are; after `matching.index_buyers`."""
    _match(db, f"SELECT s.visitor, p.target FROM stage.seen AS s JOIN {_BUYER} ORDER BY s.n")


def match_named(db: Connection) -> None:
    """Find out who the visitors of staged events are; after `matching.index_buyers`."""
    _match(
        db,
        f"""SELECT s.visitor, p.target FROM stage.events AS s LEFT JOIN {_BUYER}
            WHERE s.visitor <> '' ORDER BY p.target IS NULL, s.n""",
    )


def write(pace: Pace, import_id: int) -> None:
    """Write whose the visitors are, and give their contacts the events from before they were known."""
    db = pace.store.db
    for first, last in pace.ranks("visitors"):
        with pace.transaction() as tx:
            parameters = {"import": import_id, "first": first, "last": last}
            tx.execute(_JOURNAL_IDENTITIES, parameters)
            tx.execute(_ADD_IDENTITIES, parameters)
    db.execute("CREATE TABLE stage.joining (rank INTEGER PRIMARY KEY, event_pk INTEGER, contact_id INTEGER)")
    last_rank = int(db.execute("SELECT coalesce(max(rank), 0) FROM stage.visitors").fetchone()[0])
    for start in range(1, last_rank + 1, _SLICE):
        db.execute(_JOINING, {"first": start, "last": start + _SLICE - 1})
    for first, last in pace.ranks("joining"):
        with pace.transaction() as tx:
            parameters = {"import": import_id, "first": first, "last": last}
            tx.execute(_JOURNAL_EVENTS, parameters)
            tx.execute(_JOIN_EVENTS, parameters)


def _match(db: Connection, named: str) -> None:
    """Fill stage.visitors: whoever has a visitor already, else the first person of the file who does, else nobody."""
    db.execute(
        f"INSERT OR IGNORE INTO stage.visitors (visitor, target, is_new) SELECT visitor, target, 1 FROM ({named})"
    )
    last = int(db.execute("SELECT coalesce(max(rank), 0) FROM stage.visitors").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        db.execute(_KNOWN, {"kind": VISITOR, "first": first, "last": first + _SLICE - 1})


_BUYER = """stage.buyers AS p ON p.email_key = s.email_key AND p.customer_id = s.customer_id
    AND p.phone_key = iif(s.email_key = '' AND s.customer_id = '', s.phone_key, '')"""
_KNOWN = """UPDATE stage.visitors AS v SET is_new = 0, target = -coalesce(c.merged_into, c.id)
    FROM main.identities AS i JOIN main.contacts AS c ON c.id = i.contact_id
    WHERE v.rank BETWEEN :first AND :last AND i.kind = :kind AND i.source = '' AND i.value = v.visitor"""
_NEW = """stage.visitors AS v WHERE v.rank BETWEEN :first AND :last AND v.is_new AND v.target IS NOT NULL"""
_CONTACT = CONTACT_OF.format("v.target")
_JOURNAL_IDENTITIES = f"""INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
    SELECT :import, 'identities', {_CONTACT}, {_CONTACT}, json_array(json_array('{VISITOR}', '', v.visitor))
    FROM {_NEW}"""
_ADD_IDENTITIES = f"""INSERT INTO main.identities (kind, source, value, contact_id)
    SELECT '{VISITOR}', '', v.visitor, {_CONTACT} FROM {_NEW} ON CONFLICT DO NOTHING"""
_JOINING = f"""INSERT INTO stage.joining (event_pk, contact_id)
    SELECT e.id, {_CONTACT} FROM stage.visitors AS v CROSS JOIN main.events AS e ON e.visitor = v.visitor
    WHERE v.rank BETWEEN :first AND :last AND v.target IS NOT NULL AND e.contact_id IS NULL"""
_JOURNAL_EVENTS = """INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
    SELECT :import, 'events', e.id, e.id, json_object('contact_id', e.contact_id, 'visitor', e.visitor, 'name', e.name,
      'occurred_at', e.occurred_at, 'properties', e.properties)
    FROM stage.joining AS j JOIN main.events AS e ON e.id = j.event_pk WHERE j.rank BETWEEN :first AND :last"""
_JOIN_EVENTS = """UPDATE main.events AS e SET contact_id = j.contact_id FROM stage.joining AS j
    WHERE j.rank BETWEEN :first AND :last AND e.id = j.event_pk"""
