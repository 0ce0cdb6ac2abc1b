"""Hand data over: nouns and segments as CSV, JSON lines or Parquet, streamed: memory does not grow with the shop.

What the rows are: store/exports.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol

from mailflow import clock, spreadsheets
from mailflow.config.yaml_files import suggestion
from mailflow.errors import UnavailableError, UsageError
from mailflow.jobs import members
from mailflow.segments import Segments
from mailflow.store import exports
from mailflow.store.exports import NOUNS, Column, Kind, Row
from mailflow.workspace import Workspace

SEGMENTS = "segments"
ALL = (*NOUNS, SEGMENTS)
_SEGMENT_COLUMNS = tuple(Column(name) for name in ("segment", "contact", "email"))
_PEOPLE_AT_ONCE = 20_000


class Shape(StrEnum):
    """What a file of rows is."""

    CSV = "csv"
    JSON = "json"  # lines of JSON: one object a line
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Written:
    """One file that was written."""

    noun: str
    path: Path
    rows: int


class Writer(Protocol):
    """Takes rows and puts them into a file."""

    def write(self, rows: Sequence[Row]) -> None: ...


def check(nouns: Sequence[str]) -> Sequence[str]:
    """Return the nouns to hand over, all where none is named; `UsageError` for an unknown one."""
    for noun in nouns:
        if noun not in ALL:
            raise UsageError(f"there is nothing called {noun!r} to export{suggestion(noun, ALL)}")
    return list(dict.fromkeys(nouns)) or list(ALL)


def to_folder(
    workspace: Workspace,
    nouns: Sequence[str],
    folder: Path,
    shape: Shape,
    *,
    now: datetime,
    raw: bool = False,
    on_rows: Callable[[int], None] = lambda count: None,
) -> Iterator[Written]:
    """Write one file for each noun into a folder, whole or not at all.

    What happens meanwhile may be in it or not: a read of one moment would keep everybody from writing for as long.
    With `raw` a CSV holds texts as they are; else what a spreadsheet would run as a formula begins with an apostrophe.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be a folder for the files: {error.strerror}") from None
    for noun in nouns:
        path, written = folder / f"{noun}.{_ENDINGS[shape]}", 0
        with _draft(path) as draft, _writer(shape, draft, columns(noun), raw=raw) as writer:
            for rows in blocks(workspace, noun, now=now):
                writer.write(rows)
                written += len(rows)
                on_rows(len(rows))
        yield Written(noun, path, written)


def to_stream(workspace: Workspace, noun: str, stream: IO[str], *, now: datetime, raw: bool = False) -> None:
    """Write a noun as CSV to an open stream."""
    writer = _Csv(stream, columns(noun), raw=raw)
    for rows in blocks(workspace, noun, now=now):
        writer.write(rows)


def columns(noun: str) -> Sequence[Column]:
    """Return the columns of a noun."""
    return _SEGMENT_COLUMNS if noun == SEGMENTS else NOUNS[noun].columns


def blocks(workspace: Workspace, noun: str, *, now: datetime) -> Iterator[list[Row]]:
    """Yield a noun's rows a block at a time."""
    if noun != SEGMENTS:
        yield from exports.blocks(workspace.store.db, NOUNS[noun], workspace.settings.zone)
        return
    known = Segments.open(workspace.root, workspace.settings)
    for name in (*known.classes, *known.rules):
        ids = members.found(workspace, members.named(workspace, name), now=now).contact_ids
        for start in range(0, len(ids), _PEOPLE_AT_ONCE):
            people = members.people(workspace, ids[start : start + _PEOPLE_AT_ONCE])
            yield [(name, person.key, person.email) for person in people]


def records(noun: str, rows: Iterable[Row]) -> Iterator[Mapping[str, Any]]:
    """Yield rows as JSON holds them: instants as ISO 8601 text, JSON columns as what they hold."""
    for row in rows:
        yield {column.name: _value(column, cell) for column, cell in zip(columns(noun), row, strict=True)}


def _value(column: Column, cell: Any) -> Any:
    if column.kind is Kind.INSTANT and cell is not None:
        return clock.iso(clock.from_ms(cell))
    if column.name in ("attributes", "properties") and isinstance(cell, str):
        return json.loads(cell)
    return cell


_ENDINGS: Mapping[Shape, str] = {Shape.CSV: "csv", Shape.JSON: "jsonl", Shape.PARQUET: "parquet"}


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a path to write to that becomes `path` when all went well; only its owner can read it."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder where a file is to be: name another folder for the files")
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        os.close(descriptor)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        yield Path(name)
        os.replace(name, path)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _writer(shape: Shape, path: Path, columns: Sequence[Column], *, raw: bool) -> Iterator[Writer]:
    if shape is Shape.PARQUET:
        parquet = _Parquet(path, columns)
        try:
            yield parquet
        finally:
            parquet.close()
        return
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield _Csv(file, columns, raw=raw) if shape is Shape.CSV else _Json(file, columns)


class _Csv:
    def __init__(self, file: IO[str], columns: Sequence[Column], *, raw: bool) -> None:
        self.csv = spreadsheets.writer(file)
        self.csv.writerow([column.name for column in columns])
        self.instants = [place for place, column in enumerate(columns) if column.kind is Kind.INSTANT]
        self.texts = [] if raw else [place for place, column in enumerate(columns) if column.kind is Kind.TEXT]

    def write(self, rows: Sequence[Row]) -> None:
        self.csv.writerows(map(self._cells, rows))

    def _cells(self, row: Row) -> list[Any]:
        cells = list(row)
        for place in self.instants:
            if cells[place] is not None:
                cells[place] = clock.iso(clock.from_ms(cells[place]))
        for place in self.texts:
            text = cells[place]
            if isinstance(text, str):
                cells[place] = spreadsheets.safe(text)
        return cells


class _Json:
    def __init__(self, file: IO[str], columns: Sequence[Column]) -> None:
        self.file, self.columns = file, columns

    def write(self, rows: Sequence[Row]) -> None:
        names = [column.name for column in self.columns]
        for row in rows:
            cells = map(_value, self.columns, row)
            self.file.write(json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False) + "\n")


class _Parquet:
    """Instants stay integers (UTC milliseconds): they mean the same to every engine."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        try:
            arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise UsageError("Parquet needs pyarrow: pip install 'mailflow-cli[parquet]'") from error
        kinds = {Kind.INTEGER: arrow.int64(), Kind.INSTANT: arrow.int64(), Kind.REAL: arrow.float64()}
        self.arrow = arrow
        self.schema = arrow.schema([(column.name, kinds.get(column.kind, arrow.string())) for column in columns])
        self.file = parquet.ParquetWriter(path, self.schema)

    def write(self, rows: Sequence[Row]) -> None:
        arrays = [
            self.arrow.array(cells, type=field.type)
            for cells, field in zip(zip(*rows, strict=True), self.schema, strict=True)
        ]
        if arrays:
            self.file.write_batch(self.arrow.record_batch(arrays, schema=self.schema))

    def close(self) -> None:
        self.file.close()
