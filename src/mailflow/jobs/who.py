"""Find the one person that somebody means by an address, a phone number, a key or a shop's customer id."""

from __future__ import annotations

import difflib

from mailflow import policy
from mailflow.addresses import Address, normalise
from mailflow.errors import UsageError
from mailflow.store import Connection, contacts, suppressions
from mailflow.store.contacts import Contact
from mailflow.tokens import Keys

_NEAR_LETTERS = 3  # how many first letters of a mistyped address are taken to be right
_NEAR_MOST = 500
_NEAR_ENOUGH = 0.85


def find(db: Connection, keys: Keys, text: str) -> Contact:
    """Return the person that a text means; `UsageError` where it means nobody or several.

    A customer id that two shops have is told apart as `shop:id`.
    """
    wanted = text.strip()
    if not wanted:
        raise UsageError("say whose: an e-mail address, a phone number, a contact key or a shop's customer id")
    if not wanted.isascii():
        _refuse_broken(wanted)
    address = _address(wanted)
    if isinstance(address, Address):
        contact = contacts.find_by_email(db, address)
        if contact is not None:
            return contact
    found = _by_other_keys(db, wanted)
    if len({contact.id for contact in found.values()}) == 1:
        return next(iter(found.values()))
    if found:
        raise UsageError(_ambiguous(wanted, found))
    if isinstance(address, Address):
        return by_address(db, keys, address)
    if "@" in wanted:
        raise UsageError(f"{wanted!r}: {address}")
    name = wanted.split()[-1]
    by_name = f"; by name: mailflow segment --rule 'last_name == \"{name}\"'" if name.isalpha() else ""
    raise UsageError(
        f"{wanted!r}: nobody is known by this. Say an e-mail address, a phone number, a contact key or a shop's"
        f" customer id{by_name}"
    )


def _refuse_broken(text: str) -> None:
    """Refuse what a terminal gave as bytes that are no characters: no name in the database can hold them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{text!r}: this holds bytes that are no characters; write it in UTF-8") from None


def by_address(db: Connection, keys: Keys, address: Address) -> Contact:
    """Return the contact of an address; `UsageError` says what is known of one that belongs to nobody."""
    contact = contacts.find_by_email(db, address)
    if contact is not None:
        return contact
    held = suppressions.reasons_for(db, keys.address_hash(address.key))
    told = policy.Decision(policy.Reason.SUPPRESSED, policy.gravest(held)).sentence if held else _near(db, address)
    raise UsageError(f"{address.email}: nobody with this address is known. {told}".rstrip())


def _address(text: str) -> Address | ValueError:
    try:
        return normalise(text)
    except ValueError as error:
        return error


def _by_other_keys(db: Connection, text: str) -> dict[str, Contact]:
    """Return who has this text as a key, a customer id or a phone number, by what it is."""
    from mailflow.importers.values.cells import (
        phone_key,  # all the importers come with it, and most people name an address
    )

    by_key = contacts.find_by_key(db, text)
    if by_key is not None:
        return {"the contact key": by_key}
    shop, _, number = text.partition(":")
    named = contacts.find(db, contacts.CUSTOMER_ID, number, shop) if number else None
    if named is not None:
        return {f"customer id at {shop}": named}
    found = {f"customer id {shop}:{text}": contact for shop, contact in contacts.find_by_customer_id(db, text).items()}
    phone = phone_key(text)
    by_phone = contacts.find(db, contacts.PHONE, phone) if phone else None
    return {**found, "phone number": by_phone} if by_phone is not None else found


def _ambiguous(text: str, found: dict[str, Contact]) -> str:
    people = "; ".join(f"{how}: {contact.email or f'contact {contact.key}'}" for how, contact in found.items())
    return f"{text!r} means several people ({people}). Say one's address, contact key, or shop and id as in the list"


def _near(db: Connection, address: Address) -> str:
    """Return a question about an address we know that is nearly this one, where there is any."""
    local = address.key.rpartition("@")[0]
    known = {
        one
        for beginning in (f"{local}@", address.key[:_NEAR_LETTERS])
        for one in contacts.addresses_beginning(db, beginning, _NEAR_MOST)
    }
    near = difflib.get_close_matches(address.key, sorted(known), n=1, cutoff=_NEAR_ENOUGH)
    return f"Did you mean {near[0]}?" if near else ""
