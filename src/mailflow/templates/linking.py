"""What becomes of the links of a message: utm values, ids of counted links. How a template is rewritten so: links.py.

Light to import, for what opens campaigns without rendering any.
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from mailflow.templates.kept import Kept

COUNTED = "__clicks__"  # the name in a render's values of its `Clicks`; no template can speak it
PIXEL = "__pixel__"  # that of the address of its open pixel
OPENS_ALLOWED = "__opens__"  # the key in a context that says whether its contact agreed to the open pixel
WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_SIGNED = re.compile(r"/v1\.[0-9a-f]+\.[a-z]\.[\w-]+\.[\w-]{22}\Z")  # how a link of ours ends: see tokens.py
_LINK_BYTES = 9  # of the hash that names a link; it is looked up within one campaign
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# Scheme and host in lower case, nothing encoded in the query, no fragment: such a link can be added to as it stands.
_PLAIN = re.compile(r"(https?://([a-z0-9.-]*[a-z0-9])(?:/[!-\"$->@-~]*)?)(?:\?([!-\"$&-*,-~]*))?\Z")


@dataclass(frozen=True, slots=True)
class Utm:
    """The utm values of a campaign, as (name, value), and the hosts whose links get them, in lower case."""

    values: tuple[tuple[str, str], ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class How:
    """What the settings say of making a template's messages: links, pictures, the zone of times without one."""

    utm: Utm | None = None
    clicks: bool = False
    opens: bool = False
    asset_url: str | None = None
    embed: bool = False
    zone: tzinfo = UTC
    language: str = "en"  # of templates that do not say theirs
    topics: tuple[str, ...] = ()  # that a template may name; any where there are none


@dataclass(slots=True)
class Clicks:
    """The links of one message. `prefix` is the address of its counting page, `found` maps a link's id to its URL."""

    prefix: str
    found: dict[str, str] = field(default_factory=dict)


def is_signed(url: str) -> bool:
    """Say whether a link carries a token of ours, as those of polls do: it is one person's, and counts by itself."""
    return "/v1." in url and _SIGNED.search(url) is not None


def link_id(url: str) -> str:
    """Return the id of a link: 12 letters, digits, - and _, the same for the same address."""
    digest = hashlib.sha256(url.encode("utf-8", "replace")).digest()[:_LINK_BYTES]
    return b2a_base64(digest, newline=False).translate(_URL_SAFE).decode("ascii")


class Tagging:
    """Puts utm values on links to one's own hosts."""

    def __init__(self, utm: Utm) -> None:
        self._utm = utm
        self._all = urlencode(utm.values)
        self._has = re.compile("|".join(re.escape(name) for name, _ in utm.values), re.IGNORECASE)
        self._kept = Kept()

    def of(self, url: str) -> str:
        """Return a link to one of the hosts with the utm values that it does not have yet; any other as it is."""
        return self._kept.get(url) or self._kept.keep(url, self.made(url))

    def made(self, url: str) -> str:
        """Return what `of` does, for who keeps it himself; what most links need, without a closer look at them."""
        plain = _PLAIN.match(url)
        if plain is None:
            return _tagged(url, self._utm)
        address, host, query = plain.groups("")
        if host not in self._utm.hosts or is_signed(url):
            return url
        if not query:
            return f"{address}?{self._all}"
        return _tagged(url, self._utm) if self._has.search(query) else f"{address}?{query}&{self._all}"


tagging = lru_cache(maxsize=64)(Tagging)


def tagged(url: str, utm: Utm) -> str:
    """Return a link to one of the hosts with the utm values that it does not have yet; any other link as it is."""
    return tagging(utm).of(url)


def _tagged(url: str, utm: Utm) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return url
    if parts.scheme.lower() not in ("http", "https") or host not in utm.hosts or is_signed(url):
        return url
    has = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    new = urlencode([(name, value) for name, value in utm.values if name not in has])
    query = "&".join(part for part in (parts.query, new) if part)
    return urlunsplit(parts._replace(query=query))
