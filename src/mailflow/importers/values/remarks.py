"""Tell what is remarkable about the addresses of a staged file: slips of the hand, desks, throw-aways, other scripts.

It refuses and changes nothing: a slip is proposed. What makes an address remarkable: addresses.flags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from mailflow.addresses import flags
from mailflow.addresses.flags import DomainFlags, is_role, of_domain
from mailflow.addresses.words import ROLES
from mailflow.importers.values.memo import Memo
from mailflow.phrases import many
from mailflow.store import staging
from mailflow.store.connection import Connection

_MOST_DOMAINS = 200_000
_SHOWN = 5  # addresses that are named in one sentence


@dataclass(slots=True)
class _Found:
    """How many addresses of one kind there are, and the first of them."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, words: Callable[[], str]) -> None:
        self.count += 1
        if len(self.named) < _SHOWN:
            self.named.append(words())

    def examples(self) -> str:
        return ", ".join(self.named) + (" …" if self.count > len(self.named) else "")


def of_addresses(db: Connection) -> list[str]:
    """Return sentences about the addresses on stage.cards, each address once; none where nothing is remarkable."""
    return tell(staging.email_keys(db))


def tell(keys: Iterable[str]) -> list[str]:
    """Return sentences about addresses as they are compared."""
    kinds = mistyped, desks, thrown, foreign = _Found(), _Found(), _Found(), _Found()
    domains = Memo(_remarkable, _MOST_DOMAINS)
    told: set[str] = set()
    for key in keys:
        local, _, domain = key.rpartition("@")
        found = domains[domain]
        # Nearly all addresses end here, after a third of a microsecond.
        if (found is None and local not in ROLES and key.isascii()) or key in told:
            continue
        told.add(key)
        _sort(key, local, found, kinds)
    return list(_sentences(mistyped, desks, thrown, foreign))


def _remarkable(domain: str) -> DomainFlags | None:
    """Return what is remarkable about a domain; None where nothing is."""
    found = of_domain(domain)
    return None if found.is_plain else found


def _sort(key: str, local: str, found: DomainFlags | None, kinds: tuple[_Found, _Found, _Found, _Found]) -> None:
    mistyped, desks, thrown, foreign = kinds
    if found is not None and found.intended:
        mistyped.add(lambda: f"{key} ({found.intended}?)")
    if found is not None and found.throw_away:
        thrown.add(lambda: key)
    if flags(key).international:
        foreign.add(lambda: key)
    if is_role(local):
        desks.add(lambda: key)


def _sentences(mistyped: _Found, desks: _Found, thrown: _Found, foreign: _Found) -> Iterator[str]:
    if mistyped.count:
        looks = many(mistyped.count, "address looks", "addresses look")
        yield f"{looks} mistyped: {mistyped.examples()}. Nothing was changed: mend them where the file comes from."
    if thrown.count:
        are = many(thrown.count, "address is of a throw-away domain", "addresses are of throw-away domains")
        yield f"{are}: {thrown.examples()}."
    if desks.count:
        yield f"{many(desks.count, 'address is a desk', 'addresses are desks')}, not a person: {desks.examples()}."
    if foreign.count:
        yield f"{many(foreign.count, 'address has', 'addresses have')} letters beyond ASCII: {foreign.examples()}."
