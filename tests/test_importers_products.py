"""Files of products: variants, categories, the difference, what order lines knew by a SKU or title alone."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from import_shop import ImportShop
from mailflow.errors import DataError, UsageError
from mailflow.importers.values.categories import categories_in

HEADER = "product id,sku,name,price,currency,category,stock,status,material\n"
TEA = "11,TEA,Green tea,4.50,EUR,Drinks > Tea,12,active,leaf\n"
POT = "12,POT,Tea pot,30,EUR,Kitchen,0,draft,clay\n"
SHOPIFY = "Handle,Title,Type,Tags,Option1 Value,Variant SKU,Variant Price,Image Src\n"


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path)


def products(shop: ImportShop) -> list[tuple[str, str | None, str, int | None, str]]:
    """Return (id, SKU, title, price, status) of every product, by id."""
    return [
        tuple(row) for row in shop.rows("SELECT product_id, sku, title, price_minor, status FROM products ORDER BY 1")
    ]


def categories(shop: ImportShop, product_id: str) -> list[str]:
    sql = "SELECT category FROM product_categories WHERE product_id = (SELECT id FROM products WHERE product_id = ?)"
    return sorted(row[0] for row in shop.db.execute(sql, (product_id,)))


def test_a_plain_file_of_products_is_recognised_and_read(shop: ImportShop) -> None:
    result = shop.take(HEADER + TEA + POT)
    assert (result.noun, result.inserted) == ("products", 2)
    assert products(shop) == [("11", "TEA", "Green tea", 450, "active"), ("12", "POT", "Tea pot", 3000, "hidden")]
    assert categories(shop, "11") == ["Drinks", "Tea"]
    assert shop.one("SELECT stock, attributes FROM products WHERE product_id = '11'") == (12, '{"material":"leaf"}')


def test_the_difference_names_old_and_new_and_again_changes_nothing(shop: ImportShop) -> None:
    shop.take(HEADER + TEA + POT)
    changed = TEA.replace("4.50", "5.00").replace("Drinks > Tea", "Drinks > Loose tea")
    dry = shop.take(HEADER + changed + POT, name="dry.csv", dry_run=True)
    assert (dry.inserted, dry.updated, dry.unchanged) == (0, 1, 1)
    assert [(each["product"], each["field"], each["old"], each["new"]) for each in dry.changes] == [
        ("11", "price", "4.50 EUR", "5.00 EUR"),
        ("11", "categories", "Drinks, Tea", "Drinks, Loose tea"),
    ]
    shop.take(HEADER + changed + POT, name="changed.csv")
    again = shop.take(HEADER + changed + POT + "\n", name="again.csv")
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 2)


def test_a_blank_cell_empties_nothing(shop: ImportShop) -> None:
    shop.take(HEADER + TEA)
    shop.take(HEADER + "11,,Green tea,,,,,,\n", name="blank.csv")
    assert products(shop) == [("11", "TEA", "Green tea", 450, "active")]
    assert categories(shop, "11") == ["Drinks", "Tea"]


def test_undo_gives_back_what_was_there(shop: ImportShop) -> None:
    def everything() -> list[list[tuple[object, ...]]]:
        return [shop.rows("SELECT * FROM products"), shop.rows("SELECT * FROM product_categories")]

    shop.take(HEADER + TEA)
    before = everything()
    result = shop.take(HEADER + TEA.replace("Drinks > Tea", "Sale").replace("leaf", "dust") + POT, name="second.csv")
    assert everything() != before
    shop.undo(result)
    assert everything() == before


def test_variants_have_their_parent_and_its_categories(shop: ImportShop) -> None:
    result = shop.take(
        SHOPIFY + 'towel,Towel,Linen,"bath, gift",Sand,T-S,19.00,https://x.example/1.jpg\n'
        "towel,,,,Blue,T-B,21.00,https://x.example/2.jpg\ntowel,,,,,,,https://x.example/3.jpg\n"
        "mug,Mug,Mug,,Default Title,MUG-1,35.00,\n"
    )
    assert (result.rows, result.inserted, result.merged) == (4, 3, 1)
    assert products(shop) == [
        ("T-B", "T-B", "Towel - Blue", 2100, "active"),
        ("T-S", "T-S", "Towel - Sand", 1900, "active"),
        ("mug", "MUG-1", "Mug", 3500, "active"),
        ("towel", None, "Towel", None, "active"),
    ]
    sql = "SELECT v.sku, p.product_id FROM products AS v JOIN products AS p ON p.id = v.parent_id ORDER BY 1"
    assert shop.rows(sql) == [("T-B", "towel"), ("T-S", "towel")]
    assert categories(shop, "T-B") == categories(shop, "towel") == ["Linen", "bath", "gift"]


def test_products_that_order_lines_named_get_what_was_missing(shop: ImportShop) -> None:
    orders = (
        "order id,email,date,quantity,price,sku,product\n1,a@example.com,2026-01-01,1,4.50,TEA,Tea\n"
        "2,a@example.com,2026-01-02,1,3.00,,Tea egg\n"
    )
    shop.take(orders)
    result = shop.take(HEADER + TEA + POT + "13,EGG,Tea egg,3,EUR,Kitchen,,,\n", name="products.csv")
    assert (result.inserted, result.updated) == (1, 2)
    assert [row[0] for row in products(shop)] == ["11", "12", "13"]
    assert shop.one("SELECT count(DISTINCT product_id) FROM order_lines") == (2,)
    assert shop.take(orders + "\n", name="orders.csv").unchanged == 2
    later = "3,b@example.com,2026-02-01,1,30,POT,Pot\n4,b@example.com,2026-02-01,1,3,,Tea egg\n"
    shop.take(orders.splitlines()[0] + "\n" + later, name="later.csv")
    assert len(products(shop)) == 3
    shop.undo(result)
    assert [row[0] for row in products(shop)] == ["12", "TEA", "Tea egg"]  # 12 was bought since


def test_several_rows_of_one_product_are_read_as_one(shop: ImportShop) -> None:
    result = shop.take("sku,title,price,category\nA,Apron,20,Linen\nA,Apron of linen,,Kitchen\nB,Bowl,9,\n")
    assert (result.rows, result.inserted, result.merged) == (3, 2, 1)
    assert products(shop)[0] == ("A", "A", "Apron", 2000, "active")
    assert categories(shop, "A") == ["Kitchen", "Linen"]


def test_rows_without_a_key_or_with_no_price_are_rejected(shop: ImportShop) -> None:
    result = shop.take("sku,title,price,category\n,,20,Linen\nA,Apron,1x5,\nB,Bowl,on request,\n")
    assert [each.line for each in result.problems] == [2, 3]
    assert products(shop) == [("B", "B", "Bowl", None, "active")]


@pytest.mark.parametrize(
    ("cell", "commas", "names"),
    [
        ("Clothing > Hoodies, Clothing", True, ["Clothing", "Hoodies"]),
        ("Books, Music & Film", False, ["Books, Music & Film"]),
        ("Home|Garden; Tools", False, ["Home", "Garden", "Tools"]),
        (" ", True, []),
    ],
)
def test_categories_are_split(cell: str, *, commas: bool, names: list[str]) -> None:
    assert list(categories_in(cell, commas=commas)) == names


def test_orders_that_name_products_stay_orders(shop: ImportShop) -> None:
    result = shop.take("order id,email,date,quantity,price,sku,category\n1,a@example.com,2026-01-01,1,5,T,Tea\n")
    assert result.noun == "orders"


def test_a_file_without_any_sign_of_products_is_asked_about(shop: ImportShop) -> None:
    with pytest.raises((DataError, UsageError)):
        shop.take("colour,size\nblue,M\n")


def test_the_products_of_completejourney_are_a_plain_file(shop: ImportShop, shared_data: Path) -> None:
    packed = (shared_data / "orders" / "completejourney" / "products.csv.gz").read_bytes()
    result = shop.take(gzip.decompress(packed).decode("utf-8"))
    assert (result.noun, result.inserted, result.rejected) == ("products", 92_331, 0)
    assert categories(shop, "25671") == ["FRZN ICE", "GROCERY", "ICE - CRUSHED/CUBED"]
    assert shop.one("SELECT vendor, attributes FROM products WHERE product_id = '25671'") == (
        "National",
        '{"manufacturer_id":"2","package_size":"22 LB"}',
    )
