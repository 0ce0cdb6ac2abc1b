"""Make the sample shop's orders: when who bought, what it came to, what was returned. Who they are: people.py."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from mailflow.samples.people import HISTORY, Person
from mailflow.samples.products import CURRENCY, PRODUCTS

ZONE = ZoneInfo("Europe/Vienna")
# How busy a month is against the year's average: presents in December, empty summers.
SEASON = (0.80, 0.75, 0.90, 0.95, 1.00, 0.80, 0.65, 0.65, 0.90, 1.15, 1.60, 1.85)
_BUSIEST = max(SEASON)
# Orders by hour of the day, 0 to 23: hardly any at night, most in the evening.
_HOURS = tuple(accumulate((2, 1, 1, 0, 0, 1, 3, 5, 7, 8, 8, 8, 9, 8, 7, 7, 8, 9, 10, 12, 13, 11, 7, 4)))
_POPULARITY = (9, 8, 6, 7, 5, 7, 4, 6, 4, 6, 2, 3, 3, 2, 2, 3)


@dataclass(frozen=True, slots=True)
class Order:
    """One line of orders.csv. Amounts are decimal text; `refunded` counts within `total`."""

    order_id: str
    customer_id: str
    email: str
    placed_at: str
    status: str
    total: str
    currency: str
    items: str
    refunded: str
    refunded_at: str


def make_orders(people: Sequence[Person], *, until: date, seed: int) -> tuple[Order, ...]:
    """Return the orders of the two years up to `until` (included), in the order they were placed."""
    placed: list[tuple[datetime, Person]] = []
    for person in people:
        dice = random.Random(f"{seed} orders {person.contact.customer_id}")
        placed.extend((_moment(day, dice), person) for day in _days(person, until, dice))
    placed.sort(key=lambda item: (item[0], item[1].contact.customer_id))
    dice = random.Random(f"{seed} baskets")
    return tuple(_order(number, at, person, until, dice) for number, (at, person) in enumerate(placed, start=10_001))


def _days(person: Person, until: date, dice: random.Random) -> Iterator[date]:
    """Yield the days somebody bought on.

    Each has a pace of their own (gamma) and may lose interest after any purchase, as in the BG/NBD model; one in
    eight never buys, one in three buys once.
    """
    roll, first = dice.random(), until - HISTORY + timedelta(days=1)
    if roll < 0.12:
        return
    day, pace, leaves = max(person.since, first), dice.gammavariate(1.5, 3.15), dice.betavariate(0.8, 5.5)
    if person.since >= first:  # who came before: somewhere in the middle of their years as a customer
        yield day
        if roll < 0.38 or dice.random() < leaves:
            return
    when = float(day.toordinal())
    while True:
        when += dice.expovariate(pace * _BUSIEST) * 365
        if when >= until.toordinal() + 1:
            return
        day = date.fromordinal(int(when))
        if dice.random() < SEASON[day.month - 1] / _BUSIEST:
            yield day
            if dice.random() < leaves:
                return


def _moment(day: date, dice: random.Random) -> datetime:
    hour = bisect_right(_HOURS, int(dice.random() * _HOURS[-1]))
    return datetime.combine(day, time(hour, int(dice.random() * 60), int(dice.random() * 60)), tzinfo=ZONE)


def _order(number: int, at: datetime, person: Person, until: date, dice: random.Random) -> Order:
    items, total = _basket(dice)
    status = _status(at.date(), until, dice)
    refunded, refunded_at = _refund(at, total, until, dice) if status == "paid" else (0, "")
    guest = bool(person.contact.email) and dice.random() < 0.05  # ordered without signing in: only the e-mail is known
    return Order(
        order_id=f"QK-{number}",
        customer_id="" if guest else person.contact.customer_id,
        email=person.contact.email,
        placed_at=at.isoformat(),
        status=status,
        total=_amount(total),
        currency=CURRENCY,
        items=items,
        refunded=_amount(refunded) if refunded else "",
        refunded_at=refunded_at,
    )


def _basket(dice: random.Random) -> tuple[str, int]:
    """Return what was bought as text, and the total with shipping, which is free from 60.00 on."""
    if dice.random() < 0.004:
        return "1 x Replacement, broken in the post", 0
    lines = {
        index: 1 + (dice.random() < 0.25) for index in dice.choices(range(len(PRODUCTS)), _POPULARITY, k=_lines(dice))
    }
    goods = sum(count * PRODUCTS[index][1] for index, count in lines.items())
    text = "; ".join(f"{count} x {PRODUCTS[index][0]}" for index, count in lines.items())
    return text, goods + (0 if goods >= 6000 else 490)


def _lines(dice: random.Random) -> int:
    return 1 + bisect_right((0.42, 0.72, 0.89, 0.97), dice.random())


def _status(day: date, until: date, dice: random.Random) -> str:
    roll = dice.random()
    if roll < 0.03:
        return "cancelled"
    if roll < 0.04:
        return "failed"
    return "open" if (until - day).days < 3 and roll < 0.4 else "paid"


def _refund(at: datetime, total: int, until: date, dice: random.Random) -> tuple[int, str]:
    """Return (minor units, instant) of what was paid back, wholly or in part; (0, "") for most orders."""
    if dice.random() >= 0.035 or total == 0:
        return 0, ""
    back = at + timedelta(days=3 + int(dice.random() * 18))
    if back.date() > until:
        return 0, ""
    return (total if dice.random() < 0.4 else max(500, total * 3 // 10)), back.isoformat()


def _amount(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
