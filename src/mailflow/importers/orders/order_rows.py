"""Make orders of rows: one row an order, or several rows with one id the lines of one order.

Cells: order_columns; rows that are no orders but returns: order_returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter, lt
from typing import Any, TypeVar

from mailflow.importers.orders import order_codes, whole_orders
from mailflow.importers.orders.goods import Goods, Line, Names
from mailflow.importers.orders.order_columns import LINE_FIELDS, ColumnReader, Columns, Writing
from mailflow.importers.orders.order_group import (
    Row,
    buyer_row,
    fingerprint_of,
    first_said,
    hash_id,
    keys_of,
    placed,
    refund_of,
    status_of,
    stored_lines,
    total_of_lines,
)
from mailflow.importers.orders.order_returns import Return, StagedReturns, parts_of
from mailflow.importers.orders.whole_orders import Span, TotalOf
from mailflow.importers.people.buyers import Buyers, People
from mailflow.importers.people.contact_rows import Card
from mailflow.importers.reading.source import Reject
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet
from mailflow.importers.values.consent import ConsentReader
from mailflow.model import COUNTED_STATUSES
from mailflow.store.staging import ORDER_COLUMNS

_Value = TypeVar("_Value")

_STAGED_AS = {"email": "email_key", "customer_id": "customer_id", "phone": "phone_key", "status": "status"}
_NO_ID, _NO_DATE, _NO_AMOUNT = "the order id is blank", "the date is blank", "the amount is blank"
_NOTHING_BACK = "a return of nothing: its amount is 0, so there is neither an order nor a refund in it"


@dataclass(slots=True)
class Batch:
    """What one block gave, as tuples for store.staging and store.returns_bulk."""

    cards: list[Card] = field(default_factory=list)
    orders: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    products: set[Names] = field(default_factory=set)
    categories: set[tuple[str, str]] = field(default_factory=set)
    refunds: list[tuple[Any, ...]] = field(default_factory=list)
    codes: list[tuple[int, str]] = field(default_factory=list)
    returned: StagedReturns = field(default_factory=StagedReturns)
    rejects: list[Reject] = field(default_factory=list)


class OrderRows:
    """Reads the blocks of one orders file. `merged` counts rows that are further lines of an order."""

    def __init__(self, recognised: Recognised, consent: ConsentReader, writing: Writing) -> None:
        has = set(recognised.columns)
        self.has_lines = bool(LINE_FIELDS & has)
        self.has_ids = "order_id" in has
        self.has_codes = "coupon" in has
        self.is_detail = "detail" in has
        # Lines known by a title and a number alone, such as `2× Mug`, are no match for real ones.
        self.sketches = self.has_lines and has & LINE_FIELDS == {"items"}
        self.merged = 0
        self._reader = ColumnReader(recognised, writing)
        self.has_refunds = "refunded" in has and not self._reader.only_refunds
        self._has_total = "total" in has or self._reader.only_refunds
        self._is_plain = not (self.has_lines or self.has_refunds or "cancelled_at" in has)
        self._has_status = "status" in has
        self._line_totals = writing.line_totals
        self._people = People(
            recognised, consent, by_block=self._is_plain and not {"status", "kind", "return_id"} & has
        )
        self._open: list[Row] = []
        self._n = 0
        self._last_id = (0, "")
        self.ids_ascend = self.has_ids
        # Only what the file speaks of is staged: a column of nothing costs as much as one of something.
        unsaid = {column for name, column in _STAGED_AS.items() if name not in has}
        if "cancelled_at" in has:
            unsaid.discard("status")
        if not self.has_lines:
            unsaid.add("fingerprint")
        self.order_columns = tuple(name for name in ORDER_COLUMNS if name not in unsaid)
        self._said = itemgetter(*(ORDER_COLUMNS.index(name) for name in self.order_columns))

    def read(self, sheet: Sheet) -> Batch:
        """Return what a block holds. The rows of its last order wait for the next block, which may go on with it."""
        columns = self._reader.read(sheet)
        buyers = self._people.read(sheet, columns.placed_at)
        if not sheet.size:
            return Batch()
        if self._is_plain and not self._says_more(columns):
            return self._read_plain(sheet, columns, buyers)
        batch = Batch()
        if self.has_ids and self.has_lines and columns.goods.items is None:
            self._read_lines(sheet, columns, buyers, batch)
        else:
            self._collect(sheet, columns, buyers, range(sheet.size), batch)
        return batch

    def _says_more(self, columns: Columns) -> bool:
        """Return whether a block of plain orders has a refund by its status, or a return by its kind."""
        return any(columns.returns) or (self._has_status and any(said.all_back for said in columns.statuses))

    def _collect(self, sheet: Sheet, columns: Columns, buyers: Buyers, rows: Iterable[int], batch: Batch) -> None:
        """Read rows one by one; those of an order wait until another begins."""
        for index in rows:
            row = _row(sheet, columns, buyers, index)
            if self._open and not (self.has_ids and self.has_lines and self._open[-1].order_id == row.order_id):
                self._close(batch)
            self._open.append(row)

    def _read_lines(self, sheet: Sheet, columns: Columns, buyers: Buyers, batch: Batch) -> None:
        """Read a block of order lines: plain orders by columns, the others row by row."""
        whole = whole_orders.part(columns, buyers, sheet.faulty, self._total_of)
        self._collect(sheet, columns, buyers, range(*whole.first), batch)
        if whole.last is None:
            return
        self._close(batch)
        lines = columns.goods.lines() if any(plain for plain, _ in whole.runs) else []
        for plain, spans in whole.runs:  # in the order of the file: of what comes twice the last counts
            if plain:
                self._add_plain(sheet, columns, buyers, spans, lines, batch)
                continue
            for span in spans:
                self._collect(sheet, columns, buyers, range(*span), batch)
                self._close(batch)
        self._collect(sheet, columns, buyers, range(*whole.last), batch)

    def _add_plain(
        self, sheet: Sheet, columns: Columns, buyers: Buyers, spans: Sequence[Span], every: list[Line], batch: Batch
    ) -> None:
        """Add orders with nothing odd about them, as `_add_order` would. `every` is each row as an order line."""
        heads = [first for first, _ in spans]
        numbers = range(self._n + 1, self._n + 1 + len(spans))
        lines = [every[first:end] for first, end in spans]
        keys = [buyers.keys[head] for head in heads]
        said: dict[str, Iterable[Any]] = {
            "line": (sheet.block.lines[head] for head in heads),
            "order_id": (columns.ids[head] for head in heads),
            "email_key": (key[0] for key in keys),
            "customer_id": (key[1] for key in keys),
            "phone_key": (key[2] for key in keys),
            "status": (first_said(columns.statuses[row].status for row in range(*span)) for span in spans),
            "placed_at": (columns.placed_at[head] for head in heads),
            "total_minor": (whole_orders.total(columns, span, self._total_of) for span in spans),
            "currency": (columns.currencies[head] for head in heads),
            "fingerprint": map(fingerprint_of, lines),
        }
        batch.orders.extend(zip(numbers, *(said[name] for name in self.order_columns[1:]), strict=True))
        batch.lines.extend(
            (number, position, *line)
            for number, some in zip(numbers, lines, strict=True)
            for position, line in enumerate(some)
        )
        batch.codes.extend(order_codes.of_spans(columns.codes, numbers, spans))
        self._watch_ids([columns.ids[head] for head in heads])
        self._n += len(spans)
        self.merged += sum(end - first - 1 for first, end in spans)
        self._note_plain(columns.goods, spans, batch)
        batch.cards.extend(self._people.cards(buyers, sheet.block.lines, heads))

    def _note_plain(self, goods: Goods, spans: Sequence[Span], batch: Batch) -> None:
        self.sketches = False
        batch.products.update(goods.names)
        if goods.categories is not None:
            rows = (row for span in spans for row in range(*span))
            batch.categories.update(
                (goods.names[row][0], category) for row in rows for category in goods.categories[row]
            )

    @property
    def _total_of(self) -> TotalOf:
        if self._line_totals:
            return TotalOf.LINES
        return TotalOf.HEAD if self._has_total else TotalOf.PRODUCTS

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
        batch = Batch(rejects=sheet.rejects())
        negative, returned = self._take_returns(sheet, columns, buyers, batch)
        aside = negative | set(sheet.faulty)
        sound = [index for index in range(sheet.size) if index not in aside] if aside else range(sheet.size)
        people = sorted([*sound, *returned]) if returned else sound
        batch.cards.extend(self._people.cards(buyers, sheet.block.lines, people))
        ids = columns.ids if self.has_ids else self._hash_ids(columns, buyers)
        values: dict[str, Sequence[Any]] = {
            "line": sheet.block.lines, "order_id": ids, "email_key": buyers.emails, "customer_id": buyers.ids,
            "phone_key": buyers.phones, "status": [said.status for said in columns.statuses],
            "placed_at": columns.placed_at,
            "total_minor": columns.totals, "currency": columns.currencies,
        }  # fmt: skip
        columns_said = [values[name] for name in self.order_columns[1:]]
        if aside:
            ids = [ids[index] for index in sound]
            columns_said = [[column[index] for index in sound] for column in columns_said]
        self._watch_ids(ids)
        numbers = range(self._n + 1, self._n + 1 + len(sound))
        batch.orders = list(zip(numbers, *columns_said, strict=True))
        batch.codes = list(order_codes.of_rows(columns.codes, numbers, sound))
        self._n += len(sound)
        return batch

    def _take_returns(
        self, sheet: Sheet, columns: Columns, buyers: Buyers, batch: Batch
    ) -> tuple[set[int], Sequence[int]]:
        """Add the rows of a block with a negative amount as returns; return those rows, and which of them were sound.

        Their buyers are left to the caller: the cards of such a block are asked for at once.
        """
        if min((total for total in columns.totals if total is not None), default=0) >= 0:
            return set(), ()
        negative = {index for index, total in enumerate(columns.totals) if total is not None and total < 0}
        rows = [_row(sheet, columns, buyers, index) for index in sorted(negative - set(sheet.faulty))]
        return negative, [row.index for row in rows if self._add(batch, [row], with_card=False)]

    def _watch_ids(self, ids: Sequence[str]) -> None:
        """See whether the ids only ever grow, as those of most shops do: then none can come twice."""
        if not self.ids_ascend or not ids:
            return
        first, last = (len(ids[0]), ids[0]), (len(ids[-1]), ids[-1])
        keys: Sequence[Any] = ids if len(set(map(len, ids))) == 1 else [(len(one), one) for one in ids]
        self.ids_ascend = self._last_id < first and all(map(lt, keys, keys[1:]))
        self._last_id = last

    def _find_faults(self, sheet: Sheet, columns: Columns) -> None:
        totals, dates = columns.totals, columns.placed_at
        if None in totals or None in dates:
            for index, (total, date) in enumerate(zip(totals, dates, strict=True)):
                if date is None:
                    sheet.fault(index, "placed_at", _NO_DATE)
                elif total is None:
                    sheet.fault(index, "total", _NO_AMOUNT)
        if self.has_ids and "" in columns.ids:
            for index, order_id in enumerate(columns.ids):
                if not order_id:
                    sheet.fault(index, "order_id", _NO_ID)

    def _hash_ids(self, columns: Columns, buyers: Buyers) -> list[str]:
        return [
            hash_id(*order)
            for order in zip(buyers.keys, columns.placed_at, columns.totals, columns.currencies, strict=True)
        ]

    def _close(self, batch: Batch) -> None:
        """Add the order that was being collected, or reject all its rows when one of them cannot be read."""
        rows, self._open = self._open, []
        faulty = next((row for row in rows if row.fault is not None), None)
        if faulty is not None:
            batch.rejects.extend(row.reject(f"line {faulty.line} of the same order cannot be read") for row in rows)
        elif rows:
            self._add(batch, rows)

    def _add(self, batch: Batch, rows: list[Row], *, with_card: bool = True) -> bool:
        """Add what rows with one id are: an order, a return, or an order and what came back of it later.

        Return whether they could be read.
        """
        try:
            sales, returned = self._part(rows)
            found = [self._return_of(some) for some in returned]
            if sales:
                self._add_order(batch, sales)
        except ValueError as error:
            batch.rejects.extend(row.reject(str(error)) for row in rows)
            return False
        for one, some in zip(found, returned, strict=True):
            self._n += 1
            batch.returned.add(self._n, one)
            if with_card:
                self._add_card(batch, some)
        return True

    def _part(self, rows: list[Row]) -> tuple[list[Row], list[list[Row]]]:
        """Part the rows of an order from those of its returns: those that say so, and later ones with a minus."""
        flagged = [row for row in rows if row.is_return]
        others = [row for row in rows if not row.is_return]
        if not others:
            return [], [flagged]
        total = self._total(others)
        if total < 0 or (total == 0 and all(row.takes_back for row in others)):
            return [], [others, *([flagged] if flagged else [])]
        later: dict[int, list[Row]] = {}
        if len(others) > 1 and self.adds_totals:
            placed_at = placed(others)
            for row in others[1:]:
                when = row.columns.placed_at[row.index]
                if when is not None and when > placed_at and (self._amount(row) or 0) < 0:
                    later.setdefault(when, []).append(row)
        sales = [row for row in others if all(row not in some for some in later.values())] if later else others
        return sales, [*later.values(), *([flagged] if flagged else [])]

    def _add_order(self, batch: Batch, rows: list[Row]) -> None:
        head = rows[0]
        if self.has_ids and not head.order_id:
            raise ValueError(_NO_ID)
        placed_at, total = placed(rows), self._total(rows)
        currency = head.columns.currencies[head.index]
        keys = keys_of(rows)
        lines = stored_lines(rows, currency)
        refund = refund_of(rows, total, placed_at)
        self._n += 1
        self.merged += len(rows) - 1
        order_id = head.order_id or hash_id(keys, placed_at, total, currency)
        self._watch_ids([order_id])
        order = (
            self._n,
            head.line,
            order_id,
            *keys,
            status_of(rows),
            placed_at,
            total,
            currency,
            fingerprint_of(lines),
        )
        batch.orders.append(self._said(order))
        batch.lines.extend((self._n, position, *line) for position, line in enumerate(lines))
        batch.codes.extend((self._n, code) for row in rows for code in row.codes)
        self._note_products(batch, rows)
        if refund is not None:
            self.has_refunds = True
            batch.refunds.append((self._n, *refund))
        self._add_card(batch, rows)

    def _note_products(self, batch: Batch, rows: list[Row]) -> None:
        for row in rows:
            for product in row.products:
                batch.products.add((product.product_id, product.sku, product.title))
                batch.categories.update((product.product_id, category) for category in product.categories)
                if self.sketches and (product.price is not None or product.product_id != product.title):
                    self.sketches = False

    def _add_card(self, batch: Batch, rows: list[Row]) -> None:
        """Add what is said of the buyer. A row may belong to the block before: its line is the one it knows itself."""
        buyer = buyer_row(rows)
        batch.cards.extend(self._people.cards(buyer.buyers, {buyer.index: buyer.line}, [buyer.index]))

    def _return_of(self, rows: list[Row]) -> Return:
        head = rows[0]
        columns, place = head.columns, head.index
        amount, currency = abs(self._total(rows)), columns.currencies[place]
        if not amount:
            raise ValueError(_NOTHING_BACK)
        status = status_of(rows)
        if status is not None and status not in COUNTED_STATUSES:
            raise ValueError(f"a return that is {status}: nothing was paid back")
        at = first_said(row.columns.refunded_at[row.index] for row in rows) or placed(rows)
        keys, own_id, order_id = keys_of(rows), columns.return_ids[place], head.order_id
        named = columns.refund_of[place] or (order_id if own_id else "")
        return_id = own_id or order_id or hash_id(keys, at, -amount, currency)
        products = [row.products[0].product_id if row.products else "" for row in rows]
        parts = parts_of(amount, products, [self._amount(row) if self.adds_totals else None for row in rows])
        kept = tuple((row.line, tuple(row.cells)) for row in rows)
        return Return(return_id, named, keys, at, amount, currency, parts, kept)

    def _total(self, rows: list[Row]) -> int:
        totals = [total for row in rows if (total := row.columns.totals[row.index]) is not None]
        if totals:
            return sum(totals) if self._line_totals else totals[0]
        if self._has_total:
            raise ValueError(_NO_AMOUNT)
        return total_of_lines(rows)

    def _amount(self, row: Row) -> int | None:
        """Return what a row alone comes to, where the total is the sum of its rows."""
        return row.columns.totals[row.index] if self._line_totals else total_of_lines([row])


def _row(sheet: Sheet, columns: Columns, buyers: Buyers, index: int) -> Row:
    block = sheet.block
    return Row(columns, buyers, index, block.lines[index], sheet.own(block.rows[index]), sheet.reject(index))
