"""What templates are told about people is plain, complete and read in a handful of queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from mailflow import templates
from mailflow.config import Settings
from mailflow.outbox import context
from mailflow.store import Store, scores
from mailflow.templates import context as shapes
from people import add_contact

NOW = datetime(2026, 3, 20, 23, 30, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "name": "Tea Room", "sender": {"name": "Mira", "email": "mira@tea.example"}, "currency": "EUR",
        "timezone": "Europe/Vienna", "address": "1 Tea Lane",
        "fields": {"favourite_tea": {"type": "text"}, "size": {"type": "number"}},
    }
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


def add(store: Store, email: str, **columns: object) -> int:
    with store.transaction() as tx:
        number = add_contact(tx, email, now=NOW)
        for name, value in columns.items():
            tx.execute(f"UPDATE contacts SET {name} = ? WHERE id = ?", (value, number))
    return number


def test_a_person_without_anything_has_every_name_and_nothing_in_it(store: Store) -> None:
    known = context.contact_context(store.db, add(store, "ada@example.com"), settings=SETTINGS, now=NOW)
    assert known["contact"]["email"] == "ada@example.com"
    assert known["contact"]["first_name"] is None
    assert known["contact"]["favourite_tea"] is None
    assert known["contact"]["segments"] == []
    assert known["contact"]["rfm"] is None
    assert known["contact"]["orders"] == {
        "count": 0,
        "revenue": Decimal("0.00"),
        "currency": "EUR",
        "first_at": None,
        "last_at": None,
    }
    assert known["today"] == date(2026, 3, 21)  # half past midnight in Vienna
    assert known["shop"]["address"] == "1 Tea Lane"


def test_real_people_and_the_sample_have_the_same_shape(store: Store) -> None:
    real = context.contact_context(store.db, add(store, "ada@example.com"), settings=SETTINGS, now=NOW)
    sample = context.sample_context(SETTINGS, NOW)
    documented = shapes.sample()
    assert real["contact"].keys() | {"timezone"} == sample["contact"].keys() | {"timezone"}
    assert real["shop"].keys() == documented["shop"].keys()
    assert documented["contact"]["orders"].keys() == real["contact"]["orders"].keys()
    assert documented.keys() - real.keys() == {"campaign", "unsubscribe_url"}  # they belong to a message


def test_blank_text_is_nothing_and_own_fields_stand_beside_the_built_in(store: Store) -> None:
    number = add(
        store,
        "ada@example.com",
        first_name="  ",
        attributes=json.dumps({"favourite_tea": "green", "city": "x", "note": ""}),
    )
    contact = context.contact_context(store.db, number, settings=SETTINGS, now=NOW)["contact"]
    assert contact["first_name"] is None
    assert contact["favourite_tea"] == "green"
    assert contact["note"] is None
    assert contact["city"] is None  # a column of the file cannot stand in for the contact's own


def test_orders_scores_and_segments(store: Store) -> None:
    one, two = add(store, "ada@example.com"), add(store, "bob@example.com")
    with store.transaction() as tx:
        tx.execute("INSERT INTO contact_facts VALUES (?, 3, 1704106800000, 1772319599000)", (one,))
        tx.execute("INSERT INTO contact_revenue VALUES (?, 'EUR', 12345)", (one,))
        tx.executemany("INSERT INTO contact_revenue VALUES (?, ?, 500)", [(two, "EUR"), (two, "JPY")])
        run = scores.begin(tx, scores.RFM, 1, as_of=date(2026, 3, 20), now=NOW, inputs={})
        scores.add_rfm(tx, run, [(one, 3, 3, 12345, "EUR", 5, 4, 3, "champions")])
        scores.finish(tx, run, now=NOW)
        unfinished = scores.begin(tx, scores.RFM, 1, as_of=date(2026, 3, 20), now=NOW, inputs={})
        scores.add_rfm(tx, unfinished, [(one, 3, 3, 12345, "EUR", 1, 1, 1, "hibernating")])
    known = context.contact_contexts(store.db, [one, two, 999], settings=SETTINGS, now=NOW, segments={"vip": {one}})
    assert known.keys() == {one, two}
    ada, bob = known[one]["contact"], known[two]["contact"]
    assert ada["orders"] == {
        "count": 3,
        "revenue": Decimal("123.45"),
        "currency": "EUR",
        "first_at": date(2024, 1, 1),
        "last_at": date(2026, 2, 28),
    }
    assert ada["rfm"] == {"class": "champions", "r": 5, "f": 4, "m": 3}
    assert ada["segments"] == ["vip"]
    assert bob["orders"]["revenue"] is None  # several currencies are never added up
    assert bob["segments"] == []


def test_who_looks_after_somebody_is_told_and_signs_the_mail(store: Store, tmp_path: Path) -> None:
    ann, bob = add(store, "ann@firm.example", owner="ANA@tea.example"), add(store, "bob@example.com")
    cleo = add(store, "cleo@firm.example")
    with store.transaction() as tx:
        tx.execute(
            "INSERT INTO owners (source, owner_id, name, email, title)"
            " VALUES ('plain', '7', 'Ana Ruiz', 'ana@tea.example', 'Tea')"
        )
        tx.execute(
            "INSERT INTO companies (source, company_id, name, name_key, domain, owner)"
            " VALUES ('plain', '1', 'Firm', 'firm', 'firm.example', '7')"
        )
    known = context.contact_contexts(store.db, [ann, bob, cleo], settings=SETTINGS, now=NOW)
    ana = {"name": "Ana Ruiz", "email": "ana@tea.example", "phone": None, "title": "Tea"}
    assert [known[number]["owner"] for number in (ann, bob, cleo)] == [ana, None, ana]
    (tmp_path / "hello.md").write_text(
        '---\nsubject: Hi\nfrom: "{{ owner.name | default(shop.name) }}"\n---\n'
        "{% if owner %}{{ owner.name }}, {{ owner.title }}{% endif %}\n"
    )
    template = templates.load(tmp_path, "hello")
    rendered = [template.render({**known[number], "campaign": {}, "unsubscribe_url": None}) for number in (ann, bob)]
    assert [each.from_name for each in rendered] == ["Ana Ruiz", "Tea Room"]
    assert "Ana Ruiz, Tea" in rendered[0].text


def test_however_many_people_take_five_queries(store: Store) -> None:
    ids = [add(store, f"p{number}@example.com") for number in range(30)]
    asked: list[str] = []
    store.db.set_trace_callback(asked.append)
    context.contact_contexts(store.db, ids, settings=SETTINGS, now=NOW)
    store.db.set_trace_callback(None)
    assert len(asked) == 5


def test_an_address_in_lines_stands_in_one_in_the_footer() -> None:
    lines = SETTINGS.model_copy(update={"address": "1 Tea Lane,\n  8010 Graz \n\nAustria\n"})
    assert context.shop_context(lines)["address"] == "1 Tea Lane, 8010 Graz, Austria"
