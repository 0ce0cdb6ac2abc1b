"""What was spent on which channel and campaign, day by day. Whole files of costs: registers_bulk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from mailflow.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Spent:
    """What one channel and campaign cost on one day, in minor units of one currency."""

    spent_on: date
    channel: str | None
    campaign: str | None
    amount_minor: int
    currency: str


def by_day(db: Connection, first: date, last: date) -> Iterator[Spent]:
    """Yield what was spent from one day to another, both of them included, by day, channel, campaign and currency."""
    rows = db.execute(
        """SELECT spent_on, channel, campaign, sum(amount_minor) AS amount_minor, currency FROM costs
           WHERE spent_on BETWEEN ? AND ? GROUP BY spent_on, channel, campaign, currency
           ORDER BY spent_on, channel, campaign, currency""",
        (first.isoformat(), last.isoformat()),
    )
    for row in rows:
        yield Spent(
            date.fromisoformat(row["spent_on"]), row["channel"], row["campaign"], row["amount_minor"], row["currency"]
        )


def totals(db: Connection, first: date, last: date) -> dict[tuple[str | None, str], int]:
    """Return what each channel cost from one day to another, both included: (channel, currency) → minor units."""
    rows = db.execute(
        """SELECT channel, currency, sum(amount_minor) AS amount_minor FROM costs
           WHERE spent_on BETWEEN ? AND ? GROUP BY channel, currency ORDER BY channel, currency""",
        (first.isoformat(), last.isoformat()),
    )
    return {(row["channel"], row["currency"]): row["amount_minor"] for row in rows}
