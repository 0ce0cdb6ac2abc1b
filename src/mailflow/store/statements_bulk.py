"""What people say of themselves, a file at a time: it becomes their fields, and files that only know about them yield.

The latest statement on a field holds. Reading them: origins; the contacts they go into: contacts_bulk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from mailflow.store import journal
from mailflow.store.connection import Connection
from mailflow.store.contacts import FIELDS
from mailflow.store.contacts_bulk import CONTACT_OF, known_slices
from mailflow.store.pace import Pace

# A blank answer is none, and a question that was skipped takes nothing back.
_STATED = """CREATE TABLE stage.stated (
  rank INTEGER PRIMARY KEY, email_key TEXT, customer_id TEXT, phone_key TEXT, field TEXT, value TEXT, question TEXT,
  at INTEGER, source TEXT, target INTEGER
)"""


_HELD = """CREATE TABLE stage.held (
  target INTEGER, field TEXT, value TEXT, PRIMARY KEY (target, field)
) WITHOUT ROWID"""


class Stated(NamedTuple):
    """One thing that a row says of its person; `at` is in ms, `field` a column of contacts or an attribute."""

    email_key: str
    customer_id: str
    phone_key: str
    field: str
    value: str
    question: str | None
    at: int
    source: str


def prepare(db: Connection) -> None:
    """Make the staging table."""
    db.execute(_STATED)


def add(db: Connection, stated: Iterable[Stated]) -> None:
    """Add what rows say of their people."""
    db.executemany(
        """INSERT INTO stage.stated (email_key, customer_id, phone_key, field, value, question, at, source)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        stated,
    )


def match(db: Connection) -> None:
    """Find out who stated each; after `matching.index_buyers`."""
    db.execute(
        """UPDATE stage.stated AS s SET target = p.target FROM stage.buyers AS p
           WHERE p.email_key = s.email_key AND p.customer_id = s.customer_id
             AND p.phone_key = iif(s.email_key = '' AND s.customer_id = '', s.phone_key, '')"""
    )
    db.execute("DELETE FROM stage.stated WHERE target IS NULL")


def speak(db: Connection) -> None:
    """Put the latest statement of each person on each field into stage.merged, unless a later one is known already."""
    db.execute(_HELD)
    db.execute(
        """INSERT INTO stage.held (target, field, value)
           SELECT target, field, value FROM (
             SELECT target, field, value, at,
                    row_number() OVER (PARTITION BY target, field ORDER BY at DESC, rank DESC) AS place
             FROM stage.stated) AS l
           WHERE place = 1 AND NOT EXISTS (
             SELECT 1 FROM main.contacts AS c CROSS JOIN main.statements AS s ON s.contact_id = c.id
             WHERE (c.id = -l.target OR c.merged_into = -l.target) AND s.field = l.field AND s.stated_at > l.at)"""
    )
    for name in _held_fields(db):
        db.execute(
            f"""UPDATE stage.merged AS m SET {name} = h.value FROM stage.held AS h
                WHERE h.target = m.target AND h.field = ?""",
            (name,),
        )
    db.execute(
        f"""UPDATE stage.merged AS m SET attributes = h.said FROM (
              SELECT target, json_group_object(field, value) AS said FROM stage.held
              WHERE field NOT IN ({_MARKS}) GROUP BY target) AS h
            WHERE h.target = m.target""",
        FIELDS,
    )


def shield(db: Connection) -> None:
    """Take out of stage.merged what its people stated themselves; nobody else pays for it."""
    if db.execute("SELECT 1 FROM main.statements LIMIT 1").fetchone() is None:
        return
    db.execute(_HELD)
    for targets in known_slices(db):
        db.execute(
            """INSERT OR IGNORE INTO stage.held (target, field)
               SELECT m.target, s.field FROM stage.merged AS m JOIN main.statements AS s ON s.contact_id = -m.target
               WHERE m.target BETWEEN :least AND :most
               UNION
               SELECT m.target, s.field FROM stage.merged AS m JOIN main.contacts AS c ON c.merged_into = -m.target
               JOIN main.statements AS s ON s.contact_id = c.id WHERE m.target BETWEEN :least AND :most""",
            targets,
        )
    for name in _held_fields(db):
        db.execute(
            f"""UPDATE stage.merged SET {name} = NULL
                WHERE target IN (SELECT target FROM stage.held WHERE field = ?)""",
            (name,),
        )
    db.execute(
        f"""UPDATE stage.merged AS m SET attributes = nullif(json_patch(m.attributes, h.gone), '{{}}') FROM (
              SELECT target, json_group_object(field, NULL) AS gone FROM stage.held
              WHERE field NOT IN ({_MARKS}) GROUP BY target) AS h
            WHERE h.target = m.target AND m.attributes IS NOT NULL""",
        FIELDS,
    )


def write(pace: Pace, import_id: int) -> None:
    """Write the statements that are not known yet; after their contacts."""
    for first, last in pace.ranks("stated"):
        with pace.transaction() as tx:
            known = int(tx.execute("SELECT coalesce(max(id), 0) FROM main.statements").fetchone()[0])
            parameters: dict[str, Any] = {"import": import_id, "first": first, "last": last, "known": known}
            tx.execute(_INSERT, parameters)
            tx.execute(
                """INSERT INTO main.import_changes (import_id, noun, first_id, last_id)
                   SELECT :import, 'statements', min(id), max(id) FROM main.statements WHERE id > :known
                   HAVING count(*) > 0""",
                parameters,
            )


def take_back(pace: Pace, import_id: int) -> int:
    """Delete the statements that an import brought, and return how many.

    What the fields were before, the journal of contacts knows.
    """
    gone = 0
    for change in journal.entries(pace.store.db, import_id, "statements"):
        for ids in journal.slices(pace, change.rows, set()):
            with pace.transaction() as tx:
                gone += tx.execute("DELETE FROM statements WHERE id BETWEEN ? AND ?", (ids[0], ids[-1])).rowcount
    return gone


def _held_fields(db: Connection) -> list[str]:
    """Return which columns of contacts are among the fields of stage.held."""
    return [
        name for name in FIELDS if db.execute("SELECT 1 FROM stage.held WHERE field = ? LIMIT 1", (name,)).fetchone()
    ]


_MARKS = ", ".join("?" * len(FIELDS))
_CONTACT = CONTACT_OF.format("s.target")
_INSERT = f"""INSERT INTO main.statements (contact_id, field, value, question, stated_at, source, import_id)
    SELECT {_CONTACT}, s.field, s.value, s.question, s.at, s.source, :import FROM stage.stated AS s
    WHERE s.rank BETWEEN :first AND :last AND NOT EXISTS (
      SELECT 1 FROM main.statements AS o
      WHERE o.contact_id = {_CONTACT} AND o.field = s.field AND o.stated_at = s.at AND o.value = s.value)
    ORDER BY s.rank"""
