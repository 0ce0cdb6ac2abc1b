"""Whether a contact is near a place, as SQL over `contacts AS c`: rules/types.Around. In memory: rules/predicate.py.

What lies in the circle comes as three JSON lists, so that most people cost a look into a set; Python is asked of who
has coordinates in the box around it, and of towns and countries with letters beyond A to Z. A test holds the keys
made here equal to those of places/names.py.
"""

from __future__ import annotations

from collections.abc import Callable

from mailflow.places.geometry import box_around
from mailflow.places.names import AREA_LENGTHS, LATITUDES, LETTERS, LONGITUDES
from mailflow.rules.types import Around

Bind = Callable[[str | int | float], str]

# Coordinates of one's own are looked for where the attributes have a name that begins like them.
_HAS_OWN = """c.attributes LIKE '%"lat%'"""
_COUNTRY = """(CASE WHEN c.country IS NULL THEN NULL WHEN c.country GLOB '[A-Za-z][A-Za-z]'
    THEN iif(upper(c.country) = 'UK', 'GB', upper(c.country)) ELSE country_code(c.country) END)"""
_CODE = "upper(replace(replace(c.postcode, ' ', ''), '-', ''))"
_AREA = f"""CASE {{country}} WHEN 'GB' THEN substr({_CODE}, 1, max(0, length({_CODE}) - 3))
    {" ".join(f"WHEN '{country}' THEN substr({_CODE}, 1, {length})" for country, length in AREA_LENGTHS.items())}
    ELSE ltrim({_CODE}, '{LETTERS}') END"""
_TOWN = "iif(c.city GLOB '*[^ -~]*', town_key(c.city), lower(trim(c.city)))"


def within(around: Around, bind: Bind) -> str:
    """Return the condition that somebody is in the circle; `bind` takes a value and returns its parameter."""
    latitude, longitude, km = bind(around.center.latitude), bind(around.center.longitude), bind(around.km)
    own_km = f"own_km(c.attributes, {latitude}, {longitude})"
    inside = f"{_HAS_OWN} AND {_in_box(around, bind)} AND {own_km} <= {km}"
    return f"({inside} OR {_by_name(around, bind)} AND NOT ({_HAS_OWN} AND {own_km} IS NOT NULL)) IS TRUE"


def _in_box(around: Around, bind: Bind) -> str:
    """Return a quick test of coordinates that lets more than the circle through, never less."""
    box = box_around(around.center, around.km)
    south, north, west, east = (bind(edge) for edge in (box.south, box.north, box.west, box.east))
    latitude, longitude = _degrees(LATITUDES), _degrees(LONGITUDES)
    word = "AND" if box.west <= box.east else "OR"
    return f"{latitude} BETWEEN {south} AND {north} AND ({longitude} >= {west} {word} {longitude} <= {east})"


def _degrees(names: tuple[str, ...]) -> str:
    """Return the first of some attributes as a number, whatever it is; what is none is refused by `own_km`."""
    first = ", ".join(f"json_extract(c.attributes, '$.{name}')" for name in names)
    return f"CAST(replace(coalesce({first}), ',', '.') AS REAL)"


def _by_name(around: Around, bind: Bind) -> str:
    """Return the test of postcode and town: a postcode that is known says where somebody is, whatever their town."""
    circle = around.atlas.circle(around.center, around.km)
    codes, known, towns = (
        f"(SELECT value FROM json_each({bind(keys)}))" for keys in (circle.codes, circle.known, circle.towns)
    )
    country = f"coalesce({_COUNTRY}, {bind(around.atlas.home)})" if around.atlas.home else _COUNTRY
    whole, area = f"{country} || ' ' || {_CODE}", f"{country} || ' ' || {_AREA.format(country=country)}"
    town = f"coalesce({_COUNTRY}, '') || ' ' || {_TOWN}"
    by_code = f"({whole} IN {codes} OR {area} IN {codes} AND {whole} NOT IN {known}) IS TRUE"
    no_code = f"({whole} IN {known} OR {area} IN {known}) IS NOT TRUE"
    return f"({by_code} OR {town} IN {towns} AND {no_code})"
