"""Read files of events by columns: names, times, properties. One cell: event_cells; what comes of it: event_rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from mailflow import money
from mailflow.importers.events.event_cells import (
    instant_reader,
    is_dated_only,
    iso,
    moment_reader,
    plain,
    property_name,
    property_reader,
)  # fmt: skip
from mailflow.importers.events.event_kinds import Kind
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet

AMOUNTS = ("value", "price", "quantity", "rating")

# The columns of a time of day, and of the day that stands beside it.
CLOCKS: Mapping[str, str] = {"occurred_at": "time", "starts_at": "starts_time"}
_AS_JSON = frozenset({"items", "count", "seconds", "guests", "answers"})


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file writes times and amounts, as a look at its columns has shown; what it and its tool are called."""

    instants: Mapping[str, Callable[[str], int]]
    marks: Mapping[str, str | None]
    currency: str
    file: str
    tool: str
    today: date = date.max


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a block, row by row in parallel; None where a cell is blank.

    `dated_only`: the time of day is not said. A moment is when, or only whether, something happened. `parts` is None
    where no row is a part of something.
    """

    names: list[str | None]
    statuses: list[str | None]
    ids: list[str | None]
    at: list[int | None]
    dated_only: Sequence[bool]
    starts: list[int | None]
    moments: Mapping[str, list[int | bool | None]]
    properties: list[dict[str, Any]]
    parts: list[dict[str, Any]] | None


class ColumnReader:
    """Turns blocks into columns. What is no time is a fault of the sheet's row; other cells are taken as they are."""

    def __init__(self, kind: Kind, recognised: Recognised, reading: Reading, *, has_parts: bool) -> None:
        self._kind = kind
        self._has = frozenset(recognised.columns)
        self._attributes = {property_name(name): place for name, place in recognised.attributes.items()}
        self._reading = reading
        self._has_parts = has_parts
        self._name = "name" if "name" in recognised.columns else "type"

    def read(self, sheet: Sheet) -> Columns:
        """Return the columns of a block."""
        kind, instants = self._kind, self._reading.instants
        at, dated_only = self._instants(sheet, "occurred_at")
        ends = sheet.read("ends_at", instant_reader(instants["ends_at"])) if "ends_at" in kind.instants else []
        starts: list[int | None] = [None] * sheet.size
        if "starts_at" in kind.instants:
            starts, _ = self._instants(sheet, "starts_at")
        return Columns(
            sheet.texts(self._name),
            sheet.texts("status"),
            sheet.texts("event_id"),
            at,
            dated_only,
            starts,
            {name: sheet.read(name, moment_reader(instants[name])) for name in kind.moments if name in self._has},
            self._properties(sheet, {"starts_at": starts, "ends_at": ends}),
            self._rows(sheet, {name: self._property(sheet, name) for name in kind.parts if name in self._has})
            if self._has_parts
            else None,
        )

    def _instants(self, sheet: Sheet, field: str) -> tuple[list[int | None], Sequence[bool]]:
        """Return when each row was, with the time of day of the column beside it, and which have none."""
        cells, clocks = sheet.cells(field), sheet.cells(CLOCKS[field])
        if cells is None:
            field, cells, clocks = CLOCKS[field], clocks, None
        if cells is None:
            return [None] * sheet.size, [False] * sheet.size
        if clocks is not None:
            cells = [
                f"{cell.strip()} {clock.strip()}" if cell.strip() and clock.strip() and is_dated_only(cell) else cell
                for cell, clock in zip(cells, clocks, strict=True)
            ]
        read = instant_reader(self._reading.instants[field])
        return sheet.convert(field, cells, read), list(map(is_dated_only, cells))

    def _properties(self, sheet: Sheet, instants: Mapping[str, Sequence[int | None]]) -> list[dict[str, Any]]:
        columns: dict[str, Sequence[Any]] = {}
        for name in self._kind.properties:
            if name in self._kind.instants:
                columns[name] = [None if ms is None else iso(ms) for ms in instants[name]]
            elif name in self._has:
                columns[name] = self._property(sheet, name)
        for name, place in self._attributes.items():
            columns.setdefault(name, list(map(property_reader(name), [row[place] for row in sheet.block.rows])))
        return self._rows(sheet, columns)

    def _property(self, sheet: Sheet, name: str) -> list[Any]:
        cells = sheet.cells(name) or ()
        if name in AMOUNTS:
            return [self._amount(cell, name) for cell in cells]
        return list(map(plain if name in _AS_JSON else property_reader(name), cells))

    def _amount(self, cell: str, name: str) -> Any:
        """Read an amount as a number; one that is none stays as it is written."""
        if not cell.strip():
            return None
        try:
            value = money.parse_number(cell, self._reading.currency, self._reading.marks.get(name))
        except ValueError:
            return cell.strip()
        return int(value) if value == value.to_integral_value() else float(value)

    def _rows(self, sheet: Sheet, columns: Mapping[str, Collection[Any]]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{} for _ in range(sheet.size)]
        for name, values in columns.items():
            for row, value in zip(rows, values, strict=False):
                if value is not None:
                    row[name] = value
        return rows
