"""The e-mail addresses of a row: the first is the one that is written to, the others are further keys of the person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mailflow.addresses import Address
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, address

_BETWEEN = re.compile(r":::|[;,\n]")


class FurtherAddresses:
    """Reads the address columns of a file's blocks; a file with one address a cell and one column pays nothing."""

    def __init__(self, recognised: Recognised) -> None:
        self._has_columns = "other_emails" in recognised.columns
        self._in_cells: dict[str, list[Address]] = {}

    def read(self, sheet: Sheet) -> tuple[list[Address | None], Mapping[int, Sequence[Address]]]:
        """Return the address of each row of a block, and the further ones of rows that have any, by index."""
        self._in_cells.clear()
        emails = self._primary(sheet)
        cells = sheet.cells("email")
        others: dict[int, list[Address]] = {}
        if self._in_cells and cells is not None:
            others = {index: list(found) for index, cell in enumerate(cells) if (found := self._in_cells.get(cell))}
        if self._has_columns:
            self._read_columns(sheet, emails, others)
        return emails, others

    def _primary(self, sheet: Sheet) -> list[Address | None]:
        cells = sheet.cells("email")
        if cells is None:
            return [None] * sheet.size
        try:
            return list(map(address, cells))
        except ValueError:
            return sheet.convert("email", cells, self._first)

    def _first(self, cell: str) -> Address | None:
        """Read a cell that may hold several addresses; `ValueError` where its first is none."""
        try:
            return address(cell)
        except ValueError:
            parts = [part for part in _BETWEEN.split(cell) if part.strip()]
            if len(parts) < 2:
                raise
            first = address(parts[0])
            self._in_cells[cell] = list(_readable(parts[1:]))
            return first

    def _read_columns(self, sheet: Sheet, emails: list[Address | None], others: dict[int, list[Address]]) -> None:
        for _, cells in sheet.every("other_emails"):
            for index, cell in enumerate(cells):
                if not cell.strip():
                    continue
                found = list(_readable(_BETWEEN.split(cell)))
                if found and emails[index] is None and index not in sheet.faulty:
                    emails[index] = found.pop(0)
                others.setdefault(index, []).extend(found)


def _readable(parts: Sequence[str]) -> Iterator[Address]:
    """Yield the addresses among some texts. A further one that cannot be read costs nobody their row."""
    for part in parts:
        try:
            found = address(part)
        except ValueError:
            continue
        if found is not None:
            yield found
