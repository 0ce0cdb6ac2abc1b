"""The line to a relay once it is open: commands out, replies in, in order and as many ahead as the relay allows.

aiosmtplib opens the line (TLS, login) and reads one reply per command; a campaign needs MAIL, RCPT and DATA in one
write (RFC 2920), which this protocol reads the three replies of.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

LONGEST_REPLY = 32_768

LOST = 0
UNREADABLE = -1
CLOSING = 421
_REPLY = re.compile(r"([2-5][0-9]{2})(?:([ -])(.*))?\Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it was read: its code (`LOST` and `UNREADABLE` where there is none) and its text on one line."""

    code: int
    text: str


class Line(asyncio.Protocol):
    """Takes over an open connection from the protocol that opened it.

    It hangs up as soon as it cannot be sure any more which reply belongs to which command: after an unreadable reply,
    a 421, or a reply that nobody asked for. `last_words` says why; they answer no command that was asked later.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._lines: list[str] = []
        self._code = ""
        self._waiting: deque[asyncio.Future[Answer]] = deque()
        self.last_words = Answer(LOST, "the connection was lost")
        self.is_open = not transport.is_closing()
        transport.set_protocol(self)

    @property
    def is_idle(self) -> bool:
        """Whether it is open and every command has its reply."""
        return self.is_open and not self._waiting

    async def ask(self, data: bytes, replies: int, *, timeout: float) -> Sequence[Answer]:
        """Write commands and return as many answers; what is not answered in time, or at all, is `LOST`."""
        if not self.is_open:
            return [self._no_answer()] * replies
        futures = [self._loop.create_future() for _ in range(replies)]
        self._waiting.extend(futures)
        self._transport.write(data)
        # One timer that hangs up: asyncio's wait_for costs a task for every command.
        timer = self._loop.call_later(timeout, self._time_out, timeout)
        try:
            return [await future for future in futures]
        finally:
            timer.cancel()

    def write(self, data: bytes) -> None:
        """Write what has no reply: a message's body."""
        if self.is_open:
            self._transport.write(data)

    def close(self) -> None:
        """Hang up; who waits for a reply learns that there is none."""
        self.is_open = False
        self._transport.abort()
        self._give_up()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._buffer) + sum(len(line) + 1 for line in self._lines) > LONGEST_REPLY:
            self._answer(Answer(UNREADABLE, "the reply is too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self.is_open:
            self.last_words = Answer(LOST, f"the connection was lost: {exc}")
        self.is_open = False
        self._give_up()

    def eof_received(self) -> bool:
        return False

    def _read(self, line: bytes) -> None:
        """Take one line of a reply: `250-…` goes on, `250 …` ends it; all lines of a reply have the same code."""
        text = line.decode("utf-8", "replace").rstrip("\r")
        match = _REPLY.match(text)
        if match is None or (self._lines and match[1] != self._code):
            self._answer(Answer(UNREADABLE, f"unreadable reply: {printable(text[:200])}"))
            return
        self._code = match[1]
        self._lines.append(match[3] or "")
        if match[2] != "-":
            words = " ".join(part for part in self._lines if part)
            self._lines = []
            self._answer(Answer(int(self._code), printable(words)))

    def _answer(self, answer: Answer) -> None:
        if not self.is_open:
            return
        asked = bool(self._waiting)
        if asked:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(answer)
        if not asked or answer.code in (UNREADABLE, CLOSING):
            self.last_words = answer
            self.close()

    def _time_out(self, seconds: float) -> None:
        self.last_words = Answer(LOST, f"no reply within {seconds:g} s")
        self.close()

    def _give_up(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(self._no_answer())

    def _no_answer(self) -> Answer:
        words = self.last_words
        return Answer(LOST, f"{words.code} {words.text}" if words.code > 0 else words.text)


def printable(text: str) -> str:
    """Return a relay's words without what could steer a terminal."""
    return text if text.isprintable() else "".join(sign for sign in text if sign.isprintable())


def take_over(transport: asyncio.BaseTransport) -> Line:
    """Return the line on a transport that another protocol opened."""
    return Line(cast(asyncio.Transport, transport))
