"""The people of a plan, in twelve bytes each: keys and addresses are read again in slices. Who decides: planning.py."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import compress

from mailflow.store import Connection, audience

_SLICE = 1_000


class Verdict(StrEnum):
    """What a plan has for one contact of the audience."""

    SEND = "send"
    SKIP = "skip"
    HOLD_OUT = "hold_out"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided for a contact, and for many others alike. `reason` is None for who gets it; times are ms.

    `delay` says why it is due later than the campaign says.
    """

    verdict: Verdict
    reason: str | None
    due_at: int
    not_after: int
    delay: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedContact:
    """One contact of the audience, with what is decided for them."""

    contact_id: int
    key: str
    email: str | None
    verdict: Verdict
    reason: str | None
    due_at: int
    not_after: int
    delay: str | None


class People:
    """Who is in a plan, by ascending id, each with one of its decisions; iterating reads their keys and addresses."""

    __slots__ = ("_decisions", "_which", "db", "ids")

    def __init__(self, db: Connection, ids: array[int], which: array[int], decisions: Sequence[Decision]) -> None:
        self.db = db
        self.ids = ids
        self._which = which  # of the decisions, for each of the ids
        self._decisions = decisions

    @classmethod
    def of(cls, db: Connection, decided: Iterable[tuple[int, Decision]]) -> People:
        """Return the people of whom something is decided, which come by ascending id."""
        ids, which = array("q"), array("I")
        numbers: dict[Decision, int] = {}
        for contact_id, decision in decided:
            ids.append(contact_id)
            which.append(numbers.setdefault(decision, len(numbers)))
        return cls(db, ids, which, tuple(numbers))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[PlannedContact]:
        """Yield everybody who is still there, with the address they have by now."""
        for start in range(0, len(self), _SLICE):
            found = audience.planning_facts(self.db, self.ids[start : start + _SLICE])
            for place in range(start, min(start + _SLICE, len(self))):
                if (person := found.get(self.ids[place])) is not None:
                    said = self._decisions[self._which[place]]
                    yield PlannedContact(
                        person.id, person.key, person.email,
                        said.verdict, said.reason, said.due_at, said.not_after, said.delay,
                    )  # fmt: skip

    @property
    def decided(self) -> Iterator[tuple[int, Decision]]:
        """What is decided of each, by id."""
        return zip(self.ids, map(self._decisions.__getitem__, self._which), strict=True)

    @property
    def last_due(self) -> int | None:
        """When the last of them is due, in milliseconds; None of nobody."""
        return max((self._decisions[number].due_at for number in set(self._which)), default=None)

    def counts(self) -> Counter[Decision]:
        """Return how many people each decision is for."""
        return Counter({self._decisions[number]: people for number, people in Counter(self._which).items()})

    def where(self, holds: Callable[[int, Decision], bool]) -> People:
        """Return those of whom a condition on their id and decision holds."""
        chosen = bytes(holds(contact_id, decision) for contact_id, decision in self.decided)
        if all(chosen):
            return self
        ids, which = (array(each.typecode, compress(each, chosen)) for each in (self.ids, self._which))
        return People(self.db, ids, which, self._decisions)

    def at(self, places: Iterable[int]) -> People:
        """Return those at some places in their order, which ascend."""
        found = list(places)
        ids, which = (array(each.typecode, (each[place] for place in found)) for each in (self.ids, self._which))
        return People(self.db, ids, which, self._decisions)

    def by_key(self) -> Iterator[tuple[str, Decision]]:
        """Yield the key of everybody who is still there, in the order of the keys, with what is decided of them."""
        for key, contact_id in audience.by_key(self.db, self.ids):
            yield key, self._decisions[self._which[bisect_left(self.ids, contact_id)]]
