"""Contacts that are probably one person: who meets whom. What they have in common: evidence; to make them one: merges.

Contacts meet by keys (a phone's last digits, a name with a postcode …), in a temporary table of the connection that
asks: nobody is compared with everybody. A key that many have tells nothing. A name alone is never evidence.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailflow import clock, money
from mailflow.model import ConsentState
from mailflow.store import evidence
from mailflow.store.connection import Connection
from mailflow.store.contacts import CUSTOMER_ID
from mailflow.store.evidence import Person
from mailflow.store.likeness import name, tail

_SLICE = 20_000  # contacts read in one statement: while it reads, the web door cannot write
_PAIRS = 500  # pairs looked at together
_STRONG, _LIKELY = 4, 2

_Pair = tuple[int, int]
_Keys = Mapping[int, frozenset[tuple[str, str]]]


class Strength(StrEnum):
    """How sure a proposal is."""

    STRONG = "strong"  # hardly anything else explains it
    LIKELY = "likely"
    POSSIBLE = "possible"  # look twice: a family, an office


@dataclass(frozen=True, slots=True)
class Side:
    """One contact of a proposal. `revenue` is decimal text by currency, of counted orders less refunds."""

    id: int
    key: str
    email: str | None
    name: str
    orders: int
    revenue: Mapping[str, str]
    last_order_at: datetime | None
    consent: ConsentState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two contacts that are probably one: whom to keep, who would be merged, and why, in sentences."""

    keep: Side
    other: Side
    points: int
    evidence: tuple[str, ...]

    @property
    def strength(self) -> Strength:
        if self.points >= _STRONG:
            return Strength.STRONG
        return Strength.LIKELY if self.points >= _LIKELY else Strength.POSSIBLE


# By what contacts meet. Each is also how many may share a key before it tells nothing: a shop's own phone number.
_PHONE, _BIRTHDAY, _POSTCODE, _COMPANY, _MAILBOX, _OWN_PART, _SHOPS, _DOMAIN = 6, 7, 8, 9, 10, 11, 12, 30


def proposals(db: Connection) -> list[Proposal]:
    """Return everybody who is probably somebody else too, the surest first, then those who ordered most.

    `db` is a connection of its own: its temporary tables are filled. Two who were merged and parted again are two.
    """
    pairs = sorted({*_meetings(db), *_claims(db)} - _parted(db))
    found = [
        proposal for start in range(0, len(pairs), _PAIRS) for proposal in _compared(db, pairs[start : start + _PAIRS])
    ]
    return sorted(found, key=_rank)


def of_pair(db: Connection, keep: int, other: int) -> Proposal:
    """Return what there is to say about two contacts, even where nothing says that they are one."""
    people, sides = _people(db, [keep, other]), _sides(db, [keep, other])
    found = evidence.common(people[keep], people[other])
    return Proposal(sides[keep], sides[other], sum(weight for weight, _ in found), tuple(text for _, text in found))


def _rank(proposal: Proposal) -> tuple[int, int, int, int]:
    ordered = proposal.keep.orders + proposal.other.orders
    return -proposal.points, -ordered, proposal.keep.id, proposal.other.id


def _compared(db: Connection, pairs: Sequence[_Pair]) -> Iterator[Proposal]:
    people = _people(db, sorted({contact for pair in pairs for contact in pair}))
    found = {pair: evidence.common(people[pair[0]], people[pair[1]]) for pair in pairs}
    told = {pair: said for pair, said in found.items() if said}
    sides = _sides(db, sorted({contact for pair in told for contact in pair}))
    for (one, another), said in told.items():
        keep, other = sorted((sides[one], sides[another]), key=_worth)
        yield Proposal(keep, other, sum(weight for weight, _ in said), tuple(text for _, text in said))


def _worth(side: Side) -> tuple[int, bool, bool, int]:
    """Return what says which of two contacts is the better one to keep: smaller is better."""
    return -side.orders, side.email is None, side.consent is not ConsentState.SUBSCRIBED, side.id


# Who meets -----------------------------------------------------------------------------------------------------


def _meetings(db: Connection) -> Iterator[_Pair]:
    """Yield every two contacts that share a key which not too many share."""
    db.execute("PRAGMA temp_store = FILE")  # the keys of a million people take 400 MB in memory
    db.execute("CREATE TEMP TABLE meeting (kind INTEGER, key INTEGER, contact_id INTEGER)")
    for people in _everybody(db):
        _note(db, (key for each in people for key in _keys(each)))
    _note(db, list(_keys_of_shops(db)))
    db.execute("CREATE INDEX temp.meeting_by_key ON meeting (kind, key, contact_id)")
    cursor = db.cursor()
    cursor.row_factory = None
    yield from cursor.execute(
        """SELECT a.contact_id, b.contact_id
           FROM (SELECT kind, key FROM temp.meeting GROUP BY kind, key
                 HAVING min(contact_id) < max(contact_id) AND count(DISTINCT contact_id) <= kind) AS k
           CROSS JOIN temp.meeting AS a ON a.kind = k.kind AND a.key = k.key
           CROSS JOIN temp.meeting AS b ON b.kind = k.kind AND b.key = k.key AND b.contact_id > a.contact_id"""
    )
    db.execute("DROP TABLE temp.meeting")


def _note(db: Connection, keys: Iterable[tuple[int, int, int]]) -> None:
    """Write keys into the temporary table, in a transaction that does not touch the database itself."""
    db.execute("BEGIN")
    db.executemany("INSERT INTO temp.meeting VALUES (?, ?, ?)", keys)
    db.execute("COMMIT")


def _everybody(db: Connection) -> Iterator[list[Person]]:
    last = int(db.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0])
    cursor = db.cursor()
    cursor.row_factory = None
    for first in range(1, last + 1, _SLICE):
        rows = cursor.execute(
            f"{_PERSON} WHERE id BETWEEN ? AND ? AND merged_into IS NULL", (first, first + _SLICE - 1)
        )
        yield [Person(*row) for row in rows.fetchall()]


def _keys(person: Person) -> Iterator[tuple[int, int, int]]:
    """Yield (kind, key, contact) for everything by which others may meet a person; keys are hashes."""
    contact, number, whole = person.id, person.number, person.name
    if number:
        yield _PHONE, hash(tail(number)), contact
    if person.email:
        yield _MAILBOX, hash(person.mailbox), contact
    if not whole:
        return
    if person.birthday:
        yield _BIRTHDAY, hash((whole, person.birthday)), contact
    if person.postcode:
        yield _POSTCODE, hash((whole, person.area)), contact
    if person.company:
        yield _COMPANY, hash((whole, person.firm)), contact
    if person.email:
        # A letter may be a slip, a digit is not: at one provider it tells namesakes apart.
        digits = "".join(filter(str.isdigit, person.local))
        yield _DOMAIN, hash((whole, person.domain, digits)), contact
        own = person.own_part
        if own:
            yield _OWN_PART, hash((whole, own)), contact


def _keys_of_shops(db: Connection) -> Iterator[tuple[int, int, int]]:
    """Yield keys of name and customer id, where customer ids come from more than one shop."""
    ends = db.execute("SELECT min(source), max(source) FROM identities WHERE kind = ?", (CUSTOMER_ID,)).fetchone()
    if ends[0] == ends[1]:
        return
    rows = db.execute(
        """SELECT i.value, c.id, c.first_name, c.last_name FROM identities AS i
           JOIN contacts AS o ON o.id = i.contact_id JOIN contacts AS c ON c.id = coalesce(o.merged_into, o.id)
           WHERE i.kind = ?""",
        (CUSTOMER_ID,),
    )
    for value, contact, first, last in rows:
        whole = name(first, last)
        if whole:
            yield _SHOPS, hash((whole, value)), contact


def _claims(db: Connection) -> set[_Pair]:
    """Return pairs of whom a file said that they have one customer id."""
    rows = db.execute(
        """SELECT coalesce(a.merged_into, a.id), coalesce(b.merged_into, b.id)
           FROM claims AS k JOIN contacts AS a ON a.id = k.contact_id
           JOIN identities AS i ON i.kind = k.kind AND i.source = k.source AND i.value = k.value
           JOIN contacts AS b ON b.id = i.contact_id"""
    )
    return {(min(one, other), max(one, other)) for one, other in rows if one != other}


def _parted(db: Connection) -> set[_Pair]:
    """Return pairs that somebody merged and parted again."""
    rows = db.execute("SELECT min(kept_id, merged_id), max(kept_id, merged_id) FROM merges WHERE undone_at IS NOT NULL")
    return {(one, other) for one, other in rows}


# Who they are --------------------------------------------------------------------------------------------------

_PERSON = "SELECT id, email, first_name, last_name, phone, postcode, birthday, company FROM contacts"
_IDS = """SELECT coalesce(c.merged_into, c.id), i.source, i.value FROM contacts AS c
    CROSS JOIN {table} AS i ON i.contact_id = c.id AND i.kind = 'customer_id'
    WHERE c.id IN (SELECT value FROM json_each(:ids))
       OR (c.merged_into IS NOT NULL AND c.merged_into IN (SELECT value FROM json_each(:ids)))"""


def _people(db: Connection, ids: Sequence[int]) -> dict[int, Person]:
    held = {"ids": json.dumps(ids)}
    shops, claimed = (
        _keys_in(db, _IDS.format(table="identities"), held),
        _keys_in(db, _IDS.format(table="claims"), held),
    )
    rows = db.execute(f"{_PERSON} WHERE id IN (SELECT value FROM json_each(:ids))", held)
    none: frozenset[tuple[str, str]] = frozenset()
    return {
        row["id"]: Person(*row)._replace(ids=shops.get(row["id"], none), claimed=claimed.get(row["id"], none))
        for row in rows
    }


def _keys_in(db: Connection, sql: str, held: Mapping[str, str]) -> _Keys:
    found: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    for contact, source, value in db.execute(sql, held):
        found[contact].add((source, value))
    return {contact: frozenset(keys) for contact, keys in found.items()}


def _sides(db: Connection, ids: Iterable[int]) -> dict[int, Side]:
    held = {"ids": json.dumps(list(ids))}
    revenue: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for contact, currency, minor in db.execute(
        """SELECT contact_id, currency, revenue_minor FROM contact_revenue
           WHERE contact_id IN (SELECT value FROM json_each(:ids)) ORDER BY currency""",
        held,
    ):
        revenue[contact][currency] = money.to_text(minor, currency)
    rows = db.execute(
        """SELECT c.id, c.key, c.email, c.first_name, c.last_name, c.created_at, f.order_count, f.last_order_at, s.state
           FROM contacts AS c LEFT JOIN contact_facts AS f ON f.contact_id = c.id
           LEFT JOIN consent_states AS s ON s.contact_id = c.id AND s.channel = 'email' AND s.topic = ''
           WHERE c.id IN (SELECT value FROM json_each(:ids))""",
        held,
    )
    return {
        row["id"]: Side(
            row["id"], row["key"], row["email"], " ".join(filter(None, (row["first_name"], row["last_name"]))),
            row["order_count"] or 0, revenue[row["id"]],
            None if row["last_order_at"] is None else clock.from_ms(row["last_order_at"]),
            ConsentState(row["state"] or ConsentState.NEVER), clock.from_ms(row["created_at"]),
        )
        for row in rows
    }  # fmt: skip
