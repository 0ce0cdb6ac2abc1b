"""How far an import is: told while a file is read and while what is new is written. Shown by cli.import_bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Phase(StrEnum):
    """What is being done with a file."""

    READING = "reading"
    COMPARING = "comparing"
    WRITING = "writing"


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` rows of about `total`, in one phase of one file."""

    file: Path
    phase: Phase
    done: int
    total: int


Report = Callable[[Progress], object]


class Meter:
    """Counts the rows of one phase and reports each step."""

    def __init__(self, report: Report, file: Path) -> None:
        self._report = report
        self._file = file
        self._phase, self._done, self._total = Phase.READING, 0, 0

    def begin(self, phase: Phase, total: int) -> None:
        """Begin a phase of about `total` rows."""
        self._phase, self._done, self._total = phase, 0, total
        self.advance(0)

    def advance(self, rows: int) -> None:
        """Count some rows as done."""
        self._done += rows
        self._report(Progress(self._file, self._phase, self._done, max(self._total, self._done)))
