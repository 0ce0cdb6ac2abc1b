"""store.bookings: what became of a booking, and whom to remind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailflow.store import bookings
from mailflow.store.bookings import BookingState
from test_importers_events import Shop

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEADER = "booking_id,email,service,starts_at,status\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def states(shop: Shop, now: datetime = NOW) -> dict[str, BookingState]:
    return {one.booking_id: one.state for one in bookings.of_person(shop.store.db, [1], now=now)}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("confirmed", BookingState.BOOKED), ("Attended", BookingState.ATTENDED), ("No-Show", BookingState.MISSED),
        ("did not attend", BookingState.MISSED), ("storniert", BookingState.CANCELLED),
        ("late cancel", BookingState.CANCELLED),
    ],
)  # fmt: skip
def test_a_status_says_what_became_of_a_booking(shop: Shop, word: str, state: BookingState) -> None:
    shop.take(HEADER + f"B1,anna@example.com,Massage,2026-12-01 10:00,{word}\n")
    assert states(shop) == {"B1": state}


def test_a_booking_that_is_over_and_of_which_nothing_is_said_is_passed(shop: Shop) -> None:
    shop.take(HEADER + "B1,anna@example.com,Massage,2026-11-23 10:00,confirmed\n")
    assert states(shop) == {"B1": BookingState.BOOKED}
    assert states(shop, NOW + timedelta(days=2)) == {"B1": BookingState.PASSED}


@pytest.mark.parametrize(("said", "state"), [("yes", BookingState.ATTENDED), ("no", BookingState.MISSED)])
def test_a_column_of_attendance_says_it_too(shop: Shop, said: str, state: BookingState) -> None:
    shop.take(f"email,class,date,time,attended\nanna@example.com,Yoga,2026-03-01,18:00,{said}\n")
    (booking,) = bookings.of_person(shop.store.db, [1], now=NOW)
    assert (booking.state, booking.service) == (state, "Yoga")
    assert booking.starts_at == datetime(2026, 3, 1, 17, tzinfo=UTC)


def test_a_later_file_moves_a_booking_and_marks_who_came(shop: Shop) -> None:
    shop.take(HEADER + "B1,anna@example.com,Massage,2026-11-20 10:00,confirmed\n")
    moved = shop.take(HEADER + "B1,anna@example.com,Massage,2026-11-21 11:00,confirmed\n", "moved.csv")
    assert (moved.inserted, moved.updated) == (0, 1)
    shop.take(HEADER + "B1,anna@example.com,Massage,2026-11-21 11:00,attended\n", "came.csv")
    (booking,) = bookings.of_person(shop.store.db, [1], now=NOW)
    assert (booking.state, booking.starts_at) == (BookingState.ATTENDED, datetime(2026, 11, 21, 10, tzinfo=UTC))


def test_a_booking_nobody_says_the_day_of_is_made_when_we_hear_of_it_and_stays_so(shop: Shop) -> None:
    content = HEADER + "B1,anna@example.com,Massage,2026-12-01 10:00,confirmed\n"
    shop.take(content)
    made = shop.rows("SELECT occurred_at FROM events")
    again = shop.take(content + "\n", "again.csv")
    assert again.unchanged == 1
    assert shop.rows("SELECT occurred_at FROM events") == made
    assert made[0][0] < 1796000000000  # not in December


def test_those_to_remind_are_the_bookings_that_start_soon_and_stand(shop: Shop) -> None:
    shop.take(
        HEADER
        + "B1,anna@example.com,Massage,2026-11-23 10:00,confirmed\n"
        + "B2,bob@example.com,Massage,2026-11-23 11:00,cancelled\n"
        + "B3,cleo@example.com,Massage,2026-11-25 11:00,confirmed\n"
    )
    found = bookings.starting(shop.store.db, since=NOW, until=NOW + timedelta(days=1), now=NOW)
    assert [one.booking_id for one in found] == ["B1"]


def test_the_next_booking_is_the_first_that_is_ahead(shop: Shop) -> None:
    shop.take(
        HEADER
        + "B1,anna@example.com,Massage,2026-12-23 10:00,confirmed\n"
        + "B2,anna@example.com,Massage,2026-11-24 11:00,confirmed\n"
        + "B3,anna@example.com,Massage,2026-11-23 11:00,cancelled\n"
    )
    following = bookings.next_of(bookings.of_person(shop.store.db, [1], now=NOW))
    assert following is not None
    assert following.booking_id == "B2"
