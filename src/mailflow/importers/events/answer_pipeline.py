"""Take in a file of answers to surveys: events, what people state of themselves, and consent. Rows: answer_rows."""

from __future__ import annotations

from typing import Any

from mailflow.importers.events.answer_rows import AnswerRows
from mailflow.importers.events.event_columns import CLOCKS, Reading
from mailflow.importers.events.event_pipeline import count_warnings
from mailflow.importers.people.contact_pipeline import refused_warnings, write_people
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.values.survey import survey
from mailflow.store import consents_bulk, contacts_bulk, events_bulk, matching, statements_bulk, visitors
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging


class AnswerPipeline:
    """A `Pipeline` for answers."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task = self._task
        findings = survey(
            task.source, task.recognised, task.options, of_dates=("occurred_at", *CLOCKS.values()), of_amounts=()
        )
        reading = Reading(
            findings.instants, {}, task.options.currency, task.source.path.name, task.recognised.tool, task.today
        )
        answers = AnswerRows(task.recognised, reading)
        events_bulk.prepare(staging.db)
        visitors.prepare(staging.db)
        statements_bulk.prepare(staging.db)
        rows = 0
        for sheet in task.sheets():
            batch = answers.read(sheet)
            staging.add_cards(answers.people.columns, batch.cards)
            events_bulk.add(staging.db, batch.events)
            statements_bulk.add(staging.db, batch.stated)
            stage_rejects(staging, [*sheet.block.rejects, *sheet.rejects()])
            rows += size(sheet.block)
            advance(size(sheet.block))
        merged = events_bulk.join_parts(staging.db, "answers") if answers.is_long else 0
        return Staged(rows, merged, list(answers.warnings()))

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        db, shop = staging.db, self._task.shop
        matching.match_people(db, shop)
        matching.index_buyers(db)
        statements_bulk.match(db)
        contacts_bulk.compare(db, shop, staging.card_columns, fill_only=False, amend=statements_bulk.speak)
        warnings = refused_warnings(consents_bulk.compare(db))
        events = events_bulk.compare(db, shop)
        read = staged.rows - staged.merged - staging.reject_count()
        warnings += count_warnings(events)
        return Verdict(events.new, events.changed, read - events.new - events.changed, warnings)

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        fields = contacts_bulk.differences(staging.db, fill_only=False, limit=limit)
        return [*fields, *events_bulk.differences(staging.db, limit)][:limit]

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        shop = self._task.shop
        write_people(pace, import_id, shop, now_ms, fill_only=False)
        statements_bulk.write(pace, import_id)
        visitors.write(pace, import_id)
        events_bulk.add_new(pace, import_id, shop, now_ms)
        events_bulk.revise_known(pace, import_id)
