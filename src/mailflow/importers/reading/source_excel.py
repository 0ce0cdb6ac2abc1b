"""Read the sheets of an .xlsx file into the spool, a line a row, so that it is read like any other file afterwards.

python-calamine (the extra `excel`) does the reading. It holds a whole sheet in memory, blank cells too, so the file is
looked through first: a few hundred bytes can claim a cell in the last row of the last column.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from mailflow.errors import DataError, UnavailableError
from mailflow.importers.reading import archives
from mailflow.importers.reading.spool import Spool

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

MAX_CELLS = 2_000_000

_CHUNK = 1 << 18
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".bin", ".vml"})


def sheets(path: Path, spool: Spool) -> Iterator[tuple[str, Path | None]]:
    """Yield (name, where its rows lie) of each sheet that is not hidden; None instead of a place for one without rows.

    `UnavailableError` without the extra, `DataError` for a file that is damaged or too large.
    """
    calamine = _calamine()
    _look_through(path)
    with _told(path), calamine.load_workbook(path) as book:
        for about in book.sheets_metadata:
            if about.visible is not calamine.SheetVisibleEnum.Visible:
                continue
            content = None
            if about.typ is calamine.SheetTypeEnum.WorkSheet:
                content = _write(book.get_sheet_by_name(about.name), spool)
            yield archives.shown(about.name), content


def _calamine() -> Any:
    try:
        import python_calamine
    except ImportError:
        raise UnavailableError(
            "reading .xlsx needs an extra part: pip install 'mailflow-cli[excel]', or save the sheet as CSV"
        ) from None
    return python_calamine


def _write(sheet: CalamineSheet, spool: Spool) -> Path | None:
    if sheet.start is None:
        return None
    path, file = spool.create()
    with file:
        for row in sheet.iter_rows():
            file.write(json.dumps([_text(cell) for cell in row], ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    return path


def _text(cell: object) -> str:
    """Return a cell as plain text: no 1.0 for a whole number, dates as 2026-03-01, fifteen digits as the sheet has."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return f"{Decimal(f'{cell:.15g}').normalize():f}"
    if isinstance(cell, datetime):
        rounded = (cell + timedelta(milliseconds=500)).replace(microsecond=0)  # a day is a float there
        return rounded.date().isoformat() if rounded.time() == time(0) else rounded.isoformat(" ")
    if isinstance(cell, time):
        return cell.replace(microsecond=0).isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _look_through(path: Path) -> None:
    """Refuse a file that unpacks to too much, has a password, or whose sheets are too large; unpacks it once."""
    with _told(path), zipfile.ZipFile(path) as archive:
        found = archive.infolist()
        if len(found) > archives.MAX_MEMBERS:
            raise DataError(f"{path}: holds {len(found):,} parts; at most {archives.MAX_MEMBERS:,} can be read")
        allowance = archives.Allowance(str(path), path.stat().st_size)
        for member in found:
            measure = _Measure(path) if Path(member.filename).suffix.lower() not in _PICTURES else None
            with archive.open(member) as packed:
                while chunk := packed.read(_CHUNK):
                    allowance.take(len(chunk))
                    if measure is not None:
                        measure.feed(chunk)


class _Measure:
    """Reads XML only to see how far its cells reach, however it is encoded."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._row = self._column = self._last_row = self._last_column = 0
        self._is_xml: bool | None = None

    def feed(self, chunk: bytes) -> None:
        """Read on; what is no XML is passed over."""
        if self._is_xml is None:
            self._is_xml = chunk.lstrip(_BEFORE_XML).startswith(b"<")
        if self._is_xml:
            self._parser.Parse(chunk, False)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "row":
                self._row = _number(attributes.get("r", "")) or self._row + 1
                self._column = 0
            case "c":
                letters = "".join(char for char in attributes.get("r", "") if char.isalpha())
                digits = attributes.get("r", "")[len(letters) :]
                self._row = _number(digits) or self._row
                self._column = _column(letters) or self._column + 1
                self._last_row = max(self._last_row, self._row)
                self._last_column = max(self._last_column, self._column)
                if self._last_row * self._last_column > MAX_CELLS:
                    raise DataError(
                        f"{self._path}: a sheet reaches over more than {MAX_CELLS:,} cells: save it as CSV and import"
                        " that"
                    )

    def _doctype(self, *_: object) -> None:
        raise DataError(f"{self._path}: holds a document type, which no spreadsheet does: it is not read")


def _number(digits: str) -> int:
    return int(digits) if digits.isdecimal() and len(digits) < 10 else 0


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper()[:8]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return max(0, number)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the readers raise into a sentence."""
    from python_calamine import CalamineError, PasswordError

    try:
        with archives.told(path):
            yield
    except PasswordError:
        raise DataError(f"{path}: has a password: save it without one") from None
    except (expat.ExpatError, CalamineError) as error:
        raise DataError(f"{path}: this is no .xlsx file, or a damaged one ({error}): save it anew, or as CSV") from None
