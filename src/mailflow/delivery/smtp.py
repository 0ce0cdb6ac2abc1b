"""Speak SMTP over aiosmtplib, with the barrier before the final dot. What replies mean: replies.py.

aiosmtplib raises the same exception for a connection that drops before the body, within it or after the dot; here
each command is driven by itself, so that "certainly not sent" and "in doubt" are told apart.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

import aiosmtplib

from mailflow.config import RelaySettings, Tls
from mailflow.delivery.carrier import CarrierDown
from mailflow.delivery.replies import Reply, Stage
from mailflow.store.messages import Content

MESSAGES_PER_CONNECTION = 100
SECONDS_PER_CONNECTION = 300.0
_NO_REPLY = "the connection was lost"


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
        self._client: aiosmtplib.SMTP | None = None
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
        self._client = client
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
        if self._size_limit is not None and len(content.data) > self._size_limit:
            size = f"{len(content.data):,} bytes; the relay takes {self._size_limit:,}"
            return Reply(Stage.RCPT, 552, f"5.3.4 the message has {size}")
        refusal = await self._envelope(content)
        if refusal is None:
            client = self._client
            assert client is not None and client.protocol is not None
            client.protocol.write(_stuffed(content.data))
            self._standing = True
        return refusal

    async def _envelope(self, content: Content) -> Reply | None:
        if self._needs_reset:
            reset = await self._command(Stage.MAIL, b"RSET")
            if not reset.is_positive:
                return Reply(Stage.CONNECT, reset.code, reset.text)
            self._needs_reset = False
        for stage, command, wanted in (
            (Stage.MAIL, f"MAIL FROM:<{content.mail_from}>", 2),
            (Stage.RCPT, f"RCPT TO:<{content.rcpt_to}>", 2),
            (Stage.DATA, "DATA", 3),
        ):
            reply = await self._command(stage, command.encode("ascii"))
            if reply.code // 100 != wanted:
                self._needs_reset = True
                return reply if reply.code >= 400 else Reply(stage, min(reply.code, 0), reply.text)
        return None

    async def finish(self) -> Reply:
        """Send the dot. If the line was lost before it, the reply's stage says that nothing was sent."""
        if self._client is None or not self._client.is_connected:
            self._standing = False
            return Reply(Stage.DATA, 0, _NO_REPLY)
        reply = await self._command(Stage.DOT, b".", timeout=self._relay.dot_timeout)
        self._standing = False
        self._sent += 1
        return reply

    async def close(self) -> None:
        """Leave politely, or by dropping the line when a message stands before its dot."""
        client, self._client = self._client, None
        if client is None:
            return
        if client.is_connected and not self._standing:
            try:
                await asyncio.wait_for(client.quit(), timeout=5)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                client.close()  # nothing depends on how a relay says goodbye
        client.close()

    async def _command(self, stage: Stage, command: bytes, *, timeout: float | None = None) -> Reply:
        """Send one command; whatever happens is a reply.

        A timer that closes the line replaces asyncio's `wait_for`, which costs a task per command.
        """
        client = self._client
        if client is None:
            return Reply(stage, 0, _NO_REPLY)
        timer = asyncio.get_running_loop().call_later(timeout or self._relay.timeout, client.close)
        try:
            response = await client.execute_command(command, timeout=None)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            return Reply(stage, -1, f"unreadable reply: {error.message}")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            return Reply(stage, 0, _words(error))
        finally:
            timer.cancel()
        return Reply(stage, response.code, response.message)

    def _is_worn(self) -> bool:
        if self._client is None or not self._client.is_connected or self._standing:
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


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
