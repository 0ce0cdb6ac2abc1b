"""What the rows of a contacts file say about consent: the words of consent, with their time, evidence and wording.

A date of consent that cannot be read costs nobody their row, and no opt-out: it counts as of the import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailflow.importers.events.event_cells import instant_reader
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet
from mailflow.importers.values.consent import CONSENT_FIELDS, REFUSAL_FIELDS, ConsentReader, Refusal, Saying
from mailflow.importers.values.memo import Memo
from mailflow.importers.wording.consent_words import CONSENT_SILENT, PLAIN_NO
from mailflow.importers.wording.words import fold
from mailflow.model import Basis, ConsentState

InstantRead = Callable[[str], int | None]
SAYING_COLUMNS = ("consent", "basis", "consent_at", "evidence", "consent_source", "wording")

SAYING_DATES = ("consent_at", "opted_in_at", "opted_out_at")
_DETAILS = (*SAYING_DATES, "evidence")
_OPTED_IN = (ConsentState.SUBSCRIBED, ConsentState.PENDING)
_MEMO_SIZE = 50_000
_SHOWN = 200  # of a cell, as evidence
_NO_DATE = re.compile(r"[\s0:.TZ/-]*\Z")  # blank, or the 0000-00-00 of MySQL


@dataclass(frozen=True, slots=True)
class Said:
    """What the rows of a block say. `columns` are their parts of the cards, in the order of SAYING_COLUMNS.

    `refused` are the suppressions of the rows that have any, by index: (why, when in ms or None).
    """

    columns: tuple[Sequence[Any], ...]
    refused: Mapping[int, tuple[tuple[Refusal, ...], int | None]] = field(default_factory=dict)

    def state(self, index: int) -> ConsentState | None:
        """Return the state that a row says, None where it says nothing of consent."""
        state: ConsentState | None = self.columns[0][index]
        return state

    def evidence(self, index: int) -> tuple[str, int | None]:
        """Return the words of a row that says something, and when in ms."""
        return self.columns[3][index], self.columns[2][index]


class Sayings:
    """Reads the sayings of one file, block by block. `unread` counts dates that could not be read."""

    def __init__(
        self, recognised: Recognised, consent: ConsentReader, instants: Mapping[str, Callable[[str], int]], file: str
    ) -> None:
        has = recognised.columns
        self.spoken = consent.given or any(name in has for name in (*CONSENT_FIELDS, "opted_out_at"))
        self.may_say_yes = consent.given or "consent" in has
        self._consent = consent
        self._dates = {name: _Dates(instant_reader(instants[name])) for name in SAYING_DATES}
        self._file = file
        self._has_details = "evidence" in has
        self._has_source = "source" in has
        self.unread = 0

    def read(self, sheet: Sheet) -> Said:
        """Return what the rows of a block say."""
        columns = [(name, header, cells) for name in CONSENT_FIELDS for header, cells in sheet.every(name)]
        self._consent.expect([(name, header) for name, header, _ in columns])
        rows: list[tuple[str, ...]] = list(zip(*(cells for _, _, cells in columns), strict=True)) or [()] * sheet.size
        sayings = list(map(self._consent.say_row, rows))
        times = self._times(sheet, "consent_at")
        self._date_yeses(sheet, sayings, times)
        self._read_leaving(sheet, sayings, times)
        evidence = self._evidence(sheet, sayings)
        sources = sheet.first_of("consent_source", _text)
        if self._has_source:
            sources = [own or first for own, first in zip(sources, sheet.first_of("source", _text), strict=True)]
        said = (
            [saying.state if saying else None for saying in sayings],
            [saying.basis if saying and saying.state else None for saying in sayings],
            times,
            evidence,
            sources,
            _joined(sheet, "wording"),
        )
        return Said(said, self._refusals(columns, rows, sayings))

    def _date_yeses(self, sheet: Sheet, sayings: Sequence[Saying | None], times: list[int | None]) -> None:
        """Date a yes, or a sign-up, by when they opted in; a no is not of that day."""
        if sheet.cells("opted_in_at") is None:
            return
        for index, (saying, at) in enumerate(zip(sayings, self._times(sheet, "opted_in_at"), strict=True)):
            if at is not None and saying is not None and saying.state in _OPTED_IN:
                times[index] = at

    def _read_leaving(self, sheet: Sheet, sayings: list[Saying | None], times: list[int | None]) -> None:
        """Make a no of each date on which somebody left, and date the noes by it."""
        cells = sheet.cells("opted_out_at")
        if cells is None:
            return
        header = sheet.every("opted_out_at")[0][0]
        left = self._times(sheet, "opted_out_at")
        for index, (cell, saying, at) in enumerate(zip(cells, sayings, left, strict=True)):
            gone = not (_NO_DATE.match(cell) or fold(cell) in CONSENT_SILENT or fold(cell) in PLAIN_NO)
            if gone and (saying is None or saying.state is not ConsentState.UNSUBSCRIBED):
                evidence = f"{self._file}: {header} = {cell.strip()[:_SHOWN]}"
                refusals = saying.refusals if saying else ()
                sayings[index] = Saying(ConsentState.UNSUBSCRIBED, Basis.EXPRESS, evidence, refusals)
            if gone or (saying is not None and saying.state is ConsentState.UNSUBSCRIBED):
                times[index] = at  # the other date of the row is that of the yes before

    def _evidence(self, sheet: Sheet, sayings: Sequence[Saying | None]) -> list[str | None]:
        """Return the words of each saying with what else proves it: when, from which IP, which campaign."""
        plain = [saying.evidence if saying else None for saying in sayings]
        if not self._has_details:
            return plain
        details = [pair for name in _DETAILS for pair in sheet.every(name)]
        headers = [header for header, _ in details]
        return [
            said and "; ".join([said, *(part for part in named_cells(headers, cells) if not said.endswith(part))])
            for said, cells in zip(plain, zip(*(cells for _, cells in details), strict=True), strict=True)
        ]

    def _refusals(
        self,
        columns: Sequence[tuple[str, str, Sequence[str]]],
        rows: Sequence[tuple[str, ...]],
        sayings: Sequence[Saying | None],
    ) -> dict[int, tuple[tuple[Refusal, ...], int | None]]:
        places = [place for place, (name, _, _) in enumerate(columns) if name in REFUSAL_FIELDS]
        return {
            index: (saying.refusals, self._first_time(rows[index][place] for place in places))
            for index, saying in enumerate(sayings)
            if saying is not None and saying.refusals
        }

    def _first_time(self, cells: Any) -> int | None:
        """Return the first of some cells that is a date; those of bounces often are, and may be none."""
        dates = _Dates(self._dates["opted_out_at"].instant)
        return next((at for cell in cells if (at := dates[cell]) is not None), None)

    def _times(self, sheet: Sheet, name: str) -> list[int | None]:
        """Return the first of a field's columns that is filled, as an instant; None where there is none to read."""
        known = self._dates[name]
        times = sheet.first_of(name, known.__getitem__)
        if known.unread:
            self.unread += sum(cell in known.unread for _, cells in sheet.every(name) for cell in cells)
        return times


class _Dates(Memo[str, int | None]):
    """Remembers what the cells of a column mean; `unread` are those that are filled and no date."""

    def __init__(self, instant: InstantRead) -> None:
        unread: set[str] = set()

        def read(cell: str) -> int | None:
            if _NO_DATE.match(cell):
                return None
            try:
                return instant(cell)
            except ValueError:
                unread.add(cell)
                return None

        super().__init__(read, _MEMO_SIZE)
        self.instant = instant
        self.unread = unread


def named_cells(headers: Sequence[str], cells: Sequence[str]) -> list[str]:
    """Return what a row holds as a proof: `header = cell` of each that is filled."""
    return [f"{header} = {cell.strip()[:_SHOWN]}" for header, cell in zip(headers, cells, strict=True) if cell.strip()]


def _joined(sheet: Sheet, name: str) -> list[str | None]:
    """Return what all columns of a field say together; mostly there is one, or none."""
    columns = sheet.every(name)
    if len(columns) < 2:
        return sheet.texts(name)
    headers, cells = zip(*columns, strict=True)
    return ["; ".join(named_cells(headers, row)) or None for row in zip(*cells, strict=True)]


def _text(cell: str) -> str | None:
    return cell.strip() or None
