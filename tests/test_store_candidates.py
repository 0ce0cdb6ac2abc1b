"""The facts that arming decides on are read fresh, and count what may have arrived."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from mailflow import policy
from mailflow.addresses import normalise
from mailflow.model import ConsentState, MessageClass, MessageState, SuppressionReason
from mailflow.policy import Candidate, Limits
from mailflow.store import Store, campaigns, candidates, suppressions
from mailflow.store.candidates import Question
from mailflow.tokens import Keys
from mailflow.tracking.record import Event, record
from people import add_contact, add_message

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUBSCRIBED = ConsentState.SUBSCRIBED
ADA = "Ada@Example.com"
ACCEPTED, ARMED, IN_DOUBT = MessageState.ACCEPTED, MessageState.ARMED, MessageState.IN_DOUBT


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
        return add_contact(tx, ADA, now=NOW, consent=SUBSCRIBED)


@pytest.fixture
def message(store: Store, ada: int) -> int:
    with store.transaction() as tx:
        return add_message(tx, ada, ADA, now=NOW)


def read(store: Store, keys: Keys, message: int) -> Candidate:
    (candidate,) = candidates.for_messages(store.db, keys, [message], now=NOW)
    return candidate


def code(store: Store, keys: Keys, message: int, limits: Limits = Limits()) -> str:
    return policy.decide(read(store, keys, message), limits, NOW).code


def test_a_message_to_a_subscribed_contact_may_go(store: Store, keys: Keys, ada: int, message: int) -> None:
    assert read(store, keys, message) == Candidate(
        contact_id=ada,
        address="ada@example.com",
        contact_address="ada@example.com",
        consent=SUBSCRIBED,
        consent_address="ada@example.com",
        not_after=NOW + DAY,
        message_id=message,
        proof=" ;  ; test",
    )
    assert code(store, keys, message) == ""


def test_a_no_from_another_connection_is_seen_at_once(store: Store, keys: Keys, ada: int, message: int) -> None:
    assert code(store, keys, message) == ""
    with store.again() as door, door.transaction() as tx:
        record(tx, Event("unsubscribed", "web", "1", NOW, NOW, ada), keys=keys)
    assert code(store, keys, message) == "unsubscribed"


def test_a_suppression_is_found_by_the_address_of_the_message(store: Store, keys: Keys, message: int) -> None:
    with store.transaction() as tx:
        suppressions.suppress(
            tx, keys, normalise("ADA@example.com"), SuppressionReason.HARD_BOUNCE, source="relay", now=NOW
        )
    assert code(store, keys, message) == "suppressed: hard_bounce"


def test_a_contact_whose_address_changed_is_not_written_to_at_the_old_one(
    store: Store, keys: Keys, ada: int, message: int
) -> None:
    with store.transaction() as tx:
        tx.execute("UPDATE contacts SET email = 'new@example.com' WHERE id = ?", (ada,))
        newer = add_message(tx, ada, "new@example.com", now=NOW, scope="campaign:other")
    assert code(store, keys, message) == "address_changed"
    assert code(store, keys, newer) == "consent_for_another_address"


@pytest.mark.parametrize("address", ["ADA@example.com", " ada@Example.com "])
def test_the_same_address_written_otherwise_is_the_same(store: Store, keys: Keys, ada: int, address: str) -> None:
    with store.transaction() as tx:
        tx.execute("UPDATE contacts SET email = ? WHERE id = ?", (address, ada))
        message = add_message(tx, ada, ADA, now=NOW)
    assert code(store, keys, message) == ""


def test_a_contact_without_an_address_is_never_written_to(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        nobody = add_contact(tx, None, now=NOW)
        broken = add_contact(tx, "ada@example.com", now=NOW)
        tx.execute("UPDATE contacts SET email = 'no address' WHERE id = ?", (broken,))
    asked = candidates.for_contacts(store.db, keys, [broken, nobody, 99], Question("campaign:spring"), now=NOW)
    assert [candidate.contact_id for candidate in asked] == [broken, nobody]
    assert {policy.decide(candidate, Limits(), NOW).code for candidate in asked} == {"no_address"}


def test_the_windows_count_what_may_have_arrived_and_nothing_else(
    store: Store, keys: Keys, ada: int, message: int
) -> None:
    marketing = [
        (ACCEPTED, HOUR, None),
        (ACCEPTED, 23 * HOUR, None),
        (ACCEPTED, 2 * DAY, None),
        (ACCEPTED, 8 * DAY, None),
        (ARMED, None, HOUR),
        (IN_DOUBT, None, 3 * DAY),
        (IN_DOUBT, None, 8 * DAY),
        (MessageState.FAILED, HOUR, None),
        (MessageState.SKIPPED, HOUR, None),
        (MessageState.PLANNED, None, None),
    ]
    with store.transaction() as tx:
        for state, settled, armed in marketing:
            add_message(tx, ada, ADA, now=NOW, state=state, settled=settled, armed=armed)
        add_message(tx, ada, ADA, now=NOW, state=ACCEPTED, settled=HOUR, rehearsal=True, scope="rehearsal:s@1")
        add_message(tx, ada, ADA, now=NOW, state=ACCEPTED, settled=HOUR, scope="test:spring")
        add_message(tx, ada, ADA, now=NOW, state=ACCEPTED, settled=HOUR, message_class=MessageClass.ESSENTIAL)
        bob = add_contact(tx, "bob@example.com", now=NOW)
        add_message(tx, bob, "bob@example.com", now=NOW, state=ACCEPTED, settled=HOUR)
    counted = read(store, keys, message)
    assert (counted.sent_day, counted.sent_week) == (3, 5)
    assert code(store, keys, message, Limits(per_day=3)) == "cap_day"
    assert code(store, keys, message, Limits(per_day=4, per_week=5)) == "cap_week"


def test_a_message_does_not_count_against_itself(store: Store, keys: Keys, ada: int) -> None:
    with store.transaction() as tx:
        armed = add_message(tx, ada, ADA, now=NOW, state=ARMED, armed=timedelta())
    assert code(store, keys, armed, Limits(per_day=1, per_week=1)) == ""


@pytest.mark.parametrize(
    ("stop", "scope", "stopped"),
    [
        ("", "campaign:spring", True),
        ("", "rehearsal:spring@1a2b3c4d", True),
        ("campaign:spring", "campaign:spring", True),
        ("campaign:spring", "rehearsal:spring@1a2b3c4d", True),
        ("campaign:spring", "campaign:spring2", False),
        ("campaign:spring", "campaign:other", False),
    ],
)
def test_a_stop_holds_for_its_scope(store: Store, keys: Keys, ada: int, stop: str, scope: str, stopped: bool) -> None:
    with store.transaction() as tx:
        message = add_message(tx, ada, ADA, now=NOW, scope=scope)
        campaigns.stop(tx, stop, "typo", at=0)
    assert (code(store, keys, message) == "stopped") is stopped


def test_candidates_come_in_the_order_asked(store: Store, keys: Keys, ada: int) -> None:
    with store.transaction() as tx:
        ids = [add_message(tx, ada, ADA, now=NOW) for _ in range(5)]
    asked = [ids[3], ids[0], 99, ids[4]]
    found = candidates.for_messages(store.db, keys, asked, now=NOW)
    assert [candidate.message_id for candidate in found] == [ids[3], ids[0], ids[4]]


def test_arming_facts_of_ten_messages_take_about_a_millisecond(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        people = [add_contact(tx, f"p{n}@example.com", now=NOW, consent=SUBSCRIBED) for n in range(2_000)]
        for n, contact_id in enumerate(people):
            add_message(tx, contact_id, f"p{n}@example.com", now=NOW, state=ACCEPTED, settled=HOUR)
        ids = [add_message(tx, people[n], f"p{n}@example.com", now=NOW) for n in range(0, 100, 10)]
    took = []
    for _ in range(50):
        begin = time.process_time()
        assert len(candidates.for_messages(store.db, keys, ids, now=NOW)) == 10
        took.append(time.process_time() - begin)
    assert median(took) < 0.01  # 0.5 ms on an idle machine; the bound is for busy ones
    print(f"ten candidates: {median(took) * 1000:.2f} ms")
