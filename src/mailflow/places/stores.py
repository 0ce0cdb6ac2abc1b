"""The shop's own stores, from stores.csv: their columns, and which is nearest. Where people are: atlas.py."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from mailflow.config.yaml_files import suggestion
from mailflow.places.atlas import NOWHERE, Atlas, PlaceError, locate, whereabouts
from mailflow.places.geometry import Spot, box_around, distance_km
from mailflow.places.names import country_code
from mailflow.places.tables import COLUMNS, Line, Table

STORES_FILE = "stores.csv"
_COLUMNS = {
    **{name: called for name, called in COLUMNS.items() if name != "place"},
    "name": "name store store_name shop shop_name branch filiale standort magasin tienda negozio".split(),
    "address": "address street street_address strasse straße adresse anschrift rue indirizzo dirección".split(),
    "city": COLUMNS["place"],
    "phone": "phone telephone phone_number tel telefon téléphone telefono teléfono".split(),
    "url": "url website web link homepage site".split(),
    "hours": "hours opening_hours öffnungszeiten oeffnungszeiten horaires orari horario".split(),
}
# What every store has for templates, if only as nothing.
STORE_COLUMNS = "name address city postcode country phone url hours latitude longitude".split()


@dataclass(frozen=True, slots=True)
class Store:
    """A store: where it is, and its columns as they are written; an empty cell is None."""

    name: str
    spot: Spot
    columns: Mapping[str, str | float | None]


class Stores:
    """The stores of a workspace; the file is read at the first question, and only then `ProblemsError` can come."""

    def __init__(self, path: Path | None, atlas: Atlas = NOWHERE) -> None:
        self._path = path
        self._atlas = atlas

    @cached_property
    def all(self) -> tuple[Store, ...]:
        """Every store from south to north; none where there is no file."""
        if self._path is None or not self._path.exists():
            return ()
        return tuple(sorted(_read(self._path, self._atlas), key=lambda store: (store.spot.latitude, store.name)))

    def check(self) -> int:
        """Return how many stores there are; `ProblemsError` lists the lines that are wrong."""
        return len(self.all)

    def called(self, name: str) -> Store:
        """Return the store of a name; `PlaceError` where there is none, or several."""
        found = [store for store in self.all if store.name.casefold() == name.casefold()]
        if len(found) > 1:
            raise PlaceError(f"several stores are called {name!r}: give them names of their own in {STORES_FILE}")
        if not found:
            hint = suggestion(name, [store.name for store in self.all]) if self.all else f": there is no {STORES_FILE}"
            raise PlaceError(f"no store is called {name!r}{hint or f': see {STORES_FILE}'}")
        return found[0]

    def nearest(self, spot: Spot, *, within_km: float) -> tuple[Store, float] | None:
        """Return the nearest store and its distance in km; None where none is within `within_km`."""
        box = box_around(spot, within_km)
        first, last = bisect_left(self._latitudes, box.south), bisect_right(self._latitudes, box.north)
        near = [(distance_km(store.spot, spot), number) for number, store in enumerate(self.all[first:last], first)]
        km, number = min(near, default=(within_km + 1, 0))
        return (self.all[number], km) if km <= within_km else None

    @cached_property
    def _latitudes(self) -> list[float]:
        return [store.spot.latitude for store in self.all]


NO_STORES = Stores(None)


class Columns(Protocol):
    """A row of the table contacts."""

    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Nearby:
    """What mail is told of the nearest store: at most `within_km` away."""

    stores: Stores
    atlas: Atlas
    within_km: float

    def of(self, row: Columns) -> dict[str, Any] | None:
        """Return the columns of the store that is nearest to a contact, with `distance_km`; None where there is none.

        Read of `row` are country, postcode, city, and attributes as JSON.
        """
        if not self.stores.all:
            return None
        found = whereabouts(
            self.atlas, country=row["country"], postcode=row["postcode"], city=row["city"],
            attributes=json.loads(row["attributes"]),
        )  # fmt: skip
        nearest = self.stores.nearest(found.spot, within_km=self.within_km) if found is not None else None
        if nearest is None:
            return None
        return _told(*nearest)

    def sample(self) -> dict[str, Any] | None:
        """Return a store as the made-up person of previews is told of it; None where there is none."""
        return _told(self.stores.all[0], 1.2) if self.stores.all else None


def _told(store: Store, km: float) -> dict[str, Any]:
    return {**store.columns, "distance_km": round(km, 1)}


def _read(path: Path, atlas: Atlas) -> list[Store]:
    """Return the stores of a file; `ProblemsError` lists the lines that are wrong."""
    table, found = Table(path, _COLUMNS), {}
    for line in table.lines():
        try:
            store = _store(line, atlas)
            if store.name.casefold() in found:
                raise ValueError(f"a store called {store.name!r} stands above already: each has a name of its own")
            found[store.name.casefold()] = store
        except (ValueError, PlaceError) as error:
            table.refuse(line.number, str(error))
    table.done()
    return list(found.values())


def _store(line: Line, atlas: Atlas) -> Store:
    name = line.cells.get("name", "")
    if not name:
        raise ValueError("a name is missing")
    spot = line.spot() or _placed(line, atlas)
    columns = {**dict.fromkeys(STORE_COLUMNS), **{column: cell or None for column, cell in line.cells.items()}}
    return Store(name, spot, {**columns, "latitude": spot.latitude, "longitude": spot.longitude})


def _placed(line: Line, atlas: Atlas) -> Spot:
    """Return where a store without coordinates is: by its postcode, else by its city."""
    written, postcode, city = (line.cells.get(name, "") for name in ("country", "postcode", "city"))
    country = country_code(written) or atlas.home
    if written and country_code(written) is None:
        raise ValueError(f"{written!r} is no country: write its two letters, such as AT")
    if postcode and country and (found := atlas.of_postcode(country, postcode)):
        return found
    if not city and not postcode:
        raise ValueError("it is not said where the store is: fill latitude and longitude, or postcode, or city")
    try:
        return locate(", ".join(filter(None, (city or postcode, written))), atlas)
    except PlaceError as error:
        raise ValueError(f"where the store is, is not known: fill latitude and longitude ({error})") from error
