"""Speak SMTP, one message at a time, with the barrier before the final dot. What replies mean: replies.py.

connect.py opens the line, line.py carries commands and replies; here "certainly not sent" is told from "in doubt".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from mailflow.config import RelaySettings
from mailflow.delivery.connect import Credentials, connect
from mailflow.delivery.line import LOST, Answer, Line
from mailflow.delivery.replies import Reply, Stage
from mailflow.store.contents import Content

MESSAGES_PER_CONNECTION = 100
SECONDS_PER_CONNECTION = 300.0
_GOODBYE = 5.0
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")


class SmtpCarrier:
    """One kept connection to the relay, renewed after 100 messages or five minutes."""

    def __init__(self, relay: RelaySettings, credentials: Credentials | None, *, hello: str) -> None:
        self._relay = relay
        self._credentials = credentials
        self._hello = hello
        self._line: Line | None = None
        self._pipelining = False
        self._sent = 0
        self._opened_at = 0.0
        self._size_limit: int | None = None
        self._needs_reset = False
        self._standing = False  # in the midst of a message, up to its dot
        self._in_question = False  # a body was refused: at its dot, or long before it?

    async def open(self) -> None:
        """Connect, protect the line and log in; `CarrierDown` with the relay's words when that is impossible."""
        await self.close()
        opened = await connect(self._relay, self._credentials, hello=self._hello)
        self._line, self._pipelining, self._size_limit = opened.line, opened.pipelining, opened.size_limit
        self._sent = 0
        self._opened_at = asyncio.get_running_loop().time()
        self._needs_reset = self._standing = self._in_question = False

    async def offer(self, content: Content) -> Reply | None:
        """Send envelope and body up to the dot; return the refusal, or None when the dot may follow."""
        if self._is_worn() or not await self._is_in_step():
            await self.open()
        unfit = self._unfit(content)
        if unfit is not None:
            return unfit
        self._standing = True
        refusal = await self._envelope(content)
        if refusal is not None:
            self._standing = False
        elif self._line is not None:
            self._line.write(_stuffed(content.data))
        return refusal

    def _unfit(self, content: Content) -> Reply | None:
        """Return why a message cannot be offered to this relay at all, or None."""
        if self._size_limit is not None and len(content.data) > self._size_limit:
            size = f"{len(content.data):,} bytes; the relay takes {self._size_limit:,}"
            return Reply(Stage.DATA, 552, f"5.3.4 the message has {size}")
        if not content.rcpt_to.isascii():
            return Reply(Stage.RCPT, 550, "5.6.7 the address has letters that need SMTPUTF8")
        if not content.mail_from.isascii():
            return Reply(Stage.MAIL, 553, "5.6.7 the sender's address has letters that need SMTPUTF8")
        if _UNSAFE.search(content.rcpt_to) or _UNSAFE.search(content.mail_from):
            return Reply(Stage.DATA, 501, "5.5.4 an address has a character that no command may hold")
        return None

    async def _envelope(self, content: Content) -> Reply | None:
        """Send MAIL, RCPT and DATA, in one write where the relay allows it; return a refusal, or None after a 354."""
        commands = [
            (Stage.MAIL, b"MAIL FROM:<%b>\r\n" % content.mail_from.encode("ascii"), 2),
            (Stage.RCPT, b"RCPT TO:<%b>\r\n" % content.rcpt_to.encode("ascii"), 2),
            (Stage.DATA, b"DATA\r\n", 3),
        ]
        if self._needs_reset:
            commands.insert(0, (Stage.CONNECT, b"RSET\r\n", 2))
        self._needs_reset = True  # until a message is finished
        assert self._line is not None
        for group in [commands] if self._pipelining else [[command] for command in commands]:
            data = b"".join(command for _, command, _ in group)
            answers = await self._line.ask(data, len(group), timeout=self._relay.timeout)
            for (stage, _, wanted), answer in zip(group, answers, strict=True):
                if answer.code // 100 != wanted:
                    self._part_after(stage, answer, answers)
                    return _refusal(stage, answer)
        return None

    def _part_after(self, stage: Stage, refusal: Answer, answers: Sequence[Answer]) -> None:
        """Hang up unless a refusal leaves both sides ready for the next envelope.

        After a 354, in spite of a refused recipient, any byte would be a message; a code of the wrong kind says that
        the relay is not where we think it is; and one that refuses RSET may still hold the last envelope.
        """
        if stage is Stage.CONNECT or refusal.code < 400 or any(answer.code // 100 == 3 for answer in answers):
            self._hang_up()

    async def finish(self) -> Reply:
        """Send the dot. If the line was lost before it, the reply's stage says that nothing was sent."""
        self._standing = False
        assert self._line is not None
        if not self._line.is_open:
            return _refusal(Stage.DATA, self._line.last_words)
        (answer,) = await self._line.ask(b".\r\n", 1, timeout=self._relay.dot_timeout)
        self._sent += 1
        self._needs_reset = False
        self._in_question = answer.code >= 400
        if answer.code // 100 == 3:
            self._hang_up()  # it takes the dot for something else: what it says next answers nothing of ours
        return Reply(Stage.DOT, answer.code, answer.text)

    async def _is_in_step(self) -> bool:
        """Return whether the relay's next reply answers our next command.

        A relay that refuses a body before its end may read the rest as commands and refuse each of them; the next
        message must not be blamed for that, nor its sender. RSET is always granted: a refusal answers something else.
        """
        if not self._in_question:
            return True
        self._in_question = False
        assert self._line is not None
        (answer,) = await self._line.ask(b"RSET\r\n", 1, timeout=self._relay.timeout)
        return answer.code // 100 == 2 and self._line.is_open

    async def close(self) -> None:
        """Leave politely, or by dropping the line in the midst of a message: there QUIT would be a part of it."""
        if self._line is not None and self._line.is_idle and not self._standing:
            await self._line.ask(b"QUIT\r\n", 1, timeout=min(_GOODBYE, self._relay.timeout))
        self._hang_up()

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _is_worn(self) -> bool:
        if self._line is None or not self._line.is_open or self._standing:
            return True
        age = asyncio.get_running_loop().time() - self._opened_at
        return self._sent >= MESSAGES_PER_CONNECTION or age >= SECONDS_PER_CONNECTION


def _stuffed(data: bytes) -> bytes:
    """Return a message as it goes over the line (RFC 5321 4.5.2): dots at line starts doubled, CRLF at the end."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _refusal(stage: Stage, answer: Answer) -> Reply:
    """Return a refusal; a positive code where another was due is no readable answer."""
    if 0 < answer.code < 400:
        return Reply(stage, LOST, f"out of step: {answer.code} {answer.text}")
    return Reply(stage, answer.code, answer.text)
