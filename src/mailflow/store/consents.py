"""Consent: the append-only ledger of who allowed what, and the state that follows from it.

The rule that makes the state is policy.takes_effect; whether a message may go is policy.decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock, policy
from mailflow.model import Basis, ConsentState
from mailflow.store.connection import Connection, Row

EMAIL = "email"
OPENS = "opens"  # the channel of the consent to be told of opens, apart from that to mail
ALL_TOPICS = ""


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """One thing that was said about consent, with where it comes from.

    `address` is the address as written that it was given for: a yes covers that address only. `lifts` is for a double
    opt-in and for an owner with evidence: only they count after a no. `never` takes a file's yes back, so it lifts.
    """

    contact_id: int
    state: ConsentState
    basis: Basis
    address: str | None
    occurred_at: datetime
    recorded_at: datetime
    source: str
    wording: str | None = None
    evidence: str | None = None
    lifts: bool = False
    channel: str = EMAIL
    topic: str = ALL_TOPICS
    import_id: int | None = None

    @property
    def known_at(self) -> datetime:
        """When it began to hold: a date in the future, as files have them, begins when it was recorded."""
        return min(self.occurred_at, self.recorded_at)


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a contact now, and the entry that decided it."""

    state: ConsentState
    basis: Basis
    since: datetime
    address: str | None
    consent_id: int


def append(tx: Connection, entry: ConsentEntry) -> bool:
    """Write an entry into the ledger; return whether it decides what holds now.

    `since` stays when the state does; basis and address are those of the latest entry that took effect.
    """
    current = state_of(tx, entry.contact_id, entry.channel, entry.topic)
    consent_id = _insert(tx, entry)
    if not policy.takes_effect(current, entry.state, entry.basis, lifts=entry.lifts):
        return False
    tx.execute(
        """INSERT INTO consent_states (contact_id, channel, topic, state, basis, since, consent_id)
           VALUES (:contact_id, :channel, :topic, :state, :basis, :since, :consent_id)
           ON CONFLICT (contact_id, channel, topic) DO UPDATE SET
             since = iif(state = excluded.state, since, excluded.since),
             state = excluded.state, basis = excluded.basis, consent_id = excluded.consent_id""",
        {
            "contact_id": entry.contact_id,
            "channel": entry.channel,
            "topic": entry.topic,
            "state": entry.state,
            "basis": entry.basis,
            "since": clock.to_ms(entry.known_at),
            "consent_id": consent_id,
        },
    )
    return True


def state_of(db: Connection, contact_id: int, channel: str = EMAIL, topic: str = ALL_TOPICS) -> ConsentState:
    """Return the consent state that holds now; `never` where nothing is known."""
    row = db.execute(
        "SELECT state FROM consent_states WHERE contact_id = ? AND channel = ? AND topic = ?",
        (contact_id, channel, topic),
    ).fetchone()
    return ConsentState(row["state"]) if row else ConsentState.NEVER


def states_of(
    db: Connection, contact_ids: Iterable[int], channel: str = EMAIL, topic: str = ALL_TOPICS
) -> dict[int, ConsentState]:
    """Return the consent state of each of these contacts."""
    ids = list(contact_ids)
    rows = db.execute(
        """SELECT contact_id, state FROM consent_states
           WHERE channel = ? AND topic = ? AND contact_id IN (SELECT value FROM json_each(?))""",
        (channel, topic, json.dumps(ids)),
    )
    known = {row["contact_id"]: ConsentState(row["state"]) for row in rows}
    return {contact_id: known.get(contact_id, ConsentState.NEVER) for contact_id in ids}


def standing(db: Connection, contact_id: int, channel: str = EMAIL, topic: str = ALL_TOPICS) -> Standing | None:
    """Return what holds now with its basis, its beginning and the address it is for; None where nothing is known."""
    row = db.execute(
        """SELECT s.state, s.basis, s.since, s.consent_id, n.address
           FROM consent_states AS s JOIN consents AS n ON n.id = s.consent_id
           WHERE s.contact_id = ? AND s.channel = ? AND s.topic = ?""",
        (contact_id, channel, topic),
    ).fetchone()
    if row is None:
        return None
    since = clock.from_ms(row["since"])
    return Standing(ConsentState(row["state"]), Basis(row["basis"]), since, row["address"], row["consent_id"])


def history(db: Connection, contact_id: int) -> list[ConsentEntry]:
    """Return a contact's whole ledger, of every channel and topic, in the order it was recorded."""
    rows = db.execute("SELECT * FROM consents WHERE contact_id = ? ORDER BY id", (contact_id,))
    return [_entry(row) for row in rows]


def of_contacts(db: Connection, contact_ids: Iterable[int]) -> list[ConsentEntry]:
    """Return the ledger of several contacts that are one person, in the order it was recorded."""
    rows = db.execute(
        "SELECT * FROM consents WHERE contact_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(contact_ids)),),
    )
    return [_entry(row) for row in rows]


def state_at(
    db: Connection, contact_id: int, instant: datetime, channel: str = EMAIL, topic: str = ALL_TOPICS
) -> ConsentState:
    """Return the consent state on a past instant, from the ledger alone, as everything known today says it was."""
    state = ConsentState.NEVER
    for entry in history(db, contact_id):
        if (entry.channel, entry.topic) == (channel, topic) and entry.known_at <= instant:
            state = policy.resolve(state, entry.state, entry.basis, lifts=entry.lifts)
    return state


def _insert(tx: Connection, entry: ConsentEntry) -> int:
    row = tx.execute(
        """INSERT INTO consents (contact_id, channel, topic, state, basis, address, occurred_at, recorded_at, source,
                                 wording, evidence, lifts, import_id)
           VALUES (:contact_id, :channel, :topic, :state, :basis, :address, :occurred_at, :recorded_at, :source,
                   :wording, :evidence, :lifts, :import_id) RETURNING id""",
        {
            "contact_id": entry.contact_id,
            "channel": entry.channel,
            "topic": entry.topic,
            "state": entry.state,
            "basis": entry.basis,
            "address": entry.address,
            "occurred_at": clock.to_ms(entry.occurred_at),
            "recorded_at": clock.to_ms(entry.recorded_at),
            "source": entry.source,
            "wording": entry.wording,
            "evidence": entry.evidence,
            "lifts": int(entry.lifts),
            "import_id": entry.import_id,
        },
    ).fetchone()
    return int(row["id"])


def _entry(row: Row) -> ConsentEntry:
    return ConsentEntry(
        contact_id=row["contact_id"],
        state=ConsentState(row["state"]),
        basis=Basis(row["basis"]),
        address=row["address"],
        occurred_at=clock.from_ms(row["occurred_at"]),
        recorded_at=clock.from_ms(row["recorded_at"]),
        source=row["source"],
        wording=row["wording"],
        evidence=row["evidence"],
        lifts=bool(row["lifts"]),
        channel=row["channel"],
        topic=row["topic"],
        import_id=row["import_id"],
    )
