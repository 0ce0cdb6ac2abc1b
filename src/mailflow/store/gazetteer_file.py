"""Make the file of a list of places: towns by all their names, and postcodes. How it is asked: gazetteer.py."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from mailflow.errors import UnavailableError
from mailflow.places import Spot, distance_km
from mailflow.places.listed import Listed
from mailflow.places.names import postcode_keys, town_key
from mailflow.store.connection import Connection, Row

_FORMAT = "3"
# Lines of one name within so many kilometres are parts of one town.
_ONE_TOWN_KM = 25.0
# A town's names are those from `names_from` to `names_to`. Which town a name alone means: gazetteer.py.
SCHEMA = (
    "CREATE TABLE {0}towns (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL,"
    " latitude REAL NOT NULL, longitude REAL NOT NULL, population INTEGER NOT NULL,"
    " names_from INTEGER NOT NULL, names_to INTEGER NOT NULL) STRICT",
    "CREATE TABLE {0}names (id INTEGER PRIMARY KEY, key TEXT NOT NULL, town INTEGER NOT NULL) STRICT",
    "CREATE TABLE {0}codes (country TEXT NOT NULL, code TEXT NOT NULL, latitude REAL NOT NULL,"
    " longitude REAL NOT NULL, PRIMARY KEY (country, code)) STRICT, WITHOUT ROWID",
)
_INDEXES = (
    "CREATE INDEX towns_by_latitude ON towns (latitude)",
    "CREATE INDEX names_by_key ON names (key, town)",
    "CREATE INDEX codes_by_latitude ON codes (latitude)",
)
_RAW = "CREATE TEMP TABLE lines (country TEXT, code TEXT, key TEXT, name TEXT, latitude REAL, longitude REAL)"
_LINE = "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)"
_AT_ONCE = 10_000
_key = town_key.__wrapped__  # hardly any of a million names comes twice
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


def make(path: Path, stamp: str, places: Iterable[Listed], advance: Callable[[int], object] = lambda _: None) -> None:
    """Write the file of a list, whole or not at all; `advance` is told of places that were read."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tidy(path)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        db = sqlite3.connect(draft, isolation_level=None)
        try:
            _fill(db, places, advance)
            db.execute("CREATE TABLE about (stamp TEXT NOT NULL) STRICT")
            db.execute("INSERT INTO about VALUES (?)", (f"{_FORMAT} {stamp}",))
            db.execute("COMMIT")
        finally:
            db.close()
        draft.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"the list of places cannot be kept in {path.parent} ({error})") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def _tidy(path: Path) -> None:
    """Delete the drafts of processes that were killed while they made this file."""
    for draft in path.parent.glob(f"{path.name}.*.tmp"):
        process = draft.name.split(".")[-2]
        if process == str(os.getpid()) or not _is_alive(process):
            draft.unlink(missing_ok=True)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        return True  # somebody else's
    return True


def _fill(db: Connection, places: Iterable[Listed], advance: Callable[[int], object]) -> None:
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = OFF")  # the draft is thrown away when anything goes wrong
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -65536")
    db.execute("BEGIN")
    for statement in (*(each.format("") for each in SCHEMA), _RAW):
        db.execute(statement)
    for batch in _batches(places):
        _add_towns(db, [place for place in batch if _is_town(place)])
        db.executemany(_LINE, [_line(place) for place in batch if not _is_town(place)])
        advance(len(batch))
    db.execute(_CODES)
    _add_towns(db, list(_gathered(db)))
    for statement in _INDEXES:
        db.execute(statement)


def _batches(places: Iterable[Listed]) -> Iterator[list[Listed]]:
    rest = iter(places)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def _add_towns(db: Connection, places: Sequence[Listed]) -> None:
    """Write towns with all their names."""
    town, name = (_highest(db, f"SELECT max(id) FROM {table}") for table in ("towns", "names"))
    towns: list[tuple[object, ...]] = []
    names: list[tuple[str, int]] = []
    for number, place in enumerate(places, town + 1):
        first = name + len(names) + 1
        names += ((key, number) for key in dict.fromkeys(map(_key, place.names)) if key)
        spot = place.spot
        towns.append(
            (number, place.names[0], place.country, spot.latitude, spot.longitude, place.population, first,
             name + len(names))
        )  # fmt: skip
    db.executemany("INSERT INTO towns VALUES (?, ?, ?, ?, ?, ?, ?, ?)", towns)
    db.executemany("INSERT INTO names (key, town) VALUES (?, ?)", names)


def _highest(db: Connection, sql: str) -> int:
    return int(db.execute(sql).fetchone()[0] or 0)


def _is_town(place: Listed) -> bool:
    """Say whether a place is a whole town, and no line of one."""
    return place.population > 1 or len(place.names) > 1


def _line(place: Listed) -> tuple[str, str, str, str, float, float]:
    code, name = postcode_keys(place.country, place.postcode)[0], place.names[0] if place.names else ""
    return place.country, code, town_key(name), name, place.spot.latitude, place.spot.longitude


def _gathered(db: Connection) -> Iterator[Listed]:
    """Yield the towns that lines speak of: those of one name that lie together are one, in their middle."""
    rows = db.execute(
        "SELECT country, key, name, latitude, longitude FROM lines WHERE key <> '' ORDER BY country, key, rowid"
    )
    for (country, _), group in groupby(rows, key=itemgetter("country", "key")):
        for name, spots in _apart(group):
            middle = Spot(
                sum(spot.latitude for spot in spots) / len(spots), sum(spot.longitude for spot in spots) / len(spots)
            )
            yield Listed(country, middle, names=(name,))


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
