"""Import of 200,000 contacts and 1,000,000 orders, against the sqlite3 shell and sqlite-utils.

The shell does what a person with SQL would: `.import` into a temporary table, then INSERT … SELECT … ON CONFLICT into
our tables, with our pragmas, in one transaction. It reads no dates, checks no addresses and keeps no facts or journal.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from import_files import write_contacts, write_orders
from paired import BIN, Contender, Limit, clean_environment, compare, compile_sources, report

CONTACTS = 200_000
ORDERS = 1_000_000
ROUNDS = 7
BIG_ROUNDS = 3  # a round of orders takes over a minute
PEERS = Path(__file__).parent / "peers"

_PRAGMAS = """PRAGMA journal_mode = {journal};
PRAGMA synchronous = {synchronous};
PRAGMA foreign_keys = ON;
PRAGMA secure_delete = ON;
PRAGMA cache_size = -65536;
PRAGMA temp_store = MEMORY;
"""
_CONTACTS = """.import --csv --schema temp {file} rows
BEGIN IMMEDIATE;
INSERT INTO contacts (id, key, email, first_name, last_name, country, city, source, created_at, updated_at)
  SELECT i.contact_id, lower(hex(randomblob(16))), r.email, r.first_name, r.last_name, r.country, r.city, 'shell', 0, 0
  FROM temp.rows AS r LEFT JOIN identities AS i ON i.kind = 'email' AND i.source = '' AND i.value = lower(r.email)
  WHERE TRUE
  ON CONFLICT (id) DO UPDATE SET first_name = excluded.first_name, last_name = excluded.last_name,
    country = excluded.country, city = excluded.city;
INSERT INTO identities (kind, source, value, contact_id) SELECT 'email', '', lower(email), id FROM contacts WHERE TRUE
  ON CONFLICT DO NOTHING;
COMMIT;
"""
_ORDERS = """.import --csv --schema temp {file} rows
BEGIN IMMEDIATE;
INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)
  SELECT 'shell', r.order_id, i.contact_id, 'paid', CAST(strftime('%s', r.order_date) AS INTEGER) * 1000,
         CAST(round(r.total * 100) AS INTEGER), r.currency, 0
  FROM temp.rows AS r LEFT JOIN identities AS i ON i.kind = 'email' AND i.source = '' AND i.value = lower(r.email)
  WHERE TRUE
  ON CONFLICT (source, order_id) DO UPDATE SET contact_id = excluded.contact_id, placed_at = excluded.placed_at,
    total_minor = excluded.total_minor, currency = excluded.currency;
COMMIT;
"""


class Shop:
    """A workspace to import into again and again, and a copy of its database for the shell."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shop"
        self._kept = folder / "kept.db"
        self.database = self.root / "mailflow.db"
        self.copy = folder / "shell.db"
        run = [BIN / "mailflow", "init", self.root, "--quiet"]
        subprocess.run(run, check=True, env=clean_environment())
        self.keep()

    def keep(self) -> None:
        """Take the database as it is now for the one that each round begins with."""
        shutil.copyfile(self.database, self._kept)

    def reset(self) -> None:
        """Give both sides the kept database."""
        shutil.copyfile(self._kept, self.database)
        shutil.copyfile(self._kept, self.copy)

    def importing(self, name: str, file: Path, *, again: bool = False) -> Contender:
        """Return mailflow's import of a file: into the kept database, or into one that has the file already."""
        command = [BIN / "mailflow", "import", file, "--workspace", self.root, "--quiet"]
        return Contender(name, command, before=(lambda: None) if again else self.reset)


def shell(shop: Shop, name: str, script: str, file: Path, *, again: bool = False) -> Contender:
    """Return the sqlite3 shell doing the same by SQL."""
    from mailflow.store.connection import journal_settings

    journal, synchronous = journal_settings(sqlite3.sqlite_version_info)
    path = file.with_suffix(".sql")
    text = _PRAGMAS.format(journal=journal, synchronous=synchronous) + script.format(file=file)
    path.write_text(text, encoding="utf-8")
    command = ["sqlite3", shop.copy, f".read {path}"]
    return Contender(name, command, before=(lambda: None) if again else shop.reset)


def upsert(folder: Path, key: str, file: Path) -> Contender:
    """Return sqlite-utils upserting the file as text into a bare table of its own."""
    database = folder / "peer.db"
    command = [sys.executable, PEERS / "sqlite_utils_upsert.py", database, "rows", key, file]
    return Contender("sqlite-utils upsert_all, bare table", command, before=lambda: database.unlink(missing_ok=True))


def upsert_orders(shop: Shop, file: Path) -> Contender:
    """Return sqlite-utils upserting orders into our table, as the shell does."""
    command = [sys.executable, PEERS / "sqlite_utils_orders.py", shop.copy, file]
    return Contender("sqlite-utils upsert_all, our table", command, before=shop.reset)


def measure_noun(
    shop: Shop, noun: str, file: Path, script: str, peers: list[Contender], bound: float, count: int, rounds: int
) -> int:
    """Measure first imports, then imports of the unchanged file, and report; the first peer is to be beaten."""
    ours = [shell(shop, "sqlite3 shell: .import and upsert", script, file), shop.importing("mailflow import", file)]
    first = compare([*ours, *peers], rounds=rounds)
    limits = [
        Limit(f"import of {count:,} {noun} × the shell", first[1].ratio, bound),
        Limit("mailflow × sqlite-utils", first[1].ratio / first[2].ratio, 1.0),
        Limit("peak memory in MiB", first[1].peak_mib, 200.0),
    ]
    missed = report(f"Import of {count:,} {noun}", first, limits, per_second=count)
    again = compare(
        [
            shell(shop, "the shell, the same file again", script, file, again=True),
            shop.importing("mailflow import, the same file again", file, again=True),
        ],
        rounds=rounds,
    )
    return missed | report(f"The same {count:,} {noun} again", again, [], per_second=count)


def main() -> int:
    """Measure and report; with a number as argument, that share of the rows."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    contacts, orders = int(CONTACTS * share), int(ORDERS * share)
    compile_sources()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = Shop(folder)
        file = write_contacts(folder / "contacts.csv", contacts)
        peers = [upsert(folder, "email", file)]
        missed = measure_noun(shop, "contacts", file, _CONTACTS, peers, 6.0, contacts, ROUNDS)
        shop.keep()
        file = write_orders(folder / "orders.csv", orders, contacts)
        peers = [upsert_orders(shop, file), upsert(folder, "order_id", file)]
        missed |= measure_noun(shop, "orders", file, _ORDERS, peers, 4.0, orders, BIG_ROUNDS)
    return missed


if __name__ == "__main__":
    sys.exit(main())
