"""The line to a relay once it is open: commands out, replies in, in order and as many ahead as the relay allows.

aiosmtplib opens the line (TLS, login) and reads one reply per command; a campaign needs MAIL, RCPT and DATA in one
write (RFC 2920), which this protocol reads the three replies of.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

LONGEST_REPLY = 32_768

LOST = 0
UNREADABLE = -1


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it was read: its code (`LOST` and `UNREADABLE` where there is none) and its text on one line."""

    code: int
    text: str


class Line(asyncio.Protocol):
    """Takes over an open connection from the protocol that opened it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._lines: list[str] = []
        self._waiting: deque[asyncio.Future[Answer]] = deque()
        self._last_words = Answer(LOST, "the connection was lost")
        self.is_open = not transport.is_closing()
        transport.set_protocol(self)

    async def ask(self, data: bytes, replies: int, *, timeout: float) -> Sequence[Answer]:
        """Write commands and return as many answers; what is not answered in time, or at all, is `LOST`."""
        if not self.is_open:
            return [self._last_words] * replies
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
        if len(self._buffer) + sum(map(len, self._lines)) > LONGEST_REPLY:
            self._answer(Answer(UNREADABLE, "the reply is too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if exc is not None and self._last_words.code == LOST:
            self._last_words = Answer(LOST, f"the connection was lost: {exc}")
        self._give_up()

    def eof_received(self) -> bool:
        return False

    def _read(self, line: bytes) -> None:
        """Take one line of a reply: `250-…` goes on, `250 …` ends it."""
        text = line.decode("utf-8", "replace").strip()
        code, mark = text[:3], text[3:4]
        if not (len(code) == 3 and code.isascii() and code.isdigit() and mark in ("", " ", "-")):
            self._answer(Answer(UNREADABLE, f"unreadable reply: {text[:200]}"))
            return
        self._lines.append(text[4:])
        if mark != "-":
            words = " ".join(part for part in self._lines if part)
            self._lines = []
            self._answer(Answer(int(code), words if words.isprintable() else _printable(words)))

    def _answer(self, answer: Answer) -> None:
        if self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(answer)
        if answer.code == UNREADABLE or not (self._waiting or answer.code != 421):
            self._last_words = Answer(LOST, answer.text) if answer.code == UNREADABLE else answer
            self.close()

    def _time_out(self, seconds: float) -> None:
        self._last_words = Answer(LOST, f"no reply within {seconds:g} s")
        self.close()

    def _give_up(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(self._last_words)


def _printable(text: str) -> str:
    """Return a relay's words without what could steer a terminal."""
    return "".join(sign for sign in text if sign.isprintable())


def take_over(transport: asyncio.BaseTransport) -> Line:
    """Return the line on a transport that another protocol opened."""
    return Line(cast(asyncio.Transport, transport))
