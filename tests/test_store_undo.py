"""Undo in every order: nothing refers to what is gone, kept facts hold, and what was taken back is told."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_shop import ImportShop
from mailflow.importers import ImportResult, Noun
from mailflow.model import ConsentState
from mailflow.store import origins

HEADER = "order id,email,date,total,currency,status\n"
LINES = "order id,email,date,product,category,quantity,price\n"
VIEWS = "event,visitor id,email,timestamp,url\n"


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path)


def test_an_order_that_moved_between_people_is_undone_in_any_sequence(tmp_path: Path) -> None:
    rows = ["50.00,EUR,paid", "60.00,USD,paid", "60.00,USD,cancelled"]
    people = ["a@example.com", "b@example.com", "c@example.com"]
    for number, sequence in enumerate(permutations(range(3))):
        folder = tmp_path / str(number)
        folder.mkdir()
        shop = ImportShop(folder)
        results = [
            shop.take(f"{HEADER}1,{person},2026-01-01,{row}\n", name=f"{row[:2]}{person[0]}.csv")
            for person, row in zip(people, rows, strict=True)
        ]
        for each in sequence:
            shop.undo(results[each])
            assert shop.rows("PRAGMA foreign_key_check") == []


def test_undo_tells_of_fields_and_of_consent(shop: ImportShop) -> None:
    shop.take("email,city\nann@example.com,Wien\nbo@example.com,Graz\n", name="first.csv")
    second = shop.take("email,city,newsletter\nann@example.com,Linz,yes\nbo@example.com,Graz,yes\n", name="second.csv")
    undone = shop.undo(second)
    assert (undone.contacts, undone.changed_contacts, undone.consents) == (0, 1, 2)


def test_what_had_to_stay_goes_when_the_newer_import_is_undone(shop: ImportShop) -> None:
    first = shop.take(f"{HEADER}1,ann@example.com,2026-01-01,50.00,EUR,paid\n", name="first.csv")
    second = shop.take(f"{HEADER}1,ann@example.com,2026-01-01,60.00,EUR,paid\n", name="second.csv")
    assert shop.undo(first).kept_orders == 1
    assert shop.rows("SELECT total_minor FROM orders") == [(6000,)]
    undone = shop.undo(second)
    assert (undone.orders, undone.kept_orders, undone.earlier) == (1, 0, 2)  # the order, and who had none but this
    assert shop.rows("SELECT id FROM orders") == shop.rows("SELECT id FROM contacts") == []
    assert shop.rows("SELECT * FROM undo_left") == []


def test_a_yes_of_an_import_that_is_undone_does_not_come_back(shop: ImportShop) -> None:
    shop.take("email\nann@example.com\n", name="list.csv", noun=Noun.CONTACTS)
    weak = shop.take("email,newsletter,signed up\nann@example.com,yes,\n", name="weak.csv")
    with shop.store.transaction() as tx:  # as if that file's yes were only implied
        tx.execute("UPDATE consent_states SET basis = 'implied'")
    strong = shop.take("email,newsletter\nann@example.com,yes\n", name="strong.csv")
    assert strong.updated == 1
    shop.undo(weak)
    assert shop.state("ann@example.com") is ConsentState.SUBSCRIBED
    shop.undo(strong)
    assert shop.state("ann@example.com") is ConsentState.NEVER


@pytest.mark.parametrize("turns", [(0, 1), (1, 0)])
def test_a_field_comes_from_where_it_came_before_what_is_undone(shop: ImportShop, turns: tuple[int, int]) -> None:
    shop.take("email,city\nann@example.com,Wien\n", name="base.csv")
    results = [shop.take(f"email,city\nann@example.com,{city}\n", name=f"{city}.csv") for city in ("Linz", "Graz")]
    ann = shop.contact("ann@example.com")
    assert origins.of_fields(shop.db, ann)["city"].text == "Graz.csv"
    for turn in turns:
        shop.undo(results[turn])
    ann = shop.contact("ann@example.com")
    assert (ann.fields["city"], origins.of_fields(shop.db, ann)["city"].text) == ("Wien", "base.csv")


# Files that speak of the same few people, orders and products, so that imports meet. What is in them before any import
# is in `base`; the others come in any number and go in any order.
MET = {
    "base": (None, "email,first_name,city,customer id\nann@example.com,Ann,Wien,c1\nbob@example.com,Bob,,\n"),
    "city": (Noun.CONTACTS, "email,city,phone\nann@example.com,Linz,+436601234567\ncid@example.com,Graz,\n"),
    "name": (Noun.CONTACTS, "email,first_name,customer id\ncid@example.com,Cid,c2\nann@example.com,Anna,\n"),
    "yes": (Noun.CONTACTS, "email,newsletter,city\nbob@example.com,yes,Wels\ncid@example.com,yes,Wels\n"),
    "old": (Noun.ORDERS, f"{HEADER}1,ann@example.com,2026-01-01,50.00,EUR,paid\n"
            "2,cid@example.com,2026-01-02,9,EUR,paid\n"),
    "new": (Noun.ORDERS, f"{HEADER}1,bob@example.com,2026-01-01,60.00,USD,paid\n"
            "2,cid@example.com,2026-01-02,9,EUR,void\n"),
    "tea": (Noun.ORDERS, f"{LINES}1,dan@example.com,2026-01-01,Tea,Leaf,1,5\n"
            "3,cid@example.com,2026-02-01,Pot,Ware,1,30\n"),
    "pot": (Noun.ORDERS, f"{LINES}1,dan@example.com,2026-01-01,Pot,,1,30\n"),
    "ware": (Noun.PRODUCTS, "title,price,category\nTea,5.00,Drinks\nPot,30.00,Ware\nCup,3.00,Ware\n"),
    "dear": (Noun.PRODUCTS, "title,price,category,brand\nTea,6.00,Leaves,Acme\nCup,4.00,Ware,\n"),
    "seen": (Noun.EVENTS, f"{VIEWS}viewed,v1,,2026-01-05T10:00:00Z,https://shop.example/a\n"
             "viewed,v2,cid@example.com,2026-01-05T10:00:00Z,https://shop.example/b\n"),
    "known": (Noun.EVENTS, f"{VIEWS}viewed,v1,eve@example.com,2026-01-06T10:00:00Z,https://shop.example/c\n"),
    "said": (Noun.ANSWERS, "email,submitted_at,question,answer\nann@example.com,2026-01-05T10:00:00Z,city,Steyr\n"
             "cid@example.com,2026-01-05T10:00:00Z,city,Steyr\n"),
    "firm": (Noun.COMPANIES, "name,domain,industry\nTea Ltd,tea.example,tea\n"),
    "firms": (Noun.COMPANIES, "name,domain,industry\nTea Ltd,tea.example,herbs\nPot Ltd,pot.example,\n"),
}  # fmt: skip
WRITTEN = {
    "contacts": "id, email, first_name, last_name, phone, country, city, attributes",
    "identities": "kind, source, value, contact_id",
    "orders": "source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint",
    "order_lines": "order_id, product_id, title, quantity, price_minor",
    "refunds": "order_id, amount_minor, refunded_at",
    "products": "id, source, product_id, title, price_minor, vendor, parent_id",
    "product_categories": "*",
    "events": "source, source_id, contact_id, name, occurred_at, properties, visitor",
    "statements": "contact_id, field, value",
    "companies": "source, company_id, name, domain, industry",
    "contact_facts": "*",
    "contact_revenue": "*",
    "undo_left": "*",
}


def written(shop: ImportShop) -> dict[str, list[tuple[object, ...]]]:
    """Return all that imports write, but for the ledger and people of whom nothing but the ledger remains."""
    only_said = (
        "SELECT contact_id FROM consents WHERE contact_id NOT IN (SELECT id FROM contacts WHERE source = 'base')"
    )
    found = {}
    for table, names in WRITTEN.items():
        who = {"contacts": "id", "identities": "contact_id"}.get(table)
        where = f" WHERE {who} NOT IN ({only_said})" if who else ""
        found[table] = sorted(shop.rows(f"SELECT {names} FROM {table}{where}"), key=repr)
    return found


def take_met(shop: ImportShop, name: str, number: int) -> ImportResult:
    noun, content = MET[name]
    return shop.take(content, name=f"{number}-{name}.csv", noun=noun, source="base" if name == "base" else None)


def undone_in_turn(names: Sequence[str], turns: Sequence[int]) -> None:
    """Import files, undo all in the order of `turns`, and hold that this leaves what was there before."""
    with tempfile.TemporaryDirectory() as folder:
        shop = ImportShop(Path(folder))
        take_met(shop, "base", 0)
        before = written(shop)
        results = [take_met(shop, name, number) for number, name in enumerate(names, 1)]
        for _, result in sorted(zip(turns, results, strict=True), key=lambda pair: pair[0]):
            if result.id is not None:
                shop.undo(result)
                assert shop.rows("PRAGMA foreign_key_check") == []
        assert written(shop) == before
        assert shop.rows("SELECT state FROM consent_states WHERE state <> 'never'") == []
        shop.store.close()


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_undoing_every_import_in_any_order_leaves_what_was_there_before(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from([name for name in MET if name != "base"]), min_size=2, max_size=6))
    undone_in_turn(names, data.draw(st.permutations(range(len(names)))))
