"""Make the file of a list of places: towns by all their names, and postcodes. How it is asked: gazetteer.py."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from mailflow.errors import UnavailableError
from mailflow.places import Spot, distance_km
from mailflow.places.listed import Listed
from mailflow.places.names import postcode_keys, town_key
from mailflow.store.connection import Connection, Row

_FORMAT = "1"
# Lines of one name within so many kilometres are parts of one town.
_ONE_TOWN_KM = 25.0
# So many times the people of all others of its name has the town that the name alone means.
_TIMES = 5

# `wins` says whether a name alone means this town: 1 within its country, 2 in the whole list. It does when no other
# town of that name has a fifth of its people or more.
SCHEMA = (
    "CREATE TABLE {0}towns (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL,"
    " latitude REAL NOT NULL, longitude REAL NOT NULL, population INTEGER NOT NULL) STRICT",
    "CREATE TABLE {0}names (town INTEGER NOT NULL, key TEXT NOT NULL, wins INTEGER NOT NULL,"
    " PRIMARY KEY (town, key)) STRICT, WITHOUT ROWID",
    "CREATE TABLE {0}codes (country TEXT NOT NULL, code TEXT NOT NULL, latitude REAL NOT NULL,"
    " longitude REAL NOT NULL, PRIMARY KEY (country, code)) STRICT, WITHOUT ROWID",
)
_INDEXES = (
    "CREATE INDEX towns_by_latitude ON towns (latitude)",
    "CREATE INDEX names_by_key ON names (key)",
    "CREATE INDEX codes_by_latitude ON codes (latitude)",
)
_RAW = (
    "CREATE TEMP TABLE lines (country TEXT, code TEXT, name TEXT, latitude REAL, longitude REAL)",
    "CREATE TEMP TABLE called (key TEXT, country TEXT, town INTEGER, population INTEGER)",
)
_CODES = """INSERT INTO codes SELECT country, code, avg(latitude), avg(longitude) FROM lines WHERE code <> ''
    GROUP BY country, code"""


def is_current(path: Path, stamp: str) -> bool:
    """Say whether a file was made of this very list."""
    if not path.exists():
        return False
    db = sqlite3.connect(path, isolation_level=None)
    try:
        return bool(db.execute("SELECT stamp FROM about").fetchone()[0] == f"{_FORMAT} {stamp}")
    except (sqlite3.Error, TypeError):
        return False
    finally:
        db.close()


def make(path: Path, stamp: str, places: Iterable[Listed]) -> None:
    """Write the file of a list, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        db = sqlite3.connect(draft, isolation_level=None)
        try:
            _fill(db, places)
            db.execute("CREATE TABLE about (stamp TEXT NOT NULL) STRICT")
            db.execute("INSERT INTO about VALUES (?)", (f"{_FORMAT} {stamp}",))
            db.execute("COMMIT")
        finally:
            db.close()
        draft.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"the list of places cannot be kept in {path.parent} ({error})") from error
    finally:
        draft.unlink(missing_ok=True)


def _fill(db: Connection, places: Iterable[Listed]) -> None:
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = OFF")  # the draft is thrown away when anything goes wrong
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -65536")
    db.execute("BEGIN")
    for statement in (*(each.format("") for each in SCHEMA), *_RAW):
        db.execute(statement)
    for place in places:
        _add(db, place)
    db.execute(_CODES)
    for place in list(_gathered(db)):
        _add_town(db, place)
    called = db.execute("SELECT key, country, town, population FROM called ORDER BY key, population DESC, town")
    for _, group in groupby(called, key=itemgetter("key")):
        db.executemany("INSERT INTO names (town, key, wins) VALUES (?, ?, ?)", list(_judged(list(group))))
    for statement in _INDEXES:
        db.execute(statement)


def _add(db: Connection, place: Listed) -> None:
    """Write a town with its names; what has a postcode waits for the other lines of its town."""
    if place.population > 1 or len(place.names) > 1:
        _add_town(db, place)
        return
    code = postcode_keys(place.country, place.postcode)[0]
    name = place.names[0] if place.names else ""
    values = (place.country, code, name, place.spot.latitude, place.spot.longitude)
    db.execute("INSERT INTO lines VALUES (?, ?, ?, ?, ?)", values)


def _add_town(db: Connection, place: Listed) -> None:
    at = (place.names[0], place.country, place.spot.latitude, place.spot.longitude, place.population)
    town = db.execute(
        "INSERT INTO towns (name, country, latitude, longitude, population) VALUES (?, ?, ?, ?, ?)", at
    ).lastrowid
    called = [(key, place.country, town, place.population) for key in {town_key(name) for name in place.names} if key]
    db.executemany("INSERT INTO called VALUES (?, ?, ?, ?)", called)


def _gathered(db: Connection) -> Iterator[Listed]:
    """Yield the towns that lines speak of: those of one name that lie together are one, in their middle."""
    rows = db.execute(
        "SELECT country, name, latitude, longitude FROM lines WHERE name <> '' ORDER BY country, lower(name), rowid"
    )
    for (country, _), group in groupby(rows, key=lambda row: (row["country"], row["name"].lower())):
        for name, spots in _apart(group):
            middle = Spot(
                sum(spot.latitude for spot in spots) / len(spots), sum(spot.longitude for spot in spots) / len(spots)
            )
            yield Listed(country, middle, names=(name,))


def _judged(called: Sequence[Row]) -> Iterator[tuple[int, str, int]]:
    """Yield (town, key, wins) of all towns with one name, the largest first; see SCHEMA."""
    largest: dict[str, list[Row]] = {}
    for row in called:
        largest.setdefault(row["country"], []).append(row)
    for row in called:
        wins = 2 if _beats(row, called) else 1 if _beats(row, largest[row["country"]]) else 0
        yield row["town"], row["key"], wins


def _beats(row: Row, others: Sequence[Row]) -> bool:
    """Say whether a town is the first of some, largest first, and five times the second."""
    return row["town"] == others[0]["town"] and (
        len(others) == 1 or row["population"] >= _TIMES * others[1]["population"]
    )


def _apart(rows: Iterable[Row]) -> list[tuple[str, list[Spot]]]:
    found: list[tuple[str, list[Spot]]] = []
    for row in rows:
        spot = Spot(row["latitude"], row["longitude"])
        for _, spots in found:
            if distance_km(spots[0], spot) <= _ONE_TOWN_KM:
                spots.append(spot)
                break
        else:
            found.append((row["name"], [spot]))
    return found
