"""RFM as product handbooks define it, in plain Python without numpy: what mailflow's figures are held against."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

from shop import Order

TABLE = {
    5: ["new_customers", "potential_loyalists", "potential_loyalists", "champions", "champions"],
    4: ["promising", "potential_loyalists", "potential_loyalists", "loyal_customers", "loyal_customers"],
    3: ["about_to_sleep", "about_to_sleep", "need_attention", "loyal_customers", "loyal_customers"],
    2: ["hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose_them"],
    1: ["hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose_them"],
}


def cuts(values: Sequence[int]) -> list[Fraction]:
    """Return the 20, 40, 60, 80 % quantiles, linearly interpolated."""
    if len(values) == 1:
        return [Fraction(values[0])] * 4
    return statistics.quantiles([Fraction(value) for value in values], n=5, method="inclusive")


def scores(people: dict[str, tuple[int, int, int]]) -> dict[str, tuple[int, int, int, str]]:
    """Return (r, f, m, class) of each contact with (recency days, frequency, monetary in minor units)."""
    if not people:
        return {}
    by_r, by_f, by_m = (cuts([facts[index] for facts in people.values()]) for index in range(3))

    def below(limits: list[Fraction], value: int) -> int:
        return sum(limit < value for limit in limits)

    found = {}
    for name, (days, count, minor) in people.items():
        r, f, m = 5 - below(by_r, days), 1 + below(by_f, count), 1 + below(by_m, minor)
        found[name] = (r, f, m, TABLE[r][f - 1])
    return found


def population(orders: Iterable[Order], day: date, zone: ZoneInfo) -> dict[str, tuple[int, int, int]]:
    """Return (recency days, frequency, monetary) of everybody with a counted order by the end of a day."""
    days: dict[str, list[date]] = {}
    minor: dict[str, int] = {}
    for order in orders:
        placed = order.placed_at.astimezone(zone).date()
        if order.contact is None or order.status not in ("open", "paid") or placed > day:
            continue
        days.setdefault(order.contact, []).append(placed)
        refunded = sum(amount for when, amount in order.refunds if when.astimezone(zone).date() <= day)
        minor[order.contact] = minor.get(order.contact, 0) + order.total_minor - refunded
    return {name: ((day - max(dates)).days, len(dates), minor[name]) for name, dates in days.items()}
