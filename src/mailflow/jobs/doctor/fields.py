"""The table of fields: where each comes from, how fresh and how full it is, and which files read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from mailflow import clock
from mailflow.config.settings import FieldSettings, Settings
from mailflow.importers.recognition.layouts import PLAIN, load_layouts, tools_of
from mailflow.rules import Rule
from mailflow.store.field_usage import ATTRIBUTE, COLUMNS, FieldUsage, Source
from mailflow.store.imports import ImportRecord

# What is worked out about people, and from what: a field such as orders.count is listed where something reads it.
COMPUTED: Mapping[str, str] = {
    "orders": "orders", "rfm": "scores", "tickets": "tickets", "consent": "the ledger of consent",
}  # fmt: skip
_SYSTEM = frozenset({"key", "segments", "source", "created_at", "attributes"})  # everybody has them
# From other fields, orders and lists, when asked.
_TOLD = frozenset({"traits", "favourite.category", "favourite_category", "nearest_store"})
_OF_TEMPLATES = frozenset({"lifecycle", "personalised", "impact"})
_SELF = "said by themselves"


@dataclass(frozen=True, slots=True)
class Reader:
    """What of the workspace reads a field: a template, segment, trait, campaign, choice, or a setting."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class FieldSource:
    """Who filled a field: an import, the people themselves, or something else. `at` is when the newest value came."""

    name: str
    at: datetime | None
    import_id: int | None = None

    def text(self) -> str:
        """Return the source for a table: `Shopify 2026-11-01 (import 3)`."""
        day = "" if self.at is None else f" {self.at:%Y-%m-%d}"
        return f"{self.name}{day}{f' (import {self.import_id})' if self.import_id is not None else ''}"


@dataclass(frozen=True, slots=True)
class FieldReport:
    """One field of contacts. `filled` of `contacts` have a value; `sources` come with the newest first."""

    name: str
    type: str
    declared: bool
    filled: int
    contacts: int
    sources: tuple[FieldSource, ...]
    readers: tuple[Reader, ...]

    @property
    def fill_rate(self) -> float:
        """The share of contacts that have a value, 0 to 1."""
        return self.filled / self.contacts if self.contacts else 0.0

    @property
    def newest_at(self) -> datetime | None:
        """When the newest value came; None where there is none."""
        return max((source.at for source in self.sources if source.at is not None), default=None)

    def as_record(self) -> dict[str, Any]:
        """Return the field as JSON prints it."""
        return {
            "field": self.name,
            "type": self.type,
            "declared": self.declared,
            "filled": self.filled,
            "contacts": self.contacts,
            "fill_rate": round(self.fill_rate, 4),
            "newest_at": None if self.newest_at is None else clock.iso(self.newest_at),
            "sources": [
                {"source": each.name, "import": each.import_id, "at": None if each.at is None else clock.iso(each.at)}
                for each in self.sources
            ],
            "read_by": [{"kind": each.kind, "name": each.name} for each in self.readers],
        }


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the table is made of: how fields are filled, what is worked out, who reads what, and the settings."""

    usage: FieldUsage
    computed: Mapping[str, Source]
    imports: Sequence[ImportRecord]
    declared: Mapping[str, FieldSettings]
    readers: Mapping[str, Sequence[Reader]]


def field_reports(gathered: Gathered) -> tuple[FieldReport, ...]:
    """Return every field that contacts have or could have, or that something reads."""
    usage, declared, readers = gathered.usage, gathered.declared, gathered.readers
    own = {f"{ATTRIBUTE}{name}" for name in declared}
    attributes = {name for name in (*usage.filled, *readers) if name.startswith(ATTRIBUTE)}
    sources = _Sources(usage, gathered.imports)
    plain = [
        FieldReport(
            name,
            declared[name.removeprefix(ATTRIBUTE)].type if name in own else _type_of(name, usage),
            name in COLUMNS or name in own,
            usage.filled[name],
            usage.contacts,
            tuple(sources.of(name)),
            tuple(readers.get(name, ())),
        )
        for name in (*COLUMNS, *sorted(own | attributes))
    ]
    return (*plain, *_computed(gathered))


def _computed(gathered: Gathered) -> Iterator[FieldReport]:
    for name in sorted(gathered.readers):
        group = name.partition(".")[0]
        if group not in COMPUTED:
            continue
        found = gathered.computed.get(group, Source())
        at = clock.from_ms(found.newest_at) if found.newest_at else None
        sources = (FieldSource(COMPUTED[group], at),) if found.values else ()
        readers = tuple(gathered.readers[name])
        yield FieldReport(name, "computed", True, found.values, gathered.usage.contacts, sources, readers)


def _type_of(name: str, usage: FieldUsage) -> str:
    if name in COLUMNS:
        return "date" if name == "birthday" else "text"
    kinds = usage.kinds.get(name)
    return kinds.most_common(1)[0][0] if kinds else "text"


class _Sources:
    """Looks up who filled a field, by the imports of the workspace."""

    def __init__(self, usage: FieldUsage, imports: Sequence[ImportRecord]) -> None:
        self._usage = usage
        self._imports = {record.id: record for record in imports}
        self._titles = tools_of(load_layouts())

    def of(self, name: str) -> list[FieldSource]:
        """Return the sources of a field, the one with the newest value first."""
        usage = self._usage
        added = {number for number, values in usage.added.get(name, {}).items() if values > 0}
        found = [self._import(self._imports[number]) for number in added | usage.changed.get(name, set())]
        for source, seen in usage.others.get(name, {}).items():
            if seen.values > 0:
                found.append(FieldSource(source, clock.from_ms(seen.newest_at)))
        for source, seen in usage.stated.get(name, {}).items():
            found.append(FieldSource(f"{_SELF}, {source}", clock.from_ms(seen.newest_at)))
        return sorted(found, key=lambda source: (source.at is not None, source.at), reverse=True)

    def _import(self, record: ImportRecord) -> FieldSource:
        plain = record.tool == PLAIN
        title = PurePath(record.file).name if plain else self._titles.get(record.tool, record.tool)
        return FieldSource(title, record.started_at, record.id)


def readers_of_fields(
    templates: Mapping[str, Mapping[str, str]],
    segments: Mapping[str, Rule],
    campaigns: Mapping[str, Rule],
    traits: Mapping[str, Rule] = MappingProxyType({}),
    others: Iterable[tuple[Reader, set[str]]] = (),
) -> dict[str, list[Reader]]:
    """Return field → what reads it. `templates`: name → the texts of its files by path; the others are parsed rules.

    `others` read fields in other ways, such as by a setting; each of them is told with what it reads.
    """
    found: dict[str, list[Reader]] = {}
    rules = chain(_rules("segment", segments), _rules("campaign", campaigns), _rules("trait", traits))
    for reader, names in chain(_templates(templates), rules, others):
        for name in sorted(names):
            if reader not in (known := found.setdefault(name, [])):
                known.append(reader)
    return found


def read_of_choices(choices: Mapping[str, Sequence[Rule]]) -> Iterator[tuple[Reader, set[str]]]:
    """Yield what the choices of choices.yaml read, each with all of its rules."""
    for name, rules in choices.items():
        for reader, names in _rules("choice", dict(enumerate(rules))):
            yield Reader(reader.kind, name), names


def read_of_settings(settings: Settings) -> Iterator[tuple[Reader, set[str]]]:
    """Yield what mailflow.yaml reads: the fields by which products are never shown to somebody."""
    for rule in settings.never_show:
        field = canonical(rule.contact)
        yield Reader("setting", "never_show"), set() if field is None else {field}


def _templates(templates: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[Reader, set[str]]]:
    from mailflow.templates.reads import fields_read  # Jinja, for this command alone

    for name, files in templates.items():
        yield Reader("template", name), {field for path in fields_read(files) if (field := canonical(path)) is not None}


def _rules(kind: str, rules: Mapping[Any, Rule]) -> Iterator[tuple[Reader, set[str]]]:
    for name, rule in rules.items():
        yield Reader(kind, name), {field.name for field in rule.fields() if field.name not in _SYSTEM | _TOLD}


def canonical(path: str) -> str | None:
    """Return the field that a template's `contact.…` means; None for what everybody has, such as their segments."""
    first, *rest = path.split(".")
    if first in COLUMNS:
        return first
    if first == "attributes" and rest:
        return f"{ATTRIBUTE}{rest[0]}"
    if first in COMPUTED:
        return ".".join([first, *rest[:1]])
    return None if first in _SYSTEM | _TOLD | _OF_TEMPLATES else f"{ATTRIBUTE}{first}"
