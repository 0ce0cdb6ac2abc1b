"""Files of order lines alone: of known orders, whose totals and buyers stay; again; undone; in any order."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from import_shop import ImportShop
from mailflow.errors import QuestionError
from mailflow.importers import ImportOptions
from mailflow.importers.reading.pieces import gather
from mailflow.importers.reading.spool import Spool

ORDERS = """order_id,email,date,total,currency
A1,ann@example.com,2024-01-02,13.50,EUR
A2,bo@example.com,2024-01-03,9.00,EUR
A3,bo@example.com,2024-01-04,500,JPY
"""
HEADER = "order_item_id,order_id,product_id,sku,title,quantity,price\n"
MUG, CUP = "1,A1,p1,S1,Mug,2,5.00\n", "2,A1,p2,S2,Cup,1,3.50\n"


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    shop = ImportShop(tmp_path)
    shop.take(ORDERS, name="orders.csv")
    return shop


def lines(shop: ImportShop) -> list[tuple[object, ...]]:
    return [
        tuple(row)
        for row in shop.rows(
            """SELECT o.order_id, l.title, l.quantity, l.price_minor FROM order_lines AS l
               JOIN orders AS o ON o.id = l.order_id ORDER BY o.order_id, l.id"""
        )
    ]


def orders(shop: ImportShop) -> list[tuple[object, ...]]:
    return shop.rows("SELECT order_id, contact_id, placed_at, total_minor, currency FROM orders")


def test_lines_go_to_the_orders_that_are_known(shop: ImportShop) -> None:
    before = orders(shop)
    result = shop.take(HEADER + MUG + CUP, name="lines.csv")
    assert (result.noun, result.rows, result.inserted, result.updated, result.merged) == ("orders", 2, 0, 1, 1)
    assert lines(shop) == [("A1", "Mug", 2.0, 500), ("A1", "Cup", 1.0, 350)]
    assert orders(shop) == before
    assert not any("add up" in warning for warning in result.warnings)


def test_the_same_lines_again_change_nothing_and_undo_takes_them_back(shop: ImportShop) -> None:
    first = shop.take(HEADER + MUG + CUP, name="lines.csv")
    again = shop.take(HEADER + MUG + CUP + "\n", name="again.csv")
    assert (again.updated, again.unchanged, again.merged) == (0, 1, 1)
    shop.undo(again)
    shop.undo(first)
    assert lines(shop) == []


def test_a_dry_run_shows_the_old_and_the_new_lines(shop: ImportShop) -> None:
    shop.take(HEADER + MUG, name="lines.csv")
    dry = shop.take(HEADER + MUG.replace(",2,", ",3,"), name="dry.csv", dry_run=True)
    assert [(each["order"], each["field"], each["old"], each["new"]) for each in dry.changes] == [
        ("A1", "lines", "2 × Mug", "3 × Mug")
    ]
    assert lines(shop) == [("A1", "Mug", 2.0, 500)]


def test_lines_that_are_not_worth_the_total_are_told(shop: ImportShop) -> None:
    result = shop.take(HEADER + MUG, name="lines.csv")
    [told] = [warning for warning in result.warnings if "add up" in warning]
    assert "A1: lines 10.00, total 13.50" in told


def test_lines_of_unknown_orders_and_torn_orders_are_rejected_whole(shop: ImportShop) -> None:
    scattered = "3,A2,p1,S1,Mug,1,5.00\n", "4,A2,p2,S2,Cup,many,4.00\n"
    result = shop.take(HEADER + scattered[0] + MUG + "9,Z9,p1,S1,Mug,1,5.00\n" + scattered[1], name="lines.csv")
    assert (result.rows, result.updated, result.rejected) == (4, 1, 3)
    assert [trouble.line for trouble in result.problems] == [2, 4, 5]
    assert "no order 'Z9'" in result.problems[1].reason
    assert lines(shop) == [("A1", "Mug", 2.0, 500)]


def test_lines_of_one_order_may_stand_apart(shop: ImportShop) -> None:
    result = shop.take(HEADER + MUG + "3,A2,p1,S1,Mug,1,5.00\n" + CUP, name="lines.csv")
    assert (result.updated, result.merged) == (2, 1)
    assert sorted(lines(shop)[:2]) == [("A1", "Cup", 1.0, 350), ("A1", "Mug", 2.0, 500)]


def test_the_total_of_a_line_gives_its_price_in_the_currency_of_the_order(shop: ImportShop) -> None:
    shop.take("order_id;sku;quantity;line_total\nA1;S1;3;10,50\nA3;S1;2;500\n", name="lines.csv")
    assert [row[3] for row in lines(shop)] == [350, 250]


def test_lines_come_after_orders_whatever_the_files_are_called(shop: ImportShop, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "a_lines.csv").write_text(HEADER + MUG, encoding="utf-8")
    (folder / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (folder / "products.csv").write_text("product_id,sku,title,price\np1,S1,Mug,5.00\n", encoding="utf-8")
    found = gather([folder], ImportOptions("EUR", ZoneInfo("Europe/Vienna")), Spool(tmp_path / "spool"))
    assert [source.name for source in found.sources] == ["products.csv", "orders.csv", "a_lines.csv"]


def test_lines_with_the_time_their_rows_were_made_are_lines_too(shop: ImportShop) -> None:
    result = shop.take("id,order_id,product_id,quantity,unit_price,created_at\n1,A1,p1,2,5.00,2024-02-15\n")
    assert (result.updated, lines(shop)) == (1, [("A1", "p1", 2.0, 500)])


def test_a_question_about_lines_with_a_date_says_how_they_are_read_as_lines(shop: ImportShop) -> None:
    text = "order_id,order_date,sku,quantity,price\nA1,2024-01-02,S1,2,5.00\n"
    with pytest.raises(QuestionError, match="--map 'order_date=ignore' if these are lines of orders"):
        shop.take(text, name="lines.csv")
    assert shop.take(text, name="lines.csv", mapping={"order_date": "ignore"}).updated == 1
