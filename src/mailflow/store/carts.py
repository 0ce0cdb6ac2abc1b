"""Carts, as their events tell: open, left, bought, emptied. Nothing is kept of them; the events: events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from mailflow import clock
from mailflow.store import events
from mailflow.store.connection import Connection
from mailflow.store.events import Event

UPDATED, EMPTIED, ABANDONED = "cart_updated", "cart_emptied", "cart_abandoned"
STARTED, COMPLETED = "checkout_started", "checkout_completed"
NAMES = (UPDATED, EMPTIED, ABANDONED, STARTED, COMPLETED)

IDLE = timedelta(hours=1)  # a cart that nothing happened to for so long was left
WITHIN = timedelta(days=7)  # an order that long after the last of a cart is of that cart
_REMOVED = "remov"  # how tools' words for taking something out have it
_ENDS = frozenset({EMPTIED, COMPLETED})


class CartState(StrEnum):
    """What became of a cart."""

    OPEN = "open"  # being filled
    ABANDONED = "abandoned"  # left with something in it
    CONVERTED = "converted"  # became an order
    RECOVERED = "recovered"  # became an order after it had been left
    EMPTIED = "emptied"  # everything was taken out


@dataclass(frozen=True, slots=True)
class Cart:
    """One cart. `value` is None where neither the cart nor its lines say what they are worth."""

    cart_id: str
    source: str
    state: CartState
    updated_at: datetime
    value: Decimal | None
    currency: str | None
    items: Sequence[Mapping[str, Any]] = ()
    url: str | None = None


@dataclass(slots=True)
class _Story:
    """The events of one cart, the oldest first, and the order that it became, as far as known."""

    cart_id: str
    source: str
    events: list[Event] = field(default_factory=list)
    ordered_at: datetime | None = None

    @property
    def live(self) -> list[Event]:
        """The events from before it was bought."""
        return [event for event in self.events if event.name != COMPLETED]


def of_person(
    db: Connection, contact_ids: Sequence[int], *, now: datetime, idle: timedelta = IDLE, within: timedelta = WITHIN
) -> list[Cart]:
    """Return the carts of the contacts that are one person, as of `now`, the latest first.

    A cart is abandoned when nothing happened to it for `idle`, or its shop says so; an order placed up to `within`
    after its last event makes it converted, or recovered where it had been abandoned by then.
    """
    told = [event for event in events.named(db, contact_ids, NAMES) if event.occurred_at <= now]
    stories = sorted(_stories(told), key=lambda story: story.events[-1].occurred_at, reverse=True)
    _match_orders(stories, _orders(db, contact_ids, now), within)
    return [_cart(story, now=now, idle=idle) for story in stories]


def _stories(told: Sequence[Event]) -> list[_Story]:
    """Part events by their carts. Without an id a person has one cart at a time."""
    found: dict[tuple[str, str], _Story] = {}
    done: list[_Story] = []
    for event in told:
        key = (event.source, str(event.properties.get("cart_id", "")))
        story = found.get(key)
        if story is not None and not key[1] and story.events[-1].name in _ENDS:
            done.append(found.pop(key))
            story = None
        if story is None:
            story = found[key] = _Story(key[1], key[0])
        story.events.append(event)
    return [*done, *found.values()]


def _orders(db: Connection, contact_ids: Sequence[int], now: datetime) -> list[tuple[str, datetime]]:
    rows = db.execute(
        """SELECT order_id, placed_at FROM orders
           WHERE contact_id IN (SELECT value FROM json_each(:ids)) AND placed_at <= :now AND status IN ('open', 'paid')
           ORDER BY placed_at""",
        {"ids": json.dumps(list(contact_ids)), "now": clock.to_ms(now)},
    )
    return [(row["order_id"], clock.from_ms(row["placed_at"])) for row in rows]


def _match_orders(stories: Sequence[_Story], orders: Sequence[tuple[str, datetime]], within: timedelta) -> None:
    """Give each order to the cart it names, else to the latest cart before it that nothing else ended."""
    for order_id, placed_at in orders:
        named = (s for s in stories if any(str(e.properties.get("order_id")) == order_id for e in s.events))
        before = (
            story
            for story in stories
            if story.ordered_at is None
            and story.events[-1].name not in _ENDS
            and timedelta() <= placed_at - story.events[-1].occurred_at <= within
        )
        story = next(named, None) or next(before, None)
        if story is not None:
            story.ordered_at = story.ordered_at or placed_at


def _cart(story: _Story, *, now: datetime, idle: timedelta) -> Cart:
    last = story.events[-1]
    items = _items(story.live)
    return Cart(
        story.cart_id, story.source, _state(story, now=now, idle=idle), last.occurred_at, _value(story.events, items),
        _latest(story.events, "currency"), items, _latest(story.events, "url"),
    )  # fmt: skip


def _state(story: _Story, *, now: datetime, idle: timedelta) -> CartState:
    last, live = story.events[-1], story.live
    bought_at = last.occurred_at if last.name == COMPLETED else story.ordered_at
    said_left = any(event.name == ABANDONED for event in live)
    if bought_at is not None:
        recovered = "recover" in str(last.properties.get("said_as", last.properties.get("status", ""))).lower()
        left = said_left or (bool(live) and bought_at - live[-1].occurred_at >= idle)
        return CartState.RECOVERED if left or recovered else CartState.CONVERTED
    if last.name == EMPTIED:
        return CartState.EMPTIED
    left = last.name == ABANDONED or now - last.occurred_at >= idle
    return CartState.ABANDONED if left else CartState.OPEN


def _items(live: Sequence[Event]) -> list[Mapping[str, Any]]:
    """Return what is in the cart: the last list that was told, or what was put in one by one and not taken out."""
    lists = [(event, found) for event in live if isinstance(found := event.properties.get("items"), list)]
    if any(len(found) > 1 for _, found in lists):
        return [item for item in lists[-1][1] if isinstance(item, dict)]
    content: dict[str, Mapping[str, Any]] = {}
    for event in live:
        if event.name == EMPTIED:
            content.clear()
        for item in event.properties.get("items") or ():
            if not isinstance(item, dict) or not item:
                continue
            key = str(item.get("product_id") or item.get("sku") or item.get("product") or item)
            if _REMOVED in str(event.properties.get("said_as", "")).lower():
                content.pop(key, None)
            else:
                content[key] = item
    return list(content.values())


def _value(told: Sequence[Event], items: Sequence[Mapping[str, Any]]) -> Decimal | None:
    for event in reversed(told):
        value = _number(event.properties.get("value"))
        if value is not None:
            return value
    worth = list(_worth(items))
    return sum(worth, Decimal(0)) if worth else None


def _worth(items: Sequence[Mapping[str, Any]]) -> Iterator[Decimal]:
    for item in items:
        price = _number(item.get("price"))
        if price is not None:
            yield price * (_number(item.get("quantity")) or 1)


def _number(value: object) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _latest(told: Sequence[Event], name: str) -> str | None:
    return next((str(event.properties[name]) for event in reversed(told) if event.properties.get(name)), None)
