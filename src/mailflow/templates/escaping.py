"""What a value may be in a link or a style. Where each of these is put: markup.py; all other filters: filters.py."""

from __future__ import annotations

import re
from urllib.parse import quote

from jinja2.exceptions import TemplateRuntimeError

from mailflow.templates.figures import short

_NOT_IN_LINK = r"\s<>\"\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"  # nor what turns the direction of writing
_LINK = re.compile(rf"(?i:https?://|mailto:|tel:)[^{_NOT_IN_LINK}]+\Z")
_HOST = re.compile(rf"[A-Za-z0-9.-]+(?::\d{{1,5}})?(?:[/?#][^\\{_NOT_IN_LINK}]*)?\Z")
_BEHIND_HOST = re.compile(rf"(?:[/?#][^\\{_NOT_IN_LINK}]*)?\Z")
_CSS = re.compile(r"[\w#%.,+ -]{0,200}\Z")
_PLAIN = re.compile(r"[\w.~-]*\Z", re.ASCII)  # what no part of a link encodes: most values, and found out in no time
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class PlaceError(TemplateRuntimeError):
    """A value that its place in a link or a style does not take, with the place of its tag."""

    def __init__(self, message: str, file: str, line: int) -> None:
        super().__init__(message)
        self.place = file, line


def link(value: str, file: str, line: int, label: str) -> str:
    """Return a link made from data; refuse what is not http, https, mailto or tel."""
    if not _LINK.match(value):
        words = f"{label} is {short(value)}, which is not a link: it must begin with https://, http://, mailto: or tel:"
        raise PlaceError(words, file, line)
    return value


def host(value: str, file: str, line: int, label: str, in_host: bool) -> str:
    """Return what stands behind a host, which it must not change, or `in_host`, where it is a part of one."""
    if not (_HOST if in_host else _BEHIND_HOST).match(value):
        raise PlaceError(f"{label} is {short(value)}, which cannot stand there in a link", file, line)
    return value


def path(value: str) -> str:
    """Return data for the path of a link: it opens no query; what is encoded already is left."""
    if _PLAIN.match(value):
        return value
    return quote(_PERCENT.sub("%25", value), safe="/:@!$&*+,;=~%-._", errors="replace")


def query(value: str) -> str:
    """Return data for what stands behind ? or # in a link: one value, whatever is in it."""
    return value if _PLAIN.match(value) else quote(value, safe="-._~", errors="replace")


def css(value: str, file: str, line: int, label: str) -> str:
    """Return data for a style: a colour, a size, a name."""
    if not _CSS.match(value):
        words = f"{label} is {short(value)}, which is no value for a style: letters, digits and # % . , - are"
        raise PlaceError(words, file, line)
    return value
