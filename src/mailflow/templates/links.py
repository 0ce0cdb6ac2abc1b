"""How out of a message: utm values on links to one's own hosts, and links that lead over a page which counts.

Worked into the template once; what depends on the person is left to two filters. Nothing here is on unless the settings
say so, and what says no (`unsubscribe_url`), mailto:, tel: and places in the mail itself are never touched. What a link
leads to is stored, so that no address ever stands in another: store/links. What a link is: linking.py; who follows one:
tracking/redirect.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape, unescape
from itertools import chain
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from mailflow.templates import markup
from mailflow.templates.kept import Kept
from mailflow.templates.linking import COUNTED, PIXEL, WEB, Clicks, How, Tagging, Utm, is_signed, link_id, tagged
from mailflow.templates.tags import Tag, Tags

_ELEMENT = re.compile(
    r"<(?:a|area|mj-button|mj-image|mj-navbar-link|v:[a-z]+)\b" + markup.INSIDE + r"(?:>|\Z)", re.IGNORECASE
)
_HREF = re.compile(r"""(\shref\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)
_LEFT = re.compile(r"\b(?:unsubscribe_url|preferences_url|view_url|__counted__|__tagged__)\b")


def rewritten(html: str, tags: Tags, links: How) -> str:
    """Return HTML or MJML, with words for its tags, whose links are tagged and counted as `links` says."""
    if links.utm is None and not links.clicks:
        return html

    def address(match: re.Match[str]) -> str:
        value = match[2]
        quote = value[0] if value[0] in "\"'" else '"'
        return f"{match[1]}{quote}{_address(value.strip(value[0]) if value[0] in quote else value, tags, links)}{quote}"

    return _ELEMENT.sub(lambda element: _HREF.sub(address, element[0], count=1), html)


def with_pixel(html: str, tags: Tags, links: How) -> str:
    """Return a whole document with a place for the picture that says that it was opened."""
    if not links.opens:
        return html
    place = tags.add(Tag("=", "'' | __pixel__", "", 0))
    end = re.search(r"</(mj-)?body\s*>", html, re.IGNORECASE)
    if end is None:
        return html + place
    return f"{html[: end.start()]}{f'<mj-raw>{place}</mj-raw>' if end[1] else place}{html[end.start() :]}"


def _address(address: str, tags: Tags, links: How) -> str:
    words = list(tags.word.finditer(address))
    if not words:
        return _constant(unescape(address.strip()), address, tags, links)
    found = [tags.of(word) for word in words]
    if not all(tag.is_value for tag in found) or any(_LEFT.search(tag.inside) for tag in found):
        return address
    if address[: words[0].start()] and not re.match(r"\s*https?://", address, re.IGNORECASE):
        return address
    expression = _filtered(_expression(address, tags), links)
    return tags.add(Tag("=", expression, found[0].file, found[0].line, is_link=True))


def _constant(url: str, written: str, tags: Tags, links: How) -> str:
    """Return a link that is everybody's, known now: tagged here, and named here where it is counted."""
    if not WEB.match(url):
        return written
    full = tagged(url, links.utm) if links.utm else url
    if not links.clicks:
        return written if full == url else escape(full)
    return tags.add(Tag("=", f"{full!r} | __counted__({link_id(full)!r})", "", 0, is_link=True))


def _expression(address: str, tags: Tags) -> str:
    """Return a link with tags in it as one expression of a template, each value through its place's filter."""
    placed = markup.link(address, tags)
    parts, end = [], 0
    for word in tags.word.finditer(placed):
        parts += [repr(unescape(placed[end : word.start()]))] if word.start() > end else []
        parts.append(f"({tags.of(word).inside})")
        end = word.end()
    if placed[end:].strip():
        parts.append(repr(unescape(placed[end:].rstrip())))
    return f"({' ~ '.join(parts)})" if len(parts) > 1 else parts[0]


def _filtered(expression: str, links: How) -> str:
    if links.utm is None:
        return f"{expression} | __counted__"
    told = ", ".join(repr(word) for word in (" ".join(links.utm.hosts), *chain.from_iterable(links.utm.values)))
    return f"{expression} | __counted__(None, {told})" if links.clicks else f"{expression} | __tagged__({told})"


def tag_filter(url: Any, hosts: str, *values: str) -> str:
    """Return a person's own link with utm values; written into templates by this module alone."""
    return _tagging(hosts, values).of(str(url))


@lru_cache(maxsize=64)
def _tagging(hosts: str, values: tuple[str, ...]) -> Tagging:
    return Tagging(Utm(tuple(zip(values[::2], values[1::2], strict=True)), tuple(hosts.split())))


def counting(shown: Callable[[Any, str], str], kept: Kept) -> Callable[..., tuple[str, ...]]:
    """Return the filter of counted links: in two pieces, what all links of a message begin with, and the link's id.

    The first comes with every link of a message, the second in every message: as one text they would be escaped and
    encoded for each link of each message. `shown` makes of them what one of the parts shows, `kept` has what it made.
    """

    @pass_context
    def counted(
        context: Context, url: Any, label: str, link: str | None = None, hosts: str = "", *values: str
    ) -> tuple[str, ...]:
        clicks: Clicks | None = context.parent.get(COUNTED)  # no template can give it another value
        led = _led(str(url), link, hosts, values) if clicks else None
        if clicks is None or led is None:
            return (shown(tag_filter(url, hosts, *values) if hosts and clicks is None else url, label),)
        link, full, end = led
        clicks.found[link] = full
        return kept.get(clicks.prefix) or shown(clicks.prefix, label), end

    return counted


@lru_cache(maxsize=8192)
def _led(url: str, link: str | None, hosts: str, values: tuple[str, ...]) -> tuple[str, str, str] | None:
    """Return the id of a link of the web, where it leads, and how its counted address ends; None where none counts.

    `link` is the id where that is known. A signed link of ours counts by itself.
    """
    if link is None and (not WEB.match(url) or is_signed(url)):
        return None
    full = _tagging(hosts, values).made(url) if hosts else url
    link = link or link_id(full)
    return link, full, f"/{link}"


@pass_context
def pixel_filter(context: Context, _: Any) -> Markup:
    """Return the picture that says that a message was opened, where its reader agreed; nothing otherwise."""
    url = context.parent.get(PIXEL)
    if url is None:
        return Markup("")
    return Markup('<img src="{}" alt="" width="1" height="1" style="display:block;border:0">').format(url)
