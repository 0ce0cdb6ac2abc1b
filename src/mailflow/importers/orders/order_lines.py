"""Read a file of order lines without buyers and dates, order by order. Its pipeline: line_pipeline; cells: goods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby

from mailflow import money
from mailflow.importers.orders.goods import GoodsReader, Line, Names, price_of_one
from mailflow.importers.reading.source import Reject
from mailflow.importers.values.cells import Sheet, identifiers
from mailflow.store.lines_bulk import KnownOrder

_NO_ID = "the order id is blank"
_NO_PRODUCT = "the row names no product"
_UNKNOWN = "no order {order!r} of {shop} is known: import the orders first, or say with --from whose they are"

KnownOrders = Callable[[Collection[str]], Mapping[str, KnownOrder]]


@dataclass(frozen=True, slots=True)
class LineRow:
    """One row: the line of an order that is known, or why it is none."""

    number: int
    cells: tuple[str, ...]
    order_id: str
    order: KnownOrder | None
    line: Line | None
    categories: tuple[str, ...] = ()
    fault: Reject | None = None

    def reject(self, because_of: int) -> Reject:
        """Return the row as a reject: for its own fault, else for that of another row of its order."""
        reason = f"line {because_of} of the same order cannot be read"
        return self.fault or Reject(self.number, self.cells, reason)


@dataclass(slots=True)
class LineBatch:
    """The orders of a block with their rows, each in one piece; and rows that are rejected."""

    orders: list[list[LineRow]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class LineRows:
    """Reads the blocks of one file. `broken` are orders of which a row was rejected: then all of theirs are to be."""

    def __init__(self, shop: str, known: KnownOrders, goods: GoodsReader, currency: str, mark: str | None) -> None:
        self._shop = shop
        self._known = known
        self._goods = goods
        self._currency = currency
        self._mark = mark  # the decimal mark of the totals of lines
        self._open: list[LineRow] = []
        self.broken: set[str] = set()

    def read(self, sheet: Sheet) -> LineBatch:
        """Return what a block holds; its last order waits for the next block, which may go on with it."""
        batch = LineBatch()
        for order_id, rows in groupby(self.rows(sheet), key=lambda row: row.order_id):
            if self._open and self._open[-1].order_id != order_id:
                self._close(batch)
            self._open += rows
        return batch

    def finish(self) -> LineBatch:
        """Return what was still waiting at the end of the file."""
        batch = LineBatch()
        self._close(batch)
        return batch

    def rows(self, sheet: Sheet) -> Iterator[LineRow]:
        """Yield the rows of a block."""
        if not sheet.size:
            return
        ids = identifiers(sheet.cells("order_id") or [""] * sheet.size)
        known = self._known(set(ids))
        orders = [known.get(order_id) for order_id in ids]
        currencies = [order.currency if order else self._currency for order in orders]
        goods = self._goods.read(sheet, currencies)
        lines = goods.lines()
        totals = self._totals(sheet, currencies)
        for index, (order_id, order) in enumerate(zip(ids, orders, strict=True)):
            if not order_id:
                sheet.fault(index, "order_id", _NO_ID)
            elif order is None:
                sheet.fault(index, "order_id", _UNKNOWN.format(order=order_id, shop=self._shop))
            elif not lines[index][0]:
                sheet.fault(index, "title", _NO_PRODUCT)
        categories = goods.categories or [()] * sheet.size
        for index, (order_id, order) in enumerate(zip(ids, orders, strict=True)):
            number, cells = sheet.block.lines[index], tuple(sheet.own(sheet.block.rows[index]))
            row = LineRow(number, cells, order_id, order, None, fault=sheet.reject(index))
            if row.fault is None:
                line = _priced(lines[index], totals[index], currencies[index])
                row = replace(row, line=line, categories=categories[index])
            yield row

    def _totals(self, sheet: Sheet, currencies: Sequence[str]) -> list[Decimal | None]:
        """Return what whole lines cost, where the file says no price of one."""
        cells = sheet.cells("total")
        if cells is None or sheet.cells("unit_price") is not None:
            return [None] * sheet.size
        pairs = list(zip(cells, currencies, strict=True))
        return sheet.convert(
            "total", pairs, lambda pair: money.parse_number(*pair, self._mark) if pair[0].strip() else None
        )

    def _close(self, batch: LineBatch) -> None:
        rows, self._open = self._open, []
        faulty = next((row for row in rows if row.fault is not None), None)
        if faulty is not None:
            batch.rejects += [row.reject(faulty.number) for row in rows]
            if faulty.order is not None:
                self.broken.add(faulty.order_id)
        elif rows:
            batch.orders.append(rows)


def _priced(line: Line, total: Decimal | None, currency: str) -> Line:
    """Return a line with the price of one, where the file says that of all."""
    if total is None:
        return line
    *names, quantity, _ = line
    price = price_of_one(money.rounded(total, currency), Decimal(str(quantity)))
    return (*names, quantity, price)  # type: ignore[return-value]


def names_of(row: LineRow) -> Names:
    """Return the product id, SKU and title that a row names."""
    return row.line[:3] if row.line is not None else ("", None, "")
