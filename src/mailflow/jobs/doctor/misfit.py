"""The values of a declared field that are none of it, as the doctor tells of them: how many, which, from what file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from mailflow.store import Connection, contacts, origins
from mailflow.store.misfits import Misfits

_FILES = 3
_VALUES = 3  # of one file
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Misfit:
    """How many values there are, and examples by where they come from, in words."""

    values: int
    by_origin: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, db: Connection, name: str, found: Misfits) -> Self:
        """Return the misfits of one field with the origins of their examples."""
        known: dict[str, dict[str, None]] = {}
        for contact_id, value in found.examples:
            known.setdefault(_origin(db, name, contact_id), {})[value] = None
        return cls(found.values, tuple((origin, tuple(values)) for origin, values in known.items()))

    @property
    def examples(self) -> str:
        """A few of them: `'soon', '31.13.2025' (crm.csv, import 3)`."""
        told = [f"{_some(values)} ({origin})" for origin, values in self.by_origin[:_FILES]]
        more = len(self.by_origin) - _FILES
        return "; ".join([*told, *([f"and from {more} more"] if more > 0 else [])])


def _origin(db: Connection, name: str, contact_id: int) -> str:
    """Return where a value of a contact comes from, as the table of fields calls it."""
    contact = contacts.get(db, contact_id)
    found = origins.of_fields(db, contact).get(name) if contact is not None else None
    if found is None:
        return "of a source that is not known"
    return found.text if found.import_id is None else f"{found.text}, import {found.import_id}"


def _some(values: tuple[str, ...]) -> str:
    shown = [repr(f"{value[:_LONGEST]}…" if len(value) > _LONGEST else value) for value in values[:_VALUES]]
    return ", ".join(shown) + (" …" if len(values) > _VALUES else "")
