"""One time-ordered list of everything around a person, read through indexes, however long their life is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.addresses import normalise
from mailflow.jobs import profile, who
from mailflow.jobs.profile import Part, Profile
from mailflow.model import Basis, ConsentState, MessageState, SuppressionReason
from mailflow.store import Connection, Store, consents, contacts, merges, scores, suppressions, timeline
from mailflow.store.consents import ConsentEntry
from mailflow.store.events import Event, insert
from mailflow.store.timeline import What
from mailflow.tokens import Keys
from people import add_contact, add_message

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ADA, ADELE = "ada@example.com", "adele@example.com"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.load_or_create(tmp_path / "keys.json")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def add_order(tx: Connection, contact_id: int, number: str, at: datetime, *, refund: datetime | None = None) -> None:
    row = tx.execute(
        "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
        " VALUES ('webshop', ?, ?, 'paid', ?, 4250, 'EUR', 0) RETURNING id",
        (number, contact_id, clock.to_ms(at)),
    ).fetchone()
    tx.execute(
        "INSERT INTO order_lines (order_id, title, quantity, price_minor)"
        " VALUES (?, 'Green tea', 2, 1250), (?, 'Mug', 1, 1750)",
        (row["id"], row["id"]),
    )
    if refund is not None:
        tx.execute(
            "INSERT INTO refunds (order_id, source_id, refunded_at, amount_minor) VALUES (?, 'r', ?, 1750)",
            (row["id"], clock.to_ms(refund)),
        )


def add_life(tx: Connection, keys: Keys) -> int:
    """Write a person about whom every noun knows something; return the contact."""
    ada = add_contact(tx, ADA, now=ago(50), consent=ConsentState.SUBSCRIBED)
    add_order(tx, ada, "#1", ago(40), refund=ago(30))
    insert(tx, Event("product_viewed", "website", "e1", ago(45), ago(45), ada, {"product": "Green tea"}))
    insert(tx, Event("unsubscribed", "website", "e2", ago(10), ago(10), ada))
    consents.append(tx, ConsentEntry(ada, ConsentState.UNSUBSCRIBED, Basis.UNKNOWN, ADA, ago(10), ago(10), "website"))
    tx.execute(
        "INSERT INTO statements (contact_id, field, value, question, stated_at, source)"
        " VALUES (?, 'tea', 'green', 'Which?', ?, 'survey')",
        (ada, clock.to_ms(ago(20))),
    )
    add_message(tx, ada, ADA, now=ago(15), state=MessageState.ACCEPTED, settled=timedelta(0))
    suppressions.suppress(tx, keys, normalise(ADA), SuppressionReason.MANUAL, source="owner", now=ago(5))
    suppressions.lift(tx, keys, normalise(ADA), now=ago(4))
    tx.execute(
        "INSERT INTO imports (id, file, sha256, noun, tool, state, started_at)"
        " VALUES (1, '/in/orders.csv', '', 'orders', 'plain', 'done', ?)",
        (clock.to_ms(ago(39)),),
    )
    tx.execute("INSERT INTO import_changes (import_id, noun, first_id, last_id) VALUES (1, 'orders', 1, 1)")
    run = scores.begin(tx, scores.RFM, 1, as_of=ago(3).date(), now=ago(3), inputs={})
    scores.add_rfm(tx, run, [(ada, 37, 1, 2500, "EUR", 5, 1, 3, "new_customers")])
    scores.finish(tx, run, now=ago(3))
    return ada


def test_everything_of_all_nouns_is_one_list_in_time_order(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        ada = add_life(tx, keys)
    told = [(str(moment.what), moment.source, moment.text) for moment in timeline.of_person(store.db, keys, [ada])]
    assert told == [
        ("consent", "test", "subscribed (basis express)"),
        ("event", "website", "product_viewed: Green tea"),
        ("order", "webshop", "#1 placed: 42.50 EUR, paid"),
        ("import", "plain", "orders.csv: 1 order"),
        ("refund", "webshop", "#1: 17.50 EUR"),
        ("statement", "survey", "said tea: green (Which?)"),
        ("message", "mailflow", "campaign:spring: accepted"),
        ("consent", "website", "unsubscribed"),
        ("suppression", "owner", "ada@example.com suppressed, manual"),
        ("suppression", "owner", "ada@example.com no longer suppressed, manual"),
        ("score", "mailflow", "class new_customers (R 5, F 1, M 3) as of 2026-03-17"),
    ]


def test_an_order_has_its_lines_and_amounts_are_text_beside_a_currency(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        ada = add_life(tx, keys)
    (order,) = [one for one in timeline.of_person(store.db, keys, [ada]) if one.what is What.ORDER]
    assert json.loads(json.dumps(order.details)) == {
        "order_id": "#1",
        "status": "paid",
        "total": "42.50",
        "currency": "EUR",
        "lines": [
            {"title": "Green tea", "product_id": None, "sku": None, "quantity": 2, "price": "12.50", "currency": "EUR"},
            {"title": "Mug", "product_id": None, "sku": None, "quantity": 1, "price": "17.50", "currency": "EUR"},
        ],
    }


def test_an_opt_out_of_the_old_tool_that_the_ledger_lacks_is_shown(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        ada = add_contact(tx, ADA, now=NOW)
        insert(tx, Event("unsubscribed", "mailchimp", "e", ago(9), NOW, ada))
    assert [moment.text for moment in timeline.of_person(store.db, keys, [ada])] == ["unsubscribed"]


def test_merged_contacts_have_one_list_and_one_sum(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        ada, adele = (add_contact(tx, email, now=ago(90)) for email in (ADA, ADELE))
        add_order(tx, ada, "#1", ago(40))
        add_order(tx, adele, "#2", ago(20))
        merges.merge(tx, ada, adele, evidence="same phone", now=NOW)
    known = profile.of_contact(store.db, keys, who.find(store.db, keys, ADELE), Part(), now=NOW)
    assert known.contact.id == ada
    assert [moment.text for moment in known.timeline] == [
        "#1 placed: 42.50 EUR, paid",
        "#2 placed: 42.50 EUR, paid",
        "adele@example.com merged into ada@example.com: same phone",
    ]
    assert [one["value"] for one in known.identities] == [ADA, ADELE]
    assert known.orders is not None
    assert (known.orders.count, known.orders.revenue) == (2, {"EUR": "85.00"})


def test_a_change_of_class_is_told_when_it_was_first_seen(store: Store, keys: Keys) -> None:
    classes = ["new_customers", "new_customers", "hibernating", "hibernating", "champions", "champions"]
    with store.transaction() as tx:
        ada, before = add_contact(tx, ADA, now=ago(90)), None
        for number, name in enumerate(classes):
            day = ago(20 - number)
            run = scores.begin(tx, scores.RFM, 1, as_of=day.date(), now=day, inputs={})
            scores.add_rfm(tx, run, [(ada, 1, 1, 100, "EUR", 1, 1, 1, name)])
            if before is not None:
                scores.add_moves(tx, run, since=before, first=1, last=ada)
            scores.finish(tx, run, now=day)
            scores.sweep(tx, run, first=1, last=ada)
            before = run
    assert [(moment.at, moment.text.split(" as of")[0]) for moment in timeline.of_person(store.db, keys, [ada])] == [
        (ago(18), "class new_customers → hibernating"),
        (ago(16), "class hibernating → champions"),
        (ago(15), "class champions (R 1, F 1, M 1)"),
    ]
    assert store.db.execute("SELECT count(*) FROM rfm_scores").fetchone()[0] == 1


def of_ada(store: Store, keys: Keys, part: Part) -> Profile:
    return profile.of_contact(store.db, keys, who.find(store.db, keys, ADA), part, now=NOW)


def test_a_part_of_it_is_the_latest_of_what_is_meant(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        add_life(tx, keys)
    shown = of_ada(store, keys, Part(since=ago(30), sorts=profile.sorts("orders,message"), limit=1))
    assert [str(moment.what) for moment in shown.timeline] == ["message"]
    assert shown.earlier == 1


def test_one_person_is_read_without_scanning_a_table(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        ada = add_life(tx, keys)
        merges.merge(tx, ada, add_contact(tx, ADELE, now=NOW), evidence="same phone", now=NOW)
        tx.execute("INSERT INTO identities VALUES ('customer_id', 'webshop', '4711', ?)", (ada,))
    scans = {step for said in (ADA, "4711") for step in _scanned(store, keys, said)}
    assert scans - _NO_TABLES == set()


def of_anybody(store: Store, keys: Keys, text: str) -> Profile:
    return profile.of_contact(store.db, keys, who.find(store.db, keys, text), Part(), now=NOW)


# What is scanned and is no table of the shop's: lists of ids, parts of the very question, and the team.
_NO_TABLES = {"json_each", "up", "person", "shops", "held", "owners", "CONSTANT", "(subquery-2)", "asked"}


def _scanned(store: Store, keys: Keys, said: str) -> Iterator[str]:
    """Yield what the plans of everything that is asked about one person scan."""
    asked: list[str] = []
    store.db.set_trace_callback(asked.append)
    of_anybody(store, keys, said)
    store.db.set_trace_callback(None)
    assert len(asked) > 20
    for statement in asked:
        for step in store.db.execute(f"EXPLAIN QUERY PLAN {statement}"):
            if step["detail"].startswith("SCAN"):
                yield step["detail"].split()[1]


def test_ten_thousand_events_are_read_in_about_a_second(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        ada = add_contact(tx, ADA, now=NOW)
        tx.execute(
            "INSERT INTO imports (id, file, sha256, noun, tool, state, started_at)"
            " VALUES (1, 'e.csv', '', 'events', 'plain', 'done', 0)"
        )
        tx.executemany(
            "INSERT INTO import_changes (import_id, noun, first_id, last_id) VALUES (1, 'events', ?, ?)",
            [(first, first + 99) for first in range(1, 10_001, 100)],
        )
        tx.executemany(
            "INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at)"
            " VALUES (?, 'page_viewed', 'web', ?, ?, 0)",
            [(ada, str(number), number) for number in range(10_000)],
        )
    begun = clock.monotonic()
    shown = of_ada(store, keys, Part(limit=100))
    assert clock.monotonic() - begun < 5  # half a second here
    assert (len(shown.timeline), shown.earlier) == (100, 9_901)


def test_no_statement_of_a_profile_writes(store: Store, keys: Keys, tmp_path: Path) -> None:
    with store.transaction() as tx:
        add_life(tx, keys)
    store.db.execute("PRAGMA query_only = ON")
    try:
        of_ada(store, keys, Part())
    except sqlite3.OperationalError as error:
        pytest.fail(str(error))


@pytest.mark.parametrize(("said", "meant"), [("key1", 1), ("4711", 1), ("webshop:4711", 1), ("+43 664 1234567", 1)])
def test_a_person_is_found_by_any_key(store: Store, keys: Keys, said: str, meant: int) -> None:
    with store.transaction() as tx:
        ada = add_contact(tx, ADA, now=NOW)
        rows = [("customer_id", "webshop", "4711", ada), ("phone", "", "+436641234567", ada)]
        tx.executemany("INSERT INTO identities VALUES (?, ?, ?, ?)", rows)
    assert who.find(store.db, keys, said).id == meant


def test_whole_holds_everybody_who_is_one_person(store: Store) -> None:
    with store.transaction() as tx:
        ids = [add_contact(tx, f"p{number}@example.com", now=NOW) for number in range(4)]
        tx.execute("UPDATE contacts SET merged_into = ? WHERE id IN (?, ?)", (ids[0], ids[1], ids[2]))
    assert contacts.whole(store.db, ids[2]) == (ids[0], ids[1], ids[2])
    assert contacts.whole(store.db, ids[3]) == (ids[3],)
    assert contacts.whole(store.db, 999) == ()


def test_messages_of_merged_contacts_are_one_persons(store: Store) -> None:
    with store.transaction() as tx:
        ada, adele = (add_contact(tx, email, now=ago(90)) for email in (ADA, ADELE))
        later, earlier = add_message(tx, ada, ADA, now=ago(1)), add_message(tx, adele, ADELE, now=ago(2))
        merges.merge(tx, ada, adele, evidence="same phone", now=NOW)
    found = timeline.messages_of(store.db, adele)
    assert [row["id"] for row in found] == [earlier, later]
