"""How places are written: one key for each of their spellings. Both faces of a rule compare nothing but these keys.

The same keys as SQL: store/places_sql.py; a test holds that both agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any
from unicodedata import combining, normalize

from mailflow.places.geometry import Spot, distance_km

_UPPER = str.maketrans({chr(code + 32): chr(code) for code in range(ord("A"), ord("Z") + 1)})
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# How many signs of a whole postcode name its area where lists hold areas: 97201-1234, M5V 2T6, 1012 AB, D02 X285.
AREA_LENGTHS = {"US": 5, "CA": 3, "NL": 4, "IE": 3}
_NUMBER = re.compile(r" *[+-]?\d{1,3}(?:[.,]\d{1,15})? *\Z", re.ASCII)
# What the columns of coordinates are called, as files bring them.
LATITUDES = tuple(form for name in ("latitude", "lat") for form in (name, name.upper(), name.title()))
LONGITUDES = tuple(form for name in ("longitude", "lng", "lon", "long") for form in (name, name.upper(), name.title()))
# In whose words a country may be called.
_LANGUAGES = "en de fr es it nl pt pl cs sk hu sl hr da sv nb fi ro tr".split()


@lru_cache(1 << 12)
def country_code(text: str | None) -> str | None:
    """Return the two letters of a country that is written as a code or a name; None for what is none."""
    if text is None:
        return None
    plain = text.strip(" ").translate(_UPPER)
    if len(plain) == 2 and plain.isascii() and plain.isalpha():
        return "GB" if plain == "UK" else plain
    return _country_names().get(plain.casefold()) if plain else None


@cache
def _country_names() -> Mapping[str, str]:
    from babel import Locale
    from babel.core import get_global

    found = {
        name.casefold(): code
        for language in reversed(_LANGUAGES)
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code.isalpha()
    }
    aliases: Mapping[str, Any] = get_global("territory_aliases")
    return found | {code.casefold(): known[0] for code, known in aliases.items() if len(code) == 3 and code.isalpha()}


def zone_country(timezone: str) -> str | None:
    """Return the country of a time zone, `Europe/Vienna` is AT; None for one of several countries or of none."""
    from babel.core import get_global

    territories: Mapping[str, str] = get_global("zone_territories")
    return territories.get(timezone)


@lru_cache(1 << 14)  # of everybody's towns, SQL asks again and again for the same ones
def town_key(text: str) -> str:
    """Return a town's name for comparison: Zürich, ZÜRICH and Zurich are one, and so are Großenhain and Grossenhain."""
    plain = text.strip(" ")
    if plain.isascii():
        return plain.lower()
    return "".join([sign for sign in normalize("NFKD", plain.casefold()) if not combining(sign)])


def postcode_keys(country: str, text: str) -> tuple[str, str]:
    """Return the keys of a postcode: as it is written, and its area (SW1A for SW1A 1AA), or without A- or AT-."""
    whole = text.replace(" ", "").replace("-", "").translate(_UPPER)
    if country == "GB":
        return whole, whole[: max(0, len(whole) - 3)]
    if country in AREA_LENGTHS:
        return whole, whole[: AREA_LENGTHS[country]]
    return whole, whole.lstrip(LETTERS)


def own_spot(attributes: Mapping[str, Any]) -> Spot | None:
    """Return the coordinates among somebody's attributes; None where they are missing, none, or 0, 0."""
    latitude, longitude = (_degrees(_first(attributes, names)) for names in (LATITUDES, LONGITUDES))
    return spot(latitude, longitude)


def own_km(attributes: str, latitude: float, longitude: float) -> float | None:
    """Return how far the coordinates in a JSON object of attributes are from a spot; None where it has none."""
    found = own_spot(json.loads(attributes))
    return None if found is None else distance_km(found, Spot(latitude, longitude))


def spot(latitude: float | None, longitude: float | None) -> Spot | None:
    """Return a spot; None for what is none, and for 0, 0: programs write that where they know nothing."""
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return Spot(latitude, longitude) if latitude or longitude else None


def degrees_of(text: str) -> float | None:
    """Return the degrees that a text says, with a point or a comma; None for what is no number."""
    return float(text.replace(",", ".")) if _NUMBER.match(text) else None


def _first(attributes: Mapping[str, Any], names: Iterable[str]) -> Any:
    values: Iterator[Any] = (attributes[name] for name in names if attributes.get(name) is not None)
    return next(values, None)


def _degrees(value: Any) -> float | None:
    if isinstance(value, str):
        return degrees_of(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and -180 <= value <= 180 else None
