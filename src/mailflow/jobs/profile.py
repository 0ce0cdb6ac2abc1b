"""Gather what is known of one person, for `mailflow contact show` and `mailflow why`. What is decided: jobs/why."""

from __future__ import annotations

from dataclasses import dataclass

from mailflow import policy
from mailflow.addresses import Address, normalise
from mailflow.errors import UsageError
from mailflow.store import Connection, Row, consents, contacts, profiles, suppressions, timeline
from mailflow.store.consents import ConsentEntry, Standing
from mailflow.store.contacts import Contact
from mailflow.store.profiles import OrderSummary
from mailflow.store.suppressions import Suppression
from mailflow.store.timeline import Moment
from mailflow.tokens import Keys


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything known of one contact; `timeline` is what happened, the oldest first."""

    contact: Contact
    identities: list[Row]  # kind, source, value
    consent: Standing | None
    ledger: list[ConsentEntry]
    suppressions: list[Suppression]
    orders: OrderSummary | None
    rfm_class: str | None
    timeline: list[Moment]


def find(db: Connection, keys: Keys, address: Address) -> Contact:
    """Return the contact of an address; `UsageError` says what is known of one that belongs to nobody."""
    contact = contacts.find_by_email(db, address)
    if contact is not None:
        return contact
    held = suppressions.reasons_for(db, keys.address_hash(address.key))
    told = policy.Decision(policy.Reason.SUPPRESSED, policy.gravest(held)).sentence if held else ""
    raise UsageError(f"{address.email}: nobody with this address is known. {told}".rstrip())


def of_contact(db: Connection, keys: Keys, contact: Contact) -> Profile:
    """Return the profile of a contact."""
    return Profile(
        contact=contact,
        identities=contacts.identities_of(db, contact.id),
        consent=consents.standing(db, contact.id),
        ledger=consents.history(db, contact.id),
        suppressions=_suppressions(db, keys, contact.email),
        orders=profiles.orders(db, contact.id),
        rfm_class=profiles.rfm_class(db, contact.id),
        timeline=timeline.of_contact(db, contact.id),
    )


def _suppressions(db: Connection, keys: Keys, email: str | None) -> list[Suppression]:
    try:
        return suppressions.of_address(db, keys, normalise(email)) if email else []
    except ValueError:
        return []
