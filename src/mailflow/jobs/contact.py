"""Carry out what the owner says about people: subscribe, unsubscribe, suppress, and show what is known of one.

None of it takes the run lock. Each slice of addresses is one short transaction, which a running send sees before it
arms its next message.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from mailflow import policy
from mailflow.addresses import Address, normalise
from mailflow.model import Basis, ConsentState, SuppressionReason
from mailflow.outbox import neutral
from mailflow.store import Connection, Store, consents, contacts, merged_consent, suppressions
from mailflow.store.consents import ConsentEntry
from mailflow.store.contacts import Contact
from mailflow.store.events import Event
from mailflow.tokens import Keys
from mailflow.tracking.record import record

OWNER = "owner"  # the source of what is typed in a terminal
_SLICE = 100  # about 30 ms of a write transaction


class Result(StrEnum):
    """What became of one address of a list."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    LIFTED = "lifted"
    NEUTRAL = "neutral"  # gets mail that is made for nobody in particular
    PERSONALISED = "personalised"  # and now again mail made for them
    UNCHANGED = "unchanged"  # it was so already
    REFUSED = "refused"  # with a reason


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one address; `reason` is a sentence where it was refused or needs a word."""

    email: str
    result: Result
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """On what ground, and by what proof, the owner says that people agreed."""

    text: str
    basis: Basis = Basis.EXPRESS


def subscribe(
    store: Store, keys: Keys, addresses: Iterable[Address], evidence: Evidence, *, now: datetime
) -> Iterator[Change]:
    """Record that people agreed to marketing mail at these addresses, which lifts an earlier no.

    Unknown people become contacts. A suppressed address is refused, with the reason.
    """

    def change(tx: Connection, address: Address) -> Change:
        suppressed = suppressions.reasons_for(tx, keys.address_hash(address.key))
        if suppressed:
            return Change(address.email, Result.REFUSED, _why_suppressed(suppressed))
        contact = _find_or_add(tx, address, now)
        entry = ConsentEntry(
            contact.id, ConsentState.SUBSCRIBED, evidence.basis, address.email, now, now, OWNER,
            evidence=evidence.text, lifts=True,
        )  # fmt: skip
        if _holds_already(tx, entry):
            return Change(address.email, Result.UNCHANGED)
        consents.append(tx, entry)
        return Change(address.email, Result.SUBSCRIBED, _other_address(contact, address))

    suppressions.check_pepper(store.db, keys)
    return _in_slices(store, addresses, change)


def unsubscribe(
    store: Store, keys: Keys, addresses: Iterable[Address], *, reason: str | None, now: datetime
) -> Iterator[Change]:
    """Record a no to all marketing mail. Unknown people become contacts with a no, so that no file can mail them."""

    def change(tx: Connection, address: Address) -> Change:
        person = _find_or_add(tx, address, now).id
        # Of two contacts that were merged the no is also that one's whose address it is, should they be parted again.
        owner = contacts.owner_of(tx, address) or person
        if merged_consent.has_said_no(tx, owner) and consents.state_of(tx, person) is ConsentState.UNSUBSCRIBED:
            return Change(address.email, Result.UNCHANGED)
        properties = {"address": address.email, "evidence": reason}
        event = Event("unsubscribed", OWNER, secrets.token_hex(8), now, now, owner, properties)
        record(tx, event, keys=keys)
        return Change(address.email, Result.UNSUBSCRIBED)

    return _in_slices(store, addresses, change)


def personalise(
    store: Store, addresses: Iterable[Address], *, wanted: bool, reason: str | None, now: datetime
) -> Iterator[Change]:
    """Record whether people want mail that is made for them; a no stops none. Unknown people become contacts."""
    state = ConsentState.SUBSCRIBED if wanted else ConsentState.UNSUBSCRIBED

    def change(tx: Connection, address: Address) -> Change:
        person = _find_or_add(tx, address, now).id
        if (person in neutral.among(tx, [person])) is not wanted:
            return Change(address.email, Result.UNCHANGED)
        for topic in neutral.TOPICS if wanted else (neutral.PERSONALISATION,):
            entry = ConsentEntry(
                person, state, Basis.EXPRESS, address.email, now, now, OWNER, evidence=reason, lifts=True, topic=topic
            )
            consents.append(tx, entry)
        return Change(address.email, Result.PERSONALISED if wanted else Result.NEUTRAL)

    return _in_slices(store, addresses, change)


def suppress(store: Store, keys: Keys, addresses: Iterable[Address], *, reason: str, now: datetime) -> Iterator[Change]:
    """Record that these addresses get nothing at all, known or not: kept as keyed hashes, which survive erasure."""

    def change(tx: Connection, address: Address) -> Change:
        new = suppressions.suppress(tx, keys, address, SuppressionReason.MANUAL, source=OWNER, now=now, evidence=reason)
        return Change(address.email, Result.SUPPRESSED if new else Result.UNCHANGED)

    return _in_slices(store, addresses, change)


def lift(store: Store, keys: Keys, addresses: Iterable[Address], *, now: datetime) -> Iterator[Change]:
    """Take the owner's own suppressions back. What a bounce, a complaint or an erasure says stays."""

    def change(tx: Connection, address: Address) -> Change:
        lifted = suppressions.lift(tx, keys, address, now=now)
        left = suppressions.reasons_for(tx, keys.address_hash(address.key))
        if left:
            return Change(address.email, Result.REFUSED, _why_suppressed(left))
        return Change(address.email, Result.LIFTED if lifted else Result.UNCHANGED)

    return _in_slices(store, addresses, change)


def _in_slices(
    store: Store, addresses: Iterable[Address], change: Callable[[Connection, Address], Change]
) -> Iterator[Change]:
    rest = iter(addresses)
    while some := list(islice(rest, _SLICE)):
        with store.transaction() as tx:
            changes = [change(tx, address) for address in some]
        yield from changes


def _find_or_add(tx: Connection, address: Address, now: datetime) -> Contact:
    return contacts.find_by_email(tx, address) or contacts.add(tx, address, source=OWNER, now=now)


def _holds_already(tx: Connection, entry: ConsentEntry) -> bool:
    """Return whether the very same was said before and still holds, so that a list may be given twice."""
    held = consents.standing(tx, entry.contact_id)
    if held is None or (held.state, held.basis, held.address) != (entry.state, entry.basis, entry.address):
        return False
    return any(
        said.evidence == entry.evidence and said.state is entry.state for said in consents.history(tx, entry.contact_id)
    )


def _why_suppressed(reasons: frozenset[SuppressionReason]) -> str:
    decision = policy.Decision(policy.Reason.SUPPRESSED, policy.gravest(reasons))
    if reasons == {SuppressionReason.MANUAL}:
        return f"{decision.sentence} `mailflow contact suppress --lift` takes it back."
    return decision.sentence


def _other_address(contact: Contact, address: Address) -> str | None:
    """Return a warning where the contact's mail goes to another address than the one that was subscribed."""
    if contact.email is None or normalise(contact.email).key == address.key:
        return None
    return f"Their mail goes to {contact.email}, for which this is no consent."
