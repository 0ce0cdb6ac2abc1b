"""Everybody who ordered, as columns: from the kept facts, or from the orders themselves where a date asks for it.

What is made of the columns: analytics/. Numpy is imported on use, so that importing this module costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from mailflow import money
from mailflow.config.rates import COLUMNS, Rates
from mailflow.errors import DataError
from mailflow.model import COUNTED_STATUSES
from mailflow.store.connection import Connection
from mailflow.store.person_sql import person_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

_Window = Mapping[str, Any]

_CHUNK = 20_000
_REFUNDS = "refunds AS r JOIN orders AS o ON o.id = r.order_id"
COUNTED = "({})".format(", ".join(f"'{status}'" for status in COUNTED_STATUSES))
# Above this share of contacts whose facts do not hold as of a day, reading all orders is cheaper than finding theirs.
_MANY = 0.1


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody with a counted order by some instant: arrays of one length, ordered by contact.

    `last_at` is milliseconds, `monetary_minor` minor units of `currency`: orders less refunds.
    """

    contact_ids: Integers
    frequency: Integers
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
        totals.add_facts(without=late)
        totals.add_orders(until, only=late)
    else:
        totals.add_orders(until, only=None)
    return totals.population(currency, rates, day)


def currencies(db: Connection) -> list[str]:
    """Return the currencies that counted orders are in, by name."""
    # Sorted here: with ORDER BY, SQLite sorts all rows before it finds that they are all alike.
    return sorted(row["currency"] for row in db.execute("SELECT DISTINCT currency FROM contact_revenue"))


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


def activity(db: Connection, untils: Sequence[int]) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Yield for each of some instants (milliseconds, ascending) who had ordered by then, how often, and when last.

    Arrays of one length, ordered by contact. All orders are read once, however many instants there are.
    """
    import numpy as np

    size, merged, edges = 1 + _highest(db, "contacts"), survivors(db), np.array(untils)
    counts = np.zeros((len(untils), size), np.int32)
    lasts = np.full((len(untils), size), np.iinfo(np.int64).min)
    source = f"orders WHERE id BETWEEN :low AND :high AND contact_id IS NOT NULL AND status IN {COUNTED}"
    for ids, placed_at in in_columns(db, ("contact_id", "placed_at"), source, _ranges(1 + _highest(db, "orders"))):
        when = np.searchsorted(edges, placed_at, side="right")  # the first instant that is later
        early = when < len(edges)
        whose = ids if merged is None else merged[ids]
        np.add.at(counts, (when[early], whose[early]), 1)
        np.maximum.at(lasts, (when[early], whose[early]), placed_at[early])
    for place in range(len(untils)):
        if place:
            counts[place] += counts[place - 1]
            np.maximum(lasts[place], lasts[place - 1], out=lasts[place])
        people = np.flatnonzero(counts[place])
        yield people, counts[place, people].astype(np.int64), lasts[place, people]


def orders_without_contact(db: Connection, *, until: int) -> int:
    """Return how many counted orders are of buyers nothing is known of."""
    row = db.execute(
        f"SELECT count(*) FROM orders WHERE contact_id IS NULL AND placed_at < ? AND status IN {COUNTED}", (until,)
    ).fetchone()
    return int(row[0])


def late_contacts(db: Connection, *, until: int) -> list[int]:
    """Return the contacts whose kept facts know more than what had happened by `until`.

    Facts are of whole people: with one of a person's contacts come all that were merged.
    """
    rows = db.execute(
        f"""WITH late (id) AS (
              SELECT contact_id FROM contact_facts WHERE last_order_at >= :until
              UNION
              SELECT {person_of("o.contact_id")}
              FROM refunds AS r JOIN orders AS o ON o.id = r.order_id
              WHERE r.refunded_at >= :until AND o.contact_id IS NOT NULL AND o.status IN {COUNTED})
            SELECT id FROM late
            UNION ALL
            SELECT c.id FROM contacts AS c JOIN late ON late.id = c.merged_into WHERE c.merged_into IS NOT NULL""",
        {"until": until},
    )
    return [row["id"] for row in rows]


class _Totals:
    """Sums per contact, in arrays with a place for every contact id: what is added may come in any order."""

    def __init__(self, db: Connection) -> None:
        import numpy as np

        self.db = db
        self.size = 1 + _highest(db, "contacts")
        self.count = np.zeros(self.size, np.int64)
        self.last = np.full(self.size, np.iinfo(np.int64).min)
        self.revenue: dict[str, Integers] = {}
        self.survivors = survivors(db)

    def add_facts(self, *, without: list[int]) -> None:
        """Add the kept facts of everybody but these contacts."""
        import numpy as np

        wanted = np.ones(self.size, bool)
        wanted[without] = False
        columns = ("contact_id", "order_count", "last_order_at")
        source = "contact_facts WHERE contact_id BETWEEN :low AND :high"
        for ids, counts, lasts in in_columns(self.db, columns, source, _ranges(self.size)):
            keep = wanted[ids]
            self._add_orders(ids[keep], counts[keep], lasts[keep])
        for currency in currencies(self.db):
            source = "contact_revenue WHERE contact_id BETWEEN :low AND :high AND currency = :currency"
            windows = ({**window, "currency": currency} for window in _ranges(self.size))
            for ids, revenue in in_columns(self.db, ("contact_id", "revenue_minor"), source, windows):
                keep = wanted[ids]
                self._add_revenue(currency, ids[keep], revenue[keep])

    def add_orders(self, until: int, *, only: list[int] | None) -> None:
        """Add the orders placed, and the refunds made, before `until`: of these contacts, or of everybody."""
        names = currencies(self.db)
        codes = {f"code_{code}": name for code, name in enumerate(names) if len(names) > 1}
        cases = " ".join(f"WHEN :code_{code} THEN {code}" for code in range(len(names)))
        code = [f"CASE o.currency {cases} ELSE -1 END"] if len(names) > 1 else []
        counted = f"o.status IN {COUNTED} AND o.placed_at < :until"
        fixed = {"until": until, **codes}
        if only is not None:
            counted += " AND o.contact_id IN (SELECT value FROM json_each(:only))"
            windows = [{**fixed, "only": json.dumps(only[at : at + _CHUNK])} for at in range(0, len(only), _CHUNK)]
            self._add_placed(names, code, f"orders AS o WHERE {counted}", windows)
            self._add_refunded(names, code, f"{_REFUNDS} WHERE {counted} AND r.refunded_at < :until", windows)
            return
        counted += " AND o.contact_id IS NOT NULL"
        orders = [{**fixed, **window} for window in _ranges(1 + _highest(self.db, "orders"))]
        refunds = [{**fixed, **window} for window in _ranges(1 + _highest(self.db, "refunds"))]
        self._add_placed(names, code, f"orders AS o WHERE o.id BETWEEN :low AND :high AND {counted}", orders)
        of_range = "r.id BETWEEN :low AND :high AND r.refunded_at < :until"
        self._add_refunded(names, code, f"{_REFUNDS} WHERE {of_range} AND {counted}", refunds)

    def _add_placed(self, names: list[str], code: list[str], source: str, windows: Iterable[_Window]) -> None:
        columns = ("o.contact_id", "o.placed_at", "o.total_minor", *code)
        for ids, placed_at, total, *currency in in_columns(self.db, columns, source, windows if names else ()):
            self._add_orders(ids, 1, placed_at)
            self._add_by_code(names, currency, ids, total)

    def _add_refunded(self, names: list[str], code: list[str], source: str, windows: Iterable[_Window]) -> None:
        columns = ("o.contact_id", "r.amount_minor", *code)
        for ids, amount, *currency in in_columns(self.db, columns, source, windows if names else ()):
            self._add_by_code(names, currency, ids, -amount)

    def population(self, account: str, rates: Rates, day: date) -> Population:
        """Return the sums of everybody who has a counted order."""
        import numpy as np

        ids = np.flatnonzero(self.count)
        currency, worth = factors(self.revenue, account, rates, day)
        monetary = np.zeros(len(ids), np.int64)
        for name, amounts in self.revenue.items():
            monetary += converted(amounts[ids], worth[name])
        return Population(ids, self.count[ids], self.last[ids], monetary, currency)

    def _add_orders(self, ids: Integers, counts: Integers | int, lasts: Integers) -> None:
        import numpy as np

        ids = ids if self.survivors is None else self.survivors[ids]
        np.add.at(self.count, ids, counts)
        np.maximum.at(self.last, ids, lasts)

    def _add_by_code(self, names: list[str], currency: list[Integers], ids: Integers, amounts: Integers) -> None:
        """Add amounts to their currencies; there is no column of these where there is only one."""
        if not currency:
            self._add_revenue(names[0], ids, amounts)
            return
        for code, name in enumerate(names):
            chosen = currency[0] == code
            if chosen.any():
                self._add_revenue(name, ids[chosen], amounts[chosen])

    def _add_revenue(self, currency: str, ids: Integers, amounts: Integers) -> None:
        import numpy as np

        if currency not in self.revenue:
            self.revenue[currency] = np.zeros(self.size, np.int64)
        np.add.at(self.revenue[currency], ids if self.survivors is None else self.survivors[ids], amounts)


def converted(amounts: Integers, factor: float) -> Integers:
    """Return amounts in another currency's minor units, halves away from zero, as rules_sql rounds."""
    import numpy as np

    if factor == 1.0:
        return amounts
    exact = amounts * factor
    rounded: Integers = np.trunc(exact + np.copysign(0.5, exact)).astype(np.int64)
    return rounded


def survivors(db: Connection) -> Integers | None:
    """Return by contact id who each is after all merges, or None where nobody was merged."""
    import numpy as np

    merged = db.execute("SELECT id, merged_into FROM contacts WHERE merged_into IS NOT NULL").fetchall()
    if not merged:
        return None
    size = 1 + _highest(db, "contacts")
    into: Integers = np.arange(size, dtype=np.int64)
    into[[row["id"] for row in merged]] = [row["merged_into"] for row in merged]
    for _ in range(size.bit_length()):  # each round doubles the length of the chains that are followed
        into = np.take(into, into)
    return into


def _highest(db: Connection, table: str) -> int:
    """Return the highest id of a table, which is named in this module."""
    return int(db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])


def _ranges(size: int) -> Iterator[_Window]:
    """Yield windows over the ids below `size`."""
    for low in range(0, size, _CHUNK):
        yield {"low": low, "high": low + _CHUNK - 1}


def in_columns(
    db: Connection, columns: Sequence[str], source: str, windows: Iterable[_Window]
) -> Iterator[tuple[Integers, ...]]:
    """Yield columns of integers that are never NULL, a window at a time: no frame holds all orders, no read is long.

    SQLite hands each column over as one text that numpy reads: a third of the time that a tuple per row costs in
    Python. All aggregates of a query see its rows in the same order.
    """
    import numpy as np

    sql = f"SELECT {', '.join(f'group_concat({column})' for column in columns)} FROM {source}"
    for window in windows:
        texts = db.execute(sql, window).fetchone()
        if texts[0] is not None:
            yield tuple(np.fromstring(text, np.int64, sep=",") for text in texts)
