"""Read JSON as rows of text: an object a line, one list of objects, and the rows of a spreadsheet from our spool.

The columns are all keys of all objects, in the order in which they first come; a nested key is `outer.inner`, a list
stays JSON. Numbers stay as they are written, null is blank. CSV: source_csv.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, NoReturn

from mailflow.errors import DataError
from mailflow.importers.reading.source_text import Text
from mailflow.importers.reading.table import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_LINE,
    Block,
    Form,
    NoTableError,
    Reject,
    Source,
    check_header,
    row_fault,
)

_SAMPLE_LINES = 60
# A list of objects, which may be all that an object around it holds: {"orders": [ ... ]}
_LIST = re.compile(r'\ufeff?\s*(?P<around>\{\s*"[^"\\]*"\s*:\s*)?\[')
_ONE_OBJECT = re.compile(r"\ufeff?\s*\{\s*\n")
_BETWEEN = re.compile(r"\s*,?\s*")
_LOOKS_LIKE_JSON = re.compile(r'\ufeff?\s*(?:\{\s*"|\[\s*\{)')
_STEP = 1 << 18
_RATHER = "A JSON file must be a list of objects, or hold one object a line"
_TOO_DEEP = "the line is nested too deeply"


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _BrokenError(ValueError):
    """Why a line is no row."""


def is_json(text: Text) -> bool:
    """Tell whether a file begins as JSON with objects does."""
    with text.open() as file:
        return _LOOKS_LIKE_JSON.match(file.read(1_024)) is not None


def inspect(path: Path, text: Text) -> Source:
    """Find the columns of a JSON file; reads all of it. `DataError` where it holds no objects."""
    form = _form(path, text)
    names: dict[str, None] = {}
    with text.open() as file:
        for number, (line, found) in enumerate(_values(path, form, file)):
            if isinstance(found, dict):
                names.update(dict.fromkeys(found))
            if len(names) > MAX_COLUMNS:
                raise DataError(f"{path}:{line}: more than {MAX_COLUMNS} different keys; at most so many can be read")
            if not names and number >= _SAMPLE_LINES:
                break
    if not names:
        raise NoTableError(f"{path}: no objects were found. {_RATHER}")
    header = check_header(path, tuple(names))
    return Source(
        path,
        text.sha256,
        text.encoding,
        text.errors,
        ",",
        header,
        0,
        text.notes,
        form=form,
        content=text.place,
        lines=text.lines,
    )


def _form(path: Path, text: Text) -> Form:
    with text.open() as file:
        head = file.read(_STEP)
    if _LIST.match(head):
        return Form.JSON_LIST
    if _ONE_OBJECT.match(head):
        raise NoTableError(f"{path}: this is one object over several lines. {_RATHER}")
    return Form.JSON_LINES


def inspect_sheet(path: Path, text: Text) -> Source:
    """Find the header of a spreadsheet in our spool: its first row that is not blank."""
    with text.open() as file:
        for number, line in enumerate(file, 1):
            cells = [cell.strip() for cell in json.loads(line)]
            if any(cells):
                header = check_header(path, tuple(cells))
                return Source(
                    path, text.sha256, text.encoding, text.errors, ",", header, number, text.notes, form=Form.SHEET,
                    content=text.place, lines=text.lines,
                )  # fmt: skip
    raise DataError(f"{path}: the sheet is empty")


def blocks(source: Source, characters: int) -> Iterator[Block]:
    """Yield all rows, about so many characters at a time."""
    with source.place.open(encoding=source.encoding, errors=source.errors, newline="") as file:
        rows = _sheet_rows(source, file) if source.form is Form.SHEET else _object_rows(source, file)
        block, weight = Block(), 0
        for line, cells, fault in rows:
            if fault is None:
                block.rows.append(cells)
                block.lines.append(line)
            else:
                block.rejects.append(Reject(line, tuple(cells), fault))
            weight += sum(map(len, cells)) + len(cells)
            if weight >= characters:
                yield block
                block, weight = Block(), 0
        if block.rows or block.rejects:
            yield block


def _sheet_rows(source: Source, file: IO[str]) -> Iterator[tuple[int, list[str], str | None]]:
    width = len(source.header)
    for number, line in enumerate(islice(file, source.skip, None), source.skip + 1):
        cells = json.loads(line)
        if any(cell.strip() for cell in cells):
            fitted = cells[:width] + [""] * (width - len(cells))
            surplus = any(cell.strip() for cell in cells[width:])
            yield (
                number,
                cells if surplus else fitted,
                _fault(fitted) if not surplus else (f"the row has {len(cells)} columns, the header {width}"),
            )


def _object_rows(source: Source, file: IO[str]) -> Iterator[tuple[int, list[str], str | None]]:
    for line, found in _values(source.path, source.form, file):
        if isinstance(found, dict):
            cells = [found.get(name, "") for name in source.header]
            yield line, cells, _fault(cells)
        else:
            text, reason = found
            yield line, [text], reason


def _fault(cells: list[str]) -> str | None:
    if any(len(cell) > MAX_CELL for cell in cells):
        return f"a cell is longer than {MAX_CELL // 1024} KB"
    return row_fault(cells)


def _values(path: Path, form: Form, file: IO[str]) -> Iterator[tuple[int, dict[str, str] | tuple[str, str]]]:
    """Yield (line, cells by column), or for what is no object (line, (its text, the reason))."""
    for line, text, value in _lines(file) if form is Form.JSON_LINES else _elements(path, file):
        try:
            if isinstance(value, _BrokenError):
                raise value
            yield line, _flat(value)
        except _BrokenError as error:
            yield line, (text, str(error))


def _lines(file: IO[str]) -> Iterator[tuple[int, str, object]]:
    """Yield (line, text, value) of every line that is not blank."""
    for number, line in enumerate(file, 1):
        text = line.strip().lstrip("\ufeff")
        if text:
            value, end = _decode(text, 0)
            yield number, text, value if end in (None, len(text)) else _BrokenError("there is more after the object")


def _elements(path: Path, file: IO[str]) -> Iterator[tuple[int, str, object]]:
    """Yield (line, text, value) of the elements of one long list, holding some of them at a time."""
    buffer, line, step = file.read(_STEP), 1, _STEP
    begun = _LIST.match(buffer)
    if begun is None:
        raise DataError(f"{path}: {_RATHER}")
    at = begun.end()
    line += buffer.count("\n", 0, at)
    while True:
        start = _end_of(_BETWEEN, buffer, at)
        line, at = line + buffer.count("\n", at, start), start
        if buffer.startswith("]", at):
            if (buffer[at + 1 :] + file.read(_STEP)).strip() != ("}" if begun["around"] else ""):
                raise DataError(f"{path}:{line}: there is more after the end of the list. {_RATHER}")
            return
        value, end = _decode(buffer, at)
        if end is None or end == len(buffer):  # it may go on beyond what was read
            more = file.read(step)
            if more:
                buffer, at = buffer[at:] + more, 0
                step = max(_STEP, len(buffer))
                if step > 2 * MAX_LINE:
                    raise DataError(f"{path}:{line}: an element of the list is longer than {MAX_LINE >> 20} MB")
                continue
            if end is None:
                raise DataError(f"{path}:{line}: the list breaks off, or is not JSON, here. {_RATHER}")
        yield line, buffer[at:end], value
        line, at = line + buffer.count("\n", at, end), end


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _BrokenError("a key comes twice in one object")
    return found


def _no_number(name: str) -> NoReturn:
    raise _BrokenError(f"{name} is no JSON: leave the key out, or write null")


_STRICT = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_no_number, object_pairs_hook=_unique)
_LOOSE = json.JSONDecoder(parse_int=str)  # only to find where an element ends that the strict one refuses


def _decode(text: str, start: int) -> tuple[object, int | None]:
    """Return the value at `start`, or why there is none, and where it ends, None where that cannot be known."""
    try:
        return _STRICT.raw_decode(text, start)
    except _BrokenError as error:
        try:
            return error, _LOOSE.raw_decode(text, start)[1]
        except ValueError:
            return _BrokenError("the line is not JSON"), None
    except json.JSONDecodeError as error:
        return _BrokenError(f"the line is not JSON: {error.msg} at character {error.pos + 1}"), None
    except RecursionError:
        return _BrokenError(_TOO_DEEP), None


def _flat(value: object) -> dict[str, str]:
    """Return an object's cells by column."""
    if not isinstance(value, dict):
        raise _BrokenError('the line is no object: write {"key": value, …}')
    cells: dict[str, str] = {}
    try:
        for name, text in _leaves("", value):
            if name in cells:
                raise _BrokenError(f"the key {name!r} comes twice in one object")
            cells[name] = text
    except RecursionError:
        raise _BrokenError(_TOO_DEEP) from None
    fault = row_fault(list(cells))
    if fault:
        raise _BrokenError(fault.replace("the row", "a key"))
    return cells


def _leaves(prefix: str, value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _leaves(f"{prefix}{key}.", inner)
        else:
            yield prefix + key, _cell(inner)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    return "" if value is None or value == {} else _as_json(value)


def _as_json(value: Any) -> str:
    """Return JSON in which numbers are as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_as_json, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_as_json(key)}:{_as_json(inner)}' for key, inner in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
