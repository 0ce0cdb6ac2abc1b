"""Rows about people who asked to be forgotten: no file brings them back. Looked at only where there are any."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mailflow.importers.reading.source import Block, Reject
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import address
from mailflow.tokens import Keys

_REASON = "this person asked to be forgotten: their data does not come back"
_FIELDS = ("email", "other_emails")


def without_erased(
    blocks: Iterator[Block], recognised: Recognised, keys: Keys, erased: Collection[str]
) -> Iterator[Block]:
    """Yield blocks whose rows with an erased address are rejects. `erased` are the hashes of these addresses."""
    places = [place for name in _FIELDS for place in recognised.columns.get(name, ())]
    for block in blocks:
        gone = {
            index: place
            for index, row in enumerate(block.rows)
            for place in places
            if row[place] and not row[place].isspace() and _is_erased(row[place], keys, erased)
        }
        if gone:
            _reject(block, recognised, gone)
        yield block


def _is_erased(cell: str, keys: Keys, erased: Collection[str]) -> bool:
    try:
        found = address(cell)
    except ValueError:  # the row is rejected for that, or the cell holds several
        return False
    return found is not None and keys.address_hash(found.key) in erased


def _reject(block: Block, recognised: Recognised, gone: dict[int, int]) -> None:
    block.rejects.extend(
        Reject(
            block.lines[index],
            ("",) * recognised.width,  # no reject file keeps what is to be forgotten
            _REASON,
            recognised.header[place],
        )
        for index, place in gone.items()
    )
    block.rows = [row for index, row in enumerate(block.rows) if index not in gone]
    block.lines = [line for index, line in enumerate(block.lines) if index not in gone]
