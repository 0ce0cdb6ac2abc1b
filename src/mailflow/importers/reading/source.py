"""Look at a file, whoever wrote it, and read its rows as text: the door to source_text, source_csv and source_json.

Everything stays text here; what a column means: recognise; how a cell becomes a value: cells. Folders, archives and
spreadsheets: pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mailflow import spreadsheets
from mailflow.errors import DataError, UsageError
from mailflow.importers.reading import source_csv, source_json, source_text
from mailflow.importers.reading.table import (
    BLOCK_CHARACTERS,
    LINE_COLUMN,
    MAX_CELL,
    MAX_COLUMNS,
    REASON_COLUMN,
    Block,
    Form,
    NoTableError,
    Reject,
    Source,
)

__all__ = [
    "BLOCK_CHARACTERS", "LINE_COLUMN", "MAX_CELL", "MAX_COLUMNS", "REASON_COLUMN", "Block", "Form", "NoTableError",
    "Reject", "Source", "blocks", "inspect",
]  # fmt: skip

JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})


def inspect(path: Path, content: Path | None = None, *, sheet: bool = False) -> Source:
    """Find out how to read a file. `content` is where its bytes are, if not at `path`; `sheet` says that they are rows
    of a spreadsheet from our spool.

    `UsageError` for a missing file, `NoTableError` for one of a kind without rows, `DataError` for one that is damaged.
    """
    _refuse_no_file(path, content or path)
    text = source_text.look(path, content or path)
    if sheet:
        return source_json.inspect_sheet(path, text)
    if path.suffix.lower() in JSON_SUFFIXES or source_json.is_json(text):
        return source_json.inspect(path, text)
    return source_csv.inspect(path, text)


def blocks(source: Source, characters: int = BLOCK_CHARACTERS) -> Iterator[Block]:
    """Yield all rows of a file, about so many characters at a time. Memory stays that of one block."""
    found = (source_csv if source.form is Form.CSV else source_json).blocks(source, characters)
    return map(_as_they_were, found) if REASON_COLUMN in source.header else found


def _as_they_were(block: Block) -> Block:
    """Return rows of a reject file as their own file had them: rejects.py marks what a spreadsheet would run."""
    block.rows = [list(map(spreadsheets.unsafe, row)) for row in block.rows]
    block.rejects = [replace(row, cells=tuple(map(spreadsheets.unsafe, row.cells))) for row in block.rejects]
    return block


def _refuse_no_file(path: Path, content: Path) -> None:
    if not content.exists():
        raise UsageError(f"{path}: no such file")
    if content.is_dir():
        raise DataError(f"{path}: this is a folder; name the files in it")
    if not content.is_file():
        raise DataError(f"{path}: this is not a regular file; save it to disk first")
