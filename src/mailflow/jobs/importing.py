"""Import files under the run lock, list what came in, take one back. One file: importers.files; folders: pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from mailflow import importers
from mailflow.errors import MailflowError, QuestionError, UnfinishedError, UsageError
from mailflow.importers import ImportOptions, ImportResult, Noun
from mailflow.importers.files import SHOWN
from mailflow.importers.reading.meter import Report
from mailflow.importers.reading.pieces import LeftOut, gather
from mailflow.importers.reading.spool import Spool, open_spool
from mailflow.importers.reading.table import Source
from mailflow.importers.recognition.kept import load_kept
from mailflow.importers.recognition.layouts import load_layouts
from mailflow.model import Basis, ImportState
from mailflow.store import Store, imports, undo
from mailflow.store.imports import ImportRecord
from mailflow.store.undo import Undone
from mailflow.workspace import SETTINGS_FILE, Workspace

Ask = Callable[[QuestionError], str | None]

_LARGE = 256 * 1024 * 1024  # bytes of database and files that a dry run copies, and writes into the copy
_COMPARED_ALONE = (
    "These files are large, so each was compared with what is there now: what they say of one another, such as the"
    " lines of orders that come with them, shows when they are imported."
)


@dataclass(slots=True)
class Imported:
    """What became of several files: a result for each that could be used, an error for each that could not.

    `left_out` are files in folders and archives that hold no rows. `failure` ended the work before the last file.
    """

    results: list[ImportResult] = field(default_factory=list)
    errors: list[MailflowError] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def rejected(self) -> int:
        return sum(result.rejected for result in self.results)


def import_files(
    workspace: Workspace,
    paths: Sequence[Path],
    options: ImportOptions,
    *,
    now: datetime,
    report: Report = lambda progress: None,
    ask: Ask = lambda question: None,
    shown: int = SHOWN,
) -> Imported:
    """Import files, folders and archives; one that cannot be used does not stop the others. A dry run takes no lock.

    A dry run of several files imports them into a copy of the database, so that each knows what those before it bring;
    where they or the database are large, each is compared with what is there now, and a warning of the last says so.
    `ask` is asked what only the user can know, and returns None where there is no answer. Of problems and changes the
    first `shown` of each file are returned, all where it is negative.
    """
    work = _Work(workspace, workspace.store, workspace.private, options, now, report, ask, shown)
    if options.dry_run:
        return work.of(paths)
    with workspace.lock():
        importers.recover(workspace.store, workspace.private, now=now)
        return work.of(paths)


def options_for(
    workspace: Workspace,
    *,
    currency: str | None = None,
    zone: ZoneInfo | None = None,
    noun: Noun | None = None,
    tool: str | None = None,
    mapping: Mapping[str, str] = MappingProxyType({}),
    date_format: str | None = None,
    basis: Basis | None = None,
    evidence: str | None = None,
    source: str | None = None,
    dry_run: bool = False,
) -> ImportOptions:
    """Return what the user says of files, with the account's settings, its tables of tools and its kept mappings."""
    settings, layouts = workspace.settings, load_layouts(workspace.root)
    said = {"currency": currency, "timezone": zone}
    return ImportOptions(
        currency or settings.currency, zone or settings.zone, noun, tool, mapping, date_format, basis, evidence, source,
        dry_run, frozenset(name for name, value in said.items() if value is not None), layouts,
        load_kept(workspace.root / SETTINGS_FILE, layouts), fields=settings.fields,
    )  # fmt: skip


def take_back(workspace: Workspace, import_id: int, *, now: datetime) -> tuple[ImportRecord, Undone]:
    """Undo an import, or go on undoing it; `UsageError` where there is none with this number, or it is undone."""
    with workspace.lock():
        record = imports.get(workspace.store.db, import_id)
        if record is None or record.state is not ImportState.UNDOING:
            importers.recover(workspace.store, workspace.private, now=now)
            record = imports.get(workspace.store.db, import_id)
        if record is None:
            raise UsageError(f"there is no import {import_id}; mailflow import --list shows them")
        if record.state not in (ImportState.DONE, ImportState.UNDOING):
            raise UsageError(f"import {import_id} ({record.file}) is {record.state.replace('_', ' ')} already")
        return record, undo.take_back(workspace.store, import_id, now=now, final=ImportState.UNDONE)


def list_imports(workspace: Workspace) -> list[ImportRecord]:
    """Return every import, the oldest first."""
    return imports.all_of_them(workspace.store.db)


@dataclass(frozen=True, slots=True)
class _Work:
    """One command's import of several files into a database, which is a copy in a dry run that `rehearses`."""

    workspace: Workspace
    store: Store
    private: Path
    options: ImportOptions
    now: datetime
    report: Report
    ask: Ask
    shown: int
    rehearses: bool = False

    def of(self, paths: Sequence[Path]) -> Imported:
        with open_spool(self.workspace.private / "spool") as spool:
            gathered = gather(paths, self.options, spool)
            done = Imported(errors=gathered.errors, left_out=gathered.left_out)
            if not self.options.dry_run or len(gathered.sources) < 2:
                self._all(gathered.sources, done)
            elif self._size(gathered.sources) <= _LARGE:
                self._rehearse(gathered.sources, done, spool)
            else:
                self._all(gathered.sources, done)
                done.results[-1:] = [_with_warning(last, _COMPARED_ALONE) for last in done.results[-1:]]
        return done

    def _size(self, sources: Sequence[Source]) -> int:
        return sum(path.stat().st_size for path in (self.store.path, *(source.place for source in sources)))

    def _rehearse(self, sources: Sequence[Source], done: Imported, spool: Spool) -> None:
        path, file = spool.create()
        file.close()
        with self.store.copy_to(path) as copy:
            work = replace(self, store=copy, private=path.with_name("rehearsal"), rehearses=True)
            work._all(sources, done)

    def _all(self, sources: Sequence[Source], done: Imported) -> None:
        for source in sources:
            try:
                done.results.append(self._one(source))
            except UnfinishedError as error:
                done.failure = error
                break
            except MailflowError as error:
                done.errors.append(error)
            except Exception as error:  # a full disk, say: what came in before is told all the same
                done.failure = error
                break

    def _one(self, source: Source) -> ImportResult:
        """Import one file; what only the user can know is asked as often as there is something new to ask."""
        options = self.options
        while True:
            try:
                return self._attempt(source, options)
            except QuestionError as question:
                answer = self.ask(question)
                answered = options if answer is None else _with_answer(options, question.option, answer)
                if answered == options:
                    raise
                options = answered

    def _attempt(self, source: Source, options: ImportOptions) -> ImportResult:
        result = importers.import_file(
            self.store, self.private, self.workspace.keys, source, options, now=self.now, report=self.report,
            shown=self.shown,
        )  # fmt: skip
        if self.rehearses:
            in_earnest = replace(options, dry_run=False)
            importers.import_file(self.store, self.private, self.workspace.keys, source, in_earnest, now=self.now)
        return result


def _with_warning(result: ImportResult, warning: str) -> ImportResult:
    return replace(result, warnings=[*result.warnings, warning])


def _with_answer(options: ImportOptions, option: str, answer: str) -> ImportOptions:
    """Return the options as if the user had said the answer on the command line."""
    match option:
        case "--as":
            return replace(options, noun=Noun(answer))
        case "--from":
            return replace(options, tool=answer)
        case "--date-format":
            return replace(options, date_format=answer)
        case "--map":
            column, _, name = answer.rpartition("=")
            return replace(options, mapping={**options.mapping, column: name})
        case _:
            return options
