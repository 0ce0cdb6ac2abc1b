"""Suppressions: addresses that get nothing at all, and why. Kept as keyed hashes, so that they survive erasure.

The key is the pepper of `tokens.Keys`. A no to marketing mail only is consent: store/consents.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock
from mailflow.addresses import Address
from mailflow.errors import ConfigError
from mailflow.model import SuppressionReason
from mailflow.store.connection import Connection
from mailflow.tokens import Keys

_PEPPER_CHECK = "pepper_check"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One reason why an address gets nothing."""

    reason: SuppressionReason
    evidence: str | None
    source: str
    created_at: datetime
    lifted_at: datetime | None = None


def suppress(
    tx: Connection,
    keys: Keys,
    address: Address,
    reason: SuppressionReason,
    *,
    source: str,
    now: datetime,
    evidence: str | None = None,
) -> bool:
    """Suppress an address; return False where it already was, for this reason."""
    keep_pepper_check(tx, keys)
    changed = tx.execute(
        """INSERT INTO suppressions (address_hash, address, reason, evidence, source, created_at)
           VALUES (:hash, :address, :reason, :evidence, :source, :now)
           ON CONFLICT (address_hash, reason) DO UPDATE SET
             address = excluded.address, evidence = excluded.evidence, source = excluded.source,
             created_at = excluded.created_at, lifted_at = NULL
           WHERE lifted_at IS NOT NULL""",
        {
            "hash": keys.address_hash(address.key),
            "address": None if reason is SuppressionReason.ERASED else address.email,
            "reason": reason,
            "evidence": evidence,
            "source": source,
            "now": clock.to_ms(now),
        },
    )
    return changed.rowcount == 1


def lift(tx: Connection, keys: Keys, address: Address, *, now: datetime) -> bool:
    """Take back what the owner said (`manual`), and nothing else; return whether there was anything to take back."""
    check_pepper(tx, keys)
    changed = tx.execute(
        "UPDATE suppressions SET lifted_at = ? WHERE address_hash = ? AND reason = ? AND lifted_at IS NULL",
        (clock.to_ms(now), keys.address_hash(address.key), SuppressionReason.MANUAL),
    )
    return changed.rowcount == 1


def of_address(db: Connection, keys: Keys, address: Address) -> list[Suppression]:
    """Return every suppression that holds for an address, the oldest first."""
    return [held for held in history(db, keys, address.key) if held.lifted_at is None]


def history(db: Connection, keys: Keys, address_key: str) -> list[Suppression]:
    """Return every suppression of an address (its `Address.key`), those that were lifted too, the oldest first."""
    check_pepper(db, keys)
    rows = db.execute(
        """SELECT reason, evidence, source, created_at, lifted_at FROM suppressions
           WHERE address_hash = ? ORDER BY created_at, id""",
        (keys.address_hash(address_key),),
    )
    return [
        Suppression(
            SuppressionReason(row["reason"]), row["evidence"], row["source"], clock.from_ms(row["created_at"]),
            None if row["lifted_at"] is None else clock.from_ms(row["lifted_at"]),
        )
        for row in rows
    ]  # fmt: skip


def reasons_for(db: Connection, address_hash: str) -> frozenset[SuppressionReason]:
    """Return why an address is suppressed; empty where it is not."""
    return reasons_by_hash(db, [address_hash]).get(address_hash, frozenset())


def reasons_by_hash(db: Connection, address_hashes: Iterable[str]) -> dict[str, frozenset[SuppressionReason]]:
    """Return why each of these addresses is suppressed; the others are not in the result."""
    rows = db.execute(
        """SELECT address_hash, reason FROM suppressions
           WHERE lifted_at IS NULL AND address_hash IN (SELECT value FROM json_each(?))""",
        (json.dumps(list(address_hashes)),),
    )
    found: defaultdict[str, set[SuppressionReason]] = defaultdict(set)
    for row in rows:
        found[row["address_hash"]].add(SuppressionReason(row["reason"]))
    return {address_hash: frozenset(reasons) for address_hash, reasons in found.items()}


def all_hashes(db: Connection) -> set[str]:
    """Return the hashes of all suppressed addresses."""
    return {row[0] for row in db.execute("SELECT DISTINCT address_hash FROM suppressions WHERE lifted_at IS NULL")}


def check_pepper(db: Connection, keys: Keys) -> None:
    """Refuse keys that the suppressions were not made with: every hash would miss, and suppressed people get mail."""
    row = db.execute("SELECT value FROM state WHERE name = ?", (_PEPPER_CHECK,)).fetchone()
    if row is not None and row["value"] != keys.pepper_check:
        raise ConfigError(
            f"{keys.path}: these are not the keys that this database's suppressions were made with, so nobody could be"
            " told apart who must get no mail. Restore the file from the same backup as mailflow.db"
        )


def keep_pepper_check(tx: Connection, keys: Keys) -> None:
    """Remember what the hashes are made with, and refuse other keys from then on."""
    check_pepper(tx, keys)
    tx.execute("INSERT OR IGNORE INTO state (name, value) VALUES (?, ?)", (_PEPPER_CHECK, keys.pepper_check))


def erased_hashes(db: Connection) -> set[str]:
    """Return the hashes of the addresses of people who asked to be forgotten."""
    rows = db.execute("SELECT address_hash FROM suppressions WHERE reason = 'erased' AND lifted_at IS NULL")
    return {row[0] for row in rows}
