"""Take the contacts that an import brought back, from its journal: their fields, identities, and they themselves.

What was said about their consent: consents_undo. Everything else: undo.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mailflow import clock
from mailflow.store import journal, membership, merges
from mailflow.store.connection import Connection
from mailflow.store.contacts import FIELDS
from mailflow.store.pace import Pace

_FIELDS = ("email", *FIELDS, "attributes", "known_since", "updated_at")
_UNSAID = {"known_since": None}  # the journals of older versions do not speak of it


def restore(pace: Pace, import_id: int, changed: datetime | None) -> tuple[int, int]:
    """Restore the fields of contacts that the import changed; return how many, and how many stay as they are.

    `changed` becomes the time of their last change; None leaves it what it was.
    """
    newly = {} if changed is None else {"updated_at": clock.to_ms(changed)}
    assignments = ", ".join(f"{name} = :{name}" for name in _FIELDS)

    def write(tx: Connection, contact_id: int, before: Mapping[str, Any]) -> None:
        tx.execute(
            f"UPDATE contacts SET {assignments} WHERE id = :id", {**_UNSAID, **before, **newly, "id": contact_id}
        )

    return journal.take_back(pace, import_id, "contacts", restore=write)


def forget_identities(pace: Pace, import_id: int) -> None:
    """Remove the addresses and ids that the import gave to contacts who were there before."""
    for change in journal.entries(pace.store.db, import_id, "identities"):
        with pace.transaction() as tx:
            tx.executemany(
                "DELETE FROM identities WHERE kind = ? AND source = ? AND value = ? AND contact_id = ?",
                [(*identity, change.first_id) for identity in json.loads(change.before or "[]")],
            )


def delete(pace: Pace, import_id: int) -> tuple[int, int]:
    """Delete contacts that the import added and nothing else speaks of; return how many went and how many stay."""
    promised = {row[0] for row in pace.store.db.execute(_PROMISED)}

    def free_ones(tx: Connection, ids: Sequence[int]) -> tuple[int, Sequence[int]]:
        free = [row[0] for row in tx.execute(_UNREFERENCED, {"ids": json.dumps(ids)}) if row[0] not in promised]
        _delete(tx, free)
        # Who has a ledger or mail stays for good: there is no use in asking again.
        forever = {row[0] for row in tx.execute(_FOREVER, {"ids": json.dumps(ids)})}
        return len(free), sorted(set(ids) - set(free) - forever)

    return journal.take_back(pace, import_id, "contacts", delete=free_ones)


def _delete(tx: Connection, ids: Sequence[int]) -> None:
    among = {"ids": json.dumps(ids)}
    for table in _OF_CONTACT:
        tx.execute(f"DELETE FROM {table} WHERE contact_id IN (SELECT value FROM json_each(:ids))", among)
    membership.forget(tx, ids)
    merges.forget(tx, ids)
    tx.execute("DELETE FROM contacts WHERE id IN (SELECT value FROM json_each(:ids))", among)


# What is known of a contact only because it is one.
_OF_CONTACT = (
    "identities", "contact_facts", "contact_revenue", "rfm_scores", "rfm_moves", "scores", "claims",
    "lifecycle_stages", "contact_favourites",
)  # fmt: skip
_UNREFERENCED = """SELECT c.id FROM contacts AS c WHERE c.id IN (SELECT value FROM json_each(:ids))
    AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM consents AS n WHERE n.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM codes AS d WHERE d.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM statements AS s WHERE s.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM merges AS m WHERE m.kept_id = c.id AND m.undone_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM merges AS m WHERE m.merged_id = c.id AND m.undone_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
                    WHERE j.noun = 'contacts' AND j.before IS NOT NULL AND j.first_id = c.id AND i.state = 'done')"""
# Who gets an order or an event back when the import that took it from them is undone as well.
_PROMISED = " UNION ".join(
    f"""SELECT j.before ->> 'contact_id' FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
        JOIN {noun} AS t ON t.id = j.first_id
        WHERE j.noun = '{noun}' AND j.before IS NOT NULL AND {journal.MAY_GO_BACK}
          AND t.contact_id IS NOT j.before ->> 'contact_id'"""
    for noun in ("orders", "events")
)
_FOREVER = """SELECT c.id FROM contacts AS c WHERE c.id IN (SELECT value FROM json_each(:ids))
    AND (EXISTS (SELECT 1 FROM consents AS n WHERE n.contact_id = c.id)
      OR EXISTS (SELECT 1 FROM messages AS m WHERE m.contact_id = c.id)
      OR EXISTS (SELECT 1 FROM codes AS d WHERE d.contact_id = c.id))"""
