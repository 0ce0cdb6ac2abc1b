"""CSS into the elements, once per template where it does not depend on the person, and tags back into the HTML.

Where a tag stands decides what stands in for it meanwhile: a comment between elements, a word in an attribute or a
title (markup.py). Where the styling itself depends on a tag, the CSS is worked in per message, after rendering.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import css_inline

from mailflow.templates import markup
from mailflow.templates.tags import OPENING, Tags

# Selectors whose match can change with what a loop or condition leaves out; plain classes, names and nesting cannot.
_STRUCTURAL = re.compile(r":(?:nth-|first-|last-|only-|not\(|has\(|is\(|where\()|[+~](?!=)")
_BY_VALUE = re.compile(r"\[\s*(?:href|src|alt|title)")
# Selectors of things that mail programs put around or into a message themselves: no document has them, and they stay.
_HOOKS = re.compile(
    r"\[data-og|\[owa|\[office365|#outlook|#MessageView|#MessageWebView|\.External|\.ReadMsg|\.moz-text|\.yshortcuts"
    r"|\.gmail|\.apple-|x-apple-|^\s*u\s*\+|\.\&|^\s*body\[",
    re.IGNORECASE,
)
_LINK = re.compile(r"<!--(?:.*?-->|.*\Z)|<link\b[^<>]*>", re.IGNORECASE | re.DOTALL)
_ONLINE = re.compile(r"\bhref\s*=\s*[\"']?https://", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype[^>]*>", re.IGNORECASE)
_STATEMENT = re.compile(
    r"@(?:import|charset|namespace)\b(?:\"[^\"]*\"|'[^']*'|[^;{}\"'])*+(?:;\s*|(?=[{}\"'])|\Z)", re.IGNORECASE
)
_STYLES = re.compile(r"<style\b.*?(?:</style|\Z)", re.DOTALL | re.IGNORECASE)
_LAST = re.compile(r"[\s>+~]+")  # parts a selector
_BEHIND_LAST = re.compile(r"[:\[].*", re.DOTALL)
_NAMES = re.compile(r"[.#]?[\w-]+")
MAX_WORKED_IN = 8_000_000  # characters of styles in the elements; the parser takes seven times that
_IMPLIED = frozenset("html head body tbody thead tfoot colgroup".split())  # HTML5 parsers add these


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(keep_style_tags=True, remove_inlined_selectors=True, load_remote_stylesheets=False)


def inline_css(html: str) -> str:
    """Return a whole HTML document with its CSS in the elements; what only works in a style sheet stays in one.

    Nothing is fetched, and no file is read: a style sheet at https://, such as a font, is the mail program's to load.
    The document type stays as it is, because pictures in cells stand otherwise in each of them. `ValueError` where the
    document would get too large.
    """
    markup.check_nesting(html)
    _check_growth(html)
    sheets: list[str] = []

    def kept(link: str) -> str:
        sheets.append(link)
        return f"<!--sheet {len(sheets)}-->"

    made = _inliner().inline(_with_sheets(html, kept))
    if sheets:
        left = iter(sheets)
        made = re.sub(r"<!--sheet \d+-->", lambda match: next(left, match[0]), made)
    declared = _DOCTYPE.search(html)
    return _DOCTYPE.sub(lambda _: declared[0], made, count=1) if declared else made


def _check_growth(html: str) -> None:
    """Refuse a document that would get too large: each rule may be written into all elements of its name and class."""
    elements = html.count("<") - html.count("</")
    styles = " ".join(_STYLES.findall(html)) if elements else ""
    if elements * len(styles) <= MAX_WORKED_IN:
        return
    there = Counter(name.lower() for name in re.findall(r"<([a-zA-Z][\w-]*)", html))
    classes = " ".join(re.findall(r"""\bclass\s*=\s*["']?([^"'>]*)""", html)).split()
    there.update(f".{name}" for name in classes)
    written = sum(
        len(declarations) * min((there[name] for name in names if name[0] != "#"), default=elements)
        for names, declarations in _rules(styles)
    )
    if written > MAX_WORKED_IN:
        size = f"{written // 1_000_000:,} MB with its styles in its {elements:,} elements"
        raise ValueError(f"the message could get {size}: take rules or elements out")


def _rules(styles: str) -> Iterator[tuple[list[str], str]]:
    """Yield of each selector that is worked in what its last part asks for (`td`, `.wide`), and its declarations."""
    bare = _STATEMENT.sub("", re.sub(r"<[^>]*>|/\*.*?(?:\*/|\Z)", "", styles, flags=re.DOTALL))
    inside = False  # of @media and the like, which stay where they are
    for rule in bare.split("}"):
        before, _, declarations = rule.rpartition("{")
        special = before.lstrip().startswith("@")
        inside = bool(before.strip()) and (inside or (special and "{" in before))
        if inside or special:
            continue
        for selector in before.split(","):
            yield _NAMES.findall(_BEHIND_LAST.sub("", _LAST.split(selector.strip())[-1])), declarations


def _with_sheets(html: str, online: Callable[[str], str]) -> str:
    """Return HTML without links to style sheets, but for those at https://, which `online` makes something of."""

    def link(match: re.Match[str]) -> str:
        if match[0].startswith("<!--") or "stylesheet" not in match[0].lower():
            return match[0]
        return online(match[0]) if _ONLINE.search(match[0]) else ""

    return _LINK.sub(link, html) if "stylesheet" in html.lower() else html


def sheets_elsewhere(html: str) -> Iterator[tuple[str, int]]:
    """Yield the address and line of each link to a style sheet that is left out: one that is not at https://."""
    for match in _LINK.finditer(html):
        address = re.search(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", match[0], re.IGNORECASE)
        is_sheet = not match[0].startswith("<!--") and "stylesheet" in match[0].lower()
        if is_sheet and address and not _ONLINE.search(match[0]):
            yield next(filter(None, address.groups()), ""), html.count("\n", 0, match.start()) + 1


def inlined_once(html: str, tags: Tags) -> str | None:
    """Return the document inlined with words for its tags, or None where that would not be right for everybody.

    It is right when no styling depends on a tag, and when the parser neither moved, dropped nor doubled anything and
    every statement begins and ends inside the same element.
    """
    places = [place for place, _ in markup.places(html, tags)]
    if any(place in ("style", "inside", "@style", "@class", "@id") for place in places):
        return None
    html = _with_sheets(html, str)
    selectors = ",".join(each for each in _selectors(html) if not _HOOKS.search(each))
    can_change = any(tags.of(word).name in OPENING for word in tags.word.finditer(html))
    if ":empty" in selectors or (can_change and _STRUCTURAL.search(selectors)):
        return None
    if _BY_VALUE.search(selectors) and any(place in ("@href", "@src", "@alt", "@title") for place in places):
        return None
    nodes = _with_nodes(html, tags)
    result = inline_css(nodes)
    elements = list(_elements(result, tags))
    if _shape(_elements(nodes, tags)) != _shape(elements) or not _nested_well(elements, tags):
        return None
    classes = frozenset(" ".join(re.findall(r"""\bclass\s*=\s*["']([^"']*)""", result)).split())
    return markup.MARKUP.sub(lambda match: _needed(match[0], classes) if _is_style(match) else match[0], result)


def _selectors(html: str) -> Iterator[str]:
    """Yield the selectors of the rules that are worked in."""
    for selectors, _ in plain_rules(html):
        yield from selectors.split(",")


def plain_rules(html: str) -> Iterator[tuple[str, str]]:
    """Yield selectors and declarations of the rules of a page's style sheets, but for those in @media and the like."""
    styles = "".join(match[0][match[0].index(">") + 1 :] for match in markup.MARKUP.finditer(html) if _is_style(match))
    bare = _STATEMENT.sub("", re.sub(r"/\*.*?(?:\*/|\Z)", "", styles, flags=re.DOTALL))
    inside: list[str] = []  # the prelude of each block that is open
    pieces = re.split(r"([{}])", bare)
    for before, brace in zip(pieces[::2], pieces[1::2], strict=False):
        if brace == "{":
            inside.append(before.rpartition(";")[2].strip())
        elif inside:
            if len(inside) == 1 and not inside[0].startswith("@"):
                yield inside[0], before
            inside.pop()
    if len(inside) == 1 and not inside[0].startswith("@"):  # parsers close what is open at the end
        yield inside[0], pieces[-1]


def _is_style(match: re.Match[str]) -> bool:
    """Whether a piece of markup is a style sheet, outside of comments."""
    return (match["name"] or "").lower() == "style"


def _needed(style: str, classes: frozenset[str]) -> str:
    """Return a style element without the rules that match nothing: they were not worked in, or speak of other classes.

    What has a colon (`a:hover`) or an @ cannot be worked in, and what speaks of a mail program is not ours: both stay.
    """
    kept: list[str] = []
    depth, start = 0, style.index(">") + 1
    for brace in re.finditer(r"[{}]", style):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            rule = style[start : brace.end()].strip()
            start = brace.end()
            while statement := _STATEMENT.match(rule):
                kept.append(statement[0].strip())
                rule = rule[statement.end() :]
            selector = rule.partition("{")[0]
            if rule.startswith("@") or ":" in selector or _HOOKS.search(selector):
                kept.append(_with_classes(rule, classes))
    return style[: style.index(">") + 1] + "\n".join([*kept, style[start:].strip()])


def _with_classes(rule: str, classes: frozenset[str]) -> str:
    """Return a rule, or an @media with its rules, without the selectors that no class of the document is in."""

    def matching(match: re.Match[str]) -> str:
        selectors = [selector for selector in match[1].split(",") if classes.issuperset(_classes(selector))]
        return f"{','.join(selectors)}{match[2]}" if selectors else ""

    pruned = re.sub(r"(?<![^{}])([^{}]+)(\{[^{}]*\})", matching, rule)
    return "" if re.search(r"\{\s*\}\Z", pruned) and rule.startswith("@") else pruned


def _classes(selector: str) -> Iterator[str]:
    """Yield the classes in a selector, but for those that a mail program adds."""
    for name in re.finditer(r"\.(-?[A-Za-z_][\w-]*)", selector):
        if not _HOOKS.search(name[0]):
            yield name[1]


def same(one: str, other: str) -> bool:
    """Whether two inlined documents mean the same: css-inline reorders attributes, and keeps rules nothing uses."""
    return _normal(one) == _normal(other)


def _normal(html: str) -> list[str]:
    pieces: list[str] = []
    end = 0
    for match in markup.MARKUP.finditer(html):
        pieces.append(" ".join(html[end : match.start()].split()))
        end = match.end()
        if match["element"]:
            pieces += [
                f"{match[0][:2].rstrip(match['tag'][0])}{match['tag']}",
                *sorted(attribute[0].strip() for attribute in markup.ATTRIBUTE.finditer(match[0])),
            ]
        elif not _is_style(match):
            pieces.append(re.sub(r">\s+<", "><", match[0]))
    return [*pieces, " ".join(html[end:].split())]


def finished(html: str, tags: Tags) -> str:
    """Return HTML with its tags back in place, each value through the filter of its place."""
    return tags.put_back(markup.wrapped(html, tags))


def _with_nodes(html: str, tags: Tags) -> str:
    """Return HTML with a comment for each tag that stands between elements or in text."""
    pieces: list[str] = []
    end = 0
    for match in markup.MARKUP.finditer(html):
        pieces += [tags.word.sub(r"<!--\g<0>-->", html[end : match.start()]), match[0]]
        end = match.end()
    nodes = "".join([*pieces, tags.word.sub(r"<!--\g<0>-->", html[end:])])
    # A parser would leave the beginning of a loop over rows outside of the <tbody> that it puts in, and the end inside.
    node = tags.node.pattern.replace("(", "").replace(")", "")
    return re.sub(rf"(?i)(<table\b[^<>]*>)(\s*(?:{node}\s*)+<tr\b)", r"\1<tbody>\2", nodes)


def _elements(html: str, tags: Tags) -> Iterator[tuple[str, str]]:
    """Yield what a document is made of: ("tag", number), ("open", name) and ("close", name)."""
    for match in markup.MARKUP.finditer(html):
        node = tags.node.fullmatch(match[0]) if match["comment"] else None
        if node:
            yield "tag", node[1]
        elif match["raw"]:
            yield "open", match["name"].lower()
            yield from (("tag", word[1]) for word in tags.word.finditer(match[0]))
            yield "close", match["name"].lower()
        elif match["element"]:
            yield "close" if match[0].startswith("</") else "open", match["tag"].lower()
            yield from (("tag", word[1]) for word in tags.word.finditer(match[0]))


def _shape(elements: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the elements and tags of a document in order, less those that parsers put in by themselves."""
    return [(kind, name) for kind, name in elements if kind == "tag" or (kind == "open" and name not in _IMPLIED)]


def _nested_well(elements: Iterable[tuple[str, str]], tags: Tags) -> bool:
    """Whether all tags of each statement stand in the same element of a well-formed document."""
    stack, parents, order, serial = [0], {}, [], 0
    for kind, name in elements:
        if kind == "tag":
            parents[int(name)] = stack[-1]
            order.append(name)
        elif kind == "open" and name not in markup.VOID:
            serial += 1
            stack.append(serial)
        elif kind == "close" and len(stack) > 1:
            stack.pop()
    words = "".join(tags.node_word(int(name)) for name in order)
    return all(len({parents.get(number) for number in group}) == 1 for group in tags.groups(words))
