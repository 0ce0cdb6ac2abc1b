"""What became of codes: which orders were placed with them, by whom, in time or late. Giving codes: codes.py.

Nothing of it is stored: it follows from the orders as they are now. So it does not matter whether the order or the code
came first, an order that is cancelled, paid back in full or whose import is undone no longer counts, and a merge of two
contacts makes a code theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from mailflow.store.codes import CodeKind, key_of
from mailflow.store.connection import Connection, Row

_DAY_MS = 86_400_000


class CodeState(StrEnum):
    """What became of a code."""

    FREE = "free"  # nobody has it
    GIVEN = "given"  # it was mailed, or is about to be
    REDEEMED = "redeemed"  # whose it is ordered with it, in time
    EXPIRED = "expired"  # given, never redeemed, and worth nothing any more


@dataclass(frozen=True, slots=True)
class Use:
    """An order that was placed with a code of ours.

    `code_id` is the code that its buyer was given; None where the buyer is somebody else, or nobody known. `is_late`
    where the code had expired by then. `net_minor` is the total less refunds.
    """

    code_key: str
    code_id: int | None
    order_pk: int
    order_id: str
    placed_at: int
    net_minor: int
    currency: str
    contact_id: int | None
    is_late: bool

    @property
    def redeems(self) -> bool:
        """Whether it redeems the code: by whose it is, in time."""
        return self.code_id is not None and not self.is_late


@dataclass(frozen=True, slots=True)
class Given:
    """A code, to whom it was given by which message, and until when it is worth something (ms)."""

    id: int
    offer: str
    kind: CodeKind
    code: str
    code_key: str
    message_id: int | None
    scope: str | None
    contact_id: int | None
    email: str | None
    given_at: int | None
    expires_at: int | None
    terms: str | None


# An order counts as long as anything of it was paid and kept; one of nothing, as with a code worth 100 %, counts too.
_COUNTS = """o.status IN ('open', 'paid') AND (o.total_minor = 0 OR o.total_minor >
    coalesce((SELECT sum(f.amount_minor) FROM refunds AS f WHERE f.order_id = o.id), 0))"""
# Whose code it is that a buyer typed. The one that everybody gets may have been typed before we mailed it: an order of
# before counts for nobody, but files that say only the day of an order must not be held against anybody.
_CODE_OF = f"""(SELECT c.id FROM contacts AS h CROSS JOIN codes AS c ON c.contact_id = h.id AND c.code_key = x.code_key
     WHERE (h.id = coalesce(p.merged_into, p.id) OR h.merged_into = coalesce(p.merged_into, p.id))
       AND (c.kind <> 'shared' OR o.placed_at > c.given_at - {_DAY_MS})
     ORDER BY c.given_at DESC LIMIT 1)"""
_USES = f"""SELECT u.*, c.expires_at IS NOT NULL AND u.placed_at >= c.expires_at AS is_late FROM (
      SELECT x.code_key, {_CODE_OF} AS code_id, o.id AS order_pk, o.order_id, o.placed_at, o.currency, o.contact_id,
             o.total_minor - coalesce((SELECT sum(f.amount_minor) FROM refunds AS f WHERE f.order_id = o.id), 0)
               AS net_minor
      FROM ({{keys}}) AS asked CROSS JOIN order_codes AS x ON x.code_key = asked.code_key
      JOIN orders AS o ON o.id = x.order_id LEFT JOIN contacts AS p ON p.id = o.contact_id
      WHERE {_COUNTS}) AS u
    LEFT JOIN codes AS c ON c.id = u.code_id ORDER BY u.placed_at, u.order_id"""
_OF_OFFER = """SELECT DISTINCT code_key FROM codes INDEXED BY codes_given
    WHERE offer_id = :offer AND message_id IS NOT NULL"""
_GIVEN = """SELECT c.id, f.name AS offer, c.kind, c.code, c.code_key, c.message_id, m.scope, c.contact_id, h.email,
      c.given_at, c.expires_at, c.terms
    FROM codes AS c JOIN offers AS f ON f.id = c.offer_id LEFT JOIN messages AS m ON m.id = c.message_id
    LEFT JOIN contacts AS h ON h.id = c.contact_id"""


def of_offer(db: Connection, offer_id: int) -> Iterator[Use]:
    """Yield the orders placed with codes of an offer that were given to somebody, the earliest first."""
    return _uses(db.execute(_USES.format(keys=_OF_OFFER), {"offer": offer_id}))


def of_codes(db: Connection, code_keys: Iterable[str]) -> Iterator[Use]:
    """Yield the orders placed with some codes, the earliest first."""
    keys = "SELECT DISTINCT value AS code_key FROM json_each(:keys)"
    return _uses(db.execute(_USES.format(keys=keys), {"keys": json.dumps(list(code_keys))}))


def _uses(rows: Iterable[Row]) -> Iterator[Use]:
    for row in rows:
        yield Use(**{**dict(row), "is_late": bool(row["is_late"])})


def with_code(db: Connection, code: str) -> list[Given]:
    """Return the rows of a code, written in capitals or not: one, or of a shared code one for each person."""
    rows = db.execute(f"{_GIVEN} WHERE c.code_key = ? ORDER BY c.given_at, c.id", (key_of(code),))
    return [_given(row) for row in rows]


def of_contacts(db: Connection, contact_ids: Sequence[int]) -> list[Given]:
    """Return the codes that contacts were given, the first one first."""
    rows = db.execute(
        f"{_GIVEN} WHERE c.contact_id IN (SELECT value FROM json_each(?)) ORDER BY c.given_at, c.id",
        (json.dumps(list(contact_ids)),),
    )
    return [_given(row) for row in rows]


def listing(db: Connection, offer_id: int) -> Iterator[Given]:
    """Yield every code of an offer: those that were given in the order of giving, then those in the pool."""
    # Two questions, each in the order of its index: sorting a million rows would take 100 MB.
    given = db.execute(f"{_GIVEN} WHERE c.offer_id = ? AND c.message_id IS NOT NULL ORDER BY c.given_at", (offer_id,))
    free = db.execute(f"{_GIVEN} WHERE c.offer_id = ? AND c.message_id IS NULL ORDER BY c.reading, c.id", (offer_id,))
    return map(_given, chain(given, free))


def tally(db: Connection, offer_id: int, *, at: int) -> Row:
    """Return how many codes of an offer were given, of messages that never went, and past their end at an instant."""
    row: Row = db.execute(
        """SELECT count(*) AS given, total(c.expires_at <= :at) AS past_end,
                  total(m.state IN ('skipped', 'held_out', 'failed', 'expired', 'cancelled')) AS unsent
           FROM codes AS c INDEXED BY codes_given JOIN messages AS m ON m.id = c.message_id
           WHERE c.offer_id = :offer AND c.message_id IS NOT NULL""",
        {"offer": offer_id, "at": at},
    ).fetchone()
    return row


def past_end(db: Connection, code_ids: Iterable[int], *, at: int) -> int:
    """Return how many of these codes are past their end at an instant."""
    row = db.execute(
        "SELECT count(*) FROM codes WHERE id IN (SELECT value FROM json_each(:ids)) AND expires_at <= :at",
        {"ids": json.dumps(list(code_ids)), "at": at},
    ).fetchone()
    return int(row[0])


def pool_counts(db: Connection, offer_id: int, reading: int) -> Row:
    """Return of the codes that nobody has: how many may be given, were used before, or are out of use."""
    row: Row = db.execute(
        """SELECT p.listed - u.used AS free, u.used, p.withdrawn
           FROM (SELECT count(*) FILTER (WHERE reading = :reading) AS listed,
                        count(*) FILTER (WHERE reading <> :reading) AS withdrawn
                 FROM codes INDEXED BY codes_free WHERE offer_id = :offer AND message_id IS NULL) AS p,
                (SELECT count(DISTINCT c.id) AS used FROM order_codes AS x
                 CROSS JOIN codes AS c INDEXED BY codes_once ON c.code_key = x.code_key AND c.kind <> 'shared'
                 WHERE c.offer_id = :offer AND c.message_id IS NULL AND c.reading = :reading) AS u""",
        {"offer": offer_id, "reading": reading},
    ).fetchone()
    return row


def state_of(given: Given, uses: Iterable[Use], *, at: int) -> CodeState:
    """Return what became of a code at an instant, knowing the orders that were placed with it."""
    if given.message_id is None:
        return CodeState.FREE
    if any(use.redeems and use.code_id == given.id for use in uses):
        return CodeState.REDEEMED
    return CodeState.EXPIRED if given.expires_at is not None and given.expires_at <= at else CodeState.GIVEN


def _given(row: Row) -> Given:
    return Given(**{**dict(row), "kind": CodeKind(row["kind"])})
