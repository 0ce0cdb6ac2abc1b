"""importers.whole_orders: orders read by columns are the orders that are read row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from mailflow.importers import ImportOptions, import_file
from mailflow.importers.reading import source
from mailflow.importers.recognition import shape
from mailflow.store import Store
from mailflow.tokens import Keys

NOW = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
HEADER = "order_id,email,order_date,status,refunded,cancelled_at,sku,title,category,quantity,unit_price,total".split(
    ","
)


def orders(dice: Random, count: int) -> Iterator[list[str]]:
    """Yield rows of orders, one in four of them odd in some way."""
    for number in range(count):
        order_id = str(1000 + number) if dice.random() < 0.95 else str(1000 + dice.randrange(count))
        at = datetime(2026, 1, 1) + timedelta(hours=number)  # noqa: DTZ001 (wall time, as shops write it)
        head = [order_id, f"p{dice.randrange(40)}@shop.example", f"{at:%Y-%m-%d %H:%M:%S}", "paid", "", ""]
        lines = [
            [
                f"S{dice.randrange(9)}",
                f"Tea {dice.randrange(9)}",
                "tea",
                str(dice.randrange(1, 4)),
                f"{dice.randrange(1, 900) / 100}",
            ]
            for _ in range(dice.choice((1, 1, 2, 3)))
        ]
        rows = [[*head, *line, "12.50"] for line in lines]
        if dice.random() < 0.25:
            _spoil(dice, rows)
        yield from rows


def _spoil(dice: Random, rows: list[list[str]]) -> None:
    row = dice.choice(rows)
    place, text = dice.choice(
        [(1, ""), (1, "no address"), (2, ""), (3, ""), (3, "refunded"), (4, "3.00"), (5, "2026-02-01"), (6, ""),
         (7, ""), (9, ""), (9, "-1"), (9, "x"), (10, ""), (10, "-2.00"), (11, ""), (11, "-4.00"), (0, "")]
    )  # fmt: skip
    row[place] = text
    if place == 6:
        row[7] = dice.choice(("", row[7]))


def written(folder: Path, path: Path) -> dict[str, object]:
    """Import a file into a new database; return what it holds, with the counts and the reasons of what was rejected."""
    private = folder / ".mailflow"
    private.mkdir(parents=True)
    store = Store.create(folder / "mailflow.db")
    keys = Keys.load_or_create(private / "keys.json")
    options = ImportOptions(currency="EUR", zone=ZoneInfo("Europe/Vienna"))
    result = import_file(store, private, keys, path, options, now=NOW)
    queries = {
        "orders": "SELECT o.order_id, c.email, o.status, o.placed_at, o.total_minor, o.currency, o.fingerprint"
        " FROM orders AS o LEFT JOIN contacts AS c ON c.id = o.contact_id",
        "lines": "SELECT o.order_id, p.product_id, l.title, l.quantity, l.price_minor FROM order_lines AS l"
        " JOIN orders AS o ON o.id = l.order_id LEFT JOIN products AS p ON p.id = l.product_id",
        "refunds": "SELECT o.order_id, r.source_id, r.refunded_at, r.amount_minor FROM refunds AS r"
        " JOIN orders AS o ON o.id = r.order_id",
        "products": "SELECT p.product_id, p.sku, k.category FROM products AS p"
        " LEFT JOIN product_categories AS k ON k.product_id = p.id",
        "contacts": "SELECT email FROM contacts",
    }
    found: dict[str, object] = {
        name: sorted((tuple(row) for row in store.db.execute(query)), key=repr) for name, query in queries.items()
    }
    assert result.rows == result.inserted + result.updated + result.unchanged + result.merged + result.rejected
    found["counts"] = (result.rows, result.inserted, result.updated, result.unchanged, result.merged, result.rejected)
    found["rejects"] = sorted((problem.line, problem.reason) for problem in result.problems)
    return found


@pytest.mark.parametrize(
    "columns", [HEADER, HEADER[:-1], [*HEADER[:3], *HEADER[6:9], "quantity", "unit_price", "total"]]
)
@pytest.mark.parametrize("seed", range(6))
def test_by_columns_and_row_by_row_give_the_same_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: list[str], seed: int
) -> None:
    path = tmp_path / "orders.csv"
    places = [HEADER.index(name) for name in columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row[place] for place in places] for row in orders(Random(seed), 120))
    by_columns = written(tmp_path / "columns", path)
    # In a block of a row or two every order is the first or the last, which may go on in another block.
    monkeypatch.setattr(shape, "blocks", lambda found: source.blocks(found, 100))
    by_rows = written(tmp_path / "rows", path)
    for name, found in by_rows.items():
        assert found == by_columns[name], name
