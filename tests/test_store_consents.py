"""The consent ledger: whatever comes in which order, a no is only lifted by somebody who may lift it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailflow.model import Basis, ConsentState
from mailflow.store import Store, consents
from mailflow.store.consents import ConsentEntry

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
SUBSCRIBED, UNSUBSCRIBED = ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED
PENDING, NEVER = ConsentState.PENDING, ConsentState.NEVER


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


def new_contact(store: Store, key: str = "a") -> int:
    with store.transaction() as tx:
        row = tx.execute(
            "INSERT INTO contacts (key, email, source, created_at, updated_at)"
            " VALUES (?, 'ada@example.com', 'test', 0, 0) RETURNING id",
            (key,),
        ).fetchone()
    return int(row["id"])


def entry(
    contact_id: int,
    state: ConsentState,
    basis: Basis = Basis.EXPRESS,
    *,
    lifts: bool = False,
    age: timedelta = timedelta(),
    address: str | None = "ada@example.com",
) -> ConsentEntry:
    return ConsentEntry(contact_id, state, basis, address, NOW - age, NOW, "test", lifts=lifts)


def say(store: Store, said: ConsentEntry) -> bool:
    with store.transaction() as tx:
        return consents.append(tx, said)


@pytest.mark.parametrize(
    ("before", "said", "basis", "lifts", "after"),
    [
        (NEVER, SUBSCRIBED, Basis.EXPRESS, False, SUBSCRIBED),
        (NEVER, SUBSCRIBED, Basis.PURCHASE, False, SUBSCRIBED),
        (NEVER, SUBSCRIBED, Basis.IMPLIED, False, SUBSCRIBED),
        (NEVER, SUBSCRIBED, Basis.UNKNOWN, False, NEVER),
        (NEVER, SUBSCRIBED, Basis.UNKNOWN, True, NEVER),
        (PENDING, SUBSCRIBED, Basis.UNKNOWN, False, PENDING),
        (PENDING, SUBSCRIBED, Basis.EXPRESS, False, SUBSCRIBED),
        (UNSUBSCRIBED, SUBSCRIBED, Basis.EXPRESS, False, UNSUBSCRIBED),
        (UNSUBSCRIBED, SUBSCRIBED, Basis.EXPRESS, True, SUBSCRIBED),
        (UNSUBSCRIBED, SUBSCRIBED, Basis.UNKNOWN, True, UNSUBSCRIBED),
        (UNSUBSCRIBED, PENDING, Basis.EXPRESS, True, UNSUBSCRIBED),
        (SUBSCRIBED, PENDING, Basis.EXPRESS, False, SUBSCRIBED),
        (NEVER, PENDING, Basis.UNKNOWN, False, PENDING),
        (NEVER, UNSUBSCRIBED, Basis.UNKNOWN, False, UNSUBSCRIBED),
        (SUBSCRIBED, UNSUBSCRIBED, Basis.UNKNOWN, False, UNSUBSCRIBED),
        (SUBSCRIBED, NEVER, Basis.UNKNOWN, True, NEVER),
        (SUBSCRIBED, NEVER, Basis.UNKNOWN, False, SUBSCRIBED),
        (UNSUBSCRIBED, NEVER, Basis.UNKNOWN, False, UNSUBSCRIBED),
    ],
)
def test_what_an_entry_makes_of_the_state(
    store: Store, before: ConsentState, said: ConsentState, basis: Basis, lifts: bool, after: ConsentState
) -> None:
    contact_id = new_contact(store)
    if before is not NEVER:
        say(store, entry(contact_id, before))
    took_effect = say(store, entry(contact_id, said, basis, lifts=lifts))
    assert consents.state_of(store.db, contact_id) is after
    assert took_effect or after is before
    assert consents.history(store.db, contact_id)[-1].state is said


def test_a_yes_of_an_earlier_date_that_arrives_after_a_no_changes_nothing(store: Store) -> None:
    contact_id = new_contact(store)
    say(store, entry(contact_id, UNSUBSCRIBED))
    say(store, entry(contact_id, SUBSCRIBED, age=timedelta(days=900)))
    assert consents.state_of(store.db, contact_id) is UNSUBSCRIBED


def test_a_no_of_an_earlier_date_that_arrives_after_a_yes_holds(store: Store) -> None:
    contact_id = new_contact(store)
    say(store, entry(contact_id, SUBSCRIBED))
    say(store, entry(contact_id, UNSUBSCRIBED, age=timedelta(days=900)))
    assert consents.state_of(store.db, contact_id) is UNSUBSCRIBED


def test_a_yes_for_a_new_address_moves_the_address_and_keeps_since(store: Store) -> None:
    contact_id = new_contact(store)
    say(store, entry(contact_id, SUBSCRIBED, age=timedelta(days=30)))
    say(store, entry(contact_id, SUBSCRIBED, Basis.PURCHASE, address="new@example.com"))
    standing = consents.standing(store.db, contact_id)
    assert standing is not None
    assert (standing.address, standing.basis) == ("new@example.com", Basis.PURCHASE)
    assert standing.since == NOW - timedelta(days=30)


def test_a_past_day_comes_from_the_ledger(store: Store) -> None:
    contact_id = new_contact(store)
    say(store, entry(contact_id, SUBSCRIBED, age=timedelta(days=30)))
    say(store, entry(contact_id, UNSUBSCRIBED, age=timedelta(days=10)))
    past = [consents.state_at(store.db, contact_id, NOW - timedelta(days=days)) for days in (31, 30, 11, 10, 0)]
    assert past == [NEVER, SUBSCRIBED, SUBSCRIBED, UNSUBSCRIBED, UNSUBSCRIBED]


def test_topics_and_channels_stand_on_their_own(store: Store) -> None:
    contact_id = new_contact(store)
    say(store, ConsentEntry(contact_id, SUBSCRIBED, Basis.EXPRESS, None, NOW, NOW, "test", topic="news"))
    assert consents.state_of(store.db, contact_id) is NEVER
    assert consents.state_of(store.db, contact_id, topic="news") is SUBSCRIBED
    assert consents.states_of(store.db, [contact_id, 99], topic="news") == {contact_id: SUBSCRIBED, 99: NEVER}


said = st.tuples(st.sampled_from(list(ConsentState)), st.sampled_from(list(Basis)), st.booleans(), st.integers(-5, 900))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(said, max_size=8))
def test_nobody_with_a_no_and_no_lifting_entry_after_it_is_subscribed(
    store: Store, entries: list[tuple[ConsentState, Basis, bool, int]]
) -> None:
    contact_id = new_contact(store, key=str(store.db.execute("SELECT count(*) FROM contacts").fetchone()[0]))
    for state, basis, lifts, days in entries:
        say(store, entry(contact_id, state, basis, lifts=lifts, age=timedelta(days=days)))
    holds = consents.state_of(store.db, contact_id)

    noes = [place for place, (state, *_) in enumerate(entries) if state is UNSUBSCRIBED]
    lifted = [place for place, (state, _, lifts, _) in enumerate(entries) if lifts and state in (SUBSCRIBED, NEVER)]
    if noes and not any(place > noes[-1] for place in lifted):
        assert holds is UNSUBSCRIBED
    if all(basis is Basis.UNKNOWN or state is not SUBSCRIBED for state, basis, *_ in entries):
        assert holds is not SUBSCRIBED
    assert len(consents.history(store.db, contact_id)) == len(entries)
    assert consents.state_at(store.db, contact_id, NOW) is holds
