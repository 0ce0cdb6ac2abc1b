"""Find the orders of a block that can be read by columns: several times as fast as row by row (order_rows).

Most rows of most files are plain: a head that says who, when and how much, and lines of products. What is odd about a
row (a fault, a return, a refund, something blank that should not be) sends its whole order the long way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import groupby, pairwise

from mailflow import money
from mailflow.importers.orders.order_columns import Columns
from mailflow.importers.people.buyers import Buyers

Span = tuple[int, int]  # the rows of one order in its block: from, and up to but without


@dataclass(frozen=True, slots=True)
class Whole:
    """The orders of a block: the first and the last, which may go on in other blocks, and those between them.

    `runs` are these in their order, those that follow each other together: (whether they are plain, their spans).
    """

    first: Span
    runs: list[tuple[bool, list[Span]]]
    last: Span | None


class TotalOf(Enum):
    """Where the amount of an order is."""

    HEAD = "its first row gives it"
    LINES = "each row gives that of its line"
    PRODUCTS = "quantity times price"


def part(columns: Columns, buyers: Buyers, faulty: Collection[int], total_of: TotalOf) -> Whole:
    """Part the rows of a block by their order ids; plain orders have a buyer, a date, an amount and nothing odd."""
    ids = columns.ids
    starts = [0, *(place for place, (one, other) in enumerate(pairwise(ids), 1) if one != other)]
    spans = list(zip(starts, [*starts[1:], len(ids)], strict=True))
    odd = {*faulty, *_odd_rows(columns)}

    def is_plain(span: Span) -> bool:
        if not _has_head(columns, buyers, span[0]) or (odd and not odd.isdisjoint(range(*span))):
            return False
        return (total(columns, span, total_of) or 0) > 0

    runs = [(plain, list(some)) for plain, some in groupby(spans[1:-1], key=is_plain)]
    return Whole(spans[0], runs, spans[-1] if len(spans) > 1 else None)


def total(columns: Columns, span: Span, total_of: TotalOf) -> int | None:
    """Return the amount of an order in minor units, None where a part of it is not known."""
    first, end = span
    if total_of is TotalOf.HEAD:
        return columns.totals[first]
    if total_of is TotalOf.LINES:
        amounts = columns.totals[first:end]
        return None if None in amounts else sum(filter(None, amounts))
    exact = Decimal(0)
    for (quantity, _), (price, _) in zip(
        columns.goods.quantities[first:end], columns.goods.prices[first:end], strict=True
    ):
        if quantity is None or price is None:
            return None
        exact += quantity * price
    return money.rounded(exact, columns.currencies[first])


def _odd_rows(columns: Columns) -> Iterator[int]:
    """Yield rows that are more, or less, than the line of an order."""
    goods = columns.goods
    yield from _where(columns.returns)
    yield from _where(columns.cancelled)
    yield from _where(columns.refunded)
    yield from (place for place, said in enumerate(columns.statuses) if said.all_back)
    yield from (place for place, names in enumerate(goods.names) if not names[0])
    for numbers in (goods.quantities, goods.prices):
        yield from (place for place, (_, number) in enumerate(numbers) if number is not None and number < 0)
    yield from (place for place, amount in enumerate(columns.totals) if amount is not None and amount < 0)


def _where(values: Sequence[object]) -> Iterator[int]:
    return (place for place, value in enumerate(values) if value) if any(values) else iter(())


def _has_head(columns: Columns, buyers: Buyers, place: int) -> bool:
    return bool(columns.ids[place]) and columns.placed_at[place] is not None and any(buyers.keys[place])
