"""What every kind of file goes through on its way in. Contacts: contact_pipeline; orders: order_pipeline; and so on."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from mailflow.importers.options import ImportOptions
from mailflow.importers.reading.source import Block, Reject, Source
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.recognition.shape import shaped_blocks
from mailflow.importers.values.cells import Sheet
from mailflow.importers.values.erased import without_erased
from mailflow.store.pace import Pace
from mailflow.store.staging import StagedReject, Staging
from mailflow.tokens import Keys

Advance = Callable[[int], object]

_BLOCKS_A_COLLECTION = 100


@dataclass(frozen=True, slots=True)
class Task:
    """One file to import: what it is, what the user says about it, and the shop whose ids it holds."""

    source: Source
    recognised: Recognised
    options: ImportOptions
    shop: str
    keys: Keys
    erased: Collection[str] = frozenset()  # hashes of the addresses that no file may bring back
    today: date = date.max  # in the zone of the file

    def sheets(self) -> Iterator[Sheet]:
        """Yield the file's blocks by columns, those that its layout adds among them."""
        blocks = shaped_blocks(self.source, self.recognised.steps)
        if self.erased:
            blocks = without_erased(blocks, self.recognised, self.keys, self.erased)
        for number, block in enumerate(blocks, 1):
            if number % _BLOCKS_A_COLLECTION == 0:
                gc.collect()  # it is paused meanwhile: see files
            yield Sheet(block, self.recognised)


@dataclass(frozen=True, slots=True)
class Staged:
    """What reading a file gave. `merged` rows are further lines of a thing that another row is counted for."""

    rows: int
    merged: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comparing gave. `merged` rows are those of `Staged.merged` that only comparing could find."""

    inserted: int
    updated: int
    unchanged: int
    warnings: list[str] = field(default_factory=list)
    merged: int = 0


class Pipeline(Protocol):
    """Takes one file in. Made for its `Task`; the methods are called in this order, the last two only in earnest."""

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        """Read the whole file into the staging tables; rows that cannot be read into stage.rejects."""

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        """Find out what is new. Reads the database in short statements, writes only into the staging file."""

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        """Return a sample of what would change: `{line, contact | order | …, field, old, new}`."""

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        """Write what is new in short transactions, opt-outs first, each change with its line in the undo journal."""


def stage_rejects(staging: Staging, rejects: list[Reject]) -> None:
    """Keep rows that cannot be read, for the reject file."""
    staging.add_rejects(StagedReject(row.line, row.field, row.reason, list(row.cells)) for row in rejects)


def size(block: Block) -> int:
    """Return how many rows of the file a block is."""
    return len(block.rows) + len(block.rejects)
