"""importers.dates: one order of day and month a column, wall time in the account's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow import clock
from mailflow.errors import UsageError
from mailflow.importers.values.dates import DayOrder, InstantReader, OrderEvidence, birthday

VIENNA = ZoneInfo("Europe/Vienna")
YEARS = (datetime(1970, 1, 2), datetime(2100, 1, 1))  # noqa: DTZ001 (wall times)


def read(text: str, order: DayOrder | None = None, pattern: str | None = None) -> str:
    return clock.iso(clock.from_ms(InstantReader(VIENNA, order=order, pattern=pattern)(text)))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-28 23:40:09 +0100", "2026-03-28T22:40:09Z"),
        ("2026-03-29 03:04:58 +0200", "2026-03-29T01:04:58Z"),
        ("2026-03-28T22:40:09.123Z", "2026-03-28T22:40:09.123Z"),
        ("2026-03-29 02:30", "2026-03-29T01:00:00Z"),  # skipped by the clocks: the first instant after
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),  # shown twice: the first of the two
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("31.12.2025", "2025-12-30T23:00:00Z"),
        ("2026/07/01 8:26", "2026-07-01T06:26:00Z"),
        ("20260701", "2026-06-30T22:00:00Z"),
        ("Jul 1, 2026", "2026-06-30T22:00:00Z"),
        ("1 Jul 2026 10:00", "2026-07-01T08:00:00Z"),
        ("2026/07/01 10:00:00 PM GMT+1", "2026-07-01T21:00:00Z"),
        ("2026-07-01 10:00 UTC-3:30", "2026-07-01T13:30:00Z"),
        ("Wed, 1 Jul 2026 10:00:00 GMT", "2026-07-01T10:00:00Z"),
    ],
)
def test_dates_are_read_as_written(text: str, instant: str) -> None:
    assert read(text) == instant


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30", "2026-03-28 25:00", "10", "45321", "0026-01-01", "32.01.2026"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|time"):
        read(text)


def test_an_ambiguous_cell_is_refused_unless_its_column_was_decided() -> None:
    with pytest.raises(ValueError, match="either way round"):
        read("03/04/2026")
    assert read("03/04/2026", DayOrder.DAY_FIRST) == "2026-04-02T22:00:00Z"
    assert read("03/04/26 2:30 PM", DayOrder.MONTH_FIRST) == "2026-03-04T13:30:00Z"


def test_the_column_decides_the_order_of_day_and_month() -> None:
    evidence = OrderEvidence()
    evidence.look(["03/04/2026", "01/02/2026"])
    assert evidence.order is None
    assert evidence.doubtful == "01/02/2026"
    evidence.look(["13/04/2026"])
    assert evidence.order is DayOrder.DAY_FIRST


def test_a_format_can_be_named_either_way() -> None:
    assert read("03-04-2026", pattern="DD-MM-YYYY") == read("03-04-2026", pattern="%d-%m-%Y") == "2026-04-02T22:00:00Z"
    assert read("3/4/26 16:05", pattern="MM/DD/YY HH:mm") == "2026-03-04T15:05:00Z"
    with pytest.raises(UsageError, match="date-format"):
        InstantReader(VIENNA, pattern="sometime")


@settings(max_examples=300, deadline=None)
@given(st.datetimes(*YEARS), st.sampled_from(["Europe/Vienna", "Australia/Lord_Howe"]))
def test_wall_times_agree_with_the_clock(wall: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    wall = wall.replace(microsecond=0)
    reader = InstantReader(zone)
    expected = clock.to_ms(clock.local_instant(wall.date(), wall.time(), zone))
    assert reader(f"{wall:%Y-%m-%d %H:%M:%S}") == expected
    assert reader.column([f"{wall:%Y-%m-%d %H:%M:%S}"] * 3) == [expected] * 3


@settings(max_examples=200, deadline=None)
@given(st.lists(st.datetimes(*YEARS, timezones=st.just(UTC)), max_size=8))
def test_a_column_is_read_like_its_cells(instants: list[datetime]) -> None:
    cells = [f"{instant:%Y-%m-%dT%H:%M:%SZ}" for instant in instants]
    assert InstantReader(VIENNA).column(cells) == [clock.to_ms(instant.replace(microsecond=0)) for instant in instants]


def test_birthdays_may_lack_a_year() -> None:
    assert birthday("--03-07") == "--03-07"
    assert birthday("03/07") == "--03-07"
    assert birthday("7.3.1984") == "1984-03-07"
    with pytest.raises(ValueError, match="either way"):
        birthday("03/07/1984")


def test_birthdays_are_read_in_the_order_of_their_column() -> None:
    assert birthday("03/07/1984", DayOrder.DAY_FIRST) == "1984-07-03"
    assert birthday("03/07/1984", DayOrder.MONTH_FIRST) == "1984-03-07"
    assert birthday("25/12/1984", DayOrder.MONTH_FIRST) == "1984-12-25"  # it can only be this day
    assert birthday("03/07", DayOrder.DAY_FIRST) == "--03-07"


@pytest.mark.parametrize(
    ("text", "day"), [("15.06.45", "1945-06-15"), ("1.2.03", "2003-02-01"), ("22.11.26", "1926-11-22"),
                      ("21.11.26", "2026-11-21"), ("1.1.2030", "2030-01-01")],
)  # fmt: skip
def test_nobody_is_born_in_the_future_of_a_year_of_two_digits(text: str, day: str) -> None:
    assert birthday(text, today=date(2026, 11, 21)) == day
