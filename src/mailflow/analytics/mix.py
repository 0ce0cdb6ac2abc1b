"""How people are spread over shares of promotion in their mail. Pure; what they got is counted by store/mix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailflow.config.mix import MixSettings

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


def bands(counts: Iterable[tuple[int, int, int]], limit: MixSettings) -> list[Band]:
    """Return the bands of people who got (messages, promotions among them, how many people did)."""
    names = [_name(low, high) for low, high in _BANDS] + [TOO_FEW]
    found = {name: [0, 0, 0, 0] for name in names}
    for messages, promo, people in counts:
        name = TOO_FEW if messages < limit.least else _band_of(promo, messages)
        more = (people, people * messages, people * promo, people * limit.is_over(promo, messages))
        found[name] = [kept + new for kept, new in zip(found[name], more, strict=True)]
    return [Band(name, *found[name]) for name in names]


def _name(low: int, high: int) -> str:
    return f"{high}%" if low == high else f"{low + 1}-{high}%"


def _band_of(promo: int, messages: int) -> str:
    """Return the band of a share; only what is all promotion is 100 %, only what has none is 0 %."""
    if promo in (0, messages):
        return _name(0, 0) if promo == 0 else _name(100, 100)
    *smaller, last = _BANDS[1:-1]
    return next((_name(low, high) for low, high in smaller if 100 * promo <= high * messages), _name(*last))
