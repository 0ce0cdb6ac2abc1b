"""Values that are not what mailflow.yaml declares their field as: how many, and a few to show. Usage: field_usage.

A cell that an import could not read as declared is kept as the text it is, which no rule compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mailflow.store import field_usage, json_sql
from mailflow.store.connection import Connection

_SHOWN = 3  # examples of one field from one stretch of contacts
_MOST = 30  # examples of one field

# What a value of a type is, of `v.value` and `v.type` as json_each gives them. SQLite makes the 2nd of March of a 30th
# of February, so a day is one that stays what it is; of a day whose year nobody knows, --03-07, the leap year is asked.
_IS = MappingProxyType(
    {
        "number": "v.type IN ('integer', 'real')",
        "bool": "v.type IN ('true', 'false')",
        "text": "v.type = 'text'",
        "date": """v.type = 'text' AND (date(v.value) IS v.value OR (v.value GLOB '--[0-9][0-9]-[0-9][0-9]'
            AND date('2024' || substr(v.value, 2)) IS '2024' || substr(v.value, 2)))""",
    }
)


@dataclass(slots=True)
class Misfits:
    """The values of one field that are not what it is declared as: how many, and (contact id, value) of a few."""

    values: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)


def find(db: Connection, declared: Mapping[str, str], advance: Callable[[int], object]) -> dict[str, Misfits]:
    """Return the misfits of declared fields, name → type; `advance` is told how many contacts were looked at.

    Each value of a list is judged on its own. Examples are spread over the imports that contacts came from.
    """
    found: dict[str, Misfits] = {}
    for first, last, _ in field_usage.stretches(db):
        for name, type_ in declared.items():
            for path in json_sql.paths(name)[:1]:
                _look(db, found.setdefault(name, Misfits()), type_, {"path": path, "first": first, "last": last})
        advance(last - first + 1)
    return {name: misfits for name, misfits in found.items() if misfits.values}


def _look(db: Connection, misfits: Misfits, type_: str, asked: Mapping[str, object]) -> None:
    shown: set[str] = set()
    for row in db.execute(_QUESTIONS[type_], asked):
        misfits.values += 1
        value = str(row["value"])
        if value not in shown and len(shown) < _SHOWN and len(misfits.examples) < _MOST:
            shown.add(value)
            misfits.examples.append((row["id"], value))


_QUESTIONS = {
    type_: f"""SELECT c.id, v.value FROM contacts AS c, json_each(c.attributes, :path) AS v
        WHERE c.id BETWEEN :first AND :last AND c.merged_into IS NULL AND c.attributes <> '{{}}'
          AND v.type <> 'null' AND v.value IS NOT '' AND NOT ({is_one})"""
    for type_, is_one in _IS.items()
}
