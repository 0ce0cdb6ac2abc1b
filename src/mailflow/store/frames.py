"""Everybody who ordered, as columns: from the kept facts, or from the orders themselves where a date asks for it.

What is made of the columns: analytics/. Numpy is imported on use, so that importing this module costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from mailflow import money
from mailflow.config.rates import COLUMNS, Rates
from mailflow.errors import DataError
from mailflow.model import COUNTED_STATUSES
from mailflow.store.database import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

_CHUNK = 50_000
COUNTED = "({})".format(", ".join(f"'{status}'" for status in COUNTED_STATUSES))
# Above this share of contacts whose facts do not hold as of a day, reading all orders is cheaper than finding theirs.
_MANY = 0.1


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody with a counted order by some instant: arrays of one length, ordered by contact.

    `first_at` and `last_at` are milliseconds, `monetary_minor` minor units of `currency`: orders less refunds.
    """

    contact_ids: Integers
    frequency: Integers
    first_at: Integers
    last_at: Integers
    monetary_minor: Integers
    currency: str

    def __len__(self) -> int:
        return len(self.contact_ids)


def population(db: Connection, *, until: int, currency: str, rates: Rates, day: date) -> Population:
    """Return everybody with a counted order placed before `until` (milliseconds).

    Revenue is in the only currency there is, else in `currency` by the rates of `day`; `DataError` where a rate is
    missing.
    """
    late = late_contacts(db, until=until)
    known = db.execute("SELECT count(*) FROM contact_facts").fetchone()[0]
    totals = _Totals(db)
    if len(late) <= _MANY * known:
        totals.add_facts(db, without=late)
        totals.add_orders(db, until, only=late)
    else:
        totals.add_orders(db, until, only=None)
    return totals.population(currency, rates, day)


def currencies(db: Connection) -> list[str]:
    """Return the currencies that counted orders are in."""
    return [row["currency"] for row in db.execute("SELECT DISTINCT currency FROM contact_revenue ORDER BY currency")]


def factors(found: Iterable[str], account: str, rates: Rates, day: date) -> tuple[str, Mapping[str, float]]:
    """Return the currency to report in, and what a minor unit of each found currency is worth in minor units of it.

    A single currency needs no rate and is reported as it is. `DataError` says which rates are missing.
    """
    names = sorted(found)
    if len(names) <= 1:
        only = names[0] if names else account
        return only, {only: 1.0}
    known = {name: rates.on(day, name, account) for name in names}
    missing = [name for name, rate in known.items() if rate is None]
    if missing:
        raise DataError(
            f"orders are in several currencies ({', '.join(names)}), and amounts are never added up without rates."
            f" Write rates.csv into the workspace, with the heading {','.join(COLUMNS)} and a line such as"
            f" {day.replace(day=1)},{missing[0]},{account},1.0837 for {', '.join(missing)}"
        )
    scale = money.digits(account)
    return account, {
        name: float(rate.scaleb(scale - money.digits(name))) for name, rate in known.items() if rate is not None
    }


def orders_without_contact(db: Connection, *, until: int) -> int:
    """Return how many counted orders are of buyers nothing is known of."""
    row = db.execute(
        f"SELECT count(*) FROM orders WHERE contact_id IS NULL AND placed_at < ? AND status IN {COUNTED}", (until,)
    ).fetchone()
    return int(row[0])


def late_contacts(db: Connection, *, until: int) -> list[int]:
    """Return the contacts whose kept facts know more than what had happened by `until`."""
    rows = db.execute(
        f"""SELECT contact_id FROM contact_facts WHERE last_order_at >= :until
            UNION
            SELECT o.contact_id FROM refunds AS r JOIN orders AS o ON o.id = r.order_id
            WHERE r.refunded_at >= :until AND o.contact_id IS NOT NULL AND o.status IN {COUNTED}""",
        {"until": until},
    )
    return [row["contact_id"] for row in rows]


class _Totals:
    """Sums per contact, in arrays with a place for every contact id: what is added may come in any order."""

    def __init__(self, db: Connection) -> None:
        import numpy as np

        self.size = 1 + db.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0]
        self.count = np.zeros(self.size, np.int64)
        self.first = np.full(self.size, np.iinfo(np.int64).max)
        self.last = np.full(self.size, np.iinfo(np.int64).min)
        self.revenue: dict[str, Integers] = {}
        self.survivors = _survivors(db, self.size)

    def add_facts(self, db: Connection, *, without: list[int]) -> None:
        """Add the kept facts of everybody but these contacts."""
        import numpy as np

        skipped = np.zeros(self.size, bool)
        skipped[without] = True
        facts = "SELECT contact_id, order_count, first_order_at, last_order_at FROM contact_facts"
        for ids, counts, firsts, lasts in _columns(db, facts, {}, 4):
            keep = ~skipped[ids]
            self._add_orders(ids[keep], counts[keep], firsts[keep], lasts[keep])
        for currency in currencies(db):
            amounts = "SELECT contact_id, revenue_minor FROM contact_revenue WHERE currency = :currency"
            for ids, revenue in _columns(db, amounts, {"currency": currency}, 2):
                keep = ~skipped[ids]
                if keep.any():
                    self._add_revenue(currency, ids[keep], revenue[keep])

    def add_orders(self, db: Connection, until: int, *, only: list[int] | None) -> None:
        """Add the orders placed, and the refunds made, before `until`: of these contacts, or of everybody."""
        whose = "o.contact_id IS NOT NULL" if only is None else "o.contact_id IN (SELECT value FROM json_each(:only))"
        counted = f"{whose} AND o.status IN {COUNTED} AND o.placed_at < :until"
        names = currencies(db)
        if not names or only == []:
            return
        parameters = {"until": until, "only": json.dumps(only)} | {f"code_{i}": name for i, name in enumerate(names)}
        code = "CASE o.currency {} ELSE -1 END".format(" ".join(f"WHEN :code_{i} THEN {i}" for i in range(len(names))))
        placed = f"SELECT o.contact_id, o.placed_at, o.total_minor, {code} FROM orders AS o WHERE {counted}"
        for ids, placed_at, total, currency in _columns(db, placed, parameters, 4):
            self._add_orders(ids, 1, placed_at, placed_at)
            self._add_by_code(names, currency, ids, total)
        refunded = f"""SELECT o.contact_id, -r.amount_minor, {code}
                       FROM refunds AS r JOIN orders AS o ON o.id = r.order_id
                       WHERE {counted} AND r.refunded_at < :until"""
        for ids, amount, currency in _columns(db, refunded, parameters, 3):
            self._add_by_code(names, currency, ids, amount)

    def population(self, account: str, rates: Rates, day: date) -> Population:
        """Return the sums of everybody who has a counted order."""
        import numpy as np

        ids = np.flatnonzero(self.count)
        currency, worth = factors(self.revenue, account, rates, day)
        monetary = np.zeros(len(ids), np.int64)
        for name, amounts in self.revenue.items():
            monetary += _converted(amounts[ids], worth[name])
        return Population(ids, self.count[ids], self.first[ids], self.last[ids], monetary, currency)

    def _add_orders(self, ids: Integers, counts: Integers | int, firsts: Integers, lasts: Integers) -> None:
        import numpy as np

        ids = ids if self.survivors is None else self.survivors[ids]
        np.add.at(self.count, ids, counts)
        np.minimum.at(self.first, ids, firsts)
        np.maximum.at(self.last, ids, lasts)

    def _add_by_code(self, names: list[str], currency: Integers, ids: Integers, amounts: Integers) -> None:
        for code, name in enumerate(names):
            chosen = currency == code
            if chosen.any():
                self._add_revenue(name, ids[chosen], amounts[chosen])

    def _add_revenue(self, currency: str, ids: Integers, amounts: Integers) -> None:
        import numpy as np

        if currency not in self.revenue:
            self.revenue[currency] = np.zeros(self.size, np.int64)
        np.add.at(self.revenue[currency], ids if self.survivors is None else self.survivors[ids], amounts)


def _converted(amounts: Integers, factor: float) -> Integers:
    """Return amounts in another currency's minor units, halves away from zero, as rules_sql rounds."""
    import numpy as np

    if factor == 1.0:
        return amounts
    exact = amounts * factor
    return np.trunc(exact + np.copysign(0.5, exact)).astype(np.int64)


def _survivors(db: Connection, size: int) -> Integers | None:
    """Return who each contact is after all merges, or None where nobody was merged."""
    import numpy as np

    merged = db.execute("SELECT id, merged_into FROM contacts WHERE merged_into IS NOT NULL").fetchall()
    if not merged:
        return None
    into: Integers = np.arange(size, dtype=np.int64)
    into[[row["id"] for row in merged]] = [row["merged_into"] for row in merged]
    for _ in range(size.bit_length()):  # each round doubles the length of the chains that are followed
        into = np.take(into, into)
    return into


def _columns(db: Connection, sql: str, parameters: Mapping[str, Any], width: int) -> Iterable[tuple[Integers, ...]]:
    """Yield the integer columns of a query, a chunk of rows at a time, so that no frame holds all orders."""
    import numpy as np

    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute(sql, parameters)
    kind = np.dtype([(f"c{index}", np.int64) for index in range(width)])
    while rows := cursor.fetchmany(_CHUNK):
        table = np.fromiter(rows, kind, len(rows))
        yield tuple(np.ascontiguousarray(table[name]) for name in kind.names or ())
