"""The traits of one person, with the signs that tell so; which of them mail may speak of. The file: traits_file.py.

The sum of signs: rules/traits.py; a trait within a rule: rules/check.py; of all people at once: store/rules_sql.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailflow.errors import DataError
from mailflow.rules import Context, Rule, RuleError
from mailflow.rules.explain import Explained, confidence, explain, leaves
from mailflow.rules.predicate import Facts
from mailflow.rules.traits import Trait, percent
from mailflow.rules.types import TRAITS, Sign, Weighed
from mailflow.segments.segments import Segments
from mailflow.store import Connection


@dataclass(frozen=True, slots=True)
class SeenSign:
    """A sign that is true of somebody, and what was seen: `3, last 2026-01-03`."""

    rule: str
    percent: int
    against: bool
    source: str
    seen: str

    def in_words(self) -> str:
        """Return `said so in the survey 90 %: organic, fair`."""
        told = f"{self.source or self.rule} {'against ' if self.against else ''}{self.percent} %"
        return f"{told}: {self.seen}" if self.seen else told


@dataclass(frozen=True, slots=True)
class TraitOf:
    """A trait of one person, how sure we are of it (0 to 1) and why; `sensitive` where a sign reads such a field."""

    name: str
    title: str
    confidence: float
    sensitive: bool
    signs: tuple[SeenSign, ...]

    def in_words(self) -> str:
        """Return how sure we are, of what, and why."""
        told = f"{percent(self.confidence)} {self.title}".rstrip()
        return f"{told} ({'; '.join(sign.in_words() for sign in self.signs)}){', sensitive' if self.sensitive else ''}"


def of_contact(known: Segments, db: Connection, contact_id: int, *, now: datetime) -> list[TraitOf]:
    """Return the traits that a sign of a contact speaks for, the surest first, on the kept facts and scores.

    A trait with a mistake is left out: `mailflow doctor` says what is wrong with it.
    """
    found = []
    seen: dict[bool, tuple[Facts | None, Context]] = {}
    for trait in known.traits.values():
        try:
            rule = known.parse(f"{TRAITS}{trait.name}")
            amounts = rule.asks_amounts()
            seen[amounts] = facts, context = seen.get(amounts) or known.facts(db, contact_id, now=now, amounts=amounts)
        except (RuleError, DataError):
            continue
        if facts is not None and (one := _of_person(trait, rule, known, facts, context)) is not None:
            found.append(one)
    return sorted(found, key=lambda one: -one.confidence)


def is_sensitive(rule: Rule, known: Segments) -> bool:
    """Say whether a rule asks for a field that is declared `sensitive`."""
    declared = known.settings.fields
    return any(field.attribute in declared and declared[field.attribute].sensitive for field in rule.fields())


def for_mail(known: Segments) -> list[str]:
    """Return the traits that templates may speak of: not those that a sensitive field tells."""
    return [name for name in known.traits if not is_sensitive(known.parse(f"{TRAITS}{name}"), known)]


def _of_person(trait: Trait, rule: Rule, known: Segments, facts: Facts, context: Context) -> TraitOf | None:
    weighed = rule.condition
    assert isinstance(weighed, Weighed)
    sure = confidence(weighed, facts, context)
    if sure is None:
        return None
    told = ((sign, explain(Rule("", sign.outline), facts, context)) for sign in weighed.signs)
    signs = tuple(_seen(sign, found) for sign, found in told if found.truth)
    return TraitOf(trait.name, trait.title, float(sure), is_sensitive(rule, known), signs)


def _seen(sign: Sign, found: Explained) -> SeenSign:
    values = dict.fromkeys(part.value for part in leaves(found) if part.truth and part.value)
    return SeenSign(found.text, sign.percent, sign.against, sign.source, ", ".join(values))
