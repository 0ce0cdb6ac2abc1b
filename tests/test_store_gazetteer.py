"""Lists of places as files to ask; and near(…) over everybody, which means whom a look at each one means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from random import Random

import pytest

import rule_places
from mailflow import waiting
from mailflow.errors import UnavailableError
from mailflow.places import PlaceError, Spot, listed, locate
from mailflow.places.listed import Listed, Source
from mailflow.rules import explain, parse
from mailflow.rules.predicate import matches
from mailflow.store import Store, history, members, rules_sql
from mailflow.store.gazetteer import Gazetteer
from rule_places import CENTERS, NAMES
from rule_shop import CONTEXT, FIELDS

ATLAS = NAMES.atlas


def test_what_is_read_for_seconds_is_shown_once(tmp_path: Path) -> None:
    steps: list[tuple[str, int]] = []

    @contextmanager
    def shown(label: str, total: int | None) -> Iterator[waiting.Advance]:
        yield lambda count: steps.append((label, count))

    def look() -> None:
        waiting.show_with(shown)
        for _ in range(2):
            gazetteer = Gazetteer(tmp_path / "places.csv", tmp_path, timezone="UTC", world=world)
            assert gazetteer.of_town("AT", "Graz") is None  # as often as there are of that name

    world = Source("1", lambda: [Listed("AT", Spot(47.0, 15.0), names=("Graz",), population=9)] * 10_001)
    copy_context().run(look)  # what is set there stays there
    label = "the world's towns, once in this workspace"
    assert steps == [(label, 10_000), (label, 1)]


def test_a_name_means_the_town_that_has_five_times_the_people_of_each_other(tmp_path: Path) -> None:
    towns = [("AT", 500, 1.0), ("AT", 100, 2.0), ("DE", 101, 3.0), ("DE", 1, 4.0), ("CH", 20, 5.0), ("CH", 5, 6.0)]
    world = Source(
        "1",
        lambda: [
            Listed(country, Spot(place, place), names=("Au", "Aue"), population=people)
            for country, people, place in towns
        ],
    )
    atlas = Gazetteer(tmp_path / "places.csv", tmp_path, timezone="UTC", world=world)
    found = {country: atlas.of_town(country, "aue") for country in (None, "AT", "DE", "CH")}
    assert {country: town and town.population for country, town in found.items()} == {
        None: None, "AT": 500, "DE": 101, "CH": None,
    }  # fmt: skip
    near = atlas.circle(Spot(1.0, 1.0), 1.0), atlas.circle(Spot(5.0, 5.0), 1.0)
    assert [json.loads(circle.towns) for circle in near] == [["AT au", "AT aue"], []]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_the_worlds_list_is_read_whole_in_whatever_pieces(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    towns = {
        str(number): {"name": name, "of": ["}", '}, "', "{\\"]} for number, name in enumerate(["Graz", "Zürich", "}"])
    }
    for layout in (None, 2):
        file = tmp_path / "towns.json"
        file.write_text(json.dumps(towns, indent=layout), encoding="utf-8")
        monkeypatch.setattr(listed, "_CHUNK", chunk)
        assert list(listed._objects(file)) == list(towns.values())


@pytest.mark.parametrize(
    ("text", "spot"),
    [
        ("Graz", Spot(47.07, 15.435)),  # the workspace's own lines come before the world's
        ("graz, Österreich", Spot(47.07, 15.435)),
        ("8010", Spot(47.07, 15.45)),
        ("A-8010, AT", Spot(47.07, 15.45)),
        ("Wien", Spot(48.2085, 16.3721)),
        ("Wien, AT", Spot(48.2085, 16.3721)),
        ("Vienna, US", Spot(38.9012, -77.2653)),
        ("Portland", Spot(45.5, -122.69)),
        ("Portland, GB", Spot(50.5476, -2.4447)),
        ("Munich", Spot(48.1374, 11.5755)),  # no town at home is called so
        ("München", Spot(47.0, 15.0)),  # the one in the account's country, however small
        ("munchen, DE", Spot(48.14, 11.57)),
        ("SW1A 2AA, UK", Spot(51.5, -0.13)),
    ],
)
def test_a_place_is_found_by_its_names(text: str, spot: Spot) -> None:
    found = locate(text, ATLAS)
    assert (found.latitude, found.longitude) == pytest.approx((spot.latitude, spot.longitude))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Grazz", r"no place is called 'Grazz' \(did you mean 'Graz'\?\)"),
        ("Springfield", r"several places are called 'Springfield': write where it is: \"37.2153, -93.2982\" in US"),
        ("Springfield, US", "several places"),
        ("Neustadt", "several places are called 'Neustadt'"),
        ("Xyzzy", r"no place is called 'Xyzzy': write its coordinates, or add it to places\.csv"),
        ("Graz, DE", "'Graz' is no place in DE that is known here"),
        ("Graz, Narnia", "'Narnia' is no country"),
        ("97.5, 15", "'97.5, 15' is nowhere"),
    ],
)
def test_a_place_that_is_not_found_is_told_why(text: str, message: str) -> None:
    with pytest.raises(PlaceError, match=message):
        locate(text, ATLAS)


def test_a_list_is_read_once_and_again_when_it_changes(tmp_path: Path) -> None:
    reads = 0

    def world() -> list[Listed]:
        nonlocal reads
        reads += 1
        return [Listed("AT", Spot(48.2, 16.4), names=("Wien", "Vienna"), population=1_700_000)]

    file, folder = tmp_path / "places.csv", tmp_path / "kept"
    for stamp in ("1", "1", "2"):
        atlas = Gazetteer(file, folder, timezone="Europe/Vienna", world=Source(stamp, world))
        assert atlas.find("Vienna", None) == Spot(48.2, 16.4)
    assert reads == 2
    for town, seen in (("Graz", "Graz"), ("Linz an der Donau", "Linz an der Donau")):
        file.write_text(f"country,place,latitude,longitude\nAT,{town},47,15\n")
        atlas = Gazetteer(file, folder, timezone="Europe/Vienna", world=Source("2", world))
        assert atlas.find(seen, "AT") == Spot(47, 15)
    assert reads == 2
    assert sorted(path.name for path in folder.iterdir()) == ["places-own.db", "places-world.db"]


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "places-world.db").write_bytes(b"not a database at all, but long enough to look like one" * 99)
    world = Source("1", lambda: [Listed("AT", Spot(48.2, 16.4), names=("Wien",), population=9)])
    assert Gazetteer(tmp_path / "none.csv", tmp_path, timezone="UTC", world=world).of_town("AT", "wien") is not None


def test_where_nothing_can_be_kept_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    world = Source("1", lambda: [Listed("AT", Spot(48.2, 16.4), names=("Wien",), population=9)])
    atlas = Gazetteer(tmp_path / "none.csv", tmp_path / "file", timezone="UTC", world=world)
    with pytest.raises(UnavailableError, match="the list of places cannot be kept"):
        atlas.of_town("AT", "Wien")


def test_near_means_the_same_people_in_three_opinions(tmp_path: Path) -> None:
    dice = Random(8)
    with Store.create(tmp_path / "mailflow.db") as store:
        for number in range(1, 401):
            person = rule_places.addressed(dice)
            store.db.execute(
                """INSERT INTO contacts (id, key, country, postcode, city, attributes, source, created_at, updated_at)
                   VALUES (?, ?, ?, ?, ?, ?, 'test', 0, 0)""",
                (
                    number, f"k{number}", person.get("country"), person.get("postcode"), person.get("city"),
                    json.dumps(person.get("attributes", {})),
                ),
            )  # fmt: skip
        facts = {number: history.facts(store.db, number, context=CONTEXT) or {} for number in range(1, 401)}
        points = {number: rule_places.point_of(known) for number, known in facts.items()}
        sizes = set()
        for center in CENTERS:
            at = locate(center, ATLAS)
            for km in (1, 8.5, 25, 60, 200, 500):
                rule = parse(f'near("{center}", km={km})', fields=FIELDS, names=NAMES)
                wanted = [
                    number
                    for number, point in points.items()
                    if point is not None and rule_places.kilometres(point, (at.latitude, at.longitude)) <= km
                ]
                assert list(members.found(store.db, *rules_sql.compile(rule, context=CONTEXT))) == wanted, rule.text
                assert [n for n, known in facts.items() if matches(rule, known, context=CONTEXT)] == wanted, rule.text
                sizes.add(len(wanted))
        assert len(sizes) > 15
        assert explain(rule, facts[1], CONTEXT).value != ""


def test_what_a_killed_process_left_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "places-world.db.999999999.tmp").write_text("")
    (tmp_path / "places-world.db.1.tmp").write_text("")  # process 1 is always there
    world = Source("1", lambda: [Listed("AT", Spot(48.2, 16.4), names=("Wien",), population=9)])
    assert Gazetteer(tmp_path / "none.csv", tmp_path, timezone="UTC", world=world).of_town("AT", "Wien") is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["places-world.db", "places-world.db.1.tmp"]
