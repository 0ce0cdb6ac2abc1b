"""Instants, days and what people write for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailflow import clock
from mailflow.errors import UsageError

ZONES = ("Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Tehran")


@given(st.integers(-2_000_000_000_000, 30_000_000_000_000))
def test_milliseconds_go_there_and_back(ms: int) -> None:
    assert clock.to_ms(clock.from_ms(ms)) == ms


@given(st.dates(date(1990, 1, 1), date(2035, 12, 31)), st.times(), st.sampled_from(ZONES))
def test_a_wall_time_is_shown_at_its_instant_or_does_not_exist(day: date, at: time, name: str) -> None:
    zone = ZoneInfo(name)
    at = at.replace(microsecond=0)
    instant = clock.local_instant(day, at, zone)
    shown = instant.astimezone(zone).replace(tzinfo=None)
    wall = datetime.combine(day, at)
    assert shown >= wall
    just_before = (instant - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert shown == wall or just_before < wall  # the first instant after the gap


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-03-29T02:30", "Europe/Vienna", "2026-03-29T01:00:00Z"),
        ("2026-10-25T02:30", "Europe/Vienna", "2026-10-25T00:30:00Z"),
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:00:00Z"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("2026-03-20", "Europe/Vienna", "2026-03-19T23:00:00Z"),
        ("2026-03-20T09:00Z", "Europe/Vienna", "2026-03-20T09:00:00Z"),
        ("2026-03-20T09:00+05:30", "Europe/Vienna", "2026-03-20T03:30:00Z"),
        (" 2026-03-20 09:00 ", "Europe/Vienna", "2026-03-20T08:00:00Z"),
    ],
)
def test_what_is_written_is_the_instant_that_is_meant(text: str, zone: str, utc: str) -> None:
    assert clock.iso(clock.parse_instant(text, ZoneInfo(zone))) == utc


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "20/03/2026", "0001-01-01", "9999-12-31T23:59-12:00", "1e3"]
)
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"\S"):
        clock.parse_instant(text, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("24h", 86_400), ("90d", 7_776_000), ("2 w", 1_209_600)]
)
def test_durations(text: str, seconds: int) -> None:
    assert clock.parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "24", "h", "-1d", "1.5h", "1y", "٣d", "99999999999d", "9" * 40 + "d"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"duration"):
        clock.parse_duration(text)


def test_the_end_of_a_day_is_its_next_midnight_also_where_that_is_skipped() -> None:
    assert clock.iso(clock.end_of_day(date(2026, 3, 28), ZoneInfo("Europe/Vienna"))) == "2026-03-28T23:00:00Z"
    # Sao Paulo skipped the midnight that began 4 November 2018.
    assert clock.iso(clock.end_of_day(date(2018, 11, 3), ZoneInfo("America/Sao_Paulo"))) == "2018-11-04T03:00:00Z"


def test_instants_as_text() -> None:
    instant = datetime(2026, 3, 28, 22, 40, 9, 120_000, tzinfo=UTC)
    assert clock.iso(instant) == "2026-03-28T22:40:09.120Z"
    assert clock.iso(instant.replace(microsecond=0)) == "2026-03-28T22:40:09Z"
    assert clock.wall_text(instant, ZoneInfo("Europe/Vienna")) == "2026-03-28 23:40"


def test_an_unknown_zone_is_told() -> None:
    for name in ("Nowhere", "", "../etc/passwd", "Europe"):
        with pytest.raises(UsageError, match="unknown time zone"):
            clock.zone(name)
