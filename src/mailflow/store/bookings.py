"""Bookings, as their events tell: what is booked, who came, who did not, and whom to remind. The events: events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailflow import clock
from mailflow.store import events
from mailflow.store.connection import Connection
from mailflow.store.events import Event

MADE, CHANGED, CANCELLED = "booking_made", "booking_changed", "booking_cancelled"
ATTENDED, MISSED = "booking_attended", "booking_missed"
NAMES = (MADE, CHANGED, CANCELLED, ATTENDED, MISSED)


class BookingState(StrEnum):
    """What became of a booking."""

    BOOKED = "booked"  # made, and not over
    ATTENDED = "attended"  # they came
    MISSED = "missed"  # they did not come (no-show)
    CANCELLED = "cancelled"  # taken back
    PASSED = "passed"  # over, and no file says whether they came


@dataclass(frozen=True, slots=True)
class Booking:
    """One booking of a contact; `starts_at` is None where no file says when it is."""

    booking_id: str
    source: str
    contact_id: int | None
    state: BookingState
    service: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    location: str | None = None
    staff: str | None = None


def of_person(db: Connection, contact_ids: Sequence[int], *, now: datetime) -> list[Booking]:
    """Return the bookings of the contacts that are one person, those that start last first."""
    found = _bookings(events.named(db, contact_ids, NAMES), now)
    return sorted(found, key=lambda one: (one.starts_at is not None, one.starts_at), reverse=True)


def next_of(bookings: Iterable[Booking]) -> Booking | None:
    """Return the booking that comes next, None where none is ahead."""
    ahead = [(one.starts_at, one) for one in bookings if one.state is BookingState.BOOKED and one.starts_at is not None]
    return min(ahead, key=lambda dated: dated[0])[1] if ahead else None


def starting(db: Connection, *, since: datetime, until: datetime, now: datetime) -> list[Booking]:
    """Return the bookings that start from `since` on and before `until` and still stand: those to remind people of."""
    rows = db.execute(
        """SELECT DISTINCT contact_id FROM events
           WHERE name IN ('booking_made', 'booking_changed')
             AND properties ->> 'starts_at' >= :since AND properties ->> 'starts_at' < :until""",
        {"since": clock.iso(since)[:19], "until": clock.iso(until)[:19]},
    )
    ids = [row["contact_id"] for row in rows if row["contact_id"] is not None]
    standing = _bookings(events.named(db, ids, NAMES), now)
    found = [
        one
        for one in standing
        if one.state is BookingState.BOOKED and one.starts_at is not None and since <= one.starts_at < until
    ]
    return sorted(found, key=lambda one: one.starts_at or until)


def _bookings(told: Sequence[Event], now: datetime) -> list[Booking]:
    stories: dict[tuple[int | None, str, str], list[Event]] = {}
    for event in told:
        properties = event.properties
        key = (
            properties.get("booking_id") or f"{properties.get('service', '')} {properties.get('starts_at', '')}".strip()
        )
        stories.setdefault((event.contact_id, event.source, str(key)), []).append(event)
    return [_booking(key, story, now) for key, story in stories.items()]


def _booking(key: tuple[int | None, str, str], story: list[Event], now: datetime) -> Booking:
    # A file that moves a booking says so under its id: what was told last about when it is holds.
    dated = [event for event in story if event.name in (MADE, CHANGED) and "starts_at" in event.properties]
    starts_at = _instant(dated[-1].properties.get("starts_at")) if dated else None
    ends_at = _instant(dated[-1].properties.get("ends_at")) if dated else None
    contact_id, source, booking_id = key
    return Booking(
        booking_id, source, contact_id, _state(story, ends_at or starts_at, now), _latest(story, "service"), starts_at,
        ends_at, _latest(story, "location"), _latest(story, "staff"),
    )  # fmt: skip


def _state(story: Sequence[Event], over_at: datetime | None, now: datetime) -> BookingState:
    happened = {event.name for event in story}
    for name, state in (
        (ATTENDED, BookingState.ATTENDED), (MISSED, BookingState.MISSED), (CANCELLED, BookingState.CANCELLED),
    ):  # fmt: skip
        if name in happened:
            return state
    return BookingState.PASSED if over_at is not None and over_at <= now else BookingState.BOOKED


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _latest(story: Sequence[Event], name: str) -> str | None:
    return next((str(event.properties[name]) for event in reversed(story) if event.properties.get(name)), None)
