"""A database to import into, and a hash of all that is in it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mailflow.addresses import normalise
from mailflow.importers import ImportOptions, ImportResult, import_file
from mailflow.importers.reading.table import Source
from mailflow.model import ConsentState, ImportState
from mailflow.store import Store, consents, contacts, facts, undo
from mailflow.store.connection import Connection
from mailflow.tokens import Keys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def options_of(**options: Any) -> ImportOptions:
    """Return options as a shop in Vienna has them."""
    return ImportOptions(**{"currency": "EUR", "zone": ZoneInfo("Europe/Vienna"), **options})


class ImportShop:
    """A workspace's database and private folder, without its settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.private = folder / ".mailflow"
        self.private.mkdir(mode=0o700, parents=True)
        self.keys = Keys.load_or_create(self.private / "keys.json")
        self.store = Store.create(folder / "mailflow.db")
        self.now = NOW

    @property
    def db(self) -> Connection:
        return self.store.db

    def take(self, content: str | bytes | Path, name: str = "file.csv", **options: Any) -> ImportResult:
        """Import a file, or some content as one, a minute after the last import."""
        path = content if isinstance(content, Path) else self.folder / name
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.take_source(path, **options)

    def take_source(self, file: Path | Source, **options: Any) -> ImportResult:
        """Import a file that is there already."""
        self.now += timedelta(minutes=1)
        result = import_file(self.store, self.private, self.keys, file, options_of(**options), now=self.now)
        assert adds_up(result), result
        assert facts.kept(self.db) == facts.counted(self.db)
        return result

    def undo(self, result: ImportResult) -> undo.Undone:
        """Take an import back, a minute later."""
        assert result.id is not None
        self.now += timedelta(minutes=1)
        undone = undo.take_back(self.store, result.id, now=self.now, final=ImportState.UNDONE)
        assert facts.kept(self.db) == facts.counted(self.db)
        return undone

    def contact(self, email: str) -> contacts.Contact:
        found = contacts.find_by_email(self.db, normalise(email))
        assert found is not None, email
        return found

    def state(self, email: str, topic: str = "") -> ConsentState:
        return consents.state_of(self.db, self.contact(email).id, topic=topic)

    def one(self, sql: str, *values: object) -> tuple[Any, ...]:
        return tuple(self.db.execute(sql, values).fetchone())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.db.execute(sql)]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all nouns that an import may write, without what only says when it was."""
        tables = {
            "contacts": "id, email, first_name, last_name, phone, country, city, attributes, source",
            "identities": "kind, source, value, contact_id",
            "consent_states": "contact_id, state, basis",
            "orders": "source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint",
            "order_lines": "title, quantity, price_minor",
            "refunds": "amount_minor, refunded_at",
            "products": "source, product_id, title",
            "contact_facts": "*",
            "contact_revenue": "*",
        }
        return {name: sorted(self.rows(f"SELECT {what} FROM {name}"), key=repr) for name, what in tables.items()}

    def fingerprint(self, *without: str) -> dict[str, str]:
        """Return a hash of every table in the database but some."""
        tables = self.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        return {name: self._hash(name) for (name,) in tables if name not in without}

    def _hash(self, table: str) -> str:
        rows = sorted(self.rows(f'SELECT * FROM "{table}"'), key=repr)
        return hashlib.sha256(repr(rows).encode("utf-8", "replace")).hexdigest()[:12]

    def leftovers(self) -> list[Path]:
        """Return what lies in the spool."""
        return sorted((self.private / "spool").glob("*")) if (self.private / "spool").exists() else []


def adds_up(result: ImportResult) -> bool:
    """Tell whether every row that was read is counted once."""
    counted = result.inserted + result.updated + result.unchanged + result.merged + result.rejected
    return result.rows == counted and min(result.inserted, result.updated, result.unchanged, result.merged) >= 0
