"""Where tags stand in HTML, and what each place makes of a value: data in text, in a link, in a style, never code.

The pieces of markup that inlining goes by are here too (inline.py), and the parser of all that reads whole pages. What
the filters do: escaping.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from html.parser import HTMLParser

from mailflow.templates.parts import TemplateError
from mailflow.templates.tags import CLOSING, MIDDLE, OPENING, Tag, Tags

# What stands in an element behind its name, as HTML reads it: a quote only holds back ">" behind "=". What is not
# closed reaches to the very end, here and in `MARKUP`, so that nothing is read twice.
INSIDE = r"(?:[^>=]++|=\s*(?:\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|[^\s\"'>][^\s>]*)?)*+"
MARKUP = re.compile(
    r"(?P<comment><!--.*?(?:-->|\Z))"
    rf"|(?P<raw><(?P<name>style|script|title|textarea)\b{INSIDE}>.*?(?:</(?P=name)\s*>|\Z))"
    rf"|(?P<element></?(?P<tag>[a-zA-Z][^\s/>]*){INSIDE}(?:>|\Z))"
    r"|(?P<other><[!?][^>]*(?:>|\Z))",
    re.DOTALL | re.IGNORECASE,
)
ATTRIBUTE = re.compile(r"""\s([^\s=>"'/]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
_CONDITIONAL = re.compile(r"(<!--\[if\b[^\]]*\]>)(.*)(<!\[endif\]-->)\Z", re.DOTALL | re.IGNORECASE)
_LINK_ATTRIBUTES = frozenset("href src action background poster formaction cite longdesc background-url".split())
# Attributes of MJML components that stay attributes; all others become styles.
_MJML_TEXT = _LINK_ATTRIBUTES | frozenset(
    "alt title name rel target css-class mj-class lang dir id path srcset".split()
)
_FORBIDDEN = re.compile(r"<(script|iframe|object|embed|form|applet|base)\b", re.IGNORECASE)
_REFRESH = re.compile(r"<meta\b[^<>]*http-equiv\s*=\s*[\"']?refresh", re.IGNORECASE)
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # have no end
MAX_NESTED = 200
_NESTING = re.compile(
    rf"<!--.*?(?P<comment>-->|\Z)|<(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*){INSIDE}(?P<end>>|\Z)", re.DOTALL
)
# Elements that end by themselves where the next one begins, or have nothing in them.
_FLAT = VOID | frozenset(
    "p li dt dd tr td th tbody thead tfoot option html head body mj-image mj-divider mj-spacer mj-font mj-breakpoint"
    " mj-all mj-class mj-carousel-image".split()
)
_IN_URL = re.compile(r"url\(\s*[\"']?([^\"')]*)\Z", re.IGNORECASE)
_ENCODED = re.compile(r"\|\s*urlencode\s*(?:\(\s*\))?\s*\Z")


class Reader(HTMLParser):
    """Python's parser, but for `<![x`, at which CPython 3.11 gives up: browsers read a comment up to the next `>`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i, report)


class Part(IntEnum):
    """How far into a link a place is: what stands there can change all that comes behind."""

    START = 0  # nothing yet that says where it leads: the value must be a link itself
    HOST = 1  # behind https:// or a whole link
    PATH = 2
    QUERY = 3  # behind ? or #


def check(html: str, tags: Tags, file: str) -> None:
    """Refuse what mail programs throw away or warn of, and tags where data could become code."""
    check_elements(html, file)
    plain = re.sub(r"<!--.*?(?:-->|\Z)", "", html, flags=re.DOTALL)
    found = _FORBIDDEN.search(plain)
    if found or _REFRESH.search(plain):
        name = found[1].lower() if found else "meta http-equiv=refresh"
        raise TemplateError.at(file, f"<{name}> does not work in mail: take it out")
    for match in re.finditer(rf"</?{tags.word.pattern}", html):
        tag = tags.all[int(match[1])]
        if tag.is_value:
            raise TemplateError.at(tag.file, "the name of an element cannot be a tag", tag.line)
    for place, tag in places(html, tags):
        if place.startswith("@on"):
            message = f"the attribute {place[1:]} cannot hold a tag, and does not work in mail"
            raise TemplateError.at(tag.file, message, tag.line)
        if tag.is_value and place in ("inside", "@"):
            message = 'a value stands in an element outside of quotes: write it as name="{{ … }}"'
            raise TemplateError.at(tag.file, message, tag.line)


def check_elements(html: str, file: str) -> None:
    """Refuse HTML of a template that no parser should be given, see `check_nesting`."""
    try:
        check_nesting(html)
    except ValueError as error:
        raise TemplateError.at(file, str(error)) from None


def check_nesting(html: str) -> None:
    """Refuse elements in elements in elements, and what is not closed with `>`.

    Parsers go down by calling themselves, and would end the process; they read what is not closed again and again.
    """
    depth = 0
    for match in _NESTING.finditer(html):
        name = match["name"]
        if not (match["comment"] or match["end"]):
            words = f"<{name[:40]} is not closed: > or a quote" if name else "<!-- is not closed: -->"
            raise ValueError(f"{words} is missing")
        if name is None or name.lower() in _FLAT or (name.startswith("mj-") and match[0].endswith("/>")):
            continue
        depth = max(0, depth + (-1 if match["close"] else 1))
        if depth > MAX_NESTED:
            raise ValueError(f"elements are nested more than {MAX_NESTED} deep, or not closed: <{name[:40]}>")


def places(html: str, tags: Tags) -> Iterator[tuple[str, Tag]]:
    """Yield where each tag stands that is not in text.

    That is `style` or `title` in such an element, `@` and the name in a quoted attribute, `@` alone in one without
    quotes, `inside` elsewhere in an element.
    """
    for match in MARKUP.finditer(html):
        if not tags.word.search(match[0]) or match["comment"]:
            continue
        if match["raw"]:
            opening, inner, _ = _raw_parts(match)
            yield from _in_element(opening, tags)
            yield from ((match["name"].lower(), tags.of(word)) for word in tags.word.finditer(inner))
        else:
            yield from _in_element(match[0], tags)


def _raw_parts(match: re.Match[str]) -> tuple[str, str, str]:
    """Return opening tag, inner text and closing tag of a style, script, title or textarea."""
    whole = match[0]
    start = re.match(rf"<{INSIDE}>", whole)
    begin = start.end() if start else 0
    end = whole.rfind("</") if "</" in whole[begin:] else len(whole)
    return whole[:begin], whole[begin:end], whole[end:]


def _in_element(element: str, tags: Tags) -> Iterator[tuple[str, Tag]]:
    between, end = [], 0
    for attribute in ATTRIBUTE.finditer(element):
        name, value = attribute[1].lower(), attribute[2]
        if tags.word.search(name):
            continue
        place = f"@{name}" if value[0] in "\"'" else "@"
        yield from ((place, tags.of(word)) for word in tags.word.finditer(value))
        between.append(element[end : attribute.start()])
        end = attribute.end()
    inside = " ".join([*between, element[end:]])
    yield from (("inside", tags.of(word)) for word in tags.word.finditer(inside))


def wrapped(html: str, tags: Tags) -> str:
    """Return HTML whose values in links and styles go through the filter of their place."""

    def markup(match: re.Match[str]) -> str:
        if not tags.word.search(match[0]):
            return match[0]
        if match["comment"]:
            conditional = _CONDITIONAL.match(match[0])
            if conditional is None:
                return match[0]
            return f"{conditional[1]}{MARKUP.sub(markup, conditional[2])}{conditional[3]}"
        if match["raw"]:
            opening, inner, closing = _raw_parts(match)
            return opening + (_style(inner, tags) if match["name"].lower() == "style" else inner) + closing
        return ATTRIBUTE.sub(attribute, match[0]) if match["element"] else match[0]

    def attribute(match: re.Match[str]) -> str:
        name, value = match[1].lower(), match[2]
        if not tags.word.search(value):
            return match[0]
        quote = value[0] if value[0] in "\"'" else ""
        inner = value[1:-1] if quote else value  # it may begin or end with the other kind: style="font-family: 'Arial'"
        if name in _LINK_ATTRIBUTES:
            inner = link(inner, tags)
        elif name == "style" or (match.string.startswith("<mj") and in_mjml_style(name)):
            inner = _style(inner, tags)
        return f"{match[0][: match.start(2) - match.start()]}{quote}{inner}{quote}"

    return MARKUP.sub(markup, html)


def in_mjml_style(attribute: str) -> bool:
    """Whether an attribute of an MJML component becomes part of a style."""
    return attribute not in _MJML_TEXT


def link(address: str, tags: Tags, *, is_checked: bool = False) -> str:
    """Return an address whose values go through the filter of their part of it.

    `is_checked`: the same values were found to be links before, so that only encoding is left to do.
    """
    part, depth, end, pieces = Part.START, [Part.START], 0, []
    for word in tags.word.finditer(address):
        part = _after(part, address[end : word.start()])
        pieces.append(address[end : word.start()])
        end = word.end()
        tag = tags.of(word)
        if tag.is_value:
            in_host = address[: word.start()].endswith(("//", "."))
            left = (is_checked and part < Part.PATH) or (tag.is_link and part is Part.START)
            pieces.append(word[0] if left else tags.add(_filtered(tag, part, in_host=in_host)))
            part = max(part, Part.HOST)
            continue
        pieces.append(word[0])
        if tag.name in OPENING:
            depth.append(part)
        elif tag.name in MIDDLE:
            part = depth[-1]
        elif tag.name in CLOSING and len(depth) > 1:
            part = min(part, depth.pop())
    return "".join([*pieces, address[end:]])


def _after(part: Part, text: str) -> Part:
    """Return how far into a link one is behind `text`."""
    if re.search(r"[?#]", text):
        return Part.QUERY
    if part is Part.START and re.match(r"\s*[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        return Part.PATH if "/" in text.partition("://")[2] else Part.HOST
    if part is Part.START:
        return Part.PATH if re.search(r"[:/]", text) else part
    return Part.PATH if part is Part.HOST and "/" in text else part


def _filtered(tag: Tag, part: Part, *, in_host: bool = False) -> Tag:
    """Return a value's tag with the filter of its part of a link around it; one that escapes itself stays."""
    place = f"{tag.file!r}, {tag.line}, {label(tag)!r}"
    if part is Part.START:
        return _with(tag, f"__link__({place})")
    if part is Part.HOST:
        return _with(tag, f"__host__({place}, {in_host})")
    if _ENCODED.search(tag.inside):
        return tag
    return _with(tag, f"{'__path__' if part is Part.PATH else '__query__'}({label(tag)!r})")


def _style(css: str, tags: Tags) -> str:
    """Return CSS whose values go through a filter that lets nothing but a value pass; a link in url() is a link."""

    def value(match: re.Match[str]) -> str:
        tag = tags.of(match)
        if not tag.is_value:
            return match[0]
        opened = _IN_URL.search(css[max(0, lower.rfind("url(", 0, match.start())) : match.start()])
        if opened:
            before = tags.word.sub("", opened[1])
            return tags.add(_with(_filtered(tag, _after(Part.START, before)), f"__path__({label(tag)!r})"))
        return tags.add(_with(tag, f"__css__({tag.file!r}, {tag.line}, {label(tag)!r})"))

    lower = css.lower()
    return tags.word.sub(value, css)


def label(tag: Tag) -> str:
    """Return the words of a value for a message, without its filters."""
    return tag.inside.partition("|")[0].strip()


def _with(tag: Tag, written: str) -> Tag:
    return Tag("=", f"({tag.inside}) | {written}", tag.file, tag.line)
