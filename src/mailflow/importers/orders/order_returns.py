"""Make returns of rows: money that went back, in rows of its own. Orders: order_rows; whose: store.returns_bulk.

A return is told by a negative amount, by a kind that says so (`Refund`), or by an id of its own (`Refund ID`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mailflow.importers.people.buyers import Keys

# `C536379`, `R-1001`, `REF 1001`, `1001-R1`, `1001/refund`: the number of the order, dressed as a return.
_PREFIX = re.compile(r"(?:c|cn|r|rf|rt|ret|ref|refund|return|credit)[-_ #/]?(?=#?\d)", re.IGNORECASE)
_SUFFIX = re.compile(r"(?<=\d)[-_ #/](?:c|cn|r|rf|rt|ret|ref|refund|return|credit)\d{0,3}\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """What was paid back for one product, or for none in particular (''); minor units, positive."""

    product_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Return:
    """One return: its rows with their cells, for the reject file should no order be found that it refunds.

    `refund_of` is the order that the file says it refunds, '' where it does not.
    """

    return_id: str
    refund_of: str
    keys: Keys
    refunded_at: int
    amount_minor: int
    currency: str
    parts: tuple[Part, ...]
    rows: tuple[tuple[int, Sequence[str]], ...]


@dataclass(slots=True)
class StagedReturns:
    """Returns as tuples for store.returns_bulk."""

    returns: list[tuple[Any, ...]] = field(default_factory=list)
    parts: list[tuple[Any, ...]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, n: int, found: Return) -> None:
        """Add a return under its number in the file."""
        line = found.rows[0][0]
        self.returns.append(
            (n, line, found.return_id, found.refund_of, bare_id(found.return_id), *found.keys, found.refunded_at,
             found.amount_minor, found.currency)
        )  # fmt: skip
        self.parts.extend((n, at, part.product_id, part.amount_minor) for at, part in enumerate(found.parts))
        self.rows.extend((n, row_line, list(cells)) for row_line, cells in found.rows)


def bare_id(return_id: str) -> str:
    """Return the id of a return as that of the order it may be of: `C536379` is `536379`."""
    bare = _PREFIX.sub("", return_id, count=1) if _PREFIX.match(return_id) else return_id
    return _SUFFIX.sub("", bare)


def parts_of(amount: int, products: Sequence[str], amounts: Sequence[int | None]) -> tuple[Part, ...]:
    """Share what was paid back among the products of its rows; `amounts` are those of the rows, of either sign.

    Where the rows do not say, or say both a plus and a minus, it is one part for the first product named.
    """
    said = [one for one in amounts if one is not None]
    alike = len(said) == len(amounts) and (max(said) <= 0 or min(said) >= 0)
    if not alike or abs(sum(said)) != amount:
        return (Part(next(filter(None, products), ""), amount),)
    return tuple(Part(product, abs(one)) for product, one in zip(products, said, strict=True) if one)
