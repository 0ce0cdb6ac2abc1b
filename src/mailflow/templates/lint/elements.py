"""Checks of single elements: pictures, forbidden elements and attributes, and the styles in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape

from mailflow.templates.lint import links, support
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.links import Hosts

FORBIDDEN = frozenset("script iframe object embed form applet base frame frameset template portal".split())
_ATTRIBUTE = re.compile(r"""\s([^\s=>"'/]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_LINKS = ("href", "src", "background", "action", "poster")


def attributes(tag: str) -> dict[str, str | None]:
    """Return the attributes of an opening tag, `img src="…" alt`; the value of one without is None."""
    return {
        match[1].lower(): None if match[2] is None else unescape(match[2][1:-1] if match[2][0] in "\"'" else match[2])
        for match in _ATTRIBUTE.finditer(tag)
    }


def check(name: str, values: Mapping[str, str | None], tag: str, hosts: Hosts) -> Iterator[Found]:
    """Yield what is wrong with an opening tag; `tag` is the whole of it, without its brackets."""
    if name in FORBIDDEN:
        yield Found("L404", f"<{name}> does not work in mail", (f"<{name}", tag))
    elif name == "meta" and (values.get("http-equiv") or "").lower() == "refresh":
        yield Found("L404", "<meta http-equiv=refresh> does not work in mail", ('http-equiv="refresh"', tag))
    elif name == "link" and "stylesheet" in (values.get("rel") or "").lower():
        yield support.of_link()
    for attribute, value in values.items():
        if attribute.startswith("on") and len(attribute) > 4:
            yield Found("L405", f"the attribute {attribute} holds a program", (f"{attribute}=", tag))
        elif attribute in _LINKS and name != "link":
            yield from links.check(value or "", hosts, is_picture=attribute in ("src", "background", "poster"))
        elif attribute == "style" and ":" not in name:  # v:image and the like are for Outlook alone
            yield from support.of_style(value or "")
    yield from support.of_element(name)
    if name == "img":
        yield from _picture(values, tag, hosts)


def is_hidden(values: Mapping[str, str | None]) -> bool:
    """Whether an element does not show by its own style."""
    style = (values.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or "max-height:0" in style


def is_pixel(values: Mapping[str, str | None]) -> bool:
    """Whether a picture is one pixel large at most."""
    return {(values.get(side) or "").removesuffix("px") for side in ("width", "height")} <= {"0", "1"}


def _picture(values: Mapping[str, str | None], tag: str, hosts: Hosts) -> Iterator[Found]:
    address = values.get("src") or ""
    yield from support.of_picture(address)
    if is_pixel(values):
        yield from links.pixel(address, hosts)
        return
    near = (address, tag) if address else (tag,)
    if values.get("alt") is None:
        yield Found("L401", f"the picture {_short(address)} has no alt text", near)
    elif not (values["alt"] or "").strip():
        yield Found("L402", f"the picture {_short(address)} has an empty alt text", near)
    if not re.fullmatch(r"\d+(?:px|%)?", (values.get("width") or "").strip()):
        yield Found("L403", f"the picture {_short(address)} has no width", near)


def _short(address: str) -> str:
    return address if len(address) <= 70 else f"…{address[-69:]}"
