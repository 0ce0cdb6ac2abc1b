"""Quiet hours end when they should, by the reader's clock; mistakes in `countries:` are told with their place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailflow.config import load_settings
from mailflow.config.countries import QuietSettings
from mailflow.errors import ProblemsError

BERLIN = ZoneInfo("Europe/Berlin")
SETTINGS = "name: Q\nsender: {name: Q, email: a@q.example}\ncurrency: EUR\ntimezone: Europe/Vienna\n"


def quiet(**said: object) -> QuietSettings:
    return QuietSettings.model_validate(said)


def over(rule: QuietSettings, wall: str) -> str:
    """Return when a wall-clock time in Berlin may send, as wall-clock time."""
    found = rule.over_at(datetime.fromisoformat(wall).replace(tzinfo=BERLIN), BERLIN)
    return f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}"


NIGHT = quiet(**{"from": "20:00", "to": "08:00"})
SUNDAYS = quiet(**{"from": "20:00", "to": "08:00", "days": ["Sunday"], "dates": ["12-25", "2027-04-05"]})


@pytest.mark.parametrize(
    ("rule", "due", "goes"),
    [
        (NIGHT, "2027-03-10 12:00", "2027-03-10 12:00"),
        (NIGHT, "2027-03-10 19:59", "2027-03-10 19:59"),
        (NIGHT, "2027-03-10 20:00", "2027-03-11 08:00"),
        (NIGHT, "2027-03-10 07:59", "2027-03-10 08:00"),
        (NIGHT, "2027-03-10 08:00", "2027-03-10 08:00"),
        (NIGHT, "2027-03-28 01:30", "2027-03-28 08:00"),  # an hour shorter: summer time begins
        (SUNDAYS, "2027-03-13 21:00", "2027-03-15 08:00"),  # Saturday night to Monday morning
        (SUNDAYS, "2027-04-03 23:00", "2027-04-06 08:00"),  # Sunday, then Easter Monday
        (SUNDAYS, "2026-12-24 20:00", "2026-12-26 08:00"),
        (quiet(**{"from": "12:00", "to": "13:00"}), "2027-03-10 12:30", "2027-03-10 13:00"),
        (quiet(days=["sunday"]), "2027-03-14 00:00", "2027-03-15 00:00"),
    ],
)
def test_mail_waits_for_the_end_of_the_quiet(rule: QuietSettings, due: str, goes: str) -> None:
    assert over(rule, due) == goes


@given(
    st.integers(min_value=1_767_225_600, max_value=1_830_297_600),
    st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda pair: pair[0] != pair[1]),
    st.sets(st.sampled_from(["monday", "saturday", "sunday"])),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_where_it_ends_nothing_is_quiet(seconds: int, hours: tuple[int, int], days: set[str], zone: str) -> None:
    rule = quiet(**{"from": f"{hours[0]}:00", "to": f"{hours[1]}:00", "days": sorted(days)})
    instant, here = datetime.fromtimestamp(seconds, UTC), ZoneInfo(zone)
    found = rule.over_at(instant, here)
    assert instant <= found <= instant + timedelta(days=5)
    assert rule.over_at(found, here) == found


def test_in_the_hour_that_the_clocks_show_twice_quiet_hours_end_at_its_second_passing() -> None:
    rule = quiet(**{"from": "20:00", "to": "02:30"})
    second = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15 in Berlin, for the second time
    assert rule.over_at(second, BERLIN) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert rule.over_at(second - timedelta(hours=1), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SP: {never: true}", "'SP' is not a country: write ES"),
        ("XX: {never: true}", "'XX' is not a country: write two capitals such as DE"),
        ("DEU: {never: true}", "'DEU' is not a country: write two capitals such as DE"),
        ("de: {never: true}", "'de' is not a country: write DE"),
        ("UK: {never: true}", "'UK' is not a country: write GB"),
        ("DE: {nevr: true}", "5:18: unknown key 'nevr' (did you mean 'never'?)"),
        ("DE: {require: doi}", "5:27: input should be 'express' or 'double_opt_in'"),
        ("DE: {quiet: {from: 25:00, to: 08:00}}", "'25:00' is not a time of day: write it as 20:00"),
        ("DE: {quiet: {from: 20:00}}", "from and to go together"),
        ("DE: {quiet: {days: [sonntag]}}", "'sonntag' is not a day: write monday"),
        ("DE: {quiet: {dates: [02-30]}}", "'02-30' is not a day: write 2026-12-25, or 12-25"),
        ("DE: {timezone: Berlin}", "unknown time zone 'Berlin'"),
    ],
)
def test_mistakes_are_told_where_they_are(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "mailflow.yaml").write_text(f"{SETTINGS}countries: {{{text}}}\n", encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        load_settings(tmp_path / "mailflow.yaml")
    assert told in str(caught.value)
