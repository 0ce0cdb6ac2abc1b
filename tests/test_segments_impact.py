"""impact.yaml: what somebody's deeds add up to, held to a plain reckoning, and told to templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from mail_shop import NOW, mailflow, make_shop
from mailflow import clock
from mailflow.errors import DataError, ProblemsError
from mailflow.jobs import lint, personal, preview
from mailflow.jobs.lint import Options
from mailflow.segments import Segments, impact
from mailflow.templates import load
from mailflow.workspace import Workspace

FIGURES = """\
donated: {sum: value, of: did("donated")}
gifts: {sum: amount, of: bought(category="donations")}
trees: {sum: quantity, of: bought("Tree"), times: 3}
orders: {sum: count, of: bought()}
spent: {sum: amount, of: bought()}
lately: {sum: amount, of: bought(within=30d)}
mugs: {sum: count, of: did("cup_returned"), times: 0.25}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    shop = make_shop(tmp_path, 4)
    (tmp_path / "impact.yaml").write_text(FIGURES, encoding="utf-8")
    with shop.store.transaction() as tx:
        for number, (name, category) in enumerate((("Tree", "trees"), ("Meal", "donations"), ("Mug", "mugs")), 1):
            tx.execute(
                "INSERT INTO products (id, source, product_id, title) VALUES (?, 'shop', ?, ?)", (number, name, name)
            )
            tx.execute("INSERT INTO product_categories VALUES (?, ?)", (number, category))
    return shop


def order(
    shop: Workspace, who: int, lines: list[tuple[int, float, int]], *, status: str = "paid", day: int = 1,
    back: int = 0, currency: str = "EUR",
) -> None:  # fmt: skip
    """Write an order of (product, quantity, price in cents), of which `back` cents were refunded."""
    at = clock.to_ms(datetime(2026, 1, day, tzinfo=UTC))
    with shop.store.transaction() as tx:
        total = sum(int(quantity * price) for _, quantity, price in lines)
        row = tx.execute(
            "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
            " VALUES ('shop', (SELECT count(*) FROM orders), ?, ?, ?, ?, ?, 0) RETURNING id",
            (who, status, at, total, currency),
        ).fetchone()
        tx.executemany(
            "INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor) VALUES (?, ?, '', ?, ?)",
            [(row["id"], *line) for line in lines],
        )
        tx.execute(
            "INSERT INTO contact_revenue VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET revenue_minor = revenue_minor + excluded.revenue_minor",
            (who, currency, total - back),
        )
        if back:
            refund = (row["id"], at, back)
            tx.execute(
                "INSERT INTO refunds (order_id, source_id, refunded_at, amount_minor) VALUES (?, 'r', ?, ?)", refund
            )


def event(shop: Workspace, who: int, name: str, **properties: object) -> None:
    with shop.store.transaction() as tx:
        tx.execute(
            "INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at, properties)"
            " VALUES (?, ?, 'test', (SELECT count(*) FROM events), ?, 0, ?)",
            (who, name, clock.to_ms(NOW), json.dumps(properties)),
        )


def told(shop: Workspace, who: int) -> dict[str, Decimal]:
    (shop.templates / "hello.md").write_text("---\nsubject: x\n---\n{{ contact.impact }}\n", encoding="utf-8")
    template = load(shop.templates, "hello", None)
    return dict(personal.contexts(shop, template, [who], now=NOW)[who]["contact"]["impact"])


def test_deeds_are_added_up_for_each_person(shop: Workspace) -> None:
    order(shop, 1, [(1, 2, 500), (2, 1, 350), (3, 1, 1200)])
    order(shop, 1, [(1, 1, 500)], day=2)
    order(shop, 1, [(2, 3, 350)], status="cancelled")
    event(shop, 1, "donated", value=25.5)
    event(shop, 1, "donated", value=10.10, currency="eur")
    for _ in range(3):
        event(shop, 1, "cup_returned")
    found = told(shop, 1)
    assert found == {
        "donated": Decimal("35.6"), "gifts": Decimal("3.50"), "trees": 9, "orders": 2, "spent": Decimal("30.50"),
        "lately": 0, "mugs": Decimal("0.75"),
    }  # fmt: skip
    assert {name: str(value) for name, value in found.items()}["trees"] == "9"


def test_who_did_nothing_has_nothing_and_not_null(shop: Workspace) -> None:
    assert set(told(shop, 4).values()) == {Decimal(0)}


def test_what_was_paid_back_does_not_count(shop: Workspace) -> None:
    order(shop, 1, [(2, 2, 500)], back=1000)
    order(shop, 1, [(1, 1, 500), (3, 1, 1200)], back=200, day=2)
    found = told(shop, 1)
    assert (found["gifts"], found["trees"], found["spent"]) == (0, 3, Decimal("15.00"))


def test_who_is_one_person_now_has_the_deeds_of_both(shop: Workspace) -> None:
    order(shop, 1, [(1, 1, 500)])
    order(shop, 2, [(1, 2, 500)])
    event(shop, 2, "donated", value=5)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET merged_into = 1 WHERE id = 2")
    found = told(shop, 1)
    assert (found["trees"], found["donated"], found["orders"]) == (9, 5, 2)


def test_amounts_of_several_currencies_are_not_added_up(shop: Workspace) -> None:
    event(shop, 1, "donated", value=5, currency="USD")
    with pytest.raises(DataError, match="in several currencies, which are never added up"):
        told(shop, 1)
    (shop.root / "impact.yaml").write_text("g: {sum: amount, of: bought()}\n", encoding="utf-8")
    order(shop, 1, [(1, 1, 500)])
    order(shop, 1, [(1, 1, 500)], currency="USD")
    with pytest.raises(DataError):
        told(shop, 1)
    (shop.root / "rates.csv").write_text("date,from,to,rate\n2026-01-01,USD,EUR,0.5\n", encoding="utf-8")
    assert told(shop, 1) == {"g": Decimal("7.50")}


def test_amounts_in_another_currency_than_the_account_s_are_not_called_by_its_name(shop: Workspace) -> None:
    (shop.root / "impact.yaml").write_text("g: {sum: amount, of: bought()}\n", encoding="utf-8")
    order(shop, 1, [(1, 1, 500)], currency="USD")
    with pytest.raises(DataError, match=r"are in USD, and currency: in mailflow\.yaml is EUR"):
        told(shop, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a b: {sum: count, of: bought()}', "'a b' is no name"),
        ('a: {of: bought()}', "the key 'sum' is missing"),
        ('a: {sum: value, of: bought()}', "of orders amount, quantity, count can be added up"),
        ('a: {sum: count, of: country == "AT"}', "of: is one thing that people did"),
        ('a: {sum: count, of: received("x")}', "of: is one thing that people did"),
        ('a: {sum: count, of: not bought()}', "of: is one thing that people did"),
        ('a: {sum: count, of: bougt()}', "impact.yaml:1:21: unknown function 'bougt'"),
        ('a: {sum: count, of: bought(), time: 2}', "unknown key 'time' (did you mean 'times'?)"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(shop: Workspace, text: str, message: str) -> None:
    (shop.root / "impact.yaml").write_text(text + "\n", encoding="utf-8")
    known = Segments.open(shop.root, shop.settings)
    with pytest.raises(ProblemsError) as caught:
        impact.figures(shop.root, known)
    assert message in str(caught.value)
    assert [
        each.check.code for each in lint.lint(shop, Options(), now=NOW).findings if each.place.file == "impact.yaml"
    ]


def test_mails_say_it_and_a_slip_is_told(shop: Workspace) -> None:
    order(shop, 1, [(1, 2, 500)])
    event(shop, 1, "donated", value=1250)
    body = "---\nsubject: x\n---\n{{ contact.impact.trees }} trees, {{ contact.impact.donated | money }}.\n"
    (shop.templates / "hello.md").write_text(body, encoding="utf-8")
    assert "6 trees, €1,250.00." in preview.preview(shop, "hello", "p1@example.com", now=NOW).rendered.text
    assert "24 trees, €24.00." in preview.preview(shop, "hello", None, now=NOW).rendered.text
    assert mailflow(shop, "contact", "neutral", "p1@example.com", "--reason", "asked") == 0
    assert "0 trees, €0.00." in preview.preview(shop, "hello", "p1@example.com", now=NOW).rendered.text
    (shop.templates / "hello.md").write_text(body.replace("trees }}", "tres }}"), encoding="utf-8")
    assert mailflow(shop, "preview", "hello", "--for", "p2@example.com", now=NOW) != 0
