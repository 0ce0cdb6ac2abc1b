"""Read the columns of an orders file by blocks: ids, dates, amounts, status, products. Into orders: order_rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mailflow import money
from mailflow.importers.cells import Sheet, identifier, identifiers
from mailflow.importers.dates import InstantReader
from mailflow.importers.recognise import Recognised
from mailflow.importers.words import FULLY_REFUNDED, ORDER_STATUS_WORDS, fold
from mailflow.model import OrderStatus

LINE_FIELDS = frozenset({"quantity", "unit_price", "sku", "product_id", "title"})


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
class Product:
    """What a row says about a product: `product_id` is the shop's, else the SKU, else the title."""

    product_id: str
    sku: str | None
    title: str
    quantity: Decimal | None
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class StatusSaid:
    """What a status means, and whether everything was paid back."""

    status: OrderStatus | None
    all_back: bool


SAYS_NOTHING = StatusSaid(None, all_back=False)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a block, row by row in parallel; None where a cell is blank or cannot be read."""

    ids: list[str]
    placed_at: list[int | None]
    totals: list[int | None]
    currencies: Sequence[str]
    statuses: list[StatusSaid]
    cancelled: list[str | None]
    refunded: list[int | None]
    refunded_at: list[int | None]
    products: list[Product | None]


class ColumnReader:
    """Turns blocks of one orders file into columns. What cannot be read is a fault of the sheet's row."""

    def __init__(self, recognised: Recognised, writing: Writing) -> None:
        self._writing = writing
        self._has_lines = bool(LINE_FIELDS & set(recognised.columns))
        self._statuses: dict[str, StatusSaid] = {}
        self._codes: dict[str, str] = {"": writing.currency}

    def read(self, sheet: Sheet) -> Columns:
        """Return the columns of a block."""
        currencies = self._currencies(sheet)
        cells = sheet.cells("order_id")
        return Columns(
            [""] * sheet.size if cells is None else identifiers(cells),
            self._placed(sheet),
            self._amounts(sheet, "total", currencies),
            currencies,
            [said or SAYS_NOTHING for said in sheet.read("status", self._status)],
            sheet.texts("cancelled_at"),
            self._amounts(sheet, "refunded", currencies),
            sheet.read("refunded_at", lambda cell: self._writing.refund_instant(cell) if cell.strip() else None),
            self._products(sheet, currencies) if self._has_lines else [None] * sheet.size,
        )

    def _placed(self, sheet: Sheet) -> list[int | None]:
        cells = sheet.cells("placed_at") or ()
        instant = self._writing.instant
        return sheet.convert_all(
            "placed_at", cells, instant.column, lambda cell: instant(cell) if cell.strip() else None
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

    def _products(self, sheet: Sheet, currencies: Sequence[str]) -> list[Product | None]:
        quantities = self._numbers(sheet, "quantity", currencies)
        prices = self._numbers(sheet, "unit_price", currencies)
        names = zip(
            sheet.first_of("product_id", lambda cell: identifier(cell) or None),
            sheet.first_of("sku", lambda cell: identifier(cell) or None),
            sheet.texts("title"),
            strict=True,
        )
        return [
            Product(product_id or sku or title or "", sku, title or sku or product_id or "", quantity, price)
            if product_id or sku or title or quantity is not None
            else None
            for (product_id, sku, title), quantity, price in zip(names, quantities, prices, strict=True)
        ]

    def _numbers(self, sheet: Sheet, name: str, currencies: Sequence[str]) -> list[Decimal | None]:
        cells = sheet.cells(name)
        if cells is None:
            return [None] * sheet.size
        mark = self._writing.marks.get(name)
        currency = currencies[0] if currencies else self._writing.currency
        return sheet.convert(
            name, cells, lambda cell: money.parse_number(cell, currency, mark) if cell.strip() else None
        )


def _amount(cell: str, currency: str, mark: str | None) -> int | None:
    return money.parse(cell, currency, mark) if cell and not cell.isspace() else None
