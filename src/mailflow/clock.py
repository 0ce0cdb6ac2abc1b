"""Time: the one place that reads the clock, and the conversions between instants, days and text.

Instants are aware UTC `datetime`s in code and integer UTC milliseconds in the store. Days are `date`s in a named
time zone, by default the account's.
"""

from __future__ import annotations

import re
import time as timers
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from mailflow.errors import UsageError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,12})\s*([smhdw])\Z")
_LONGEST = 100 * 366 * 86_400  # seconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_YEAR, _LAST_YEAR = 1900, 2999  # what is typed outside them is a slip, and arithmetic on it would overflow


def now() -> datetime:
    """Return the present instant, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never jumps: for measuring how long something takes."""
    return timers.monotonic()


def to_ms(instant: datetime) -> int:
    """Return an aware instant as integer UTC milliseconds."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return integer UTC milliseconds as an aware instant."""
    return _EPOCH + timedelta(milliseconds=ms)


@cache
def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name such as `Europe/Vienna`; `UsageError` for an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"unknown time zone {name!r}: use an IANA name such as Europe/Vienna") from error


def local_instant(day: date, at: time, tz: ZoneInfo) -> datetime:
    """Return the UTC instant of a wall-clock time.

    A time that the clocks skip (spring) is the first instant after the gap; one that they show twice (autumn) is the
    first of the two.
    """
    wall = datetime.combine(day, at, tzinfo=tz).replace(fold=0)
    instant = wall.astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    # In a gap, fold=0 reads the wall time with the offset before the change and so lands past the gap by as much as
    # the wall time was into it; the first valid instant is the change itself.
    before = instant - timedelta(days=1)
    while instant - before > timedelta(seconds=1):
        middle = before + (instant - before) / 2
        if middle.astimezone(tz).replace(tzinfo=None) < wall.replace(tzinfo=None):
            before = middle
        else:
            instant = middle
    return instant.replace(microsecond=0)


def end_of_day(day: date, tz: ZoneInfo) -> datetime:
    """Return the first instant after `day` in `tz`: what happened before it happened by the end of that day."""
    return local_instant(day + timedelta(days=1), time(), tz)


def local_date(instant: datetime, tz: ZoneInfo) -> date:
    """Return the calendar day of an instant in `tz`."""
    return instant.astimezone(tz).date()


def local_part(ms: int | None, own_zone: str | None, zone_name: str, part: str) -> int | str | None:
    """Return the month, hour or weekday of an instant where somebody lives, else where the account is; for SQL too.

    `ms` are UTC milliseconds; `part` is `month`, `hour` or `weekday`. A zone that is none counts as unknown.
    """
    if ms is None:
        return None
    wall = from_ms(ms).astimezone(_zone_or_none(own_zone) or zone(zone_name))
    return WEEKDAYS[wall.weekday()] if part == "weekday" else int(getattr(wall, part))


@lru_cache(maxsize=4096)  # by what people have for a zone, whatever that is
def _zone_or_none(name: str | None) -> ZoneInfo | None:
    try:
        return zone(name) if name else None
    except UsageError:
        return None


def iso(instant: datetime) -> str:
    """Return an instant as `2026-03-28T22:40:09Z`, with milliseconds only where there are any."""
    spec = "milliseconds" if instant.microsecond >= 1000 else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def wall_text(instant: datetime, tz: ZoneInfo) -> str:
    """Return an instant as people of a zone write it: `2026-03-28 23:40`."""
    return instant.astimezone(tz).strftime("%Y-%m-%d %H:%M")


def parse_instant(text: str, tz: ZoneInfo) -> datetime:
    """Read ISO 8601 text as an instant; without an offset it is wall time in `tz`, without a time it is midnight."""
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time: write 2026-03-20 or 2026-03-20T09:00 or 2026-03-20T09:00Z"
        ) from error
    _check_year(value.year, text)
    if value.tzinfo is None:
        return local_instant(value.date(), value.time(), tz)
    return value.astimezone(UTC)


def parse_date(text: str) -> date:
    """Read an ISO date such as `2026-03-20`; `UsageError` for anything else."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date: write it as 2026-03-20") from error
    _check_year(day.year, text)
    return day


def _check_year(year: int, text: str) -> None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise UsageError(f"{text!r}: the year must be from {_FIRST_YEAR} to {_LAST_YEAR}")


def parse_duration(text: str) -> timedelta:
    """Read `90d`, `24h`, `15m`, `30s` or `2w`; `UsageError` for anything else."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a duration: write a number and s, m, h, d or w, such as 24h or 90d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST:
        raise UsageError(f"{text!r} is too long: a duration is at most 100 years")
    return timedelta(seconds=seconds)
