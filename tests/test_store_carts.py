"""store.carts: what became of a cart, by its events and the orders that follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mailflow import clock
from mailflow.store import Store, carts, events
from mailflow.store.carts import Cart, CartState
from mailflow.store.events import Event
from people import add_contact

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Carts:
    """One contact and what happened to their carts."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.transaction() as tx:
            self.contact = add_contact(tx, "anna@example.com", now=AT)

    def told(self, name: str, at: datetime = AT, **properties: Any) -> None:
        number = self.store.db.execute("SELECT count(*) FROM events").fetchone()[0]
        with self.store.transaction() as tx:
            events.insert(tx, Event(name, "shop", str(number), at, at, self.contact, properties))

    def ordered(self, at: datetime, order_id: str = "O-1", status: str = "paid") -> None:
        with self.store.transaction() as tx:
            tx.execute(
                "INSERT INTO orders"
                " (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
                " VALUES ('shop', ?, ?, ?, ?, 100, 'EUR', 0)",
                (order_id, self.contact, status, clock.to_ms(at)),
            )

    def all(self, now: datetime) -> list[Cart]:
        return carts.of_person(self.store.db, [self.contact], now=now)

    def state(self, now: datetime) -> CartState:
        (cart,) = self.all(now)
        return cart.state


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Carts]:
    with Store.create(tmp_path / "mailflow.db") as store:
        yield Carts(store)


def test_a_cart_is_open_until_nothing_happened_for_an_hour(shop: Carts) -> None:
    shop.told("cart_updated", cart_id="c1", value=20, currency="EUR")
    assert shop.state(AT + 59 * MINUTE) is CartState.OPEN
    assert shop.state(AT + HOUR) is CartState.ABANDONED
    assert shop.all(AT - MINUTE) == []


def test_a_cart_that_its_shop_says_was_left_is_abandoned_at_once(shop: Carts) -> None:
    shop.told("cart_abandoned", cart_id="c1")
    assert shop.state(AT + MINUTE) is CartState.ABANDONED


def test_an_order_that_follows_converts_a_cart_and_recovers_one_that_was_left(shop: Carts) -> None:
    shop.told("cart_updated", cart_id="c1")
    shop.ordered(AT + 10 * MINUTE)
    assert shop.state(AT + HOUR) is CartState.CONVERTED
    shop.told("cart_updated", AT + timedelta(days=2), cart_id="c2")
    shop.ordered(AT + timedelta(days=3), "O-2")
    now = AT + timedelta(days=4)
    assert [(cart.cart_id, cart.state) for cart in shop.all(now)] == [
        ("c2", CartState.RECOVERED), ("c1", CartState.CONVERTED),
    ]  # fmt: skip


def test_an_order_before_a_cart_long_after_it_or_cancelled_is_none_of_it(shop: Carts) -> None:
    shop.told("cart_updated", cart_id="c1")
    shop.ordered(AT - MINUTE, "O-1")
    shop.ordered(AT + timedelta(days=8), "O-2")
    shop.ordered(AT + HOUR, "O-3", status="cancelled")
    assert shop.state(AT + timedelta(days=9)) is CartState.ABANDONED


def test_one_order_converts_one_cart(shop: Carts) -> None:
    shop.told("cart_updated", AT, cart_id="c1")
    shop.told("cart_updated", AT + MINUTE, cart_id="c2")
    shop.ordered(AT + 2 * MINUTE)
    states = {cart.cart_id: cart.state for cart in shop.all(AT + 2 * HOUR)}
    assert states == {"c1": CartState.ABANDONED, "c2": CartState.CONVERTED}


def test_a_checkout_that_is_told_completes_the_cart(shop: Carts) -> None:
    shop.told("cart_updated", cart_id="c1")
    shop.told("checkout_completed", AT + 3 * HOUR, cart_id="c1")
    assert shop.state(AT + 4 * HOUR) is CartState.RECOVERED


def test_an_emptied_cart_is_neither_open_nor_left(shop: Carts) -> None:
    shop.told("cart_updated", cart_id="c1", value=20)
    shop.told("cart_emptied", AT + MINUTE, cart_id="c1")
    assert shop.state(AT + 4 * HOUR) is CartState.EMPTIED


def test_the_value_is_the_last_that_was_told_else_that_of_the_lines(shop: Carts) -> None:
    shop.told("cart_updated", cart_id="c1", value=20, currency="EUR")
    shop.told("cart_updated", AT + MINUTE, cart_id="c1", value=12.5, currency="EUR")
    shop.told(
        "cart_updated", AT, cart_id="c2", items=[{"product": "Tea", "quantity": 2, "price": 3.35}, {"price": 0.1}]
    )
    values = {cart.cart_id: (cart.value, cart.currency) for cart in shop.all(AT + HOUR)}
    assert values == {"c1": (Decimal("12.5"), "EUR"), "c2": (Decimal("6.80"), None)}


def test_lines_that_are_told_one_by_one_make_up_the_cart(shop: Carts) -> None:
    shop.told("cart_updated", AT, cart_id="c1", items=[{"product": "Tea", "quantity": 2, "price": 3}])
    shop.told("cart_updated", AT + MINUTE, cart_id="c1", items=[{"product": "Cup", "price": 7}])
    shop.told("cart_updated", AT + 2 * MINUTE, cart_id="c1", items=[{"product": "Tea"}], said_as="remove_from_cart")
    (cart,) = shop.all(AT + HOUR)
    assert [item["product"] for item in cart.items] == ["Cup"]
    assert cart.value == 7


def test_without_an_id_a_person_has_one_cart_at_a_time(shop: Carts) -> None:
    shop.told("cart_updated", AT)
    shop.told("checkout_completed", AT + MINUTE)
    shop.told("cart_updated", AT + timedelta(days=1))
    assert [cart.state for cart in shop.all(AT + timedelta(days=2))] == [CartState.ABANDONED, CartState.CONVERTED]
