"""What the rows with one order id say together: when, who, how much, what. Which rows those are: order_rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import TypeVar

from mailflow import money
from mailflow.importers.orders.goods import Line, Product
from mailflow.importers.orders.order_columns import Columns
from mailflow.importers.people.buyers import Buyers, Keys
from mailflow.importers.reading.source import Reject
from mailflow.model import OrderStatus

_Value = TypeVar("_Value")
_NO_DATE = "the date is blank"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an orders file: its place in the columns of its block, and why it cannot be read, if so."""

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
    def products(self) -> tuple[Product, ...]:
        return self.columns.goods.of(self.index)

    @property
    def codes(self) -> tuple[str, ...]:
        """The discount codes that the row names."""
        return self.columns.codes[self.index] if self.columns.codes is not None else ()

    @property
    def is_return(self) -> bool:
        """Whether the row says of itself that it is one."""
        return self.columns.returns[self.index]

    @property
    def takes_back(self) -> bool:
        """Whether the row is of products that came back."""
        return any(product.quantity is not None and product.quantity < 0 for product in self.products)

    def reject(self, reason: str) -> Reject:
        return self.fault or Reject(self.line, tuple(self.cells), reason)


def placed(rows: list[Row]) -> int:
    placed_at = first_said(row.columns.placed_at[row.index] for row in rows)
    if placed_at is None:
        raise ValueError(_NO_DATE)
    return placed_at


def buyer_row(rows: list[Row]) -> Row:
    return next((row for row in rows if any(row.buyers.keys[row.index])), rows[0])


def keys_of(rows: list[Row]) -> Keys:
    buyer = buyer_row(rows)
    return buyer.buyers.keys[buyer.index]


def total_of_lines(rows: list[Row]) -> int:
    exact = Decimal(0)
    for row in rows:
        if not row.products:
            raise ValueError("quantity and price are blank, and there is no total")
        for product in row.products:
            if product.quantity is None or product.price is None:
                raise ValueError("quantity or price is blank, and there is no total")
            exact += product.quantity * product.price
    return money.rounded(exact, rows[0].columns.currencies[rows[0].index])


def status_of(rows: list[Row]) -> OrderStatus | None:
    if any(row.columns.cancelled[row.index] for row in rows):
        return OrderStatus.CANCELLED
    return first_said(row.columns.statuses[row.index].status for row in rows)


def refund_of(rows: list[Row], total: int, placed_at: int) -> tuple[int, int] | None:
    """Return (when, how much) was paid back. Without a date of its own a refund is dated like its order."""
    refunded = abs(first_said(row.columns.refunded[row.index] for row in rows) or 0)
    if not refunded and any(row.columns.statuses[row.index].all_back for row in rows):
        refunded = total
    return (first_said(row.columns.refunded_at[row.index] for row in rows) or placed_at, refunded) if refunded else None


def stored_lines(rows: list[Row], currency: str) -> list[Line]:
    """Return (product id, SKU, title, quantity, price in minor units) of each product that the rows name."""
    return [
        (
            product.product_id,
            product.sku,
            product.title,
            float(product.quantity) if product.quantity is not None else 1.0,
            money.rounded(product.price, currency) if product.price is not None else None,
        )
        for row in rows
        for product in row.products
        if product.product_id
    ]


def first_said(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


def fingerprint_of(lines: list[Line]) -> int:
    """Return 64 bits that change with the lines of an order, not with their sequence; 0 for none."""
    if not lines:
        return 0
    text = repr(lines[0]) if len(lines) == 1 else repr(sorted(map(repr, lines)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def hash_id(keys: Keys, placed_at: int | None, total: int | None, currency: str) -> str:
    """Return the id of an order whose file has none: the hash of who, when and how much."""
    email, customer_id, phone = keys
    text = f"{customer_id or email or phone}\x1f{placed_at}\x1f{total}\x1f{currency}"
    return blake2b(text.encode(), digest_size=12).hexdigest()
