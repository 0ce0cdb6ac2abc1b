"""Read, fresh and in few set queries, everything that policy.decide needs to know about messages and contacts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mailflow import clock
from mailflow.addresses import normalise
from mailflow.config.mix import WINDOW as _MONTH
from mailflow.model import Basis, ConsentState, MessageClass, MessageKind, Scope, SuppressionReason
from mailflow.policy import Candidate
from mailflow.store import suppressions
from mailflow.store.connection import Connection
from mailflow.tokens import Keys

TEST_SCOPE = "test:"

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_Counted = list[tuple[int, int, bool]]  # (message id, milliseconds, promo) of one contact's marketing messages
_FACTS = """c.merged_into, c.country, c.timezone, s.state, s.basis, n.address AS consent_address,
                      coalesce(n.evidence, '') || ' ; ' || coalesce(n.wording, '') || ' ; ' || coalesce(n.source, '')
                        AS proof"""


@dataclass(frozen=True, slots=True)
class Question:
    """What would be sent to contacts who have no message yet: one campaign's class, scope and end."""

    scope: str
    message_class: MessageClass = MessageClass.MARKETING
    rehearsal: bool = False
    not_after: datetime | None = None
    kind: MessageKind = MessageKind.PROMO


def for_messages(
    tx: Connection, keys: Keys, message_ids: Iterable[int], *, now: datetime, month: bool = False
) -> list[Candidate]:
    """Return the candidate of each message, in the order of the ids; an id without a message is left out.

    With `month` what they got in 30 days is counted too, which only a limit of the mix asks for.
    Called inside the transaction that arms, with up to about 50 ids, so that no no is overlooked.
    """
    ids = list(message_ids)
    rows = {
        row["message_id"]: row
        for row in tx.execute(
            f"""SELECT m.id AS message_id, m.scope, m.class AS message_class, m.kind, m.rehearsal, m.not_after,
                      m.address, c.id AS contact_id, c.email, {_FACTS},
                      EXISTS (SELECT 1 FROM contacts AS o CROSS JOIN messages AS t ON t.contact_id = o.id
                              WHERE o.merged_into = m.contact_id AND t.scope = m.scope AND t.channel = m.channel
                                AND t.step = m.step AND t.occurrence = m.occurrence
                                AND t.state IN ('armed', 'accepted', 'in_doubt', 'assumed_sent')) AS has_it,
                      (SELECT k.expires_at FROM offer_uses AS u
                       JOIN codes AS k ON k.message_id = m.id AND k.offer_id = u.offer_id
                       WHERE u.scope = m.scope AND u.step = m.step) AS offer_ends,
                      (SELECT true_until FROM message_contents WHERE message_id = m.id) AS true_until
               FROM messages AS m
               JOIN contacts AS c ON c.id = m.contact_id
               LEFT JOIN consent_states AS s ON s.contact_id = c.id AND s.channel = m.channel AND s.topic = ''
               LEFT JOIN consents AS n ON n.id = s.consent_id
               WHERE m.id IN (SELECT value FROM json_each(?))""",
            (json.dumps(ids),),
        )
    }
    return _candidates(tx, keys, [dict(rows[message_id]) for message_id in ids if message_id in rows], now, month)


def for_contacts(
    db: Connection, keys: Keys, contact_ids: Iterable[int], question: Question, *, now: datetime, month: bool = False
) -> list[Candidate]:
    """Return the candidate of each contact for one campaign, in the order of the ids; unknown ids are left out."""
    ids = list(contact_ids)
    asked = {
        "message_id": None,
        "has_it": False,
        "offer_ends": None,
        "true_until": None,
        "scope": question.scope,
        "message_class": question.message_class,
        "kind": question.kind,
        "rehearsal": question.rehearsal,
        "not_after": None if question.not_after is None else clock.to_ms(question.not_after),
    }
    rows = {
        row["contact_id"]: row
        for row in db.execute(
            f"""SELECT c.id AS contact_id, c.email, c.email AS address, {_FACTS}
               FROM contacts AS c
               LEFT JOIN consent_states AS s ON s.contact_id = c.id AND s.channel = 'email' AND s.topic = ''
               LEFT JOIN consents AS n ON n.id = s.consent_id
               WHERE c.id IN (SELECT value FROM json_each(?))""",
            (json.dumps(ids),),
        )
    }
    return _candidates(
        db, keys, [{**asked, **rows[contact_id]} for contact_id in ids if contact_id in rows], now, month
    )


def _candidates(
    db: Connection, keys: Keys, rows: Sequence[dict[str, Any]], now: datetime, month: bool
) -> list[Candidate]:
    suppressions.check_pepper(db, keys)
    for row in rows:
        row["key"] = _key(row["address"])
        row["hash"] = keys.address_hash(row["key"]) if row["key"] else None
    suppressed = suppressions.reasons_by_hash(db, [row["hash"] for row in rows if row["hash"]])
    counted = _sent_lately(db, [row["contact_id"] for row in rows], now, _MONTH if month else _WEEK)
    stops = {row["scope"] for row in db.execute("SELECT scope FROM stops")}
    since = clock.to_ms(now - _DAY), clock.to_ms(now - _WEEK)
    return [
        _candidate(row, suppressed.get(row["hash"], frozenset()), counted.get(row["contact_id"], []), stops, since)
        for row in rows
    ]


def _candidate(
    row: dict[str, Any],
    suppressed: frozenset[SuppressionReason],
    counted: _Counted,
    stops: set[str],
    since: tuple[int, int],
) -> Candidate:
    day, week = since
    others = [(at, promo) for message_id, at, promo in counted if message_id != row["message_id"]]
    return Candidate(
        contact_id=row["contact_id"],
        address=row["key"],
        contact_address=_same_or_key(row["email"], row),
        consent=ConsentState(row["state"] or ConsentState.NEVER),
        consent_address=_same_or_key(row["consent_address"], row),
        suppressions=suppressed,
        sent_day=sum(at > day for at, _ in others),
        sent_week=sum(at > week for at, _ in others),
        message_class=MessageClass(row["message_class"]),
        rehearsal=bool(row["rehearsal"]),
        checked=not row["scope"].startswith(TEST_SCOPE),
        stopped=_is_stopped(row["scope"], stops),
        merged=row["merged_into"] is not None,
        has_it=bool(row["has_it"]),
        not_after=None if row["not_after"] is None else clock.from_ms(row["not_after"]),
        offer_ends=None if row["offer_ends"] is None else clock.from_ms(row["offer_ends"]),
        true_until=None if row["true_until"] is None else clock.from_ms(row["true_until"]),
        message_id=row["message_id"],
        kind=MessageKind(row["kind"]),
        sent_month=len(others),
        promo_month=sum(promo for _, promo in others),
        country=row["country"],
        timezone=row["timezone"],
        basis=Basis(row["basis"] or Basis.UNKNOWN),
        proof=row["proof"],
    )


def _sent_lately(db: Connection, contact_ids: Sequence[int], now: datetime, window: timedelta) -> dict[int, _Counted]:
    """Return each contact's real marketing messages accepted in a window, or armed and not known to be refused.

    What is armed or in doubt may have arrived, so it counts from its last attempt. What a contact got who was merged
    into another counts for that one.
    """
    persons, since = _persons(db, contact_ids), clock.to_ms(now - window)
    rows = db.execute(
        """SELECT id, contact_id, settled_at AS at, kind = 'promo' AS promo FROM messages
           WHERE contact_id IN (SELECT value FROM json_each(:ids)) AND settled_at > :since AND state = 'accepted'
             AND class = 'marketing' AND rehearsal = 0 AND substr(scope, 1, 5) <> 'test:'
           UNION ALL
           SELECT id, contact_id, coalesce((SELECT max(armed_at) FROM attempts WHERE message_id = messages.id), :now),
             kind = 'promo'
           FROM messages
           WHERE state IN ('armed', 'in_doubt') AND contact_id IN (SELECT value FROM json_each(:ids))
             AND class = 'marketing' AND rehearsal = 0 AND substr(scope, 1, 5) <> 'test:'""",
        {"ids": json.dumps([*contact_ids, *persons]), "since": since, "now": clock.to_ms(now)},
    )
    counted: defaultdict[int, _Counted] = defaultdict(list)
    for message_id, contact_id, at, promo in rows:
        if at > since:
            counted[persons.get(contact_id, contact_id)].append((message_id, at, bool(promo)))
    return counted


def _persons(db: Connection, contact_ids: Sequence[int]) -> dict[int, int]:
    """Return contact → person of everybody who was merged into one of these contacts."""
    rows = db.execute(
        """SELECT id, merged_into FROM contacts
           WHERE merged_into IN (SELECT value FROM json_each(?)) AND merged_into IS NOT NULL""",
        (json.dumps(list(contact_ids)),),
    )
    return {row["id"]: row["merged_into"] for row in rows}


def _is_stopped(scope: str, stops: set[str]) -> bool:
    """Return whether a stop of everything or of this scope holds; stopping a campaign stops its rehearsals."""
    return bool(stops) and not stops.isdisjoint({"", scope, f"campaign:{Scope.campaign_of(scope)}"})


def _key(email: str | None) -> str | None:
    """Return an address for comparison; None for what is no address, so that it is never written to."""
    if email is None:
        return None
    try:
        return normalise(email).key
    except ValueError:
        return None


def _same_or_key(email: str | None, row: dict[str, Any]) -> str | None:
    # Nearly always it is the very text that was just normalised: normalising 50,000 addresses twice costs a second.
    return row["key"] if email == row["address"] else _key(email)
