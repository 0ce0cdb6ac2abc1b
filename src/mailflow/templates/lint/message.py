"""Look at what was rendered for one person after the other; what looks like what was looked at before costs nothing.

A page is cut at every `>`: each piece, a text and an element, is checked when it first occurs, and a paragraph of the
text part likewise. What concerns the whole page is checked once per shape: its elements without what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from mailflow.templates.lint import elements, links, looks, support, wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.wording import Wording
from mailflow.templates.parts import Rendered

LARGE_BYTES, CUT_BYTES = (
    80 * 1024,
    102 * 1024,
)  # Gmail cuts a message off around 102 KB (measured by many; not documented)
FEW_LETTERS, LITTLE_TEXT = 200, 0.2
LETTERS_OF_PICTURE = 50  # what a picture counts as beside text: four pictures need 50 letters between them
MOST_PICTURES = 30
MOST_SHAPES = 300  # of one template whose pages are looked at as a whole
_MOST_KEPT = 20_000  # pieces that are remembered; then the memory begins anew

_SAID = re.compile(
    r"""(\s(?:href|src|alt|title|background)\s*=\s*)("(?!#)[^"]*"|'(?!#)[^']*'|[^\s"'>#]+)""", re.IGNORECASE
)
_NAME = re.compile(r"/?([a-zA-Z][\w:-]*)")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text and the element behind it."""

    shape: int
    founds: tuple[Found, ...]
    letters: int
    is_picture: bool
    has_address: bool  # whether the text may be an address
    said: tuple[tuple[str, Found], ...]  # faults of the words, with the words


@dataclass(frozen=True, slots=True)
class _Shape:
    """A page without what it says: faults of the whole, and from which piece to which each link goes."""

    founds: tuple[Found, ...]
    links: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Inspector:
    """Finds faults in the messages of one template."""

    words: Wording
    hosts: Hosts = field(default_factory=Hosts)
    shapes: dict[tuple[int, ...], _Shape] = field(default_factory=dict)
    unlooked: int = 0  # messages of a shape beyond `MOST_SHAPES`
    is_new: bool = False  # whether the last message had a shape that none had before
    _pieces: dict[str, _Piece] = field(default_factory=dict)
    _elements: dict[str, int] = field(default_factory=dict)
    _paragraphs: dict[str, tuple[Found, ...]] = field(default_factory=dict)

    def look(self, rendered: Rendered, contact: Mapping[str, Any]) -> list[Found]:
        """Return what is wrong with one person's message."""
        found = self._words(rendered)
        texts = rendered.html.split(">")
        known = self._pieces
        pieces = [known.get(text) or self._piece(text) for text in texts]
        found += [fault for piece in pieces if piece.founds for fault in piece.founds]
        found += [fault for piece in pieces if piece.said for words, fault in piece.said if words not in rendered.text]
        shape = self._shape(tuple([piece.shape for piece in pieces]), rendered.html, texts)
        found += shape.founds
        found += _balance(pieces)
        found += _size(rendered.html)
        if True in [piece.has_address for piece in pieces]:  # in half the time of any()
            found += _misleading(shape, texts)
        found += _personal(rendered.html, texts, contact)
        return found

    def _words(self, rendered: Rendered) -> list[Found]:
        found = [*wording.subject(rendered.subject), *wording.preheader(rendered.preheader, rendered.subject)]
        for key, text in (("subject", rendered.subject), ("preheader", rendered.preheader)):
            found += self._paragraph(text, key)
        for paragraph in rendered.text.split("\n\n"):
            known = self._paragraphs.get(paragraph)
            found += self._paragraph(paragraph) if known is None else known
        return found

    def _paragraph(self, text: str, key: str = "") -> tuple[Found, ...]:
        """Return what is wrong with the words of a text; `key` is that of the front matter that it stands in."""
        name = f"{key}\0{text}" if key else text
        if name not in self._paragraphs:
            if len(self._paragraphs) >= _MOST_KEPT:
                self._paragraphs.clear()
            self._paragraphs[name] = tuple(self.words.line(text, key) if key else self.words.text(text))
        return self._paragraphs[name]

    def _piece(self, text: str) -> _Piece:
        if len(self._pieces) >= _MOST_KEPT:
            self._pieces.clear()
        words, bracket, tag = text.rpartition("<")
        name = _NAME.match(tag) if bracket else None
        said = unescape(words).strip()
        founds: list[Found] = []
        is_sheet = tag.lower() == "/style"
        if is_sheet:
            founds += support.of_sheet(words)
        values: dict[str, str | None] = {}
        if name and not tag.startswith("/"):
            values = elements.attributes(f"{tag} ")
            founds += elements.check(name[1].lower(), values, tag, self.hosts)
        is_picture = bool(name and name[1].lower() == "img" and not elements.is_pixel(values))
        readable = "" if is_sheet or said.startswith("<!--") or "[endif]" in words else said
        faults = tuple((" ".join(readable.split()), fault) for fault in self.words.text(readable)) if readable else ()
        piece = _Piece(
            self._element(tag if bracket else ""),
            tuple(founds),
            len(readable),
            is_picture and not elements.is_hidden(values),
            links.looks_like_address(readable),
            faults,
        )
        self._pieces[text] = piece
        return piece

    def _element(self, tag: str) -> int:
        """Return the number of an element without what it says."""
        return self._elements.setdefault(_SAID.sub(r"\1", tag), len(self._elements))

    def _shape(self, key: tuple[int, ...], html: str, texts: Sequence[str]) -> _Shape:
        self.is_new = key not in self.shapes
        if not self.is_new:
            return self.shapes[key]
        if len(self.shapes) >= MOST_SHAPES:
            self.is_new = False
            self.unlooked += 1
            return _Shape((), _links(texts))
        self.shapes[key] = shape = _Shape((*looks.check(html), *_anchors(html)), _links(texts))
        return shape


def _links(texts: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return from which piece to which each link goes: the one that ends with its beginning, and that with its end."""
    found, start = [], -1
    for number, text in enumerate(texts):
        tag = text[text.rfind("<") + 1 :].lower()
        if tag.startswith("a "):
            start = number
        elif tag == "/a" and start >= 0:
            found.append((start, number))
            start = -1
    return tuple(found)


def _anchors(html: str) -> Iterator[Found]:
    """Yield links to places on the page that no element has."""
    for match in re.finditer(r"""<a\b[^>]*\shref\s*=\s*["']#([^"']+)["']""", html):
        name = re.escape(unescape(match[1]))
        if match[1] != "top" and not re.search(rf"""\s(?:id|name)\s*=\s*["']{name}["']""", html):
            yield Found("L305", f"a link leads to #{match[1]}, which no element has", (f"#{match[1]}",))


def _balance(pieces: Sequence[_Piece]) -> Iterator[Found]:
    """Yield that there is little text beside the pictures, or that there are many of them."""
    pictures = sum([piece.is_picture for piece in pieces])
    if not pictures:
        return
    letters = sum([piece.letters for piece in pieces])
    if letters < FEW_LETTERS or letters / (letters + pictures * LETTERS_OF_PICTURE) < LITTLE_TEXT:
        yield Found(
            "L407", f"{_many(pictures, 'picture')} and {_many(letters, 'letter')} of text", ("<img", "![", "image")
        )
    if pictures > MOST_PICTURES:
        yield Found("L408", f"there are {pictures} pictures", ("<img", "![", "image"))


def _size(html: str) -> Iterator[Found]:
    if len(html) < LARGE_BYTES // 4:
        return
    size = len(html.encode("utf-8", "replace"))
    if size > CUT_BYTES:
        yield Found("L410", f"the HTML has {size / 1024:,.0f} KB, and Gmail cuts it off at 102 KB")
    elif size > LARGE_BYTES:
        yield Found("L409", f"the HTML has {size / 1024:,.0f} KB; Gmail cuts it off at 102 KB")


def _misleading(shape: _Shape, texts: Sequence[str]) -> Iterator[Found]:
    for start, end in shape.links:
        words = unescape("".join(text.rpartition("<")[0] for text in texts[start + 1 : end + 1]))
        if "." in words:
            opening = texts[start]
            address = elements.attributes(opening[opening.rfind("<") + 1 :] + " ").get("href") or ""
            yield from links.misleading(words, address)


def _personal(html: str, texts: Sequence[str], contact: Mapping[str, Any]) -> Iterator[Found]:
    """Yield links that hold the reader's address or number."""
    email = str(contact.get("email") or "").lower()
    local = email.partition("@")[0]
    phone = re.sub(r"\D", "", str(contact.get("phone") or ""))[-9:]
    phone = phone if len(phone) >= 7 else ""
    if not (local and local in html.lower()) and not (phone and phone[-4:] in html):
        return
    for text in texts:
        tag = text[text.rfind("<") + 1 :]
        lower = tag.lower()
        if not email or "=" not in tag or not (local in lower or (phone and phone[-4:] in tag)):
            continue
        values = elements.attributes(f"{tag} ")
        for name in ("href", "src"):
            address = values.get(name) or ""
            if links.with_person(address, email, phone):
                masked = address.partition("?")[0] if local not in address.partition("?")[0].lower() else address[:20]
                yield Found("L306", "a link holds the reader's address or number in clear", (masked, address))


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
