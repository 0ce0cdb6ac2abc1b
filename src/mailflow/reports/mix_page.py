"""Make the page of the mix: how much of people's mail is promotion. The page is mix_page.html beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock
from mailflow.reports import pages


@dataclass(frozen=True, slots=True)
class Line:
    """One band of shares with its people; `over` of them are above the limit."""

    name: str
    people: int
    messages: int
    promo: int
    over: int


@dataclass(frozen=True, slots=True)
class MixPage:
    """What the page shows: `limit` is the greatest share of promotions, None where there is none."""

    shop: str
    zone: str
    since: datetime
    until: datetime
    limit: float | None
    least: int
    lines: Sequence[Line]
    sentences: Sequence[str]

    @property
    def people(self) -> int:
        return sum(line.people for line in self.lines)

    @property
    def messages(self) -> int:
        return sum(line.messages for line in self.lines)

    @property
    def promo(self) -> int:
        return sum(line.promo for line in self.lines)

    @property
    def over(self) -> int:
        return sum(line.over for line in self.lines)


def render(page: MixPage, *, now: datetime) -> str:
    """Return the page as one HTML file."""
    zone = clock.zone(page.zone)
    return pages.template("mix_page.html").render(
        page=page,
        most=max((line.people for line in page.lines), default=0) or 1,
        first=clock.local_date(page.since, zone),
        last=clock.local_date(page.until, zone),
        made_at=clock.wall_text(now, zone),
    )
