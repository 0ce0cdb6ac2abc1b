"""Where a counted link of a message leads, asked of what a stranger's request says. The door itself: web.

A link is a message's signed token and the id of an address of its campaign. No address is ever taken from the request:
nobody can make the shop's own host lead elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailflow.store import links
from mailflow.store.connection import Connection
from mailflow.tokens import Keys, Purpose

_LINK = re.compile(r"[A-Za-z0-9_-]{12}\Z")
_TARGET = re.compile(r"https?://[^\s<>\"\x00-\x1f\x7f\\]+\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Followed:
    """A link that was followed: the token of its message, and where it leads."""

    token: str
    url: str


def follow(db: Connection, keys: Keys, signed: str, link: str) -> Followed | None:
    """Return what a link is; None, and the answer is 404 without a Location, for all that mailflow did not write."""
    token = keys.verify(signed, Purpose.CLICK)
    if token is None or not link.isascii() or not _LINK.match(link):
        return None
    url = links.url_of(db, token, link)
    return Followed(token, url) if url is not None and _TARGET.match(url) else None


def opened(keys: Keys, picture: str) -> str | None:
    """Return the token of the message that a picture's name (`v1….gif`) is of, or None."""
    return keys.verify(picture.removesuffix(".gif"), Purpose.OPEN) if picture.endswith(".gif") else None
