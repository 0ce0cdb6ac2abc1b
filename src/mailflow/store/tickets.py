"""Questions to customer service, as their events tell: which are open, for holding promotions. The events: events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock
from mailflow.store.connection import Connection, Row
from mailflow.store.person_sql import person_of

# A ticket is open if the last file that gave its state said so, else if it was not closed after it was (re)opened. At
# one instant an opening comes before a closing, and a closing before a reopening.
_TICKETS = """SELECT {columns}, e.source,
      coalesce(e.properties ->> 'ticket_id', e.properties ->> 'subject', '') AS ticket,
      max(e.occurred_at * 4 + CASE e.name WHEN 'ticket_opened' THEN 0 WHEN 'ticket_closed' THEN 1 ELSE 2 END) AS latest,
      max(CASE WHEN e.name = 'ticket_opened' THEN e.properties ->> 'open' END) AS told
    FROM events AS e
    WHERE e.name IN ('ticket_opened', 'ticket_reopened', 'ticket_closed') AND e.contact_id {people}
    GROUP BY {group}source, ticket"""
_IS_OPEN = "coalesce(told, latest & 3 <> 1)"

# How many are open of a contact `c` and of those that were merged into them.
_OPEN_OF = "(SELECT count(*) FROM ({}) WHERE {})".format(
    _TICKETS.format(
        columns="NULL",
        people="IN (SELECT c.id UNION ALL SELECT m.id FROM contacts AS m WHERE m.merged_into = c.id)",
        group="",
    ),
    _IS_OPEN,
)
# The same for rules, which ask it of everybody: all tickets are read once, then found by `who`.
# Without the cast SQLite makes no index of `who`: an expression has no type of its own.
_PERSON = f"CAST({person_of('e.contact_id')} AS INTEGER)"
OPEN_IN_RULES = """coalesce((SELECT t.n FROM (SELECT who, count(*) AS n FROM ({}) WHERE {} GROUP BY who) AS t
    WHERE t.who = c.id), 0)""".format(
    _TICKETS.format(columns=f"{_PERSON} AS who", people="IS NOT NULL", group="who, "), _IS_OPEN
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One question. `opened_at` is None where no file says when it was asked."""

    ticket_id: str
    source: str
    is_open: bool
    subject: str | None
    opened_at: datetime | None
    closed_at: datetime | None


def of_person(db: Connection, contact_ids: Sequence[int]) -> list[Ticket]:
    """Return the tickets of the contacts that are one person, the latest first."""
    columns = """max(e.properties ->> 'subject') AS subject,
      min(CASE WHEN e.name = 'ticket_opened' THEN e.occurred_at END) AS opened_at,
      max(CASE WHEN e.name = 'ticket_closed' THEN e.occurred_at END) AS closed_at"""
    tickets = _TICKETS.format(columns=columns, people="IN (SELECT value FROM json_each(?))", group="")
    rows = db.execute(
        f"SELECT *, {_IS_OPEN} AS is_open FROM ({tickets}) ORDER BY latest DESC", (json.dumps(list(contact_ids)),)
    )
    return [_ticket(row) for row in rows]


def count_open(db: Connection, contact_id: int) -> int:
    """Return how many tickets of a contact are open: what the rule field `tickets.open` is."""
    row = db.execute(f"SELECT {_OPEN_OF} FROM contacts AS c WHERE c.id = ?", (contact_id,)).fetchone()
    return int(row[0]) if row else 0


def any_from(db: Connection, instant_ms: int) -> bool:
    """Return whether anything happened to a ticket at this instant (in ms) or later."""
    row = db.execute(
        """SELECT 1 FROM events WHERE name IN ('ticket_opened', 'ticket_reopened', 'ticket_closed')
             AND occurred_at >= ? LIMIT 1""",
        (instant_ms,),
    ).fetchone()
    return row is not None


def _ticket(row: Row) -> Ticket:
    is_open = bool(row["is_open"])
    return Ticket(
        row["ticket"],
        row["source"],
        is_open,
        row["subject"],
        None if row["opened_at"] is None else clock.from_ms(row["opened_at"]),
        None if is_open or row["closed_at"] is None else clock.from_ms(row["closed_at"]),
    )
