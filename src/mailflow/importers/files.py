"""Import one file: look at it, stage it, compare it, then write what is new in short transactions. All or nothing."""

from __future__ import annotations

import csv
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from mailflow import clock
from mailflow.importers.contact_pipeline import ContactPipeline
from mailflow.importers.kept import entry_to_keep, with_kept, with_layout
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions, ImportResult, Trouble
from mailflow.importers.order_pipeline import OrderPipeline
from mailflow.importers.pipeline import Advance, Pipeline, Staged, Task, Verdict
from mailflow.importers.recognise import recognise
from mailflow.importers.register_pipeline import RegisterPipeline
from mailflow.importers.source import LINE_COLUMN, REASON_COLUMN, Source, inspect
from mailflow.store import Store, imports, undo
from mailflow.store.pace import Pace
from mailflow.store.staging import StagedReject, Staging, clear_spool, open_staging
from mailflow.tokens import Keys

SHOWN_PROBLEMS = 100
SHOWN_CHANGES = 20

PIPELINES: Mapping[Noun, Callable[[Task], Pipeline]] = MappingProxyType(
    {
        Noun.CONTACTS: ContactPipeline,
        Noun.ORDERS: OrderPipeline,
        Noun.OWNERS: RegisterPipeline,
        Noun.COMPANIES: RegisterPipeline,
        Noun.COSTS: RegisterPipeline,
    }
)


def import_file(
    store: Store,
    private: Path,
    keys: Keys,
    path: Path,
    options: ImportOptions,
    *,
    now: datetime,
    advance: Advance = lambda rows: None,
) -> ImportResult:
    """Import one file into `store`, or say what would happen (`options.dry_run`).

    `private` is the workspace's private folder, for the staging file and the reject file. The caller holds the run
    lock, unless it is a dry run. `UsageError` and `DataError` for a file that cannot be used at all.
    """
    source = inspect(path)
    said, options = options, with_kept(options, source)
    recognised = recognise(
        source, noun=options.noun, tool=options.tool, mapping=options.mapping, layouts=options.layouts
    )
    task = Task(source, recognised, with_layout(options, recognised), options.source or recognised.tool, keys)
    pipeline = PIPELINES[recognised.noun](task)
    if not options.dry_run:
        recover(store, private, now=now)
    with open_staging(store, private / "spool") as staging:
        with staging.filling(), _no_cycles():
            staged = pipeline.stage(staging, advance)
            verdict = pipeline.compare(staging, staged)
        rejected = staging.reject_count()
        problems = [Trouble(row.line, row.field, row.reason) for row in staging.rejects(SHOWN_PROBLEMS)]
        import_id, reject_file, changes = None, None, []
        if options.dry_run:
            changes = pipeline.changes(staging, SHOWN_CHANGES)
        else:
            import_id = _apply(staging, task, pipeline, staged, verdict, now)
            if rejected:
                reject_file = _write_rejects(private / "rejects", import_id, source, staging.rejects())
    return ImportResult(
        path, recognised.noun, recognised.tool, import_id, staged.rows, verdict.inserted, verdict.updated,
        verdict.unchanged, staged.merged, rejected, reject_file, problems,
        [*source.notes, *_kept_note(options), *recognised.notes, *staged.warnings, *verdict.warnings], changes,
        recognised.title, recognised.layout, None if options.entry else entry_to_keep(said, source),
    )  # fmt: skip


def _kept_note(options: ImportOptions) -> list[str]:
    return [f"Read as imports: {options.entry!r} in mailflow.yaml says."] if options.entry else []


def recover(store: Store, private: Path, *, now: datetime) -> list[int]:
    """Roll back imports that were interrupted, and clear what they left behind. Under the run lock only."""
    clear_spool(private / "spool")
    return undo.recover(store, now=now)


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Pause the collector of reference cycles: millions of tuples come and go, none in a cycle; it costs a fifth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _apply(staging: Staging, task: Task, pipeline: Pipeline, staged: Staged, verdict: Verdict, now: datetime) -> int:
    """Write everything; when anything fails, take back what was written."""
    with staging.store.transaction() as tx:
        import_id = imports.begin(
            tx, file=str(task.source.path), sha256=task.source.sha256, noun=task.recognised.noun,
            tool=task.recognised.tool, options=_options_used(task), now=now,
        )  # fmt: skip
    try:
        pipeline.write(Pace(staging.store), import_id, clock.to_ms(now))
        with staging.store.transaction() as tx:
            imports.finish(
                tx, import_id, inserted=verdict.inserted, updated=verdict.updated, unchanged=verdict.unchanged,
                merged=staged.merged, rejected=staging.reject_count(), now=now,
                problems=[(row.line, row.field, row.reason) for row in staging.rejects(imports.MAX_PROBLEMS)],
            )  # fmt: skip
    except Exception:
        undo.recover(staging.store, now=now)
        raise
    return import_id


def _options_used(task: Task) -> dict[str, object]:
    options = task.options
    return {
        "source": task.shop, "currency": options.currency, "timezone": str(options.zone), "map": dict(options.mapping),
        "date_format": options.date_format, "consent": options.basis, "evidence": options.evidence,
        "entry": options.entry, "layout": task.recognised.layout, "inferred": sorted(task.recognised.inferred),
    }  # fmt: skip


def _write_rejects(folder: Path, import_id: int, source: Source, rejects: Iterator[StagedReject]) -> Path:
    """Write the rejected rows as a CSV that can be mended and imported again."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{import_id}-{source.path.stem}.csv"
    header = [name for name in source.header if name not in (LINE_COLUMN, REASON_COLUMN)]
    places = [place for place, name in enumerate(source.header) if name not in (LINE_COLUMN, REASON_COLUMN)]
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, LINE_COLUMN, REASON_COLUMN])
        for row in rejects:
            # What does not fit under the header goes into its last cell: nothing is cut off.
            fitting = [row.cells[place] if place < len(row.cells) else "" for place in places]
            if len(row.cells) > len(source.header):
                fitting[-1] = source.delimiter.join(row.cells[len(source.header) - 1 :])
            writer.writerow([*fitting, row.line, row.reason])
    return path
