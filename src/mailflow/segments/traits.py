"""What somebody cares about: traits.yaml, and the traits of one person with the signs that tell so.

The sum of signs: rules/traits.py; a trait within a rule: rules/check.py; of all people at once: store/rules_sql.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from mailflow.config.yaml_files import Document, parse_spec, read_yaml
from mailflow.errors import DataError, Problem, ProblemsError
from mailflow.rules import Context, Rule, RuleError
from mailflow.rules.explain import Explained, confidence, explain, leaves
from mailflow.rules.predicate import Facts
from mailflow.rules.traits import SignText, Trait, are_countable, percent
from mailflow.rules.types import TRAITS, Sign, Weighed
from mailflow.store import Connection

if TYPE_CHECKING:
    from mailflow.segments.segments import Segments

TRAITS_FILE = "traits.yaml"
_NAME = re.compile(r"[^\W\d]\w*")
_PERCENT = re.compile(r"([1-9][0-9]?) ?%")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _SignSpec(_Part):
    """One sign, as it is written."""

    rule: str = Field(min_length=1)
    source: str = ""
    confidence: int | None = None
    against: int | None = None

    @field_validator("confidence", "against", mode="before")
    @classmethod
    def _percent(cls, value: Any) -> int:
        found = _PERCENT.fullmatch(str(value).strip())
        if found is None:
            raise ValueError(f"write a percentage from 1% to 99%, such as 90% (found {value!r})")
        return int(found[1])

    @model_validator(mode="after")
    def _either(self) -> _SignSpec:
        if (self.confidence is None) == (self.against is None):
            raise ValueError("a sign says how sure it makes you: either confidence: 90%, or against: 50%")
        return self

    def text(self) -> SignText:
        """Return the sign as rules know it."""
        percent = self.confidence or self.against or 0
        return SignText(self.rule, percent, self.against is not None, self.source)


class _TraitSpec(_Part):
    """One trait, as it is written."""

    title: str = ""
    signs: list[_SignSpec] = Field(min_length=1)

    @model_validator(mode="after")
    def _countable(self) -> _TraitSpec:
        if all(sign.confidence is None for sign in self.signs):
            raise ValueError("a trait needs a sign that speaks for it: one with confidence: 60%, say")
        if not are_countable(sign.text() for sign in self.signs):
            raise ValueError("these are too many signs to weigh: join some with `or` into one")
        return self


class _TraitsSpec(RootModel[dict[str, _TraitSpec]]):
    """traits.yaml."""


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


def read(root: Path) -> Mapping[str, Trait]:
    """Return the traits of a workspace; `ProblemsError` for what is none. Their rules are looked into when used."""
    document = _document(root)
    if document is None or document.data is None:
        return {}
    wrong = [
        document.problem((name,), f"{name!r} is no name for a trait: write letters, digits and _", at_key=True)
        for name in (document.data if isinstance(document.data, dict) else ())
        if not _NAME.fullmatch(name)
    ]
    if wrong:
        raise ProblemsError(wrong)
    spec = parse_spec(_TraitsSpec, document)
    return {name: Trait(name, one.title, tuple(sign.text() for sign in one.signs)) for name, one in spec.root.items()}


def problems(root: Path, known: Segments) -> Iterator[Problem]:
    """Yield what is wrong with the rules of signs, with their places."""
    document = _document(root)
    for name, trait in known.traits.items():
        for number, sign in enumerate(trait.signs):
            try:
                known.parse(sign.rule, within=f"{TRAITS}{name}")
            except RuleError as error:
                assert document is not None
                yield document.problem((name, "signs", number, "rule"), str(error))


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


def _document(root: Path) -> Document | None:
    path = root / TRAITS_FILE
    return read_yaml(path) if path.exists() else None
