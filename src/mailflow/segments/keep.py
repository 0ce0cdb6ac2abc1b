"""Bring the kept members of all segments up to date, and write down what changed.

Where only some people can have come or gone, each of them is looked at by themselves, for all such segments at once;
else one question about everybody is asked for a segment. Which of both: narrow.py. What a segment depends on: due.py.
How it is written: store/membership.py. When it is called: jobs/keep.py.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mailflow import clock
from mailflow.errors import MailflowError
from mailflow.rules import Rule
from mailflow.rules.predicate import holds
from mailflow.rules.resolve import resolve
from mailflow.rules.types import TRAITS
from mailflow.segments import due
from mailflow.segments.narrow import Narrow
from mailflow.segments.segments import Segments
from mailflow.store import Connection, Store, history, members, membership, past
from mailflow.store.marks import Mark, Marks
from mailflow.store.membership import Cause, Kept
from mailflow.store.pace import Pace

_NAMED = re.compile(r"""\bsegment\s*\(\s*(["'])(.*?)\1\s*\)""")
_TRAIT = re.compile(rf"\b{re.escape(TRAITS)}\w+")


@dataclass(slots=True)
class Changes:
    """What became of it: how many people came and went by segment, and what is wrong with rules."""

    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, MailflowError] = field(default_factory=dict)


def refresh(store: Store, segments: Segments, *, marks: Marks, now: datetime) -> Changes:
    """Compare the members of every segment that is due with its history, and record who came and who went.

    `marks` were read before, so that what changes meanwhile is looked at the next time. A rule with a mistake keeps
    its last members.
    """
    ends = clock.end_of_day(clock.local_date(now, segments.settings.zone), segments.settings.zone)
    with past.seen(store, until=clock.to_ms(ends)) as db:
        keeper = _Keeper(store, db, segments, marks, now)
        keeper.drop_removed()
        for name in segments.rules:
            keeper.bring_up_to_date(name)
        keeper.look_at_people()
    return keeper.changes


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment of which only some people are looked at, and who of them its rule means."""

    old: Kept
    rule: Rule
    people: frozenset[int]
    meant: set[int] = field(default_factory=set)


class _Keeper:
    """One round over all segments; `db` is a connection that sees nothing of tomorrow."""

    def __init__(self, store: Store, db: Connection, segments: Segments, marks: Marks, now: datetime) -> None:
        self.store = store
        self.db = db
        self.segments = segments
        self.marks = marks
        self.now = now
        self.at = clock.to_ms(now)
        self.pace = Pace(store)
        self.kept = membership.kept(store.db)
        self.narrow = Narrow(db, segments, marks, now)
        self.parts: list[_Part] = []
        self.changes = Changes()

    def drop_removed(self) -> None:
        """End the membership of everybody in segments whose rules are gone."""
        for name, old in self.kept.items():
            if name not in self.segments.rules:
                present = list(membership.present(self.store.db, old.id))
                membership.leave(self.pace, old.id, present, Cause.RULE, at=self.at)
                with self.store.transaction() as tx:
                    membership.drop(tx, old.id, at=self.at)

    def bring_up_to_date(self, name: str) -> None:
        hash_ = fingerprint(self.segments, name)
        old = self.kept.get(name)
        if old is not None and old.hash == hash_ and not old.is_due(self.marks, self.at):
            return
        try:
            rule = self.segments.named(name)
            people = self.narrow.whom(old, hash_, rule) if old is not None else None
            if old is not None and people is not None:
                self.parts.append(_Part(old, rule, people))
            else:
                self._look_at_everybody(name, rule, hash_)
        except MailflowError as error:
            self.changes.wrong[name] = error
            self._put_off(old)

    def _look_at_everybody(self, name: str, rule: Rule, hash_: str) -> None:
        where, parameters = self.segments.compiled(self.db, rule, self.now)
        old = self.kept.get(name) or self._begin(name, hash_)
        entered, left = membership.differences(self.db, old.id, members.found(self.db, where, parameters))
        came, went = _causes(old, hash_)
        self._write(old, entered, left, came, went)
        self._note(old, rule, hash_)

    def look_at_people(self) -> None:
        """Look at those whom something came about, in the segments where nobody else can have come or gone."""
        if not self.parts:
            return
        amounts = any(part.rule.asks_amounts() for part in self.parts)
        context, factors = self.segments.context(self.db, self.now, amounts=amounts)
        resolved = [(part, resolve(part.rule, context)) for part in self.parts]
        for person in sorted(frozenset[int]().union(*(part.people for part in self.parts))):
            known = history.facts(self.db, person, context=context, factors=factors)
            for part, rule in resolved:
                if known is not None and person in part.people and holds(rule, known):
                    part.meant.add(person)
        for part in self.parts:
            present = membership.present_among(self.db, part.old.id, part.people)
            entered, left = sorted(part.meant - present), sorted(present - part.meant)
            self._write(part.old, entered, left, Cause.PERSON, Cause.PERSON)
        self._note_parts()

    def _write(self, old: Kept, entered: Sequence[int], left: Sequence[int], came: Cause, went: Cause) -> None:
        membership.leave(self.pace, old.id, left, went, at=self.at)
        membership.enter(self.pace, old.id, entered, came, at=self.at)
        self.changes.entered[old.name] += len(entered) if came is not Cause.START else 0
        self.changes.left[old.name] += len(left)

    def _begin(self, name: str, hash_: str) -> Kept:
        with self.store.transaction() as tx:
            membership.begin(tx, name, self.segments.rules[name], hash_, at=self.at)
        return membership.kept(self.store.db)[name]

    def _put_off(self, old: Kept | None) -> None:
        """Leave a wrong rule alone until somebody edits it, or tomorrow: nobody is told every minute."""
        if old is not None:
            with self.store.transaction() as tx:
                membership.put_off(tx, old.id, seen=self._seen({Mark.FILES}), due_at=self._midnight())

    def _note(self, old: Kept, rule: Rule, hash_: str) -> None:
        """Record that the members are right, last of all: a run that is killed before looks at them again."""
        seen = self.narrow.seen(rule)
        due_at = clock.to_ms(due.due_at(rule, self.now, self.segments.settings.zone))
        with self.store.transaction() as tx:
            if old.hash != hash_:
                membership.renew(tx, old.id, self.segments.rules[old.name], hash_, at=self.at)
            membership.checked(tx, old.id, seen=seen, due_at=due_at, at=self.at)

    def _note_parts(self) -> None:
        """Record the same of segments of which some people were looked at: the clock may still move all others."""
        seen = [self.narrow.seen(part.rule) for part in self.parts]
        with self.store.transaction() as tx:
            for part, marks in zip(self.parts, seen, strict=True):
                membership.checked(tx, part.old.id, seen=marks, due_at=part.old.due_at, at=self.at)

    def _seen(self, which: Collection[Mark]) -> Marks:
        return {mark: self.marks[mark] for mark in sorted(which)}

    def _midnight(self) -> int:
        zone = self.segments.settings.zone
        return clock.to_ms(clock.end_of_day(clock.local_date(self.now, zone), zone))


def _causes(old: Kept, hash_: str) -> tuple[Cause, Cause]:
    """Return why people come into a segment and why they leave it, in this round."""
    if old.checked_at is None:
        return Cause.START, Cause.RULE
    cause = Cause.PERSON if old.hash == hash_ else Cause.RULE
    return cause, cause


def fingerprint(segments: Segments, name: str) -> str:
    """Return a hash of a rule and of all rules and traits it names, which changes when one of them is edited."""
    texts = [f"{one}: {text}" for one, text in sorted(_reached(segments, name).items())]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _reached(segments: Segments, name: str) -> dict[str, str]:
    """Return the text of every rule and trait (`traits.x`) that a rule leads to, in one line each."""
    found: dict[str, str] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        text = _text(segments, one)
        if text is not None and one not in found:
            found[one] = " ".join(text.split())
            waiting += _names_in(text)
    return found


def _text(segments: Segments, name: str) -> str | None:
    trait = segments.traits.get(name.removeprefix(TRAITS)) if name.startswith(TRAITS) else None
    if trait is None:
        return segments.rules.get(name)
    return "; ".join(f"{'-' if sign.against else '+'}{sign.percent} {sign.rule}" for sign in trait.signs)


def _names_in(text: str) -> Iterator[str]:
    yield from (match[2] for match in _NAMED.finditer(text))
    yield from (match[0] for match in _TRAIT.finditer(text))
