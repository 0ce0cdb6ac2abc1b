"""Whether a domain looks like a slip of the hand for a well-known one, and for which. The lists: words.

It proposes, and is careful: a domain that exists for others is no slip, and one letter that is far away on the keyboard
is another name. In the manner of mailcheck (Derrick Ko and Wei Lu), with the keyboard and found through an index rather
than by measuring the distance to each provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from mailflow.addresses.words import (
    COUNTRIES,
    CUT_COM,
    DISTINCT,
    ENDINGS,
    KEYBOARD,
    NOT_MISTYPED,
    OTHER_MAILBOXES,
    REAL_NEAR_ENDINGS,
)

MAILBOXES = DISTINCT | OTHER_MAILBOXES
_SHORTEST = 5  # letters of a name that may hold a slip: of gmx, aol or live everything is one letter away
_FIRST_IS_SURE = 6  # a name at least so long may lack its first letter


def intended(domain: str) -> str | None:
    """Return the domain that was probably meant, or None. `domain` is in lower case."""
    if domain in MAILBOXES or domain in NOT_MISTYPED:
        return None
    if domain.startswith("www.") and domain[4:] in MAILBOXES:
        return domain[4:]
    moved = _squeezed().get(domain.replace(".", ""))
    if moved is not None:
        return moved
    name, _, ending = domain.partition(".")
    return _of_provider(name, ending) or _of_ending(domain)


def _of_provider(name: str, ending: str) -> str | None:
    """Return the provider whose name this is, or is one slip away from, with its ending or a slip for it."""
    exact = _names().get(name, ())
    for meant in exact:
        if _is_slip_of_ending(ending, meant, own=True):
            return f"{name}.{meant}"
    for other in _near_names(name):
        for meant in _names()[other]:
            if ending == meant or _is_slip_of_ending(ending, meant, own=False):
                return f"{other}.{meant}"
    return None


def _of_ending(domain: str) -> str | None:
    """Return the domain with an ending that exists, where its own does not and is a known slip."""
    rest, _, last = domain.rpartition(".")
    meant = ENDINGS.get(last)
    if meant is None or not rest:
        return None
    return f"{rest}.{meant}"


def _is_slip_of_ending(ending: str, meant: str, *, own: bool) -> bool:
    """Return whether an ending stands for another. `own`: behind a provider's very name, where more is a slip."""
    last = ending.rpartition(".")[2]
    if ending == meant:
        return False
    if ENDINGS.get(last) is not None:
        head = ending.rpartition(".")[0]
        return (f"{head}.{ENDINGS[last]}" if head else ENDINGS[last]) == meant
    if last in CUT_COM:
        return own and meant == "com" and ending == last
    if last in COUNTRIES or last in REAL_NEAR_ENDINGS:
        return False
    if "." in meant or "." in ending:
        return own and _is_one_slip(ending, meant)
    return own and len(last) <= len(meant) + 1 and _all_near(last, meant)


def _all_near(written: str, meant: str) -> bool:
    """Return whether one slip, or fingers that stood a key aside, make `written` of `meant`."""
    if _is_one_slip(written, meant):
        return True
    aside = [a == b or a in KEYBOARD.get(b, "") for a, b in zip(written, meant, strict=False)]
    return len(written) == len(meant) and all(aside)


@cache
def _names() -> Mapping[str, tuple[str, ...]]:
    """Return name → endings of the providers, .com first: hotmail → com, co.uk, …"""
    found: dict[str, list[str]] = {}
    for domain in sorted(MAILBOXES, key=lambda domain: (not domain.endswith(".com"), domain)):
        name, _, ending = domain.partition(".")
        found.setdefault(name, []).append(ending)
    return {name: tuple(endings) for name, endings in found.items()}


@cache
def _squeezed() -> Mapping[str, str]:
    """Return the providers by their domains without dots: a dot in the wrong place."""
    return {domain.replace(".", ""): domain for domain in DISTINCT if len(domain) > _SHORTEST + 3}


@cache
def _shortened() -> Mapping[str, tuple[str, ...]]:
    """Return the names of `DISTINCT` by themselves and by each of their letters left out."""
    found: dict[str, set[str]] = {}
    for name in {domain.partition(".")[0] for domain in DISTINCT}:
        if len(name) >= _SHORTEST:
            for key in _without_one(name):
                found.setdefault(key, set()).add(name)
    return {key: tuple(sorted(names)) for key, names in found.items()}


def _without_one(name: str) -> Iterator[str]:
    yield name
    for place in range(len(name)):
        yield name[:place] + name[place + 1 :]


def _near_names(name: str) -> list[str]:
    """Return the provider names that are one slip away from a name. Two such names share a shortened form."""
    if (name[:2], len(name)) not in _edges() and (name[-2:], len(name)) not in _edges():
        return []
    near = {other for key in _without_one(name) for other in _shortened().get(key, ())}
    return sorted(other for other in near if other != name and _is_one_slip(name, other))


@cache
def _edges() -> frozenset[tuple[str, int]]:
    """Return the first and the last two letters of the names, with the lengths that a slip of one may have.

    A slip leaves one of the ends as it is: a look at both spares the other nine tenths of all domains the search.
    """
    names = {name for found in _shortened().values() for name in found}
    return frozenset(
        (end, length)
        for name in names
        for end in (name[:2], name[-2:])
        for length in range(len(name) - 1, len(name) + 2)
    )


def _is_one_slip(written: str, meant: str) -> bool:
    """Return whether one slip of the hand makes `written` of `meant`.

    That is two letters swapped, one left out, one doubled, or one from beside its key, in its place or with it. The
    first letter is hardly ever the wrong one, and of short names it is never missing.
    """
    pairs = zip(written, meant, strict=False)
    alike = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(written), len(meant)))
    rest, rest_meant = written[alike:], meant[alike:]
    if written == meant:
        return False
    if len(written) == len(meant):
        is_swapped = rest[:2] == rest_meant[1::-1] and rest[2:] == rest_meant[2:]
        return is_swapped or (rest[1:] == rest_meant[1:] and rest[0] in KEYBOARD.get(rest_meant[0], ""))
    if len(written) == len(meant) - 1:
        return rest == rest_meant[1:] and (alike > 0 or len(meant) >= _FIRST_IS_SURE)
    if len(written) == len(meant) + 1 and rest[1:] == rest_meant:
        beside = meant[max(0, alike - 1) : alike + 1]
        return any(rest[0] == key or rest[0] in KEYBOARD.get(key, "") for key in beside)
    return False
