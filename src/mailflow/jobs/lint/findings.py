"""What lint says: one finding per kind of fault and place, with how many people have it and one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailflow.errors import Problem
from mailflow.idset import IdSet
from mailflow.templates.lint.checks import CHECKS, Check, Found, Severity
from mailflow.templates.lint.places import Place, Places

_MOST_KEPT = 20_000
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of fault in one place. `people` of those `of` have it; both are 0 where no person is concerned."""

    check: Check
    place: Place
    message: str
    people: int = 0
    of: int = 0
    example: str | None = None
    told: str = ""  # what to do about this one, where the check's own words do not fit
    contacts: IdSet = field(default_factory=IdSet, repr=False, compare=False)  # who has it

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.told or self.check.remedy

    @property
    def where(self) -> str:
        """The place as `file:line:column`."""
        parts = (self.place.file, self.place.line, self.place.column)
        return ":".join(str(part) for part in parts if part is not None)

    @property
    def rank(self) -> tuple[int, str, int, int, str]:
        """What findings are sorted by: the worst first, then as they stand in the files."""
        place = self.place
        return _ORDER[self.check.severity], place.file, place.line or 0, place.column or 0, self.check.code

    def as_record(self) -> dict[str, Any]:
        """Return the finding as JSON prints it."""
        return {
            "code": self.check.code,
            "name": self.check.name,
            "severity": str(self.check.severity),
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
            "remedy": self.remedy,
            "people": self.people,
            "of": self.of,
            "example": self.example,
        }


@dataclass(frozen=True, slots=True)
class Reader:
    """A recipient: one bit in the set of people who have a fault, and the address if it is the first."""

    id: int
    email: str


class _People:
    """Some recipients, and the address of the first of them."""

    __slots__ = ("first", "ids")

    def __init__(self) -> None:
        self.ids = IdSet()
        self.first: str | None = None

    def add(self, reader: Reader) -> None:
        self.ids.add(reader.id)
        self.first = self.first or reader.email


class Tally:
    """One kind of fault in one place: its words, who has it, and among whom."""

    __slots__ = ("among", "found", "people", "place")

    def __init__(self, found: Found, place: Place) -> None:
        self.found = found
        self.place = place
        self.people = _People()
        self.among: _People | None = None

    def finding(self) -> Finding:
        of = len(self.among.ids) if self.among else 0
        found, people = self.found, self.people
        return Finding(
            CHECKS[found.code], self.place, found.message, len(people.ids), of, people.first, found.remedy, people.ids
        )


class Ledger:
    """Gathers faults into findings; those of an ignored code are passed over."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, Place, str], Tally] = {}
        self._unknown: dict[
            tuple[str, int | None], Tally
        ] = {}  # fields and names that do not exist, the first of a line

    def add(self, found: Found, place: Place, *, ignored: Collection[str] = ()) -> Tally | None:
        """Keep a fault, the words of the first of its kind; None where it is ignored."""
        check = CHECKS[found.code]
        if check.code in ignored or check.name in ignored:
            return None
        line = place.file, place.line
        is_told = (found.code == "L002" and "there is no" in found.message) or found.code == "L102"
        if is_told and line in self._unknown and found.about in ("", found.message, self._unknown[line].found.about):
            return self._unknown[line]  # told once: what is unknown, and that it cannot be made for these people
        kind = (found.code, place, found.about)
        if kind not in self._tallies:
            self._tallies[kind] = Tally(found, place)
            if found.code == "L101":
                self._unknown.setdefault(line, self._tallies[kind])
        return self._tallies[kind]

    def findings(self) -> list[Finding]:
        """Return everything that was found, the worst first."""
        return sorted((tally.finding() for tally in self._tallies.values()), key=lambda finding: finding.rank)


class Sheet:
    """The findings of one template: places its faults, and counts who has them."""

    def __init__(self, ledger: Ledger, places: Places, keys: Mapping[str, Place], ignored: Collection[str]) -> None:
        self._ledger = ledger
        self._places = places
        self._keys = keys  # of the front matter
        self._ignored = ignored
        self._known: dict[Found, Tally | None] = {}
        self.everybody = _People()

    def add(self, found: Found, place: Place | None = None) -> Tally | None:
        """Keep a fault that concerns nobody in particular."""
        return self._ledger.add(found, place or self.place(found), ignored=self._ignored)

    def add_for(self, reader: Reader, faults: Iterable[Found], placed: Iterable[tuple[Found, Place]] = ()) -> None:
        """Keep the faults in one person's message: a kind counts once, however often it is in there."""
        self.everybody.add(reader)
        tallies = [self._tally(found) for found in faults] + [self.add(found, place) for found, place in placed]
        for tally in tallies:
            if tally is not None:
                tally.people.add(reader)  # whoever is in it already counts once
                tally.among = self.everybody

    def place(self, found: Found) -> Place:
        """Return where a fault is in the files of the template."""
        return self._keys[found.key] if found.key else self._places.find(found.near)

    def _tally(self, found: Found) -> Tally | None:
        if found not in self._known:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[found] = self.add(found)
        return self._known[found]


def placed(problem: Problem) -> Place:
    """Return the place of a problem."""
    return Place(problem.file, problem.line, problem.column)
