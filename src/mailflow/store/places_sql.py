"""Whether a contact is near a place, as SQL over `contacts AS c`: rules/types.Around. In memory: rules/predicate.py.

What lies in the circle comes as three JSON lists, so that most people cost a look into a set; Python is asked of who
has coordinates in the box around it, and of towns and countries with letters beyond A to Z. A test holds the keys
made here equal to those of places/names.py.
"""

from __future__ import annotations

from collections.abc import Callable

from mailflow.places import Circle
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
# The forms that a postcode's key may have, whatever the country.
_CODE_FORMS = (
    _CODE,
    f"ltrim({_CODE}, '{LETTERS}')",
    f"substr({_CODE}, 1, max(0, length({_CODE}) - 3))",
    *(f"substr({_CODE}, 1, {length})" for length in sorted({*AREA_LENGTHS.values()})),
)
_COUNTRY_OR_NONE = f"coalesce({_COUNTRY}, '')"
_TOWN = "iif(c.city GLOB '*[^ -~]*', town_key(c.city), lower(trim(c.city)))"


def within(around: Around, bind: Bind) -> str:
    """Return the condition that somebody is in the circle; `bind` takes a value and returns its parameter."""
    latitude, longitude, km = bind(around.center.latitude), bind(around.center.longitude), bind(around.km)
    own_km = f"own_km(c.attributes, {latitude}, {longitude})"
    inside = f"{_HAS_OWN} AND {_in_box(around, bind)} AND {own_km} <= {km}"
    by_name = _by_name(around.atlas.circle(around.center, around.km), around.atlas.home, bind)
    return f"({inside} OR {by_name} AND NOT ({_HAS_OWN} AND {own_km} IS NOT NULL)) IS TRUE"


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


def _by_name(circle: Circle, home: str | None, bind: Bind) -> str:
    """Return the test of postcode and town: a postcode that is known says where somebody is, whatever their town.

    Who has no such postcode or town in any country is told by one look, without working out their keys: 6 times faster.
    """

    def among(keys: str) -> str:
        return f"(SELECT value FROM json_each({bind(keys)}))"

    country = f"coalesce({_COUNTRY}, {bind(home)})" if home else _COUNTRY
    whole, area = f"{country} || ' ' || {_CODE}", f"{country} || ' ' || {_AREA.format(country=country)}"
    codes, known, towns = among(circle.codes), among(circle.known), among(circle.towns)
    bare_codes, bare_town = among(circle.bare_codes), f"{_TOWN} IN {among(circle.bare_towns)}"
    any_code = " OR ".join(f"{form} IN {bare_codes}" for form in _CODE_FORMS)
    bare_code = f"(c.postcode IN {bare_codes} OR c.postcode GLOB '*[^0-9]*' AND ({any_code}) IS TRUE)"
    by_code = f"{bare_code} AND ({whole} IN {codes} OR {area} IN {codes} AND {whole} NOT IN {known})"
    by_town = f"{bare_town} AND {_COUNTRY_OR_NONE} || ' ' || {_TOWN} IN {towns}"
    no_code = f"({whole} IN {known} OR {area} IN {known}) IS NOT TRUE"
    return f"(({by_code}) IS TRUE OR {by_town} AND {no_code})"
