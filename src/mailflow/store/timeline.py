"""Everything that happened around one contact, from all nouns, in time order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock, money
from mailflow.model import ConsentState
from mailflow.store import consents, events
from mailflow.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `what` is the noun, `text` what happened to it."""

    at: datetime
    what: str
    text: str


def of_contact(db: Connection, contact_id: int) -> list[Moment]:
    """Return a contact's orders, refunds, consent, messages and events, the oldest first."""
    moments = [
        *_orders(db, contact_id),
        *_refunds(db, contact_id),
        *_consents(db, contact_id),
        *_messages(db, contact_id),
        *_events(db, contact_id),
    ]
    return sorted(moments, key=lambda moment: moment.at)


def messages_of(db: Connection, contact_id: int) -> list[Row]:
    """Return all messages of a contact, rehearsals too, the first planned first."""
    return db.execute("SELECT * FROM messages WHERE contact_id = ? ORDER BY planned_at, id", (contact_id,)).fetchall()


def _orders(db: Connection, contact_id: int) -> Iterator[Moment]:
    rows = db.execute(
        "SELECT order_id, status, placed_at, total_minor, currency FROM orders WHERE contact_id = ?", (contact_id,)
    )
    for row in rows:
        total = money.to_text(row["total_minor"], row["currency"])
        text = f"{row['order_id']} placed: {total} {row['currency']}, {row['status']}"
        yield Moment(clock.from_ms(row["placed_at"]), "order", text)


def _refunds(db: Connection, contact_id: int) -> Iterator[Moment]:
    rows = db.execute(
        """SELECT o.order_id, o.currency, r.refunded_at, r.amount_minor
           FROM refunds AS r JOIN orders AS o ON o.id = r.order_id WHERE o.contact_id = ?""",
        (contact_id,),
    )
    for row in rows:
        amount = money.to_text(row["amount_minor"], row["currency"])
        yield Moment(clock.from_ms(row["refunded_at"]), "refund", f"{row['order_id']}: {amount} {row['currency']}")


def _consents(db: Connection, contact_id: int) -> Iterator[Moment]:
    for entry in consents.history(db, contact_id):
        topic = f" to {entry.topic}" if entry.topic else ""
        basis = "" if entry.state is ConsentState.UNSUBSCRIBED else f", basis {entry.basis}"
        told = f": {entry.evidence}" if entry.evidence else ""
        text = f"{entry.state}{topic} (from {entry.source}{basis}){told}"
        yield Moment(entry.known_at, "consent", text)


def _messages(db: Connection, contact_id: int) -> Iterator[Moment]:
    for row in messages_of(db, contact_id):
        why = f" ({row['reason']})" if row["reason"] else ""
        at = row["planned_at"] if row["settled_at"] is None else row["settled_at"]
        yield Moment(clock.from_ms(at), "message", f"{row['scope']}: {row['state']}{why}")


def _events(db: Connection, contact_id: int) -> Iterator[Moment]:
    for event in events.of_contact(db, contact_id):
        if event.name != "unsubscribed":  # that is in the consent ledger already
            yield Moment(event.occurred_at, "event", f"{event.name} (from {event.source})")
