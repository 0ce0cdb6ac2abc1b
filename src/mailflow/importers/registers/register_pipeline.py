"""Take in a file of a register: owners, companies or costs. One pipeline, driven by the tables of register_rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mailflow.importers.nouns import Noun
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.registers.register_rows import COMPANIES, COSTS, OWNERS, RegisterRows, Writing
from mailflow.importers.values.survey import survey
from mailflow.phrases import many
from mailflow.store import registers_bulk
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging

TABLES = {Noun.OWNERS: OWNERS, Noun.COMPANIES: COMPANIES, Noun.COSTS: COSTS}


class RegisterPipeline:
    """A `Pipeline` for the nouns of `TABLES`."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._table = TABLES[task.recognised.noun]
        self._register = self._table.register

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task, db = self._task, staging.db
        registers_bulk.open_stage(db, self._register)
        reader = RegisterRows(self._table, task.recognised, self._writing())
        rows = 0
        for sheet in task.sheets():
            registers_bulk.add(db, self._register, reader.read(sheet))
            stage_rejects(staging, [*sheet.block.rejects, *sheet.rejects()])
            rows += size(sheet.block)
            advance(size(sheet.block))
        totals = reader.totals
        if self._register is COSTS.register:
            totals += registers_bulk.drop_totals(db)
        registers_bulk.number_equal_rows(db)
        repeated = registers_bulk.fold_repeated(db, self._register)
        return Staged(rows, totals + repeated, [*self._warnings(totals, repeated)])

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        counts = registers_bulk.compare(staging.db, self._register, self._task.shop)
        known = registers_bulk.staged_count(staging.db)
        return Verdict(counts.new, counts.changed, known - counts.new - counts.changed)

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        return registers_bulk.differences(staging.db, self._register, limit)

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        registers_bulk.add_new(pace, self._register, import_id, self._task.shop)
        registers_bulk.revise_known(pace, self._register, import_id)

    def _writing(self) -> Writing:
        task = self._task
        findings = survey(task.source, task.recognised, task.options)
        return Writing(
            findings.instants["spent_on"],
            findings.instants["ends_on"],
            task.options.zone,
            findings.marks.get("amount"),
            task.options.currency,
        )

    def _warnings(self, totals: int, repeated: int) -> Iterator[str]:
        if totals:
            yield f"{many(totals, 'row is the sum', 'rows are sums')} of others: left out."
        if repeated:
            yield (
                f"{many(repeated, 'row is', 'rows are')} about the {self._register.one} of another row:"
                " read as one, the last word counts."
            )
