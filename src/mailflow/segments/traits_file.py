"""traits.yaml: what shows that somebody cares about something. Whose traits they are: traits.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from mailflow.config.yaml_files import Document, parse_spec, read_yaml
from mailflow.errors import Problem, ProblemsError
from mailflow.rules import RuleError
from mailflow.rules.traits import SignText, Trait, are_countable
from mailflow.rules.types import TRAITS

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


def problems(root: Path, traits: Mapping[str, Trait], parse: Callable[[str, str], object]) -> Iterator[Problem]:
    """Yield what is wrong with the rules of signs, with their places; `parse` takes a rule and the trait it is in."""
    document = _document(root)
    for name, trait in traits.items():
        for number, sign in enumerate(trait.signs):
            try:
                parse(sign.rule, f"{TRAITS}{name}")
            except RuleError as error:
                assert document is not None
                yield document.problem((name, "signs", number, "rule"), str(error))


def _document(root: Path) -> Document | None:
    path = root / TRAITS_FILE
    return read_yaml(path) if path.exists() else None
