"""Upsert an orders CSV into mailflow's own orders table with sqlite-utils, contacts found by e-mail: DATABASE FILE.

The same work as the shell's SQL: amounts to minor units, dates to milliseconds, the contact's id, our pragmas.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlite_utils

from mailflow.store.connection import connect

database, file = sys.argv[1:]
db = sqlite_utils.Database(connect(database))
contacts = dict(db.execute("SELECT value, contact_id FROM identities WHERE kind = 'email' AND source = ''").fetchall())


def orders() -> Iterator[dict[str, object]]:
    with open(file, encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            placed = datetime.fromisoformat(row["order_date"]).replace(tzinfo=UTC)
            yield {
                "source": "shell",
                "order_id": row["order_id"],
                "contact_id": contacts.get(row["email"].lower()),
                "status": "paid",
                "placed_at": int(placed.timestamp()) * 1000,
                "total_minor": round(float(row["total"]) * 100),
                "currency": row["currency"],
                "fingerprint": 0,
            }


db["orders"].upsert_all(orders(), pk=("source", "order_id"))
