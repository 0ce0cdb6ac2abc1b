"""What a file of rows is once it was looked at: how to read it, its header, its blocks, and what in it is no row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mailflow.errors import DataError

MAX_CELL = 65_536
MAX_COLUMNS = 200
MAX_LINE = 1 << 24
BLOCK_CHARACTERS = 1 << 18

# What a rejected row carries besides its own columns; ignored when the mended file is imported again.
LINE_COLUMN = "mailflow_line"
REASON_COLUMN = "mailflow_reason"


_HALF = re.compile("[\ud800-\udfff]")


class NoTableError(DataError):
    """A file of a kind that holds no rows (a picture, a PDF): in a folder or an archive it is passed over."""


class Form(StrEnum):
    """How the rows of a file are written."""

    CSV = "csv"
    JSON_LINES = "json lines"  # one object a line
    JSON_LIST = "json list"  # one list of objects
    SHEET = "sheet"  # one list a line, line n being row n of a spreadsheet: only in our own spool


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked at: how to read it, and its header.

    `skip` lines come before the first row, of about `lines` in all. `notes` are sentences for the user about guesses
    that were made. `path` is what the file is called; where it was unpacked, its bytes lie in `content`.
    """

    path: Path
    sha256: str
    encoding: str
    errors: str
    delimiter: str
    header: tuple[str, ...]
    skip: int
    notes: tuple[str, ...] = ()
    form: Form = Form.CSV
    content: Path | None = None
    lines: int = 0

    @property
    def place(self) -> Path:
        """Where the bytes lie."""
        return self.content or self.path

    @property
    def name(self) -> str:
        """What its writer called it: without the archive that it came in."""
        if self.place == self.path:
            return self.path.name
        return self.path.name.rpartition(":")[2].removesuffix(".gz")


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


def row_fault(cells: list[str] | tuple[str, ...], *, damaged: str = "half a character") -> str | None:
    """Return why cells of the right number cannot be kept, or None. `damaged` says what undecodable places are."""
    text = "".join(cells)
    if "\0" in text:
        return "the row contains a NUL character"
    if not text.isascii() and _HALF.search(text):
        return f"the row contains {damaged}"
    return None


def check_header(path: Path, header: tuple[str, ...]) -> tuple[str, ...]:
    """Return a header that can be used; `DataError` for one that is too wide or damaged."""
    if len(header) > MAX_COLUMNS:
        raise DataError(f"{path}: {len(header)} columns; at most {MAX_COLUMNS} can be read")
    fault = row_fault(header, damaged="bytes that are not UTF-8 as the rest of the file is")
    if fault:
        raise DataError(f"{path}:1: the header cannot be read: {fault.replace('the row', 'it')}")
    return header
