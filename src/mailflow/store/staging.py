"""A private SQLite file beside the database, in which an import collects a file before anything of ours is touched.

It is attached to a connection of its own as `stage`. What is done with the rows: matching, contacts_bulk, orders_bulk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailflow.store.connection import Connection
from mailflow.store.contacts import FIELDS
from mailflow.store.database import Store

ORDER_COLUMNS = (
    "n", "line", "order_id", "email_key", "customer_id", "phone_key", "status", "placed_at", "total_minor", "currency",
    "fingerprint",
)  # fmt: skip
LINE_COLUMNS = ("order_n", "position", "product_id", "sku", "title", "quantity", "price_minor")
_WINDOW = 10_000  # cards read in one statement
REFUND_COLUMNS = ("order_n", "refunded_at", "amount_minor")

_COMPARING_KIB, _WRITING_KIB = 12_288, 24_576

# A card is one statement of a file about a person. Blank keys are '', blank fields NULL: a blank cell says nothing.
_TABLES = f"""
CREATE TABLE stage.cards (
  n INTEGER PRIMARY KEY, line INTEGER, email_key TEXT, email TEXT, customer_id TEXT, phone_key TEXT,
  {", ".join(f"{name} TEXT" for name in FIELDS)}, attributes TEXT, source TEXT,
  known_since INTEGER,
  consent TEXT, basis TEXT, consent_at INTEGER, consent_source TEXT, wording TEXT, evidence TEXT
);
CREATE TABLE stage.aliases (n INTEGER, email_key TEXT, email TEXT, PRIMARY KEY (n, email_key)) WITHOUT ROWID;
CREATE TABLE stage.orders (
  n INTEGER PRIMARY KEY, line INTEGER, order_id TEXT, email_key TEXT NOT NULL DEFAULT '',
  customer_id TEXT NOT NULL DEFAULT '', phone_key TEXT NOT NULL DEFAULT '', status TEXT, placed_at INTEGER,
  total_minor INTEGER, currency TEXT, fingerprint INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE stage.lines (
  order_n INTEGER, position INTEGER, product_id TEXT, sku TEXT, title TEXT, quantity REAL, price_minor INTEGER,
  PRIMARY KEY (order_n, position)
) WITHOUT ROWID;
CREATE TABLE stage.refunds (order_n INTEGER PRIMARY KEY, refunded_at INTEGER, amount_minor INTEGER);
CREATE TABLE stage.codes (order_n INTEGER, code_key TEXT, code TEXT, PRIMARY KEY (order_n, code_key)) WITHOUT ROWID;
CREATE TABLE stage.rejects (id INTEGER PRIMARY KEY, line INTEGER, field TEXT, reason TEXT, cells TEXT)
"""


@dataclass(frozen=True, slots=True)
class StagedReject:
    """A row that could not be read, with its cells as they were."""

    line: int
    field: str | None
    reason: str
    cells: list[str]


class Staging:
    """An attached staging file and the connection that sees it beside the database."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.db: Connection = store.db
        self.card_columns: frozenset[str] = frozenset()

    def add_cards(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add statements about people: tuples of some columns of stage.cards. What is left out says nothing."""
        self.card_columns |= frozenset(columns)
        self.db.executemany(_insert("cards", columns), rows)

    def add_aliases(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """Add further addresses of cards: (number of the card, key, address as written)."""
        self.db.executemany("INSERT OR IGNORE INTO stage.aliases (n, email_key, email) VALUES (?, ?, ?)", rows)

    def add_orders(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add orders: tuples of some of ORDER_COLUMNS. What is left out says nothing."""
        self.db.executemany(_insert("orders", columns), rows)

    def add_lines(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add order lines: tuples in the order of LINE_COLUMNS."""
        self.db.executemany(_insert("lines", LINE_COLUMNS), rows)

    def add_refunds(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add what was paid back of orders: tuples in the order of REFUND_COLUMNS."""
        self.db.executemany(_insert("refunds", REFUND_COLUMNS), rows)

    def add_codes(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """Add the discount codes of orders: (number of the order, the code as it is compared, as it is written)."""
        self.db.executemany("INSERT OR IGNORE INTO stage.codes (order_n, code_key, code) VALUES (?, ?, ?)", rows)

    def add_rejects(self, rejects: Iterable[StagedReject]) -> None:
        """Add rows that could not be read."""
        self.db.executemany(
            "INSERT INTO stage.rejects (line, field, reason, cells) VALUES (?, ?, ?, ?)",
            ((row.line, row.field, row.reason, json.dumps(row.cells)) for row in rejects),
        )

    def rejects(self, limit: int = -1) -> Iterator[StagedReject]:
        """Yield the rejected rows in the order of their lines; a negative limit is all of them."""
        for row in self.db.execute(
            "SELECT line, field, reason, cells FROM stage.rejects ORDER BY line, id LIMIT ?", (limit,)
        ):
            yield StagedReject(row["line"], row["field"], row["reason"], json.loads(row["cells"]))

    def reject_count(self) -> int:
        return int(self.db.execute("SELECT count(*) FROM stage.rejects").fetchone()[0])

    def give_pages(self) -> None:
        """Let the database keep more pages in memory, now that nothing is sorted any more: it is being written."""
        self.db.execute(f"PRAGMA main.cache_size = -{_WRITING_KIB}")

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Run a block as one transaction of the staging file alone; the database is not touched or locked."""
        self.db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.store.rollback()  # where the disk is full, SQLite has done so already
            raise
        self.store.commit()


@contextmanager
def open_staging(store: Store, spool: Path) -> Iterator[Staging]:
    """Attach a new staging file in the folder `spool` to a connection of its own; the file goes at the end."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = spool / f"import-{os.getpid()}.db"
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with store.again() as own:
            _attach(own.db, path)
            yield Staging(own)
    finally:
        path.unlink(missing_ok=True)


def clear_spool(spool: Path) -> None:
    """Remove the staging files of imports that were interrupted. Only under the run lock."""
    for path in spool.glob("import-*.db"):
        path.unlink(missing_ok=True)


def _attach(db: Connection, path: Path) -> None:
    db.execute("ATTACH DATABASE ? AS stage", (str(path),))
    # It is thrown away whatever happens: neither a journal nor a flush is of use.
    db.execute("PRAGMA stage.journal_mode = OFF")
    db.execute("PRAGMA stage.synchronous = OFF")
    db.execute("PRAGMA stage.secure_delete = OFF")
    db.execute("PRAGMA stage.cache_size = -16384")
    db.execute(f"PRAGMA main.cache_size = -{_COMPARING_KIB}")  # also what a sort may take, besides the pages kept
    db.execute("PRAGMA temp_store = FILE")  # sorting a million rows in memory costs 200 MB
    for statement in _TABLES.split(";"):
        db.execute(statement)


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO stage.{table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def email_keys(db: Connection) -> Iterator[str]:
    """Yield the address of every card that has one, as it is compared."""
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM stage.cards").fetchone()[0])
    for first in range(1, last + 1, _WINDOW):
        # As one text: a row of its own for each address takes twice as long.
        texts = db.execute(
            "SELECT group_concat(email_key, char(10)) FROM stage.cards WHERE n BETWEEN ? AND ? AND email_key <> ''",
            (first, first + _WINDOW - 1),
        ).fetchone()
        yield from texts[0].split("\n") if texts[0] else ()


def number_equals(db: Connection, table: str, column: str, among: str = "TRUE") -> None:
    """Tell equal rows of a staged table apart: the second of them gets `-2` behind its id, and so on.

    Their ids are hashes of what they say, in an indexed `column`; `among` is a condition on such rows.
    """
    db.execute(
        f"""UPDATE stage.{table} AS r SET {column} = r.{column} || '-' || s.number
            FROM (SELECT n, row_number() OVER (PARTITION BY {column} ORDER BY n) AS number FROM stage.{table}
                  WHERE {column} IN (SELECT {column} FROM stage.{table} WHERE {among}
                                     GROUP BY {column} HAVING count(*) > 1)) AS s
            WHERE r.n = s.n AND s.number > 1"""
    )
