"""A plain table of rows, as several commands print them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailflow.cli.frame import Format, Session
from mailflow.cli.plain import shown
from mailflow.phrases import many

if TYPE_CHECKING:
    from rich.table import Table

MOST_ROWS = 20  # people that a table shows; JSON and CSV have all
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


def say_count(session: Session, count: int, what: str) -> None:
    """Say how many there are (`what` is their plural), and how to see all, where a table shows only the first."""
    if session.format is Format.TABLE and count > MOST_ROWS:
        session.say(f"{MOST_ROWS} of {count:,} {what}; --format csv shows all")
    else:
        session.say(many(count, what.removesuffix("s"), what))
