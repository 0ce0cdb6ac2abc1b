"""Write the addresses that a file suppresses, as keyed hashes. One address: suppressions; what a file says: importers.

An import adds to them and never lifts one; undo keeps them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from mailflow.addresses import Address
from mailflow.model import SuppressionReason
from mailflow.store import journal, suppressions, topics_bulk
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging
from mailflow.tokens import Keys

_SLICE = 20_000  # rows compared in one statement: while it reads, the web door cannot write
_TABLES = """
CREATE TABLE IF NOT EXISTS stage.refused (
  n INTEGER, address_hash TEXT, address TEXT, reason TEXT, evidence TEXT, at INTEGER
);
CREATE TABLE IF NOT EXISTS stage.refusals (
  rank INTEGER PRIMARY KEY, n INTEGER, address_hash TEXT, address TEXT, reason TEXT, evidence TEXT, at INTEGER
)"""


class Refused(NamedTuple):
    """An address that is to get nothing, and why. `n` is its card, 0 where it has none; `at` is in ms."""

    n: int
    address: Address
    reason: SuppressionReason
    evidence: str | None
    at: int | None


def stage(staging: Staging, keys: Keys, refused: Iterable[Refused]) -> None:
    """Keep what a file suppresses."""
    _create(staging.db)
    staging.db.executemany(
        "INSERT INTO stage.refused (n, address_hash, address, reason, evidence, at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (row.n, keys.address_hash(row.address.key), row.address.email, row.reason, row.evidence, row.at)
            for row in refused
        ),
    )


def compare(db: Connection, keys: Keys) -> int:
    """Collect what is not suppressed yet into stage.refusals; return how many addresses and reasons these are."""
    _create(db)
    suppressions.check_pepper(db, keys)
    db.execute(
        """INSERT INTO stage.refusals (n, address_hash, address, reason, evidence, at)
           SELECT min(n), address_hash, address, reason, evidence, at FROM stage.refused
           GROUP BY address_hash, reason ORDER BY address_hash"""
    )
    last = int(db.execute("SELECT coalesce(max(rank), 0) FROM stage.refusals").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        db.execute(
            """DELETE FROM stage.refusals WHERE rank BETWEEN :first AND :last AND EXISTS (
                 SELECT 1 FROM main.suppressions AS s WHERE s.address_hash = refusals.address_hash
                   AND s.reason = refusals.reason AND s.lifted_at IS NULL)""",
            {"first": first, "last": first + _SLICE - 1},
        )
    return int(db.execute("SELECT count(*) FROM stage.refusals").fetchone()[0])


def forget_strangers(db: Connection) -> None:
    """Let nobody become a contact for being suppressed, or for a bounce that passes: only known people stay matched."""
    _create(db)
    topics_bulk.prepare(db)
    db.execute(
        """DELETE FROM stage.people WHERE target > 0 AND (
             p IN (SELECT n FROM stage.refused)
             OR p IN (SELECT n FROM stage.cards WHERE consent IS NULL AND n NOT IN (SELECT n FROM stage.topics)))"""
    )


def count_news(db: Connection) -> int:
    """Return how many rows of a list say something new: a suppression, a no, or a topic that was left."""
    row = db.execute(
        """SELECT count(*) FROM (
             SELECT n FROM stage.refusals
             UNION SELECT m.n FROM stage.sayings AS y JOIN stage.merged AS m ON m.target = y.target
             UNION SELECT n FROM stage.topic_news)"""
    ).fetchone()
    return int(row[0])


def differences(db: Connection, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would be suppressed: `{line, contact, field, old, new}`, for a dry run."""
    rows = db.execute(
        """SELECT c.line, r.address, r.reason FROM stage.refusals AS r JOIN stage.cards AS c ON c.n = r.n
           ORDER BY c.line LIMIT ?""",
        (limit,),
    )
    return [
        {"line": row["line"], "contact": row["address"], "field": "suppressed", "old": None, "new": row["reason"]}
        for row in rows
    ]


def mark_people(db: Connection) -> None:
    """Mark the contacts of a staged file that change by being suppressed. After `compare` of both."""
    db.execute(
        """UPDATE stage.merged SET changed = changed | 8 WHERE target IN (
             SELECT p.target FROM stage.refusals AS r JOIN stage.people AS p ON p.p = r.n)"""
    )


def append(pace: Pace, keys: Keys, import_id: int, source: str, now_ms: int) -> None:
    """Write what is new. A suppression that the owner lifted holds again: a file says so anew."""
    for first, last in pace.ranks("refusals"):
        with pace.transaction() as tx:
            suppressions.keep_pepper_check(tx, keys)
            parameters = {
                "known": tx.execute("SELECT coalesce(max(id), 0) FROM main.suppressions").fetchone()[0],
                "first": first, "last": last, "source": source, "now": now_ms, "import": import_id,
            }  # fmt: skip
            tx.execute(
                """INSERT INTO main.suppressions (address_hash, address, reason, evidence, source, created_at)
                   SELECT address_hash, address, reason, evidence, :source, min(coalesce(at, :now), :now)
                   FROM stage.refusals WHERE rank BETWEEN :first AND :last ORDER BY rank
                   ON CONFLICT (address_hash, reason) DO UPDATE SET
                     address = excluded.address, evidence = excluded.evidence, source = excluded.source,
                     created_at = excluded.created_at, lifted_at = NULL
                   WHERE lifted_at IS NOT NULL""",
                parameters,
            )
            tx.execute(
                """INSERT INTO main.import_changes (import_id, noun, first_id, last_id)
                   SELECT :import, 'suppressions', min(id), max(id) FROM main.suppressions WHERE id > :known
                   HAVING count(*) > 0""",
                parameters,
            )


def count_kept(db: Connection, import_id: int) -> int:
    """Return how many suppressions an import brought: its undo leaves them all."""
    changes = journal.entries(db, import_id, "suppressions")
    return sum(change.last_id - change.first_id + 1 for change in changes)


def drop_of_strangers(pace: Pace, import_id: int) -> None:
    """Take back what an interrupted import suppressed, but not the addresses of people we know. After its contacts."""
    for change in journal.entries(pace.store.db, import_id, "suppressions"):
        with pace.transaction() as tx:
            tx.execute(
                """DELETE FROM suppressions WHERE id BETWEEN :first AND :last AND NOT EXISTS (
                     SELECT 1 FROM identities AS i
                     WHERE i.kind = 'email' AND i.source = '' AND i.value = lower(suppressions.address))""",
                {"first": change.first_id, "last": change.last_id},
            )


def _create(db: Connection) -> None:
    for statement in _TABLES.split(";"):
        db.execute(statement)
