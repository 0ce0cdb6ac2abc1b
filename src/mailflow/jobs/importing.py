"""Import files under the run lock, list what came in, take one back. One file: importers.files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from mailflow import importers
from mailflow.errors import MailflowError, UsageError
from mailflow.importers import ImportOptions, ImportResult
from mailflow.importers.kept import load_kept
from mailflow.importers.layouts import load_layouts
from mailflow.model import ImportState
from mailflow.store import imports, undo
from mailflow.store.imports import ImportRecord
from mailflow.store.undo import Undone
from mailflow.workspace import SETTINGS_FILE, Workspace


@dataclass(slots=True)
class Imported:
    """What became of several files: a result for each that could be used, an error for each that could not."""

    results: list[ImportResult] = field(default_factory=list)
    errors: list[MailflowError] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        return sum(result.rejected for result in self.results)


def import_files(
    workspace: Workspace,
    paths: Sequence[Path],
    options: ImportOptions,
    *,
    now: datetime,
    advance: Callable[[int], object] = lambda rows: None,
) -> Imported:
    """Import files one after the other; one that cannot be used does not stop the others. A dry run takes no lock."""
    if options.dry_run:
        return _each(workspace, paths, options, now, advance)
    with workspace.lock():
        return _each(workspace, paths, options, now, advance)


def take_back(workspace: Workspace, import_id: int, *, now: datetime) -> tuple[ImportRecord, Undone]:
    """Undo an import; `UsageError` where there is none with this number, or it is undone already."""
    with workspace.lock():
        importers.recover(workspace.store, workspace.private, now=now)
        record = imports.get(workspace.store.db, import_id)
        if record is None:
            raise UsageError(f"there is no import {import_id}; mailflow import --list shows them")
        if record.state is not ImportState.DONE:
            raise UsageError(f"import {import_id} ({record.file}) is {record.state.replace('_', ' ')} already")
        return record, undo.take_back(workspace.store, import_id, now=now, final=ImportState.UNDONE)


def list_imports(workspace: Workspace) -> list[ImportRecord]:
    """Return every import, the oldest first."""
    return imports.all_of_them(workspace.store.db)


def with_workspace(workspace: Workspace, options: ImportOptions) -> ImportOptions:
    """Return the options with the workspace's own tables of tools and the mappings kept in its mailflow.yaml."""
    layouts = load_layouts(workspace.root)
    return replace(options, layouts=layouts, kept=load_kept(workspace.root / SETTINGS_FILE, layouts))


def _each(
    workspace: Workspace,
    paths: Sequence[Path],
    options: ImportOptions,
    now: datetime,
    advance: Callable[[int], object],
) -> Imported:
    options = with_workspace(workspace, options)
    done = Imported()
    for path in paths:
        try:
            result = importers.import_file(
                workspace.store, workspace.private, workspace.keys, path, options, now=now, advance=advance
            )
            done.results.append(result)
        except MailflowError as error:
            done.errors.append(error)
    return done
