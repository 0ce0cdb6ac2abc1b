"""Import one file: look at it, stage it, compare it, then write what is new in short transactions. All or nothing."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from mailflow import clock
from mailflow.importers import repeats
from mailflow.importers.events.answer_pipeline import AnswerPipeline
from mailflow.importers.events.event_kinds import KINDS
from mailflow.importers.events.event_pipeline import EventPipeline
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions, ImportResult, Trouble
from mailflow.importers.orders.line_pipeline import LinePipeline
from mailflow.importers.orders.order_pipeline import OrderPipeline
from mailflow.importers.orders.product_pipeline import ProductPipeline
from mailflow.importers.people.contact_pipeline import ContactPipeline
from mailflow.importers.people.signup_pipeline import SignupPipeline
from mailflow.importers.people.suppression_pipeline import SuppressionPipeline
from mailflow.importers.pipeline import Pipeline, Staged, Task, Verdict
from mailflow.importers.reading import rejects, spool
from mailflow.importers.reading.meter import Meter, Phase, Report
from mailflow.importers.reading.source import Source, inspect
from mailflow.importers.recognition.kept import entry_to_keep, with_kept, with_layout
from mailflow.importers.recognition.recognise import recognise
from mailflow.importers.registers.register_pipeline import RegisterPipeline
from mailflow.importers.values import remarks
from mailflow.importers.wording.words_shop import are_lines
from mailflow.store import Store, imports, suppressions, undo
from mailflow.store.pace import Pace, rows_to_write
from mailflow.store.staging import Staging, clear_spool, open_staging
from mailflow.tokens import Keys

SHOWN = 20

PIPELINES: Mapping[Noun, Callable[[Task], Pipeline]] = MappingProxyType(
    {
        Noun.CONTACTS: ContactPipeline,
        Noun.SIGNUPS: SignupPipeline,
        Noun.SUPPRESSIONS: SuppressionPipeline,
        Noun.ORDERS: lambda task: (LinePipeline if are_lines(task.recognised.columns) else OrderPipeline)(task),
        Noun.PRODUCTS: ProductPipeline,
        Noun.OWNERS: RegisterPipeline,
        Noun.COMPANIES: RegisterPipeline,
        Noun.COSTS: RegisterPipeline,
        **dict.fromkeys(KINDS, EventPipeline),
        Noun.ANSWERS: AnswerPipeline,
    }
)


def import_file(
    store: Store,
    private: Path,
    keys: Keys,
    file: Path | Source,
    options: ImportOptions,
    *,
    now: datetime,
    report: Report = lambda progress: None,
    shown: int = SHOWN,
) -> ImportResult:
    """Import one file into `store`, or say what would happen (`options.dry_run`).

    `private` is the workspace's private folder, for the staging file and the reject file. The caller holds the run
    lock, unless it is a dry run. Of problems and changes the first `shown` are returned, all where it is negative.
    `UsageError` and `DataError` for a file that cannot be used at all, `QuestionError` where only the user can know.
    """
    source = inspect(file) if isinstance(file, Path) else file
    task = _task(source, options, keys)
    today, erased = clock.local_date(now, task.options.zone), suppressions.erased_hashes(store.db)
    task = dataclasses.replace(task, erased=erased, today=today)
    pipeline = PIPELINES[task.recognised.noun](task)
    if not options.dry_run:
        recover(store, private, now=now)
    known = repeats.find(store.db, task)
    if known is not None:
        return dataclasses.replace(known, warnings=[*source.notes, *known.warnings])
    with open_staging(store, private / "spool") as staging:
        run = _Run(task, pipeline, staging, Meter(report, source.path), private / "rejects", now)
        with staging.filling(), _no_cycles():
            staged, verdict = run.read()
        problems = [Trouble(row.line, row.field, row.reason) for row in staging.rejects(shown)]
        changes = pipeline.changes(staging, shown) if options.dry_run else []
        rejected = staging.reject_count()
        import_id, reject_file = (None, None) if options.dry_run else run.apply(staged, verdict)
    told, recognised = task.options, task.recognised
    return ImportResult(
        source.path, recognised.noun, recognised.tool, import_id, staged.rows, verdict.inserted, verdict.updated,
        verdict.unchanged, staged.merged + verdict.merged, rejected, reject_file, problems,
        [*source.notes, *_kept_note(told), *recognised.notes, *staged.warnings, *verdict.warnings], changes,
        recognised.title, recognised.layout, None if told.entry else entry_to_keep(options, source),
    )  # fmt: skip


def _task(source: Source, options: ImportOptions, keys: Keys) -> Task:
    """Recognise a file, with what the user says, what mailflow.yaml keeps and what its tool's table says."""
    said = with_kept(options, source)
    recognised = recognise(source, noun=said.noun, tool=said.tool, mapping=said.mapping, layouts=said.layouts)
    return Task(source, recognised, with_layout(said, recognised), said.source or recognised.tool, keys)


def _kept_note(options: ImportOptions) -> list[str]:
    return [f"Read as imports: {options.entry!r} in mailflow.yaml says."] if options.entry else []


def recover(store: Store, private: Path, *, now: datetime) -> list[int]:
    """Roll back imports that were interrupted, and clear what they left behind. Under the run lock only."""
    clear_spool(private / "spool")
    spool.clear(private / "spool")
    return undo.recover(store, now=now)


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Pause the collector of reference cycles: millions of tuples come and go, few in a cycle; it costs a fifth.

    `Task.sheets` collects those few now and then.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Run:
    """One file on its way through its pipeline."""

    task: Task
    pipeline: Pipeline
    staging: Staging
    meter: Meter
    rejects: Path
    now: datetime

    def read(self) -> tuple[Staged, Verdict]:
        """Stage the file and compare it with what is there."""
        self.meter.begin(Phase.READING, self.task.source.lines)
        staged = self.pipeline.stage(self.staging, self.meter.advance)
        staged.warnings.extend(remarks.of_addresses(self.staging.db))
        self.meter.begin(Phase.COMPARING, 0)  # nobody knows how far a sort is
        return staged, self.pipeline.compare(self.staging, staged)

    def apply(self, staged: Staged, verdict: Verdict) -> tuple[int, Path | None]:
        """Write everything, the reject file too; when anything fails, or is interrupted, take back what was written."""
        self.meter.begin(Phase.WRITING, rows_to_write(self.staging.db))
        store, task = self.staging.store, self.task
        self.staging.give_pages()
        with store.transaction() as tx:
            import_id = imports.begin(
                tx, file=str(task.source.path), sha256=task.source.sha256, noun=task.recognised.noun,
                tool=task.recognised.tool, options=repeats.options_used(task), now=self.now,
            )  # fmt: skip
        reject_file = None
        try:
            self.pipeline.write(Pace(store, self.meter.advance), import_id, clock.to_ms(self.now))
            if self.staging.reject_count():
                reject_file = rejects.write(self.rejects, import_id, task.source, self.staging.rejects())
            self._finish(import_id, staged, verdict)
        except (Exception, KeyboardInterrupt):
            undo.roll_back(store, import_id, now=self.now)
            if reject_file is not None:
                reject_file.unlink()
            raise
        return import_id, reject_file

    def _finish(self, import_id: int, staged: Staged, verdict: Verdict) -> None:
        with self.staging.store.transaction() as tx:
            imports.finish(
                tx, import_id, inserted=verdict.inserted, updated=verdict.updated, unchanged=verdict.unchanged,
                merged=staged.merged + verdict.merged, rejected=self.staging.reject_count(), now=self.now,
                problems=[(row.line, row.field, row.reason) for row in self.staging.rejects(imports.MAX_PROBLEMS)],
            )  # fmt: skip
