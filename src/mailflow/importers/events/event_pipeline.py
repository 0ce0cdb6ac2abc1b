"""Take in a file of what happened: visits, carts, old campaigns, tickets, bookings, social. Rows: event_rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mailflow.importers.events.event_columns import AMOUNTS, CLOCKS, Reading
from mailflow.importers.events.event_kinds import KINDS
from mailflow.importers.events.event_rows import EventRows, names_of
from mailflow.importers.people.contact_pipeline import write_people
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.values.survey import survey
from mailflow.phrases import many
from mailflow.store import consents_bulk, contacts_bulk, events_bulk, matching, suppressions_bulk, visitors
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging


class EventPipeline:
    """A `Pipeline` for every noun that becomes events; what is particular about each is in `event_kinds.KINDS`."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._kind = KINDS[task.recognised.noun]
        self._refuses = False

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task, kind = self._task, self._kind
        of_dates = ("occurred_at", *CLOCKS.values(), *kind.instants, *kind.moments)
        findings = survey(task.source, task.recognised, task.options, of_dates=of_dates, of_amounts=AMOUNTS)
        reading = Reading(
            findings.instants, findings.marks, task.options.currency, task.source.path.name, task.recognised.tool
        )
        events = EventRows(kind, task.recognised, reading)
        events_bulk.prepare(staging.db)
        visitors.prepare(staging.db)
        rows = 0
        for sheet in task.sheets():
            batch = events.read(sheet)
            staging.add_cards(events.people.columns, batch.cards)
            events_bulk.add(staging.db, batch.events)
            if batch.refused:
                self._refuses = True
                suppressions_bulk.stage(staging, task.keys, batch.refused)
            stage_rejects(staging, [*sheet.block.rejects, *sheet.rejects()])
            rows += size(sheet.block)
            advance(size(sheet.block))
        merged = events_bulk.join_parts(staging.db, kind.parts_as) if events.has_parts else 0
        return Staged(rows, merged, list(self._warnings(events)))

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        db, shop = staging.db, self._task.shop
        matching.match_people(db, shop)
        contacts_bulk.compare(db, shop, staging.card_columns, fill_only=True)
        consents_bulk.compare(db)
        if self._refuses:
            suppressions_bulk.compare(db, self._task.keys)
        events = events_bulk.compare(db, shop)
        read = staged.rows - staged.merged - staging.reject_count()
        return Verdict(events.new, events.changed, read - events.new - events.changed, list(count_warnings(events)))

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        return events_bulk.differences(staging.db, limit)

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        shop = self._task.shop
        if self._refuses:
            suppressions_bulk.append(pace, self._task.keys, import_id, shop, now_ms)
        write_people(pace, import_id, shop, now_ms, fill_only=True)
        visitors.write(pace, import_id)
        events_bulk.add_new(pace, import_id, shop, now_ms)
        events_bulk.revise_known(pace, import_id)

    def _warnings(self, events: EventRows) -> Iterator[str]:
        if events.unknown:
            yield f"Words that mailflow has no name for were taken as they are: {names_of(events.unknown)}."
        if events.unknown_statuses:
            words = ", ".join(f"{word!r} ({count})" for word, count in events.unknown_statuses.most_common(8))
            yield f"Statuses that nobody knows were kept but change nothing: {words}."


def count_warnings(events: events_bulk.EventCounts) -> Iterator[str]:
    """Yield a sentence about events that come twice, and about those of people nobody knows."""
    if events.repeated:
        yield f"{many(events.repeated, 'event comes', 'events come')} more than once in the file: each counts once."
    if events.anonymous:
        yield (
            f"{many(events.anonymous, 'event is', 'events are')} of people nobody knows yet: kept, and theirs as"
            " soon as a file names the person with the same visitor."
        )
