"""What is where, as rules and mail ask for it: an atlas finds places by name, and says where a person is.

How places are written: names.py; the atlas over the lists of a workspace: store/gazetteer.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mailflow.places.geometry import Spot
from mailflow.places.names import country_code, degrees_of, own_spot, spot

_WITH_COUNTRY = re.compile(r"(.+),\s*([^,]+)\Z")
NO_PLACES = (
    'no place is known here: write its coordinates, such as near("47.07, 15.44", km=25), or put places.csv into the'
    " workspace, or install the world's towns with pip install 'mailflow-cli[places]'"
)


class PlaceError(Exception):
    """A place that cannot be found, or that may be one of several; the text says which and what to write."""


@dataclass(frozen=True, slots=True)
class Town:
    """A town that a list knows; `population` 1 where it is not known."""

    name: str
    country: str
    spot: Spot
    population: int = 1


@dataclass(frozen=True, slots=True)
class Circle:
    """The postcodes and towns within a circle, as JSON lists of `country key`, for SQL to look into.

    `codes` are the postcodes inside, `known` all that are known in their countries, `towns` the names inside; one
    without a country is that of somebody whose country is not known. The `bare` ones are the keys alone, by which
    SQL finds the few people whom it looks at more closely.
    """

    codes: str = "[]"
    known: str = "[]"
    towns: str = "[]"
    bare_codes: str = "[]"
    bare_towns: str = "[]"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where somebody is, and how that is known: `8010 AT (postcode)`."""

    spot: Spot
    how: str


class Atlas(Protocol):
    """Lists of places. `home` is the country of who is in none, None where the account's is not known."""

    @property
    def home(self) -> str | None: ...

    def find(self, name: str, country: str | None) -> Spot:
        """Return where a postcode or town is; `PlaceError` where there is none, or several."""

    def of_postcode(self, country: str, postcode: str) -> Spot | None:
        """Return where a postcode is; None where it is not known."""

    def of_town(self, country: str | None, city: str) -> Town | None:
        """Return the town of that name; None where there is none, or several of about the same size."""

    def circle(self, center: Spot, km: float) -> Circle:
        """Return what lies within `km` of a spot."""


class _Nowhere:
    """An atlas with nothing in it."""

    home: str | None = None

    def find(self, name: str, country: str | None) -> Spot:
        raise PlaceError(NO_PLACES)

    def of_postcode(self, country: str, postcode: str) -> Spot | None:
        return None

    def of_town(self, country: str | None, city: str) -> Town | None:
        return None

    def circle(self, center: Spot, km: float) -> Circle:
        return Circle()


NOWHERE: Atlas = _Nowhere()


def locate(text: str, atlas: Atlas) -> Spot:
    """Return where a text says: `47.07, 15.44`, `8010, AT`, `Graz` or `Graz, AT`; `PlaceError` where it is nowhere."""
    first, _, second = text.partition(";" if ";" in text else ",")
    latitude, longitude = degrees_of(first), degrees_of(second)
    if latitude is not None and longitude is not None:
        found = spot(latitude, longitude)
        if found is None:
            raise PlaceError(f"{text!r} is nowhere: a latitude is -90 to 90, a longitude -180 to 180")
        return found
    if split := _WITH_COUNTRY.match(text):
        country = country_code(split[2])
        if country is None:
            raise PlaceError(f'{split[2].strip()!r} is no country: write its two letters, such as "Graz, AT"')
        return atlas.find(split[1].strip(), country)
    return atlas.find(text.strip(), None)


def whereabouts(
    atlas: Atlas, *, country: str | None, postcode: str | None, city: str | None, attributes: Mapping[str, Any]
) -> Whereabouts | None:
    """Return where somebody is: by their own coordinates, else by their postcode, else by their town; None if unknown.

    Without a country, a postcode and a town are first looked for in the country of the account.
    """
    own = own_spot(attributes)
    if own is not None:
        return Whereabouts(own, f"{own} (own coordinates)")
    code = country_code(country)
    where = code or atlas.home
    if postcode and where:
        found = atlas.of_postcode(where, postcode)
        if found is not None:
            return Whereabouts(found, f"{postcode.strip()} {where} (postcode)")
    town = atlas.of_town(code, city) if city else None
    return Whereabouts(town.spot, f"{town.name}, {town.country} (town)") if town is not None else None
