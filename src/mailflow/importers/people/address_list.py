"""Read a list of addresses for `contact subscribe|unsubscribe|suppress`: one a line, or a CSV with an e-mail column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailflow.addresses import Address, normalise
from mailflow.errors import DataError, Problem
from mailflow.importers.reading import source
from mailflow.importers.reading.source import Source
from mailflow.importers.wording.words import CONTACT_WORDS, fold


@dataclass(slots=True)
class AddressList:
    """The addresses of a file, each once, in its order; and the lines that hold none."""

    addresses: list[Address] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(path: Path) -> AddressList:
    """Read a file of addresses. `DataError` where no column holds any; a bad line is a problem, not an exception."""
    found = source.inspect(path)
    column, found = _column(found)
    listed = AddressList()
    known: set[str] = set()
    for line, cell in _cells(found, column, listed.problems):
        try:
            address = normalise(cell)
        except ValueError as error:
            listed.problems.append(Problem(str(path), str(error), line))
            continue
        if address.key not in known:
            known.add(address.key)
            listed.addresses.append(address)
    listed.problems.sort(key=lambda problem: problem.line or 0)
    return listed


def _column(found: Source) -> tuple[int, Source]:
    """Return the place of the e-mail column, and the source without a header where it has none."""
    for place, header in enumerate(found.header):
        if CONTACT_WORDS.get(fold(header)) == "email":
            return place, found
    for place, cell in enumerate(found.header):
        if "@" in cell:  # there is no header: the first line is data already
            return place, replace(found, skip=found.skip - 1)
    raise DataError(
        f"{found.path}: no column for e-mail addresses. Name one `email` in the first line, or write one address a line"
    )


def _cells(found: Source, column: int, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    for block in source.blocks(found):
        problems.extend(Problem(str(found.path), reject.reason, reject.line) for reject in block.rejects)
        yield from ((line, row[column]) for line, row in zip(block.lines, block.rows, strict=True))
