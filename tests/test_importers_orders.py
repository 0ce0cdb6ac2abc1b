"""Orders of any shop, to the cent: returns, refunds, cells of several products, details; real files, added up."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from import_shop import ImportShop
from mailflow.importers.orders.order_returns import bare_id
from mailflow.importers.values.items import read_items
from mailflow.importers.values.zones import named_zone
from mailflow.model import ConsentState

HEADER = "order id,customer id,date,quantity,price,sku,product\n"
SALES = """1,c1,2026-01-01,2,10.00,T,Tea
1,c1,2026-01-01,1,5.00,P,Pot
2,c1,2026-02-01,1,10.00,T,Tea
3,c2,2026-02-01,1,7.00,P,Pot
"""


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path)


def refunds(shop: ImportShop) -> list[tuple[str, str, int]]:
    """Return (order, source id, amount) of every refund, by order."""
    return [
        (row[0], row[1], row[2])
        for row in shop.rows(
            "SELECT o.order_id, r.source_id, r.amount_minor FROM refunds AS r JOIN orders AS o ON o.id = r.order_id"
            " ORDER BY o.order_id, r.source_id"
        )
    ]


def revenue(shop: ImportShop, customer: str) -> int:
    found = shop.one(
        "SELECT total(revenue_minor) FROM contact_revenue JOIN identities USING (contact_id) WHERE value = ?", customer
    )
    return int(found[0])


# Returns: rows with a minus ------------------------------------------------------------------------------------


def test_a_return_refunds_the_latest_earlier_order_with_the_product(shop: ImportShop) -> None:
    result = shop.take(HEADER + SALES + "R9,c1,2026-03-01,-1,10.00,T,Tea\nR10,c1,2026-03-02,-1,5.00,P,Pot\n")
    assert (result.inserted, result.merged, result.rejected) == (5, 1, 0)
    assert refunds(shop) == [("1", "return:R10", 500), ("2", "return:R9", 1000)]
    assert (revenue(shop, "c1"), revenue(shop, "c2")) == (2000, 700)
    assert shop.one("SELECT order_count FROM contact_facts ORDER BY order_count DESC") == (2,)


def test_a_return_larger_than_an_order_is_spread_over_earlier_ones(shop: ImportShop) -> None:
    shop.take(HEADER + SALES + "R9,c1,2026-03-01,-3,10.00,T,Tea\n")
    assert refunds(shop) == [("1", "return:R9", 2000), ("2", "return:R9", 1000)]
    assert revenue(shop, "c1") == 500


def test_a_return_before_any_order_is_rejected_and_says_so(shop: ImportShop) -> None:
    result = shop.take(HEADER + "C1,c9,2025-12-01,-1,10.00,T,Tea\n" + SALES + "C2,c2,2026-03-01,-9,10.00,T,Tea\n")
    assert [(each.line, each.reason) for each in result.problems] == [
        (2, "a return of 10.00 EUR, and this customer has no earlier order that it could refund"),
        (7, "a return of 90.00 EUR, and of this customer's earlier orders only 7.00 EUR are left to pay back"),
    ]
    assert refunds(shop) == []
    assert shop.one("SELECT count(*) FROM identities WHERE value = 'c9'") == (0,)


def test_a_return_refunds_the_order_it_names_whatever_is_later(shop: ImportShop) -> None:
    text = HEADER.replace("\n", ",original order\n") + "".join(f"{line},\n" for line in SALES.splitlines())
    shop.take(text + "X1,c1,2026-03-01,-1,10.00,T,Tea,1\n")
    assert refunds(shop) == [("1", "return:X1", 1000)]
    result = shop.take(text + "X2,c1,2026-03-01,-1,10.00,T,Tea,77\n", name="more.csv")
    assert "order 77, which is not known" in result.problems[0].reason


def test_the_id_without_its_prefix_names_the_order_of_the_same_customer(shop: ImportShop) -> None:
    shop.take(HEADER + SALES + "R1,c1,2026-03-01,-1,10.00,T,Tea\nR3,c1,2026-03-01,-1,5.00,P,Pot\n")
    assert refunds(shop) == [("1", "return:R1", 1000), ("1", "return:R3", 500)]


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("C536379", "536379"),
        ("R-1001", "1001"),
        ("REF 7", "7"),
        ("1001-R1", "1001"),
        ("#1001", "#1001"),
        ("RX7", "RX7"),
    ],
)
def test_ids_of_returns_are_bared(written: str, bare: str) -> None:
    assert bare_id(written) == bare


def test_later_negative_rows_of_an_order_are_dated_refunds_and_those_of_its_day_are_discounts(shop: ImportShop) -> None:
    result = shop.take(
        HEADER + "5,c1,2026-01-01,2,10.00,T,Tea\n5,c1,2026-01-01,-1,3.00,D,Discount\n5,c1,2026-02-01,-1,10.00,T,Tea\n"
    )
    assert (result.inserted, result.merged) == (2, 1)
    assert shop.one("SELECT total_minor FROM orders") == (1700,)
    assert refunds(shop) == [("5", "return:5", 1000)]
    at = shop.one("SELECT date((refunded_at + 3600000) / 1000, 'unixepoch') FROM refunds")
    assert at == ("2026-02-01",)


def test_plain_rows_with_a_minus_are_returns_too(shop: ImportShop) -> None:
    text = "order id,email,date,total\n1,a@example.com,2026-01-01,30.00\n2,b@example.com,2026-01-01,8.00\n"
    result = shop.take(text + "3,a@example.com,2026-01-09,-12.50\n2,b@example.com,2026-01-10,-8.00\n")
    assert (result.inserted, result.rejected) == (4, 0)
    assert refunds(shop) == [("1", "return:3", 1250), ("2", "return:2", 800)]
    assert shop.one("SELECT count(*) FROM orders WHERE contact_id IS NULL") == (0,)
    assert shop.one(
        "SELECT revenue_minor FROM contact_revenue WHERE contact_id = ?", shop.contact("a@example.com").id
    ) == (1750,)


def test_a_file_of_refunds_alone_names_its_orders(shop: ImportShop) -> None:
    shop.take("order id,email,date,total\n1,a@example.com,2026-01-01,30.00\n")
    result = shop.take("refund id,order id,refunded at,refund amount\nrf1,1,2026-02-01,5.00\nrf2,8,2026-02-01,5.00\n")
    assert (result.noun, result.inserted, result.rejected) == ("orders", 1, 1)
    assert refunds(shop) == [("1", "return:rf1", 500)]
    assert shop.one("SELECT total_minor FROM orders") == (3000,)


def test_column_refunds_and_returns_do_not_delete_one_another(shop: ImportShop) -> None:
    header = "order id,email,date,total,refunded\n"
    shop.take(header + "1,a@example.com,2026-01-01,30.00,4.00\n9,a@example.com,2026-01-05,-6.00,\n")
    assert refunds(shop) == [("1", "export", 400), ("1", "return:9", 600)]
    shop.take(header + "1,a@example.com,2026-01-01,30.00,5.00\n", name="later.csv")
    assert refunds(shop) == [("1", "export", 500), ("1", "return:9", 600)]
    shop.take("order id,email,date,total\n9,a@example.com,2026-01-05,-7.00\n", name="mended.csv")
    assert refunds(shop) == [("1", "export", 500), ("1", "return:9", 700)]


def test_a_dry_run_says_what_would_change_of_an_order(shop: ImportShop) -> None:
    header = "order id,email,date,total,currency,refunded,item,quantity\n"
    shop.take(header + "1,a@example.com,2026-01-01,50.00,EUR,,Mug,1\n")
    later = "1,b@example.com,2026-01-02,900,JPY,100,Mug,2\n"
    dry = shop.take(header + later, name="dry.csv", dry_run=True)
    assert {each["field"]: (each["old"], each["new"]) for each in dry.changes} == {
        "lines": ("1 × Mug", "2 × Mug"),
        "placed_at": ("2025-12-31T23:00:00Z", "2026-01-01T23:00:00Z"),
        "total": ("50.00 EUR", "900 JPY"),
        "customer": ("a@example.com", "b@example.com"),
        "refunded": ("0.00 EUR", "100 JPY"),
    }


def test_returns_again_change_nothing_and_undo_takes_them_back(shop: ImportShop) -> None:
    shop.take(HEADER + SALES)
    before = shop.everything()
    text = HEADER + SALES + "R9,c1,2026-03-01,-3,10.00,T,Tea\n"
    dry = shop.take(text, name="dry.csv", dry_run=True)
    assert [(each["order"], each["field"], each["old"], each["new"]) for each in dry.changes] == [
        ("1", "refund", None, "20.00 EUR"),
        ("2", "refund", None, "10.00 EUR"),
    ]
    result = shop.take(text, name="second.csv")
    assert (result.inserted, result.unchanged, result.merged) == (1, 3, 1)
    after = shop.everything()
    again = shop.take(text + "\n", name="third.csv")
    assert (again.inserted, again.updated, again.unchanged, again.merged) == (0, 0, 4, 1)
    assert shop.everything() == after
    shop.undo(again)
    shop.undo(result)
    assert shop.everything() == before


def test_a_return_of_nothing_is_rejected(shop: ImportShop) -> None:
    result = shop.take(HEADER + SALES + "8,,2026-03-01,-10,0.00,T,\n9,,2026-03-01,10,0.00,T,\n")
    assert [each.line for each in result.problems] == [6]
    assert "return of nothing" in result.problems[0].reason
    assert shop.one("SELECT total_minor, contact_id FROM orders WHERE order_id = '9'") == (0, None)


def test_an_anonymous_return_refunds_an_anonymous_order_where_returns_name_customers(shop: ImportShop) -> None:
    text = HEADER + SALES + "4,,2026-02-02,1,10.00,T,Tea\nR1x,c1,2026-03-01,-1,5.00,P,Pot\n"
    shop.take(text + "R8,,2026-03-01,-1,10.00,T,Tea\n")
    assert ("4", "return:R8", 1000) in refunds(shop)
    other = shop.take(HEADER + "R7,,2026-03-02,-1,7.00,P,Pot\nR6,c2,2026-03-02,-1,1.00,P,Pot\n", name="other.csv")
    assert [each.line for each in other.problems] == [2]
    assert "names no customer" in other.problems[0].reason


def test_a_kind_tells_a_return_whose_amount_has_no_minus(shop: ImportShop) -> None:
    text = (
        "order id,email,date,total,type\n1,a@example.com,2026-01-01,5.00,sale\n2,a@example.com,2026-02-01,2.00,Refund\n"
    )
    shop.take(text)
    assert shop.rows("SELECT order_id, total_minor FROM orders") == [("1", 500)]
    assert refunds(shop) == [("1", "return:2", 200)]


def test_a_rejected_return_is_taken_once_its_order_is_there(shop: ImportShop) -> None:
    head = "order id,customer,date,total\n"
    result = shop.take(head + "9,c1,2026-02-01,-2.00\n")
    assert result.reject_file is not None
    shop.take(head + "1,c1,2026-01-01,5.00\n", name="older.csv")
    assert shop.take(result.reject_file).inserted == 1
    assert refunds(shop) == [("1", "return:9", 200)]


def test_a_guest_is_nobody(shop: ImportShop) -> None:
    shop.take("order id,customer id,date,total\n1,Guest,2026-01-01,5.00\n2,NA,2026-01-01,5.00\n3,c1,2026-01-01,5.00\n")
    assert shop.rows("SELECT order_id FROM orders WHERE contact_id IS NULL ORDER BY 1") == [("1",), ("2",)]


def test_a_no_in_a_file_of_orders_is_a_no_and_an_unticked_box_is_not(shop: ImportShop) -> None:
    text = "order id,email,date,total,accepts marketing,do not contact\n"
    shop.take(
        text
        + "1,a@example.com,2026-01-01,5,yes,\n2,b@example.com,2026-01-01,5,no,0\n3,c@example.com,2026-01-01,5,yes,1\n"
    )
    states = [shop.state(f"{name}@example.com") for name in "abc"]
    assert states == [ConsentState.SUBSCRIBED, ConsentState.NEVER, ConsentState.UNSUBSCRIBED]


def test_lines_as_json_come_with_their_order(shop: ImportShop) -> None:
    shop.take(
        '{"order_id": "1", "email": "a@example.com", "created_at": "2026-01-01T10:00:00Z", "total": 12.5,'
        ' "items": [{"sku": "T", "name": "Tea", "qty": 2, "price": 5}, {"sku": "P", "qty": 1, "price": 2.5}]}\n',
        name="orders.jsonl",
    )
    assert shop.rows("SELECT title, quantity, price_minor FROM order_lines") == [("Tea", 2.0, 500), ("P", 1.0, 250)]


def test_returns_in_another_currency_refund_nothing(shop: ImportShop) -> None:
    header = "order id,email,date,total,currency\n"
    result = shop.take(header + "1,a@example.com,2026-01-01,30.00,EUR\n2,a@example.com,2026-02-01,-30.00,USD\n")
    assert result.rejected == 1
    assert refunds(shop) == []


# Details, sketches, categories, ids ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "products"),
    [
        ("2× Mug, large, 1× Tee", [("Mug, large", "2"), ("Tee", "1")]),
        ("Print x 1, Frame x 2", [("Print", "1"), ("Frame", "2")]),
        ("name:Mug|product_id:12|quantity:2|total:20.00", [("Mug", "2")]),
        ('[{"name": "Mug", "qty": 2}, {"title": "Tee"}]', [("Mug", "2"), ("Tee", "")]),
        (
            "Product ID: 7, Product Qty: 2, Product Name: Cup, blue|Product ID: 8, Product Name: Lid",
            [("Cup, blue", "2"), ("Lid", "")],
        ),
        ("Tea; Pot", [("Tea", ""), ("Pot", "")]),
        ("3", []),
        (" ", []),
    ],
)  # fmt: skip
def test_cells_of_several_products_show_how_they_are_written(cell: str, products: list[tuple[str, str]]) -> None:
    assert [(item.title, item.quantity) for item in read_items(cell)] == products


def test_details_bring_lines_and_change_no_total(shop: ImportShop, tmp_path: Path) -> None:
    orders = "Sale Date,Order ID,Buyer User ID,Currency,Order Value,Order Total\n03/14/26,31,901,GBP,30.00,34.50\n"
    items = (
        "Sale Date,Item Name,Buyer,Quantity,Price,Item Total,Currency,Listing ID,Order ID\n"
        "03/14/26,Hare,kai,1,20.00,20.00,GBP,555,31\n03/14/26,Owl,kai,1,10.00,10.00,GBP,556,31\n"
    )
    for first, second in ((orders, items), (items, orders)):
        folder = tmp_path / ("items" if first is items else "orders")
        folder.mkdir()
        fresh = ImportShop(folder)
        fresh.take(first)
        fresh.take(second, name="second.csv")
        assert fresh.one("SELECT total_minor, contact_id IS NOT NULL FROM orders") == (3450, 1)
        assert fresh.one("SELECT count(*), sum(price_minor) FROM order_lines") == (2, 3000)
        state = fresh.everything()
        for text in (first, second):
            again = fresh.take(text + "\n", name="again.csv")
            assert (again.inserted, again.updated) == (0, 0)
        assert fresh.everything() == state


def test_titles_in_a_cell_never_replace_real_lines(shop: ImportShop) -> None:
    shop.take(HEADER + SALES)
    lines = shop.rows("SELECT title, price_minor FROM order_lines ORDER BY id")
    text = (
        'order id,customer id,date,total,items\n1,c1,2026-01-01,25.00,"2× Tea, 1× Pot"\n7,c1,2026-01-09,3.00,1× Tin\n'
    )
    result = shop.take(text, name="cells.csv")
    assert (result.inserted, result.unchanged) == (1, 1)
    assert shop.rows("SELECT title, price_minor FROM order_lines ORDER BY id") == [*lines, ("Tin", None)]


def test_lines_with_categories_sort_their_products(shop: ImportShop) -> None:
    text = "order id,email,date,quantity,price,product,category\n1,a@example.com,2026-01-01,1,5,Tea,Drinks > Hot\n"
    result = shop.take(text)
    assert shop.rows("SELECT category FROM product_categories ORDER BY 1") == [("Drinks",), ("Hot",)]
    shop.undo(result)
    assert shop.rows("SELECT * FROM products") == []
    shop.take("product id,name,category\nTea,Tea,Leaves\n", name="products.csv")
    shop.take(text, name="again.csv")
    assert shop.rows("SELECT category FROM product_categories") == [("Leaves",)]


def test_an_anonymous_buyer_is_known_once_a_file_brings_the_id(shop: ImportShop) -> None:
    head = "Date,Time,Time Zone,Total Collected,Net Total,Transaction ID,Event Type,Customer ID,Customer Name\n"
    shop.take(head + "2026-07-18,21:50:48,Pacific Time (US & Canada),$20.00,$19.00,T1,Payment,CUST1,Dee Poe\n")
    shop.take(
        "First Name,Last Name,Email Address,Phone Number,Square Customer ID,Lifetime Spend,Email Subscription Status\n"
        "Dee,Poe,dee@example.com,,CUST1,$20.00,subscribed\n",
        name="customers.csv",
    )
    dee = shop.contact("dee@example.com")
    assert shop.one("SELECT order_count FROM contact_facts WHERE contact_id = ?", dee.id) == (1,)
    placed = shop.one("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', placed_at / 1000, 'unixepoch') FROM orders")
    assert placed == ("2026-07-19T04:50:48Z",)


def test_cancelled_and_failed_orders_count_in_nothing_and_currencies_stay_apart(shop: ImportShop) -> None:
    shop.take(
        "order id,email,date,total,currency,status\n1,a@example.com,2026-01-01,10.00,EUR,paid\n"
        "2,a@example.com,2026-01-02,900,JPY,completed\n3,a@example.com,2026-01-03,7.00,EUR,voided\n"
        "4,a@example.com,2026-01-04,7.00,EUR,declined\n5,a@example.com,2026-01-05,7.005,EUR,paid\n"
        "6,a@example.com,2026-01-06,900.50,JPY,paid\n"
    )
    assert shop.rows("SELECT currency, revenue_minor FROM contact_revenue ORDER BY 1") == [("EUR", 1000), ("JPY", 900)]
    assert shop.one("SELECT order_count FROM contact_facts") == (2,)
    assert shop.one("SELECT count(*) FROM import_problems WHERE reason LIKE '%more decimals%'") == (2,)


def test_equal_totals_of_lines_are_told_by_quantity_and_price(shop: ImportShop) -> None:
    shop.take(
        "order id,email,date,quantity,price,amount,product\n1,a@example.com,2026-01-01,1,5.00,5.00,Tea\n"
        "1,a@example.com,2026-01-01,1,5.00,5.00,Pot\n2,a@example.com,2026-01-02,2,3.00,6.00,Cup\n"
    )
    assert shop.rows("SELECT order_id, total_minor FROM orders ORDER BY 1") == [("1", 1000), ("2", 600)]


def test_zones_are_known_by_what_tills_call_them() -> None:
    assert str(named_zone("Pacific Time (US & Canada)")) == "America/Los_Angeles"
    assert str(named_zone("PDT")) == "America/Los_Angeles"
    assert str(named_zone("Europe/Oslo")) == "Europe/Oslo"
    with pytest.raises(ValueError, match="no time zone"):
        named_zone("Middle Earth")


# The real files, added up in another way -------------------------------------------------------------------------


def test_net_revenue_of_the_gift_shop_is_orders_less_returns_to_the_cent(shop: ImportShop, shared_data: Path) -> None:
    text = gzip.decompress((shared_data / "orders" / "online_retail_2010-12.csv.gz").read_bytes())
    path = shop.folder / "retail.csv"
    path.write_bytes(text)
    result = shop.take(path, currency="GBP")
    assert result.reject_file is not None
    with result.reject_file.open(encoding="utf-8", newline="") as file:
        rejected = {int(row["mailflow_line"]) for row in csv.DictReader(file)}
    net: Counter[str] = Counter()
    returned: set[str] = set()
    with path.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            if line not in rejected:
                customer = row["CustomerID"].removesuffix(".0")
                net[customer] += int(Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) * 100)
            elif row["InvoiceNo"].startswith("C"):
                returned.add(row["InvoiceNo"])
    have = dict(
        shop.rows(
            "SELECT i.value, sum(r.revenue_minor) FROM contact_revenue AS r JOIN identities AS i USING (contact_id)"
            " WHERE i.kind = 'customer_id' GROUP BY 1"
        )
    )
    assert {name: amount for name, amount in net.items() if name and name in have} == have
    total, back = shop.one("SELECT (SELECT sum(total_minor) FROM orders), (SELECT sum(amount_minor) FROM refunds)")
    assert total - back == sum(net.values())
    assert 0 < len(returned) < 200  # of 326: those of orders before the first day of the file
    reasons = Counter(
        shop.one("SELECT group_concat(DISTINCT substr(reason, 1, 11)) FROM import_problems")[0].split(",")
    )
    assert set(reasons) == {"a return of"}


def test_completejourney_adds_up_to_what_the_shop_received(shop: ImportShop, shared_data: Path) -> None:
    folder = shared_data / "orders" / "completejourney"
    path = shop.folder / "transactions.csv"
    path.write_bytes(gzip.decompress((folder / "transactions_sample.csv.gz").read_bytes()))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    result = shop.take(path, currency="USD")
    assert (result.inserted, result.merged, result.rejected) == (47_243, len(rows) - 47_243, 0)
    expected = sum(round(Decimal(row["sales_value"]) * 100) for row in rows)
    assert shop.one("SELECT sum(total_minor) FROM orders") == (expected,)
    single = [row for row in rows if row["quantity"] == "1"]
    amounts = sum(round(Decimal(row["sales_value"]) * 100) for row in single)
    assert shop.one("SELECT count(price_minor), sum(price_minor) FROM order_lines WHERE quantity = 1") == (
        len(single),
        amounts,
    )


def test_a_line_of_which_only_the_amount_is_told_has_the_price_of_one(shop: ImportShop) -> None:
    result = shop.take(
        "order_id,customer_id,date,product,quantity,amount\n"
        "1,a,2026-01-01,Oolong,2,29.00\n1,a,2026-01-01,Sencha,3,10.00\n1,a,2026-01-01,Petrol,17000,40.00\n"
        "1,a,2026-01-01,Bag,1,0.00\n2,b,2026-01-01,Nothing,0,0.00\n2,b,2026-01-01,Whisk,1,19.00\n"
    )
    assert result.rejected == 0
    assert dict(shop.rows("SELECT title, price_minor FROM order_lines")) == {
        "Oolong": 1450,
        "Sencha": 333,
        "Petrol": None,
        "Bag": 0,
        "Nothing": None,
        "Whisk": 1900,
    }


def test_the_order_exports_give_what_expected_json_says(shop: ImportShop, shared_data: Path) -> None:
    exports = shared_data / "exports"
    expected = json.loads((exports / "expected.json").read_text(encoding="utf-8"))
    woo = shop.take(exports / "woocommerce_advanced_order_export.csv")
    assert (woo.inserted, woo.tool) == (expected["woocommerce_advanced_order_export.csv"]["orders"], "woocommerce")
    assert refunds(shop) == [("5013", "export", 2000)]
    square = shop.take(exports / "square_transactions.csv", currency="USD")
    assert (square.inserted, square.rejected) == (2, 0)
    assert _net(shop, "square") == expected["square_transactions.csv"]["net"]
    stripe = shop.take(exports / "stripe_payments.csv")
    assert stripe.inserted == expected["stripe_payments.csv"]["rows"]
    assert _net(shop, "stripe") == expected["stripe_payments.csv"]["net_eur_converted"]
    etsy = shop.take(exports / "etsy_sold_orders.csv")
    assert (etsy.inserted, _net(shop, "etsy")) == (expected["etsy_sold_orders.csv"]["orders"], "69.20")


def _net(shop: ImportShop, source: str) -> str:
    """Return orders that count less refunds, as a decimal."""
    total = shop.one(
        """SELECT sum(o.total_minor - coalesce((SELECT sum(amount_minor) FROM refunds WHERE order_id = o.id), 0))
           FROM orders AS o WHERE o.source = ? AND o.status IN ('open', 'paid')""",
        source,
    )[0]
    return f"{total // 100}.{total % 100:02}"


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_any_mix_of_orders_and_returns_adds_up_and_is_taken_back(shop: ImportShop, seed: int) -> None:
    """Oracle: what each customer's sound rows come to, added up without knowing which order a return is of."""
    rows = list(_some_rows(random.Random(seed)))
    result = shop.take(HEADER_OF_SOME + "".join(f"{','.join(row)}\n" for row in rows))
    rejected: set[int] = set()
    if result.reject_file is not None:
        with result.reject_file.open(encoding="utf-8", newline="") as file:
            rejected = {int(row["mailflow_line"]) for row in csv.DictReader(file)}
    net: Counter[str] = Counter()
    for line, (_, customer, _, quantity, price, _) in enumerate(rows, start=2):
        if line not in rejected:
            net[customer] += int(quantity) * int(Decimal(price) * 100)
    assert {customer: revenue(shop, customer) for customer in net if customer} == {
        customer: amount for customer, amount in net.items() if customer
    }
    state = shop.everything()
    again = shop.take(result.file.read_text(encoding="utf-8") + "\n", name="again.csv")
    assert (again.inserted, again.updated, again.merged, again.rejected) == (0, 0, result.merged, result.rejected)
    assert shop.everything() == state
    shop.undo(result)
    assert [shop.rows(f"SELECT * FROM {table}") for table in ("orders", "refunds", "contacts", "products")] == [[]] * 4


HEADER_OF_SOME = "order id,customer id,date,quantity,price,sku\n"


def _some_rows(dice: random.Random) -> Iterator[tuple[str, ...]]:
    """Yield the lines of sixty orders of a few customers, a third of them returns, some of nobody."""
    for number in range(1000, 1060):
        back = dice.random() < 0.3
        customer = f"c{dice.randint(1, 6)}" if dice.random() < 0.85 else ""
        day = f"2026-{dice.randint(1, 9):02}-{dice.randint(1, 28):02}"
        for _ in range(dice.randint(1, 3)):
            quantity = dice.randint(1, 4) * (-1 if back else 1)
            price = f"{dice.randint(1, 2000) / 100:.2f}"
            yield f"{'R' if back else ''}{number}", customer, day, str(quantity), price, f"S{dice.randint(1, 5)}"


def test_more_paid_back_than_an_order_cost_is_told_with_an_example(shop: ImportShop) -> None:
    rows = (
        "order id,email,date,total,currency,refunded amount\n"
        "1,ann@example.com,2026-01-01,20.00,EUR,50.00\n2,ann@example.com,2026-01-02,20.00,EUR,20.00\n"
    )
    told = "1 order has more paid back than it cost, so its revenue is negative: 1 cost 20.00 EUR, and 50.00 EUR"
    assert any(warning.startswith(told) for warning in shop.take(rows, dry_run=True).warnings)
    result = shop.take(rows)
    assert any(warning.startswith(told) for warning in result.warnings)
    assert not any("paid back" in warning for warning in shop.take(rows.replace("50.00", "5.00")).warnings)


def test_a_currency_that_is_none_rejects_its_row_and_former_ones_are_read(shop: ImportShop) -> None:
    rows = "order id,email,date,total,currency\n1,a@example.com,1999-01-01,20,DEM\n2,a@example.com,2026-01-01,20,EUO\n"
    result = shop.take(rows)
    assert (result.inserted, result.rejected) == (1, 1)
    assert result.problems[0].reason == "'EUO' is not a currency: did you mean EUR?"
    assert shop.rows("SELECT total_minor, currency FROM orders") == [(2000, "DEM")]
