"""How things stand with one person now: carts, tickets, bookings, use of a product. What happened when: timeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailflow import clock, money
from mailflow.analytics.usage import UsageHealth
from mailflow.jobs import usage
from mailflow.store import Connection, bookings, carts, tickets
from mailflow.store.bookings import Booking, BookingState
from mailflow.store.carts import Cart, CartState
from mailflow.store.tickets import Ticket

_LEFT = frozenset({CartState.OPEN, CartState.ABANDONED})
_FEATURES = 12
_SHOWN = 3  # carts and tickets of one person that are told in words


@dataclass(frozen=True, slots=True)
class Present:
    """Carts, tickets and bookings of one person, the latest first; `health` is None for who uses no product of ours."""

    carts: Sequence[Cart]
    tickets: Sequence[Ticket]
    bookings: Sequence[Booking]
    health: UsageHealth | None


def of_person(db: Connection, contact_ids: Sequence[int], *, now: datetime) -> Present:
    """Return how things stand as of `now` with the contacts that are one person."""
    return Present(
        carts.of_person(db, contact_ids, now=now),
        tickets.of_person(db, contact_ids),
        bookings.of_person(db, contact_ids, now=now),
        usage.of_person(db, contact_ids, now=now),
    )


def in_words(present: Present, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Yield (what, how it stands), for people: what is open, what comes next, how it went so far."""
    left = [cart for cart in present.carts if cart.state in _LEFT]
    for cart in left[:_SHOWN]:
        yield f"{cart.state} cart", _cart_words(cart, zone)
    if len(left) > _SHOWN:
        yield "carts", f"{len(left) - _SHOWN:,} more were left"
    asked = [ticket for ticket in present.tickets if ticket.is_open]
    for ticket in asked[:_SHOWN]:
        since = "" if ticket.opened_at is None else f", since {clock.wall_text(ticket.opened_at, zone)}"
        yield "open ticket", f"{ticket.subject or ticket.ticket_id}{since} ({ticket.source})"
    if len(asked) > _SHOWN:
        yield "tickets", f"{len(asked) - _SHOWN:,} more are open"
    yield from _bookings_words(present.bookings, zone)
    if present.health is not None:
        causes = "; ".join(cause.text for cause in present.health.causes)
        yield "last active", clock.wall_text(present.health.last_active_at, zone)
        yield "usage health", f"{present.health.score} of 100: {causes}"
        if present.health.used:
            yield "features used", ", ".join(present.health.used)
        if present.health.unused:
            yield "features unused", ", ".join(present.health.unused[:_FEATURES])


def record(present: Present) -> dict[str, Any]:
    """Return all of it as JSON can hold it."""
    return {
        "carts": [_cart_record(cart) for cart in present.carts],
        "tickets": [_ticket_record(ticket) for ticket in present.tickets],
        "bookings": [_booking_record(booking) for booking in present.bookings],
        "usage": None if present.health is None else _health_record(present.health),
    }


def _cart_words(cart: Cart, zone: ZoneInfo) -> str:
    worth = _amount(cart)
    names = [str(item.get("product") or item.get("sku") or item.get("product_id") or "") for item in cart.items]
    parts = [
        f"{worth} {cart.currency or ''}".strip() if worth else "",
        " + ".join(filter(None, names)),
        f"last touched {clock.wall_text(cart.updated_at, zone)} ({cart.source})",
    ]
    return ", ".join(filter(None, parts))


def _amount(cart: Cart) -> str | None:
    if cart.value is None:
        return None
    return str(cart.value) if cart.currency is None else f"{cart.value:.{money.digits(cart.currency)}f}"


def _bookings_words(found: Sequence[Booking], zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    coming = bookings.next_of(found)
    if coming is not None and coming.starts_at is not None:
        where = ", ".join(filter(None, (coming.service, coming.location, coming.staff)))
        yield "next booking", f"{clock.wall_text(coming.starts_at, zone)} {where} ({coming.source})"
    counted = Counter(one.state for one in found)
    told = {
        "came": counted[BookingState.ATTENDED],
        "did not come": counted[BookingState.MISSED],
        "cancelled": counted[BookingState.CANCELLED],
    }
    said = [f"{word} {number:,} {'time' if number == 1 else 'times'}" for word, number in told.items() if number]
    if said:
        yield "bookings", ", ".join(said)


def _cart_record(cart: Cart) -> dict[str, Any]:
    return {
        "cart_id": cart.cart_id,
        "source": cart.source,
        "state": str(cart.state),
        "updated_at": clock.iso(cart.updated_at),
        "value": _amount(cart),
        "currency": cart.currency,
        "items": [dict(item) for item in cart.items],
        "url": cart.url,
    }


def _ticket_record(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id, "source": ticket.source, "open": ticket.is_open, "subject": ticket.subject,
        "opened_at": _iso(ticket.opened_at), "closed_at": _iso(ticket.closed_at),
    }  # fmt: skip


def _booking_record(booking: Booking) -> dict[str, Any]:
    return {
        "booking_id": booking.booking_id, "source": booking.source, "state": str(booking.state),
        "service": booking.service, "starts_at": _iso(booking.starts_at), "ends_at": _iso(booking.ends_at),
        "location": booking.location, "staff": booking.staff,
    }  # fmt: skip


def _health_record(health: UsageHealth) -> dict[str, Any]:
    return {
        "last_active_at": clock.iso(health.last_active_at),
        "score": health.score,
        "causes": [{"name": one.name, "points": one.points, "of": one.of, "text": one.text} for one in health.causes],
        "features": list(health.used),
        "unused": list(health.unused),
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else clock.iso(instant)
