"""What happens is recorded once, with what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailflow.addresses import normalise
from mailflow.model import ConsentState, SuppressionReason
from mailflow.store import Store, consents, events, suppressions
from mailflow.store.events import Event
from mailflow.tokens import Keys
from mailflow.tracking.record import record
from people import add_contact

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ADA = "ada@example.com"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.load_or_create(tmp_path / "keys.json")


@pytest.fixture
def ada(store: Store) -> int:
    with store.transaction() as tx:
        return add_contact(tx, ADA, now=NOW, consent=ConsentState.SUBSCRIBED)


def happen(
    store: Store, keys: Keys, contact_id: int | None, name: str, source_id: str = "1", **properties: Any
) -> bool:
    event = Event(name, "relay", source_id, NOW - timedelta(hours=1), NOW, contact_id, properties)
    with store.transaction() as tx:
        return record(tx, event, keys=keys)


def reasons(store: Store, keys: Keys) -> frozenset[SuppressionReason]:
    return suppressions.reasons_for(store.db, keys.address_hash(normalise(ADA).key))


def test_an_event_is_recorded_once(store: Store, keys: Keys, ada: int) -> None:
    assert happen(store, keys, ada, "clicked", url="https://example.com/ü")
    assert not happen(store, keys, ada, "clicked", url="https://example.com/other")
    assert happen(store, keys, ada, "clicked", "2")
    first, _ = events.of_contact(store.db, ada)
    assert first.properties == {"url": "https://example.com/ü"}
    assert first.occurred_at == NOW - timedelta(hours=1)


def test_unsubscribed_is_a_no_once(store: Store, keys: Keys, ada: int) -> None:
    happen(store, keys, ada, "unsubscribed")
    happen(store, keys, ada, "unsubscribed")
    assert consents.state_of(store.db, ada) is ConsentState.UNSUBSCRIBED
    assert len(consents.history(store.db, ada)) == 2


def test_unsubscribed_from_a_topic_leaves_the_rest(store: Store, keys: Keys, ada: int) -> None:
    happen(store, keys, ada, "unsubscribed", topic="news")
    assert consents.state_of(store.db, ada) is ConsentState.SUBSCRIBED
    assert consents.state_of(store.db, ada, topic="news") is ConsentState.UNSUBSCRIBED


def test_a_hard_bounce_suppresses_its_address_and_a_soft_one_does_not(store: Store, keys: Keys, ada: int) -> None:
    happen(store, keys, ada, "bounced", "1", kind="soft", address=ADA)
    assert reasons(store, keys) == frozenset()
    happen(store, keys, ada, "bounced", "2", kind="hard", address="ADA@example.com", reply="550 5.1.1 unknown")
    assert reasons(store, keys) == {SuppressionReason.HARD_BOUNCE}
    (held,) = suppressions.of_address(store.db, keys, normalise(ADA))
    assert held.evidence == "550 5.1.1 unknown"
    assert consents.state_of(store.db, ada) is ConsentState.SUBSCRIBED


def test_a_complaint_is_a_suppression_and_a_no(store: Store, keys: Keys, ada: int) -> None:
    happen(store, keys, ada, "complained", address=ADA)
    assert reasons(store, keys) == {SuppressionReason.COMPLAINT}
    assert consents.state_of(store.db, ada) is ConsentState.UNSUBSCRIBED


@pytest.mark.parametrize("address", [None, "nonsense", 5])
def test_an_event_that_names_no_address_is_kept_and_suppresses_nobody(
    store: Store, keys: Keys, address: object
) -> None:
    assert happen(store, keys, None, "bounced", kind="hard", address=address)
    assert suppressions.all_hashes(store.db) == set()


@pytest.mark.parametrize("topic", [None, 5, ["tea"], {}, "", " "])
def test_a_no_that_names_no_topic_is_one_to_all(store: Store, keys: Keys, ada: int, topic: object) -> None:
    assert happen(store, keys, ada, "unsubscribed", topic=topic)
    assert consents.states_of(store.db, [ada])[ada] is ConsentState.UNSUBSCRIBED


@pytest.mark.parametrize("name", ["complained", "bounced"])
def test_whatever_json_holds_an_event_is_recorded(store: Store, keys: Keys, ada: int, name: str) -> None:
    for number, odd in enumerate((None, 5, 1.5, True, ["x"], {"x": 1})):
        more = {"address": ADA, "kind": "hard", "reply": odd, "evidence": odd}
        assert happen(store, keys, ada, name, f"a{number}", **more)
        assert happen(store, keys, ada, name, f"b{number}", kind="hard", address=odd)
    assert len(reasons(store, keys)) == 1
