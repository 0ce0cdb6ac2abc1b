"""What two contacts have in common that makes them one person, in sentences with a weight. Pure; duplicates asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mailflow.store import likeness

Found = Iterator[tuple[int, str]]  # weight, sentence


class Person(NamedTuple):
    """What is compared of a contact. `ids` are (shop, customer id); `claimed` those of others that a file gave them."""

    id: int
    email: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    postcode: str | None
    birthday: str | None
    company: str | None
    ids: frozenset[tuple[str, str]] = frozenset()
    claimed: frozenset[tuple[str, str]] = frozenset()

    @property
    def name(self) -> str:
        """The whole name as it is compared, blank where a part of it is missing."""
        return likeness.name(self.first_name, self.last_name)

    @property
    def number(self) -> str:
        return likeness.digits(self.phone)

    @property
    def area(self) -> str:
        return "".join(sign for sign in (self.postcode or "").lower() if sign.isalnum())

    @property
    def firm(self) -> tuple[str, ...]:
        return likeness.words(self.company or "")

    @property
    def local(self) -> str:
        return (self.email or "").lower().rpartition("@")[0]

    @property
    def domain(self) -> str:
        return (self.email or "").lower().rpartition("@")[2]

    @property
    def mailbox(self) -> str:
        return likeness.mailbox(self.email) if self.email else ""

    @property
    def own_part(self) -> str:
        return likeness.own_part(self.email, self.first_name, self.last_name) if self.email else ""


def common(one: Person, other: Person) -> list[tuple[int, str]]:
    """Return what speaks for two contacts being one, each with its weight; nothing where only the name does."""
    is_same_name = bool(one.name) and one.name == other.name
    may_be = likeness.agree((one.first_name, one.last_name), (other.first_name, other.last_name))
    found = [*_numbers(one, other, may_be), *_mailboxes(one, other, may_be), *_one_id(one, other, may_be)]
    if is_same_name:
        found += [*_details(one, other), *_addresses(one, other), *_two_shops(one, other)]
    if found and is_same_name:
        found.insert(0, (1, f"same name: {' '.join(filter(None, (one.first_name, one.last_name)))}"))
    return found


def _numbers(one: Person, other: Person, may_be: bool) -> Found:
    if one.number and other.number and likeness.same_number(one.number, other.number):
        phone = one.phone if one.number.startswith("+") else other.phone
        yield (3, f"same phone: {phone}") if may_be else (1, f"same phone: {phone}, but other names")


def _mailboxes(one: Person, other: Person, may_be: bool) -> Found:
    if not one.mailbox or not may_be or one.mailbox != other.mailbox:
        return
    if likeness.is_one_provider(one.domain, other.domain):
        yield 3, f"{one.email} and {other.email} are probably one mailbox: they differ by dots, a +tag or googlemail"
    else:
        slip, right = (one, other) if one.mailbox.endswith(f"@{other.domain}") else (other, one)
        yield 3, f"{slip.email} looks like a slip for {right.email}"


def _one_id(one: Person, other: Person, may_be: bool) -> Found:
    for source, value in sorted((one.claimed & other.ids) | (other.claimed & one.ids))[:1]:
        yield (3 if may_be else 1), f"orders of customer id {value} ({source}) name them both"


def _details(one: Person, other: Person) -> Found:
    """Yield what counts beside an equal name."""
    if one.birthday and one.birthday == other.birthday:
        yield (2 if one.birthday.startswith("--") else 3), f"same birthday: {one.birthday}"
    if one.area and one.area == other.area:
        yield 2, f"same postcode: {one.postcode}"
    if one.firm and one.firm == other.firm:
        yield 2, f"same company: {one.company}"


def _addresses(one: Person, other: Person) -> Found:
    if not one.mailbox or not other.mailbox or one.mailbox == other.mailbox:
        return
    if one.domain == other.domain and likeness.is_one_letter_off(one.local, other.local):
        yield 2, f"{one.email} and {other.email} differ by one letter"
    if one.domain != other.domain and one.own_part and one.own_part == other.own_part:
        yield 2, f"the same before the @: {one.email} and {other.email}"


def _two_shops(one: Person, other: Person) -> Found:
    for source, value in sorted(one.ids):
        for shop, number in sorted(other.ids):
            if number == value and shop != source:
                yield 2, f"same customer id {value} at {source} and at {shop}"
                return
