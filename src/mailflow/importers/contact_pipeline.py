"""Take in a file of contacts: people, what is said about them, and what they said about consent. Rows: contact_rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mailflow.importers.consent import ConsentReader
from mailflow.importers.contact_rows import ContactRows, unknown_words
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, many, size, stage_rejects
from mailflow.importers.survey import survey
from mailflow.store import consents_bulk, contacts_bulk, matching
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging


class ContactPipeline:
    """A `Pipeline` for contacts."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task = self._task
        findings = survey(task.source, task.recognised, task.options)
        consent = ConsentReader(task.source.path.name, task.options.basis, task.options.evidence)
        contacts = ContactRows(task.recognised, consent, findings.instants, task.source.path.name)
        rows = 0
        for sheet in task.sheets():
            staging.add_cards(contacts.columns, contacts.cards(sheet))
            stage_rejects(staging, [*sheet.block.rejects, *sheet.rejects()])
            rows += size(sheet.block)
            advance(size(sheet.block))
        return Staged(rows, warnings=[*self._warnings(contacts), *consent_warnings(consent)])

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        db = staging.db
        matching.match_people(db, self._task.shop)
        contacts = contacts_bulk.compare(
            db, self._task.shop, staging.card_columns, fill_only=False, yielding=self._task.recognised.inferred
        )
        warnings = refused_warnings(consents_bulk.compare(db))
        if contacts.folded:
            warnings.append(
                f"{many(contacts.folded, 'row is', 'rows are')} about a person of an earlier row: read as one, the last"
                " word counts."
            )
        updated = contacts.changed + consents_bulk.changed_contacts(db)
        read = staged.rows - staging.reject_count()
        return Verdict(contacts.new, updated, read - contacts.new - updated, warnings)

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        return contacts_bulk.differences(staging.db, fill_only=False, limit=limit)

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        write_people(pace, import_id, self._task.shop, now_ms, fill_only=False)

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
        says = {"consent", "opt_out", "opted_out_at"} & set(recognised.columns)
        if not says and self._task.options.basis is None:
            yield (
                "The file says nothing about consent, so it allows no marketing mail to anybody. If they agreed, say so"
                " with --consent express --evidence 'where and when'"
            )


def write_people(pace: Pace, import_id: int, shop: str, now_ms: int, *, fill_only: bool) -> None:
    """Write the people of a staged file and what they said, opt-outs of known people first."""
    consents_bulk.append(pace, import_id, shop, now_ms, opt_outs_of_known=True)
    contacts_bulk.add_new(pace, import_id, shop, now_ms)
    contacts_bulk.alter_known(pace, import_id, now_ms, fill_only=fill_only)
    consents_bulk.append(pace, import_id, shop, now_ms, opt_outs_of_known=False)


def refused_warnings(refused: int) -> list[str]:
    """Return a sentence about people who said no earlier, where a file says yes."""
    if not refused:
        return []
    return [
        f"{many(refused, 'person', 'people')} said no earlier, though this file says yes: the no holds. Only they"
        " can lift it, or you with proof: mailflow contact subscribe EMAIL --evidence TEXT"
    ]


def consent_warnings(consent: ConsentReader) -> list[str]:
    """Return a sentence about words that nobody knows."""
    if not consent.unknown:
        return []
    return [
        f"Words about consent that nobody knows count as no consent: {unknown_words(consent.unknown)}."
        " If they mean yes, import these rows with --consent and --evidence"
    ]
