"""Recommendations from files to templates: what is found out, kept and looked up, and that nothing stale is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from import_shop import ImportShop
from mailflow.config import Settings
from mailflow.scoring import recommend, sample, suggest
from mailflow.scoring.suggest import Item, Suggester
from mailflow.store import frames_goods, merges, scores, suggestions

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "name": "Tea Room", "sender": {"name": "Mira", "email": "mira@tea.example"}, "currency": "EUR",
    "timezone": "Europe/Vienna", "fields": {"allergies": {"multi": True, "sensitive": True}, "size": {}},
    "recommendations": {"support": 2, "items": 6},
}  # fmt: skip
PRODUCTS = """\
product id,name,price,currency,category,stock,status,url,image,allergens
sencha,Sencha,12.90,EUR,Tea,5,active,https://tea.example/sencha,https://tea.example/sencha.jpg,
bowl,Tea Bowl,26.00,EUR,Ware,2,active,https://tea.example/bowl,,
whisk,Bamboo Whisk,19.00,EUR,Ware,1,active,https://tea.example/whisk,,
cake,Nut Cake,8.00,EUR,Food,9,active,https://tea.example/cake,,"nuts, gluten"
"""
ORDERS = "order id,email,date,product id,product,quantity,price,total\n"
BASKETS = {
    "ada": ["sencha", "bowl"],
    "bob": ["sencha", "bowl", "whisk"],
    "cyd": ["sencha", "bowl"],
    "dee": ["sencha", "whisk"],
    "eve": ["sencha", "cake"],
    "fox": ["cake", "sencha", "postage"],
    "gil": ["postage", "sencha"],
    "hal": ["sencha"],
}


def settings(**changes: Any) -> Settings:
    return Settings.model_validate({**SETTINGS, **changes})


def orders(baskets: dict[str, list[str]], first: int = 1, day: str = "2026-11-01") -> str:
    lines = [
        f"{number},{name}@example.com,{day} 10:00,{product},{product.title()},1,5,{5 * len(products)}\n"
        for number, (name, products) in enumerate(baskets.items(), first)
        for product in products
    ]
    return ORDERS + "".join(lines)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ImportShop]:
    made = ImportShop(tmp_path)
    made.take(orders(BASKETS), "orders.csv")
    made.take(PRODUCTS, "products.csv")
    recommend.refresh(made.store, settings(), now=NOW)
    yield made
    made.store.close()


def items(shop: ImportShop, name: str, known: Settings | None = None, **contact: Any) -> list[Item]:
    contact_id = shop.contact(f"{name}@example.com").id
    return Suggester(shop.db, known or settings()).items({contact_id: contact}, now=NOW)[contact_id]


def ids(shop: ImportShop, name: str, known: Settings | None = None, **contact: Any) -> list[str]:
    return [item["id"] for item in items(shop, name, known, **contact)]


def test_what_goes_with_their_products_is_listed_with_all_that_a_template_needs(shop: ImportShop) -> None:
    assert items(shop, "hal")[0] == {
        "id": "bowl",
        "sku": None,
        "title": "Tea Bowl",
        "url": "https://tea.example/bowl",
        "image_url": None,
        "price": Decimal("26.00"),
        "currency": "EUR",
        "source": "bought",
        "because": "Sencha",
        "probability": None,
    }
    assert ids(shop, "hal") == ["bowl", "cake", "whisk"]  # the last two are equal, and in the order of their ids
    assert ids(shop, "dee") == ["bowl", "cake"]


def test_neither_postage_nor_what_they_have_is_ever_listed(shop: ImportShop) -> None:
    for name, products in BASKETS.items():
        assert not {*products, "postage"} & set(ids(shop, name))


def test_a_consumable_is_listed_again_to_who_has_it(shop: ImportShop) -> None:
    known = settings(recommendations={**SETTINGS["recommendations"], "consumables": ["tea"]})
    assert suggest.is_stale(shop.db, known, now=NOW)
    recommend.refresh(shop.store, known, now=NOW)
    again = next(item for item in items(shop, "hal", known) if item["id"] == "sencha")
    assert (again["source"], again["because"]) == ("again", None)


@pytest.mark.parametrize(
    "change",
    [
        "bowl,Tea Bowl,26.00,EUR,Ware,0,active,https://tea.example/bowl,,",
        "bowl,Tea Bowl,26.00,EUR,Ware,-1,active,https://tea.example/bowl,,",
        "bowl,Tea Bowl,26.00,EUR,Ware,7,draft,https://tea.example/bowl,,",
    ],
)
def test_what_is_sold_out_or_hidden_goes_at_once_without_a_new_run(shop: ImportShop, change: str) -> None:
    suggester, hal = Suggester(shop.db, settings()), shop.contact("hal@example.com").id
    assert "bowl" in [item["id"] for item in suggester.items({hal: {}}, now=NOW)[hal]]
    shop.take(f"{PRODUCTS.splitlines()[0]}\n{change}\n", "later.csv")
    assert "bowl" not in [item["id"] for item in suggester.items({hal: {}}, now=NOW)[hal]]


def test_what_was_bought_since_the_run_is_not_shown(shop: ImportShop) -> None:
    shop.take(orders({"hal": ["bowl"]}, first=90, day="2026-11-20"), "late.csv")
    assert "bowl" not in ids(shop, "hal")


def test_what_has_no_page_is_not_shown_where_products_have_pages(shop: ImportShop) -> None:
    shop.take(orders({"ida": ["sencha", "mug"], "jan": ["sencha", "mug"], "kit": ["sencha", "mug"]}, 50), "more.csv")
    recommend.refresh(shop.store, settings(), now=NOW)
    assert "mug" not in ids(shop, "hal")


def test_an_excluded_product_or_category_is_nothing_to_the_sums(shop: ImportShop) -> None:
    known = settings(recommendations={**SETTINGS["recommendations"], "exclude": ["ware", "Nut Cake"]})
    recommend.refresh(shop.store, known, now=NOW)
    assert ids(shop, "hal", known) == []


def test_who_must_not_see_nuts_sees_none_whatever_speaks_for_them(shop: ImportShop) -> None:
    known = settings(never_show=[{"contact": "allergies", "product": "allergens"}])
    looked = (
        f"event,timestamp,email,product_id\nproduct_viewed,{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ},{{}},cake\n"
    )
    shop.take(looked.format("hal@example.com"), "events.csv")
    assert ids(shop, "hal", known)[0] == "cake"
    for allergies in ("nuts", ["Nuts"], ["milk", "GLUTEN"]):
        assert "cake" not in ids(shop, "hal", known, attributes={"allergies": allergies})


def test_what_somebody_must_not_see_is_no_reason_either(shop: ImportShop) -> None:
    known = settings(never_show=[{"contact": "allergies", "product": "allergens"}])
    yesterday = f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    both = {name: ["cake", "whisk"] for name in ("nan", "ned", "nic")}
    shop.take(orders({"nut": ["cake"], **both}, 20), "more.csv")
    shop.take(f"event,timestamp,email,product_id\nproduct_viewed,{yesterday},ada@example.com,cake\n", "events.csv")
    recommend.refresh(shop.store, known, now=NOW)
    for name in ("ada", "nut"):  # who looked at it, and who bought it
        assert any(item["because"] == "Nut Cake" for item in items(shop, name))
        found = items(shop, name, known, attributes={"allergies": "nuts"})
        assert found
        assert all("Nut Cake" not in (item["title"], item["because"]) for item in found)


def test_a_size_in_stock_decides_over_a_shoe_with_variants(shop: ImportShop) -> None:
    shop.take(
        "product id,parent id,name,price,currency,stock,url,sizes\n"
        "shoe,,Shoe,,EUR,,https://tea.example/shoe,\n"
        "s41,shoe,Shoe 41,80,EUR,0,,41\n"
        "s42,shoe,Shoe 42,75,EUR,3,,42\n",
        "shoes.csv",
    )
    baskets = {"ida": ["sencha", "s41"], "jan": ["sencha", "s42"], "kit": ["sencha", "s41", "s42"]}
    shop.take(orders(baskets, 60), "more.csv")
    recommend.refresh(shop.store, settings(), now=NOW)
    known = settings(never_show=[{"contact": "size", "product": "sizes", "must": "match"}])
    shoe = next(item for item in items(shop, "hal", known, attributes={"size": "42"}) if item["id"] == "shoe")
    assert (shoe["title"], shoe["price"]) == ("Shoe", Decimal("75.00"))
    assert "shoe" not in ids(shop, "hal", known, attributes={"size": "41"})
    assert "shoe" not in ids(shop, "ida", known, attributes={"size": "42"})  # who has a variant has the product


def test_what_they_looked_at_comes_first_by_id_sku_or_title_for_as_long_as_it_counts(shop: ImportShop) -> None:
    head = "event,timestamp,email,product_id,sku,product\n"
    yesterday = f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    shop.take(f"{head}product_viewed,{yesterday},hal@example.com,,,Bamboo Whisk\n", "events.csv")
    assert (items(shop, "hal")[0]["id"], items(shop, "hal")[0]["source"]) == ("whisk", "viewed")
    hal = shop.contact("hal@example.com").id
    later = Suggester(shop.db, settings()).items({hal: {}}, now=NOW + timedelta(days=40))[hal]
    assert later[0]["id"] == "bowl"


def test_a_stranger_gets_popular_products(shop: ImportShop) -> None:
    shop.take("email\nnew@example.com\n", "people.csv")
    found = items(shop, "new")
    assert {item["source"] for item in found} == {"popular"}
    assert found[0]["id"] == "sencha"


def test_two_contacts_that_are_one_person_have_one_history(shop: ImportShop) -> None:
    hal, dee = (shop.contact(f"{name}@example.com").id for name in ("hal", "dee"))
    with shop.store.transaction() as tx:
        merges.merge(tx, hal, dee, evidence="test", now=NOW)
    assert "whisk" not in ids(shop, "hal")


def test_a_run_says_what_it_came_from_and_takes_the_place_of_the_last(shop: ImportShop) -> None:
    first = scores.latest(shop.db, suggestions.RECOMMENDATIONS)
    assert first is not None
    assert first.inputs["products"] == 4
    assert first.inputs["purchases"] == sum(len(set(basket) - {"postage"}) for basket in BASKETS.values())
    assert not suggest.is_stale(shop.db, settings(), now=NOW)
    shop.take(orders({"ida": ["sencha"]}, first=70), "more.csv")
    assert suggest.is_stale(shop.db, settings(), now=NOW)
    recommend.refresh(shop.store, settings(), now=NOW)
    second = scores.latest(shop.db, suggestions.RECOMMENDATIONS)
    assert second is not None
    for table in ("product_neighbours", "product_sales"):
        assert shop.rows(f"SELECT DISTINCT run_id FROM {table}") == [(second.id,)]


def test_the_lists_do_not_depend_on_the_order_in_which_files_came(tmp_path: Path, shop: ImportShop) -> None:
    other = ImportShop(tmp_path / "other")
    other.take(PRODUCTS, "products.csv")
    other.take(orders(dict(reversed(BASKETS.items()))), "orders.csv")
    recommend.refresh(other.store, settings(), now=NOW)
    for name in BASKETS:
        assert items(other, name) == items(shop, name)


def test_an_import_that_is_taken_back_leaves_nothing_to_show(shop: ImportShop) -> None:
    result = shop.take(
        f"{PRODUCTS.splitlines()[0]}\nmug,Mug,9,EUR,Ware,1,active,https://tea.example/mug,,\n", "later.csv"
    )
    shop.undo(result)
    assert "mug" not in ids(shop, "hal")


def test_fifty_people_take_as_many_queries_as_one(shop: ImportShop) -> None:
    queries: list[str] = []
    people = {row[0]: {} for row in shop.rows("SELECT id FROM contacts")}
    counts = []
    for some in ([next(iter(people))], list(people)):
        suggester = Suggester(shop.db, settings())
        queries.clear()
        shop.db.set_trace_callback(queries.append)
        suggester.items({contact_id: {} for contact_id in some}, now=NOW)
        shop.db.set_trace_callback(None)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 9


def test_before_the_first_run_there_is_nothing(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path / "empty")
    shop.take("email\nnew@example.com\n", "people.csv")
    assert items(shop, "new") == []
    assert recommend.refresh(shop.store, settings(), now=NOW).purchases == 0
    assert items(shop, "new") == []


def many(people: int) -> str:
    baskets = {f"n{number}": ["sencha", "bowl"][: 1 + number % 2] for number in range(people)}
    return orders(baskets, first=1000)


def read(shop: ImportShop) -> set[tuple[int, int, int]]:
    """Return every purchase as (contact id, product, instant): which person is number 0 is no matter."""
    people, purchases = sample.draw(shop.db).people, recommend.load(shop.db, settings(), until=2**62).purchases
    rows = zip(people[purchases.people], purchases.products, purchases.at, strict=True)
    return {(int(who), int(which), int(when)) for who, which, when in rows}


def by_hand(shop: ImportShop) -> set[tuple[int, int, int]]:
    """Return what is in the tables, by a query without samples, blocks or kept facts."""
    place = {product.id: number for number, product in enumerate(recommend.load(shop.db, settings(), until=0).products)}
    rows = shop.db.execute(
        """SELECT coalesce(c.merged_into, c.id), l.product_id, o.placed_at FROM orders AS o
           JOIN order_lines AS l ON l.order_id = o.id JOIN contacts AS c ON c.id = o.contact_id
           WHERE o.status IN ('open', 'paid')"""
    )
    return {(who, place[product], when) for who, product, when in map(tuple, rows) if product in place}


def test_of_few_lines_every_one_is_read_whoever_was_merged(shop: ImportShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_goods, "_PEOPLE_AT_ONCE", 7)
    shop.take(many(60), "many.csv")
    with shop.store.transaction() as tx:
        merges.merge(
            tx, shop.contact("ada@example.com").id, shop.contact("n59@example.com").id, evidence="test", now=NOW
        )
    assert read(shop) == by_hand(shop)


def test_of_very_many_lines_those_of_an_even_sample_of_people_are_read(
    shop: ImportShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.take(many(400), "many.csv")
    whole = read(shop)
    monkeypatch.setattr(sample, "MOST_LINES", 150)
    part = read(shop)
    people = {who for who, _, _ in part}
    assert 130 <= len(part) <= 170
    assert part == {row for row in whole if row[0] in people}  # each with all they bought
    monkeypatch.setattr(frames_goods, "_KEYS_AT_ONCE", 11)
    assert read(shop) == part  # however many are looked at at once
    monkeypatch.setattr(sample, "MOST_LINES", 75)
    assert read(shop) < part


def test_who_is_drawn_goes_by_their_keys_and_not_by_when_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MOST_LINES", 40)
    drawn = []
    for folder, numbers in (("one", range(90)), ("other", reversed(range(90)))):
        shop = ImportShop(tmp_path / folder)
        shop.take(orders({f"n{number}": ["sencha"] for number in numbers}), "orders.csv")
        with shop.store.transaction() as tx:
            tx.execute("UPDATE contacts SET key = email")
        drawn.append(
            [
                shop.db.execute("SELECT key FROM contacts WHERE id = ?", (int(who),)).fetchone()[0]
                for who in sample.draw(shop.db).people
            ]
        )
        shop.store.close()
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 40


def test_of_a_till_with_more_orders_than_anybody_the_latest_are_read(
    shop: ImportShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MOST_ORDERS", 3)
    for day in range(1, 9):
        shop.take(orders({"till": ["sencha"]}, first=500 + day, day=f"2026-10-{day:02}"), f"{day}.csv")
    till = shop.contact("till@example.com").id
    mine = sorted(when for who, _, when in by_hand(shop) if who == till)
    assert sorted(when for who, _, when in read(shop) if who == till) == mine[-3:]
