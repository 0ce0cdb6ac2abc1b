"""Keep lists of places as files of their own, made once and asked by name or by distance. What is in them: places.

One file for the workspace's places.csv and one for the world's towns, each made anew when its list changed. They are
not part of the database: deleting them costs the seconds that making them takes.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path

from mailflow import waiting
from mailflow.places import Circle, PlaceError, Spot, Town, distance_km, listed
from mailflow.places.atlas import NO_PLACES
from mailflow.places.geometry import Box, box_around
from mailflow.places.listed import PLACES_FILE, Source
from mailflow.places.names import postcode_keys, town_key, zone_country
from mailflow.store.connection import Connection, Row
from mailflow.store.gazetteer_file import SCHEMA, is_current, make

_OWN, _WORLD = "own", "world"  # the first one that knows a place says where it is
_ATTACH = {_OWN: "ATTACH ? AS own", _WORLD: "ATTACH ? AS world"}
_READING = {_OWN: f"places of {PLACES_FILE}", _WORLD: "the world's towns, once in this workspace"}
_FOLDER = ".mailflow"  # as in workspace.py
_MOST_CANDIDATES = 5_000
_ALIKE = 0.75
_SHOWN = 4
_REMEMBERED = 1 << 15

# So many times the people of any other of its name has the town that the name alone means.
_TIMES = 5
# Whether a name alone means a town, `n` of `t` in one list: in the whole list, or within its country.
_WINS = f"""NOT EXISTS (SELECT 1 FROM {{0}}.names AS r JOIN {{0}}.towns AS s ON s.id = r.town
    WHERE r.key = n.key AND r.town <> n.town AND {_TIMES} * s.population > t.population {{1}})"""
_IN_LIST, _IN_LAND = "", "AND s.country = t.country"
_TOWN = """SELECT t.name, t.country, t.latitude, t.longitude, t.population
    FROM {0}.names AS n JOIN {0}.towns AS t ON t.id = n.town WHERE n.key = :key AND """
_IN_COUNTRY = "t.country = :country"
_AT_HOME = """EXISTS (SELECT 1 FROM {0}.names AS h JOIN {0}.towns AS k ON k.id = h.town
    WHERE h.key = w.key AND k.country = :home)"""
# Whether the workspace's own list has a town that a name of the world's list means before the one there.
_OWN_WINS = f"""EXISTS (SELECT 1 FROM own.names AS n JOIN own.towns AS t ON t.id = n.town
    WHERE n.key = w.key AND {_WINS.format("own", "{0}")} {{1}})"""
_IN_BOX = """{0}.latitude BETWEEN :south AND :north
    AND iif(:west <= :east, {0}.longitude BETWEEN :west AND :east, {0}.longitude >= :west OR {0}.longitude <= :east)"""
_CODES = f"SELECT country, code AS key, latitude, longitude FROM own.codes AS c WHERE {_IN_BOX.format('c')}"
# Names in a box that mean the town there: with its country, and (`alone`) without one.
_NAMES = f"""SELECT w.key, w.country, w.latitude, w.longitude, w.country IS :home
      OR w.wins AND NOT {_AT_HOME.format("own")} AND NOT {_AT_HOME.format("world")} {{alone}} AS alone
    FROM (SELECT n.key, t.country, t.latitude, t.longitude, {_WINS.format("{list}", _IN_LIST)} AS wins
          FROM {{list}}.towns AS t JOIN {{list}}.names AS n ON n.id BETWEEN t.names_from AND t.names_to
          WHERE {_IN_BOX.format("t")} AND {_WINS.format("{list}", _IN_LAND)}) AS w
    WHERE {{unless}}"""
_NAMES_OF = {
    _OWN: _NAMES.format(list=_OWN, alone="", unless="TRUE"),
    _WORLD: _NAMES.format(
        list=_WORLD,
        alone=f"AND NOT {_OWN_WINS.format(_IN_LIST, '')}",
        unless=f"NOT {_OWN_WINS.format(_IN_LAND, 'AND t.country = w.country')}",
    ),
}


def of_workspace(root: Path, timezone: str) -> Gazetteer:
    """Return the places that a workspace knows: those of its places.csv, and the world's towns where installed."""
    return Gazetteer(root / PLACES_FILE, root / _FOLDER, timezone=timezone, world=listed.world_source())


class Gazetteer:
    """The places that a workspace knows; nothing is read before the first question.

    `own` is a file such as places.csv, `world` a list of the world's towns; what they become is kept in `folder`.
    `home` is the country of the account's time zone. `ProblemsError` from any question tells of a wrong places.csv.
    """

    def __init__(self, own: Path, folder: Path, *, timezone: str, world: Source | None) -> None:
        self._timezone = timezone
        self._world = world
        self._own = own
        self._folder = folder
        self._town = lru_cache(_REMEMBERED)(self._look_up_town)
        self._code = lru_cache(_REMEMBERED)(self._look_up_code)
        self._circle = lru_cache(64)(self._draw_circle)

    @cached_property
    def home(self) -> str | None:
        return zone_country(self._timezone)

    def of_postcode(self, country: str, postcode: str) -> Spot | None:
        """Return where a postcode is; None where it is not known."""
        return self._code(country, postcode)

    def of_town(self, country: str | None, city: str) -> Town | None:
        """Return the town of that name; None where there is none, or several of about the same size.

        It counts when it has five times the people of all others. Without a country those at home come first.
        """
        return self._town(country, town_key(city))

    def circle(self, center: Spot, km: float) -> Circle:
        """Return the postcodes and towns within `km` of a spot."""
        return self._circle(center, km)

    def find(self, name: str, country: str | None) -> Spot:
        """Return where a postcode or town is; `PlaceError` where there is none, or several."""
        if not self._sources:
            raise PlaceError(NO_PLACES)
        where = country or self.home
        code = self.of_postcode(where, name) if where else None
        if code is not None:
            return code
        town = self.of_town(country, name)
        if town is not None:
            return town.spot
        raise PlaceError(self._why_not(name, country))

    @cached_property
    def _sources(self) -> Mapping[str, Source]:
        """The lists there are."""
        found = {_OWN: listed.own_source(self._own, self.home), _WORLD: self._world}
        return {name: source for name, source in found.items() if source is not None}

    @cached_property
    def _db(self) -> Connection:
        """A connection that sees both lists; one that is not there is empty."""
        db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, uri=True)
        db.row_factory = sqlite3.Row
        for name in (_OWN, _WORLD):
            source = self._sources.get(name)
            path = self._made(name, source) if source else None
            db.execute(_ATTACH[name], (f"{path.resolve().as_uri()}?mode=ro" if path else ":memory:",))
            if path is None:
                for statement in SCHEMA:
                    db.execute(statement.format(f"{name}."))
        return db

    def _made(self, name: str, source: Source) -> Path:
        path = self._folder / f"places-{name}.db"
        if not is_current(path, source.stamp):
            with waiting.shown(_READING[name]) as advance:
                make(path, source.stamp, source.read(), advance)
        return path

    def _look_up_town(self, country: str | None, key: str) -> Town | None:
        if country is None and self.home is not None and self._is_at_home(key):
            country = self.home
        for name in (_OWN, _WORLD):
            wins = (
                _WINS.format(name, _IN_LIST) if country is None else f"{_IN_COUNTRY} AND {_WINS.format(name, _IN_LAND)}"
            )
            row = self._db.execute(_TOWN.format(name) + wins, {"key": key, "country": country}).fetchone()
            if row is not None:
                return _town(row)
        return None

    def _is_at_home(self, key: str) -> bool:
        known = {"key": key, "country": self.home}
        return any(self._db.execute(_TOWN.format(name) + _IN_COUNTRY, known).fetchone() for name in (_OWN, _WORLD))

    def _look_up_code(self, country: str, postcode: str) -> Spot | None:
        for key in postcode_keys(country, postcode):
            row = self._db.execute(
                "SELECT latitude, longitude FROM own.codes WHERE country = ? AND code = ?", (country, key)
            ).fetchone()
            if row is not None:
                return Spot(row["latitude"], row["longitude"])
        return None

    def _draw_circle(self, center: Spot, km: float) -> Circle:
        box = box_around(center, km)
        codes = list(self._inside(_CODES, box, center, km))
        towns = [row for name in (_OWN, _WORLD) for row in self._inside(_NAMES_OF[name], box, center, km)]
        countries = {row["country"] for row in (*codes, *towns)} | {self.home}
        known = self._db.execute(
            "SELECT country, code AS key FROM own.codes WHERE country IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(country for country in countries if country)),),
        )
        alone = (f" {row['key']}" for row in towns if row["alone"])
        return Circle(
            codes=_json(map(_with_country, codes)),
            known=_json(map(_with_country, known)),
            towns=_json((*map(_with_country, towns), *alone)),
            bare_codes=_json(row["key"] for row in codes),
            bare_towns=_json(row["key"] for row in towns),
        )

    def _inside(self, query: str, box: Box, center: Spot, km: float) -> Iterator[Row]:
        """Yield the rows of a box that are in the circle."""
        parameters = {
            "south": box.south, "north": box.north, "west": box.west, "east": box.east, "home": self.home,
        }  # fmt: skip
        rows = self._db.execute(query, parameters)
        for (latitude, longitude), group in groupby(rows, key=lambda row: (row["latitude"], row["longitude"])):
            if distance_km(Spot(latitude, longitude), center) <= km:
                yield from group

    def _why_not(self, name: str, country: str | None) -> str:
        """Say why a place is not found: no list has it, or several towns are called so."""
        key, several = town_key(name), dict[Spot, Town]()
        for each in (_OWN, _WORLD):
            query = _TOWN.format(each) + (_IN_COUNTRY if country else "TRUE") + " ORDER BY t.population DESC LIMIT 9"
            for town in map(_town, self._db.execute(query, {"key": key, "country": country})):
                several.setdefault(town.spot, town)
        if several:
            return _which(name, list(several.values()))
        told = f"{name!r} is no place in {country} that is known here" if country else f"no place is called {name!r}"
        alike = self._like(key, country)
        if alike:
            return f"{told} (did you mean {alike!r}?)"
        more = (
            "" if _WORLD in self._sources else ", or install the world's towns with pip install 'mailflow-cli[places]'"
        )
        return f"{told}: write its coordinates, or add it to {PLACES_FILE}{more}"

    def _like(self, key: str, country: str | None) -> str | None:
        """Return the name of a town that was probably meant: one that begins in the same way."""
        query = """SELECT DISTINCT n.key, t.name FROM {0}.names AS n JOIN {0}.towns AS t ON t.id = n.town
            WHERE n.key >= :start AND n.key < :start || :last AND length(n.key) BETWEEN :shortest AND :longest
            AND (:country IS NULL OR t.country = :country) ORDER BY t.population DESC LIMIT :most"""
        wanted = {
            "start": key[:2], "last": "\U0010ffff", "shortest": len(key) - 2, "longest": len(key) + 2,
            "country": country, "most": _MOST_CANDIDATES,
        }  # fmt: skip
        rows: list[tuple[str, str]] = [
            (row["key"], row["name"]) for each in (_OWN, _WORLD) for row in self._db.execute(query.format(each), wanted)
        ]
        called = {key: name for key, name in reversed(rows) if town_key(name) == key}
        for known in (called, dict(reversed(rows))):  # what towns are called now, then their other names
            close = difflib.get_close_matches(key, known, n=1, cutoff=_ALIKE)
            if close:
                return known[close[0]]
        return None


def _town(row: Row) -> Town:
    return Town(row["name"], row["country"], Spot(row["latitude"], row["longitude"]), row["population"])


def _which(name: str, towns: list[Town]) -> str:
    countries = sorted({town.country for town in towns})
    shown = "; ".join(
        f'"{town.spot}" in {town.country}' + (f" ({town.population:,} people)" if town.population > 1 else "")
        for town in towns[:_SHOWN]
    )
    by_country = f'"{name}, {towns[0].country}", or ' if len(countries) > 1 else ""
    return f"several places are called {name!r}: write {by_country}where it is: {shown}"


def _with_country(row: Row) -> str:
    return f"{row['country']} {row['key']}"


def _json(keys: Iterable[str]) -> str:
    return json.dumps(sorted(set(keys)), ensure_ascii=False)
