"""Take in a file of contacts: people, what is said about them, and what they said about consent. Rows: contact_rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from mailflow.importers.people import known_since
from mailflow.importers.people.contact_details import Details
from mailflow.importers.people.contact_rows import ContactRows
from mailflow.importers.people.contact_sayings import SAYING_DATES
from mailflow.importers.people.known_since import KnownSince
from mailflow.importers.people.visitor_links import VisitorLinks
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.values import declared
from mailflow.importers.values.consent import ConsentReader, consent_warnings
from mailflow.importers.values.dates import birthday
from mailflow.importers.values.declared import Declared
from mailflow.importers.values.survey import survey
from mailflow.phrases import many
from mailflow.store import (
    claims,
    consents_bulk,
    contacts_bulk,
    matching,
    merged_consent,
    statements_bulk,
    suppressions_bulk,
    topics_bulk,
)
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging


class ContactPipeline:
    """A `Pipeline` for contacts."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._visitors = VisitorLinks(task.recognised)
        self._refuses = self._has_topics = False

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task = self._task
        consent = self._consent_reader()
        contacts = self._rows(consent)
        rows = 0
        for sheet in task.sheets():
            staging.add_cards(contacts.columns, contacts.cards(sheet))
            self._stage_more(staging, contacts)
            self._visitors.stage(staging, sheet)
            stage_rejects(staging, [*sheet.block.rejects, *sheet.rejects()])
            rows += size(sheet.block)
            advance(size(sheet.block))
        return Staged(rows, warnings=[*self._warnings(contacts), *consent_warnings(consent)])

    def _rows(self, consent: ConsentReader) -> ContactRows:
        task, fields = self._task, self._task.options.fields
        since, born = known_since.places(task.recognised), task.recognised.columns.get("birthday", ())[:1]
        days, numbers = (declared.places(task.recognised, fields, kind) for kind in ("date", "number"))
        findings = survey(
            task.source, task.recognised, task.options, of_dates=SAYING_DATES, unasked={*since, *days, *born},
            numbers=numbers,
        )  # fmt: skip
        order = findings.unasked[born[0]].order if born else None
        own = Declared(fields, task.recognised, findings.unasked, findings.numbers, task.options.zone)
        return ContactRows(
            task.recognised,
            consent,
            findings.instants,
            KnownSince({place: findings.unasked[place] for place in since}),
            Details(task.recognised, own, partial(birthday, order=order, today=task.today)),
            task.source.path.name,
        )

    def _consent_reader(self) -> ConsentReader:
        return ConsentReader(self._task.source.path.name, self._task.options.basis, self._task.options.evidence)

    def _stage_more(self, staging: Staging, contacts: ContactRows) -> None:
        """Stage what the rows of a block say beside their cards; most files say nothing of the kind."""
        if contacts.aliases:
            staging.add_aliases(contacts.aliases)
        if contacts.refused:
            self._refuses = True
            suppressions_bulk.stage(staging, self._task.keys, contacts.refused)
        if contacts.topics:
            self._has_topics = True
            topics_bulk.stage(staging, contacts.topics)

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        db = staging.db
        matching.match_people(db, self._task.shop)
        self._visitors.compare(db)
        contacts = contacts_bulk.compare(
            db, self._task.shop, staging.card_columns, fill_only=False, yielding=self._task.recognised.inferred,
            amend=statements_bulk.shield,
        )  # fmt: skip
        warnings = refused_warnings(consents_bulk.compare(db))
        if contacts.folded:
            warnings.append(
                f"{many(contacts.folded, 'row is', 'rows are')} about a person of an earlier row: read as one, the last"
                " word counts."
            )
        updated = contacts.changed + consents_bulk.changed_contacts(db) + self._compare_more(db)
        read = staged.rows - staging.reject_count()
        return Verdict(contacts.new, updated, read - contacts.new - updated, warnings)

    def _compare_more(self, db: Connection) -> int:
        """Compare topics and suppressions; return how many known contacts change by nothing else."""
        if self._refuses:
            suppressions_bulk.compare(db, self._task.keys)
            suppressions_bulk.mark_people(db)
        if self._has_topics:
            topics_bulk.compare(db)
        return consents_bulk.marked_contacts(db) if self._refuses or self._has_topics else 0

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        found = contacts_bulk.differences(staging.db, fill_only=False, limit=limit)
        found += consents_bulk.differences(staging.db, limit)
        if self._refuses:
            found += suppressions_bulk.differences(staging.db, limit)
        found.sort(key=lambda change: int(change["line"]))
        return found if limit < 0 else found[:limit]

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        task = self._task
        if self._refuses:
            suppressions_bulk.append(pace, task.keys, import_id, task.shop, now_ms)
        write_people(pace, import_id, task.shop, now_ms, fill_only=False)
        self._visitors.write(pace, import_id)
        if self._has_topics:
            topics_bulk.append(pace, import_id, task.shop, now_ms)

    def _warnings(self, contacts: ContactRows) -> Iterator[str]:
        recognised = self._task.recognised
        if recognised.ignored:
            yield f"Columns left out: {', '.join(recognised.ignored)}."
        if contacts.without_address > 0:
            people = many(contacts.without_address, "person has", "people have")
            yield f"{people} no e-mail address: kept, but not to be mailed."
        if contacts.unread_birthdays:
            birthdays = many(contacts.unread_birthdays, "birthday is no date", "birthdays are no dates")
            yield f"{birthdays}: kept as written, as an attribute."
        if contacts.unread_instants:
            dates = many(contacts.unread_instants, "date of consent is", "dates of consent are")
            yield f"{dates} not to be read (say --date-format): these people's words count as of this import."
        if not contacts.may_say_yes:
            says = "says who left, but of nobody that they agreed" if contacts.says else "says nothing about consent"
            yield (
                f"The file {says}, so it allows no marketing mail to anybody. If they agreed, say so"
                " with --consent express --evidence 'where and when'"
            )


def write_people(pace: Pace, import_id: int, shop: str, now_ms: int, *, fill_only: bool) -> None:
    """Write the people of a staged file and what they said, opt-outs of known people first."""
    merged_consent.keep_noes(pace, import_id, shop, now_ms)
    consents_bulk.append(pace, import_id, shop, now_ms, opt_outs_of_known=True)
    contacts_bulk.add_new(pace, import_id, shop, now_ms)
    contacts_bulk.alter_known(pace, import_id, now_ms, fill_only=fill_only)
    consents_bulk.append(pace, import_id, shop, now_ms, opt_outs_of_known=False)
    claims.note(pace, import_id, shop)


def refused_warnings(refused: int) -> list[str]:
    """Return a sentence about people who said no earlier, where a file says yes."""
    if not refused:
        return []
    return [
        f"{many(refused, 'person', 'people')} said no earlier, though this file says yes: the no holds. Only they"
        " can lift it, or you with proof: mailflow contact subscribe EMAIL --evidence TEXT"
    ]
