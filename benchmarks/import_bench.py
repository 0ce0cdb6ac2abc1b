"""Import of contacts, orders and order lines, against the sqlite3 shell and sqlite-utils.

The shell does what a person with SQL would: `.import` into a temporary table, then INSERT … SELECT … ON CONFLICT into
our tables, with our pragmas, in one transaction. It reads no dates, checks no addresses and keeps no facts or journal.
Arguments: a share of the rows (0.1), or `full` for a million contacts and five million order lines.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from import_files import write_contacts, write_lines, write_orders
from paired import BIN, Contender, Limit, clean_environment, compare, compile_sources, report

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
_LINES = """.import --csv --schema temp {file} rows
BEGIN IMMEDIATE;
INSERT INTO products (source, product_id, sku, title) SELECT 'shell', sku, sku, title FROM temp.rows WHERE TRUE
  ON CONFLICT (source, product_id) DO UPDATE SET title = excluded.title;
INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)
  SELECT 'shell', r.order_id, i.contact_id, 'paid', CAST(strftime('%s', r.order_date) AS INTEGER) * 1000,
         CAST(round(r.total * 100) AS INTEGER), r.currency, 0
  FROM temp.rows AS r LEFT JOIN identities AS i ON i.kind = 'email' AND i.source = '' AND i.value = lower(r.email)
  WHERE TRUE GROUP BY r.order_id
  ON CONFLICT (source, order_id) DO UPDATE SET contact_id = excluded.contact_id, placed_at = excluded.placed_at,
    total_minor = excluded.total_minor, currency = excluded.currency;
DELETE FROM order_lines WHERE order_id IN (SELECT id FROM orders WHERE source = 'shell');
INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor)
  SELECT o.id, p.id, r.title, r.quantity, CAST(round(r.unit_price * 100) AS INTEGER)
  FROM temp.rows AS r JOIN orders AS o ON o.source = 'shell' AND o.order_id = r.order_id
  LEFT JOIN products AS p ON p.source = 'shell' AND p.product_id = r.sku;
COMMIT;
"""


@dataclass(frozen=True)
class Sizes:
    """How many rows of each kind, and how often."""

    contacts: int = 200_000
    orders: int = 1_000_000
    lines: int = 1_000_000
    rounds: int = ROUNDS
    big_rounds: int = BIG_ROUNDS


FULL = Sizes(contacts=1_000_000, orders=1_000_000, lines=5_000_000, rounds=3, big_rounds=1)


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


def upsert_as_shown(folder: Path, key: str, file: Path) -> Contender:
    """Return sqlite-utils' own command for it, as its documentation shows."""
    database = folder / "peer.db"
    command = [BIN / "sqlite-utils", "upsert", database, "rows", file, "--csv", "--pk", key]
    return Contender("sqlite-utils upsert --csv, bare table", command, before=lambda: database.unlink(missing_ok=True))


def upsert_ours(shop: Shop, peer: str, file: Path) -> Contender:
    """Return sqlite-utils upserting into our tables, as the shell does."""
    return Contender("sqlite-utils upsert_all, our tables", [sys.executable, PEERS / peer, shop.copy, file], shop.reset)


@dataclass(frozen=True)
class Case:
    """One kind of file to measure, with its bound against the shell; the first peer is to take three times as long."""

    noun: str
    file: Path
    script: str
    peers: list[Contender]
    bound: float
    count: int
    rounds: int


def measure(shop: Shop, case: Case) -> int:
    """Measure first imports, then imports of the unchanged file, and report."""
    noun, count = case.noun, case.count
    ours = [
        shell(shop, "sqlite3 shell: .import and upsert", case.script, case.file),
        shop.importing("mailflow import", case.file),
    ]
    first = compare([*ours, *case.peers], rounds=case.rounds)
    limits = [
        Limit(f"import of {count:,} {noun} × the shell", first[1].ratio, case.bound),
        *(Limit(f"mailflow × {peer.name}", first[1].ratio / peer.ratio, 1 / 3) for peer in first[2:3]),
        Limit("peak memory in MiB", first[1].peak_mib, 200e6 / 2**20),
    ]
    missed = report(f"Import of {count:,} {noun}", first, limits, per_second=count)
    again = compare(
        [
            shell(shop, "the shell, the same file again", case.script, case.file, again=True),
            shop.importing("mailflow import, the same file again", case.file, again=True),
        ],
        rounds=case.rounds,
    )
    bounds = [Limit(f"the same {noun} again × the shell", again[1].ratio, 2.0)]
    return missed | report(f"The same {count:,} {noun} again", again, bounds, per_second=count)


def main() -> int:
    """Measure and report."""
    sizes = _sizes(sys.argv[1] if len(sys.argv) > 1 else "1")
    compile_sources()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = Shop(folder)
        file = write_contacts(folder / "contacts.csv", sizes.contacts)
        peers = [
            upsert_ours(shop, "sqlite_utils_contacts.py", file),
            upsert_as_shown(folder, "email", file),
            upsert(folder, "email", file),
        ]
        missed = measure(shop, Case("contacts", file, _CONTACTS, peers, 5.0, sizes.contacts, sizes.rounds))
        shop.keep()
        file = write_orders(folder / "orders.csv", sizes.orders, sizes.contacts)
        peers = [upsert_ours(shop, "sqlite_utils_orders.py", file), upsert(folder, "order_id", file)]
        missed |= measure(shop, Case("orders", file, _ORDERS, peers, 3.5, sizes.orders, sizes.big_rounds))
        file = write_lines(folder / "lines.csv", sizes.lines, sizes.contacts)
        missed |= measure(shop, Case("order lines", file, _LINES, [], 3.5, sizes.lines, sizes.big_rounds))
    return missed


def _sizes(argument: str) -> Sizes:
    if argument == "full":
        return FULL
    share = float(argument)
    return Sizes(int(Sizes.contacts * share), int(Sizes.orders * share), int(Sizes.lines * share))


if __name__ == "__main__":
    sys.exit(main())
