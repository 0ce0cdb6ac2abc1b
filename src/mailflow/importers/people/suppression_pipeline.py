"""Take in a list of addresses that get nothing: bounces, complaints, unsubscribes. What the words mean: consent_words.

An address that nobody has is suppressed all the same and makes no contact. Only who unsubscribed becomes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mailflow.importers.events.event_cells import instant_reader
from mailflow.importers.people.contact_details import lists_of, slug
from mailflow.importers.people.contact_pipeline import write_people
from mailflow.importers.people.contact_rows import KEY_COLUMNS
from mailflow.importers.people.contact_sayings import InstantRead, named_cells
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.values.cells import Sheet, address
from mailflow.importers.values.survey import survey
from mailflow.importers.wording.consent_words import (
    CONSENT_SILENT,
    OPTED_OUT,
    SOFT_BOUNCE,
    SUPPRESSED,
    word_of,
    words_of,
)
from mailflow.importers.wording.words import fold
from mailflow.model import Basis, ConsentState, SuppressionReason
from mailflow.phrases import many
from mailflow.store import consents_bulk, contacts_bulk, matching, suppressions_bulk, topics_bulk
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging
from mailflow.store.suppressions_bulk import Refused
from mailflow.store.topics_bulk import TopicSaying

_COLUMNS = (*KEY_COLUMNS, "consent", "basis", "consent_at", "evidence")
_ANY_LIST = "*"
# A reply of a mail server in place of a word: 5xx and 5.x.x last, 4xx and 4.x.x pass (RFC 5321, RFC 3463).
_REPLY = re.compile(r"(?<![\d.])([45])(?:\d\d|\.\d{1,3}\.\d{1,3})(?!\d)")
_Card = tuple[Any, ...]


class SuppressionPipeline:
    """A `Pipeline` for lists of suppressed addresses."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task = self._task
        findings = survey(task.source, task.recognised, task.options, of_dates=("suppressed_at",))
        reading = _Rows(task.source.path.name, instant_reader(findings.instants["suppressed_at"]))
        rows = 0
        for sheet in task.sheets():
            staging.add_cards(_COLUMNS, list(reading.cards(sheet)))
            suppressions_bulk.stage(staging, task.keys, reading.refused)
            topics_bulk.stage(staging, reading.topics)
            stage_rejects(staging, [*sheet.block.rejects, *sheet.rejects()])
            rows += size(sheet.block)
            advance(size(sheet.block))
        return Staged(rows, warnings=list(reading.warnings()))

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        db = staging.db
        matching.match_people(db, self._task.shop)
        suppressions_bulk.forget_strangers(db)
        contacts_bulk.compare(db, self._task.shop, staging.card_columns, fill_only=True)
        consents_bulk.compare(db)
        suppressions_bulk.compare(db, self._task.keys)
        topics_bulk.compare(db)
        new = suppressions_bulk.count_news(db)
        return Verdict(new, 0, staged.rows - staging.reject_count() - new)

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        return suppressions_bulk.differences(staging.db, limit)

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        task = self._task
        suppressions_bulk.append(pace, task.keys, import_id, task.shop, now_ms)
        write_people(pace, import_id, task.shop, now_ms, fill_only=True)
        topics_bulk.append(pace, import_id, task.shop, now_ms)


class _Rows:
    """Reads the rows of one list, block by block; what goes beside the cards is collected until the next block."""

    def __init__(self, file: str, instant: InstantRead) -> None:
        self._file = file
        self._instant = instant
        self._n = 0
        self._passing = 0
        self._undated = 0
        self.refused: list[Refused] = []
        self.topics: list[TopicSaying] = []

    def cards(self, sheet: Sheet) -> Iterator[_Card]:
        """Yield a card for every row with an address: in the order of _COLUMNS."""
        self.refused, self.topics = [], []
        emails = sheet.read("email", address)
        reasons, lists = sheet.texts("suppression_reason"), lists_of(sheet, "lists")
        times, evidence = self._times(sheet), self._evidence(sheet)
        for index, email in enumerate(emails):
            if email is None:
                sheet.fault(index, "email", "there is no e-mail address in this row")
                continue
            self._n += 1
            found = reasons_in(reasons[index])
            self._passing += not found
            self.refused += [
                Refused(self._n, email, reason, evidence[index], times[index]) for reason in found if reason is not None
            ]
            left = [name for name in lists[index] if name != _ANY_LIST and slug(name)]
            said_no = any(reason is not SuppressionReason.HARD_BOUNCE for reason in found)
            if left and found == [None]:  # of these lists only
                self.topics += [
                    TopicSaying(self._n, slug(name), ConsentState.UNSUBSCRIBED, evidence[index], times[index])
                    for name in left
                ]
                said_no = False
            said = (ConsentState.UNSUBSCRIBED, Basis.EXPRESS, times[index], evidence[index])
            yield (
                self._n, sheet.block.lines[index], email.key, email.email, "", "",
                *(said if said_no else (None, None, None, None)),
            )  # fmt: skip

    def warnings(self) -> Iterator[str]:
        """Yield what was not taken as it stands."""
        if self._passing:
            bounces = many(self._passing, "row is of a bounce that passes", "rows are of bounces that pass")
            yield f"{bounces} (a full mailbox, a block for a while): they suppress nobody."
        if self._undated:
            dates = many(self._undated, "date is", "dates are")
            yield f"{dates} not to be read (say --date-format): these rows count as of this import."

    def _times(self, sheet: Sheet) -> list[int | None]:
        def read(cell: str) -> int | None:
            if not cell.strip():
                return None
            try:
                return self._instant(cell)
            except ValueError:
                self._undated += 1
                return None

        return sheet.first_of("suppressed_at", read)

    def _evidence(self, sheet: Sheet) -> list[str]:
        columns = [pair for name in ("suppression_reason", "lists", "evidence") for pair in sheet.every(name)]
        headers = [header for header, _ in columns]
        rows = zip(*(cells for _, cells in columns), strict=True) if columns else [()] * sheet.size
        return ["; ".join([self._file, *named_cells(headers, cells)]) for cells in rows]


def reasons_in(cell: str | None) -> Sequence[SuppressionReason | None]:
    """Return what the reason of a row says: reasons to suppress, None for a no to marketing; none of what passes.

    Who keeps such a list suppresses what is on it: a row without a reason, or with one that nobody knows, is manual.
    """
    if cell is None:
        return [SuppressionReason.MANUAL]
    words = [word_of(cell), *words_of(cell)]
    found: list[SuppressionReason | None] = [*dict.fromkeys(SUPPRESSED[word] for word in words if word in SUPPRESSED)]
    if any(word in OPTED_OUT for word in words):
        found.append(None)
    if found or any(word in SOFT_BOUNCE for word in words):
        return found
    reply = _REPLY.search(cell)
    if reply is not None:
        return [SuppressionReason.HARD_BOUNCE] if reply[1] == "5" else []
    if any(fold(word) in OPTED_OUT for word in cell.split()):
        return [None]
    return [] if word_of(cell) in CONSENT_SILENT - {""} else [SuppressionReason.MANUAL]
