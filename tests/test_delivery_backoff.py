"""When to try again: never too soon, never too late, never all at once."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailflow.delivery import backoff

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)

tries = st.integers(min_value=-3, max_value=10_000)
dice = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("count", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 240), (99, 240)]
)
def test_the_wait_doubles_up_to_four_hours(count: int, minutes: int) -> None:
    assert backoff.next_try(count, now=NOW, dice=0.5) - NOW == timedelta(minutes=minutes)


@given(tries, dice)
def test_the_wait_is_within_a_fifth_of_its_bounds(count: int, number: float) -> None:
    wait = backoff.next_try(count, now=NOW, dice=number) - NOW
    assert timedelta(minutes=4) <= wait <= timedelta(hours=4) * 1.2


@given(st.integers(min_value=1, max_value=50), dice, dice)
def test_more_dice_means_a_longer_wait_and_more_tries_too(count: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert backoff.next_try(count, now=NOW, dice=low) <= backoff.next_try(count, now=NOW, dice=high)
    assert backoff.next_try(count, now=NOW, dice=low) <= backoff.next_try(count + 1, now=NOW, dice=low)


def test_a_campaign_does_not_come_back_in_one_second() -> None:
    rng = random.Random(1)
    waits = [backoff.next_try(1, now=NOW, dice=rng.random()) - NOW for _ in range(1000)]
    assert max(waits) - min(waits) > timedelta(seconds=110)
    assert timedelta(minutes=4.9) < sum(waits, timedelta()) / 1000 < timedelta(minutes=5.1)
