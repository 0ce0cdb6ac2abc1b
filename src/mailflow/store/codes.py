"""Codes that people get: what is free, and giving one to a message. What became of them: code_uses.

A code is a row for ever. Giving it is one conditional UPDATE (or INSERT) in the transaction that freezes the message:
neither a kill nor a second process gives it twice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailflow.idset import IdSet
from mailflow.store.connection import Connection


class CodeKind(StrEnum):
    """Where the codes of an offer come from."""

    POOL = "pool"  # out of a file of the shop's own codes
    GENERATED = "generated"  # made by mailflow
    SHARED = "shared"  # one code that everybody gets


@dataclass(frozen=True, slots=True)
class KnownOffer:
    """An offer that ever had a code, and how its file was last read."""

    id: int
    name: str
    file: str | None
    sha256: str | None
    reading: int


@dataclass(frozen=True, slots=True)
class Gift:
    """A code that is to be one message's. `code_id` is its row in the pool, None for one that is made just now."""

    message_id: int
    contact_id: int
    offer_id: int
    kind: CodeKind
    code: str
    code_id: int | None
    given_at: int
    expires_at: int | None
    terms: str


@dataclass(frozen=True, slots=True)
class Free:
    """A code that nobody has."""

    id: int
    code: str


# What the shop's orders name already has been used: whoever got it would find it worthless.
_FREE = """FROM codes AS c INDEXED BY codes_free WHERE c.offer_id = :offer AND c.reading = :reading
    AND c.message_id IS NULL AND c.kind = :kind
    AND NOT EXISTS (SELECT 1 FROM order_codes AS x WHERE x.code_key = c.code_key)"""


_NOBODYS = "message_id = NULL, contact_id = NULL, given_at = NULL, expires_at = NULL, terms = NULL"

# A message m whose code nobody can have seen: it is over, and its dot was never armed. What was armed is in doubt.
NEVER_SENT = """((m.state IN ('cancelled', 'expired', 'failed', 'held_out')
      OR m.state = 'skipped' AND m.not_after <= :now)
    AND NOT EXISTS (SELECT 1 FROM attempts AS t WHERE t.message_id = m.id))"""


def key_of(code: str) -> str:
    """Return a code as it is compared: shops take their codes in capitals and in small letters."""
    return code.strip().casefold()


def known(db: Connection, name: str) -> KnownOffer | None:
    """Return what the database knows of an offer, None where it never had a code."""
    row = db.execute("SELECT id, name, file, sha256, reading FROM offers WHERE name = ?", (name,)).fetchone()
    return None if row is None else KnownOffer(**dict(row))


def every(db: Connection) -> list[KnownOffer]:
    """Return all offers that ever had a code, by name."""
    rows = db.execute("SELECT id, name, file, sha256, reading FROM offers ORDER BY name")
    return [KnownOffer(**dict(row)) for row in rows]


def ensure(tx: Connection, name: str) -> KnownOffer:
    """Return an offer's row, made where there is none."""
    tx.execute("INSERT INTO offers (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (name,))
    found = known(tx, name)
    assert found is not None
    return found


def add(tx: Connection, offer_id: int, kind: CodeKind, codes: Collection[str], *, reading: int, at: int) -> int:
    """Put codes into a pool; who is in it already only gets the number of the reading. Return how many are foreign.

    Foreign are those of another offer: they stay there.
    """
    keyed = [(code, key_of(code)) for code in codes]
    tx.executemany(
        "INSERT INTO codes (offer_id, kind, code, code_key, reading, added_at) VALUES (:offer, :kind, :code, :key,"
        " :reading, :at) ON CONFLICT (code_key) WHERE kind <> 'shared' DO UPDATE SET reading = excluded.reading"
        " WHERE offer_id = excluded.offer_id",
        (
            {"offer": offer_id, "kind": kind, "code": code, "key": key, "reading": reading, "at": at}
            for code, key in keyed
        ),
    )
    row = tx.execute(
        "SELECT count(*) FROM json_each(:keys) AS k"
        " CROSS JOIN codes AS c ON c.code_key = k.value AND c.kind <> 'shared' WHERE c.offer_id <> :offer",
        {"keys": json.dumps([key for _, key in keyed]), "offer": offer_id},
    ).fetchone()
    return int(row[0])


def finish_reading(tx: Connection, offer_id: int, *, file: str, sha256: str, reading: int) -> None:
    """Note that a file was read to its end: from now on, free codes that are not in it are out of use."""
    tx.execute(
        "UPDATE offers SET file = :file, sha256 = :sha256, reading = :reading WHERE id = :id",
        {"id": offer_id, "file": file, "sha256": sha256, "reading": reading},
    )


def free(db: Connection, offer: KnownOffer, kind: CodeKind, *, limit: int) -> list[Free]:
    """Return the first codes of a pool that may be given, in the order of the file."""
    asked = {"offer": offer.id, "reading": offer.reading, "kind": kind, "limit": limit}
    return [Free(row["id"], row["code"]) for row in db.execute(f"SELECT c.id, c.code {_FREE} LIMIT :limit", asked)]


def count_free(db: Connection, offer: KnownOffer, kind: CodeKind, *, at_most: int = -1) -> int:
    """Return how many codes may be given, counting no further than `at_most`."""
    asked = {"offer": offer.id, "reading": offer.reading, "kind": kind, "limit": at_most}
    return int(db.execute(f"SELECT count(*) FROM (SELECT 1 {_FREE} LIMIT :limit)", asked).fetchone()[0])


def taken(db: Connection, codes: Iterable[str]) -> set[str]:
    """Return which of these codes (as keys) somebody has or some pool holds."""
    rows = db.execute(
        "SELECT code_key FROM codes WHERE code_key IN (SELECT value FROM json_each(?))",
        (json.dumps([key_of(code) for code in codes]),),
    )
    return {row["code_key"] for row in rows}


def of_messages(
    db: Connection, offer: KnownOffer, kind: CodeKind, message_ids: Iterable[int], *, shared: str | None
) -> dict[int, Free]:
    """Return message id → the code that it was given before, so that rendering it again does not take another.

    Where nobody can have seen it, only one that the offer still gives: the owner may have put in the right `shared`
    code meanwhile, or the right file.
    """
    rows = db.execute(
        """SELECT c.id, c.code, c.message_id FROM codes AS c
           WHERE c.offer_id = :offer AND c.message_id IN (SELECT value FROM json_each(:ids))
             AND (c.kind = :kind AND (c.kind <> 'pool' OR c.reading >= :reading)
                  AND (c.kind <> 'shared' OR c.code = :shared)
                  OR EXISTS (SELECT 1 FROM attempts AS t WHERE t.message_id = c.message_id))""",
        {
            "offer": offer.id,
            "kind": kind,
            "reading": offer.reading,
            "shared": shared,
            "ids": json.dumps(list(message_ids)),
        },
    )
    return {row["message_id"]: Free(row["id"], row["code"]) for row in rows}


def give(tx: Connection, gifts: Sequence[Gift]) -> set[int]:
    """Give each message its code, as it is frozen. Return the messages that lost it to somebody else meanwhile."""
    return {gift.message_id for gift in gifts if not _give(tx, gift)}


def _give(tx: Connection, gift: Gift) -> bool:
    values = {
        "message": gift.message_id,
        "contact": gift.contact_id,
        "offer": gift.offer_id,
        "kind": gift.kind,
        "code": gift.code,
        "key": key_of(gift.code),
        "id": gift.code_id,
        "given_at": gift.given_at,
        "expires_at": gift.expires_at,
        "terms": gift.terms,
    }
    # What another process has frozen stays as it is, with the code that it shows.
    if tx.execute("SELECT 1 FROM messages WHERE id = :message AND state = 'planned'", values).fetchone() is None:
        return False
    tx.execute(
        f"UPDATE codes SET {_NOBODYS} WHERE message_id = :message AND offer_id = :offer AND id IS NOT :id", values
    )
    if gift.code_id is None:
        sql = (
            "INSERT INTO codes (offer_id, kind, code, code_key, reading, added_at, message_id, contact_id, given_at,"
            " expires_at, terms) VALUES (:offer, :kind, :code, :key, 0, :given_at, :message, :contact, :given_at,"
            " :expires_at, :terms) ON CONFLICT DO NOTHING"
        )
    else:
        sql = (
            "UPDATE OR IGNORE codes SET message_id = :message, contact_id = :contact, given_at = :given_at,"
            " expires_at = :expires_at, terms = :terms"
            " WHERE id = :id AND (message_id IS NULL OR message_id = :message)"
        )
    return tx.execute(sql, values).rowcount == 1


def release(tx: Connection, offer_id: int, *, now: int, limit: int = 500) -> int:
    """Put codes back into the pool whose messages were certainly never sent; return how many, up to `limit`.

    The bytes that show them go with them: should such a message be planned again, it is made anew, with another code.
    """
    rows = tx.execute(
        f"""SELECT c.id, c.message_id FROM codes AS c INDEXED BY codes_given JOIN messages AS m ON m.id = c.message_id
            WHERE c.offer_id = :offer AND c.message_id IS NOT NULL AND c.kind <> 'shared' AND {NEVER_SENT}
            LIMIT :limit""",
        {"offer": offer_id, "now": now, "limit": limit},
    ).fetchall()
    tx.executemany("DELETE FROM message_contents WHERE message_id = ?", ((row["message_id"],) for row in rows))
    tx.executemany(f"UPDATE codes SET {_NOBODYS} WHERE id = ?", ((row["id"],) for row in rows))
    return len(rows)


def given_since(
    db: Connection, offer_id: int, contact_ids: Iterable[int], *, since: int, scope: str, now: int
) -> dict[int, int]:
    """Return contact id → how many codes of an offer the person has got since, in other scopes than `scope`.

    A code counts unless its message was certainly never sent.
    """
    rows = db.execute(
        f"""SELECT k.value AS contact_id, count(*) AS codes FROM json_each(:ids) AS k
           JOIN contacts AS h ON h.id = k.value OR h.merged_into = k.value
           CROSS JOIN codes AS c ON c.contact_id = h.id AND c.offer_id = :offer AND c.given_at > :since
           JOIN messages AS m ON m.id = c.message_id AND m.scope <> :scope AND NOT {NEVER_SENT}
           GROUP BY k.value""",
        {"ids": json.dumps(list(contact_ids)), "offer": offer_id, "since": since, "scope": scope, "now": now},
    )
    return {row["contact_id"]: row["codes"] for row in rows}


def newest(db: Connection) -> int:
    """Return the highest id of a code there is."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM codes").fetchone()[0])


def count_given(db: Connection, offer_id: int) -> int:
    """Return how many codes of an offer were given to messages."""
    row = db.execute("SELECT count(*) FROM codes WHERE offer_id = ? AND message_id IS NOT NULL", (offer_id,))
    return int(row.fetchone()[0])


def holders(db: Connection, offer_id: int, scope: str) -> IdSet:
    """Return the contacts whose message in a scope has its code already."""
    rows = db.execute(
        "SELECT c.contact_id FROM codes AS c JOIN messages AS m ON m.id = c.message_id"
        " WHERE c.offer_id = ? AND m.scope = ?",
        (offer_id, scope),
    )
    return IdSet(row["contact_id"] for row in rows)


def note_use(tx: Connection, scope: str, offer_id: int, *, step: str = "") -> None:
    """Note that the messages of a scope carry an offer, so that those that are planned count against what is left."""
    tx.execute(
        "INSERT INTO offer_uses (scope, step, offer_id) VALUES (:scope, :step, :offer)"
        " ON CONFLICT (scope, step) DO UPDATE SET offer_id = excluded.offer_id",
        {"scope": scope, "step": step, "offer": offer_id},
    )


def drop_use(tx: Connection, scope: str, *, step: str = "") -> None:
    """Note that the messages of a scope carry no offer any more."""
    tx.execute("DELETE FROM offer_uses WHERE scope = ? AND step = ?", (scope, step))


def promised(db: Connection, offer_id: int, *, beside: str | None = None, only: str | None = None) -> int:
    """Return how many planned messages wait for a code of an offer, in scopes `beside` one, or `only` in one."""
    row = db.execute(
        """SELECT count(*) FROM messages AS m INDEXED BY messages_open
           JOIN offer_uses AS u ON u.scope = m.scope AND u.step = m.step AND u.offer_id = :offer
           WHERE m.state IN ('planned', 'ready', 'deferred') AND m.state = 'planned' AND m.rehearsal = 0
             AND (:beside IS NULL OR m.scope <> :beside) AND (:only IS NULL OR m.scope = :only)
             AND NOT EXISTS (SELECT 1 FROM codes AS c WHERE c.message_id = m.id AND c.offer_id = :offer)""",
        {"offer": offer_id, "beside": beside, "only": only},
    ).fetchone()
    return int(row[0])
