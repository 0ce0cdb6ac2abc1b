"""Speak SMTP over aiosmtplib, with the barrier before the final dot. What replies mean: replies.py.

aiosmtplib opens the line: TLS, certificates, login. From there on line.py carries the commands, because aiosmtplib
raises the same exception for a line that drops before the body, within it or after the dot: here "certainly not
sent" and "in doubt" are told apart.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass

import aiosmtplib

from mailflow.config import RelaySettings, Tls
from mailflow.delivery.carrier import CarrierDown
from mailflow.delivery.line import LOST, Answer, Line, take_over
from mailflow.delivery.replies import Reply, Stage
from mailflow.store.messages import Content

MESSAGES_PER_CONNECTION = 100
SECONDS_PER_CONNECTION = 300.0
_GOODBYE = 5.0
_NO_REPLY = "the connection was lost"
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to log in at the relay."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"


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
        self._standing = False  # a body went out whose dot did not

    async def open(self) -> None:
        """Connect, protect the line and log in; `CarrierDown` with the relay's words when that is impossible."""
        await self.close()
        client = aiosmtplib.SMTP(
            hostname=self._relay.host,
            port=self._relay.port,
            use_tls=self._relay.tls is Tls.IMPLICIT,
            start_tls=self._relay.tls is Tls.STARTTLS,
            tls_context=None if self._relay.tls is Tls.NONE else _tls_context(self._relay),
            timeout=self._relay.timeout,
            local_hostname=self._hello,
        )
        try:
            await client.connect()
            await client.ehlo() if not client.last_ehlo_response else None
            await self._log_in(client)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            raise CarrierDown(Reply(Stage.CONNECT, error.code, error.message)) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            raise CarrierDown(Reply(Stage.CONNECT, 0, _words(error))) from error
        assert client.transport is not None
        self._line = take_over(client.transport)
        self._pipelining = client.supports_extension("pipelining")
        self._sent = 0
        self._opened_at = asyncio.get_running_loop().time()
        size = client.esmtp_extensions.get("size", "")
        self._size_limit = int(size) if size.isdigit() and int(size) > 0 else None
        self._needs_reset = self._standing = False

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        if self._credentials is None:
            return
        protected = client.get_transport_info("sslcontext") is not None
        if not protected and not self._relay.is_loopback:
            raise ValueError("the line is not protected by TLS: the password was not sent")
        await client.login(self._credentials.username, self._credentials.password)

    async def offer(self, content: Content) -> Reply | None:
        """Send envelope and body up to the dot; return the refusal, or None when the dot may follow."""
        if self._is_worn():
            await self.open()
        refusal = self._unfit(content) or await self._envelope(content)
        if refusal is None:
            assert self._line is not None
            self._line.write(_stuffed(content.data))
            self._standing = True
        return refusal

    def _unfit(self, content: Content) -> Reply | None:
        """Return why a message cannot be offered to this relay at all, or None."""
        if self._size_limit is not None and len(content.data) > self._size_limit:
            size = f"{len(content.data):,} bytes; the relay takes {self._size_limit:,}"
            return Reply(Stage.DATA, 552, f"5.3.4 the message has {size}")
        if not content.rcpt_to.isascii():
            return Reply(Stage.RCPT, 550, "5.6.7 the address has letters that need SMTPUTF8")
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
        refusal: Reply | None = None
        for group in [commands] if self._pipelining else [[command] for command in commands]:
            data = b"".join(command for _, command, _ in group)
            answers = await self._line.ask(data, len(group), timeout=self._relay.timeout)
            for (stage, _, wanted), answer in zip(group, answers, strict=True):
                if refusal is None and answer.code // 100 != wanted:
                    refusal = _refusal(stage, answer)
                elif refusal is not None and stage is Stage.DATA and answer.code // 100 == 3:
                    self._hang_up()  # 354 in spite of a refused recipient: any byte now would be a message
            if refusal is not None:
                return refusal
        return None

    async def finish(self) -> Reply:
        """Send the dot. If the line was lost before it, the reply's stage says that nothing was sent."""
        self._standing = False
        if self._line is None or not self._line.is_open:
            return Reply(Stage.DATA, LOST, _NO_REPLY)
        (answer,) = await self._line.ask(b".\r\n", 1, timeout=self._relay.dot_timeout)
        self._sent += 1
        self._needs_reset = False
        return Reply(Stage.DOT, answer.code, answer.text)

    async def close(self) -> None:
        """Leave politely, or by dropping the line when a message stands before its dot."""
        if self._line is not None and self._line.is_open and not self._standing:
            await self._line.ask(b"QUIT\r\n", 1, timeout=_GOODBYE)
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


def _tls_context(relay: RelaySettings) -> ssl.SSLContext:
    """Return a context that verifies the relay's certificate and name, TLS 1.2 or newer."""
    context = ssl.create_default_context(cafile=relay.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _stuffed(data: bytes) -> bytes:
    """Return a message as it goes over the line (RFC 5321 4.5.2): dots at line starts doubled, CRLF at the end."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _refusal(stage: Stage, answer: Answer) -> Reply:
    """Return a refusal; a positive code where another was due is no readable answer."""
    return Reply(stage, answer.code if answer.code >= 400 else min(answer.code, LOST), answer.text)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
