"""Mappings kept in mailflow.yaml under `imports:`: checked, found for a file by its columns, and written for keeping.

The shape of an entry: config.ImportSettings. What the command line says wins over an entry, an entry over a layout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from mailflow import clock
from mailflow.config import ImportSettings, Settings
from mailflow.config.yaml_files import Document, parse_spec, read_yaml, suggestion
from mailflow.errors import Problem, ProblemsError, UsageError
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions
from mailflow.importers.reading.source import LINE_COLUMN, REASON_COLUMN, Source
from mailflow.importers.recognition.layouts import IGNORE, PLAIN, Layout, tools_of
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.recognition.vocabulary import VOCABULARY
from mailflow.importers.values.dates import strptime_pattern
from mailflow.importers.wording.words import fold
from mailflow.model import Basis

_SHOWN_COLUMNS = 12  # of a header, in an entry for keeping


def load_kept(path: Path, layouts: Sequence[Layout]) -> tuple[ImportSettings, ...]:
    """Return the `imports:` of mailflow.yaml; `ProblemsError` for kinds, tools and fields that are none, placed."""
    document = read_yaml(path)
    entries = parse_spec(Settings, document).imports
    problems = [
        problem for number, entry in enumerate(entries) for problem in _problems(document, number, entry, layouts)
    ]
    if problems:
        raise ProblemsError(problems)
    return tuple(entries)


def _problems(document: Document, number: int, entry: ImportSettings, layouts: Sequence[Layout]) -> Iterator[Problem]:
    nouns, tools = [noun.value for noun in Noun], [*tools_of(layouts), PLAIN]
    columns = {fold(column) for column in entry.columns}
    if entry.noun is not None and entry.noun not in nouns:
        message = f"{entry.noun!r} is no kind of file{suggestion(entry.noun, nouns)}"
        yield document.problem(("imports", number, "as"), message)
    if entry.tool is not None and entry.tool not in tools:
        message = f"{entry.tool!r} is no tool that is known{suggestion(entry.tool, tools)}"
        yield document.problem(("imports", number, "from"), message)
    try:
        if entry.date_format is not None:
            strptime_pattern(entry.date_format)
    except UsageError as error:
        yield document.problem(("imports", number, "date_format"), str(error).removeprefix("--date-format "))
    for column, wanted in entry.map.items():
        place = ("imports", number, "map", column)
        if fold(column) not in columns:
            message = f"{column!r} is not among the columns of this entry: add it to `columns`"
            yield document.problem(place, message, at_key=True)
        if entry.noun in nouns and not VOCABULARY[Noun(entry.noun)].keeps_others:
            known = [*VOCABULARY[Noun(entry.noun)].fields, IGNORE]
            if wanted not in known:
                yield document.problem(place, f"{wanted!r} is no field of {entry.noun}{suggestion(wanted, known)}")


def with_kept(options: ImportOptions, source: Source) -> ImportOptions:
    """Return the options with those of the kept entry whose columns are all in the header; the most columns win."""
    headers = {fold(header) for header in source.header}
    fitting = [entry for entry in options.kept if {fold(column) for column in entry.columns} <= headers]
    if not fitting:
        return options
    entry = max(fitting, key=lambda each: len(each.columns))
    says_consent = options.basis is None and entry.consent is not None
    given = options.given | {name for name in ("timezone", "currency") if getattr(entry, name) is not None}
    return dataclasses.replace(
        options,
        noun=options.noun or (Noun(entry.noun) if entry.noun else None),
        tool=options.tool or entry.tool,
        mapping={**_unless_said(entry, options), **options.mapping},
        date_format=options.date_format or entry.date_format,
        zone=clock.zone(entry.timezone) if entry.timezone and "timezone" not in options.given else options.zone,
        currency=entry.currency if entry.currency and "currency" not in options.given else options.currency,
        source=options.source or entry.source,
        basis=Basis(entry.consent) if says_consent and entry.consent else options.basis,
        evidence=entry.evidence if says_consent else options.evidence,
        given=given,
        entry=entry.name,
    )


def _unless_said(entry: ImportSettings, options: ImportOptions) -> dict[str, str]:
    """Return what an entry says of columns that the command line does not speak of."""
    said = {fold(column) for column in options.mapping}
    return {column: wanted for column, wanted in entry.map.items() if fold(column) not in said}


def with_layout(options: ImportOptions, recognised: Recognised) -> ImportOptions:
    """Return the options with the time zone and currency of the tool's layout, where the user says none."""
    zone, currency = recognised.zone, recognised.currency
    return dataclasses.replace(
        options,
        zone=zone if zone is not None and "timezone" not in options.given else options.zone,
        currency=currency if currency is not None and "currency" not in options.given else options.currency,
    )


def entry_to_keep(options: ImportOptions, source: Source) -> str | None:
    """Return the YAML of an entry that says what the user said of this file; None where that is nothing.

    `options` are those of the command line, before any entry or layout.
    """
    said: dict[str, object] = {
        "as": options.noun.value if options.noun else None,
        "from": options.tool,
        "map": dict(options.mapping),
        "date_format": options.date_format,
        "timezone": str(options.zone) if "timezone" in options.given else None,
        "currency": options.currency if "currency" in options.given else None,
        "source": options.source,
    }
    said = {name: value for name, value in said.items() if value}
    if not said:
        return None
    entry = {"name": Path(source.name).stem, "columns": _telling_columns(options, source), **said}
    text: str = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    return "imports:\n" + "".join(f"  {line}\n" for line in text.splitlines())


def _telling_columns(options: ImportOptions, source: Source) -> list[str]:
    """Return the columns by which the file is known again: those that are mapped, and the first others."""
    mapped = {fold(column) for column in options.mapping}
    names = [name for name in source.header if name and name not in (LINE_COLUMN, REASON_COLUMN)]
    first = [name for name in names if fold(name) in mapped]
    others = [name for name in names if fold(name) not in mapped]
    return [*first, *others[: max(0, _SHOWN_COLUMNS - len(first))]]
