"""What carries a message: an SMTP relay (smtp.py) or a Maildir (maildir.py), one message at a time.

`offer` takes a message up to, and not including, the point after which the other side may have it; `finish` passes
that point. In between the message is armed.
"""

from __future__ import annotations

from typing import Protocol

from mailflow.delivery.replies import Reply
from mailflow.store.contents import Content


class CarrierDown(Exception):
    """The carrier cannot be reached or refuses us: not the fault of any message."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(str(reply))


class Carrier(Protocol):
    """One connection that takes one message at a time."""

    async def open(self) -> None:
        """Make it ready; `CarrierDown` when that is impossible."""

    async def offer(self, content: Content) -> Reply | None:
        """Hand over everything but the end of a message; return a refusal, or None when it stands at the end.

        Opens what was closed, or is worn, first; `CarrierDown` when that is impossible.
        """

    async def finish(self) -> Reply:
        """End the message that was offered, and return the answer."""

    async def close(self) -> None:
        """Let it go, abandoning a message that was offered and not finished."""
