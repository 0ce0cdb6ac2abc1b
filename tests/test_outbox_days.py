"""What a day is like where somebody lives comes from the shop's own files: the most exact row, null without one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow.errors import ProblemsError
from mailflow.outbox.days import Days, season

DAY = date(2026, 3, 20)
WEATHER = """\
date,country,region,city,postcode,weather,high
2026-03-20,,,,,mixed,12
2026-03-20,AT,,,,sun,14.5
2026-03-20,AT,Steiermark,,,,9
2026-03-20,AT,,Graz,,snow,-2
2026-03-20,AT,,Graz,8020,,-3
2026-03-21,AT,,,,rain,8
"""


def days(folder: Path, text: str = WEATHER, name: str = "context.csv") -> Days:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Days(folder, "Europe/Vienna")


def told(known: Days, day: date = DAY, **place: str) -> dict[str, Any]:
    return known.of(place, day)[1]


def test_the_most_exact_row_wins_value_by_value(tmp_path: Path) -> None:
    known = days(tmp_path)
    assert told(known, country="IT") == {"weather": "mixed", "high": 12}
    assert told(known, country="Austria") == {"weather": "sun", "high": 14.5}
    assert told(known, country="AT", region="steiermark") == {"weather": "sun", "high": 9}
    assert told(known, country="AT", city="GRAZ") == {"weather": "snow", "high": -2}
    assert told(known, country="AT", city="Graz", postcode="80 20") == {"weather": "snow", "high": -3}


def test_who_has_no_country_lives_where_the_shop_is(tmp_path: Path) -> None:
    assert told(days(tmp_path))["weather"] == "sun"


def test_a_day_without_a_row_has_every_name_and_nothing_in_it(tmp_path: Path) -> None:
    known = days(tmp_path)
    assert told(known, date(2026, 3, 22), country="AT") == {"weather": None, "high": None}
    assert told(known, date(2026, 3, 21), country="AT")["weather"] == "rain"
    assert told(known, country="AT")["weather"] == "sun"  # and back


def test_a_feed_that_came_empty_or_short_has_every_name_and_nothing_in_it(tmp_path: Path) -> None:
    heading = WEATHER.partition("\n")[0]
    nothing = {"weather": None, "high": None}
    assert told(days(tmp_path, heading + "\n"), country="AT") == nothing
    assert told(days(tmp_path, heading), country="AT") == nothing
    assert told(days(tmp_path, f"{heading}\n2026-03-20,AT\n2026-03-20,AU,,,,sun,3\n"), country="AT") == nothing
    with pytest.raises(ProblemsError, match="has no column date"):
        days(tmp_path, "country,weather\n").check(DAY)


def test_files_of_the_folder_are_read_together(tmp_path: Path) -> None:
    days(tmp_path)
    known = days(tmp_path, "Datum;Pollen\n2026-03-20;birch\n", "context/pollen.csv")
    assert told(known, country="IT") == {"weather": "mixed", "high": 12, "pollen": "birch"}


def test_no_file_tells_nothing(tmp_path: Path) -> None:
    assert Days(tmp_path, "Europe/Vienna").of({}, DAY) == ("spring", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("date,weather\n20.3.2026,sun\n", "context.csv:2: '20.3.2026' is not a date"),
        ("date,weather\n2026-03-20,sun\n2026-03-20,rain\n", "context.csv:3: this day and place stand above already"),
        ("date,country,weather\n2026-03-20,Narnia,sun\n", "context.csv:2: 'Narnia' is no country"),
        ("date,weather\n,sun\n", "context.csv:2: the date is missing"),
        ("weather,city\nsun,Graz\n", "context.csv:1: has no column date"),
        ("date,city\n2026-03-20,Graz\n", "context.csv:1: has no column beside days and places"),
        ("date,weather\n2026-03-20,s\xfcn\n".encode("latin-1"), "context.csv: is not UTF-8"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(tmp_path: Path, text: str | bytes, expected: str) -> None:
    (tmp_path / "context.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProblemsError) as caught:
        Days(tmp_path, "Europe/Vienna").check(DAY)
    assert expected in str(caught.value)


def test_wrong_lines_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    days(tmp_path, "date,a\nx,1\n")
    with pytest.raises(ProblemsError) as caught:
        days(tmp_path, "date,b\nx,1\ny,1\n", "context/weather.csv").check(DAY)
    assert [f"{each.file}:{each.line}" for each in caught.value.problems] == [
        "context.csv:2", "context/weather.csv:2", "context/weather.csv:3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "north", "south"),
    [("2026-01-15", "winter", "summer"), ("2026-02-28", "winter", "summer"), ("2026-03-01", "spring", "autumn"),
     ("2026-07-31", "summer", "winter"), ("2026-11-30", "autumn", "spring"), ("2026-12-01", "winter", "summer")],
)  # fmt: skip
def test_seasons_turn_with_the_hemisphere(day: str, north: str, south: str) -> None:
    assert season(date.fromisoformat(day), "AT") == north
    assert season(date.fromisoformat(day), None) == north
    assert season(date.fromisoformat(day), "AU") == south


def test_the_season_is_that_of_the_persons_country_else_the_shops(tmp_path: Path) -> None:
    assert Days(tmp_path, "Europe/Vienna").of({"country": "New Zealand"}, DAY)[0] == "autumn"
    assert Days(tmp_path, "Australia/Sydney").of({}, DAY)[0] == "autumn"


NAMES = ("postcode", "city", "region", "country")  # the most exact first
PLACES = st.tuples(*(st.sampled_from(["", *some]) for some in (("1", "2"), ("Graz", "Rom"), ("A", "B"), ("AT", "IT"))))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(PLACES, max_size=12, unique=True), person=PLACES)
def test_no_row_of_another_place_is_ever_told(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], person: tuple[str, ...]
) -> None:
    lines = [",".join(["2026-03-20", *row, str(number)]) for number, row in enumerate(rows)]
    text = "\n".join([f"date,{','.join(NAMES)},row", *lines, ""])
    place = (*person[:3], person[3] or "AT")
    fits = [
        n for n, row in enumerate(rows) if all(not part or part == own for part, own in zip(row, place, strict=True))
    ]
    exact = max(fits, key=lambda n: [bool(part) for part in rows[n]], default=None)
    known = days(tmp_path_factory.mktemp("days"), text)
    assert told(known, **dict(zip(NAMES, person, strict=True))).get("row") == exact
