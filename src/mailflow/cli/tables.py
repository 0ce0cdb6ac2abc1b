"""A plain table of rows, as several commands print them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailflow.cli.plain import shown

if TYPE_CHECKING:
    from rich.table import Table

_NUMBERS = ("contacts", "days", "orders", "revenue", "r", "f", "m")


def rows_table(rows: Sequence[Sequence[object]], headings: list[str], *, numbers: Sequence[str] = _NUMBERS) -> Table:
    """Return rows as a table; the columns of `numbers` stand to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(shown, row))
    return table
