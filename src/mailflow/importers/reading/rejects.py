"""Write the rows that could not be read into a CSV that can be mended and imported again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailflow import spreadsheets
from mailflow.importers.reading.table import LINE_COLUMN, REASON_COLUMN, Form, Source
from mailflow.store.staging import StagedReject

_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # what lies between are bytes that were kept as they are


def write(folder: Path, import_id: int, source: Source, rejects: Iterator[StagedReject]) -> Path:
    """Write a reject file into `folder`: the file's own columns, the line and the reason. Return its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{import_id}-{_stem(source)}.csv"
    places = [place for place, name in enumerate(source.header) if name not in (LINE_COLUMN, REASON_COLUMN)]
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with (
        _removed_if_cut_off(path),
        os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = spreadsheets.writer(file)
        writer.writerow([*(source.header[place] for place in places), LINE_COLUMN, REASON_COLUMN])
        for row in rejects:
            # What does not fit under the header goes into its last cell: nothing is cut off.
            fitting = [row.cells[place] if place < len(row.cells) else "" for place in places]
            if places and len(row.cells) > len(source.header):
                fitting[-1] = source.delimiter.join(row.cells[len(source.header) - 1 :])
            writer.writerow([*map(_writable, fitting), row.line, _writable(row.reason)])
    return path


@contextmanager
def _removed_if_cut_off(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _writable(cell: str) -> str:
    """Return a cell without halves of characters, which JSON can hold and no file can, and that no spreadsheet runs."""
    return spreadsheets.safe(cell if cell.isascii() else _HALF.sub("\ufffd", cell))


def _stem(source: Source) -> str:
    """Return what the file is called without its ending, and without what no file may be called."""
    name = source.path.name.replace(":", "-").replace("\0", "")
    return (name if source.form is Form.SHEET else Path(name.removesuffix(".gz")).stem)[:100]
