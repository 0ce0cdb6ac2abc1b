"""Since when a contact is known, as a file tells it: when a shop or an old tool made them, when they opted in.

The column stays what it is, an attribute or a date of consent; here its day is read. What becomes of it:
store/first_heard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mailflow.importers.events.event_cells import instant_reader
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet
from mailflow.importers.values.memo import Memo
from mailflow.importers.wording.words import fold
from mailflow.importers.wording.words_people import KNOWN_SINCE_WORDS

FIELDS = ("created_at", "opted_in_at")  # `created_at` is said by --map and by tables of tools
_MEMO_SIZE = 50_000
_DAY_MS = 86_400_000
_YEAR_OR_MONTH = re.compile(r"((?:19|20)\d{2})(?:-(\d{2}))?\Z")
# What tools write where they know no day: the first one their clocks can tell, in whatever zone.
_NO_DAYS = (range(-2_208_988_800_000 - _DAY_MS, -2_208_988_800_000 + 2 * _DAY_MS), range(-_DAY_MS, 2 * _DAY_MS))


def places(recognised: Recognised) -> tuple[int, ...]:
    """Return the places of the columns that tell since when a contact is known."""
    said = {place for name in FIELDS for place in recognised.columns.get(name, ())}
    kept = {place for place in recognised.attributes.values() if fold(recognised.header[place]) in KNOWN_SINCE_WORDS}
    return tuple(sorted(said | kept))


class KnownSince:
    """Reads the first day that the rows of a file tell of, block by block; what is no date says nothing."""

    def __init__(self, readers: Mapping[int, Callable[[str], int]]) -> None:
        self._columns = {place: Memo(_careful(instant_reader(read)), _MEMO_SIZE) for place, read in readers.items()}
        self.spoken = bool(readers)

    def read(self, sheet: Sheet) -> list[int | None]:
        """Return the earliest day of each row of a block, in milliseconds."""
        found = [
            list(map(known.__getitem__, [row[place] for row in sheet.block.rows]))
            for place, known in self._columns.items()
        ]
        if len(found) == 1:
            return found[0]
        return [min((at for at in row if at is not None), default=None) for row in zip(*found, strict=True)]


def _careful(read: Callable[[str], int | None]) -> Callable[[str], int | None]:
    def day(cell: str) -> int | None:
        part = _YEAR_OR_MONTH.match(cell.strip())
        try:
            at = read(f"{part[1]}-{part[2] or '01'}-01" if part else cell)
        except ValueError:
            return None
        return None if at is None or any(at in days for days in _NO_DAYS) else at

    return day
