"""Look at what was rendered for one person after the other; what looks like what was looked at before costs nothing.

A page is cut at every `>`: each piece, a text and an element, is checked when it first occurs, and a paragraph of the
text part likewise. What concerns the whole page is checked once per shape: its elements without what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

from mailflow.templates.lint import elements, links, looks, support, wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.memory import Memory
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
_MOST_PAGES = 500
_MOST_RUNS = 5_000
_SOMEBODY = "somebody@example.com"  # in place of the reader's own address, so that a footer with it is no new one

_SAID = re.compile(
    r"""(\s(?:href|src|alt|title|background)\s*=\s*)("(?!#)[^"]*"|'(?!#)[^']*'|[^\s"'>#]+)""", re.IGNORECASE
)
_PLENTY = 2_000  # characters of a text part that need not be counted letter by letter
_NO_LETTERS = re.compile(r"\[[^\]\n]*\]|\(?\b(?:https?|mailto):[^\s)]+\)?|[-=]{3,}|\s+")  # pictures, addresses, lines
_NAME = re.compile(r"/?([a-zA-Z][\w:-]*)")


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A text and the element behind it; the very same object for pieces that nothing here tells apart."""

    shape: str
    founds: tuple[Found, ...] = ()
    said: tuple[tuple[str, Found], ...] = ()  # faults of the words, with the words
    is_picture: bool = False
    has_address: bool = False  # whether the text may be an address


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Pieces in a row, up to an element at the end of a line; the very same object for the same pieces."""

    pieces: tuple[_Piece, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    """What is known of a page by its pieces: faults of the whole, and from which piece to which each link goes."""

    founds: tuple[Found, ...]
    said: tuple[tuple[str, Found], ...]
    links: tuple[tuple[int, int], ...]
    has_address: bool
    pictures: int


class Inspector:
    """Finds faults in the messages of one template."""

    def __init__(self, words: Wording, hosts: Hosts) -> None:
        self.words = words
        self.hosts = hosts
        self.unlooked = 0  # messages of a shape beyond `MOST_SHAPES`
        self.is_new = False  # whether the last message had a shape that none had before
        self._shapes: dict[tuple[str, ...], tuple[Found, ...]] = {}
        self._pages: dict[tuple[_Run, ...], _Page] = {}
        self._runs = Memory(self._run)
        self._same: dict[tuple[_Piece, ...], _Run] = {}
        self._pieces = Memory(self._piece)
        self._tags = Memory(self._tag)
        self._plain: dict[tuple[str, bool], _Piece] = {}  # elements with which nothing is wrong, by shape
        self._paragraphs = Memory(self._paragraph)

    def look(self, rendered: Rendered, contact: Mapping[str, Any]) -> list[Found]:
        """Return what is wrong with one person's message."""
        email = str(contact.get("email") or _SOMEBODY)
        text, html = rendered.text.replace(email, _SOMEBODY), rendered.html.replace(email, _SOMEBODY)
        found = self._words(rendered.subject, rendered.preheader, text)
        page = self._page(tuple(map(self._runs.__getitem__, html.split(">\n"))), html)
        found += page.founds
        if page.said:
            found += [fault for words, fault in page.said if words not in text]
        if page.pictures:
            found += _balance(page.pictures, text)
        if len(html) > LARGE_BYTES // 4:
            found += _size(html)
        if page.has_address:
            found += _misleading(page.links, html.split(">"))
        found += _personal(rendered.html, contact)
        return found

    def _words(self, subject: str, preheader: str, text: str) -> list[Found]:
        found = [*wording.subject(subject), *wording.preheader(preheader, subject)]
        texts = [f"subject\0{subject}", f"preheader\0{preheader}", *text.split("\n\n")]
        for told in map(self._paragraphs.__getitem__, texts):
            if told:
                found += told
        return found

    def _paragraph(self, text: str) -> tuple[Found, ...]:
        """Return what is wrong with the words of a text; that of a subject begins with its name and a NUL."""
        key, nul, words = text.partition("\0")
        words = words if nul else text
        if not self.words.is_suspect(words):
            return ()
        return tuple(self.words.line(words, key) if nul else self.words.text(words))

    def _run(self, text: str) -> _Run:
        """Return what is known of a part of a page that ends with an element."""
        if len(self._same) >= _MOST_RUNS:
            self._same.clear()
        pieces = tuple(map(self._pieces.__getitem__, text.split(">")))
        return self._same.setdefault(pieces, _Run(pieces))

    def _piece(self, text: str) -> _Piece:
        """Return what is known of a piece of a page."""
        words, bracket, tag = text.rpartition("<")
        if tag[:6].lower() == "/style":
            return _Piece(tag, tuple(support.of_sheet(words)))
        piece = self._tags[tag if bracket else ""]
        return self._said(piece, unescape(words).strip()) if words and not words.isspace() else piece

    def _said(self, piece: _Piece, words: str) -> _Piece:
        """Return a piece with what is wrong with its words: the same, where nothing is."""
        is_comment = words.startswith("<!--") or words.endswith(("]", "-->"))
        has_address = links.looks_like_address(words)
        if not has_address and (is_comment or not self.words.is_suspect(words)):
            return piece
        plain = " ".join(words.split())
        said = () if is_comment else tuple((plain, fault) for fault in self.words.text(words))
        return replace(piece, said=said, has_address=has_address) if said or has_address else piece

    def _tag(self, tag: str) -> _Piece:
        """Return what is known of an element, without the words before it."""
        name = _NAME.match(tag)
        founds: tuple[Found, ...] = ()
        is_picture = False
        if name and not tag.startswith("/"):
            values = elements.attributes(f"{tag} ")
            founds = tuple(elements.check(name[1].lower(), values, tag, self.hosts))
            is_picture = name[1].lower() == "img" and not elements.is_pixel(values) and not elements.is_hidden(values)
        shape = _SAID.sub(r"\1", tag)
        if founds:
            return _Piece(shape, founds, is_picture=is_picture)
        return self._plain.setdefault((shape, is_picture), _Piece(shape, is_picture=is_picture))

    def _page(self, runs: tuple[_Run, ...], html: str) -> _Page:
        self.is_new = False
        page = self._pages.get(runs)
        if page is None:
            pieces = tuple(piece for run in runs for piece in run.pieces)
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            every = (*(fault for piece in pieces for fault in piece.founds), *self._whole(pieces, html))
            page = self._pages[runs] = _Page(
                tuple({(fault.code, fault.message, fault.near): fault for fault in every}.values()),
                tuple(each for piece in pieces for each in piece.said),
                _links(html.split(">")),
                any(piece.has_address for piece in pieces),
                sum(piece.is_picture for piece in pieces),
            )
        return page

    def _whole(self, pieces: tuple[_Piece, ...], html: str) -> tuple[Found, ...]:
        """Return the faults of a page as a whole, looked for once per shape."""
        shape = tuple(piece.shape for piece in pieces)
        if shape not in self._shapes:
            if len(self._shapes) >= MOST_SHAPES:
                self.unlooked += 1
                return ()
            self.is_new = True
            self._shapes[shape] = (*looks.check(html), *_anchors(html))
        return self._shapes[shape]


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


def _balance(pictures: int, text: str) -> Iterator[Found]:
    """Yield that there is little text beside the pictures, or that there are many of them."""
    letters = len(text) if len(text) > _PLENTY else len(_NO_LETTERS.sub("", text))
    near = ("<img", "![", "image")
    if letters < FEW_LETTERS or letters < LITTLE_TEXT * (letters + pictures * LETTERS_OF_PICTURE):
        yield Found("L407", f"{_many(pictures, 'picture')} and {_many(letters, 'letter')} of text", near)
    if pictures > MOST_PICTURES:
        yield Found("L408", f"there are {pictures} pictures", near)


def _size(html: str) -> Iterator[Found]:
    size = len(html.encode("utf-8", "replace"))
    if size > CUT_BYTES:
        yield Found("L410", f"the HTML has {size / 1024:,.0f} KB, and Gmail cuts it off at 102 KB")
    elif size > LARGE_BYTES:
        yield Found("L409", f"the HTML has {size / 1024:,.0f} KB; Gmail cuts it off at 102 KB")


def _misleading(places: Sequence[tuple[int, int]], texts: Sequence[str]) -> Iterator[Found]:
    for start, end in places:
        words = unescape("".join(text.rpartition("<")[0] for text in texts[start + 1 : end + 1]))
        if "." in words:
            opening = texts[start]
            address = elements.attributes(opening[opening.rfind("<") + 1 :] + " ").get("href") or ""
            yield from links.misleading(words, address)


def _personal(html: str, contact: Mapping[str, Any]) -> Iterator[Found]:
    """Yield links that hold the reader's address or number."""
    email, phone = str(contact.get("email") or "").lower(), links.digits(contact.get("phone"))
    if not email:
        return
    local = email.rpartition("@")[0]
    for word in (f"{local}@", f"{local}%40", *([phone[-3:]] if phone else ())):
        at = html.find(word)
        while at >= 0:
            start, end = html.rfind("<", 0, at), html.find(">", at)
            if start > html.rfind(">", 0, at):  # inside an element
                values = elements.attributes(f"{html[start + 1 : end]} ")
                for address in filter(None, (values.get("href"), values.get("src"))):
                    if links.with_person(address, email, phone):
                        words = "a link holds the reader's address or number in clear"
                        yield Found("L306", words, (links.before(address, email),))
            at = html.find(word, at + 1)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
