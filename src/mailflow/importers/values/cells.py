"""Turn the cells of a block into values, a column at a time. What a cell cannot be read as rejects its row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mailflow.addresses import Address, normalise
from mailflow.importers.reading.source import Block, Reject
from mailflow.importers.recognition.recognise import Recognised

_Value = TypeVar("_Value")
_Cell = TypeVar("_Cell")

# Shopify and WooCommerce put an apostrophe before what a spreadsheet would take for a number or a formula.
_SPREADSHEET_MARK = re.compile(r"'(?=[\d+=@-])")
_FLOAT_ID = re.compile(r"\d+\.0\Z", re.ASCII)
_NOT_PHONE = re.compile(r"[^\d+]")
_MIN_PHONE_DIGITS = 6
_COUNTRY = re.compile(r"[A-Za-z]{2}\Z")

to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Sheet:
    """One block by columns. Collects the first fault of each row; `sound()` are the rows without one."""

    def __init__(self, block: Block, recognised: Recognised) -> None:
        self.block = block
        self._recognised = recognised
        self._header = recognised.header
        self._columns = list(zip(*block.rows, strict=True)) if block.rows else [()] * len(recognised.header)
        self._faults: dict[int, tuple[str, str]] = {}
        self.size = len(block.rows)

    def cells(self, field: str) -> Sequence[str] | None:
        """Return the cells of a field's column, or None where the file has none."""
        place = self._recognised.place(field)
        return None if place is None else self._columns[place]

    def first_of(self, field: str, read: Callable[[str], _Value | None]) -> list[_Value | None]:
        """Return what the first column of a field gives that is not blank."""
        values: list[_Value | None] = [None] * self.size
        for place in self._recognised.columns.get(field, ()):
            read_column = [read(cell) for cell in self._columns[place]]
            values = [old or new for old, new in zip(values, read_column, strict=True)]
        return values

    def every(self, field: str) -> list[tuple[str, Sequence[str]]]:
        """Return (header, cells) of every column of a field."""
        return [(self._header[place], self._columns[place]) for place in self._recognised.columns.get(field, ())]

    def texts(self, field: str) -> list[str | None]:
        """Return the cells of a column trimmed, None where blank or where the file has no such column."""
        cells = self.cells(field)
        return [None] * self.size if cells is None else [cell.strip() or None for cell in cells]

    def read(self, field: str, read: Callable[[str], _Value | None]) -> list[_Value | None]:
        """Convert a column; a cell that raises `ValueError` is a fault of its row and None here."""
        cells = self.cells(field)
        return [None] * self.size if cells is None else self.convert(field, cells, read)

    def convert(
        self, field: str, cells: Sequence[_Cell], read: Callable[[_Cell], _Value | None]
    ) -> list[_Value | None]:
        """Convert cells that belong to a field, as `read` does."""
        try:
            return list(map(read, cells))
        except ValueError:
            return [self._try(index, field, cell, read) for index, cell in enumerate(cells)]

    def convert_all(
        self,
        field: str,
        cells: Sequence[str],
        read_all: Callable[[Sequence[str]], list[_Value]],
        read: Callable[[str], _Value | None],
    ) -> list[_Value | None]:
        """Convert cells by a function of whole columns, or one by one where that raises `ValueError`."""
        try:
            return list(read_all(cells))
        except ValueError:
            return self.convert(field, cells, read)

    def fault(self, index: int, field: str, reason: str) -> None:
        """Reject a row; the first reason counts."""
        self._faults.setdefault(index, (field, reason))

    @property
    def faulty(self) -> Mapping[int, tuple[str, str]]:
        """The rows that are rejected so far: (field, reason) by their index in the block."""
        return self._faults

    def reject(self, index: int) -> Reject | None:
        """Return a rejected row with its cells; None for a sound one."""
        if index not in self._faults:
            return None
        field, reason = self._faults[index]
        return Reject(
            self.block.lines[index], tuple(self.own(self.block.rows[index])), reason, self._column_name(field)
        )

    def own(self, row: Sequence[str]) -> Sequence[str]:
        """Return a row as the file has it, without the cells that its layout adds."""
        return row[: self._recognised.width] if self._recognised.steps else row

    def rejects(self) -> list[Reject]:
        """Return all rejected rows of the block."""
        return [row for index in sorted(self._faults) if (row := self.reject(index)) is not None]

    def _column_name(self, field: str) -> str:
        place = self._recognised.place(field)
        return field if place is None else self._header[place]

    def _try(self, index: int, field: str, cell: _Cell, read: Callable[[_Cell], _Value | None]) -> _Value | None:
        try:
            return read(cell)
        except ValueError as error:
            self.fault(index, field, str(error))
            return None


def address(cell: str) -> Address | None:
    """Read an e-mail cell; None for a blank one."""
    return normalise(cell) if cell and not cell.isspace() else None


def identifier(cell: str) -> str:
    """Read an id: no spreadsheet apostrophe, no `.0` of a number that was never one; blank is ''."""
    cell = cell.strip()
    if cell[:1] == "'":
        cell = _SPREADSHEET_MARK.sub("", cell, count=1)
    return cell[:-2] if _FLOAT_ID.match(cell) else cell


def identifiers(cells: Sequence[str]) -> list[str]:
    """Read a column of ids."""
    return [cell if cell.isalnum() else identifier(cell) for cell in cells]


def marked_text(cell: str) -> str | None:
    """Read a phone or postcode as it is written, without the spreadsheet's apostrophe; None for a blank one."""
    cell = cell.strip()
    return (_SPREADSHEET_MARK.sub("", cell, count=1) if cell[:1] == "'" else cell) or None


def phone_key(phone: str | None) -> str:
    """Return a phone number for comparison: digits, with + and the country where they are known; '' if too short."""
    if not phone:
        return ""
    digits = _NOT_PHONE.sub("", phone.replace("(0)", ""))
    digits = "+" + digits[2:] if digits.startswith("00") else digits[:1] + digits[1:].replace("+", "")
    return digits if len(digits) >= _MIN_PHONE_DIGITS else ""


def country(cell: str) -> str | None:
    """Read a country: a two-letter code in capitals, else as written; None for a blank one."""
    cell = cell.strip()
    return (cell.upper() if _COUNTRY.match(cell) else cell) or None


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """Part a full name: the last word is the last name, unless a comma says which it is."""
    if not name:
        return None, None
    if "," in name:
        last, _, first = name.partition(",")
        return first.strip() or None, last.strip() or None
    first, _, last = name.rpartition(" ")
    return (first.strip(), last) if first else (last, None)
