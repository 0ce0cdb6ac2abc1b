"""Read CSV in all its dialects as rows of text: delimiter, header, rows with their lines, and what is no row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from mailflow.errors import DataError
from mailflow.importers.reading.source_text import Text
from mailflow.importers.reading.table import MAX_CELL, Block, Reject, Source, check_header, row_fault

DELIMITERS = (",", ";", "\t", "|")

_OPEN_QUOTE = "a quote is opened and never closed"
_DAMAGED = "bytes that are not UTF-8 as the rest of the file is"
_SAMPLE_ROWS = 60
_SAMPLE_CHARACTERS = 1 << 18
_REPORT_COLUMNS = 4  # fewer may be a list whose header lacks a name
_MOST_TITLES = 5
_SEPARATOR_HINT = re.compile(r'"?sep=(.)"?\s*\Z', re.IGNORECASE)


def inspect(path: Path, text: Text) -> Source:
    """Find a CSV's delimiter and header. `DataError` where there is none."""
    with text.open() as file:
        sample = file.readlines(_SAMPLE_CHARACTERS)[: _SAMPLE_ROWS * 4]
    hint = _SEPARATOR_HINT.match(sample[0]) if sample else None
    titles = 0 if hint else _title_lines(sample)
    above = 1 if hint else titles
    delimiter = hint[1] if hint else _delimiter(sample[above:])
    header, skip = _header(path, sample, delimiter, above)
    notes = (*text.notes, *_told(sample[:titles]))
    return Source(
        path, text.sha256, text.encoding, text.errors, delimiter, header, skip, notes, content=text.place,
        lines=text.lines,
    )  # fmt: skip


def _told(titles: Sequence[str]) -> Iterator[str]:
    """Say what was passed over above the header."""
    if titles:
        shown = ", ".join(repr(line.strip()[:40]) for line in titles if line.strip())
        yield f"What stands above the header was left out: {shown}."


def blocks(source: Source, characters: int) -> Iterator[Block]:
    """Yield all rows of a CSV, about so many characters at a time."""
    csv.field_size_limit(MAX_CELL)
    with source.place.open(encoding=source.encoding, errors=source.errors, newline="") as file:
        lines = _Lines(file, source.skip)
        while (block := _read_block(source, lines, characters)) is not None:
            yield block


class _Lines:
    """Physical lines with their numbers, which can be given back when they turn out not to belong to a row."""

    def __init__(self, file: IO[str], skip: int) -> None:
        self._file = file
        self._returned: list[str] = []
        self.done = sum(1 for _ in islice(file, skip))

    def take(self, characters: int) -> list[str]:
        """Return the next lines: those given back, then about so many characters."""
        returned, self._returned = self._returned, []
        return returned + self._file.readlines(characters)

    def settle(self, lines: list[str], used: int) -> None:
        """Take the first `used` of these lines as read and give the others back."""
        self._returned = lines[used:]
        self.done += used


def _read_block(source: Source, lines: _Lines, characters: int) -> Block | None:
    """Return the rows of the next lines; None at the end of the file."""
    taken = lines.take(characters)
    if not taken:
        return None
    rows, ends, fault = _parse(source, taken)
    while fault == _OPEN_QUOTE and not ends:  # one row so far: it may go on
        more = lines.take(characters)
        if not more:
            break
        taken += more
        rows, ends, fault = _parse(source, taken)
    before, used = lines.done, ends[-1] if ends else 0
    if fault == _OPEN_QUOTE and ends:  # the last row goes on in the next block, or is broken: then it is alone there
        fault = None
    has_nul = any("\0" in line for line in taken)
    block = _sort_out(source, rows, [before + end for end in (0, *ends)], has_nul=has_nul)
    if fault is not None:
        # Only the line on which a broken row begins is lost to it: an open quote must not swallow the rows that follow.
        block.rejects.append(
            Reject(before + used + 1, tuple(taken[used].rstrip("\r\n").split(source.delimiter)), fault)
        )
        used += 1
    lines.settle(taken, used)
    return block


def _parse(source: Source, lines: list[str]) -> tuple[list[list[str]], Sequence[int], str | None]:
    """Return the rows of some lines, the number of lines up to the end of each, and what is wrong with the next row."""
    try:
        rows = list(csv.reader(lines, delimiter=source.delimiter, strict=True))
        if len(rows) == len(lines):  # every line is a row: nearly always
            return rows, range(1, len(rows) + 1), None
    except csv.Error:
        pass  # read once more below, row by row, to find which one is at fault
    rows, ends = [], []
    reader = csv.reader(lines, delimiter=source.delimiter, strict=True)
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error as error:
        return rows, ends, _csv_reason(error)
    return rows, ends, None


def _sort_out(source: Source, rows: list[list[str]], bounds: list[int], *, has_nul: bool) -> Block:
    """Part rows of the right width from the others. Row i begins on the line after `bounds[i]`."""
    width = len(source.header)
    block = Block()
    if not has_nul and source.errors == "strict" and set(map(len, rows)) == {width}:
        block.rows, block.lines = rows, [bound + 1 for bound in bounds[:-1]]
        return block
    for row, bound in zip(rows, bounds, strict=False):
        if not row:  # an empty line is no row
            continue
        row = _fitted(row, source.header)
        if len(row) != width:
            reason: str | None = f"the row has {len(row)} columns, the header {width}"
        else:
            reason = row_fault(row, damaged=_DAMAGED)
        if reason is None:
            block.rows.append(row)
            block.lines.append(bound + 1)
        else:
            block.rejects.append(Reject(bound + 1, tuple(row), reason))
    return block


def _fitted(row: list[str], header: Sequence[str]) -> list[str]:
    """Return a row as wide as the header where only blank cells at its end are too many, or nameless ones missing."""
    width = len(header)
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        return row[:width]
    if len(row) < width and not any(header[len(row) :]):
        return row + [""] * (width - len(row))
    return row


def _csv_reason(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a cell is longer than {MAX_CELL // 1024} KB, or a quote is opened and never closed"
    if "unexpected end" in text:
        return _OPEN_QUOTE
    if "expected after" in text:
        return 'there is text after a closing quote (a quote inside a quoted cell is written "")'
    return f"not CSV: {text}"


def _title_lines(sample: Sequence[str]) -> int:
    """Return how many lines stand above the header: the title and the period that reports begin with.

    Such lines have at most half as many cells as the rows below, and the line after them has as many and no blank one.
    """
    for delimiter in DELIMITERS:
        widths = [len(row) for row in _rows(sample, delimiter)[:_SAMPLE_ROWS]]
        usual = max(set(widths), key=widths.count, default=0)
        if usual < _REPORT_COLUMNS or widths[0] > usual // 2 or usual not in widths[: _MOST_TITLES + 1]:
            continue
        for above, line in enumerate(sample[: _MOST_TITLES + 1]):
            cells = next(iter(_rows([line], delimiter)), [])
            if len(cells) == usual:
                return above if all(cell.strip() for cell in cells) else 0
            if len(cells) > usual // 2:
                break
    return 0


def _delimiter(sample: Sequence[str]) -> str:
    """Return the delimiter that cuts most rows into as many cells as the header, and into more than one."""

    def fitness(delimiter: str) -> tuple[float, int]:
        rows = _rows(sample, delimiter)[:_SAMPLE_ROWS]
        if not rows or len(rows[0]) < 2:
            return 0.0, 0
        return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])

    best = max(DELIMITERS, key=fitness)
    return best if fitness(best)[1] else ","


def _rows(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    csv.field_size_limit(MAX_CELL)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                rows.append(row)
    except csv.Error:
        pass  # the rows so far decide; where the fault is, is said when the file is read
    return rows


def _header(path: Path, sample: list[str], delimiter: str, skip: int) -> tuple[tuple[str, ...], int]:
    """Return the header's cells and how many lines come before the first row."""
    reader = csv.reader(iter(sample[skip:]), delimiter=delimiter)
    csv.field_size_limit(MAX_CELL)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                # A second byte order mark is left where files were put together.
                header = tuple(cell.strip().lstrip("\ufeff") for cell in row)
                return check_header(path, header), skip + reader.line_num
    except csv.Error as error:
        raise DataError(f"{path}:1: the header cannot be read: {_csv_reason(error)}") from None
    raise DataError(f"{path}: the file is empty")
