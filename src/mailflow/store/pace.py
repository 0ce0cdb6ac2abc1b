"""Cut a long write into transactions that are short on any machine: each slice is as long as the last was quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mailflow import clock
from mailflow.store.connection import Connection
from mailflow.store.database import Store

TARGET_SECONDS = 0.04  # well under the 0.1 that a write may hold the database, as the next slice may be slower
_FIRST_ROWS = 1_000
_MOST_ROWS = 50_000


class Pace:
    """Knows how many rows the next write transaction may take."""

    def __init__(self, store: Store, advance: Callable[[int], object] = lambda rows: None) -> None:
        self.store = store
        self.advance = advance  # told of rows of the staging tables that are written
        self.rows = _FIRST_ROWS
        self.longest = 0.0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run a slice of `rows` rows as one write transaction, and learn from how long it took."""
        begun = clock.monotonic()
        with self.store.transaction() as tx:
            yield tx
        seconds = clock.monotonic() - begun
        self.longest = max(self.longest, seconds)
        factor = min(1.3, max(0.5, TARGET_SECONDS / max(seconds, 1e-6)))
        self.rows = min(_MOST_ROWS, max(100, int(self.rows * factor)))

    def slices(self, rows: Sequence[int]) -> Iterator[Sequence[int]]:
        """Yield rows in slices, each as long as the pace allows when it is asked for."""
        start = 0
        while start < len(rows):
            end = start + self.rows
            yield rows[start:end]
            start = end

    def ranks(self, table: str) -> Iterator[tuple[int, int]]:
        """Yield ranges of `rank` of a staged table, each as long as the pace allows when it is asked for."""
        last = int(self.store.db.execute(f"SELECT coalesce(max(rank), 0) FROM stage.{table}").fetchone()[0])
        first = 1
        while first <= last:
            end = min(last, first + self.rows - 1)
            yield first, end
            self.advance(end - first + 1)
            first = end + 1


def rows_to_write(db: Connection) -> int:
    """Return about how many rows of the staging tables will be written: those that were given a rank."""
    tables = db.execute(
        """SELECT m.name FROM stage.sqlite_master AS m JOIN pragma_table_info(m.name, 'stage') AS c
           WHERE m.type = 'table' AND c.name = 'rank'"""
    ).fetchall()
    return sum(int(db.execute(f"SELECT coalesce(max(rank), 0) FROM stage.{name}").fetchone()[0]) for (name,) in tables)
