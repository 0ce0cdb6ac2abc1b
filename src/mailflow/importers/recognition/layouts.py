"""The exports of known tools, one YAML table a tool: read, checked, chosen by a header. What they add to rows: shape.

Shipped tables are in tools/, those of a workspace in its folder importers/. How to write one: docs/adding/importer.md.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from mailflow import clock
from mailflow.config.yaml_files import Document, KeyPath, parse_spec, read_yaml, suggestion
from mailflow.errors import Problem, ProblemsError, UsageError
from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.rules_shops import RULES
from mailflow.importers.recognition.vocabulary import VOCABULARY
from mailflow.importers.values.dates import DayOrder, day_order_of
from mailflow.importers.wording.words import fold
from mailflow.money import currency_code

IGNORE = "ignore"
ATTRIBUTE = "attribute"
PLAIN = "plain"
FOLDER = "importers"  # in a workspace

_SHIPPED = Path(__file__).parents[1] / "tools"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class LayoutSpec(_Part):
    """One kind of file that a tool exports, as its table says it."""

    name: str
    noun: str = Field(alias="as")
    like: str | None = None
    signs: list[str | list[str]] = Field(min_length=1)
    without: list[str] = []
    files: list[str] = []
    columns: dict[str, str] = {}
    join: dict[str, list[str]] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    timezone: str | None = None
    date_format: str | None = None
    currency: str | None = None
    rules: list[str] = []
    inferred: list[str] = []


class ToolSpec(_Part):
    """The table of one tool."""

    tool: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    layouts: list[LayoutSpec] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Layout:
    """An export of one tool: the headers that give it away, and what its columns mean. Headers are folded.

    `signs`: of each set one header is there. `columns` are the meanings of headers, the surer ones first; `patterns`
    those of headers with a `*`, each with its place among all. `day_order` is how its dates are written where they do
    not show it, `zone` and `currency` what its times and amounts are in where no column says.
    """

    tool: str
    title: str
    name: str
    noun: Noun
    signs: tuple[frozenset[str], ...]
    without: frozenset[str]
    files: tuple[str, ...]
    columns: Mapping[str, tuple[int, str]]
    patterns: tuple[tuple[re.Pattern[str], int, str], ...]
    join: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    rules: tuple[str, ...]
    inferred: frozenset[str]
    zone: ZoneInfo | None
    day_order: DayOrder | None
    currency: str | None

    def meaning(self, header: str) -> tuple[int, str] | None:
        """Return (place in the table, meaning) of a folded header that the table names; lower places are surer."""
        exact = self.columns.get(header)
        if exact is not None:
            return exact
        return next(((rank, meaning) for shape, rank, meaning in self.patterns if shape.match(header)), None)

    def named(self, headers: frozenset[str]) -> int:
        """Return how many of a file's folded headers the table names."""
        parts = frozenset().union(*self.signs, *self.join.values())
        return sum(header in parts or self.meaning(header) is not None for header in headers)

    def fits(self, headers: frozenset[str], file: str) -> bool:
        """Return whether a file of this name with these folded headers may be this export."""
        if self.files and not any(fnmatchcase(file.lower(), pattern) for pattern in self.files):
            return False
        return not (self.without & headers) and all(_has(sign, headers) for sign in self.signs)


def _has(sign: frozenset[str], headers: frozenset[str]) -> bool:
    """Return whether one of a sign's headers is there; one with a `*` was folded to a pattern."""
    return any(
        one in headers if "*" not in one else any(_pattern(one).match(header) for header in headers) for one in sign
    )


@cache
def _pattern(folded: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, folded.split("*"))) + r"\Z")


def _fold_pattern(header: str) -> str:
    """Fold a header that may hold stars: `E-mail * - Value` is `email*value`."""
    return "*".join(map(fold, header.split("*")))


def load_layouts(workspace: Path | None = None) -> tuple[Layout, ...]:
    """Return the layouts of all tools; those of a workspace come first and replace shipped ones of their name.

    `ProblemsError` names everything that is wrong in the tables of the workspace, with line and column.
    """
    folder = workspace / FOLDER if workspace else None
    if folder is None or not folder.is_dir():
        return _shipped()
    own = _read_folder(folder, f"{FOLDER}/")
    names = {(layout.tool, layout.name) for layout in own}
    return (*own, *(layout for layout in _shipped() if (layout.tool, layout.name) not in names))


def tools_of(layouts: Iterable[Layout]) -> Mapping[str, str]:
    """Return the tools of some layouts: what `--from` says → how people call it."""
    return dict(sorted({layout.tool: layout.title for layout in reversed(list(layouts))}.items()))


def choose(
    layouts: Sequence[Layout], headers: frozenset[str], file: str, noun: Noun | None, tool: str | None
) -> list[Layout]:
    """Return the layouts that fit a header best: none, one, or several that cannot be told apart by it.

    `noun` and `tool` are what the user says. A name that the file must have is surer than any header; then the one
    that names most of the headers wins, then the one with the most signs.
    """
    known = tools_of(layouts)
    if tool is not None and tool != PLAIN and tool not in known:
        raise UsageError(
            f"--from {tool}: not a tool that is known; use one of {', '.join([*known, PLAIN])}"
            f"{suggestion(tool, known) if suggestion(tool, known).startswith(' (did') else ''}"
        )
    fitting = [
        layout
        for layout in layouts
        if tool in (None, layout.tool) and noun in (None, layout.noun) and layout.fits(headers, file)
    ]
    if not fitting:
        return []
    weights = [(bool(layout.files), layout.named(headers), len(layout.signs)) for layout in fitting]
    best = max(weights)
    return [layout for layout, weight in zip(fitting, weights, strict=True) if weight == best]


@cache
def _shipped() -> tuple[Layout, ...]:
    return _read_folder(_SHIPPED, "")


def _read_folder(folder: Path, shown: str) -> tuple[Layout, ...]:
    """Read every table of a folder; the problems of all of them are told together."""
    problems: list[Problem] = []
    found: list[Layout] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found += read_table(path, shown=shown + path.name)
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError(problems)
    return tuple(found)


def read_table(path: Path, *, shown: str | None = None) -> list[Layout]:
    """Read the table of one tool; `ProblemsError` for what is wrong in it. `shown` is the file's name in messages."""
    document = read_yaml(path, shown=shown)
    spec = parse_spec(ToolSpec, document)
    problems = list(_problems(document, spec))
    if problems:
        raise ProblemsError(problems)
    layouts: dict[str, LayoutSpec] = {}
    for each in spec.layouts:
        layouts[each.name] = _alike(each, layouts[each.like]) if each.like else each
    return [_layout(spec, each) for each in layouts.values()]


def _alike(layout: LayoutSpec, model: LayoutSpec) -> LayoutSpec:
    """Return a layout that reads columns as another of its table does, wherever it does not say otherwise itself."""
    unsaid = {name for name in ("timezone", "date_format", "currency", "inferred") if not getattr(layout, name)}
    changes = {name: getattr(model, name) for name in unsaid}
    merged = {
        name: {**getattr(layout, name), **_missing(name, layout, model)} for name in ("columns", "join", "values")
    }
    return layout.model_copy(update=changes | merged)


def _missing(part: str, layout: LayoutSpec, model: LayoutSpec) -> dict[str, object]:
    own = set(map(_fold_pattern, getattr(layout, part)))
    return {name: value for name, value in getattr(model, part).items() if _fold_pattern(name) not in own}


def _problems(document: Document, spec: ToolSpec) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, layout in enumerate(spec.layouts):
        path: KeyPath = ("layouts", number)
        if layout.name in seen:
            yield document.problem((*path, "name"), f"the name {layout.name!r} is given twice")
        if layout.like is not None and (layout.like not in seen or layout.like == layout.name):
            message = f"{layout.like!r} is no layout above this one{suggestion(layout.like, seen - {layout.name})}"
            yield document.problem((*path, "like"), message)
        seen.add(layout.name)
        nouns = [noun.value for noun in Noun]
        if layout.noun not in nouns:
            yield document.problem((*path, "as"), f"{layout.noun!r} is no kind of file{suggestion(layout.noun, nouns)}")
            continue
        fields = VOCABULARY[Noun(layout.noun)].fields
        yield from _wrong_fields(document, path, layout, fields)
        yield from _wrong_rules(document, path, layout, fields)
        yield from _wrong_units(document, path, layout)


def _wrong_fields(document: Document, path: KeyPath, layout: LayoutSpec, fields: Sequence[str]) -> Iterator[Problem]:
    """Yield what is said to be a field and is none."""
    meant: list[tuple[KeyPath, str]] = [(("columns", header), meaning) for header, meaning in layout.columns.items()]
    meant += [((part, name), name) for part in ("join", "constants", "values") for name in getattr(layout, part)]
    for place, meaning in meant:
        if not is_meaning(meaning, fields):
            message = f"{meaning!r} is no field of {layout.noun}{suggestion(meaning, [*fields, IGNORE, ATTRIBUTE])}"
            yield document.problem((*path, *place), message, at_key=place[-1] == meaning)
    for at, name in enumerate(layout.inferred):
        if name not in fields:
            message = f"{name!r} is no field of {layout.noun}{suggestion(name, fields)}"
            yield document.problem((*path, "inferred", at), message)


def _wrong_rules(document: Document, path: KeyPath, layout: LayoutSpec, fields: Sequence[str]) -> Iterator[Problem]:
    """Yield rules that are none, or that give what a file of this kind has not."""
    for at, name in enumerate(layout.rules):
        place = (*path, "rules", at)
        if name not in RULES:
            yield document.problem(place, f"{name!r} is no rule{suggestion(name, RULES)}")
        for given in RULES[name].gives if name in RULES else ():
            if not is_meaning(given, fields):
                message = f"the rule {name} gives {given!r}, which is no field of {layout.noun}"
                yield document.problem(place, message)


def _wrong_units(document: Document, path: KeyPath, layout: LayoutSpec) -> Iterator[Problem]:
    """Yield a zone, a date format or a currency that cannot be."""
    for key, check in (("timezone", clock.zone), ("date_format", day_order_of), ("currency", currency_code)):
        value = getattr(layout, key)
        try:
            if value is not None:
                check(value)
        except (UsageError, ValueError) as error:
            yield document.problem((*path, key), str(error).removeprefix("--date-format "))


def is_meaning(meaning: str, fields: Container[str]) -> bool:
    """Return whether a column of such a file can mean this: a field, `ignore`, `attribute` or `attribute:name`."""
    name, colon, rest = meaning.partition(":")
    if name == ATTRIBUTE:
        return bool(rest.strip()) or not colon
    return meaning == IGNORE or meaning in fields


def _layout(spec: ToolSpec, layout: LayoutSpec) -> Layout:
    ranked = [
        (rank - len(layout.columns), header, meaning) for rank, (header, meaning) in enumerate(layout.columns.items())
    ]
    translations = {name: {fold(word): known for word, known in words.items()} for name, words in layout.values.items()}
    return Layout(
        tool=spec.tool,
        title=spec.title,
        name=layout.name,
        noun=Noun(layout.noun),
        signs=tuple(frozenset(map(_fold_pattern, [sign] if isinstance(sign, str) else sign)) for sign in layout.signs),
        without=frozenset(map(fold, layout.without)),
        files=tuple(pattern.lower() for pattern in layout.files),
        columns=MappingProxyType(
            {fold(header): (rank, meaning) for rank, header, meaning in ranked if "*" not in header}
        ),
        patterns=tuple(
            (_pattern(_fold_pattern(header)), rank, meaning) for rank, header, meaning in ranked if "*" in header
        ),
        join=MappingProxyType({name: tuple(map(fold, headers)) for name, headers in layout.join.items()}),
        constants=MappingProxyType(layout.constants),
        values=MappingProxyType(translations),
        rules=tuple(layout.rules),
        inferred=frozenset(layout.inferred),
        zone=clock.zone(layout.timezone) if layout.timezone else None,
        day_order=day_order_of(layout.date_format) if layout.date_format else None,
        currency=currency_code(layout.currency) if layout.currency else None,
    )
