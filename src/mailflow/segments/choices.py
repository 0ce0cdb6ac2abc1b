"""What a picture, a button or a quotation is for whom: choices.yaml, decided by rules for many people at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from mailflow.config.yaml_files import Document, parse_spec, read_text, read_yaml
from mailflow.errors import DataError, Problem, ProblemsError
from mailflow.idset import IdSet
from mailflow.rules import RuleError

if TYPE_CHECKING:
    from mailflow.rules import Rule
    from mailflow.segments.segments import Segments
    from mailflow.store import Store

CHOICES_FILE = "choices.yaml"
_NAME = re.compile(r"[^\W\d]\w*")
_SHORTEST_NAME = 3  # of a product, to be looked for within a text

Values = Mapping[str, Any]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _CaseSpec(_Part):
    """What is used for those whom a rule means."""

    when: str = Field(min_length=1)
    use: dict[str, str | bool | int | Decimal]


class _ChoiceSpec(_Part):
    """One choice as it is written. The first case that means somebody counts; `default` is for everybody else."""

    default: dict[str, str | bool | int | Decimal] = Field(min_length=1)
    choose: list[_CaseSpec] = []

    @model_validator(mode="after")
    def _named(self) -> _ChoiceSpec:
        for name in self.default:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name: write letters, digits and _")
        for case in self.choose:
            for name in case.use.keys() - self.default.keys():
                near = difflib.get_close_matches(name, self.default, n=1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise ValueError(f"{name!r} is not among the values of default{hint}: whoever is left needs it too")
        return self


class _ChoicesSpec(RootModel[dict[str, _ChoiceSpec]]):
    """choices.yaml."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the members of a rule get."""

    members: IdSet
    values: Values


@dataclass(frozen=True, slots=True)
class Chooser:
    """Knows who gets what: by name of the choice its cases in order, and its default."""

    cases: Mapping[str, tuple[Case, ...]]
    defaults: Mapping[str, Values]

    def of(self, contact_id: int, never_show: Iterable[str] = ()) -> dict[str, dict[str, Any] | None]:
        """Return the values of each choice for a contact; who is in no case gets the default.

        What names a product that somebody must never see is passed over; null where the default does.
        """
        hidden = _pattern(never_show)
        return {name: self._chosen(name, contact_id, hidden) for name in self.defaults}

    def _chosen(self, name: str, contact_id: int, hidden: re.Pattern[str] | None) -> dict[str, Any] | None:
        fitting = [case.values for case in self.cases[name] if contact_id in case.members]
        allowed = (values for values in (*fitting, self.defaults[name]) if not _speaks_of(values, hidden))
        found = next(allowed, None)
        return None if found is None else dict(found)


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds any of these names as whole words; a bare number may be anything and is not looked for."""
    wanted = [re.escape(name) for name in names if len(name) >= _SHORTEST_NAME and not name.isdigit()]
    return re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)", re.IGNORECASE) if wanted else None


def _speaks_of(values: Values, hidden: re.Pattern[str] | None) -> bool:
    return hidden is not None and any(hidden.search(value) for value in values.values() if isinstance(value, str))


def text(root: Path) -> str | None:
    """Return the text of choices.yaml; None where there is none."""
    path = root / CHOICES_FILE
    return read_text(path, CHOICES_FILE) if path.exists() else None


def chooser(root: Path, known: Segments, store: Store, *, now: datetime) -> Chooser:
    """Return who gets what; `ProblemsError` lists all that is wrong in the file. Empty where there is no file."""
    document = _document(root)
    if document is None:
        return Chooser({}, {})
    if wrong := list(_problems(document, known)):
        raise ProblemsError(wrong)
    spec = parse_spec(_ChoicesSpec, document).root
    cases = {
        name: tuple(
            Case(IdSet(known.members(store, known.parse(case.when), now=now)), {**one.default, **case.use})
            for case in one.choose
        )
        for name, one in spec.items()
    }
    return Chooser(cases, {name: one.default for name, one in spec.items()})


def sample(root: Path) -> dict[str, dict[str, Any] | None]:
    """Return what previews show: of every choice the default."""
    document = _document(root)
    if document is None:
        return {}
    return {name: dict(one.default) for name, one in parse_spec(_ChoicesSpec, document).root.items()}


def rules(root: Path, known: Segments) -> dict[str, list[Rule]]:
    """Return the rules of each choice, by its name; empty where the file holds a mistake, which `problems` tells."""
    if any(True for _ in problems(root, known)) or (document := _document(root)) is None:
        return {}
    spec = parse_spec(_ChoicesSpec, document).root
    return {name: [known.parse(case.when) for case in one.choose] for name, one in spec.items()}


def problems(root: Path, known: Segments) -> Iterator[Problem]:
    """Yield what is wrong in choices.yaml, with its places."""
    try:
        document = _document(root)
        if document is not None:
            yield from _problems(document, known)
    except ProblemsError as error:
        yield from error.problems


def _problems(document: Document, known: Segments) -> Iterator[Problem]:
    names: Collection[Any] = document.data if isinstance(document.data, dict) else ()
    for name in names:
        if not _NAME.fullmatch(str(name)):
            yield document.problem((name,), f"{name!r} is no name: write letters, digits and _", at_key=True)
    try:
        spec = parse_spec(_ChoicesSpec, document).root
    except ProblemsError as error:
        yield from error.problems
        return
    for name, one in spec.items():
        for number, case in enumerate(one.choose):
            try:
                known.parse(case.when)
            except (RuleError, DataError) as error:
                yield document.problem((name, "choose", number, "when"), str(error))


def _document(root: Path) -> Document | None:
    path = root / CHOICES_FILE
    if not path.exists():
        return None
    document = read_yaml(path)
    return None if document.data is None else document
