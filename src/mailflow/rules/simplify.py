"""Ask nothing twice: leave out what the other parts of a resolved rule decide. What a resolved rule is: resolve.py.

`received(within=90d) and not segment("engaged") and not segment("cooling")` speaks of thirteen sets of people, as these
segments do, and five of them decide it: who did nothing in 90 days did nothing in 30. Each set costs a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from mailflow.rules.resolve import Done, Each, Either, Opposite, Resolved
from mailflow.rules.types import Always

_Known = Mapping[Resolved, bool]  # what is taken to be true or false of single tests


def simplified(condition: Resolved) -> Resolved:
    """Return a condition that is true of the same people and asks no more than this one."""
    return _simplified(_pushed(condition, truth=True), {})


def _pushed(condition: Resolved, *, truth: bool) -> Resolved:
    """Return the condition or its opposite, with `not` before single tests only."""
    match condition:
        case Always(value):
            return Always(value is truth)
        case Opposite(part):
            return _pushed(part, truth=not truth)
        case Each(parts) | Either(parts):
            word = Each if isinstance(condition, Each) is truth else Either
            return word(tuple(_pushed(part, truth=truth) for part in parts))
        case _:
            return condition if truth else Opposite(condition)


def _simplified(condition: Resolved, known: _Known) -> Resolved:
    match condition:
        case Each(parts):
            return _joined(Each, parts, known)
        case Either(parts):
            return _joined(Either, parts, known)
        case _:
            test, truth = _single(condition)
            told = _told(test, known)
            return condition if told is None else Always(told is truth)


def _joined(word: type[Each | Either], parts: Iterable[Resolved], known: _Known) -> Resolved:
    """Simplify an and (an or): each part only matters where the others hold (do not hold)."""
    decisive = word is Either
    flat = [_simplified(part, known) if _is_single(part) else part for part in _flat(word, parts)]
    assumed = {**known, **_assumed(flat, holding=not decisive)}
    flat = list(_flat(word, (part if _is_single(part) else _simplified(part, assumed) for part in flat)))
    kept = [part for part in _undecided(flat, known, holding=not decisive) if part != Always(not decisive)]
    if Always(decisive) in kept:
        return Always(decisive)
    if len(kept) == 1:
        return kept[0]
    return word(tuple(kept)) if kept else Always(not decisive)


def _undecided(parts: Iterable[Resolved], known: _Known, *, holding: bool) -> Iterator[Resolved]:
    """Yield the parts, those as constants that the ones which stay decide."""
    parts = list(dict.fromkeys(parts))
    assumed = _assumed(parts, holding=holding)
    for part in parts:
        if not _is_single(part):
            yield part
            continue
        test, _ = _single(part)
        own = assumed.pop(test, None)
        rest = _simplified(part, {**known, **assumed})
        if own is not None and rest is part:
            assumed[test] = own
        yield rest


def _assumed(parts: Iterable[Resolved], *, holding: bool) -> dict[Resolved, bool]:
    """Return what is known of single tests where all of these parts hold, or none of them."""
    singles = (_single(part) for part in parts if _is_single(part) and not isinstance(part, Always))
    return {test: truth is holding for test, truth in singles}


def _told(test: Resolved, known: _Known) -> bool | None:
    """Return whether a test holds, or None where what is known does not say."""
    if test in known or not isinstance(test, Done):
        return known.get(test)
    for other, truth in known.items():
        if isinstance(other, Done):
            if truth and _implies(other, test):
                return True
            if not truth and _implies(test, other):
                return False
    return None


def _implies(one: Done, other: Done) -> bool:
    """Say whether who did the one thing has done the other: the same, as often, within a longer time."""
    if one.at_least < other.at_least or one.until > other.until:
        return False
    if one.poll is not None and one.until != other.until:  # an answer is changed by a later one
        return False
    if other.since is not None and (one.since is None or one.since < other.since):
        return False
    return replace(one, at_least=other.at_least, since=other.since, until=other.until) == other


def _is_single(part: Resolved) -> bool:
    return not isinstance(part, (Each, Either))


def _single(part: Resolved) -> tuple[Resolved, bool]:
    """Return a single test and whether it is asked for, or its opposite."""
    return (part.part, False) if isinstance(part, Opposite) else (part, True)


def _flat(word: type[Each | Either], parts: Iterable[Resolved]) -> Iterator[Resolved]:
    """Yield the parts of an and (an or), with the parts of those that are one themselves."""
    for part in parts:
        if isinstance(part, word):
            yield from _flat(word, part.parts)
        else:
            yield part
