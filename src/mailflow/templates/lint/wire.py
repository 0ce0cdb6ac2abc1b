"""Checks of the bytes that go over the wire, read by the standard library's parser. What was rendered: message.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from html import unescape
from urllib.parse import urlsplit

from mailflow.addresses.flags import of_domain
from mailflow.errors import ConfigError
from mailflow.templates import headers
from mailflow.templates.lint.checks import Found

LARGEST = 10 * 1024 * 1024  # bytes; RFC 5321 asks for 64 KB, and 10 MB is what the smallest of today's servers take
_LINE = 998
_LIST_ID = re.compile(r"(?:[^<>]*\s)?<[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?\.[\w.-]+>\Z")
_FEEDBACK = re.compile(r"[^:@\s]*(?::[^:@\s]*){2}:[\w.-]{5,15}\Z")
_ONE_CLICK = "List-Unsubscribe=One-Click"


def _anything(token: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message must say: whose it is, its subject, and how one leaves.

    `unsubscribe_hosts` are those of the shop's own pages, `is_token` tells whether a text in the link is a valid token
    of this message, `address` is the postal address. `domains` may be sent from too. One of the links in
    List-Unsubscribe has to be visible too.
    """

    domain: str
    subject: str
    domains: Collection[str] = ()
    is_marketing: bool = True
    address: str = ""
    unsubscribe_hosts: Collection[str] = ()
    is_token: Callable[[str], bool] = _anything


def check(data: bytes, asked: Asked) -> list[Found]:
    """Return what is wrong with a whole message."""
    message = message_from_bytes(data, EmailMessage, policy=default_policy)
    found = [*_sender(message, asked), *_plain_headers(message, asked)]
    if asked.is_marketing:
        found += [*_unsubscribing(data, message, asked), *_footer(data, message, asked)]
    found += [*_labels(message, asked), *_parts(message), *_lines(data)]
    if len(data) > LARGEST:
        found.append(Found("L515", f"the message has {len(data) / 1024 / 1024:.0f} MB"))
    return found


def _sender(message: EmailMessage, asked: Asked) -> Iterator[Found]:
    senders = message.get_all("From") or []
    addresses = [address for header in senders for address in header.addresses]
    if len(senders) != 1 or len(addresses) != 1:
        yield Found("L501", f"the mail has {len(addresses)} senders, not one")
        return
    domain = addresses[0].domain.lower()
    if domain not in {own.lower() for own in (asked.domain, *asked.domains)}:
        yield Found("L501", f"the mail is from {domain}, and the shop's domain is {asked.domain}")
    if of_domain(domain).free:
        yield Found("L501", f"the mail is from {domain}, a free mail provider, and servers refuse that from elsewhere")
    for header in message.get_all("Reply-To") or []:
        try:
            headers.check_address(header.addresses[0].addr_spec)
        except (ConfigError, IndexError):
            yield Found("L502", f"Reply-To is {str(header)!r}", key="reply_to")


def _plain_headers(message: EmailMessage, asked: Asked) -> Iterator[Found]:
    ids = message.get_all("Message-ID") or []
    if len(ids) != 1 or not re.fullmatch(rf"<[^<>@\s]+@{re.escape(asked.domain)}>", str(ids[0]).strip(), re.IGNORECASE):
        yield Found("L503", f"Message-ID is {', '.join(map(str, ids)) or 'missing'}")
    dates = message.get_all("Date") or []
    if len(dates) != 1 or getattr(dates[0], "datetime", None) is None:
        yield Found("L504", "the date is missing, doubled or cannot be read")
    subjects = [str(subject) for subject in message.get_all("Subject") or []]
    if subjects != [headers.safe_header(asked.subject)]:
        yield Found("L505", f"the subject in the bytes is {', '.join(map(repr, subjects)) or 'missing'}", key="subject")


def _unsubscribing(data: bytes, message: EmailMessage, asked: Asked) -> Iterator[Found]:
    """Read List-Unsubscribe as it stands in the bytes: encoded words in it are not decoded by those who act on it."""
    fields = message.get_all("List-Unsubscribe") or []
    raw = " ".join(_raw(data, "List-Unsubscribe"))
    links = re.findall(r"<([^<>\s]+)>", raw)
    if len(fields) != 1 or "=?" in raw or not links:
        yield Found(
            "L506", "List-Unsubscribe is missing, doubled or encoded" if fields else "List-Unsubscribe is missing"
        )
        return
    pages = [link for link in links if link.lower().startswith("http")]
    for page in pages:
        parts = urlsplit(page)
        if parts.scheme != "https" or (parts.hostname or "") not in asked.unsubscribe_hosts:
            yield Found(
                "L506", f"List-Unsubscribe leads to {parts.scheme}://{parts.hostname}, not to your own https page"
            )
        elif not asked.is_token(parts.path.rpartition("/")[2]):
            yield Found("L506", "the token in List-Unsubscribe is not one of this message")
    posts = [str(post) for post in message.get_all("List-Unsubscribe-Post") or []]
    if len(pages) > 1 or (pages and posts != [_ONE_CLICK]) or (posts and not pages):
        yield Found("L507", f"List-Unsubscribe-Post is {', '.join(posts) or 'missing'} beside {len(pages)} https links")
    for signature in message.get_all("DKIM-Signature") or []:
        signed = re.search(r"\bh=([^;]*)", str(signature))
        names = {name.strip().lower() for name in (signed[1] if signed else "").split(":")}
        if missing := {"list-unsubscribe", *(["list-unsubscribe-post"] if pages else [])} - names:
            yield Found("L510", f"the DKIM signature leaves out {' and '.join(sorted(missing))}")


def _footer(data: bytes, message: EmailMessage, asked: Asked) -> Iterator[Found]:
    links = re.findall(r"<([^<>\s]+)>", " ".join(_raw(data, "List-Unsubscribe")))
    for kind, text in _texts(message).items():
        shown = unescape(text) if kind == "html" else text
        if not all(line.strip() in shown for line in asked.address.splitlines()):
            yield Found("L511", f"the postal address is missing from the {kind} part", ("footer",))
        if links and not any(link in shown for link in links):
            yield Found("L512", f"the link to unsubscribe is missing from the {kind} part", ("footer",))


def _labels(message: EmailMessage, asked: Asked) -> Iterator[Found]:
    ids = [str(label) for label in message.get_all("List-ID") or []]
    if (asked.is_marketing and len(ids) != 1) or any(not _LIST_ID.match(label) for label in ids):
        yield Found("L508", f"List-ID is {', '.join(ids) or 'missing'}")
    for label in message.get_all("Feedback-ID") or []:
        if not _FEEDBACK.match(str(label)):
            yield Found("L509", f"Feedback-ID is {str(label)!r}")


def _parts(message: EmailMessage) -> Iterator[Found]:
    texts = _texts(message)
    if not texts.get("plain", "").strip():
        yield Found("L513", "the mail has no text part, or an empty one")
    if message.defects or any(part.defects for part in message.walk()):
        yield Found("L514", "the parts of the message cannot be read as they are declared")
    for part in message.walk():
        if part.get_content_maintype() != "text":
            continue
        if (part.get_content_charset() or "us-ascii").lower() not in ("utf-8", "us-ascii"):
            yield Found("L514", f"a part is in {part.get_content_charset()}, not in UTF-8")
        if str(part.get("Content-Transfer-Encoding", "7bit")).lower() not in ("quoted-printable", "base64", "7bit"):
            yield Found("L514", f"a part is sent as {part['Content-Transfer-Encoding']}, which not all servers carry")


def _texts(message: EmailMessage) -> dict[str, str]:
    """Return the text parts by subtype; what cannot be decoded is empty."""
    found: dict[str, str] = {}
    for part in message.walk():
        if part.get_content_maintype() == "text" and not part.is_attachment():
            try:
                found.setdefault(part.get_content_subtype(), part.get_content().replace("\r\n", "\n"))
            except (LookupError, ValueError, KeyError):
                found.setdefault(part.get_content_subtype(), "")
    return found


def _lines(data: bytes) -> Iterator[Found]:
    lines = data.split(b"\r\n")
    if not data.isascii() or b"\0" in data or any(b"\n" in line or b"\r" in line for line in lines):
        yield Found("L514", "the bytes are not 7-bit with CRLF line ends")
    if max(map(len, lines)) > _LINE:
        yield Found("L514", f"a line has over {_LINE} bytes")


def _raw(data: bytes, name: str) -> list[str]:
    """Return the values of a header as they stand in the bytes, unfolded."""
    head = data.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").decode("ascii", "replace")
    pairs = (line.partition(":") for line in head.split("\r\n"))
    return [value.strip() for key, _, value in pairs if key.lower() == name.lower()]
