"""What the user says about the files to import, and what mailflow says about what it did with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mailflow.config import FieldSettings, ImportSettings
from mailflow.errors import UsageError
from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.layouts import Layout
from mailflow.model import Basis


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read files: what their header and cells do not say. `source` is the shop whose ids they hold.

    `currency` and `zone` are the account's, which a kept entry or a layout may know better, unless `given` names them
    (`currency`, `timezone`): then the user said them for these files. `layouts` are the tables of tools (None: those
    that are shipped), `kept` the entries under `imports:` in mailflow.yaml, `entry` the name of the one that was used,
    `fields` what mailflow.yaml declares of contacts.
    """

    currency: str
    zone: ZoneInfo
    noun: Noun | None = None
    tool: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    date_format: str | None = None
    basis: Basis | None = None
    evidence: str | None = None
    source: str | None = None
    dry_run: bool = False
    given: frozenset[str] = frozenset()
    layouts: Sequence[Layout] | None = None
    kept: Sequence[ImportSettings] = ()
    entry: str | None = None
    fields: Mapping[str, FieldSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.basis is not None and not (self.evidence or "").strip():
            raise UsageError(
                "--consent needs --evidence: say where and when these people agreed, such as 'paper list, fair 2026'"
            )
        if self.basis is None and self.evidence is not None:
            raise UsageError("--evidence needs --consent: say on what ground, express, implied or purchase")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a row was rejected, and its line."""

    line: int
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file did, or would do (`id` is None).

    `rows` were read. Of contacts, every row is inserted, updated, unchanged or rejected. Of orders, `inserted`,
    `updated` and `unchanged` count orders, `rejected` counts rows, and `merged` the rows that are further lines of an
    order: together they are `rows` again. `title` and `layout` are the tool and its export as people call them, None
    for a plain file. `to_keep` is YAML for mailflow.yaml that says what the options said, where no entry does yet.
    `same_as` is the earlier import of the very same file after which nothing has changed.
    """

    file: Path
    noun: Noun
    tool: str
    id: int | None
    rows: int
    inserted: int
    updated: int
    unchanged: int
    merged: int
    rejected: int
    reject_file: Path | None
    problems: Sequence[Trouble]
    warnings: Sequence[str]
    changes: Sequence[Mapping[str, Any]] = ()
    title: str | None = None
    layout: str | None = None
    to_keep: str | None = None
    same_as: int | None = None
