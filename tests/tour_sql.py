"""The questions of docs/tour.md in plain SQL, written from store/schema.sql and docs/, not from the rules' compiler.

Each is a condition on `c`, a contact. Instants are worked out by SQLite itself: `_ms("2026-11-22 12:00")` is UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent

_DAY = 86_400_000


def _ms(text: str) -> str:
    return f"(unixepoch('{text}') * 1000)"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a tour is asked: `now` and the end of that day as SQL, and how far local time is ahead of UTC, as SQL."""

    now: str
    end: str
    winter: int
    summers: tuple[tuple[str, str], ...]

    def ahead(self, instant: str) -> str:
        """Return SQL for the offset of local time in milliseconds."""
        summer = " OR ".join(f"{instant} >= {_ms(begin)} AND {instant} < {_ms(end)}" for begin, end in self.summers)
        return f"(3600000 * ({self.winter} + ({summer})))"

    def day(self, instant: str) -> str:
        """Return SQL for the number of the local day."""
        return f"(({instant} + {self.ahead(instant)}) / {_DAY})"

    def ago(self, days: int) -> str:
        return f"({self.now} - {days} * {_DAY})"

    @property
    def facts(self) -> str:
        """Return a table of (contact_id, n, first, last, revenue) of everybody with a counted order by then."""
        return f"""(SELECT o.contact_id, count(*) AS n, min(o.placed_at) AS first, max(o.placed_at) AS last,
              sum(o.total_minor - coalesce((SELECT sum(r.amount_minor) FROM refunds r
                  WHERE r.order_id = o.id AND r.refunded_at < {self.end}), 0)) AS revenue
            FROM orders o WHERE o.contact_id IS NOT NULL AND o.status IN ('open', 'paid') AND o.placed_at < {self.end}
            GROUP BY 1)"""

    def has(self, condition: str) -> str:
        """Return a condition on the facts `x` of a contact."""
        return f"c.id IN (SELECT x.contact_id FROM {self.facts} x WHERE {condition})"

    def ordered(self, lines: str = "1", orders: str = "1", least: int = 1) -> str:
        """Return a condition: so many counted orders, each with a line `l` (product `l.product_id`) that fits."""
        return f"""(SELECT count(DISTINCT o.id) FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
            WHERE o.contact_id = c.id AND o.status IN ('open', 'paid') AND o.placed_at < {self.end}
            AND ({orders}) AND ({lines})) >= {least}"""

    def did(self, names: str, what: str, days: int, least: int = 1) -> str:
        return f"""(SELECT count(*) FROM events e WHERE e.contact_id = c.id AND e.name IN ({names})
            AND e.occurred_at >= {self.ago(days)} AND ({what})) >= {least}"""

    @property
    def rfm(self) -> str:
        """Return a table of (contact_id, r, f, m): quintiles by exact integers, five times each cut point."""
        today, last = self.day(f"({self.end} - 1)"), self.day("last")
        return f"""(WITH facts AS MATERIALIZED (
                SELECT contact_id, {today} - {last} AS days, n, revenue FROM {self.facts}),
              {self._ranked("days")}, {self._ranked("n")}, {self._ranked("revenue")}
            SELECT contact_id,
              5 - (SELECT count(*) FROM days_cuts WHERE cut < 5 * days) AS r,
              1 + (SELECT count(*) FROM n_cuts WHERE cut < 5 * n) AS f,
              1 + (SELECT count(*) FROM revenue_cuts WHERE cut < 5 * revenue) AS m FROM facts)"""

    @staticmethod
    def _ranked(name: str) -> str:
        """Return the tables NAME_rank, of values by their place from 0 on, and NAME_cuts."""
        place = "k * (size - 1)"
        at = f"coalesce((SELECT v FROM {name}_rank WHERE place = {place} / 5 + {{}}), 0)"
        return f"""{name}_rank AS MATERIALIZED (
              SELECT {name} AS v, row_number() OVER (ORDER BY {name}) - 1 AS place FROM facts),
            {name}_cuts AS MATERIALIZED (
              SELECT (5 - {place} % 5) * {at.format(0)} + {place} % 5 * {at.format(1)} AS cut
              FROM (SELECT column1 AS k FROM (VALUES (1), (2), (3), (4))), (SELECT count(*) AS size FROM facts))"""

    def scored(self, condition: str) -> str:
        return f"c.id IN (SELECT x.contact_id FROM {self.rfm} x WHERE {condition})"

    def stage(self, name: str) -> str:
        """Return a condition on `silence`, `gap` (milliseconds) and `n`, by the table in docs/segments.md."""
        means = f"(SELECT 1.0 * (last - first) / (n - 1) AS mean FROM {self.facts} WHERE n >= 2)"
        typical = f"""(SELECT avg(mean) FROM (SELECT mean, row_number() OVER (ORDER BY mean) AS place,
            count(*) OVER () AS size FROM {means}) WHERE place IN ((size + 1) / 2, (size + 2) / 2))"""
        figures = f"""(SELECT contact_id, n, {self.end} - last AS silence,
            max({_DAY}, (last - first + {typical}) / n) AS gap FROM {self.facts})"""
        return f"c.id IN (SELECT contact_id FROM {figures} WHERE {name})"


_BETTER = "r = 5 AND f >= 4"  # champions
_VIP = f"({_BETTER} OR r IN (3, 4) AND f >= 4)"
_AT_RISK, _CANNOT = "(r <= 2 AND f IN (3, 4))", "(r <= 2 AND f = 5)"
_QUIET = "silence >= 1.5 * gap AND silence < 6 * gap"
_LOST = "silence >= 3 * gap"
_VIEWED = "'product_viewed', 'category_viewed', 'page_viewed'"
_LOYAL = "silence < 1.5 * gap AND n >= 4"
_VIENNA = (("2025-03-30 01:00", "2025-10-26 01:00"), ("2026-03-29 01:00", "2026-10-25 01:00"))
_NEW_YORK = (("2017-03-12 07:00", "2017-11-05 06:00"),)

TEA = Moment(_ms("2026-11-22 12:00"), _ms("2026-11-22 23:00"), 1, _VIENNA)
TEA_SUMMER = Moment(f"({_ms('2026-06-30 22:00')} - 1)", _ms("2026-06-30 22:00"), 1, _VIENNA)
GROCERIES = Moment(f"({_ms('2018-01-01 05:00')} - 1)", _ms("2018-01-01 05:00"), -5, _NEW_YORK)
GROCERIES_SUMMER = Moment(f"({_ms('2017-07-01 04:00')} - 1)", _ms("2017-07-01 04:00"), -5, _NEW_YORK)


def _of(title: str) -> str:
    return f"l.product_id IN (SELECT id FROM products WHERE title = '{title}')"


def _in(category: str) -> str:
    return f"l.product_id IN (SELECT product_id FROM product_categories WHERE lower(category) = '{category}')"


def _long_gone(at: Moment) -> str:
    """Return a condition: the last order is three times their mean gap ago."""
    return f"n >= 2 AND last > first AND {at.now} - last >= 3.0 * (last - first) / (n - 1)"


def _weekday(moment: Moment, days: str) -> str:
    """Return a condition on the local weekday of the last order; day 0, 1 January 1970, was a Thursday (4)."""
    return f"(4 + {moment.day('last')}) % 7 IN ({days})"


def _tea(at: Moment) -> dict[int, str]:
    christmas = f"o.placed_at >= {_ms('2025-11-23 23:00')} AND o.placed_at < {_ms('2025-12-24 23:00')}"
    return {
        1: at.has(f"n >= 2 AND last < {at.ago(90)}") + " AND c.country IN ('DE', 'AT')",
        2: at.has(f"{_long_gone(at)} AND revenue >= 10000"),
        3: at.ordered(_of("Matcha, 30 g"), f"o.placed_at >= {at.ago(365)}")
        + " AND NOT " + at.ordered(_of("Bamboo Whisk")),
        4: at.ordered("l.quantity >= 2 AND l.title LIKE '%tea bowl%'"),
        5: at.ordered(orders=christmas) + " AND NOT " + at.ordered(orders=f"o.placed_at >= {_ms('2025-12-24 23:00')}"),
        6: at.stage(f"{_QUIET} AND n >= 4")
        + " AND (SELECT state FROM consent_states s WHERE s.contact_id = c.id AND s.channel = 'email' AND s.topic = '')"
        " = 'subscribed'",
        7: at.scored(f"({_AT_RISK} OR {_CANNOT}) AND m >= 4"),
        8: at.has("n >= 2") + " AND " + at.scored(_VIP)
        + " AND coalesce(c.language, '') <> 'de' AND NOT " + at.scored("m <= 2"),
        9: "substr(c.birthday, -5) BETWEEN '11-22' AND '12-05'",
        10: at.did(_VIEWED, "e.properties ->> 'category' = 'stoneware'", 30, 2)
        + " AND NOT " + at.ordered(_in("stoneware"), f"o.placed_at >= {at.ago(30)}"),
        11: at.did("'cart_abandoned'", "e.properties ->> 'value' >= 50", 14),
        12: at.did(_VIEWED, "e.properties ->> 'url' LIKE '%/sale%'", 30),
        13: at.has(f"n = 1 AND {_weekday(at, '0, 6')}"),
    }  # fmt: skip


def _tea_summer(at: Moment) -> dict[int, str]:
    return {
        14: at.has(f"n >= 2 AND last < {at.ago(90)}"),
        15: at.scored(_BETTER),
        16: at.stage(_LOYAL) + " AND " + at.has("revenue >= 25000"),
    }


def _groceries(at: Moment) -> dict[int, str]:
    autumn = f"o.placed_at >= {_ms('2017-09-01 04:00')} AND o.placed_at < {_ms('2018-01-01 05:00')}"
    summer = f"o.placed_at >= {_ms('2017-06-01 04:00')} AND o.placed_at < {_ms('2017-09-01 04:00')}"
    evening = f"({at.day('last')}, 18) <= ({at.day('last')}, (last + {at.ahead('last')}) / 3600000 % 24)"
    return {
        1: at.ordered(_in("pastry"), least=5)
        + " AND NOT " + at.ordered(_in("pastry"), f"o.placed_at >= {at.ago(60)}"),
        2: "c.attributes ->> 'household_comp' LIKE '%adults kids%' AND " + at.ordered(_in("baby foods"), autumn),
        3: at.ordered("l.quantity >= 6", least=2),
        4: at.has(f"{_long_gone(at)} AND revenue >= 10000"),
        5: at.ordered(_in("soft drinks"), summer) + " AND NOT " + at.ordered(_in("soft drinks"), autumn),
        6: at.stage(f"{_LOST} AND n >= 10"),
        7: at.scored(f"{_CANNOT} OR {_AT_RISK} AND m = 5"),
        8: at.ordered(orders=f"o.total_minor >= 5000 AND o.placed_at >= {at.ago(90)}", least=2),
        9: at.scored(_VIP) + " AND c.attributes ->> 'age' = '65+'",
        10: at.has(f"{_weekday(at, '0')} AND {evening} AND last >= {at.ago(14)}"),
        11: at.ordered(orders=f"o.placed_at >= {at.ago(30)}")
        + " AND NOT " + at.has(_long_gone(at)) + " AND NOT " + at.ordered(_in("deli")),
    }  # fmt: skip


def _groceries_summer(at: Moment) -> dict[int, str]:
    return {12: at.has(_long_gone(at)), 13: at.scored(_CANNOT), 14: at.stage(_LOST)}


def _whole(conditions: Mapping[int, str]) -> dict[int, str]:
    return {
        number: f"SELECT c.id FROM contacts c WHERE {dedent(text)} ORDER BY c.id" for number, text in conditions.items()
    }


QUESTIONS: Mapping[str, Mapping[int, str]] = {
    "tea shop": _whole(_tea(TEA)),
    "tea shop, 2026-06-30": _whole(_tea_summer(TEA_SUMMER)),
    "groceries, 2017-12-31": _whole(_groceries(GROCERIES)),
    "groceries, 2017-06-30": _whole(_groceries_summer(GROCERIES_SUMMER)),
}
