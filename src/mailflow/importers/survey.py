"""Look at a file before it is read: how its dates and amounts are written. One rule a column, not a cell.

Most columns show it in their first rows; only a doubtful one is looked at to the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailflow.errors import QuestionError
from mailflow.importers.dates import DayOrder, InstantReader, OrderEvidence
from mailflow.importers.options import ImportOptions
from mailflow.importers.recognise import Recognised
from mailflow.importers.shape import shaped_blocks
from mailflow.importers.source import Block, Source
from mailflow.money import MarkEvidence

_DATES = ("placed_at", "refunded_at", "consent_at", "opted_out_at", "spent_on", "ends_on")
_AMOUNTS = ("total", "refunded", "unit_price", "quantity", "amount")


@dataclass(frozen=True, slots=True)
class Findings:
    """How to read the dates and amounts of each column, by field.

    `line_totals`: within one order the total differs from row to row, so it is that of the line.
    """

    instants: Mapping[str, InstantReader]
    marks: Mapping[str, str | None]
    line_totals: bool


def survey(source: Source, recognised: Recognised, options: ImportOptions) -> Findings:
    """Look at a file; `QuestionError` where nothing shows whether day or month comes first."""
    dates = {name: OrderEvidence() for name in _DATES if name in recognised.columns and options.date_format is None}
    marks = {name: MarkEvidence() for name in _AMOUNTS if name in recognised.columns}
    line_totals = False
    for number, block in enumerate(shaped_blocks(source, recognised.steps)):
        _look(block, recognised, dates, marks)
        if number == 0:
            line_totals = _differs_within_orders(block, recognised)
        if not any(date.order is None and date.doubtful for date in dates.values()) and not any(
            mark.mark is None and mark.doubtful for mark in marks.values()
        ):
            break
    for name, date in dates.items():
        if date.order is None and date.doubtful:
            date.order = recognised.day_order
        if date.order is None and date.doubtful:
            column = recognised.header[recognised.columns[name][0]]
            raise QuestionError(
                f"{source.path}: nothing in column {column!r} shows whether day or month comes first (such as"
                f" {date.doubtful.strip()!r})",
                option="--date-format",
                choices={order.value: order.value for order in DayOrder},
            )
    readers = {name: _reader(dates.get(name), options) for name in _DATES}
    return Findings(readers, {name: mark.mark for name, mark in marks.items()}, line_totals)


def _reader(evidence: OrderEvidence | None, options: ImportOptions) -> InstantReader:
    return InstantReader(options.zone, order=evidence.order if evidence else None, pattern=options.date_format)


def _look(
    block: Block, recognised: Recognised, dates: Mapping[str, OrderEvidence], marks: Mapping[str, MarkEvidence]
) -> None:
    for name, date in dates.items():
        if date.order is None:
            date.look(row[recognised.columns[name][0]] for row in block.rows)
    for name, mark in marks.items():
        if mark.mark is None:
            mark.look(row[recognised.columns[name][0]] for row in block.rows)


def _differs_within_orders(block: Block, recognised: Recognised) -> bool:
    order, total = recognised.place("order_id"), recognised.place("total")
    if (
        order is None
        or total is None
        or not {"quantity", "unit_price", "sku", "product_id", "title"} & set(recognised.columns)
    ):
        return False
    return any(
        before[order] == after[order]
        and _filled(before, total)
        and _filled(after, total)
        and before[total] != after[total]
        for before, after in zip(block.rows, block.rows[1:], strict=False)
    )


def _filled(row: Sequence[str], place: int) -> bool:
    return bool(row[place].strip())
