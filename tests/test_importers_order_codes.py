"""Discount codes of orders: the columns that have them, what is in their cells, undo, and what a blank says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_shop import mailflow
from mailflow.importers.orders.order_codes import codes_in
from mailflow.workspace import Workspace

SETTINGS = (
    "name: Quitte\nsender: {name: Quitte, email: hello@quitte.example}\ncurrency: EUR\ntimezone: Europe/Vienna\n"
    "address: 1 Long Lane\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    assert mailflow(tmp_path, "init", str(tmp_path / "shop"), "--quiet") == 0
    (tmp_path / "shop" / "mailflow.yaml").write_text(SETTINGS, encoding="utf-8")
    return Workspace.at(tmp_path / "shop")


def bring(shop: Workspace, text: str, *words: str, name: str = "orders.csv") -> None:
    path = shop.root.parent / name
    path.write_text(text, encoding="utf-8")
    assert mailflow(shop, "import", str(path), "--quiet", *words) == 0


def codes_of(shop: Workspace) -> dict[str, list[str]]:
    """Return order id → its codes."""
    rows = shop.store.db.execute(
        "SELECT o.order_id, k.code FROM order_codes AS k JOIN orders AS o ON o.id = k.order_id"
        " ORDER BY o.order_id, k.code"
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append(row["code"])
    return found


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("SAVE10", ["SAVE10"]),
        (" save10 ", ["save10"]),
        ("SAVE10, FREESHIP", ["SAVE10", "FREESHIP"]),
        ("SAVE10;FREESHIP|X-1", ["SAVE10", "FREESHIP", "X-1"]),
        ("SAVE10 FREESHIP", ["SAVE10", "FREESHIP"]),
        ("Free shipping in May", ["Free shipping in May"]),
        ("SAVE10,SAVE10", ["SAVE10"]),
        ("code:SAVE10|amount:5.00", ["SAVE10"]),
        ("code: SAVE10; code: FREESHIP", ["SAVE10", "FREESHIP"]),
        ('[{"code": "SAVE10", "amount": "5.00"}, {"code": "FREESHIP"}]', ["SAVE10", "FREESHIP"]),
        ('["SAVE10"]', ["SAVE10"]),
        ('{"code": "SAVE10", "type": "percentage"}', ["SAVE10"]),
        ("[SAVE10]", ["SAVE10"]),
        ("", []),
        ("-", []),
        ("none", []),
        ("[]", []),
        ("5.00", []),
    ],
)
def test_the_codes_in_a_cell(cell: str, codes: list[str]) -> None:
    assert list(codes_in(cell)) == codes


@pytest.mark.parametrize(
    "column",
    ["Discount Code", "Coupon", "coupon_code", "Gutscheincode", "Promo Code", "Code promo", "Código de descuento"],
)
def test_a_column_of_codes_is_known_by_its_name(column: str, shop: Workspace) -> None:
    bring(
        shop,
        f"Order ID,Email,Date,Total,{column}\n1,a@example.com,2026-03-01,20.00,SAVE10\n"
        "2,b@example.com,2026-03-02,20.00,\n",
    )
    assert codes_of(shop) == {"1": ["SAVE10"]}


def test_orders_of_several_lines_and_orders_without_an_id_have_codes(shop: Workspace) -> None:
    bring(
        shop,
        "Order ID,Email,Date,SKU,Quantity,Price,Coupon Code\n"
        "1,a@example.com,2026-03-01,M1,1,5.00,SAVE10\n1,a@example.com,2026-03-01,M2,1,5.00,SAVE10\n"
        "2,b@example.com,2026-03-02,M1,1,5.00,X1\n3,c@example.com,2026-03-02,M1,1,5.00,\n"
        "4,d@example.com,2026-03-02,M1,1,5.00,X2\n",
    )
    assert codes_of(shop) == {"1": ["SAVE10"], "2": ["X1"], "4": ["X2"]}
    bring(shop, "Email,Date,Total,Coupon\ne@example.com,2026-03-05,9.00,NOID1\n", name="till.csv")
    assert ["NOID1"] in codes_of(shop).values()


def test_lines_of_an_order_that_stand_apart_give_all_its_codes(shop: Workspace) -> None:
    bring(
        shop,
        "Order ID,Email,Date,SKU,Quantity,Price,Coupon Code\n2,a@example.com,2026-03-01,M1,1,5.00,SAVE10\n"
        "1,b@example.com,2026-03-01,M1,1,5.00,\n2,a@example.com,2026-03-01,M2,1,5.00,FREESHIP\n",
    )
    assert codes_of(shop) == {"2": ["FREESHIP", "SAVE10"]}


def test_a_later_file_adds_codes_a_blank_says_nothing_and_undo_gives_back_what_was(shop: Workspace) -> None:
    head = "Order ID,Email,Date,Total"
    bring(shop, f"{head}\n1,a@example.com,2026-03-01,20.00\n2,b@example.com,2026-03-02,20.00\n")
    assert codes_of(shop) == {}
    bring(
        shop, f"{head},Coupon\n1,a@example.com,2026-03-01,20.00,OLD1\n2,b@example.com,2026-03-02,20.00,\n", name="2.csv"
    )
    assert codes_of(shop) == {"1": ["OLD1"]}
    bring(
        shop,
        f"{head},Coupon\n1,a@example.com,2026-03-01,20.00,NEW1\n2,b@example.com,2026-03-02,20.00,X2\n",
        name="3.csv",
    )
    assert codes_of(shop) == {"1": ["NEW1"], "2": ["X2"]}
    bring(
        shop, f"{head},Coupon\n1,a@example.com,2026-03-01,20.00,\n2,b@example.com,2026-03-02,20.00,x2\n", name="4.csv"
    )
    assert codes_of(shop) == {"1": ["NEW1"], "2": ["X2"]}
    latest = shop.store.db.execute("SELECT id FROM imports WHERE file LIKE '%3.csv'").fetchone()[0]
    assert mailflow(shop, "import", "--undo", str(latest), "--quiet") == 0
    assert codes_of(shop) == {"1": ["OLD1"]}
    first = shop.store.db.execute("SELECT min(id) FROM imports").fetchone()[0]
    second = shop.store.db.execute("SELECT id FROM imports WHERE file LIKE '%2.csv'").fetchone()[0]
    for one in (second, first):
        assert mailflow(shop, "import", "--undo", str(one), "--quiet") == 0
    assert codes_of(shop) == {}
    assert shop.store.db.execute("SELECT count(*) FROM orders").fetchone()[0] == 0


def test_a_dry_run_says_which_codes_would_change(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    head = "Order ID,Email,Date,Total,Coupon"
    bring(shop, f"{head}\n1,a@example.com,2026-03-01,20.00,OLD1\n")
    path = shop.root.parent / "new.csv"
    path.write_text(f"{head}\n1,a@example.com,2026-03-01,20.00,NEW1\n")
    capsys.readouterr()
    assert mailflow(shop, "import", str(path), "--dry-run", "--format", "json") == 0
    assert '"discount codes"' in capsys.readouterr().out


def test_the_orders_of_shopify_and_woocommerce_have_their_codes(shop: Workspace) -> None:
    bring(
        shop,
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
        "Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price\n"
        "#1001,a@example.com,paid,2026-03-01 10:00:00 +0100,fulfilled,EUR,20,0,0,18.00,COME-7XK3,2.00,"
        "2026-03-01 10:00:00 +0100,1,Mug,10\n#1001,a@example.com,,,,,,,,,,,2026-03-01 10:00:00 +0100,1,Tee,10\n"
        "#1002,b@example.com,paid,2026-03-01 10:00:00 +0100,fulfilled,EUR,20,0,0,20.00,,0.00,"
        "2026-03-01 10:00:00 +0100,1,Mug,20\n",
        "--from", "shopify",
    )  # fmt: skip
    bring(
        shop,
        '"Order #",Date,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),Net Sales,'
        "Attribution\n"
        '77,2026-03-03 10:00:00,"18,00 €",completed,Ada Lovelace,new,1× Mug,1,"come-8abc, freeship",18.00,Direct\n',
        "--from", "woocommerce", name="wc.csv",
    )  # fmt: skip
    assert codes_of(shop) == {"#1001": ["COME-7XK3"], "77": ["come-8abc", "freeship"]}
