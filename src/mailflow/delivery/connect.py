"""Open a line to the relay: TLS, certificates, login. What goes over it: smtp.py.

aiosmtplib does the opening. It hands over to line.py, because it raises the same exception for a line that drops before
the body, within it or after the dot.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import aiosmtplib

from mailflow.config import RelaySettings, Tls
from mailflow.delivery.carrier import CarrierDown
from mailflow.delivery.line import LOST, Line, printable, take_over
from mailflow.delivery.replies import Reply, Stage
from mailflow.errors import ConfigError

_MECHANISMS = ("plain", "login", "cram-md5")  # the first that the relay offers; never a second try with one password


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to log in at the relay."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"


@dataclass(frozen=True, slots=True)
class Opened:
    """A line that is ready for mail, and what the relay said it can do; a `size_limit` in bytes, None for no limit."""

    line: Line
    pipelining: bool
    size_limit: int | None


async def connect(relay: RelaySettings, credentials: Credentials | None, *, hello: str) -> Opened:
    """Connect, protect the line and log in; `CarrierDown` with the relay's words when that is impossible."""
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        use_tls=relay.tls is Tls.IMPLICIT,
        start_tls=relay.tls is Tls.STARTTLS,
        tls_context=None if relay.tls is Tls.NONE else _tls_context(relay),
        timeout=relay.timeout,
        local_hostname=hello,
    )
    try:
        await client.connect()
        if client.last_ehlo_response is None:
            await client.ehlo()
        if credentials is not None:
            await _log_in(client, relay, credentials)
    except aiosmtplib.SMTPResponseException as error:
        client.close()
        raise CarrierDown(Reply(Stage.CONNECT, error.code, printable(error.message))) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise CarrierDown(Reply(Stage.CONNECT, LOST, printable(_words(error, relay)))) from error
    return _hand_over(client)


def _hand_over(client: aiosmtplib.SMTP) -> Opened:
    assert client.transport is not None
    size = client.esmtp_extensions.get("size", "")
    limit = int(size) if size.isascii() and size.isdigit() else 0
    return Opened(take_over(client.transport), client.supports_extension("pipelining"), limit or None)


def _tls_context(relay: RelaySettings) -> ssl.SSLContext:
    """Return a context that verifies the relay's certificate and name, TLS 1.2 or newer."""
    try:
        context = ssl.create_default_context(cafile=relay.ca_file)
    except OSError as error:
        raise ConfigError(f"relay.ca_file: {relay.ca_file} cannot be read as certificates ({error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _log_in(client: aiosmtplib.SMTP, relay: RelaySettings, credentials: Credentials) -> None:
    """Log in once, and only where nobody can listen."""
    if client.get_transport_info("sslcontext") is None and not relay.is_loopback:
        raise ValueError("the line is not protected by TLS: the password was not sent")
    mechanism = next((name for name in _MECHANISMS if name in client.server_auth_methods), None)
    if mechanism is None:
        raise ValueError(
            "the relay offers no login that mailflow knows, but relay.username is set: check relay.port and relay.tls"
        )
    log_in = getattr(client, f"auth_{mechanism.replace('-', '')}")
    await log_in(credentials.username, credentials.password)


def _words(error: Exception, relay: RelaySettings) -> str:
    """Return why the line could not be opened, with what to do about it where that is known."""
    if "STARTTLS extension not supported" in str(error):
        return (
            f"{relay.host} does not offer STARTTLS, so neither login nor mail was sent:"
            " check relay.port, or say `tls: implicit` for port 465"
        )
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {relay.host} cannot be trusted ({cause.verify_message}), so neither login nor mail"
                " was sent; if it is your own, name its file in relay.ca_file"
            )
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
