"""Make orders of rows: one row an order, or several rows with one id the lines of one order. Cells: order_columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from operator import lt
from typing import Any, TypeVar

from mailflow import money
from mailflow.importers.buyers import Buyers, Keys, People
from mailflow.importers.cells import Sheet
from mailflow.importers.consent import ConsentReader
from mailflow.importers.contact_rows import Card
from mailflow.importers.order_columns import LINE_FIELDS, ColumnReader, Columns, Product, Writing
from mailflow.importers.recognise import Recognised
from mailflow.importers.source import Reject
from mailflow.model import OrderStatus
from mailflow.store.staging import ORDER_COLUMNS

_Value = TypeVar("_Value")

_STAGED_AS = {"email": "email_key", "customer_id": "customer_id", "phone": "phone_key", "status": "status"}
_NO_ID = "the order id is blank"
_NO_DATE = "the date is blank"
_NO_AMOUNT = "the amount is blank"
_NEGATIVE = (
    "the amount is negative: a refund is no order. Give it in a column of the order it belongs to"
    " (--map 'column=refunded')"
)


@dataclass(slots=True)
class Batch:
    """What one block gave, as tuples for store.staging."""

    cards: list[Card] = field(default_factory=list)
    orders: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    refunds: list[tuple[Any, ...]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a file of order lines: its place in the columns of its block, and why it cannot be read, if so."""

    columns: Columns
    buyers: Buyers
    index: int
    line: int
    cells: Sequence[str]
    fault: Reject | None

    @property
    def order_id(self) -> str:
        return self.columns.ids[self.index]

    @property
    def product(self) -> Product | None:
        return self.columns.products[self.index]

    def reject(self, reason: str) -> Reject:
        return self.fault or Reject(self.line, tuple(self.cells), reason)


class OrderRows:
    """Reads the blocks of one orders file. `merged` counts rows that are further lines of an order."""

    def __init__(self, recognised: Recognised, consent: ConsentReader, writing: Writing) -> None:
        has = set(recognised.columns)
        self.has_lines = bool(LINE_FIELDS & has)
        self.has_refunds = "refunded" in has
        self.has_ids = "order_id" in has
        self.merged = 0
        self._has_total = "total" in has
        self._is_plain = not (self.has_lines or self.has_refunds or "cancelled_at" in has)
        self._has_status = "status" in has
        self._line_totals = writing.line_totals
        self._reader = ColumnReader(recognised, writing)
        self._people = People(recognised, consent, by_block=self._is_plain and not self._has_status)
        self._open: list[_Row] = []
        self._n = 0
        self._last_id = (0, "")
        self.ids_ascend = self.has_ids
        # Only what the file speaks of is staged: a column of nothing costs as much as one of something.
        unsaid = {column for name, column in _STAGED_AS.items() if name not in has}
        if self._is_plain and "status" not in has:  # a status may say that all was paid back
            unsaid.add("fingerprint")
        self.order_columns = tuple(name for name in ORDER_COLUMNS if name not in unsaid)

    def read(self, sheet: Sheet) -> Batch:
        """Return what a block holds. The rows of its last order wait for the next block, which may go on with it."""
        columns = self._reader.read(sheet)
        buyers = self._people.read(sheet, columns.placed_at)
        if not sheet.size:
            return Batch()
        if self._is_plain and not (self._has_status and any(said.all_back for said in columns.statuses)):
            return self._read_plain(sheet, columns, buyers)
        batch = Batch()
        for index, (line, cells) in enumerate(zip(sheet.block.lines, sheet.block.rows, strict=True)):
            row = _Row(columns, buyers, index, line, sheet.own(cells), sheet.reject(index))
            if self._open and not (self.has_ids and self.has_lines and self._open[-1].order_id == row.order_id):
                self._close(batch)
            self._open.append(row)
        return batch

    @property
    def adds_totals(self) -> bool:
        """Whether the total of an order is the sum of what its rows say."""
        return self._line_totals or not self._has_total

    @property
    def card_columns(self) -> Sequence[str]:
        """What the tuples of `Batch.cards` hold."""
        return self._people.columns

    def finish(self) -> Batch:
        """Return what was still waiting at the end of the file."""
        batch = Batch()
        self._close(batch)
        return batch

    def _read_plain(self, sheet: Sheet, columns: Columns, buyers: Buyers) -> Batch:
        """Read a block whose every row is an order without lines or refunds, by columns: most large files are so."""
        self._find_faults(sheet, columns)
        faulty = sheet.faulty
        sound = [index for index in range(sheet.size) if index not in faulty] if faulty else range(sheet.size)
        batch = Batch(rejects=sheet.rejects())
        batch.cards.extend(self._people.cards(buyers, sheet.block.lines, sound))
        ids = columns.ids if self.has_ids else self._hash_ids(columns, buyers)
        values: dict[str, Sequence[Any]] = {
            "line": sheet.block.lines, "order_id": ids, "email_key": buyers.emails, "customer_id": buyers.ids,
            "phone_key": buyers.phones, "status": [said.status for said in columns.statuses],
            "placed_at": columns.placed_at,
            "total_minor": columns.totals, "currency": columns.currencies, "fingerprint": [0] * sheet.size,
        }  # fmt: skip
        self._watch_ids(ids)
        columns_said = [values[name] for name in self.order_columns[1:]]
        if faulty:
            columns_said = [[column[index] for index in sound] for column in columns_said]
        numbers = range(self._n + 1, self._n + 1 + len(sound))
        batch.orders = list(zip(numbers, *columns_said, strict=True))
        self._n += len(sound)
        return batch

    def _watch_ids(self, ids: Sequence[str]) -> None:
        """See whether the ids only ever grow, as those of most shops do: then none can come twice."""
        if not self.ids_ascend:
            return
        first, last = (len(ids[0]), ids[0]), (len(ids[-1]), ids[-1])
        keys: Sequence[Any] = ids if len(set(map(len, ids))) == 1 else [(len(one), one) for one in ids]
        self.ids_ascend = self._last_id < first and all(map(lt, keys, keys[1:]))
        self._last_id = last

    def _find_faults(self, sheet: Sheet, columns: Columns) -> None:
        totals, dates = columns.totals, columns.placed_at
        if None in totals or None in dates or min(totals, default=0) < 0:  # type: ignore[type-var, operator]
            for index, (total, date) in enumerate(zip(totals, dates, strict=True)):
                if date is None:
                    sheet.fault(index, "placed_at", _NO_DATE)
                elif total is None or total < 0:
                    sheet.fault(index, "total", _NO_AMOUNT if total is None else _NEGATIVE)
        if self.has_ids and "" in columns.ids:
            for index, order_id in enumerate(columns.ids):
                if not order_id:
                    sheet.fault(index, "order_id", _NO_ID)

    def _hash_ids(self, columns: Columns, buyers: Buyers) -> list[str]:
        return [
            _hash_id(*order)
            for order in zip(buyers.keys, columns.placed_at, columns.totals, columns.currencies, strict=True)
        ]

    def _close(self, batch: Batch) -> None:
        """Add the order that was being collected, or reject all its rows when one of them cannot be read."""
        rows, self._open = self._open, []
        faulty = next((row for row in rows if row.fault is not None), None)
        if faulty is not None:
            batch.rejects.extend(row.reject(f"line {faulty.line} of the same order cannot be read") for row in rows)
            return
        try:
            if rows:
                self._add(batch, rows)
        except ValueError as error:
            batch.rejects.extend(row.reject(str(error)) for row in rows)

    def _add(self, batch: Batch, rows: list[_Row]) -> None:
        head = rows[0]
        if self.has_ids and not head.order_id:
            raise ValueError(_NO_ID)
        placed_at = _first(row.columns.placed_at[row.index] for row in rows)
        if placed_at is None:
            raise ValueError(_NO_DATE)
        total = self._total(rows)
        currency = head.columns.currencies[head.index]
        buyer = next((row for row in rows if any(row.buyers.keys[row.index])), head)
        keys = buyer.buyers.keys[buyer.index]
        lines = _stored_lines(rows, currency)
        refund = _refund(rows, total, placed_at)
        self._n += 1
        self.merged += len(rows) - 1
        order_id = head.order_id or _hash_id(keys, placed_at, total, currency)
        fingerprint = _fingerprint((lines, refund))
        self._watch_ids([order_id])
        order = (self._n, head.line, order_id, *keys, _status(rows), placed_at, total, currency, fingerprint)
        batch.orders.append(
            tuple(value for name, value in zip(ORDER_COLUMNS, order, strict=True) if name in self.order_columns)
        )
        batch.lines.extend((self._n, position, *line) for position, line in enumerate(lines))
        if refund is not None:
            self.has_refunds = True
            batch.refunds.append((self._n, *refund))
        # A row may belong to the block before this one: cards takes the line that the row knows itself.
        batch.cards.extend(self._people.cards(buyer.buyers, {buyer.index: buyer.line}, [buyer.index]))

    def _total(self, rows: list[_Row]) -> int:
        totals = [total for row in rows if (total := row.columns.totals[row.index]) is not None]
        if totals:
            total = sum(totals) if self._line_totals else totals[0]
        elif self._has_total:
            raise ValueError(_NO_AMOUNT)
        else:
            total = _total_of_lines(rows)
        if total < 0:
            raise ValueError(_NEGATIVE)
        return total


def _total_of_lines(rows: list[_Row]) -> int:
    exact = Decimal(0)
    for row in rows:
        product = row.product
        if product is None or product.quantity is None or product.price is None:
            raise ValueError("quantity or price is blank, and there is no total")
        exact += product.quantity * product.price
    return money.rounded(exact, rows[0].columns.currencies[rows[0].index])


def _status(rows: list[_Row]) -> OrderStatus | None:
    if any(row.columns.cancelled[row.index] for row in rows):
        return OrderStatus.CANCELLED
    return _first(row.columns.statuses[row.index].status for row in rows)


def _refund(rows: list[_Row], total: int, placed_at: int) -> tuple[int, int] | None:
    """Return (when, how much) was paid back. Without a date of its own a refund is dated like its order."""
    refunded = abs(_first(row.columns.refunded[row.index] for row in rows) or 0)
    if not refunded and any(row.columns.statuses[row.index].all_back for row in rows):
        refunded = total
    return (_first(row.columns.refunded_at[row.index] for row in rows) or placed_at, refunded) if refunded else None


def _stored_lines(rows: list[_Row], currency: str) -> list[tuple[str, str | None, str, float, int | None]]:
    """Return (product id, SKU, title, quantity, price in minor units) of each row that names a product."""
    return [
        (
            product.product_id,
            product.sku,
            product.title,
            float(product.quantity) if product.quantity is not None else 1.0,
            money.rounded(product.price, currency) if product.price is not None else None,
        )
        for row in rows
        if (product := row.product) is not None and product.product_id
    ]


def _first(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


def _fingerprint(content: tuple[Any, ...]) -> int:
    """Return 64 bits that change with the lines or the refund of an order; 0 for neither."""
    if not any(content):
        return 0
    return int.from_bytes(blake2b(repr(content).encode(), digest_size=8).digest(), "big", signed=True)


def _hash_id(keys: Keys, placed_at: int | None, total: int | None, currency: str) -> str:
    """Return the id of an order whose file has none: the hash of who, when and how much."""
    email, customer_id, phone = keys
    text = f"{customer_id or email or phone}\x1f{placed_at}\x1f{total}\x1f{currency}"
    return blake2b(text.encode(), digest_size=12).hexdigest()
