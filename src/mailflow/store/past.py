"""Let a connection see the orders, consent and scores of another day, by temporary tables that hide the kept ones.

Names without a schema mean the temporary table first (https://sqlite.org/lang_naming.html), so the same rule gives the
same question. Fields of contacts have no history here: they are today's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from mailflow import clock, policy
from mailflow.config.settings import LifecycleSettings
from mailflow.model import Basis, ConsentState
from mailflow.store import frames, lifecycle, tickets
from mailflow.store.connection import Connection
from mailflow.store.database import Store
from mailflow.store.person_sql import person_of
from mailflow.store.scores import RfmRow

_PERSON = person_of("o.contact_id")


@contextmanager
def seen(
    store: Store,
    *,
    until: int,
    consent_at: datetime | None = None,
    rfm: Iterable[RfmRow] | None = None,
    stages: LifecycleSettings | None = None,
) -> Iterator[Connection]:
    """Give a connection that knows of no order, no refund and no ticket from `until` (milliseconds) on.

    With `consent_at` it sees the consent of that instant, with `rfm` these scores, with `stages` the lifecycle as these
    settings have it by then. Where nothing has to be hidden it is the store's own connection.
    """
    late = frames.late_contacts(store.db, until=until)
    has_late_tickets = tickets.any_from(store.db, until)
    if not late and not has_late_tickets and consent_at is None and rfm is None and stages is None:
        yield store.db
        return
    with store.again() as other:
        if late:
            _hide_orders(other.db, late, until)
        if has_late_tickets:
            _hide_tickets(other.db, until)
        if consent_at is not None:
            _hide_consent(other.db, consent_at)
        if rfm is not None:
            _hide_scores(other.db, rfm)
        if stages is not None:
            lifecycle.show_as_of(other.db, lifecycle.bounds(other.db, stages), until=until)
        yield other.db


def _hide_orders(db: Connection, late: list[int], until: int) -> None:
    """Recount the facts of contacts whose kept ones know too much; all others keep theirs."""
    db.execute("CREATE TEMP TABLE late (contact_id INTEGER PRIMARY KEY)")
    db.execute("INSERT INTO late SELECT value FROM json_each(?)", (json.dumps(late),))
    counted = f"o.status IN {frames.COUNTED} AND o.placed_at < :until AND o.contact_id IN (SELECT contact_id FROM late)"
    db.execute(
        f"""CREATE TEMP TABLE late_facts AS
            SELECT {_PERSON} AS contact_id, count(*) AS order_count, min(o.placed_at) AS first_order_at,
                   max(o.placed_at) AS last_order_at
            FROM orders AS o WHERE {counted} GROUP BY 1""",
        {"until": until},
    )
    db.execute(
        f"""CREATE TEMP TABLE late_revenue AS
            SELECT contact_id, currency, sum(minor) AS revenue_minor FROM (
              SELECT {_PERSON} AS contact_id, o.currency, o.total_minor AS minor FROM orders AS o WHERE {counted}
              UNION ALL
              SELECT {_PERSON}, o.currency, -r.amount_minor FROM refunds AS r JOIN orders AS o ON o.id = r.order_id
              WHERE {counted} AND r.refunded_at < :until)
            GROUP BY contact_id, currency""",
        {"until": until},
    )
    for table in ("facts", "revenue"):
        db.execute(f"CREATE INDEX temp.late_{table}_by_contact ON late_{table} (contact_id)")
        db.execute(
            f"""CREATE TEMP VIEW contact_{table} AS
                SELECT * FROM main.contact_{table} WHERE contact_id NOT IN (SELECT contact_id FROM temp.late)
                UNION ALL SELECT * FROM temp.late_{table}"""
        )


def _hide_tickets(db: Connection, until: int) -> None:
    """Hide later events of tickets, and what a later file said of the state of an earlier one."""
    db.execute("CREATE TEMP TABLE end (until INTEGER)")
    db.execute("INSERT INTO temp.end VALUES (?)", (until,))
    db.execute(
        """CREATE TEMP VIEW events AS
           SELECT id, contact_id, name, source, source_id, occurred_at, recorded_at, visitor,
                  json_remove(properties, '$.open') AS properties
           FROM main.events WHERE occurred_at < (SELECT until FROM temp.end)"""
    )


def _hide_consent(db: Connection, at: datetime) -> None:
    """Replay the ledger of e-mail marketing, of each topic for itself, up to an instant."""
    states: dict[tuple[int, str], ConsentState] = {}
    rows = db.execute(
        "SELECT contact_id, topic, state, basis, lifts FROM consents WHERE channel = 'email'"
        " AND min(occurred_at, recorded_at) <= ? ORDER BY id",
        (clock.to_ms(at),),
    )
    for row in rows:
        about = row["contact_id"], row["topic"]
        said, basis = ConsentState(row["state"]), Basis(row["basis"])
        states[about] = policy.resolve(states.get(about, ConsentState.NEVER), said, basis, lifts=bool(row["lifts"]))
    db.execute(
        "CREATE TEMP TABLE consent_states (contact_id INTEGER, channel TEXT, topic TEXT, state TEXT,"
        " PRIMARY KEY (contact_id, channel, topic))"
    )
    db.executemany(
        "INSERT INTO temp.consent_states VALUES (?, 'email', ?, ?)",
        ((contact, topic, state) for (contact, topic), state in states.items()),
    )


def _hide_scores(db: Connection, rows: Iterable[RfmRow]) -> None:
    db.execute(
        "CREATE TEMP TABLE rfm_now (contact_id INTEGER PRIMARY KEY, recency_days INTEGER, frequency INTEGER,"
        " monetary_minor INTEGER, currency TEXT, r INTEGER, f INTEGER, m INTEGER, class TEXT)"
    )
    db.executemany("INSERT INTO temp.rfm_now VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
