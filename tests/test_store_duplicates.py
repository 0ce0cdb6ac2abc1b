"""Who is proposed as one person, on what evidence, and who never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailflow.store import Store, duplicates, likeness, merges

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ANNA = {"first_name": "Anna", "last_name": "Huber"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield store


def add(store: Store, email: str | None = None, shop_id: str = "", **fields: str) -> int:
    """Write a contact; `shop_id` is `shop:customer id`."""
    with store.transaction() as tx:
        number = int(tx.execute("SELECT coalesce(max(id), 0) + 1 FROM contacts").fetchone()[0])
        names = ("id", "key", "email", "source", "created_at", "updated_at", *fields)
        marks = ", ".join("?" * len(names))
        values = (number, f"key{number}", email, "test", 0, 0, *fields.values())
        tx.execute(f"INSERT INTO contacts ({', '.join(names)}) VALUES ({marks})", values)
        if shop_id:
            shop, _, value = shop_id.partition(":")
            tx.execute("INSERT INTO identities VALUES ('customer_id', ?, ?, ?)", (shop, value, number))
    return number


def proposed(store: Store) -> list[tuple[str, set[str | None], tuple[str, ...]]]:
    with store.again() as own:
        found = duplicates.proposals(own.db)
    return [(str(each.strength), {each.keep.email, each.other.email}, each.evidence) for each in found]


A, B = "a@example.com", "b@firm.example"


@pytest.mark.parametrize(
    ("one", "other", "strength", "evidence"),
    [
        ({"phone": "+43 664 123 45 67"}, {"phone": "0664/1234567"}, "likely", "same phone: +43 664 123 45 67"),
        ({"phone": "0043 (0)664 1234567", **ANNA}, {"phone": "+436641234567", **ANNA}, "strong", "same phone"),
        (
            {"phone": "+43 664 1234567", "first_name": "Max", "last_name": "Huber"},
            {"phone": "+43 664 1234567", **ANNA},
            "possible",
            "same phone: +43 664 1234567, but other names",
        ),
        ({"birthday": "1984-03-07", **ANNA}, {"birthday": "1984-03-07", **ANNA}, "strong", "same birthday: 1984-03-07"),
        ({"postcode": "SW1A 1AA", **ANNA}, {"postcode": "sw1a1aa", **ANNA}, "likely", "same postcode: SW1A 1AA"),
        ({"company": "Bäckerei Huber", **ANNA}, {"company": "Baeckerei Huber", **ANNA}, "likely", "same company"),
        (
            {"postcode": "8010", "first_name": "Jürgen", "last_name": "Müller"},
            {"postcode": "8010", "first_name": "MUELLER", "last_name": "juergen"},
            "likely",
            "same name: Jürgen Müller",
        ),
    ],
)  # fmt: skip
def test_what_they_share_is_evidence(
    store: Store, one: dict[str, str], other: dict[str, str], strength: str, evidence: str
) -> None:
    add(store, A, **one)
    add(store, B, **other)
    ((found, who, why),) = proposed(store)
    assert (found, who) == (strength, {A, B})
    assert any(text.startswith(evidence) for text in why), why


@pytest.mark.parametrize(
    ("one", "other", "names", "strength", "evidence"),
    [
        ("anna@gmial.com", "anna@gmail.com", ANNA, "strong", "anna@gmial.com looks like a slip for anna@gmail.com"),
        ("anna@gmial.com", "anna@gmail.com", {}, "likely", "anna@gmial.com looks like a slip for anna@gmail.com"),
        ("anna.huber@gmail.com", "a.nnahuber+tea@googlemail.com", ANNA, "strong", "probably one mailbox"),
        ("anna@firm.example", "anna+shop@firm.example", {}, "likely", "probably one mailbox"),
        ("anna.huber@firm.example", "anna.hubre@firm.example", ANNA, "likely", "differ by one letter"),
        ("sunny77@gmx.at", "sunny77@web.de", ANNA, "likely", "the same before the @"),
    ],
)
def test_near_addresses_are_evidence(
    store: Store, one: str, other: str, names: dict[str, str], strength: str, evidence: str
) -> None:
    add(store, one, **names)
    add(store, other, **names)
    ((found, who, why),) = proposed(store)
    assert (found, who) == (strength, {one, other})
    assert evidence in why[-1]


def test_namesakes_and_strangers_are_never_proposed(store: Store) -> None:
    add(store, "anna.huber@gmail.com", **ANNA)
    add(store, "anna.huber@gmx.at", **ANNA)  # the name before the @ is but the name again
    add(store, "anna.huber1@gmx.at", **ANNA)  # a digit is no slip
    add(store, "anna.huber2@gmx.at", **ANNA)
    add(store, "huber@gmail.com", postcode="8010", **ANNA)
    add(store, "ah@firm.example", postcode="8020", birthday="1984-03-07", **ANNA)
    add(store, "other@firm.example", postcode="8010", birthday="1984-03-07", first_name="Anna")
    add(store, None, phone="000000000", **ANNA)
    add(store, None, phone="000000000", first_name="Eva", last_name="Berger")
    add(store, "max@gmial.com", first_name="Max", last_name="Huber")
    add(store, "max@gmail.com", first_name="Eva", last_name="Berger")
    assert proposed(store) == []


def test_one_customer_id_in_two_shops_needs_the_same_name(store: Store) -> None:
    add(store, A, "shopify:4711", **ANNA)
    add(store, B, "square:4711", **ANNA)
    add(store, "c@example.com", "square:4712", **ANNA)
    add(store, "d@example.com", "shopify:4712", first_name="Eva", last_name="Berger")
    ((strength, who, why),) = proposed(store)
    assert (strength, who) == ("likely", {A, B})
    assert why == ("same name: Anna Huber", "same customer id 4711 at shopify and at square")


def test_a_number_that_many_have_tells_nothing(store: Store) -> None:
    for number in range(7):
        add(store, f"p{number}@example.com", phone="+43 1 5123456")
    assert proposed(store) == []


def test_who_was_parted_is_not_proposed_again(store: Store) -> None:
    one, other = add(store, A, phone="+43 664 1234567"), add(store, B, phone="+43 664 1234567")
    with store.transaction() as tx:
        number = merges.merge(tx, one, other, evidence="", now=NOW)
    assert proposed(store) == []
    with store.transaction() as tx:
        merges.take_back(tx, number, now=NOW)
    assert proposed(store) == []


def test_the_surest_come_first_and_who_ordered_more_is_kept(store: Store) -> None:
    add(store, A, postcode="8010", **ANNA)
    keep = add(store, B, postcode="8010", **ANNA)
    add(store, "c@example.com", phone="+43 664 1234567", **ANNA)
    add(store, "d@example.com", phone="+43 664 1234567", **ANNA)
    with store.transaction() as tx:
        tx.execute("INSERT INTO contact_facts VALUES (?, 3, 0, 86400000)", (keep,))
        tx.execute("INSERT INTO contact_revenue VALUES (?, 'EUR', 12345)", (keep,))
    with store.again() as own:
        first, second = duplicates.proposals(own.db)
    assert (first.strength, second.strength) == ("strong", "likely")
    assert (second.keep.email, second.keep.orders, dict(second.keep.revenue)) == (B, 3, {"EUR": "123.45"})
    assert second.keep.last_order_at == datetime(1970, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+436641234567", "06641234567", True),
        ("+436641234567", "+436641234567", True),
        ("+436641234567", "+496641234567", False),
        ("06641234567", "6641234567", False),
        ("+4366412345678", "06641234567", False),
    ],
)
def test_numbers_are_equal_as_they_are_dialled(one: str, other: str, same: bool) -> None:
    assert likeness.same_number(one, other) is same
    assert likeness.same_number(other, one) is same


def test_names_agree_with_initials_and_second_names() -> None:
    assert likeness.agree(("A.", "Huber"), ("Anna", "Huber"))
    assert likeness.agree(("Anna Maria", "Huber"), ("Anna", "Huber"))
    assert likeness.agree((None, None), ("Anna", "Huber"))
    assert likeness.agree(("Dr. Anna", "Huber"), ("Anna", "Huber"))
    assert not likeness.agree(("Eva", "Huber"), ("Anna", "Huber"))


def test_a_proposal_is_plain_data(store: Store) -> None:
    one, other = add(store, A, **ANNA), add(store, B)
    pair = duplicates.of_pair(store.db, one, other)
    assert (pair.keep.email, pair.other.email, pair.points, pair.evidence) == (A, B, 0, ())
    assert json.dumps({"name": pair.keep.name, "orders": pair.keep.orders}) == '{"name": "Anna Huber", "orders": 0}'
