"""What becomes of the links of a message: utm values, ids of counted links. How a template is rewritten so: links.py.

Light to import, for what opens campaigns without rendering any.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

COUNTED = "__clicks__"  # the name in a render's values of its `Clicks`; no template can speak it
PIXEL = "__pixel__"  # that of the address of its open pixel
OPENS_ALLOWED = "__opens__"  # the key in a context that says whether its contact agreed to the open pixel
WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_SIGNED = re.compile(r"/v1\.[0-9a-f]+\.[a-z]\.[\w-]+\.[\w-]{22}\Z")  # how a link of ours ends: see tokens.py
_LINK_BYTES = 9  # of the hash that names a link; it is looked up within one campaign


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


@dataclass(slots=True)
class Clicks:
    """The links of one message. `prefix` is the address of its counting page, `found` maps a link's id to its URL."""

    prefix: str
    found: dict[str, str] = field(default_factory=dict)

    def of(self, url: str, link: str | None = None) -> str:
        """Return the counted address of a link of the web; any other link, and a signed one of ours, as it is."""
        if link is None:
            if not WEB.match(url) or is_signed(url):
                return url
            link = link_id(url)
        self.found[link] = url
        return f"{self.prefix}/{link}"


def is_signed(url: str) -> bool:
    """Say whether a link carries a token of ours, as those of polls do: it is one person's, and counts by itself."""
    return "/v1." in url and _SIGNED.search(url) is not None


@lru_cache(maxsize=8192)
def link_id(url: str) -> str:
    """Return the id of a link: 12 letters, digits, - and _, the same for the same address."""
    return urlsafe_b64encode(hashlib.sha256(url.encode("utf-8", "replace")).digest()[:_LINK_BYTES]).decode("ascii")


@lru_cache(maxsize=8192)
def tagged(url: str, utm: Utm) -> str:
    """Return a link to one of the hosts with the utm values that it does not have yet; any other link as it is."""
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
