"""When to try again. Pure: the dice are passed in."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST = timedelta(minutes=5)
LONGEST = timedelta(hours=4)
JITTER = 0.2


def next_try(tries: int, *, now: datetime, dice: float) -> datetime:
    """Return when to try a message again after `tries` refusals: 5, 10, 20, 40 minutes … 4 hours, ±20 %.

    `dice` is a random number in [0, 1). Five minutes is what greylisting servers want to see at least; the jitter
    keeps a whole campaign from coming back in the same second.
    """
    wait = min(FIRST * (1 << min(max(tries - 1, 0), 10)), LONGEST)
    return now + wait * (1 - JITTER + 2 * JITTER * dice)
