"""How much of people's mail is promotion: the report, and what one campaign more would do to it.

The limit is `mix:` in mailflow.yaml (config/mix); what people got is counted by store/mix, shown by reports/mix_page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.config.mix import WINDOW, MixSettings
from mailflow.model import MessageKind
from mailflow.store import mix
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.planning import CampaignPlan

COLUMNS = ("share", "people", "share_people", "messages", "promo", "over_limit")
CONTACT_COLUMNS = ("contact", "email", "messages", "promo", "value", "promo_share", "over_limit")
TOO_FEW = "too few"
_BANDS = ((0, 0), (0, 25), (25, 50), (50, 75), (75, 99), (100, 100))  # percent: above the first, up to the second


@dataclass(frozen=True, slots=True)
class Band:
    """People whose share of promotions is alike, with what they got; `over` of them are above the limit."""

    name: str
    people: int
    messages: int
    promo: int
    over: int


@dataclass(frozen=True, slots=True)
class Mix:
    """The mix of the marketing mail of a window, as of `until`: a band for who got `too few` messages comes last."""

    since: datetime
    until: datetime
    limit: MixSettings
    bands: Sequence[Band]

    @property
    def people(self) -> int:
        """How many people got anything."""
        return sum(band.people for band in self.bands)

    @property
    def over(self) -> int:
        """How many people's mail is more promotion than the limit allows."""
        return sum(band.over for band in self.bands)

    @property
    def messages(self) -> int:
        return sum(band.messages for band in self.bands)

    @property
    def promo(self) -> int:
        return sum(band.promo for band in self.bands)

    def records(self) -> list[dict[str, Any]]:
        """Return the bands with the keys that the JSON promises."""
        return [
            {
                "share": band.name,
                "people": band.people,
                "share_people": round(band.people / self.people, 4) if self.people else 0.0,
                "messages": band.messages,
                "promo": band.promo,
                "over_limit": band.over,
            }
            for band in self.bands
        ]


def gather(workspace: Workspace, *, now: datetime) -> Mix:
    """Return the mix of the last 30 days."""
    limit, since = workspace.settings.mix, now - WINDOW
    names = [_name(low, high) for low, high in _BANDS] + [TOO_FEW]
    found = {name: [0, 0, 0, 0] for name in names}
    counts = mix.counts(workspace.store.db, since=clock.to_ms(since), until=clock.to_ms(now))
    for messages, promo, people in counts:
        name = TOO_FEW if messages < limit.least else _band_of(promo, messages)
        more = (people, people * messages, people * promo, people * limit.is_over(promo, messages))
        found[name] = [kept + new for kept, new in zip(found[name], more, strict=True)]
    return Mix(since, now, limit, [Band(name, *found[name]) for name in names])


def contacts(workspace: Workspace, *, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield who got enough messages to speak of a mix, the most one-sided first."""
    limit = workspace.settings.mix
    since, until = clock.to_ms(now - WINDOW), clock.to_ms(now)
    for got in mix.people(workspace.store.db, since=since, until=until, least=limit.least):
        yield {
            "contact": got.contact,
            "email": got.email,
            "messages": got.messages,
            "promo": got.promo,
            "value": got.messages - got.promo,
            "promo_share": round(got.promo / got.messages, 4),
            "over_limit": limit.is_over(got.promo, got.messages),
        }


def lifted(workspace: Workspace, plan: CampaignPlan, *, now: datetime) -> int:
    """Return for how many recipients of a plan promotions would be above the limit once they have it."""
    limit = workspace.settings.mix
    if plan.kind is not MessageKind.PROMO or plan.scope.is_rehearsal or limit.promo_at_most is None:
        return 0
    since, until = clock.to_ms(now - WINDOW), clock.to_ms(now)
    over = mix.lifted(workspace.store.db, since=since, until=until, least=limit.least, at_most=limit.promo_at_most)
    return sum(person.contact_id in over for person in plan.recipients)


def _name(low: int, high: int) -> str:
    return f"{high}%" if low == high else f"{low + 1}-{high}%"


def _band_of(promo: int, messages: int) -> str:
    """Return the band of a share; only what is all promotion is 100 %, only what has none is 0 %."""
    if promo in (0, messages):
        return _name(0, 0) if promo == 0 else _name(100, 100)
    *smaller, last = _BANDS[1:-1]
    return next((_name(low, high) for low, high in smaller if 100 * promo <= high * messages), _name(*last))
