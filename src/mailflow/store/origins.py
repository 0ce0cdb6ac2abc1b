"""Where each field of a contact comes from, and which imports touched them. Read from the undo journal and statements.

Nothing is kept per field: the import whose inserted rows hold the contact brought the first values, and each later line
of the journal holds the row as it was, so what differs from the next state is what that import changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from mailflow import clock
from mailflow.model import ImportState
from mailflow.store import contacts
from mailflow.store.connection import Connection, Row
from mailflow.store.contacts import FIELDS, Contact

OWNER = "owner"
_NO_FIELDS = ("attributes", "known_since", "updated_at")  # in the journal, and no values of fields
PLAIN = "plain"  # the tool of files that no tool is known of

State = Mapping[str, Any]  # the filled fields of a contact by name: columns and attributes alike


class OriginKind(StrEnum):
    """Who says so."""

    SELF = "self"  # the person, of themselves
    IMPORT = "import"  # a file, as its tool knew it
    INFERRED = "inferred"  # a file whose tool guessed it, such as a country from an IP address
    OWNER = "owner"  # the shop's owner, in a terminal
    RECORDED = "recorded"  # whatever else met the person first, such as a form


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from and since when. `file` and `import_id` are of an import, `question` of an answer."""

    kind: OriginKind
    source: str
    at: datetime
    import_id: int | None = None
    file: str | None = None
    undone: bool = False
    question: str | None = None

    @property
    def text(self) -> str:
        """One line for a person: `self, spring_survey`; `members.csv, mailchimp`; `list.csv` of no known tool."""
        if self.kind is OriginKind.SELF:
            return f"self, {self.source}"
        if self.file is None:
            return self.source
        guessed = "inferred" if self.kind is OriginKind.INFERRED else ""
        tool = "" if self.source == PLAIN else self.source
        undone = "undone since" if self.undone else ""
        return ", ".join(filter(None, (PurePath(self.file).name, tool, guessed, undone)))


@dataclass(frozen=True, slots=True)
class Touch:
    """One import that added or changed a contact; `changed` are (field, old, new)."""

    origin: Origin
    added: bool
    changed: tuple[tuple[str, Any, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said of themselves: a field of theirs, or the name of an attribute."""

    field: str
    value: str
    question: str | None
    stated_at: datetime
    source: str
    import_id: int | None
    contact_id: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One import in a contact's life: where from, what its tool guessed, and the row before (None: it added them)."""

    origin: Origin
    inferred: frozenset[str]
    before: State | None


def of_fields(db: Connection, contact: Contact) -> dict[str, Origin]:
    """Return the origin of every field that is filled in, attributes too.

    A statement wins, unless a file that came later says something else.
    """
    steps = _steps(db, contact)
    now = _state(contact)
    found = {name: _first(contact, steps, name) for name in now}
    for step, before, after in _transitions(steps, now):
        for name in now:
            if before.get(name) != after.get(name):
                found[name] = _said_by(step, name)
    found.update(_filled_by_merges(db, contact, now))
    for said in statements(db, [contact.id, *_merged_into(db, contact)]):
        if said.field in found and _still_holds(said, found[said.field], now[said.field]):
            found[said.field] = Origin(
                OriginKind.SELF, said.source, said.stated_at, said.import_id, question=said.question
            )
    return found


def first(db: Connection, contact: Contact) -> Origin:
    """Return where we first heard of a contact, which no later file changes."""
    return _first(contact, _steps(db, contact), "")


def touches(db: Connection, contact: Contact) -> list[Touch]:
    """Return the imports that added the contact or changed its fields, the first one first.

    Undone ones too, as far as something of them had to stay.
    """
    steps = _steps(db, contact)
    found = [Touch(step.origin, added=True) for step in steps[:1] if step.before is None]
    for step, before, after in _transitions(steps, _state(contact)):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        found.append(
            Touch(step.origin, added=False, changed=tuple((name, before.get(name), after.get(name)) for name in names))
        )
    return found


def statements(db: Connection, contact_ids: Sequence[int]) -> list[Statement]:
    """Return what these contacts said of themselves, the oldest first."""
    rows = db.execute(
        """SELECT * FROM statements WHERE contact_id IN (SELECT value FROM json_each(?))""",
        (json.dumps(list(contact_ids)),),
    )
    return [
        Statement(
            row["field"], row["value"], row["question"], clock.from_ms(row["stated_at"]), row["source"],
            row["import_id"], row["contact_id"],
        )
        for row in sorted(rows, key=lambda row: (row["stated_at"], row["id"]))
    ]  # fmt: skip


def brought(db: Connection, contact_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many orders, events, consents and statements of these contacts each standing import brought, by id."""
    found: dict[int, dict[str, int]] = {}
    ids = {"ids": json.dumps(list(contact_ids))}
    for noun, question in _BROUGHT.items():
        for row in db.execute(question, {**ids, "noun": noun}):
            found.setdefault(row["import_id"], {})[noun] = row["number"]
    return found


def of_import(db: Connection, import_id: int) -> Origin:
    """Return an import as an origin."""
    row = db.execute("SELECT id, file, tool, state, started_at, options FROM imports WHERE id = ?", (import_id,))
    return _step(row.fetchone(), None).origin


_OF_THEM = "contact_id IN (SELECT value FROM json_each(:ids))"
# The ranges of rows that standing imports inserted do not overlap: the first that ends at or after a row is the only
# one that can hold it.
_INSERTED = """SELECT j.import_id, count(*) AS number FROM (
    SELECT t.id, (SELECT x.id FROM import_changes AS x CROSS JOIN imports AS i ON i.id = x.import_id
                  WHERE x.noun = :noun AND x.before IS NULL AND x.last_id >= t.id AND i.state = 'done'
                  ORDER BY x.last_id LIMIT 1) AS line
    FROM {table} AS t WHERE t.{of_them}) AS held
  CROSS JOIN import_changes AS j ON j.id = held.line AND j.first_id <= held.id GROUP BY j.import_id"""
_MARKED = """SELECT import_id, count(*) AS number FROM {table}
  WHERE {of_them} AND import_id IS NOT NULL AND source <> 'undo' GROUP BY import_id"""
_BROUGHT = {
    "orders": _INSERTED.format(table="orders", of_them=_OF_THEM),
    "events": _INSERTED.format(table="events", of_them=_OF_THEM),
    "consents": _MARKED.format(table="consents", of_them=_OF_THEM),
    "statements": _MARKED.format(table="statements", of_them=_OF_THEM),
}


def _steps(db: Connection, contact: Contact) -> list[_Step]:
    """Return the imports in a contact's life in order; the first has no `before` where it added the contact.

    What an import changed and its undoing put back is as if it had never been.
    """
    added = _adding_import(db, contact)
    # A contact that was deleted leaves its number, and lines of the journal under it, to somebody new: what is older
    # than the contact is about somebody else.
    since = {"contact": contact.id, "import": added["id"] if added else -1, "created": clock.to_ms(contact.created_at)}
    rows = db.execute(
        """SELECT i.id, i.file, i.tool, i.state, i.started_at, i.options, j.before
           FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
           WHERE j.noun = 'contacts' AND j.first_id = :contact AND j.before IS NOT NULL
             AND iif(:import >= 0, i.id > :import, i.started_at >= :created)
             AND (i.state NOT IN ('undone', 'rolled_back') OR EXISTS (SELECT 1 FROM undo_left WHERE change_id = j.id))
           ORDER BY j.id""",
        since,
    )
    later = [_step(row, _journalled(json.loads(row["before"]))) for row in rows]
    return [*([_step(added, None)] if added else []), *later]


def _adding_import(db: Connection, contact: Contact) -> Row | None:
    """Return the import that added a contact: one that stands, else an undone one whose contact had to stay."""
    rows = db.execute(
        """SELECT i.id, i.file, i.tool, i.state, i.started_at, i.options, j.first_id
           FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
           WHERE j.noun = 'contacts' AND j.before IS NULL AND j.last_id >= ? ORDER BY j.last_id""",
        (contact.id,),
    )
    fallen = None
    for row in rows:
        holds = row["first_id"] <= contact.id
        if row["state"] in (ImportState.DONE, ImportState.APPLYING):
            # Ranges of imports that stand do not overlap: the first that ends at or after the contact is the only one.
            return row if holds else fallen
        if holds and row["started_at"] == clock.to_ms(contact.created_at):
            fallen = row
    return fallen


def _step(row: Row, before: State | None) -> _Step:
    undone = row["state"] in (ImportState.UNDONE, ImportState.ROLLED_BACK)
    at = clock.from_ms(row["started_at"])
    origin = Origin(OriginKind.IMPORT, row["tool"], at, row["id"], row["file"], undone)
    return _Step(origin, frozenset(json.loads(row["options"]).get("inferred") or ()), before)


def _transitions(steps: Sequence[_Step], now: State) -> Iterator[tuple[_Step, State, State]]:
    """Yield each later import with the contact before it and after it."""
    changes = [step for step in steps if step.before is not None]
    states = [*(step.before or {} for step in changes), now]
    for step, (before, after) in zip(changes, pairwise(states), strict=True):
        yield step, before, after


def _first(contact: Contact, steps: Sequence[_Step], name: str) -> Origin:
    """Return where a field comes from that nothing changed since the contact is known."""
    if steps and steps[0].before is None:
        return _said_by(steps[0], name)
    kind = OriginKind.OWNER if contact.source == OWNER else OriginKind.RECORDED
    return Origin(kind, contact.source, contact.created_at)


def _said_by(step: _Step, name: str) -> Origin:
    return replace(step.origin, kind=OriginKind.INFERRED) if name in step.inferred else step.origin


def _filled_by_merges(db: Connection, contact: Contact, now: State) -> dict[str, Origin]:
    """Return the origins of what a merge brought: those it had with the contact that was merged."""
    found: dict[str, Origin] = {}
    for row in db.execute(
        "SELECT merged_id, filled FROM merges WHERE kept_id = ? AND undone_at IS NULL ORDER BY id", (contact.id,)
    ):
        merged = contacts.get(db, row["merged_id"])
        if merged is None:
            continue
        filled = _journalled(json.loads(row["filled"]))
        theirs = of_fields(db, merged)
        found.update({name: theirs[name] for name in filled if name in theirs and now.get(name) == filled[name]})
    return found


def _merged_into(db: Connection, contact: Contact) -> list[int]:
    return [number for number in contacts.whole(db, contact.id) if number != contact.id]


def _still_holds(said: Statement, found: Origin, value: Any) -> bool:
    """Return whether a statement is where a value comes from, as no later file said something else."""
    if _same(said.value, value):
        return True
    if said.import_id is not None and found.import_id is not None:
        return found.import_id <= said.import_id
    return found.at <= said.stated_at


def _same(text: str, value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    said = text.strip().casefold()
    return said == ", ".join(map(str, values)).casefold() or any(said == str(one).strip().casefold() for one in values)


def _state(contact: Contact) -> State:
    return _filled({**contact.attributes, "email": contact.email, **contact.fields})


def _journalled(row: Mapping[str, Any]) -> State:
    """Return the row of a contact in the journal as its filled fields."""
    attributes = row.get("attributes") or {}
    own = json.loads(attributes) if isinstance(attributes, str) else attributes
    columns = ("email", *FIELDS)
    extra = {name: value for name, value in row.items() if name not in (*columns, *_NO_FIELDS)}
    return _filled({**own, **extra, **{name: row.get(name) for name in columns}})


def _filled(fields: Mapping[str, Any]) -> State:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}
