"""Values within a JSON column, as SQL for rules. Who asks for them: rules_sql (of contacts), deeds_sql (of events)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mailflow.rules.types import FieldType

_NUMBERS = "('integer', 'real')"
_TYPES: Mapping[FieldType, str] = MappingProxyType(
    {
        FieldType.TEXT: "('text')",
        FieldType.DATE: "('text')",
        FieldType.NUMBER: _NUMBERS,
        FieldType.INSTANT: _NUMBERS,
        FieldType.BOOL: "('true', 'false')",
    }
)


def paths(name: str) -> tuple[str, ...]:
    """Return where a value may lie: under its whole name, as files are read, or `a.b` as b within a.

    A name is quoted there, so it may hold any sign but a quote.
    """
    steps = name.split(".")
    return (f'$."{name}"', "$" + "".join(f'."{step}"' for step in steps)) if len(steps) > 1 else (f'$."{name}"',)


def value(column: str, places: tuple[str, ...], kind: FieldType) -> str:
    """Return the SQL of a value, NULL where it is missing or of another type; `places` are bound paths."""
    found = [_one(column, place, kind) for place in places]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]


def any_value(column: str, places: tuple[str, ...], kind: FieldType, tested: Callable[[str], str]) -> str:
    """Return the SQL that says whether a value, or one of a list, passes a test."""
    inside = f"CASE WHEN j.type IN {_TYPES[kind]} THEN j.value END" if kind in _TYPES else "j.value"
    found = [
        f"EXISTS (SELECT 1 FROM json_each({column}, {place}) AS j"
        f" WHERE json_type({column}, {place}) <> 'object' AND {tested(f'({inside})')})"
        for place in places
    ]
    return f"({' OR '.join(found)})" if len(found) > 1 else found[0]


def _one(column: str, place: str, kind: FieldType) -> str:
    extracted = f"json_extract({column}, {place})"
    if kind not in _TYPES:
        return extracted
    return f"(CASE WHEN json_type({column}, {place}) IN {_TYPES[kind]} THEN {extracted} END)"
