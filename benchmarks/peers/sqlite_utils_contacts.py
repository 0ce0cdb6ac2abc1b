"""Upsert a contacts CSV into mailflow's own tables with sqlite-utils, people found by e-mail: DATABASE FILE.

The same work as the shell's SQL: a contact each with a random key, and its e-mail address among the identities.
"""

from __future__ import annotations

import csv
import secrets
import sys
from collections.abc import Iterator

import sqlite_utils

from mailflow.store.connection import connect

database, file = sys.argv[1:]
db = sqlite_utils.Database(connect(database))
known = dict(db.execute("SELECT value, contact_id FROM identities WHERE kind = 'email' AND source = ''").fetchall())
free = db.execute("SELECT coalesce(max(id), 0) + 1 FROM contacts").fetchone()[0]


def contacts() -> Iterator[dict[str, object]]:
    number = free
    with open(file, encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            contact_id = known.get(row["email"].lower())
            if contact_id is None:
                contact_id = known[row["email"].lower()] = number
                number += 1
            yield {
                "id": contact_id,
                "key": secrets.token_hex(16),
                "source": "shell",
                "created_at": 0,
                "updated_at": 0,
                **row,
            }


db["contacts"].upsert_all(contacts(), pk="id")
db["identities"].upsert_all(
    ({"kind": "email", "source": "", "value": value, "contact_id": contact_id} for value, contact_id in known.items()),
    pk=("kind", "source", "value"),
)
