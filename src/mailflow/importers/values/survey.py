"""Look at a file before it is read: how its dates and amounts are written. One rule a column, not a cell.

Most columns show it in their first rows; only a doubtful one is looked at to the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mailflow.errors import QuestionError
from mailflow.importers.options import ImportOptions
from mailflow.importers.reading.source import Block, Source
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.recognition.shape import shaped_blocks
from mailflow.importers.values.dates import DayOrder, InstantReader, OrderEvidence
from mailflow.money import MarkEvidence, parse_number

_DATES = ("placed_at", "refunded_at", "consent_at", "opted_out_at", "spent_on", "ends_on")
LINE_FIELDS = frozenset({"quantity", "unit_price", "sku", "product_id", "title"})
_AMOUNTS = ("total", "refunded", "unit_price", "quantity", "amount")


_Evidence = OrderEvidence | MarkEvidence


@dataclass(frozen=True, slots=True)
class Findings:
    """How to read the dates and amounts of each column, by field; of further columns (`unasked`, `numbers`) by place.

    `line_totals`: the total of a row is that of a line, not that of its order.
    """

    instants: Mapping[str, InstantReader]
    unasked: Mapping[int, InstantReader]
    marks: Mapping[str, str | None]
    numbers: Mapping[int, str | None]
    line_totals: bool


def survey(
    source: Source,
    recognised: Recognised,
    options: ImportOptions,
    *,
    of_dates: Collection[str] = _DATES,
    of_amounts: Collection[str] = _AMOUNTS,
    unasked: Collection[int] = (),
    numbers: Collection[int] = (),
) -> Findings:
    """Look at a file; `QuestionError` where nothing shows whether day or month comes first.

    `of_dates` and `of_amounts` are the fields that hold dates and amounts in a file of this kind, `numbers` places of
    columns with further numbers. `unasked` are places of columns with dates that are worth no question: they are as
    other dates of the file where they do not show it.
    """
    dates = {name: OrderEvidence() for name in of_dates if name in recognised.columns and options.date_format is None}
    others = {place: OrderEvidence() for place in unasked if options.date_format is None}
    marks = {name: MarkEvidence() for name in of_amounts if name in recognised.columns}
    counted = {place: MarkEvidence() for place in numbers}
    named: list[tuple[str, _Evidence]] = [*dates.items(), *marks.items()]
    looked: list[tuple[int, _Evidence]] = [(recognised.columns[name][0], each) for name, each in named]
    line_totals = _look(source, recognised, [*looked, *others.items(), *counted.items()])
    for name, date in dates.items():
        _settle(source, recognised, name, date)
    likely = next((date.order for date in (*dates.values(), *others.values()) if date.order), recognised.day_order)
    for date in others.values():
        date.order = date.order or likely
    return Findings(
        {name: _reader(dates.get(name), options) for name in of_dates},
        {place: _reader(others.get(place), options) for place in unasked},
        {name: mark.mark for name, mark in marks.items()},
        {place: mark.mark for place, mark in counted.items()},
        line_totals,
    )


def _look(source: Source, recognised: Recognised, columns: Sequence[tuple[int, _Evidence]]) -> bool:
    """Look at columns until none is open any more; return whether the totals of the first rows are those of lines."""
    line_totals = False
    for number, block in enumerate(shaped_blocks(source, recognised.steps)):
        for place, evidence in columns:
            if not evidence.is_shown:
                evidence.look(row[place] for row in block.rows)
        if number == 0:
            line_totals = _shows_line_totals(block, recognised)
        if not any(evidence.is_open for _, evidence in columns):
            break
    return line_totals


def _settle(source: Source, recognised: Recognised, name: str, date: OrderEvidence) -> None:
    """Read a column of dates that shows nothing as its tool writes them; `QuestionError` where that is not known."""
    if not date.is_open:
        return
    date.order = recognised.day_order
    if date.order is None and date.doubtful is not None:
        column = recognised.header[recognised.columns[name][0]]
        raise QuestionError(
            f"{source.path}: nothing in column {column!r} shows whether day or month comes first (such as"
            f" {date.doubtful.strip()!r})",
            option="--date-format",
            choices={order.value: order.value for order in DayOrder},
        )


def _reader(evidence: OrderEvidence | None, options: ImportOptions) -> InstantReader:
    return InstantReader(options.zone, order=evidence.order if evidence else None, pattern=options.date_format)


def _shows_line_totals(block: Block, recognised: Recognised) -> bool:
    """Return whether the amount is that of each line: it differs within an order, or is quantity times price."""
    order, total = recognised.place("order_id"), recognised.place("total")
    if order is None or total is None or not LINE_FIELDS & set(recognised.columns):
        return False
    orders: dict[str, list[Sequence[str]]] = defaultdict(list)
    for row in block.rows:
        if row[order].strip() and _is_sale(row[total]):
            orders[row[order]].append(row)
    several = [rows for rows in orders.values() if len(rows) > 1]
    if any(len({row[total] for row in rows}) > 1 for rows in several):
        return True
    quantity, price = recognised.place("quantity"), recognised.place("unit_price")
    if quantity is None or price is None or not several:
        return False
    return all(_is_product(row[total], row[quantity], row[price]) for rows in several for row in rows)


def _is_sale(cell: str) -> bool:
    """Return whether a cell holds an amount that did not go back."""
    return bool(cell.strip()) and not cell.strip().startswith(("-", "\u2212", "("))


def _is_product(total: str, quantity: str, price: str) -> bool:
    try:
        said, count, each = (parse_number(cell, "EUR") for cell in (total, quantity, price))
    except ValueError:
        return False
    return abs(said - count * each) < Decimal("0.01") and count != 0 and said != 0
