"""Contacts, consent and messages for tests, written straight into a store."""

from __future__ import annotations

from datetime import datetime, timedelta

from mailflow import clock
from mailflow.addresses import normalise
from mailflow.model import Basis, ConsentState, MessageClass, MessageState
from mailflow.store import Connection, consents
from mailflow.store.consents import ConsentEntry

SOURCE = "test"


def add_contact(tx: Connection, email: str | None, *, now: datetime, consent: ConsentState | None = None) -> int:
    """Write a contact with its identity and, where asked for, what it said; return its id."""
    number = tx.execute("SELECT coalesce(max(id), 0) + 1 FROM contacts").fetchone()[0]
    tx.execute(
        "INSERT INTO contacts (id, key, email, source, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        (number, f"key{number}", email, SOURCE, clock.to_ms(now), clock.to_ms(now)),
    )
    if email is not None:
        tx.execute(
            "INSERT INTO identities (kind, source, value, contact_id) VALUES ('email', '', ?, ?)",
            (normalise(email).key, number),
        )
    if consent is not None:
        consents.append(tx, ConsentEntry(number, consent, Basis.EXPRESS, email, now, now, SOURCE))
    return int(number)


def add_message(
    tx: Connection,
    contact_id: int,
    address: str,
    *,
    now: datetime,
    state: MessageState = MessageState.READY,
    scope: str = "campaign:spring",
    message_class: MessageClass = MessageClass.MARKETING,
    rehearsal: bool = False,
    settled: timedelta | None = None,
    armed: timedelta | None = None,
    reason: str | None = None,
) -> int:
    """Write a message with an attempt where it was `armed`; both ages are counted back from `now`."""
    row = tx.execute(
        """INSERT INTO messages (scope, contact_id, channel, step, occurrence, variant, class, kind, rehearsal, address,
                                 state, reason, due_at, not_after, next_at, token, planned_at, settled_at)
           VALUES (:scope, :contact_id, 'email', '', (SELECT count(*) FROM messages), '', :class, 'promo', :rehearsal,
                   :address, :state, :reason, :now, :not_after, :now, (SELECT 't' || count(*) FROM messages),
                   :now, :settled_at)
           RETURNING id""",
        {
            "scope": scope,
            "contact_id": contact_id,
            "class": message_class,
            "rehearsal": int(rehearsal),
            "address": address,
            "state": state,
            "reason": reason,
            "now": clock.to_ms(now),
            "not_after": clock.to_ms(now + timedelta(days=1)),
            "settled_at": None if settled is None else clock.to_ms(now - settled),
        },
    ).fetchone()
    if armed is not None:
        tx.execute(
            "INSERT INTO attempts (message_id, runner, armed_at) VALUES (?, 'test', ?)",
            (row["id"], clock.to_ms(now - armed)),
        )
    return int(row["id"])
