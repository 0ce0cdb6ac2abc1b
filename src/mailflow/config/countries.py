"""What holds for marketing mail to a country: `countries:` in mailflow.yaml. All other settings: settings.py.

Which country somebody lives in is read by store/candidates, whether they may get a message is decided by policy, and
the words in the footer are told to templates by outbox/context.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mailflow import clock
from mailflow.errors import UsageError

UNKNOWN, OTHERS = "unknown", "others"  # keys beside two letters: whose country is not known, and every other country
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\Z")
_EVERY_YEAR = re.compile(r"(\d{2})-(\d{2})\Z")
# ISO 3166-1, and XK for Kosovo as others use it. A country that is none would protect nobody.
_CODES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
    """.split()
)
_MEANT = {"UK": "GB", "EN": "GB", "SP": "ES", "EL": "GR", "SW": "SE or CH", "JA": "JP", "DA": "DK", "EI": "IE"}
_LONGEST = 60  # days in a row without an hour to send in


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Requires(StrEnum):
    """What a yes must be for marketing mail to go to a country."""

    EXPRESS = "express"  # they said yes; having bought is not enough
    DOUBLE_OPT_IN = "double_opt_in"  # they said yes and confirmed it, and the proof kept with the yes says so


class QuietSettings(_Part):
    """When no marketing mail goes out, by the reader's own clock.

    `from` and `to` are times of day, over midnight too. `days` are weekdays; `dates` are days such as 2026-12-25, or
    12-25 in every year.
    """

    start: time | None = Field(default=None, alias="from")
    end: time | None = Field(default=None, alias="to")
    days: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @field_validator("start", "end", mode="before")
    @classmethod
    def _time(cls, value: object) -> time | None:
        if value is None or isinstance(value, time):
            return value
        match = _CLOCK.match(str(value))
        if match is None or int(match[1]) > 23 or int(match[2]) > 59:
            raise ValueError(f"{value!r} is not a time of day: write it as 20:00")
        return time(int(match[1]), int(match[2]))

    @field_validator("days")
    @classmethod
    def _days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for day in value:
            if day.lower() not in DAYS:
                raise ValueError(f"{day!r} is not a day: write {', '.join(DAYS)}")
        return tuple(day.lower() for day in value)

    @field_validator("dates", mode="before")
    @classmethod
    def _dates(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        return [_date_text(item) for item in value]

    @model_validator(mode="after")
    def _leaves_time(self) -> QuietSettings:
        if (self.start is None) != (self.end is None):
            raise ValueError("from and to go together: {from: 20:00, to: 08:00}")
        if self.start is not None and self.start == self.end:
            raise ValueError("from and to are the same time: that leaves no hour, or says nothing")
        if set(self.days) == set(DAYS):
            raise ValueError("days leaves none to send on: say never: true instead")
        return self

    def over_at(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """Return the first instant from `instant` on at which mail may go: that very one where it may go now.

        Where nothing is open for 60 days, that is the end of them.
        """
        for _ in range(2 * _LONGEST):
            local = instant.astimezone(zone)
            if self._is_quiet_day(local.date()):
                instant = clock.local_instant(local.date() + timedelta(days=1), time(), zone)
            elif (over := self._hours_over(local)) is not None:
                instant = _next(instant, over, self.end or time(), zone)
            else:
                return instant
        return instant

    def _is_quiet_day(self, day: date) -> bool:
        return DAYS[day.weekday()] in self.days or not {day.isoformat(), f"{day:%m-%d}"}.isdisjoint(self.dates)

    def _hours_over(self, local: datetime) -> date | None:
        """Return on which day the quiet hours end that a local time is in; None where it is in none."""
        if self.start is None or self.end is None:
            return None
        at, over_midnight = local.time(), self.start > self.end
        if self.start <= at and (over_midnight or at < self.end):
            return local.date() + timedelta(days=over_midnight)
        return local.date() if over_midnight and at < self.end else None


def _next(instant: datetime, day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when a wall-clock time comes that follows an instant: the second of two where the first is over."""
    first = clock.local_instant(day, at, zone)
    return first if first > instant else datetime.combine(day, at, tzinfo=zone).replace(fold=1).astimezone(UTC)


def _date_text(value: Any) -> str:
    text = str(value).strip()
    match = _EVERY_YEAR.match(text)
    try:
        return f"{date(2024, int(match[1]), int(match[2])):%m-%d}" if match else clock.parse_date(text).isoformat()
    except (ValueError, UsageError):
        raise ValueError(f"{text!r} is not a day: write 2026-12-25, or 12-25 for every year") from None


class CountrySettings(_Part):
    """What holds for marketing mail to readers of one country; order and account mail goes all the same.

    `footer` stands below the shop's address, `address` in its place. Quiet hours are by the reader's time zone, where
    that is not known by `timezone`, else by the account's.
    """

    never: bool = False
    require: Requires | None = None
    quiet: QuietSettings | None = None
    timezone: str | None = None
    address: str | None = None
    footer: str | None = None

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                clock.zone(value)
            except UsageError as error:
                raise ValueError(str(error)) from None
        return value


def check_codes(value: Mapping[str, CountrySettings]) -> None:
    """Raise `ValueError` for a key of `countries:` that is no country."""
    for code in value:
        if code not in (UNKNOWN, OTHERS) and code not in _CODES:
            capitals = code.upper()
            hint = _MEANT.get(capitals) or (capitals if capitals in _CODES else "two capitals such as DE")
            raise ValueError(f"{code!r} is not a country: write {hint}, or {UNKNOWN}, or {OTHERS}")


def rules_of(countries: Mapping[str, CountrySettings], code: str | None) -> CountrySettings | None:
    """Return what holds for a country (two letters; None: not known), or None."""
    if code is None:
        return countries.get(UNKNOWN)
    return countries.get(code) or countries.get(OTHERS)
