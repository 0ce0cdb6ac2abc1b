"""Whom all is about that came between two marks (marks.py): people whose membership and favourites may be others.

Read from what is written anyway: the journals of imports, merges, and rows that are only ever added. Where these do not
account for all that happened (an undo, a merge taken back, something of another version), nobody can say, and whoever
asks must look at everybody.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mailflow.store.connection import Connection
from mailflow.store.marks import Mark, Marks

_STEPS = 20  # so many rows a person, at most, are read to know whom they are about
# Of rows that are only added: whom those between two ids are about.
_ADDED = {
    Mark.CONSENT: "SELECT contact_id FROM consents WHERE id > :seen AND id <= :now",
    Mark.EVENTS: "SELECT contact_id FROM events WHERE id > :seen AND id <= :now AND contact_id IS NOT NULL",
    Mark.MAIL: """SELECT m.contact_id FROM attempts AS a JOIN messages AS m ON m.id = a.message_id
                  WHERE a.id > :seen AND a.id <= :now""",
    Mark.STAGES: "SELECT contact_id FROM lifecycle_stages WHERE id > :seen AND id <= :now",
}
# Whom lines of an import's journal are about. A row that was changed may have been somebody else's before.
_JOURNALLED = {
    "contacts": "SELECT id FROM contacts WHERE id BETWEEN :first AND :last",
    "identities": "SELECT :first WHERE :first > 0",
    "orders": "SELECT contact_id FROM orders WHERE id BETWEEN :first AND :last UNION SELECT :before ->> 'contact_id'",
    "events": "SELECT contact_id FROM events WHERE id BETWEEN :first AND :last UNION SELECT :before ->> 'contact_id'",
    "statements": "SELECT contact_id FROM statements WHERE id BETWEEN :first AND :last",
}
_NOBODYS = ("suppressions", "owners", "companies", "costs")  # what no rule asks of
_PRODUCTS, _CATEGORIES = "products", "product_categories"
# An import that wrote anything has a version of the data of its own.
_IMPORTS = """FROM imports WHERE state = 'done' AND (inserted > 0 OR updated > 0)
    AND data_version > :seen AND data_version <= :now"""
_JOURNAL = f"""SELECT j.noun, j.first_id, j.last_id, j.before FROM import_changes AS j
    WHERE j.import_id IN (SELECT id {_IMPORTS}) LIMIT :most"""
_OF_PRODUCTS = f"SELECT EXISTS (SELECT 1 {_IMPORTS} AND noun = 'products')"
_MERGES = "SELECT kept_id, merged_id FROM merges WHERE id > :seen AND id <= :now LIMIT :most"
# Who the contacts are now, and themselves: one who was merged into another is a member of nothing any more.
_WHO = """SELECT c.id FROM contacts AS c WHERE c.id IN (SELECT value FROM json_each(:ids))
    UNION SELECT c.merged_into FROM contacts AS c
    WHERE c.id IN (SELECT value FROM json_each(:ids)) AND c.merged_into IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Changed:
    """Whom something came about: contact ids, merged ones beside who they are now.

    `new_goods`: products came; orders of before cannot be of them, but events may have named them. `goods`: what is
    known of older products is something else now, which may concern anybody.
    """

    people: frozenset[int] = frozenset()
    new_goods: bool = False
    goods: bool = False


class Changes:
    """What came since marks of `seen`, one sort of things at a time; each is looked up once.

    `most`: of how many people at most it is worth to know; of more it is as good as of all.
    """

    def __init__(self, db: Connection, now: Marks, *, most: int) -> None:
        self._db = db
        self._now = now
        self._most = most
        self._known: dict[tuple[Mark, str], Changed | None] = {}

    def since(self, seen: Mapping[str, str], which: Iterable[Mark]) -> Changed | None:
        """Return whom all is about that came of these sorts; None where that cannot be told, or of too many."""
        parts = []
        for mark in which:
            part = self._of(mark, seen[mark]) if mark in seen else None
            if part is None:
                return None
            parts.append(part)
        people = frozenset[int]().union(*(part.people for part in parts))
        if len(people) > self._most:
            return None
        return Changed(people, any(part.new_goods for part in parts), any(part.goods for part in parts))

    def _of(self, mark: Mark, seen: str) -> Changed | None:
        if seen == self._now[mark]:
            return Changed()
        if (mark, seen) not in self._known:
            self._known[mark, seen] = self._looked_up(mark, seen)
        return self._known[mark, seen]

    def _looked_up(self, mark: Mark, seen: str) -> Changed | None:
        before, now = _numbers(seen), _numbers(self._now[mark])
        if mark is Mark.PEOPLE:
            return self._people(before, now)
        if mark is Mark.MAIL and before[1:] != now[1:]:
            return None  # what was under way then has come to an end, or is now
        if mark not in _ADDED or not _grew(before[:1], now[:1]):
            return None
        people = self._at_most(f"{_ADDED[mark]} LIMIT :most", {"seen": before[0], "now": now[0]})
        return None if people is None else Changed(self._who(people))

    def _people(self, before: list[int], now: list[int]) -> Changed | None:
        """Account for every step of the version of the data: an import, or a merge."""
        if not _grew(before, now):
            return None
        (version, contact, statement, merge), (to_version, to_contact, to_statement, to_merge) = before, now
        if to_contact - contact + to_statement - statement > self._most * _STEPS:
            return None
        merges = self._db.execute(_MERGES, {"seen": merge, "now": to_merge, "most": self._most}).fetchall()
        imports = {"seen": version, "now": to_version}
        (known,) = self._db.execute(f"SELECT count(DISTINCT data_version) {_IMPORTS}", imports).fetchone()
        if known + len(merges) != to_version - version:
            return None
        people = {number for row in merges for number in row}
        people.update(self._ids("SELECT id FROM contacts WHERE id > ? AND id <= ?", (contact, to_contact)))
        people.update(
            self._ids("SELECT contact_id FROM statements WHERE id > ? AND id <= ?", (statement, to_statement))
        )
        return self._with_journal(people, imports)

    def _with_journal(self, people: set[int], imports: Mapping[str, int]) -> Changed | None:
        """Add whom the journals of imports are about."""
        (of_products,) = self._db.execute(_OF_PRODUCTS, imports).fetchone()
        lines = self._db.execute(_JOURNAL, {**imports, "most": self._most * _STEPS + 1}).fetchall()
        rows = sum(line["last_id"] - line["first_id"] + 1 for line in lines if line["noun"] in _JOURNALLED)
        if len(lines) > self._most * _STEPS or rows > self._most * _STEPS:
            return None
        new_goods = goods = bool(of_products)
        for noun, first, last, before in lines:
            if noun in _JOURNALLED:
                people.update(self._ids(_JOURNALLED[noun], {"first": first, "last": last, "before": before}))
            elif noun == _CATEGORIES or (noun == _PRODUCTS and before is not None):
                goods = True
            elif noun == _PRODUCTS:
                new_goods = True
            elif noun not in _NOBODYS:
                return None
        return Changed(self._who(people), new_goods, goods)

    def _at_most(self, sql: str, parameters: Mapping[str, int]) -> set[int] | None:
        """Return the contacts that a query finds; None where its rows are too many."""
        limit = self._most * _STEPS + 1
        rows = [row[0] for row in self._db.execute(sql, {**parameters, "most": limit})]
        return None if len(rows) == limit else set(rows)

    def _ids(self, sql: str, parameters: Mapping[str, object] | tuple[int, ...]) -> Iterator[int]:
        return (int(row[0]) for row in self._db.execute(sql, parameters) if row[0] is not None)

    def _who(self, people: Collection[int]) -> frozenset[int]:
        return frozenset(self._ids(_WHO, {"ids": json.dumps(sorted(people))}))


def _numbers(mark: str) -> list[int]:
    return [int(number) for number in mark.split(".")]


def _grew(before: list[int], now: list[int]) -> bool:
    """Say whether no number went back: rows with the highest ids were deleted, and others may have them now."""
    return len(before) == len(now) and all(old <= new for old, new in zip(before, now, strict=True))
