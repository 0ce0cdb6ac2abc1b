"""MJML into HTML, by MRML in this process: no file is read, nothing is fetched. Tags stand as words meanwhile: tags.py.

What is written inside mj-text, mj-button and the like is HTML and not MRML's concern: it is kept aside, so that it may
be as loose as HTML is, hold any tag, and cost nothing. Which tags MRML itself must see: `depends_on_person`.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailflow.templates import markup
from mailflow.templates.markup import ATTRIBUTE, in_mjml_style
from mailflow.templates.parts import TemplateError
from mailflow.templates.tags import Tags

# What holds HTML or text, by name; everything else holds components.
_HOLDS_TEXT = frozenset(
    "mj-accordion-text mj-accordion-title mj-button mj-navbar-link mj-preview mj-raw mj-social-element mj-style"
    " mj-table mj-text mj-title".split()
)
_COMPONENTS = _HOLDS_TEXT | frozenset(
    "mjml mj-head mj-body mj-attributes mj-all mj-class mj-breakpoint mj-font mj-section mj-column mj-group mj-wrapper"
    " mj-hero mj-image mj-divider mj-spacer mj-social mj-navbar mj-accordion mj-accordion-element mj-carousel"
    " mj-carousel-image".split()
)
# Between the children of these MRML passes a word on to where it belongs. Everywhere else it counts or refuses.
_PASSES_WORDS = frozenset("mj-body mj-wrapper mj-column mj-hero".split())
_ELEMENT = re.compile(rf"<!--.*?(?:-->|\Z)|<(?P<close>/?)(?P<name>mj[\w-]*){markup.INSIDE}(?:>|\Z)", re.DOTALL)
_NEGATIVE = re.compile(r""" height="-\d+(?:px)?"|height:-\d+px;?""")  # MRML's height of a hero that says none
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


MAX_COMPONENTS = 4000  # of one message: each becomes some 500 characters of HTML
MAX_SLIDES = 100


@dataclass(frozen=True, slots=True)
class _Piece:
    """An element's tag or a stretch of other text: `inside` is the component that it stands directly in."""

    start: int
    end: int
    name: str  # of the element, empty for text
    kind: str  # open, close, empty or text
    inside: str


def is_document(text: str) -> bool:
    """Whether MJML is a whole document, which takes no layout."""
    return re.search(r"<mjml\b", text) is not None


def check(text: str, file: str) -> None:
    """Refuse components that do not exist, files of MRML's own, and what is not closed; by the lines of one file."""
    plain = _JINJA.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    stack: list[tuple[str, int]] = []
    line, counted = 1, 0
    for piece in _pieces(plain):
        line += plain.count("\n", counted, piece.start)
        counted = piece.start
        if piece.name:
            _check_element(plain[piece.start : piece.end], piece.name, file, line)
        if piece.kind == "text" and piece.inside not in _HOLDS_TEXT and plain[piece.start : piece.end].strip():
            _check_text(plain[piece.start : piece.end], piece.inside, file, line)
        elif piece.kind == "open":
            stack.append((piece.name, line))
        elif piece.kind == "close":
            if not stack or stack[-1][0] != piece.name:
                expected = f"</{stack[-1][0]}> of line {stack[-1][1]} is expected" if stack else "nothing is open"
                raise TemplateError.at(file, f"</{piece.name}> stands where {expected}", line)
            stack.pop()
    if stack:
        name, line = stack[-1]
        raise TemplateError.at(file, f"<{name}> is not closed in this file: </{name}> is missing", line)


def _check_element(element: str, name: str, file: str, line: int) -> None:
    if name == "mj-include":
        message = 'mj-include is not available: write {% include "blocks/NAME.mjml" %}'
        raise TemplateError.at(file, message, line)
    if name == "mj-html-attributes":
        message = "<mj-html-attributes> is not available: write the attributes into the HTML itself"
        raise TemplateError.at(file, message, line)
    if name not in _COMPONENTS:
        near = difflib.get_close_matches(name, _COMPONENTS, n=1)
        meant = f" (did you mean <{near[0]}>?)" if near else ""
        raise TemplateError.at(file, f"there is no MJML component <{name}>{meant}", line)

    unquoted = next((each[1] for each in ATTRIBUTE.finditer(element) if each[2][0] not in "\"'"), None)
    if unquoted:
        raise TemplateError.at(file, f'the value of {unquoted} needs quotes: {unquoted}="…"', line)


def _check_text(text: str, inside: str, file: str, line: int) -> None:
    line += text[: len(text) - len(text.lstrip())].count("\n")
    where = f"directly in <{inside}>" if inside else "outside of the components"
    message = f"text or HTML stands {where}: put it into <mj-text> or <mj-raw>"
    raise TemplateError.at(file, message, line)


def _pieces(text: str) -> Iterator[_Piece]:
    """Yield the elements and what stands between them; the inside of a component that holds text is one piece."""
    stack: list[str] = []
    end = 0
    for match in _ELEMENT.finditer(text):
        inside = stack[-1] if stack else ""
        name = match["name"]
        if name is None or (inside in _HOLDS_TEXT and not (match["close"] and name == inside)):
            if inside not in _HOLDS_TEXT and match.start() > end:
                yield _Piece(end, match.start(), "", "text", inside)
            end = end if inside in _HOLDS_TEXT else match.end()
            continue
        if match.start() > end:
            yield _Piece(end, match.start(), "", "text", inside)
        end = match.end()
        if match["close"]:
            if name in stack:
                del stack[len(stack) - 1 - stack[::-1].index(name) :]
            yield _Piece(match.start(), end, name, "close", stack[-1] if stack else "")
        elif match[0].endswith("/>"):
            yield _Piece(match.start(), end, name, "empty", inside)
        else:
            stack.append(name)
            yield _Piece(match.start(), end, name, "open", inside)
    if text[end:].strip():
        yield _Piece(end, len(text), "", "text", stack[-1] if stack else "")


def check_place(text: str, position: int, file: str, *, is_mjml: bool) -> None:
    """Refuse a layout whose `{{ content }}`, at a position of its text, does not take this kind of body."""
    inside = next((piece.inside for piece in _pieces(text) if piece.start <= position < piece.end), "")
    if is_mjml and inside in _HOLDS_TEXT:
        raise TemplateError.at(
            file, f"{{{{ content }}}} stands in <{inside}>, which takes no sections: put it into <mj-body>"
        )
    if not is_mjml and inside not in _HOLDS_TEXT:
        raise TemplateError.at(file, "Markdown and HTML stand in text: put {{ content }} into <mj-text>")


def depends_on_person(text: str, tags: Tags) -> bool:
    """Whether MRML has to run per message: a tag stands where it counts columns, adds up widths, or takes no words."""
    for piece in _pieces(text):
        here = text[piece.start : piece.end]
        if not tags.word.search(here):
            continue
        if piece.kind == "text":
            if piece.inside not in _HOLDS_TEXT | _PASSES_WORDS:
                return True
            continue
        if tags.word.search(ATTRIBUTE.sub("", here)):
            return True
        for attribute in ATTRIBUTE.finditer(here):
            if tags.word.search(attribute[0]) and not _passes(attribute[1].lower()):
                return True
    return False


def _passes(attribute: str) -> bool:
    """Whether MRML copies an attribute as it is, without reading it."""
    return not in_mjml_style(attribute) or attribute == "color" or attribute.endswith("-color")


def to_html(text: str) -> str:
    """Return a whole MJML document as HTML; `ValueError` where MRML cannot read it."""
    from mjml import mjml2html  # 2 ms, and templates without MJML do without

    prefix = "mfx" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12].translate(_LETTERS)
    kept: list[str] = []
    made: list[str] = []
    end = 0
    if text.count("<mj-") > MAX_COMPONENTS:
        raise ValueError(f"it has more than {MAX_COMPONENTS:,} components: take some out")
    if text.count("<mj-carousel-image") > MAX_SLIDES:  # the styles of each speak of all others
        raise ValueError(f"it has more than {MAX_SLIDES} pictures in carousels: take some out")
    for piece in _pieces(text):
        if piece.kind == "text" and piece.inside in _HOLDS_TEXT:
            made += [text[end : piece.start], f"{prefix}{len(kept)}z"]
            kept.append(text[piece.start : piece.end])
            end = piece.end
    source = "".join([*made, text[end:]])
    markup.check_nesting(source)
    source = source[source.index("<mjml") :] if "<mjml" in source else source
    try:
        html = mjml2html(source, fonts={})
    except ValueError as error:
        raise ValueError(_with_words(str(error), source)) from None
    html = _NEGATIVE.sub("", str(html))
    return re.sub(rf"{prefix}(\d+)z", lambda match: kept[int(match[1])], html)


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def _with_words(error: str, source: str) -> str:
    """Return what MRML says with the words at the place that it names by bytes: `… at position 97:114`."""
    match = re.match(r"(.*?)(?: in root template)? at position (\d+):(\d+)\Z", error, re.DOTALL)
    if match is None:
        return error
    words = source.encode("utf-8", "replace")[int(match[2]) : int(match[3])].decode("utf-8", "ignore")
    return f"{match[1]}: {' '.join(words.split())[:60]!r}"


def tried(text: str, tags: Tags, file: str) -> None:
    """Refuse MJML that MRML cannot read, whatever its tags will say, or would show in Outlook alone."""
    if any(piece.name == "mj-raw" and piece.inside == "mj-wrapper" for piece in _pieces(text)):
        message = "<mj-raw> between sections is lost in the frame of <mj-wrapper>: put its HTML into <mj-text>"
        raise TemplateError.at(file, message)
    _check_shown(text, tags, file)
    blank = _blank(text, tags)
    try:
        to_html(blank)
    except ValueError as error:
        raise TemplateError.at(file, f"is not MJML: {error}") from None


def _blank(text: str, tags: Tags) -> str:
    """Return text with something in place of its values, and without its other tags."""
    return tags.word.sub(lambda match: "1" if tags.of(match).is_value else "", text)


def _check_shown(text: str, tags: Tags, file: str) -> None:
    """Refuse values and blocks of text directly in a component, which has letters of no size."""
    for piece in _pieces(text):
        here = text[piece.start : piece.end]
        if piece.kind == "text" and piece.inside not in _HOLDS_TEXT and _blank(here, tags).strip():
            where = f"directly in <{piece.inside}>" if piece.inside else "outside of the components"
            message = f"a value or a block of text comes to stand {where}, where nobody sees it: put it into <mj-text>"
            own = (tag for tag in map(tags.of, tags.word.finditer(here)) if tag.is_value and tag.file == file)
            value = next(own, None)  # one of a block is right in other places
            raise TemplateError.at(file, message, value.line if value else None)


def for_text(text: str) -> str:
    """Return MJML as simple HTML that says the same, for the text part."""
    pieces: list[str] = []
    for piece in _pieces(text):
        here = text[piece.start : piece.end]
        pieces.append(here if piece.kind == "text" else _plain_element(here, piece))
    html = "".join(pieces)
    return re.sub(r"<mj-head\b.*?</mj-head>", "", html, flags=re.DOTALL)


_AS_HTML = {
    "mj-text": "div", "mj-table": "table", "mj-section": "div", "mj-wrapper": "div", "mj-hero": "div",
    "mj-column": "div", "mj-accordion-title": "h3", "mj-accordion-text": "div", "mj-social": "p", "mj-navbar": "p",
}  # fmt: skip
_LINKS = {"mj-button": ("<p>", "</p>"), "mj-social-element": ("", " "), "mj-navbar-link": ("", " ")}


def _plain_element(here: str, piece: _Piece) -> str:
    name = piece.name
    values = {each[1].lower(): each[2][1:-1] for each in ATTRIBUTE.finditer(here)}  # `check` wants their quotes
    if name in ("mj-head", "mj-style", "mj-title", "mj-preview"):
        return here if name == "mj-head" else ""
    if name == "mj-divider":
        return "" if piece.kind == "close" else "<hr>"
    if name in ("mj-image", "mj-carousel-image"):
        return _plain_image(values) if piece.kind != "close" else ""
    if name in _LINKS and piece.kind != "empty":
        before, after = _LINKS[name]
        return f'{before}<a href="{values.get("href", "")}">' if piece.kind == "open" else f"</a>{after}"
    plain = _AS_HTML.get(name)
    if plain is None or piece.kind == "empty":
        return ""
    return f"<{plain}>" if piece.kind == "open" else f"</{plain}>"


def _plain_image(values: dict[str, str]) -> str:
    picture = f'<img alt="{values.get("alt", "")}">'
    return f'<p><a href="{values["href"]}">{picture}</a></p>' if values.get("href") else f"<p>{picture}</p>"
