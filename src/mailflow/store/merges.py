"""Two contacts that turn out to be one person: merge them, and take that back. Whom to merge: duplicates.

No row of the merged contact changes: its orders, messages and events stay its own, and `contacts.merged_into` leads to
who it is now, always to the end of a chain. What they said about consent: merged_consent; how many orders: facts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailflow import clock
from mailflow.store import facts, imports, merged_consent
from mailflow.store.connection import Connection, Row
from mailflow.store.contacts import FIELDS

_FILLED = ("email", *FIELDS)


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge. `undone_at` is None while it stands; `evidence` is why, in words."""

    id: int
    kept_id: int
    merged_id: int
    evidence: str
    merged_at: datetime
    undone_at: datetime | None


def merge(tx: Connection, kept_id: int, merged_id: int, *, evidence: str, now: datetime) -> int:
    """Let `merged_id` be the person of `kept_id`; return the number of the merge.

    Both must be merged into nobody. Blank fields of the kept contact are filled, and a no of either holds for both.
    `ValueError` where they are one person already, or one of them is somebody else now.
    """
    standing = tx.execute(
        "SELECT count(*) FROM contacts WHERE id IN (?, ?) AND merged_into IS NULL", (kept_id, merged_id)
    ).fetchone()[0]
    if standing != 2:
        raise ValueError("only two different people can be merged, and each under who they are now")
    tx.execute(
        "UPDATE contacts SET merged_into = :kept WHERE id = :merged OR merged_into = :merged",
        {"kept": kept_id, "merged": merged_id},
    )
    row = tx.execute(
        """INSERT INTO merges (kept_id, merged_id, evidence, merged_at, ledger_at)
           SELECT ?, ?, ?, ?, coalesce(max(id), 0) FROM consents RETURNING id""",
        (kept_id, merged_id, evidence, clock.to_ms(now)),
    ).fetchone()
    merge_id = int(row["id"])
    _fill(tx, merge_id)
    merged_consent.carry(tx, merge_id, now=now)
    _after(tx, kept_id)
    return merge_id


def take_back(tx: Connection, merge_id: int, *, now: datetime) -> None:
    """Part two contacts again, each with what was theirs; `ValueError` where the merge does not stand.

    Fields that the merge filled become blank unless they were changed since, and the yes or no that it brought is
    lifted unless something newer was said. What was said meanwhile about an address holds for whose it is.
    """
    row = _standing(tx, merge_id)
    tx.execute("UPDATE merges SET undone_at = ? WHERE id = ?", (clock.to_ms(now), merge_id))
    tx.execute(_PART, {"merged": row["merged_id"]})
    tx.execute("UPDATE contacts SET merged_into = NULL WHERE id = ?", (row["merged_id"],))
    _empty(tx, row)
    _forget_in_journal(tx, row)
    _fill_again(tx, row["kept_id"])
    merged_consent.part(tx, merge_id, now=now)
    _after(tx, row["kept_id"], row["merged_id"])


def get(db: Connection, merge_id: int) -> Merge | None:
    """Return one merge, or None."""
    row = db.execute("SELECT * FROM merges WHERE id = ?", (merge_id,)).fetchone()
    return _merge(row) if row else None


def all_of_them(db: Connection) -> list[Merge]:
    """Return every merge, undone ones too, the latest first."""
    return [_merge(row) for row in db.execute("SELECT * FROM merges ORDER BY id DESC")]


def forget(tx: Connection, contact_ids: Sequence[int]) -> None:
    """Drop the merges, all of them undone, of contacts that are about to be deleted."""
    tx.execute(
        """DELETE FROM merges WHERE kept_id IN (SELECT value FROM json_each(:ids))
             OR merged_id IN (SELECT value FROM json_each(:ids))""",
        {"ids": json.dumps(list(contact_ids))},
    )


def is_whole(db: Connection) -> bool:
    """Return whether every contact leads straight to who they are by the merges that stand: what `doctor` asks."""
    wrong = db.execute(
        """WITH RECURSIVE person (id, root) AS (
             SELECT c.id, c.id FROM contacts AS c
             WHERE NOT EXISTS (SELECT 1 FROM merges AS m WHERE m.merged_id = c.id AND m.undone_at IS NULL)
             UNION ALL
             SELECT m.merged_id, p.root FROM person AS p JOIN merges AS m ON m.kept_id = p.id AND m.undone_at IS NULL)
           SELECT count(*) FROM contacts AS c LEFT JOIN person AS p ON p.id = c.id
           WHERE coalesce(c.merged_into, c.id) IS NOT p.root"""
    ).fetchone()[0]
    return int(wrong) == 0


# Everybody who came with the contact that is parted from the others stays with it.
_PART = """WITH RECURSIVE person (id) AS (
      SELECT merged_id FROM merges WHERE kept_id = :merged AND undone_at IS NULL
      UNION SELECT m.merged_id FROM person AS p JOIN merges AS m ON m.kept_id = p.id AND m.undone_at IS NULL)
    UPDATE contacts SET merged_into = :merged WHERE id IN (SELECT id FROM person)"""


def _standing(db: Connection, merge_id: int) -> Row:
    row: Row | None = db.execute("SELECT * FROM merges WHERE id = ? AND undone_at IS NULL", (merge_id,)).fetchone()
    if row is None:
        raise ValueError(f"there is no merge {merge_id} that stands")
    return row


def _after(tx: Connection, *contact_ids: int) -> None:
    facts.recount(tx, contact_ids)
    imports.data_changed(tx)


# Fields -------------------------------------------------------------------------------------------------------


def _fill(tx: Connection, merge_id: int) -> None:
    """Fill what is blank of the kept contact from the merged one, and remember what."""
    row = _standing(tx, merge_id)
    kept, merged = (_contact(tx, row[name]) for name in ("kept_id", "merged_id"))
    fields = {name: merged[name] for name in _FILLED if kept[name] is None and merged[name] is not None}
    known = json.loads(kept["attributes"])
    new = {name: value for name, value in json.loads(merged["attributes"]).items() if name not in known}
    _write(tx, kept, fields, {**known, **new})
    filled = json.dumps({**fields, "attributes": new}, ensure_ascii=False)
    tx.execute("UPDATE merges SET filled = ? WHERE id = ?", (filled, merge_id))


def _empty(tx: Connection, merge: Row) -> None:
    """Make blank again what a merge filled, where it is still what it was filled with."""
    kept, filled = _contact(tx, merge["kept_id"]), json.loads(merge["filled"])
    theirs: Mapping[str, Any] = filled.pop("attributes", {})
    fields = {name: None for name, value in filled.items() if kept[name] == value}
    known = json.loads(kept["attributes"])
    left = {name: value for name, value in known.items() if name not in theirs or theirs[name] != value}
    _write(tx, kept, fields, left)


def _forget_in_journal(tx: Connection, merge: Row) -> None:
    """Let the undoing of an import since the merge not bring back what the merge had filled."""
    filled = json.loads(merge["filled"])
    theirs: Mapping[str, Any] = filled.pop("attributes", {})
    rows = tx.execute(
        """SELECT j.id, j.before FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
           WHERE j.noun = 'contacts' AND j.first_id = ? AND j.before IS NOT NULL AND i.started_at >= ?""",
        (merge["kept_id"], merge["merged_at"]),
    )
    for number, before in [(row["id"], json.loads(row["before"])) for row in rows]:
        known = json.loads(before["attributes"])
        before["attributes"] = _compact({name: value for name, value in known.items() if theirs.get(name) != value})
        before.update({name: None for name, value in filled.items() if before.get(name) == value})
        tx.execute("UPDATE import_changes SET before = ? WHERE id = ?", (_compact(before), number))


def _fill_again(tx: Connection, contact_id: int) -> None:
    """Fill a contact anew from everybody who is still merged into it, the first merge first, and whoever it became."""
    held = tx.execute("SELECT * FROM merges WHERE kept_id = ? AND undone_at IS NULL ORDER BY id", (contact_id,))
    rows = held.fetchall()
    for row in rows:
        _empty(tx, row)
    for row in rows:
        _fill(tx, row["id"])
    above = tx.execute("SELECT kept_id FROM merges WHERE merged_id = ? AND undone_at IS NULL", (contact_id,)).fetchone()
    if above is not None:
        _fill_again(tx, above["kept_id"])


def _contact(db: Connection, contact_id: int) -> Row:
    row: Row = db.execute("SELECT * FROM contacts WHERE id = ?", (contact_id,)).fetchone()
    return row


def _write(tx: Connection, contact: Row, fields: Mapping[str, str | None], attributes: Mapping[str, Any]) -> None:
    """Set fields and attributes of a contact. `updated_at` stays: nobody said anything new about them."""
    after = {name: fields.get(name, contact[name]) for name in _FILLED}
    text = _compact(attributes)
    tx.execute(
        f"UPDATE contacts SET {', '.join(f'{name} = :{name}' for name in _FILLED)}, attributes = :attributes"
        " WHERE id = :id",
        {**after, "attributes": contact["attributes"] if attributes == json.loads(contact["attributes"]) else text,
         "id": contact["id"]},
    )  # fmt: skip


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _merge(row: Row) -> Merge:
    undone = row["undone_at"]
    return Merge(
        row["id"], row["kept_id"], row["merged_id"], row["evidence"], clock.from_ms(row["merged_at"]),
        None if undone is None else clock.from_ms(undone),
    )  # fmt: skip
