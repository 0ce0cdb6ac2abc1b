"""The ledger of consent read back: what held on a past day, of one person and of everybody, and that it only grows."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.model import Basis, ConsentState
from mailflow.store import Store, consents, ledger, merges
from mailflow.store.consents import ConsentEntry
from people import add_contact

YES, NO, NEVER = ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED, ConsentState.NEVER
NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ADA = "ada@example.com"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def say(
    store: Store, contact_id: int, state: ConsentState, at: datetime, *, recorded: datetime | None = None,
    lifts: bool = False, topic: str = "", source: str = "file",
) -> None:  # fmt: skip
    entry = ConsentEntry(
        contact_id, state, Basis.EXPRESS, ADA, at, recorded or at, source, "I agree", "form", lifts, topic=topic
    )
    with store.transaction() as tx:
        consents.append(tx, entry)


def contact(store: Store, email: str = ADA, *, at: datetime = NOW) -> int:
    with store.transaction() as tx:
        return add_contact(tx, email, now=at)


def states(store: Store, contact_id: int, at: datetime) -> dict[str, ConsentState]:
    return {held.topic: held.state for held in ledger.at(store.db, contact_id, at)}


def test_a_past_day_is_what_the_ledger_says_it_was(store: Store) -> None:
    ada = contact(store, at=ago(90))
    say(store, ada, YES, ago(80))
    say(store, ada, NO, ago(60))
    say(store, ada, YES, ago(50))  # a file, which lifts no no
    say(store, ada, YES, ago(40), lifts=True)
    found = [states(store, ada, ago(days)).get("") for days in (81, 80, 61, 60, 50, 41, 40, 0)]
    assert found == [None, YES, YES, NO, NO, NO, YES, YES]


def test_it_agrees_with_the_state_of_one_contact(store: Store) -> None:
    ada = contact(store, at=ago(90))
    for number, state in enumerate((YES, ConsentState.PENDING, NO, YES, NEVER, YES, NO)):
        say(store, ada, state, ago(40 - 3 * number), lifts=number % 2 == 0)
    for days in range(45):
        assert states(store, ada, ago(days)).get("", NEVER) is consents.state_at(store.db, ada, ago(days))


def test_what_a_file_tells_of_later_counts_from_the_day_it_speaks_of(store: Store) -> None:
    ada = contact(store, at=ago(90))
    say(store, ada, YES, ago(80))
    say(store, ada, NO, ago(30), recorded=ago(10))
    assert states(store, ada, ago(20)) == {"": NO}


def test_a_date_in_the_future_counts_from_when_it_was_recorded(store: Store) -> None:
    ada = contact(store, at=ago(90))
    say(store, ada, YES, ago(-30), recorded=ago(10))
    (held,) = ledger.at(store.db, ada, ago(5))
    assert (held.state, held.since) == (YES, ago(10))


def test_since_is_when_the_state_began_and_the_rest_is_what_was_said_last(store: Store) -> None:
    ada = contact(store, at=ago(90))
    say(store, ada, YES, ago(80), source="form")
    say(store, ada, YES, ago(70), source="counter")
    (then,) = ledger.at(store.db, ada, NOW)
    assert (then.since, then.source, then.wording, then.evidence) == (ago(80), "counter", "I agree", "form")
    assert ledger.now(store.db, ada) == [then]


def test_topics_are_held_apart(store: Store) -> None:
    ada = contact(store, at=ago(90))
    say(store, ada, YES, ago(80))
    say(store, ada, NO, ago(70), topic="events")
    assert states(store, ada, NOW) == {"": YES, "events": NO}


def test_before_their_merge_a_no_of_either_contact_is_the_persons(store: Store) -> None:
    ada, adele = contact(store, at=ago(90)), contact(store, "adele@example.com", at=ago(90))
    say(store, ada, YES, ago(80))
    say(store, adele, NO, ago(70))
    with store.transaction() as tx:
        merges.merge(tx, ada, adele, evidence="same phone", now=ago(50))
    say(store, ada, YES, ago(40), lifts=True)
    assert [states(store, ada, ago(days))[""] for days in (75, 60, 45, 30)] == [YES, NO, NO, YES]


def test_everybody_who_was_known_is_told_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_SLICE", 2)
    people = [contact(store, f"p{number}@example.com", at=ago(90 - number)) for number in range(5)]
    late = contact(store, "late@example.com", at=ago(1))
    say(store, people[1], YES, ago(80))
    say(store, people[2], NO, ago(80))
    say(store, late, YES, ago(60), recorded=ago(1))
    with store.transaction() as tx:
        merges.merge(tx, people[0], people[4], evidence="same phone", now=ago(2))
    told = {one.email: [held.state for held in one.held] for one in ledger.of_everybody(store.db, ago(50))}
    assert told == {
        "p0@example.com": [],
        "p1@example.com": [YES],
        "p2@example.com": [NO],
        "p3@example.com": [],
        "late@example.com": [YES],
    }


def test_everybody_takes_the_memory_of_a_slice(store: Store) -> None:
    ms = clock.to_ms(ago(90))
    with store.transaction() as tx:
        tx.executemany(
            "INSERT INTO contacts (id, key, email, source, created_at, updated_at) VALUES (?, ?, ?, 'test', ?, ?)",
            [(number, f"key{number}", f"p{number}@example.com", ms, ms) for number in range(1, 6_001)],
        )
        tx.execute(
            "INSERT INTO consents (contact_id, channel, topic, state, basis, occurred_at, recorded_at, source)"
            " SELECT id, 'email', '', 'subscribed', 'express', created_at, created_at, 'test' FROM contacts"
        )
    tracemalloc.start()
    found = sum(1 for one in ledger.of_everybody(store.db, NOW) if one.held[0].state is YES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 6_000
    assert peak < 6_000_000


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM consents",
        "UPDATE consents SET state = 'subscribed'",
        "UPDATE consents SET occurred_at = 0",
        "UPDATE consents SET evidence = 'better evidence'",
        "UPDATE consents SET address = 'other@example.com'",
    ],
)
def test_the_ledger_cannot_be_rewritten(store: Store, statement: str) -> None:
    say(store, contact(store), NO, ago(1))
    before = [tuple(row) for row in store.db.execute("SELECT * FROM consents")]
    with pytest.raises(sqlite3.IntegrityError), store.transaction() as tx:
        tx.execute(statement)
    assert [tuple(row) for row in store.db.execute("SELECT * FROM consents")] == before


def test_personal_data_in_the_ledger_can_be_blanked(store: Store) -> None:
    say(store, contact(store), NO, ago(1))
    with store.transaction() as tx:
        tx.execute("UPDATE consents SET address = NULL, wording = NULL, evidence = NULL")
    assert store.db.execute("SELECT address, state FROM consents").fetchone()[:] == (None, "unsubscribed")
