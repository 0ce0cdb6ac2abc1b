"""Two contacts that are one person: nothing is lost or counted twice, a no holds for both, and all of it goes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailflow import clock, policy
from mailflow.config.rates import Rates
from mailflow.model import Basis, ConsentState, MessageState
from mailflow.policy import Limits
from mailflow.store import Store, candidates, consents, contacts, facts, frames, merges, messages, past
from mailflow.store.candidates import Question
from mailflow.store.consents import ConsentEntry
from mailflow.store.events import Event
from mailflow.tokens import Keys
from mailflow.tracking.record import record
from people import add_contact, add_message
from shop import Order, at, keep_orders

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
VIENNA = ZoneInfo("Europe/Vienna")
SUBSCRIBED, UNSUBSCRIBED, NEVER = ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED, ConsentState.NEVER
RATES = Rates()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.load_or_create(tmp_path / "keys.json")


def people(store: Store, *said: ConsentState | None) -> list[int]:
    """Write p0@, p1@ … with what they said; return their ids."""
    with store.transaction() as tx:
        return [add_contact(tx, f"p{n}@example.com", now=NOW, consent=each) for n, each in enumerate(said)]


def merge(store: Store, kept: int, merged: int, now: datetime = NOW) -> int:
    with store.transaction() as tx:
        return merges.merge(tx, kept, merged, evidence="same phone", now=now)


def part(store: Store, merge_id: int, now: datetime = NOW) -> None:
    with store.transaction() as tx:
        merges.take_back(tx, merge_id, now=now)


def state(store: Store, contact: int, topic: str = "") -> ConsentState:
    return consents.state_of(store.db, contact, topic=topic)


def say(store: Store, contact: int, said: ConsentState, address: str | None, *, lifts: bool = False) -> None:
    with store.transaction() as tx:
        consents.append(tx, ConsentEntry(contact, said, Basis.EXPRESS, address, NOW, NOW, "owner", lifts=lifts))


def unsubscribe(store: Store, keys: Keys, contact: int, address: str | None) -> None:
    with store.transaction() as tx:
        number = tx.execute("SELECT count(*) FROM events").fetchone()[0]
        event = Event("unsubscribed", "web", str(number), NOW, NOW, contact, {"address": address})
        record(tx, event, keys=keys)


def rows_of(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table that a merge and its undoing leave as they were."""
    tables = ("contacts", "identities", "contact_facts", "contact_revenue", "orders", "messages", "events")
    return {name: [tuple(row) for row in store.db.execute(f"SELECT * FROM {name} ORDER BY 1, 2")] for name in tables}


# Orders -------------------------------------------------------------------------------------------------------


def test_the_kept_facts_are_those_of_the_whole_person(store: Store) -> None:
    day = timedelta(days=1)
    ids = keep_orders(
        store,
        [
            Order("ann", NOW, 1000),
            Order("anna", NOW + day, 500, refunds=((NOW + day, 200),)),
            Order("anna", NOW, 99, "USD"),
        ],
    )
    before = rows_of(store)
    number = merge(store, ids["ann"], ids["anna"])
    kept = facts.kept(store.db)
    assert kept == facts.counted(store.db)
    assert kept.orders == {ids["ann"]: (3, clock.to_ms(NOW), clock.to_ms(NOW + day))}
    assert kept.revenue == {(ids["ann"], "EUR"): 1300, (ids["ann"], "USD"): 99}
    assert rows_of(store)["orders"] == before["orders"]
    part(store, number)
    assert rows_of(store) == before


def test_scores_of_today_and_of_a_past_day_count_the_person_once(store: Store) -> None:
    ids = keep_orders(
        store,
        [
            Order("ann", at("2026-01-10", VIENNA), 1000),
            Order("anna", at("2026-02-10", VIENNA), 500, refunds=((at("2026-03-15", VIENNA), 200),)),
            Order("bob", at("2026-02-20", VIENNA), 700),
        ],
    )
    merge(store, ids["ann"], ids["anna"])
    expected = {"2026-03-20": (2, 1300), "2026-03-01": (2, 1500), "2026-02-01": (1, 1000)}
    for day, (count, revenue) in expected.items():
        until = clock.to_ms(at(day, VIENNA, 0))
        found = frames.population(store.db, until=until, currency="EUR", rates=RATES, day=date.fromisoformat(day))
        by_contact = dict(
            zip(found.contact_ids.tolist(), zip(found.frequency, found.monetary_minor, strict=True), strict=True)
        )
        assert by_contact[ids["ann"]] == (count, revenue)
        assert ids["anna"] not in by_contact
        with past.seen(store, until=until) as db:
            assert facts.kept(db).orders[ids["ann"]][0] == count
            assert facts.kept(db).revenue[ids["ann"], "EUR"] == revenue


def test_one_contact_is_merged_once_and_into_somebody_else(store: Store) -> None:
    a, b, c = people(store, None, None, None)
    merge(store, a, b)
    for kept, merged in ((a, a), (c, b), (b, c), (a, b), (a, 99)):
        with pytest.raises(ValueError, match="only two different people"):
            merge(store, kept, merged)


def test_chains_lead_straight_to_who_they_are(store: Store) -> None:
    a, b, c = people(store, None, None, None)
    first, second = merge(store, b, a), merge(store, c, b)
    led = {row["id"]: row["merged_into"] for row in store.db.execute("SELECT id, merged_into FROM contacts")}
    assert led == {a: c, b: c, c: None}
    assert set(contacts.whole(store.db, a)) == {a, b, c}
    part(store, second)
    led = {row["id"]: row["merged_into"] for row in store.db.execute("SELECT id, merged_into FROM contacts")}
    assert led == {a: b, b: None, c: None}
    part(store, first)
    assert merges.is_whole(store.db)
    with pytest.raises(ValueError, match="no merge 1 that stands"):
        part(store, first)


# Fields -------------------------------------------------------------------------------------------------------


def test_blank_fields_are_filled_and_made_blank_again(store: Store) -> None:
    a, b = people(store, None, None)
    with store.transaction() as tx:
        tx.execute(
            "UPDATE contacts SET first_name = 'Ann', email = NULL, attributes = '{\"size\":\"M\"}' WHERE id = ?", (a,)
        )
        tx.execute(
            "UPDATE contacts SET first_name = 'Anna', city = 'Graz', phone = '123456', attributes = ? WHERE id = ?",
            ('{"size":"L","tea":"green"}', b),
        )
    before = rows_of(store)
    number = merge(store, a, b)
    row = store.db.execute("SELECT * FROM contacts WHERE id = ?", (a,)).fetchone()
    assert (row["email"], row["first_name"], row["city"], row["phone"]) == ("p1@example.com", "Ann", "Graz", "123456")
    assert row["attributes"] == '{"size":"M","tea":"green"}'
    with store.transaction() as tx:
        tx.execute("UPDATE contacts SET phone = '999' WHERE id = ?", (a,))
    part(store, number)
    changed = rows_of(store)
    assert store.db.execute("SELECT phone FROM contacts WHERE id = ?", (a,)).fetchone()[0] == "999"
    assert changed["identities"] == before["identities"]
    with store.transaction() as tx:
        tx.execute("UPDATE contacts SET phone = NULL WHERE id = ?", (a,))
    assert rows_of(store) == before


def test_what_another_merge_would_have_filled_is_filled_then(store: Store) -> None:
    a, b, c, d = people(store, None, None, None, None)
    with store.transaction() as tx:
        for contact, city in ((b, "Graz"), (c, "Linz")):
            tx.execute("UPDATE contacts SET city = ? WHERE id = ?", (city, contact))
    first = merge(store, a, b)
    merge(store, a, c)
    merge(store, d, a)
    city = "SELECT city FROM contacts WHERE id = ?"
    assert store.db.execute(city, (d,)).fetchone()[0] == "Graz"
    part(store, first)
    assert [store.db.execute(city, (each,)).fetchone()[0] for each in (a, d)] == ["Linz", "Linz"]


# Consent ------------------------------------------------------------------------------------------------------


def test_a_no_of_either_holds_and_goes_again(store: Store) -> None:
    a, b = people(store, SUBSCRIBED, UNSUBSCRIBED)
    number = merge(store, a, b)
    assert state(store, a) is UNSUBSCRIBED
    entry = consents.history(store.db, a)[-1]
    assert (entry.source, entry.address) == ("merge", "p1@example.com")
    assert entry.evidence == "merge 1: said by p1@example.com (from test)"
    part(store, number)
    held = consents.standing(store.db, a)
    assert held is not None
    assert (held.state, held.basis, held.address) == (SUBSCRIBED, Basis.EXPRESS, "p0@example.com")
    assert state(store, b) is UNSUBSCRIBED
    assert consents.state_at(store.db, a, NOW) is SUBSCRIBED


def test_the_kept_ones_no_holds_for_both_and_stays(store: Store) -> None:
    a, b = people(store, UNSUBSCRIBED, SUBSCRIBED)
    number = merge(store, a, b)
    assert state(store, a) is UNSUBSCRIBED
    part(store, number)
    assert (state(store, a), state(store, b)) == (UNSUBSCRIBED, SUBSCRIBED)


def test_a_newer_no_outlives_the_merge(store: Store, keys: Keys) -> None:
    a, b = people(store, SUBSCRIBED, UNSUBSCRIBED)
    number = merge(store, a, b)
    unsubscribe(store, keys, a, "p0@example.com")
    part(store, number)
    assert state(store, a) is UNSUBSCRIBED


def test_a_yes_of_the_person_since_is_not_undone_by_the_old_no(store: Store) -> None:
    a, b, c = people(store, SUBSCRIBED, UNSUBSCRIBED, None)
    first, second = merge(store, a, b), merge(store, a, c)
    say(store, a, SUBSCRIBED, "p0@example.com", lifts=True)
    part(store, second)
    assert state(store, a) is SUBSCRIBED
    part(store, first)
    assert (state(store, a), state(store, b)) == (SUBSCRIBED, UNSUBSCRIBED)


def test_a_no_to_one_topic_is_carried_as_such(store: Store) -> None:
    a, b = people(store, SUBSCRIBED, SUBSCRIBED)
    with store.transaction() as tx:
        no = ConsentEntry(b, UNSUBSCRIBED, Basis.UNKNOWN, None, NOW, NOW, "web", topic="events")
        consents.append(tx, no)
    number = merge(store, a, b)
    assert (state(store, a), state(store, a, "events")) == (SUBSCRIBED, UNSUBSCRIBED)
    part(store, number)
    assert (state(store, a), state(store, a, "events")) == (SUBSCRIBED, NEVER)


def test_a_no_to_an_old_message_of_the_merged_one_holds_for_the_person(store: Store, keys: Keys) -> None:
    a, b, c = people(store, SUBSCRIBED, SUBSCRIBED, SUBSCRIBED)
    merge(store, b, c)
    number = merge(store, a, b)
    unsubscribe(store, keys, c, "p2@example.com")
    assert {state(store, each) for each in (a, b, c)} == {UNSUBSCRIBED}
    part(store, number)
    assert [state(store, each) for each in (a, b, c)] == [SUBSCRIBED, UNSUBSCRIBED, UNSUBSCRIBED]


def test_a_no_said_meanwhile_goes_to_whose_address_it_was_for(store: Store, keys: Keys) -> None:
    a, b, c = people(store, SUBSCRIBED, SUBSCRIBED, SUBSCRIBED)
    merge(store, b, c)
    number = merge(store, a, b)
    unsubscribe(store, keys, a, "P2@example.com")
    part(store, number)
    assert [state(store, each) for each in (a, b, c)] == [UNSUBSCRIBED] * 3
    assert consents.history(store.db, c)[-1].address == "P2@example.com"


def test_the_no_of_another_who_is_still_merged_stays(store: Store) -> None:
    a, b, c, d = people(store, SUBSCRIBED, UNSUBSCRIBED, UNSUBSCRIBED, SUBSCRIBED)
    first, second = merge(store, a, b), merge(store, a, c)
    third = merge(store, d, a)
    part(store, first)
    assert (state(store, a), state(store, d)) == (UNSUBSCRIBED, UNSUBSCRIBED)
    part(store, second)
    assert (state(store, a), state(store, d)) == (SUBSCRIBED, SUBSCRIBED)
    part(store, third)
    assert (state(store, a), state(store, d)) == (SUBSCRIBED, SUBSCRIBED)


def test_a_yes_comes_along_with_the_address_it_is_for(store: Store) -> None:
    a, b, c = people(store, None, SUBSCRIBED, None)
    with store.transaction() as tx:
        tx.execute("UPDATE contacts SET email = NULL WHERE id = ?", (a,))
    number = merge(store, a, b)
    held = consents.standing(store.db, a)
    assert held is not None
    assert (held.state, held.address) == (SUBSCRIBED, "p1@example.com")
    part(store, number)
    assert state(store, a) is NEVER
    merge(store, c, b)
    assert state(store, c) is NEVER, "a yes for another address says nothing about this one"


# Mail ---------------------------------------------------------------------------------------------------------


def test_what_either_got_counts_against_the_caps_of_the_person(store: Store, keys: Keys) -> None:
    a, b = people(store, SUBSCRIBED, SUBSCRIBED)
    hour = timedelta(hours=1)
    with store.transaction() as tx:
        add_message(tx, b, "p1@example.com", now=NOW, state=MessageState.ACCEPTED, settled=hour)
        add_message(tx, b, "p1@example.com", now=NOW, state=MessageState.ARMED, armed=hour)
        add_message(tx, a, "p0@example.com", now=NOW, state=MessageState.ACCEPTED, settled=50 * hour)
    number = merge(store, a, b)
    (candidate,) = candidates.for_contacts(store.db, keys, [a], Question("campaign:spring"), now=NOW)
    assert (candidate.sent_day, candidate.sent_week) == (2, 3)
    part(store, number)
    (candidate,) = candidates.for_contacts(store.db, keys, [a], Question("campaign:spring"), now=NOW)
    assert (candidate.sent_day, candidate.sent_week) == (0, 1)


def test_a_message_that_waits_for_a_merged_contact_does_not_go(store: Store, keys: Keys) -> None:
    a, b = people(store, SUBSCRIBED, SUBSCRIBED)
    with store.transaction() as tx:
        waiting = add_message(tx, b, "p1@example.com", now=NOW)
    number = merge(store, a, b)
    (candidate,) = candidates.for_messages(store.db, keys, [waiting], now=NOW)
    assert policy.decide(candidate, Limits(), NOW).code == "merged"
    part(store, number)
    (candidate,) = candidates.for_messages(store.db, keys, [waiting], now=NOW)
    assert policy.decide(candidate, Limits(), NOW).allowed


@pytest.mark.parametrize("theirs", [MessageState.ACCEPTED, MessageState.IN_DOUBT, MessageState.ASSUMED_SENT])
def test_who_got_it_under_another_address_does_not_get_it_again(store: Store, keys: Keys, theirs: MessageState) -> None:
    a, b = people(store, SUBSCRIBED, SUBSCRIBED)
    with store.transaction() as tx:
        waiting = add_message(tx, a, "p0@example.com", now=NOW)
        other = add_message(tx, b, "p1@example.com", now=NOW, state=theirs, settled=timedelta(days=9))
        tx.execute("UPDATE messages SET occurrence = '' WHERE id IN (?, ?)", (waiting, other))
    merge(store, a, b)
    (candidate,) = candidates.for_messages(store.db, keys, [waiting], now=NOW)
    assert policy.decide(candidate, Limits(), NOW).code == "already_sent"
    assert messages.states_of(store.db, "campaign:spring", [a])[a][0] is theirs


# Whatever the order --------------------------------------------------------------------------------------------

SIZE = 6
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)),
        st.tuples(st.just("part"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("order"), st.integers(0, SIZE - 1), st.integers(1, 500)),
        st.tuples(st.just("no"), st.integers(0, SIZE - 1), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nothing_is_lost_by_any_merges_and_partings(
    steps: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("merges")
    keys = Keys.load_or_create(folder / "keys.json")
    with Store.create(folder / "mailflow.db") as store:
        ids = people(store, *[SUBSCRIBED] * SIZE)
        said_no: set[int] = set()
        total = 0
        for what, one, two in steps:
            match what:
                case "merge":
                    kept, merged = (contacts.whole(store.db, ids[each])[0] for each in (one, two))
                    if kept != merged:
                        merge(store, kept, merged)
                case "part":
                    standing = [each.id for each in merges.all_of_them(store.db) if each.undone_at is None]
                    if standing:
                        part(store, standing[one % len(standing)])
                case "order":
                    total += two
                    _order(store, ids[one], two)
                case "no":
                    said_no.add(ids[one])
                    unsubscribe(store, keys, ids[one], f"p{one}@example.com")
            _check(store, total, said_no)
        for each in merges.all_of_them(store.db):
            if each.undone_at is None:
                part(store, each.id)
        _check(store, total, said_no)
        assert {each for each in ids if state(store, each) is UNSUBSCRIBED} == said_no
        assert {
            row[0] for row in store.db.execute("SELECT contact_id FROM consent_states WHERE state = 'subscribed'")
        } == set(ids) - said_no


def _order(store: Store, contact: int, minor: int) -> None:
    """Write an order of a contact as an import does: of who they are now."""
    with store.transaction() as tx:
        person = contacts.whole(tx, contact)[0]
        number = tx.execute(
            "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
            " SELECT 'test', count(*), ?, 'paid', 0, ?, 'EUR', 0 FROM orders RETURNING id",
            (person, minor),
        ).fetchone()[0]
        facts.add_orders(tx, number, number, refunds=False)


def _check(store: Store, total: int, said_no: set[int]) -> None:
    kept = facts.kept(store.db)
    assert kept == facts.counted(store.db)
    assert sum(kept.revenue.values()) == total
    assert merges.is_whole(store.db)
    merged = {row["id"] for row in store.db.execute("SELECT id FROM contacts WHERE merged_into IS NOT NULL")}
    assert merged.isdisjoint(kept.orders)
    for contact in said_no:
        assert state(store, contacts.whole(store.db, contact)[0]) is UNSUBSCRIBED
