"""Read the ledger of consent: one person's entries, and the state of a past day. Writing it: consents.

The state of a past instant is what today's ledger says it was: an entry counts from when it occurred (or from when it
was recorded, where its date lies in the future), so a file that is imported today tells of days before. Entries are
resolved in the order in which they were recorded, as `policy.resolve` has it. A contact that was merged into another
speaks for itself until the merge, which then wrote into the other's ledger what it brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from mailflow import clock, policy
from mailflow.model import Basis, ConsentState
from mailflow.store.connection import Connection, Row

_SLICE = 2_000  # contacts read in one statement: while it reads, the web door cannot write
# Of the states that two contacts of one person had before they were merged, the first of these held.
_GRAVITY = (ConsentState.UNSUBSCRIBED, ConsentState.SUBSCRIBED, ConsentState.PENDING, ConsentState.NEVER)


@dataclass(frozen=True, slots=True)
class Held:
    """What held for a contact on one channel and topic, since when, and the saying that decided it."""

    channel: str
    topic: str
    state: ConsentState
    basis: Basis
    since: datetime
    address: str | None
    source: str
    wording: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class PastStates:
    """The consent of one contact at an instant; `held` is empty where nothing was known."""

    key: str
    email: str | None
    held: tuple[Held, ...]


# Who is one person at an instant: a contact, and those merged into them whose merge was still to come.
_PERSON = """WITH RECURSIVE person (root, id) AS (
    SELECT id, id FROM contacts WHERE {roots}
    UNION ALL
    SELECT p.root, c.id FROM person AS p JOIN contacts AS c ON c.merged_into = p.id)
  SELECT p.root, r.key, r.email, r.created_at, n.*, min(n.occurred_at, n.recorded_at) AS known_at
  FROM person AS p CROSS JOIN contacts AS r ON r.id = p.root
  LEFT JOIN consents AS n ON n.contact_id = p.id AND min(n.occurred_at, n.recorded_at) <= :at
    AND (p.id = p.root OR :at < coalesce(
      (SELECT max(m.merged_at) FROM merges AS m WHERE m.merged_id = p.id AND m.undone_at IS NULL), :at + 1))
  ORDER BY p.root, n.contact_id, n.id"""
_ONE = _PERSON.format(roots="id = :id")
_SOME = _PERSON.format(roots="id BETWEEN :first AND :last AND merged_into IS NULL")


def now(db: Connection, contact_id: int) -> list[Held]:
    """Return what holds now for a contact, on every channel and topic anything was said about."""
    rows = db.execute(
        """SELECT s.channel, s.topic, s.state, s.basis, s.since, n.address, n.source, n.wording, n.evidence
           FROM consent_states AS s JOIN consents AS n ON n.id = s.consent_id
           WHERE s.contact_id = ? ORDER BY s.channel, s.topic""",
        (contact_id,),
    )
    return [_held(row, row["since"]) for row in rows]


def at(db: Connection, contact_id: int, instant: datetime) -> list[Held]:
    """Return what held for one person at an instant."""
    rows = db.execute(_ONE, {"id": contact_id, "at": clock.to_ms(instant)})
    return list(_replayed(row for row in rows if row["id"] is not None))


def of_everybody(db: Connection, instant: datetime) -> Iterator[PastStates]:
    """Yield the consent of everybody who was known at an instant, in order of id, a slice in memory at a time."""
    moment = clock.to_ms(instant)
    last = int(db.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        rows = db.execute(_SOME, {"first": first, "last": first + _SLICE - 1, "at": moment}).fetchall()
        for _, theirs in groupby(rows, key=lambda row: row["root"]):
            entries = list(theirs)
            held = tuple(_replayed(row for row in entries if row["id"] is not None))
            if held or entries[0]["created_at"] <= moment:
                yield PastStates(entries[0]["key"], entries[0]["email"], held)


def _replayed(rows: Iterable[Row]) -> Iterator[Held]:
    """Yield what entries leave standing on each channel and topic; of several contacts, the gravest."""
    standing: dict[tuple[str, str], list[Held]] = {}
    for (_, channel, topic), entries in groupby(
        sorted(rows, key=lambda row: (row["contact_id"], row["channel"], row["topic"], row["id"])),
        key=lambda row: (row["contact_id"], row["channel"], row["topic"]),
    ):
        held = _decided(list(entries))
        if held is not None:
            standing.setdefault((channel, topic), []).append(held)
    for key in sorted(standing):
        yield min(standing[key], key=lambda held: _GRAVITY.index(held.state))


def _decided(entries: Sequence[Row]) -> Held | None:
    """Return what the entries of one contact, channel and topic leave standing; `since` stays when the state does."""
    state, since = ConsentState.NEVER, 0
    decided: Row | None = None
    for row in entries:
        said = ConsentState(row["state"])
        if policy.takes_effect(state, said, Basis(row["basis"]), lifts=bool(row["lifts"])):
            since = since if decided is not None and said is state else row["known_at"]
            state, decided = said, row
    return None if decided is None else _held(decided, since)


def _held(row: Row, since: int) -> Held:
    return Held(
        row["channel"], row["topic"], ConsentState(row["state"]), Basis(row["basis"]), clock.from_ms(since),
        row["address"], row["source"], row["wording"], row["evidence"],
    )  # fmt: skip
