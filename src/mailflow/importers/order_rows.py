"""Read the rows of an orders file: one row an order, or several rows with one id as the lines of one order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any, TypeVar

from mailflow import money
from mailflow.importers.cells import Sheet, address, identifier, marked_text, phone_key
from mailflow.importers.consent import ConsentReader
from mailflow.importers.contact_rows import Card, person_fields
from mailflow.importers.recognise import Recognised
from mailflow.importers.source import Reject
from mailflow.importers.words import FULLY_REFUNDED, ORDER_STATUS_WORDS, fold
from mailflow.model import ConsentState, OrderStatus

_Value = TypeVar("_Value")

_LINE_FIELDS = frozenset({"quantity", "unit_price", "sku", "product_id", "title"})
_SEEN_CARDS = 100_000


@dataclass(frozen=True, slots=True)
class OrderColumns:
    """How the amounts and dates of one file are written, as a look at the columns has shown.

    `line_totals`: the total column differs within an order, so it is the amount of each line.
    """

    instant: Callable[[str], int]
    refund_instant: Callable[[str], int]
    marks: dict[str, str | None]
    currency: str
    line_totals: bool


@dataclass(slots=True)
class Batch:
    """What one block gave, as tuples for store.staging."""

    cards: list[Card] = field(default_factory=list)
    orders: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    refunds: list[tuple[Any, ...]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class OrderRows:
    """Reads the blocks of one orders file. `merged` counts rows that are further lines of an order."""

    def __init__(self, recognised: Recognised, consent: ConsentReader, columns: OrderColumns) -> None:
        has = set(recognised.columns)
        self.has_lines = bool(_LINE_FIELDS & has)
        self.has_refunds = "refunded" in has
        self.has_ids = "order_id" in has
        self.merged = 0
        self._has_total = "total" in has
        self._people = _People(consent)
        self._columns = columns
        self._statuses: dict[str, tuple[OrderStatus | None, bool]] = {}
        self._open: list[_Row] = []
        self._n = 0

    def read(self, sheet: Sheet) -> Batch:
        """Return what a block holds. The rows of its last order wait for the next block, which may go on with it."""
        batch = Batch()
        rows = self._rows(sheet)
        if self.has_ids and self.has_lines:
            for row in rows:
                if self._open and self._open[-1].order_id != row.order_id:
                    self._close(batch)
                self._open.append(row)
        else:
            for row in rows:
                self._add(batch, [row])
        return batch

    def finish(self) -> Batch:
        """Return what was still waiting at the end of the file."""
        batch = Batch()
        self._close(batch)
        return batch

    def _rows(self, sheet: Sheet) -> Iterator[_Row]:
        currencies = self._currencies(sheet)
        placed = sheet.read("placed_at", lambda cell: self._columns.instant(cell) if cell else None)
        totals = self._amounts(sheet, "total", currencies)
        statuses = sheet.read("status", self._status)
        cancelled = sheet.texts("cancelled_at")
        refunded = self._amounts(sheet, "refunded", currencies)
        refunded_at = sheet.read(
            "refunded_at", lambda cell: self._columns.refund_instant(cell) if cell.strip() else None
        )
        ids = [identifier(cell) for cell in sheet.cells("order_id") or [""] * sheet.size]
        lines = self._lines(sheet, currencies) if self.has_lines else [None] * sheet.size
        buyers = self._people.read(sheet, placed)
        faults = sheet.faulty
        for index, columns in enumerate(
            zip(ids, placed, totals, currencies, statuses, cancelled, refunded, refunded_at, lines, buyers, strict=True)
        ):
            reject = sheet.reject(index) if index in faults else None
            yield _Row(sheet.block.lines[index], sheet.block.rows[index], reject, *columns)

    def _currencies(self, sheet: Sheet) -> Sequence[str]:
        cells = sheet.cells("currency")
        if cells is None:
            return [self._columns.currency] * sheet.size
        known: dict[str, str] = {"": self._columns.currency}

        def code(cell: str) -> str:
            if cell not in known:
                known[cell] = money.currency_code(cell)
            return known[cell]

        return [found or self._columns.currency for found in sheet.convert("currency", cells, code)]

    def _amounts(self, sheet: Sheet, name: str, currencies: Sequence[str]) -> list[int | None]:
        cells = sheet.cells(name)
        if cells is None:
            return [None] * sheet.size
        mark = self._columns.marks.get(name)

        def amount(pair: tuple[str, str]) -> int | None:
            text, currency = pair
            return money.parse(text, currency, mark) if text and not text.isspace() else None

        return sheet.convert(name, list(zip(cells, currencies, strict=True)), amount)

    def _status(self, cell: str) -> tuple[OrderStatus | None, bool]:
        """Return (status, whether all was paid back); a blank cell says nothing."""
        if cell not in self._statuses:
            word = fold(cell)
            if word and word not in ORDER_STATUS_WORDS:
                raise ValueError(
                    f"unknown order status {cell.strip()!r}: if the column says something else, leave it out with"
                    " --map 'column=ignore'"
                )
            status = OrderStatus(ORDER_STATUS_WORDS[word]) if word else None
            self._statuses[cell] = status, word in FULLY_REFUNDED
        return self._statuses[cell]

    def _lines(self, sheet: Sheet, currencies: Sequence[str]) -> list[_Line | None]:
        quantities = self._numbers(sheet, "quantity", currencies)
        prices = self._numbers(sheet, "unit_price", currencies)
        names = zip(
            sheet.first_of("product_id", lambda cell: identifier(cell) or None),
            sheet.first_of("sku", lambda cell: identifier(cell) or None),
            sheet.texts("title"),
            strict=True,
        )
        return [
            _Line(product_id or sku or title or "", sku, title or sku or product_id or "", quantity, price)
            if product_id or sku or title or quantity is not None
            else None
            for (product_id, sku, title), quantity, price in zip(names, quantities, prices, strict=True)
        ]

    def _numbers(self, sheet: Sheet, name: str, currencies: Sequence[str]) -> list[Decimal | None]:
        cells = sheet.cells(name)
        if cells is None:
            return [None] * sheet.size
        mark = self._columns.marks.get(name)
        currency = currencies[0] if currencies else self._columns.currency
        return sheet.convert(
            name, cells, lambda cell: money.parse_number(cell, currency, mark) if cell.strip() else None
        )

    def _close(self, batch: Batch) -> None:
        rows, self._open = self._open, []
        if rows and not rows[0].order_id:
            for row in rows:
                batch.rejects.append(row.reject or row.rejected("the order id is blank"))
        elif rows:
            self._add(batch, rows)

    def _add(self, batch: Batch, rows: list[_Row]) -> None:
        """Add one order to a batch, or reject all its rows when one of them cannot be read."""
        faulty = next((row for row in rows if row.reject is not None), None)
        if faulty is not None:
            also = f"line {faulty.line} of the same order cannot be read"
            batch.rejects.extend(row.reject or row.rejected(also) for row in rows)
            return
        try:
            self._add_sound(batch, rows)
        except ValueError as error:
            batch.rejects.extend(row.rejected(str(error)) for row in rows)

    def _add_sound(self, batch: Batch, rows: list[_Row]) -> None:
        head = rows[0]
        if self.has_ids and not head.order_id:
            raise ValueError("the order id is blank")
        placed_at = _first(row.placed_at for row in rows)
        if placed_at is None:
            raise ValueError("the date is blank")
        total = self._total(rows)
        status, all_back = _first(row.status for row in rows if row.status and row.status[0]) or (None, False)
        if any(row.cancelled for row in rows):
            status = OrderStatus.CANCELLED
        refunded = abs(_first(row.refunded for row in rows) or 0) or (total if all_back else 0)
        refunded_at = _first(row.refunded_at for row in rows) or placed_at
        buyer = _first(row.buyer for row in rows if any(row.buyer.keys)) or head.buyer
        lines = _stored_lines(rows, head.currency)
        self._n += 1
        self.merged += len(rows) - 1
        order_id = head.order_id or _hash_id(buyer.keys, placed_at, total, head.currency)
        content = (lines, refunded and (refunded, refunded_at))
        batch.orders.append(
            (self._n, head.line, order_id, *buyer.keys, status, placed_at, total, head.currency, _fingerprint(content))
        )
        batch.lines.extend((self._n, position, *line) for position, line in enumerate(lines))
        if refunded:
            self.has_refunds = True
            batch.refunds.append((self._n, refunded_at, refunded))
        self._people.meet(batch, head.line, buyer)

    def _total(self, rows: list[_Row]) -> int:
        totals = [row.total for row in rows if row.total is not None]
        if totals and (len(rows) == 1 or not self._columns.line_totals):
            total = totals[0]
        elif totals:
            total = sum(totals)
        elif self._has_total:
            raise ValueError("the amount is blank")
        else:
            total = self._total_of_lines(rows)
        if total < 0:
            raise ValueError(
                "the amount is negative: a refund is no order. Give it in a column of the order it belongs to"
                " (--map 'column=refunded')"
            )
        return total

    def _total_of_lines(self, rows: list[_Row]) -> int:
        exact = Decimal(0)
        for row in rows:
            if row.detail is None or row.detail.quantity is None or row.detail.price is None:
                raise ValueError("quantity or price is blank, and there is no total")
            exact += row.detail.quantity * row.detail.price
        return money.rounded(exact, rows[0].currency)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a row says about a product: `product_id` is the shop's, else the SKU, else the title."""

    product_id: str
    sku: str | None
    title: str
    quantity: Decimal | None
    price: Decimal | None


@dataclass(slots=True)
class _Buyer:
    """Who bought: the keys (e-mail, customer id, phone; blank where unknown) and what the row says about them."""

    keys: tuple[str, str, str]
    said: tuple[Any, ...]


@dataclass(slots=True)
class _Row:
    """One row of an orders file, by columns."""

    line: int
    cells: Sequence[str]
    reject: Reject | None
    order_id: str
    placed_at: int | None
    total: int | None
    currency: str
    status: tuple[OrderStatus | None, bool] | None
    cancelled: str | None
    refunded: int | None
    refunded_at: int | None
    detail: _Line | None
    buyer: _Buyer

    def rejected(self, reason: str) -> Reject:
        return Reject(self.line, tuple(self.cells), reason)


class _People:
    """Collects what the rows of a file of orders say about the buyers, each thing once."""

    def __init__(self, consent: ConsentReader) -> None:
        self._consent = consent
        self._seen: set[tuple[Any, ...]] = set()
        self._n = 0

    def read(self, sheet: Sheet, placed: Sequence[int | None]) -> list[_Buyer]:
        """Return the buyer of each row."""
        emails = sheet.read("email", address)
        ids = [identifier(cell) for cell in sheet.cells("customer_id") or [""] * sheet.size]
        phones = sheet.first_of("phone", marked_text)
        fields = person_fields(sheet, phones)
        fields["birthday"] = [None] * sheet.size
        columns = sheet.every("consent")
        self._consent.name_columns([header for header, _ in columns], [])
        consent = list(zip(*(cells for _, cells in columns), strict=True)) or [()] * sheet.size
        return [
            _Buyer(
                (email.key if email else "", customer_id, phone_key(phone)),
                (email.email if email else None, said, *self._say(words, at)),
            )
            for email, customer_id, phone, said, words, at in zip(
                emails, ids, phones, zip(*fields.values(), strict=True), consent, placed, strict=True
            )
        ]

    def meet(self, batch: Batch, line: int, buyer: _Buyer) -> None:
        """Add what a row says about its buyer, unless there are no keys or just the same was said before."""
        email, fields, state, basis, at, evidence = buyer.said
        thing = (buyer.keys, fields, state)
        if thing in self._seen or not any(buyer.keys):
            return
        if len(self._seen) >= _SEEN_CARDS:
            self._seen.clear()
        self._seen.add(thing)
        self._n += 1
        key, customer_id, phone = buyer.keys
        batch.cards.append(
            (self._n, line, key, email, customer_id, phone, *fields, None, state, basis, at, None, evidence)
        )

    def _say(self, words: tuple[str, ...], at: int | None) -> tuple[str | None, str | None, int | None, str | None]:
        """Return (state, basis, at, evidence). A box that was not ticked at one checkout withdraws nothing."""
        saying = self._consent.say(words, ())
        if saying is None or saying.state is not ConsentState.SUBSCRIBED:
            return None, None, None, None
        return saying.state, saying.basis, at if words else None, saying.evidence


def _first(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


def _stored_lines(rows: list[_Row], currency: str) -> list[tuple[str, str | None, str, float, int | None]]:
    """Return (product id, SKU, title, quantity, price in minor units) of each row that names a product."""
    return [
        (
            line.product_id,
            line.sku,
            line.title,
            float(line.quantity) if line.quantity is not None else 1.0,
            money.rounded(line.price, currency) if line.price is not None else None,
        )
        for row in rows
        if (line := row.detail) is not None and line.product_id
    ]


def _fingerprint(content: tuple[Any, ...]) -> int:
    """Return 64 bits that change with the lines or the refund of an order; 0 for neither."""
    if not any(content):
        return 0
    return int.from_bytes(blake2b(repr(content).encode(), digest_size=8).digest(), "big", signed=True)


def _hash_id(keys: tuple[str, str, str], placed_at: int, total: int, currency: str) -> str:
    """Return the id of an order whose file has none: the hash of who, when and how much."""
    email, customer_id, phone = keys
    text = f"{customer_id or email or phone}\x1f{placed_at}\x1f{total}\x1f{currency}"
    return blake2b(text.encode(), digest_size=12).hexdigest()
