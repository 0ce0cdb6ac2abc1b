"""Suppressed addresses stay suppressed, however they are written and whatever becomes of the contact."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailflow.addresses import normalise
from mailflow.errors import ConfigError
from mailflow.model import SuppressionReason
from mailflow.store import Store, suppressions
from mailflow.tokens import Keys

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ADA = normalise("Ada@Example.com")
MANUAL, ERASED = SuppressionReason.MANUAL, SuppressionReason.ERASED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.load_or_create(tmp_path / "keys.json")


def suppress(store: Store, keys: Keys, reason: SuppressionReason = MANUAL) -> bool:
    with store.transaction() as tx:
        return suppressions.suppress(tx, keys, ADA, reason, source="owner", now=NOW, evidence="asked by phone")


def test_an_address_is_found_however_it_is_written(store: Store, keys: Keys) -> None:
    assert suppress(store, keys)
    hashed = keys.address_hash(normalise("  ada@EXAMPLE.com ").key)
    assert suppressions.reasons_for(store.db, hashed) == {MANUAL}
    assert suppressions.all_hashes(store.db) == {hashed}
    assert suppressions.reasons_for(store.db, keys.address_hash("bob@example.com")) == frozenset()


def test_suppressing_twice_changes_nothing(store: Store, keys: Keys) -> None:
    suppress(store, keys)
    assert not suppress(store, keys)
    assert len(suppressions.of_address(store.db, keys, ADA)) == 1


def test_only_what_the_owner_said_can_be_taken_back(store: Store, keys: Keys) -> None:
    for reason in SuppressionReason:
        suppress(store, keys, reason)
    with store.transaction() as tx:
        assert suppressions.lift(tx, keys, ADA, now=NOW)
        assert not suppressions.lift(tx, keys, ADA, now=NOW)
    left = suppressions.reasons_for(store.db, keys.address_hash(ADA.key))
    assert left == frozenset(SuppressionReason) - {MANUAL}


def test_a_lifted_suppression_can_come_back(store: Store, keys: Keys) -> None:
    suppress(store, keys)
    with store.transaction() as tx:
        suppressions.lift(tx, keys, ADA, now=NOW + timedelta(days=1))
    assert suppressions.of_address(store.db, keys, ADA) == []
    assert suppress(store, keys)
    assert [held.reason for held in suppressions.of_address(store.db, keys, ADA)] == [MANUAL]


def test_an_erased_address_is_kept_as_a_hash_only(store: Store, keys: Keys) -> None:
    suppress(store, keys, ERASED)
    row = store.db.execute("SELECT * FROM suppressions").fetchone()
    assert row["address"] is None
    assert "ada" not in str(tuple(row)).lower()


def test_keys_of_another_workspace_are_refused(store: Store, keys: Keys, tmp_path: Path) -> None:
    suppress(store, keys)
    other = Keys.load_or_create(tmp_path / "other.json")
    with pytest.raises(ConfigError, match=r"other\.json: these are not the keys"):
        suppress(store, other)
    with pytest.raises(ConfigError):
        suppressions.of_address(store.db, other, ADA)
    suppressions.check_pepper(store.db, keys.rotate())
