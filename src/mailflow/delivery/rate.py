"""Keep to a number of messages per minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Limiter:
    """Spaces starts evenly: at most `per_minute` in any minute. None means as fast as the relay takes them."""

    def __init__(self, per_minute: int | None, monotonic: Callable[[], float]) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._monotonic = monotonic
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next free turn."""
        if not self._gap:
            return
        now = self._monotonic()
        start = max(now, self._next)
        self._next = start + self._gap
        if start > now:
            await asyncio.sleep(start - now)
