"""Who of the team looks after whom: the owner of a contact. Whole files of owners: registers_bulk; firms: companies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mailflow.store import companies, contacts
from mailflow.store.connection import Connection, Row
from mailflow.store.registers import name_key


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody of the team, with what stands under their mail. `owner_id` is their tool's id, `source` the tool."""

    id: int
    source: str
    owner_id: str
    name: str | None
    email: str | None
    phone: str | None
    title: str | None
    attributes: Mapping[str, object]


def all_of_them(db: Connection) -> list[Owner]:
    """Return every owner, by name."""
    return [_owner(row) for row in db.execute("SELECT * FROM owners ORDER BY name, email, id")]


def find(db: Connection, said: str) -> Owner | None:
    """Return the owner that a file means by an e-mail address, an id or a name, the surest first.

    None where nobody is meant, or several who are not the same person by their e-mail address.
    """
    return _meant(all_of_them(db), said)


def of_contact(db: Connection, contact_id: int) -> Owner | None:
    """Return who looks after a contact: whom the contact's own field names, else the owner of their company."""
    ids = contacts.whole(db, contact_id)
    row = db.execute("SELECT * FROM contacts WHERE id = ?", ids[:1]).fetchone() if ids else None
    return of_contacts(db, [row]).get(row["id"]) if row else None


def of_contacts(db: Connection, rows: Iterable[Row]) -> dict[int, Owner]:
    """Return who looks after each of these rows of contacts, by contact id; who has nobody is left out.

    One query where there are no owners, and none per contact unless there are companies.
    """
    everybody = all_of_them(db)
    if not everybody:
        return {}
    has_companies = db.execute("SELECT 1 FROM companies WHERE owner IS NOT NULL LIMIT 1").fetchone() is not None
    known: dict[str, Owner | None] = {}
    found = {}
    for row in rows:
        said = row["owner"]
        if not said and has_companies:
            company = companies.of_person(db, row["email"], row["company"])
            said = company.owner if company else None
        if said and said not in known:
            known[said] = _meant(everybody, said)
        owner = known[said] if said else None
        if owner is not None:
            found[row["id"]] = owner
    return found


def _meant(everybody: Sequence[Owner], said: str) -> Owner | None:
    wanted = said.strip()
    for matches in (
        [each for each in everybody if each.email and each.email.casefold() == wanted.casefold()],
        [each for each in everybody if each.owner_id == wanted],
        [each for each in everybody if each.name and name_key(wanted) and name_key(each.name) == name_key(wanted)],
    ):
        if matches:
            people = {(each.email or f"{each.source} {each.owner_id}").casefold() for each in matches}
            return matches[0] if len(people) == 1 else None
    return None


def _owner(row: Row) -> Owner:
    return Owner(
        row["id"], row["source"], row["owner_id"], row["name"], row["email"], row["phone"], row["title"],
        MappingProxyType(json.loads(row["attributes"])),
    )  # fmt: skip
