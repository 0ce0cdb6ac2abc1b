"""Contacts and their identities, one at a time. Whole files of them: contacts_bulk; consent: consents."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from mailflow import clock
from mailflow.addresses import Address
from mailflow.store.connection import Connection, Row

EMAIL = "email"
PHONE = "phone"
CUSTOMER_ID = "customer_id"

_NAMED = 4  # identities of one kind that are named to a reader

# The built-in fields that files and forms may fill, besides the e-mail address; everything else is an attribute.
FIELDS = (
    "first_name", "last_name", "company", "phone", "language", "timezone", "country", "region", "city", "postcode",
    "birthday", "owner",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contact:
    """A person we may know by e-mail address. `key` is what plans, hold-outs and exports speak of."""

    id: int
    key: str
    email: str | None
    fields: Mapping[str, str | None]
    attributes: Mapping[str, object]
    source: str
    created_at: datetime
    updated_at: datetime
    merged_into: int | None


def get(db: Connection, contact_id: int) -> Contact | None:
    """Return a contact, or None."""
    row = db.execute("SELECT * FROM contacts WHERE id = ?", (contact_id,)).fetchone()
    return _contact(row) if row else None


def find(db: Connection, kind: str, value: str, source: str = "") -> Contact | None:
    """Return the contact of an identity, or who they were merged into. Values are normalised (`Address.key`)."""
    row = db.execute(
        "SELECT contact_id FROM identities WHERE kind = ? AND source = ? AND value = ?", (kind, source, value)
    ).fetchone()
    contact = get(db, row["contact_id"]) if row else None
    while contact is not None and contact.merged_into is not None:
        contact = get(db, contact.merged_into)
    return contact


def find_by_email(db: Connection, address: Address) -> Contact | None:
    """Return the contact with this e-mail address, or None."""
    return find(db, EMAIL, address.key)


def find_by_key(db: Connection, key: str) -> Contact | None:
    """Return the contact with this key, or who they were merged into."""
    row = db.execute("SELECT id FROM contacts WHERE key = ?", (key,)).fetchone()
    ids = whole(db, row["id"]) if row else ()
    return get(db, ids[0]) if ids else None


def find_by_customer_id(db: Connection, value: str) -> dict[str, Contact]:
    """Return who has this customer id, by shop. There are few shops, and each is asked through the index."""
    rows = db.execute(
        """WITH RECURSIVE shops (source) AS (
             SELECT (SELECT source FROM identities WHERE kind = :kind ORDER BY source LIMIT 1)
             UNION ALL
             SELECT (SELECT i.source FROM identities AS i WHERE i.kind = :kind AND i.source > shops.source
                     ORDER BY i.source LIMIT 1)
             FROM shops WHERE source IS NOT NULL)
           SELECT shops.source FROM shops
           CROSS JOIN identities AS i ON i.kind = :kind AND i.source = shops.source AND i.value = :value""",
        {"kind": CUSTOMER_ID, "value": value},
    ).fetchall()
    found = {row["source"]: find(db, CUSTOMER_ID, value, row["source"]) for row in rows}
    return {source: contact for source, contact in found.items() if contact is not None}


def addresses_beginning(db: Connection, text: str, limit: int) -> list[str]:
    """Return the first e-mail addresses we know that begin with a text, as they are compared."""
    rows = db.execute(
        """SELECT value FROM identities WHERE kind = ? AND source = '' AND value >= ? AND value < ?
           ORDER BY value LIMIT ?""",
        (EMAIL, text, f"{text}\U0010ffff", limit),
    )
    return [row["value"] for row in rows]


def owner_of(db: Connection, address: Address) -> int | None:
    """Return the contact that an address is of itself, whoever they were merged into."""
    row = db.execute(
        "SELECT contact_id FROM identities WHERE kind = ? AND source = '' AND value = ?", (EMAIL, address.key)
    ).fetchone()
    return None if row is None else int(row["contact_id"])


def whole(db: Connection, contact_id: int) -> tuple[int, ...]:
    """Return the ids of one person: who the contact is now first, then every contact that was merged into them."""
    rows = db.execute(
        """WITH RECURSIVE
             up (id, parent) AS (
               SELECT id, merged_into FROM contacts WHERE id = :id
               UNION SELECT c.id, c.merged_into FROM up JOIN contacts AS c ON c.id = up.parent),
             person (id) AS (
               SELECT id FROM up WHERE parent IS NULL
               UNION SELECT c.id FROM person JOIN contacts AS c ON c.merged_into = person.id)
           SELECT id FROM person""",
        {"id": contact_id},
    )
    return tuple(row[0] for row in rows)


def add(tx: Connection, address: Address, *, source: str, now: datetime) -> Contact:
    """Add a contact known by an e-mail address only. The address must not be known yet."""
    ms = clock.to_ms(now)
    row = tx.execute(
        """INSERT INTO contacts (key, email, source, created_at, updated_at)
           VALUES (:key, :email, :source, :now, :now) RETURNING *""",
        {"key": secrets.token_hex(16), "email": address.email, "source": source, "now": ms},
    ).fetchone()
    tx.execute(
        "INSERT INTO identities (kind, source, value, contact_id) VALUES (?, '', ?, ?)", (EMAIL, address.key, row["id"])
    )
    return _contact(row)


def identities_of(db: Connection, contact_id: int) -> list[Row]:
    """Return the (kind, source, value) rows by which a contact is found."""
    return db.execute(
        "SELECT kind, source, value FROM identities WHERE contact_id = ? ORDER BY kind, source, value", (contact_id,)
    ).fetchall()


def further(
    identities: Iterable[Mapping[str, Any]], email: str | None, phone: str | None
) -> list[tuple[str, str, str]]:
    """Return (kind, values in words, source) of identities beyond the address and the phone number known already.

    Of many of one kind and source, such as the visits of one person on several devices, the first few are named.
    """
    known = {(email or "").lower(), _digits(phone or "")}
    found: dict[tuple[str, str], list[str]] = {}
    for one in identities:
        if one["value"] not in known and not (one["kind"] == PHONE and _digits(one["value"]) in known):
            found.setdefault((one["kind"], one["source"]), []).append(one["value"])
    return [(kind, _first_of(values), source) for (kind, source), values in found.items()]


def _first_of(values: list[str]) -> str:
    left = len(values) - _NAMED
    return ", ".join(values[:_NAMED]) + (f" and {left:,} more" if left > 0 else "")


def _digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))


def highest_id(db: Connection) -> int:
    """Return the highest id of a contact, 0 where there is none: about how many there are, at once."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0])


def count(db: Connection) -> int:
    """Return how many contacts there are, without those merged into others."""
    return int(db.execute("SELECT count(*) FROM contacts WHERE merged_into IS NULL").fetchone()[0])


def _contact(row: Row) -> Contact:
    return Contact(
        row["id"],
        row["key"],
        row["email"],
        MappingProxyType({name: row[name] for name in FIELDS}),
        MappingProxyType(json.loads(row["attributes"])),
        row["source"],
        clock.from_ms(row["created_at"]),
        clock.from_ms(row["updated_at"]),
        row["merged_into"],
    )
