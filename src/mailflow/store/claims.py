"""Customer ids that a file gave to somebody though they are somebody else's: evidence for duplicates, nothing more.

Who somebody is, is decided by matching, where the e-mail address comes first. When two addresses order under one
customer id, they stay two contacts and this is kept.
"""

from __future__ import annotations

from mailflow.store.connection import Connection
from mailflow.store.contacts import CUSTOMER_ID
from mailflow.store.contacts_bulk import CONTACT_OF
from mailflow.store.pace import Pace

_SLICE = 20_000  # people compared in one statement: while it reads, the web door cannot write


def note(pace: Pace, import_id: int, source: str) -> None:
    """Keep the claims of a staged file whose people are written. `source` is the shop of the customer ids."""
    db = pace.store.db
    last = int(db.execute("SELECT coalesce(max(p), 0) FROM stage.people").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        ends = {"kind": CUSTOMER_ID, "source": source, "first": first, "last": first + _SLICE - 1}
        found = [(CUSTOMER_ID, source, value, contact, import_id) for value, contact in db.execute(_CLAIMED, ends)]
        if found:
            with pace.store.transaction() as tx:
                tx.executemany(
                    "INSERT OR IGNORE INTO claims (kind, source, value, contact_id, import_id) VALUES (?, ?, ?, ?, ?)",
                    found,
                )


def forget(tx: Connection, import_id: int) -> None:
    """Drop the claims of an import that is taken back."""
    tx.execute("DELETE FROM claims WHERE import_id = ?", (import_id,))


_CONTACT = CONTACT_OF.format("p.target")
_CLAIMED = f"""SELECT DISTINCT p.customer_id, {_CONTACT}
    FROM stage.people AS p
    CROSS JOIN main.identities AS i ON i.kind = :kind AND i.source = :source AND i.value = p.customer_id
    CROSS JOIN main.contacts AS c ON c.id = i.contact_id
    WHERE p.p BETWEEN :first AND :last AND p.email_key <> '' AND p.customer_id <> '' AND NOT p.named
      AND coalesce(c.merged_into, c.id) <> {_CONTACT}"""
