"""Read a CSV file as text, whoever wrote it: encoding, delimiter, header, rows with their lines, and what is no row.

Everything stays text here; what a column means: recognise; how a cell becomes a value: convert.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

from mailflow.errors import DataError, UsageError

MAX_CELL = 65_536
MAX_COLUMNS = 200
BLOCK_ROWS = 5_000
DELIMITERS = (",", ";", "\t", "|")

# What a rejected row carries besides its own columns; ignored when the mended file is imported again.
LINE_COLUMN = "mailflow_line"
REASON_COLUMN = "mailflow_reason"

_OPEN_QUOTE = "a quote is opened and never closed"
_SAMPLE_BYTES = 262_144
_SAMPLE_ROWS = 60
_CHUNK = 1 << 20
_SEPARATOR_HINT = re.compile(r"sep=(.)\s*\Z", re.IGNORECASE)
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet (.xlsx)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3\x00", "an SQLite database"),
)

_NEVER_TEXT = (b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x08")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked at: how to read it, and its header.

    `skip` lines come before the first row. `notes` are sentences for the user about guesses that were made.
    """

    path: Path
    sha256: str
    encoding: str
    errors: str
    delimiter: str
    header: tuple[str, ...]
    skip: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be read: its line, its cells as far as they are known, the column and the reason."""

    line: int
    cells: tuple[str, ...]
    reason: str
    field: str | None = None


@dataclass(slots=True)
class Block:
    """Some thousand rows of the right width with the line each begins on, and what between them is no row."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def inspect(path: Path) -> Source:
    """Find out how to read a file. `UsageError` for a missing one, `DataError` for one that holds no CSV."""
    if not path.exists():
        raise UsageError(f"{path}: no such file")
    if path.is_dir():
        raise DataError(f"{path}: this is a folder; name the CSV files in it")
    if not path.is_file():
        raise DataError(f"{path}: this is not a regular file; save it to disk first")
    try:
        with path.open("rb") as file:
            head = file.read(_SAMPLE_BYTES)
    except PermissionError:
        raise UsageError(f"{path}: no permission to read this file") from None
    _refuse_binary(path, head)
    sha256, encoding, errors, notes = _fingerprint(path, head)
    sample = _sample(path, encoding, errors)
    skip = 0
    hint = _SEPARATOR_HINT.match(sample[0]) if sample else None
    if hint:
        skip, delimiter = 1, hint[1]
    else:
        delimiter = _delimiter(sample)
    header, skip = _header(path, sample, delimiter, skip)
    return Source(path, sha256, encoding, errors, delimiter, header, skip, notes)


def blocks(source: Source, size: int = BLOCK_ROWS) -> Iterator[Block]:
    """Yield all rows of a file, `size` at a time. Memory stays that of one block."""
    csv.field_size_limit(MAX_CELL)
    with source.path.open(encoding=source.encoding, errors=source.errors, newline="") as file:
        lines = _Lines(file, source.skip)
        while (block := _read_block(source, lines, size)) is not None:
            yield block


class _Lines:
    """Physical lines with their numbers, which can be given back when they turn out not to belong to a row."""

    def __init__(self, file: IO[str], skip: int) -> None:
        self._file = file
        self._returned: list[str] = []
        self.done = sum(1 for _ in islice(file, skip))

    def take(self, count: int) -> list[str]:
        """Return the next lines, `count` of them or what is left."""
        returned, self._returned = self._returned, []
        return returned + list(islice(self._file, max(0, count - len(returned))))

    def settle(self, lines: list[str], used: int) -> None:
        """Take the first `used` of these lines as read and give the others back."""
        self._returned = lines[used:]
        self.done += used


def _read_block(source: Source, lines: _Lines, size: int) -> Block | None:
    """Return the rows of the next `size` lines; None at the end of the file."""
    taken = lines.take(size)
    if not taken:
        return None
    rows, ends, fault = _parse(source, taken)
    while fault == _OPEN_QUOTE and not ends:  # one row so far: it may go on
        more = lines.take(len(taken))
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
        reason = _row_fault(source, row, width)
        if reason is None:
            block.rows.append(row)
            block.lines.append(bound + 1)
        else:
            block.rejects.append(Reject(bound + 1, tuple(row), reason))
    return block


def _row_fault(source: Source, row: list[str], width: int) -> str | None:
    if len(row) != width:
        return f"the row has {len(row)} columns, the header {width}"
    text = "".join(row)
    if "\0" in text:
        return "the row contains a NUL character"
    if source.errors != "strict" and _UNDECODABLE.search(text):
        return "the row contains bytes that are not UTF-8 as the rest of the file is"
    return None


def _csv_reason(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a cell is longer than {MAX_CELL // 1024} KB, or a quote is opened and never closed"
    if "unexpected end" in text:
        return _OPEN_QUOTE
    if "expected after" in text:
        return 'there is text after a closing quote (a quote inside a quoted cell is written "")'
    return f"not CSV: {text}"


def _refuse_binary(path: Path, head: bytes) -> None:
    if not head.strip():
        raise DataError(f"{path}: the file is empty")
    for magic, what in _BINARY:
        if head.startswith(magic):
            raise DataError(f"{path}: this is {what}, not a CSV file: save or unpack it as CSV first")
    if any(head.startswith(bom) for bom, _ in _BOMS):
        return
    odd = sum(head.count(byte) for byte in _NEVER_TEXT)
    if odd > 8 and odd * 50 > len(head):  # a stray one is a reject of its row
        raise DataError(f"{path}: this is a binary file, not CSV (UTF-16 text needs its byte order mark)")


def _fingerprint(path: Path, head: bytes) -> tuple[str, str, str, tuple[str, ...]]:
    """Read the whole file once: its hash, and whether it is UTF-8. Return (sha256, codec, error handling, notes)."""
    marked = next((codec for bom, codec in _BOMS if head.startswith(bom)), None)
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(marked or "utf-8")()
    sound = True
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if sound:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    sound = False
    if sound:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            sound = False
    if sound:
        return digest.hexdigest(), marked or "utf-8", "strict", ()
    if marked and marked != "utf-8-sig":
        raise DataError(
            f"{path}: the file says it is {marked.upper()} but cannot be read as such: it is damaged or cut off"
        )
    codec, errors, note = _eight_bit(path)
    return digest.hexdigest(), "utf-8-sig" if marked else codec, "surrogateescape" if marked else errors, (note,)


def _eight_bit(path: Path) -> tuple[str, str, str]:
    """Decide what a file that is not all UTF-8 is: damaged UTF-8, Windows-1252 or Latin-1."""
    good = bad = 0
    seen: set[int] = set()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            text = decoder.decode(chunk)
            wrong = text.count("\ufffd")
            bad += wrong
            good += sum(1 for char in text if char > "\x7f") - wrong
            seen.update(chunk)
    if good > 4 * bad:
        return "utf-8", "surrogateescape", "The file is UTF-8 with damaged places: rows that hold one are rejected."
    if seen & {0x81, 0x8D, 0x8F, 0x90, 0x9D}:  # undefined in Windows-1252
        return "latin-1", "strict", "The file is not UTF-8; it was read as Latin-1."
    return "cp1252", "strict", "The file is not UTF-8; it was read as Windows-1252."


def _sample(path: Path, encoding: str, errors: str) -> list[str]:
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        return [line for line, _ in zip(file, range(_SAMPLE_ROWS * 4), strict=False)]


def _delimiter(sample: Iterable[str]) -> str:
    """Return the delimiter that cuts most rows into as many cells as the header, and into more than one."""
    lines = list(sample)

    def fitness(delimiter: str) -> tuple[float, int]:
        rows = _rows(lines, delimiter)[:_SAMPLE_ROWS]
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
                if len(row) > MAX_COLUMNS:
                    raise DataError(f"{path}: {len(row)} columns; at most {MAX_COLUMNS} can be read")
                return tuple(cell.strip() for cell in row), skip + reader.line_num
    except csv.Error as error:
        raise DataError(f"{path}:1: the header cannot be read: {_csv_reason(error)}") from None
    raise DataError(f"{path}: the file is empty")
