"""A few places of the world for rules about them: towns, postcodes, both sides of the date line, two of one name.

The third opinion on where people are is here too; like rule_oracle it shares nothing with mailflow.places.
"""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from mailflow.places import Spot
from mailflow.places.listed import Listed, Source
from mailflow.places.stores import Stores
from mailflow.rules import Names
from mailflow.store.gazetteer import Gazetteer

Point = tuple[float, float]

# country, postcode, place, latitude, longitude
POSTCODES = [
    ("AT", "8010", "Graz", 47.07, 15.45),
    ("AT", "8020", "Graz", 47.07, 15.42),
    ("AT", "8074", "Raaba", 47.03, 15.49),
    ("AT", "8700", "Leoben", 47.38, 15.09),
    ("AT", "6020", "Innsbruck", 47.27, 11.39),
    ("DE", "80331", "München", 48.14, 11.57),
    ("DE", "67433", "Neustadt", 49.35, 8.14),
    ("DE", "01844", "Neustadt", 51.03, 14.22),
    ("GB", "SW1A", "Westminster", 51.50, -0.13),
    ("US", "97201", "Portland", 45.50, -122.69),
    ("NL", "1012", "Amsterdam", 52.37, 4.89),
]
# name, other names, country, latitude, longitude, people; the second München is too small to be meant
TOWNS = [
    ("Graz", ["Gratz"], "AT", 47.0673, 15.442, 300_000),
    ("Vienna", ["Wien", "Wean"], "AT", 48.2085, 16.3721, 1_700_000),
    ("Vienna", [], "US", 38.9012, -77.2653, 16_000),
    ("Munich", ["München", "Munchen"], "DE", 48.1374, 11.5755, 1_500_000),
    ("München", [], "AT", 47.0, 15.0, 900),
    ("Portland", [], "US", 45.5234, -122.6762, 650_000),
    ("Portland", [], "GB", 50.5476, -2.4447, 12_000),
    ("Springfield", [], "US", 37.2153, -93.2982, 170_000),
    ("Springfield", [], "US", 42.1015, -72.5898, 154_000),
    ("Waiyevo", [], "FJ", -16.79, 179.98, 4_000),
    ("Somosomo", [], "FJ", -16.77, -179.97, 3_000),
]
CENTERS = [
    "Graz", "graz, at", "Wien", "Vienna, US", "München", "8010, AT", "67433, DE", "Portland, US", "Waiyevo",
    "47.07, 15.44", "47,07; 15,44", "-16.8, -179.99", "89.9, 10", "sw1a, uk", "Munich, Germany",
]  # fmt: skip
_STORES = "name,postcode,country,lat,lon\nMain Street,8010,AT,,\nAt the Isar,,,48.13,11.58\n"
_HOME = "AT"
_EARTH = 6371.0088


def _names() -> Names:
    folder = Path(tempfile.mkdtemp(prefix="mailflow-places-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    lines = ["country,postcode,place,latitude,longitude", *(",".join(map(str, row)) for row in POSTCODES)]
    (folder / "places.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "stores.csv").write_text(_STORES, encoding="utf-8")
    world = Source(
        "test",
        lambda: [Listed(at, Spot(lat, lon), "", (name, *more), size) for name, more, at, lat, lon, size in TOWNS],
    )
    atlas = Gazetteer(folder / "places.csv", folder, timezone="Europe/Vienna", world=world)
    return Names(atlas=atlas, stores=Stores(folder / "stores.csv", atlas))


NAMES = _names()


def addressed(dice: Random) -> dict[str, Any]:
    """Return some of country, postcode and city as people write them, and attributes with coordinates."""
    found: dict[str, Any] = {}
    if dice.random() < 0.7:
        found["country"] = dice.choice(
            ["AT", "at", "Austria", "Österreich", "DE", "UK", "GB", "us", "NL", "Narnia", "FJ"]
        )
    if dice.random() < 0.6:
        found["postcode"] = dice.choice(
            ["8010", " 8010", "A-8010", "8020", "AT8074", "8700", "6020", "D-80331", "67433", "SW1A 1AA", "sw1a1aa",
             "97201-1234", "1012 AB", "9999", "", "-", "x"]
        )  # fmt: skip
    if dice.random() < 0.7:
        found["city"] = dice.choice(
            ["Graz", "GRAZ ", "gratz", "Wien", "Vienna", "München", "MÜNCHEN", "Munchen", "Raaba", "Neustadt",
             "Springfield", "Portland", "Waiyevo", "Somosomo", "Leoben", "Nowhere", " ", "Amsterdam", "Westminster"]
        )  # fmt: skip
    if dice.random() < 0.4:
        latitude, longitude = dice.choice(
            [(47.07, 15.44), ("47.08", "15.45"), ("47,07", "15,44"), (48.14, 11.58), (0, 0), (91, 15), (47.1, None),
             (True, 15), ("47.07 N", "15.44"), (-16.8, 179.995), (-16.8, -179.995), ("", ""), (89.95, -170),
             (10**400, 15.44), ([47.07], 15.44), (47, 15), ("+47.070000000000001", " 15.44 "), ("1e1", "15.44")]
        )  # fmt: skip
        north = dice.choice(["latitude", "lat", "LATITUDE", "Lat"])
        east = dice.choice(["longitude", "lng", "LONGITUDE", "Lon", "long"])
        found["attributes"] = {north: latitude, east: longitude, "plate": "x"}
    return found


def kilometres(a: Point, b: Point) -> float:
    """Return a distance by the angle between two directions, with no haversine in it."""
    one, two = _direction(a), _direction(b)
    cross = (
        one[1] * two[2] - one[2] * two[1], one[2] * two[0] - one[0] * two[2], one[0] * two[1] - one[1] * two[0]
    )  # fmt: skip
    return _EARTH * math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(one, two, strict=True)))


def _direction(point: Point) -> tuple[float, float, float]:
    lat, lon = (math.radians(degree) for degree in point)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def point_of(facts: Mapping[str, Any]) -> Point | None:
    """Return where somebody is, worked out from the tables above."""
    own = [_first(facts, "latitude", "lat"), _first(facts, "longitude", "lng", "lon", "long")]
    if (point := _own_point(*own)) is not None:
        return point
    country = _code(facts.get("country"))
    if (code := facts.get("postcode")) and (point := _of_code(country or _HOME, code)):
        return point
    return _of_city(country, facts["city"]) if facts.get("city") else None


def _first(facts: Mapping[str, Any], *names: str) -> Any:
    forms = [f"attributes.{form}" for name in names for form in (name, name.upper(), name.capitalize())]
    return next((facts[form] for form in forms if facts.get(form) is not None), None)


def _own_point(latitude: Any, longitude: Any) -> Point | None:
    numbers = []
    for value in (latitude, longitude):
        if isinstance(value, str) and value.strip(" ") and not set(value) - set("0123456789.,+- "):
            value = float(value.replace(",", "."))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        numbers.append(value)
    if abs(numbers[0]) > 90 or abs(numbers[1]) > 180 or numbers == [0, 0]:
        return None
    return numbers[0], numbers[1]


def _code(country: str | None) -> str | None:
    words = {"austria": "AT", "österreich": "AT", "uk": "GB"}
    folded = (country or "").lower()
    return words.get(folded) or (folded.upper() if len(folded) == 2 and folded.isascii() and folded.isalpha() else None)


def _of_code(country: str, code: str) -> Point | None:
    plain = "".join(sign for sign in code if sign not in " -").upper()
    known = {(at, each): (lat, lon) for at, each, _, lat, lon in POSTCODES}
    tried = [plain, {"GB": plain[:-3], "US": plain[:5], "NL": plain[:4]}.get(country, plain)]
    if country in ("AT", "DE"):
        tried.append("".join(sign for sign in plain if sign.isdigit()))
    return next((known[country, each] for each in tried if (country, each) in known), None)


def _of_city(country: str | None, city: str) -> Point | None:
    wanted = _plain(city)
    own: dict[tuple[str, str], list[Point]] = {}
    for at, _, place, lat, lon in POSTCODES:
        own.setdefault((at, _plain(place)), []).append((lat, lon))
    world = [
        (at, size, (lat, lon))
        for name, more, at, lat, lon, size in TOWNS
        if wanted in {_plain(each) for each in (name, *more)}
    ]
    homely = (_HOME, wanted) in own or any(at == _HOME for at, _, _ in world)
    if country is None and homely:
        country = _HOME
    mine = [points for (at, place), points in own.items() if place == wanted and country in (None, at)]
    if len(mine) == 1 and all(kilometres(mine[0][0], point) < 25 for point in mine[0]):
        return sum(lat for lat, _ in mine[0]) / len(mine[0]), sum(lon for _, lon in mine[0]) / len(mine[0])
    sizes = sorted(((size, point) for at, size, point in world if country in (None, at)), reverse=True)
    if sizes and (len(sizes) == 1 or sizes[0][0] >= 5 * sizes[1][0]):
        return sizes[0][1]
    return None


def _plain(name: str) -> str:
    return name.strip(" ").lower().replace("ü", "u")
