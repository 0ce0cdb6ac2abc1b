"""Read the columns of an orders file by blocks: ids, dates, amounts, status, products. Into orders: order_rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailflow import money
from mailflow.importers.orders import order_codes
from mailflow.importers.orders.goods import Goods, GoodsReader, no_goods
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, identifiers
from mailflow.importers.values.dates import InstantReader
from mailflow.importers.values.zones import named_zone
from mailflow.importers.wording.words import FULLY_REFUNDED, ORDER_STATUS_WORDS, fold
from mailflow.importers.wording.words_shop import NO_SALE, RETURN_WORDS
from mailflow.model import OrderStatus

LINE_FIELDS = frozenset({"quantity", "unit_price", "sku", "product_id", "title", "items"})


@dataclass(frozen=True, slots=True)
class Writing:
    """How the amounts and dates of one file are written, as a look at its columns has shown.

    `line_totals`: the total column differs within an order, so it is the amount of each line.
    """

    instant: InstantReader
    refund_instant: InstantReader
    marks: Mapping[str, str | None]
    currency: str
    line_totals: bool


@dataclass(frozen=True, slots=True)
class StatusSaid:
    """What a status means, and whether everything was paid back."""

    status: OrderStatus | None
    all_back: bool


SAYS_NOTHING = StatusSaid(None, all_back=False)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a block, row by row in parallel; None where a cell is blank or cannot be read.

    `returns` are rows that say of themselves that they are one; `return_ids` and `refund_of` tell the return and the
    order that it refunds, '' where the row does not.
    """

    ids: list[str]
    placed_at: list[int | None]
    totals: list[int | None]
    currencies: Sequence[str]
    statuses: list[StatusSaid]
    cancelled: list[str | None]
    refunded: list[int | None]
    refunded_at: list[int | None]
    goods: Goods
    returns: list[bool]
    return_ids: list[str]
    refund_of: list[str]
    codes: list[tuple[str, ...]] | None  # discount codes; None where no column has them


class ColumnReader:
    """Turns blocks of one orders file into columns. What cannot be read is a fault of the sheet's row."""

    def __init__(self, recognised: Recognised, writing: Writing) -> None:
        self._writing = writing
        has = set(recognised.columns)
        self._has_lines = bool(LINE_FIELDS & has)
        # Rows that are details of another one, or of which a head gives the total, do not say what they came to.
        self._prices_by_total = writing.line_totals and not has & {"unit_price", "items", "detail", "total_of"}
        # A file of nothing but refunds: what it says of them is what an order's total and date are elsewhere.
        self.only_refunds = "refunded" in has and not has & {"total", "unit_price"}
        self._total = "refunded" if self.only_refunds else "total"
        # Beside a total and what was paid back of it, the id of a refund is no more than a note.
        self._told_by_id = self.only_refunds or "refunded" not in has
        self._date = "placed_at" if "placed_at" in has else "refunded_at"
        self._statuses: dict[str, StatusSaid] = {}
        self._codes: dict[str, str] = {"": writing.currency}
        self._goods = GoodsReader(has, writing.currency, dict(writing.marks))

    def read(self, sheet: Sheet) -> Columns:
        """Return the columns of a block."""
        currencies = self._currencies(sheet)
        return_ids = self._ids(sheet, "return_id")
        totals = self._amounts(sheet, self._total, currencies)
        goods = self._goods.read(sheet, currencies) if self._has_lines else no_goods(sheet.size)
        return Columns(
            self._ids(sheet, "order_id"),
            self._placed(sheet),
            totals,
            currencies,
            [said or SAYS_NOTHING for said in sheet.read("status", self._status)],
            sheet.texts("cancelled_at"),
            self._amounts(sheet, "refunded", currencies) if self._total == "total" else [None] * sheet.size,
            sheet.read("refunded_at", lambda cell: self._writing.refund_instant(cell) if cell.strip() else None),
            goods.priced_by(totals, currencies) if self._prices_by_total else goods,
            self._returns(sheet, return_ids),
            return_ids,
            self._ids(sheet, "refund_of"),
            order_codes.column(sheet),
        )

    def _ids(self, sheet: Sheet, name: str) -> list[str]:
        cells = sheet.cells(name)
        return [""] * sheet.size if cells is None else identifiers(cells)

    def _returns(self, sheet: Sheet, return_ids: Sequence[str]) -> list[bool]:
        """Return which rows say of themselves that they are returns: by a kind, or by an id of their own."""
        told = [bool(own) for own in return_ids] if self._told_by_id and any(return_ids) else [False] * sheet.size
        if sheet.cells("kind") is None:
            return told
        return [bool(kind) or own for kind, own in zip(sheet.read("kind", _kind), told, strict=True)]

    def _placed(self, sheet: Sheet) -> list[int | None]:
        cells, zones = sheet.cells(self._date) or (), sheet.cells("zone")
        instant = self._writing.instant if self._date == "placed_at" else self._writing.refund_instant
        if zones is not None:
            pairs = list(zip(cells, zones, strict=True))
            return sheet.convert(self._date, pairs, lambda pair: _instant(instant, *pair))
        return sheet.convert_all(
            self._date, cells, instant.column, lambda cell: instant(cell) if cell.strip() else None
        )

    def _currencies(self, sheet: Sheet) -> list[str]:
        cells = sheet.cells("currency")
        if cells is None:
            return [self._writing.currency] * sheet.size
        if cells and cells[0] in self._codes and len(set(cells)) == 1:  # nearly always
            return [self._codes[cells[0]]] * sheet.size
        return [code or self._writing.currency for code in sheet.convert("currency", cells, self._code)]

    def _code(self, cell: str) -> str:
        if cell not in self._codes:
            self._codes[cell] = money.currency_code(cell) if cell.strip() else self._writing.currency
        return self._codes[cell]

    def _amounts(self, sheet: Sheet, name: str, currencies: Sequence[str]) -> list[int | None]:
        cells = sheet.cells(name)
        if cells is None:
            return [None] * sheet.size
        mark = self._writing.marks.get(name)
        if len(set(currencies)) == 1:
            currency = currencies[0]
            return sheet.convert_all(
                name,
                cells,
                lambda column: money.parse_column(column, currency, mark),
                lambda cell: _amount(cell, currency, mark),
            )
        pairs = list(zip(cells, currencies, strict=True))
        return sheet.convert(name, pairs, lambda pair: _amount(pair[0], pair[1], mark))

    def _status(self, cell: str) -> StatusSaid:
        if cell not in self._statuses:
            word = fold(cell)
            if word and word not in ORDER_STATUS_WORDS:
                raise ValueError(
                    f"unknown order status {cell.strip()!r}: if the column says something else, leave it out with"
                    " --map 'column=ignore'"
                )
            status = OrderStatus(ORDER_STATUS_WORDS[word]) if word else None
            self._statuses[cell] = StatusSaid(status, all_back=word in FULLY_REFUNDED)
        return self._statuses[cell]


def _instant(instant: InstantReader, cell: str, zone: str) -> int | None:
    if not cell.strip():
        return None
    return instant.within(named_zone(zone))(cell) if zone.strip() else instant(cell)


def _kind(cell: str) -> bool:
    """Return whether a row is a return; `ValueError` for one that is no sale either. Other words say nothing."""
    word = fold(cell)
    if word == NO_SALE:
        raise ValueError("the row is neither an order nor a refund")
    return word in RETURN_WORDS


def _amount(cell: str, currency: str, mark: str | None) -> int | None:
    return money.parse(cell, currency, mark) if cell and not cell.isspace() else None
