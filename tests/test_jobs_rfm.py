"""RFM over time and by kind of goods, as `mailflow segment` tells it."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mailflow import clock
from mailflow.cli import main
from mailflow.jobs import rfm
from mailflow.jobs.init import Brand, init
from mailflow.segments import RFM_CLASSES
from mailflow.store import merges
from mailflow.store.frames_by import Label
from mailflow.workspace import Workspace
from rfm_by_hand import scores
from shop import Order, at, keep_orders, recount

ZONE = clock.zone("Europe/Vienna")
DAY = date(2026, 3, 30)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return init(tmp_path / "shop", Brand(timezone="Europe/Vienna", currency="EUR")).workspace


def told(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main.run([*arguments, "--workspace", str(workspace.root)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def asked(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = told(workspace, capsys, *arguments, "--format", "json")
    assert code == 0, err
    return json.loads(out)


GOODS = {  # product → (vendor, categories, parent)
    1: ("Weber", ("Tea", "gifts"), None),
    2: ("weber", ("tea",), None),
    3: (None, ("Cups",), None),
    4: (None, (), 1),  # a variant: its parent's brand and categories
    5: ("", (), None),
}


def goods_of(product: int, by: Label) -> set[str]:
    vendor, categories, parent = GOODS[product]
    above = goods_of(parent, by) if parent else set()
    if by is Label.CATEGORY:
        return {name.casefold() for name in categories} | above
    return {vendor.casefold()} if vendor else above


def keep_goods(
    workspace: Workspace, dice: Random, orders: int
) -> dict[int, list[tuple[int | None, float, int | None]]]:
    """Write products and lines of random orders; return the lines (product, quantity, price) by order."""
    lines: dict[int, list[tuple[int | None, float, int | None]]] = defaultdict(list)
    for order in range(1, orders + 1):
        for _ in range(dice.randint(0, 3)):
            price = dice.choice([None, 0, 250, 1_999, -300])
            lines[order].append((dice.choice([None, *GOODS]), dice.choice([1, 2, 0.5]), price))
    with workspace.store.transaction() as tx:
        for product, (vendor, categories, parent) in GOODS.items():
            tx.execute(
                "INSERT INTO products (id, source, product_id, title, vendor, parent_id) VALUES (?, 's', ?, 't', ?, ?)",
                (product, f"p{product}", vendor, parent),
            )
            tx.executemany("INSERT INTO product_categories VALUES (?, ?)", [(product, one) for one in categories])
        tx.executemany(
            "INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor) VALUES (?, ?, 't', ?, ?)",
            [(order, *line) for order, theirs in lines.items() for line in theirs],
        )
    return lines


@pytest.mark.parametrize("by", list(Label))
@pytest.mark.parametrize("seed", range(4))
def test_classes_of_each_kind_of_goods_equal_those_by_hand(workspace: Workspace, by: Label, seed: int) -> None:
    dice = Random(seed)
    orders = [
        Order(
            dice.choice([None, *"abcdefgh"]),
            at(f"2026-03-{dice.randint(1, 31):02d}", ZONE, dice.choice([0, 23])),
            1_000,
            status=dice.choice(["paid", "paid", "open", "failed"]),
        )
        for _ in range(60)
    ]
    ids = keep_orders(workspace.store, orders)
    lines = keep_goods(workspace, dice, len(orders))
    with workspace.store.transaction() as tx:
        merges.merge(tx, ids["a"], ids["b"], evidence="same phone", now=at("2026-03-31", ZONE))
        recount(tx)
    facts: dict[str, dict[str, list[tuple[date, int]]]] = defaultdict(lambda: defaultdict(list))
    for number, order in enumerate(orders, 1):
        placed = order.placed_at.astimezone(ZONE).date()
        if order.contact is None or order.status == "failed" or placed > DAY:
            continue
        money: dict[str, int] = defaultdict(int)
        for product, quantity, price in lines[number]:
            for name in goods_of(product, by) if product else ():
                exact = quantity * (price or 0)
                money[name] += int(abs(exact) + 0.5) * (1 if exact > 0 else -1)
        for name, minor in money.items():
            facts[name]["a" if order.contact == "b" else order.contact].append((placed, minor))
    expected = {}
    for name, people in facts.items():
        values = {
            who: ((DAY - max(day for day, _ in theirs)).days, len(theirs), sum(minor for _, minor in theirs))
            for who, theirs in people.items()
        }
        expected[name] = [
            (known, len(mine), sum(values[who][1] for who in mine), sum(values[who][2] for who in mine))
            for known in RFM_CLASSES
            for mine in [[who for who, found in scores(values).items() if found[3] == known]]
        ]
    found = {
        report.name.casefold(): [(row.name, row.contacts, row.orders, row.revenue_minor) for row in report.classes]
        for report in rfm.by_kind(workspace, by, DAY)
    }
    assert found == expected


def test_rfm_by_category_as_people_ask_for_it(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    keep_orders(workspace.store, [Order("ada", at("2026-03-01", ZONE), 900), Order("bob", at("2026-03-02", ZONE), 900)])
    keep_goods(workspace, Random(0), 0)
    with workspace.store.transaction() as tx:
        tx.execute(
            "INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor) VALUES (1, 1, 't', 2, 250)"
        )
        tx.execute(
            "INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor) VALUES (2, 3, 't', 1, 700)"
        )
    rows = asked(workspace, capsys, "segment", "--by", "category", "--as-of", "2026-03-05")
    assert [(row["category"], row["class"], row["contacts"], row["revenue"]) for row in rows if row["contacts"]] == [
        ("Cups", "new_customers", 1, "7.00"),
        ("Tea", "new_customers", 1, "5.00"),
        ("gifts", "new_customers", 1, "5.00"),
    ]
    assert len(rows) == 3 * len(RFM_CLASSES)
    assert {
        row["category"] for row in asked(workspace, capsys, "segment", "--by", "category", "--as-of", "2026-03-01")
    } == {
        "Tea",
        "gifts",
    }
    _, out, talk = told(workspace, capsys, "segment", "--by", "brand")
    assert "Weber" in out
    assert "no price" not in talk
    with workspace.store.transaction() as tx:
        tx.execute("INSERT INTO order_lines (order_id, product_id, title, quantity) VALUES (2, 3, 't', 1)")
    assert "1 order line has no price and counts as 0" in told(workspace, capsys, "segment", "--by", "category")[2]


def test_classes_by_category_fit_eighty_columns_and_every_number_is_whole(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, people = Random(5), [f"p{number}" for number in range(1_200)]
    days = [f"2026-03-{day:02}" for day in range(1, 29)]
    orders = [Order(who, at(dice.choice(days), ZONE), 900) for who in people for _ in range(dice.randint(1, 5))]
    keep_orders(workspace.store, orders)
    long = "Teas of the mountains, and what is drunk with them in the afternoon"
    with workspace.store.transaction() as tx:
        tx.execute("INSERT INTO products (id, source, product_id, title) VALUES (1, 'test', '1', 't')")
        tx.execute("INSERT INTO product_categories VALUES (1, ?)", (long,))
        tx.execute("INSERT INTO order_lines (order_id, product_id, title, quantity) SELECT id, 1, 't', 1 FROM orders")
    monkeypatch.setenv("COLUMNS", "80")
    _, narrow, _ = told(workspace, capsys, "segment", "--by", "category", "--as-of", "2026-03-30")
    rows = asked(workspace, capsys, "segment", "--by", "category", "--as-of", "2026-03-30")
    assert all(len(line) <= 80 for line in narrow.splitlines())
    line = next(line for line in narrow.splitlines() if "Teas" in line)
    assert line.split("…")[1].split() == ["1,200", *(f"{row['contacts']:,}" for row in rows if row["contacts"])]
    assert "1 champions, 2 loyal customers" in " ".join(narrow.split())
    monkeypatch.setenv("COLUMNS", "200")
    _, wide, _ = told(workspace, capsys, "segment", "--by", "category", "--as-of", "2026-03-30")
    assert long in wide
    assert "1 champions" not in wide


def test_without_categories_the_words_say_where_they_come_from(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = told(workspace, capsys, "segment", "--by", "category")
    assert (code, "mailflow import products.csv" in err) == (0, True)


def test_who_became_at_risk_this_month(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    keep_orders(workspace.store, [Order(name, at("2026-03-01", ZONE), 100) for name in ("ada", "bob")])
    told(workspace, capsys, "score", "--now", "2026-03-30T12:00")
    with workspace.store.transaction() as tx:
        tx.execute("UPDATE rfm_scores SET class = 'champions' WHERE contact_id = 1")
    told(workspace, capsys, "score", "--now", "2026-04-02T12:00")
    now = ("--now", "2026-04-03T12:00")
    assert asked(workspace, capsys, "segment", "--moves", *now) == [
        {
            "contact": "key-ada",
            "email": "ada@example.com",
            "from": "champions",
            "to": "new_customers",
            "at": "2026-04-02",
        }
    ]
    assert asked(workspace, capsys, "segment", "--moves", "--class", "at_risk", *now) == []
    assert asked(workspace, capsys, "segment", "--moves", "--since", "2026-04-03", *now) == []
    code, _, err = told(workspace, capsys, "segment", "--moves", "--class", "at_riks", *now)
    assert (code, "did you mean 'at_risk'?" in err) == (2, True)
    code, _, err = told(workspace, capsys, "segment", "--moves", "--since", "2026-01-01", *now)
    assert "scores are kept since 2026-03-30" in err


def test_moves_of_a_shop_that_never_kept_scores_say_so(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = told(workspace, capsys, "segment", "--moves")
    assert (code, "mailflow score" in err) == (0, True)


def test_a_score_says_what_it_was_made_from_and_why(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    days = {"a": 1, "b": 5, "c": 9, "d": 13, "e": 17, "f": 21}
    keep_orders(workspace.store, [Order(name, at(f"2026-03-{day:02d}", ZONE), 100 * day) for name, day in days.items()])
    told(workspace, capsys, "score", "--now", "2026-03-30T12:00")
    runs = asked(workspace, capsys, "score", "--list")
    run = next(run for run in runs if run["score"] == "rfm")
    assert (run["version"], run["as_of"], run["contacts"]) == (1, "2026-03-30", 6)
    assert run["inputs"]["cuts"]["recency"] == ["13", "17", "21", "25"]
    assert sum(run["inputs"]["classes"].values()) == 6
    found = {row["score"]: row for row in asked(workspace, capsys, "score", "--explain", "key-d")}
    assert (found["rfm.r"]["value"], found["rfm.r"]["causes"]) == (
        4,
        [{"recency_days": 17, "cut_points": ["13", "17", "21", "25"], "strictly_below": 1}],
    )
    assert found["rfm.m"]["causes"] == [
        {"monetary": "13.00", "cut_points": ["5", "9", "13", "17"], "strictly_below": 2}
    ]
    assert found["rfm.class"]["value"] == "promising"
    assert found["lifecycle"]["causes"][0]["orders"] == 1
    code, out, _ = told(workspace, capsys, "score", "--explain", "key-d")
    assert (code, "17 days; 1 of" in out) == (0, True)
    code, out, _ = told(workspace, capsys, "score", "--list")
    assert "rfm" in out


def test_a_run_keeps_scores_and_moves_though_no_rule_asks_for_them(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace.root / "segments.yaml").write_text("{}\n")
    keep_orders(workspace.store, [Order(name, at("2026-03-01", ZONE), 100) for name in "abc"])
    told(workspace, capsys, "run", "--now", "2026-03-30T12:00")
    assert [run["as_of"] for run in asked(workspace, capsys, "score", "--list") if run["score"] == "rfm"] == [
        "2026-03-30"
    ]


def test_a_run_without_rates_for_several_currencies_fails_for_nobody_who_asks_no_scores(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace.root / "segments.yaml").write_text("{}\n")
    keep_orders(workspace.store, [Order("a", at("2026-03-01", ZONE), 1, code) for code in ("EUR", "USD")])
    code, _, err = told(workspace, capsys, "run", "--now", "2026-03-30T12:00")
    assert (code, "rates.csv" in err) == (0, False)
