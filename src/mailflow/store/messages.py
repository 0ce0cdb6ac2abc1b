"""Messages: one row per recipient, channel and step. Every change of state is here, as MESSAGE_TRANSITIONS allows.

What may go is decided in policy.py, from facts that candidates.py reads; their bytes are in contents.py, and what a
plan shows of those that wait is in waiting.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailflow.model import MAY_HAVE_ARRIVED
from mailflow.model import MessageState as S
from mailflow.store.connection import Connection, Row

DOUBT_LASTS_MS = 7 * 86_400_000
LOOK_AGAIN_MS = 3_600_000  # at somebody who was skipped, while the occurrence is open

# What the index of unsettled messages holds: SQLite reads it only where its whole condition is said.
_UNSETTLED = "state IN ('armed', 'in_doubt')"
_NEVER_ARMED = (
    "SELECT id, contact_id FROM messages INDEXED BY messages_open WHERE state IN ('planned', 'ready', 'deferred')"
    " AND scope = :scope AND NOT EXISTS (SELECT 1 FROM attempts WHERE message_id = messages.id)"
)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message as it is planned, with its decision: planned, skipped or held_out."""

    contact_id: int
    state: S
    reason: str | None
    due_at: int
    not_after: int
    address: str
    token: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """An open message whose time has come. `state` is planned, ready or deferred."""

    id: int
    scope: str
    contact_id: int
    state: S
    address: str
    token: str
    variant: str
    due_at: int
    not_after: int
    next_at: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an armed message, or of a try that failed before it was armed."""

    message_id: int
    state: S
    reply: str
    reason: str | None = None
    next_at: int | None = None
    tries: int = 1  # what the try counts against the message: 0 where the fault was the relay's or ours


def insert(
    tx: Connection, scope: str, new: Iterable[NewMessage], *, rehearsal: bool, kind: str, at: int, occurrence: str = ""
) -> int:
    """Plan messages; who has a row in the scope keeps it. Return how many rows were made.

    Someone who was skipped before and may get it now becomes planned; a decision that is only skipped again changes
    its reason. What is planned already follows a new time and kind. A message of which a relay may know the bytes keeps
    the address that they are for.
    """
    before = tx.total_changes
    tx.executemany(
        "INSERT INTO messages (scope, contact_id, channel, step, occurrence, variant, class, kind, rehearsal, address,"
        " state, reason, due_at, not_after, next_at, token, planned_at)"
        " VALUES (:scope, :contact, 'email', '', :occurrence, :variant, 'marketing', :kind, :rehearsal, :address,"
        " :state, :reason, :due_at, :not_after, :next_at, :token, :at)"
        " ON CONFLICT (scope, contact_id, channel, step, occurrence) DO UPDATE SET state = excluded.state,"
        " kind = excluded.kind, settled_at = iif(excluded.state = 'planned', NULL, messages.settled_at),"
        " reason = excluded.reason, due_at = excluded.due_at, not_after = excluded.not_after,"
        " next_at = excluded.next_at, address = CASE WHEN EXISTS (SELECT 1 FROM message_contents"
        " WHERE message_id = messages.id) THEN messages.address ELSE excluded.address END"
        " WHERE messages.state = 'skipped' AND excluded.state IN ('planned', 'skipped', 'held_out')"
        "    OR messages.state = 'planned' AND excluded.state = 'planned' AND messages.attempts = 0",
        (
            {
                "scope": scope,
                "contact": message.contact_id,
                "occurrence": occurrence,
                "variant": message.variant,
                "kind": kind,
                "rehearsal": int(rehearsal),
                "address": message.address,
                "state": message.state,
                "reason": message.reason,
                "due_at": message.due_at,
                "not_after": message.not_after,
                "next_at": message.due_at + (LOOK_AGAIN_MS if message.state is S.SKIPPED else 0),
                "token": message.token,
                "at": at,
            }
            for message in new
        ),
    )
    return tx.total_changes - before


def states_of(
    db: Connection, scope: str, contact_ids: Iterable[int], occurrence: str = ""
) -> dict[int, tuple[S, str | None]]:
    """Return contact id → (state, reason) of those contacts who have a row in a scope.

    What may have reached a contact who was merged into another has reached that one.
    """
    asked = {"scope": scope, "occurrence": occurrence, "ids": json.dumps(list(contact_ids))}
    rows = db.execute(
        "SELECT contact_id, state, reason FROM messages WHERE scope = :scope AND occurrence = :occurrence"
        " AND contact_id IN (SELECT value FROM json_each(:ids))",
        asked,
    )
    found = {row["contact_id"]: (S(row["state"]), row["reason"]) for row in rows}
    merged = db.execute(
        "SELECT c.merged_into AS contact_id, m.state, m.reason FROM contacts AS c CROSS JOIN messages AS m"
        " ON m.contact_id = c.id AND m.scope = :scope AND m.occurrence = :occurrence"
        " WHERE c.merged_into IS NOT NULL AND c.merged_into IN (SELECT value FROM json_each(:ids))",
        asked,
    )
    for row in merged:
        own = found.get(row["contact_id"])
        if S(row["state"]) in MAY_HAVE_ARRIVED and (own is None or own[0] not in MAY_HAVE_ARRIVED):
            found[row["contact_id"]] = (S(row["state"]), row["reason"])
    return found


def due(db: Connection, *, by: int, after: tuple[int, int], limit: int) -> list[Due]:
    """Return up to `limit` open messages due by `by`, in the order (next_at, id), following `after`."""
    rows = db.execute(
        "SELECT id, scope, contact_id, state, address, token, variant, due_at, not_after, next_at, attempts"
        " FROM messages INDEXED BY messages_open WHERE state IN ('planned', 'ready', 'deferred')"
        " AND next_at <= :by AND (next_at, id) > (:next_at, :id) ORDER BY next_at, id LIMIT :limit",
        {"by": by, "next_at": after[0], "id": after[1], "limit": limit},
    )
    return [_due(row) for row in rows]


def _due(row: Row) -> Due:
    values = dict(row)
    return Due(**{**values, "state": S(values["state"])})


def next_due_at(db: Connection, scope: str) -> int | None:
    """Return when the next open message of a scope wants to be looked at (ms), or None when none is open."""
    row = db.execute(
        "SELECT min(next_at) FROM messages INDEXED BY messages_open"
        " WHERE state IN ('planned', 'ready', 'deferred') AND scope = ?",
        (scope,),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def due_scopes(db: Connection, *, by: int) -> list[str]:
    """Return the scopes that have open messages due by an instant."""
    rows = db.execute(
        "SELECT DISTINCT scope FROM messages INDEXED BY messages_open"
        " WHERE state IN ('planned', 'ready', 'deferred') AND next_at <= ? ORDER BY scope",
        (by,),
    )
    return [str(row["scope"]) for row in rows]


def make_ready(tx: Connection, ids: Iterable[int]) -> None:
    """Note that the bytes of planned messages are kept."""
    tx.executemany(
        "UPDATE messages SET state = 'ready' WHERE id = ? AND state = 'planned'", ((message_id,) for message_id in ids)
    )


def arm(tx: Connection, ids: Sequence[int], *, runner: str, at: int) -> set[int]:
    """Record durably, once this commits, that the final dot of these messages may go out.

    Return of which: one that is not open any more, because somebody else has it, must not go.
    """
    armed = {
        message_id
        for message_id in ids
        if tx.execute(
            "UPDATE messages SET state = 'armed' WHERE id = ? AND state IN ('ready', 'deferred')", (message_id,)
        ).rowcount
    }
    tx.executemany(
        "INSERT INTO attempts (message_id, runner, armed_at) VALUES (?, ?, ?)",
        ((message_id, runner, at) for message_id in ids if message_id in armed),
    )
    return armed


def settle(tx: Connection, outcomes: Sequence[Outcome], *, at: int) -> None:
    """Record what became of messages: of armed ones anything, of open ones only that they did not go."""
    tx.executemany(
        "UPDATE messages SET state = :state, reply = :reply, reason = :reason, next_at = coalesce(:next_at, next_at),"
        " attempts = attempts + :tries, settled_at = CASE WHEN :state = 'deferred' THEN settled_at ELSE :at END"
        " WHERE id = :id AND (state = 'armed' OR (:state = 'failed' AND state IN ('planned', 'ready', 'deferred'))"
        " OR (:state = 'deferred' AND state IN ('ready', 'deferred')))",
        (
            {
                "id": outcome.message_id,
                "state": outcome.state,
                "reply": outcome.reply,
                "reason": outcome.reason,
                "next_at": outcome.next_at,
                "tries": outcome.tries,
                "at": at,
            }
            for outcome in outcomes
        ),
    )
    tx.executemany(
        "UPDATE attempts SET ended_at = ?, outcome = ?, reply = ? WHERE id ="
        " (SELECT max(id) FROM attempts WHERE message_id = ?) AND ended_at IS NULL",
        ((at, outcome.state, outcome.reply, outcome.message_id) for outcome in outcomes),
    )


def refuse(tx: Connection, refusals: Iterable[tuple[int, str]], *, at: int, again_at: int) -> None:
    """Skip messages for a reason, to be looked at again at `again_at`: (message id, reason) each.

    Bytes that were never armed are dropped: planned again, the message is for the address and the files of then. Those
    that a relay may know stay, as a Message-ID never gets other bytes.
    """
    rows = list(refusals)
    tx.executemany(
        "UPDATE messages SET state = 'skipped', reason = :reason, next_at = :again_at, settled_at = :at"
        " WHERE id = :id AND state IN ('planned', 'ready', 'deferred')",
        ({"id": message_id, "reason": reason, "again_at": again_at, "at": at} for message_id, reason in rows),
    )
    tx.executemany(
        "DELETE FROM message_contents WHERE message_id = ?1"
        " AND EXISTS (SELECT 1 FROM messages WHERE id = ?1 AND state = 'skipped')"
        " AND NOT EXISTS (SELECT 1 FROM attempts WHERE message_id = ?1)",
        ((message_id,) for message_id, _ in rows),
    )


def recover(tx: Connection, *, at: int) -> dict[S, int]:
    """Settle what a killed run left armed. Return how many rows became in_doubt and ready.

    Whether the dot of an armed message went out cannot be known: marketing is never sent again by itself, essential
    mail in doubt goes out a second and last time with the same bytes. Doubts of seven days are assumed to be sent.
    """
    tx.execute(
        "UPDATE attempts SET ended_at = :at, outcome = 'in_doubt' WHERE ended_at IS NULL AND message_id IN (SELECT id"
        f" FROM messages INDEXED BY messages_unsettled WHERE {_UNSETTLED} AND state = 'armed')",
        {"at": at},
    )
    again = tx.execute(
        "UPDATE messages INDEXED BY messages_unsettled SET state = 'ready', next_at = :at, settled_at = NULL,"
        f" attempts = attempts + (state = 'armed') WHERE {_UNSETTLED} AND class = 'essential' AND not_after > :at"
        " AND (SELECT count(*) FROM attempts WHERE message_id = messages.id AND outcome = 'in_doubt') < 2",
        {"at": at},
    ).rowcount
    doubts = tx.execute(
        "UPDATE messages INDEXED BY messages_unsettled SET state = 'in_doubt', settled_at = :at,"
        f" reason = 'interrupted', attempts = attempts + 1 WHERE {_UNSETTLED} AND state = 'armed'",
        {"at": at},
    ).rowcount
    assumed = tx.execute(
        "UPDATE messages INDEXED BY messages_unsettled SET state = 'assumed_sent', settled_at = :at"
        f" WHERE {_UNSETTLED} AND state = 'in_doubt' AND settled_at <= :old",
        {"at": at, "old": at - DOUBT_LASTS_MS},
    ).rowcount
    return {S.READY: again, S.IN_DOUBT: doubts, S.ASSUMED_SENT: assumed}


def expire(tx: Connection, *, at: int, limit: int = 2000) -> int:
    """Expire open messages whose time has passed, up to `limit` of them; return how many."""
    return tx.execute(
        "UPDATE messages SET state = 'expired', settled_at = :at, reason = 'too_late'"
        " WHERE id IN (SELECT id FROM messages INDEXED BY messages_open"
        " WHERE state IN ('planned', 'ready', 'deferred') AND next_at <= :at AND not_after <= :at LIMIT :limit)",
        {"at": at, "limit": limit},
    ).rowcount


def thaw(tx: Connection, scope: str) -> int:
    """Throw away rendered bytes whose dot never went out, because the files changed; return how many messages."""
    ids = [row["id"] for row in tx.execute(f"{_NEVER_ARMED} AND state IN ('ready', 'deferred')", {"scope": scope})]
    tx.executemany("DELETE FROM message_contents WHERE message_id = ?", ((message_id,) for message_id in ids))
    tx.executemany("UPDATE messages SET state = 'planned' WHERE id = ?", ((message_id,) for message_id in ids))
    return len(ids)


def unsent(db: Connection, scope: str, occurrence: str = "") -> Iterator[tuple[int, int]]:
    """Yield (message id, contact id) of what is open in a scope and whose dot never went out."""
    rows = db.execute(f"{_NEVER_ARMED} AND occurrence = :occurrence", {"scope": scope, "occurrence": occurrence})
    return ((row["id"], row["contact_id"]) for row in rows)


def cancel(tx: Connection, scope: str, *, reason: str, at: int, limit: int = 2000) -> int:
    """Take back what is still open of a scope, up to `limit` messages; return how many."""
    return tx.execute(
        "UPDATE messages SET state = 'cancelled', settled_at = :at, reason = :reason"
        " WHERE id IN (SELECT id FROM messages INDEXED BY messages_open"
        " WHERE state IN ('planned', 'ready', 'deferred') AND scope = :scope LIMIT :limit)",
        {"scope": scope, "reason": reason, "at": at, "limit": limit},
    ).rowcount


def refused(db: Connection, *, by: int, limit: int) -> list[Due]:
    """Return skipped messages that are due for another look and whose time has not passed."""
    rows = db.execute(
        "SELECT id, scope, contact_id, state, address, token, variant, due_at, not_after, next_at, attempts"
        " FROM messages INDEXED BY messages_refused WHERE state = 'skipped' AND next_at <= :by AND not_after > :by"
        " ORDER BY next_at, id LIMIT :limit",
        {"by": by, "limit": limit},
    )
    return [_due(row) for row in rows]


def hold_out(tx: Connection, ids: Iterable[int], *, reason: str, at: int) -> None:
    """Hold skipped people out for good, now that nothing but the hold-out keeps them from getting it."""
    tx.executemany(
        "UPDATE messages SET state = 'held_out', reason = ?, settled_at = ? WHERE id = ? AND state = 'skipped'",
        ((reason, at, message_id) for message_id in ids),
    )


def replan(tx: Connection, ids: Iterable[int], *, at: int) -> None:
    """Plan skipped messages again, now that the reason is gone."""
    tx.executemany(
        "UPDATE messages SET state = 'planned', reason = NULL, settled_at = NULL, next_at = max(due_at, :at)"
        " WHERE id = :id AND state = 'skipped'",
        ({"id": message_id, "at": at} for message_id in ids),
    )


def look_again(tx: Connection, refusals: Iterable[tuple[int, str | None]], *, again_at: int) -> None:
    """Leave skipped messages skipped until `again_at`, for the reason that holds now; None keeps the one it has."""
    tx.executemany(
        "UPDATE messages SET reason = coalesce(?, reason), next_at = ? WHERE id = ? AND state = 'skipped'",
        ((reason, again_at, message_id) for message_id, reason in refusals),
    )


def counts(db: Connection) -> list[Row]:
    """Return scope, state, number of messages and the nearest next_at, for all scopes."""
    return db.execute(
        "SELECT scope, rehearsal, state, count(*) AS messages, min(next_at) AS next_at FROM messages"
        " GROUP BY scope, rehearsal, state ORDER BY rehearsal, scope, state"
    ).fetchall()


def listing(
    db: Connection, *, states: Sequence[S] = (), campaign: str | None = None, email: str | None = None, limit: int = 100
) -> list[Row]:
    """Return messages, the latest first, with the contact's address; filters that are empty filter nothing."""
    return db.execute(
        "SELECT m.*, c.email AS email FROM messages AS m JOIN contacts AS c ON c.id = m.contact_id"
        " WHERE (:states = '' OR instr(:states, ',' || m.state || ',') > 0)"
        " AND (:campaign IS NULL OR m.scope = 'campaign:' || :campaign"
        "      OR substr(m.scope, 1, length(:campaign) + 11) = 'rehearsal:' || :campaign || '@')"
        " AND (:email IS NULL OR lower(c.email) = lower(:email)) ORDER BY m.id DESC LIMIT :limit",
        {
            "states": f",{','.join(states)}," if states else "",
            "campaign": campaign,
            "email": email,
            "limit": limit,
        },
    ).fetchall()


def get(db: Connection, message_id: int) -> Row | None:
    """Return one message with its contact's address and frozen envelope, or None."""
    row: Row | None = db.execute(
        "SELECT m.*, c.email AS email, n.mail_from, n.rcpt_to, n.subject, n.size, n.sha256 FROM messages AS m"
        " JOIN contacts AS c ON c.id = m.contact_id LEFT JOIN message_contents AS n ON n.message_id = m.id"
        " WHERE m.id = ?",
        (message_id,),
    ).fetchone()
    return row


def attempts(db: Connection, message_id: int) -> Iterator[Row]:
    """Return the attempts of a message, the first one first."""
    return iter(db.execute("SELECT * FROM attempts WHERE message_id = ? ORDER BY id", (message_id,)))
