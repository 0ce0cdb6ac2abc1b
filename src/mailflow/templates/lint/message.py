"""Look at what was rendered for one person after the other; what looks like what was looked at before costs nothing.

A page is cut at every `>`: each piece, a text and an element, is checked when it first occurs. What the template says
itself is looked at once, and then only the gaps between: frames.py. What concerns the whole page is checked once per
shape: its elements without what they say. The words of the text part: spoken.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

from mailflow.templates.lint import elements, links, looks, support
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.frames import Frame, Frames, is_key
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.memory import Memory
from mailflow.templates.lint.spoken import SOMEBODY
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
_LONG = 4_000  # characters of a stretch that is not kept as a whole

_SAID = re.compile(
    r"""(\s(?:href|src|alt|title|background)\s*=\s*)("(?!#)[^"]*"|'(?!#)[^']*'|[^\s"'>#]+)""", re.IGNORECASE
)
_PLENTY = 2_000  # characters of a text part that need not be counted letter by letter
_NO_LETTERS = re.compile(r"\[[^\]\n]*\]|\(?\b(?:https?|mailto):[^\s)]+\)?|[-=]{3,}|\s+")  # pictures, addresses, lines
_NAME = re.compile(r"/?([a-zA-Z][\w:-]*)")
_ADDRESS = re.compile(r"\s(?:href|src)\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A text and the element behind it; the very same object for pieces that nothing here tells apart."""

    shape: str
    founds: tuple[Found, ...] = ()
    said: tuple[tuple[str, Found], ...] = ()  # faults of the words, with the words
    is_picture: bool = False
    is_link: bool = False  # whether the element has an address
    has_dot: bool = False  # whether the words may be an address

    @property
    def is_clean(self) -> bool:
        return not (self.founds or self.said)


_Row = tuple[_Piece, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    """What is known of a page by its pieces: faults of the whole, and what has to be looked at for each reader.

    `links` are those with words that may be an address: from which piece to which they go. `tags` are the elements with
    addresses that are the same for everybody, `own_links` the numbers of the gaps that have such elements.
    """

    founds: tuple[Found, ...]
    said: tuple[tuple[str, Found], ...]
    links: tuple[tuple[int, int], ...]
    pictures: int
    tags: str
    own_links: tuple[int, ...]

    @property
    def needs_message(self) -> bool:
        """Whether there is something about it that is not told by its pieces."""
        return bool(self.said or self.links or self.pictures)


class Inspector:
    """Finds faults in the messages of one template; `own` are the pieces of them that are nobody's own."""

    def __init__(self, words: Wording, hosts: Hosts, own: Collection[str] = ()) -> None:
        self.words = words
        self.hosts = hosts
        self.unlooked = 0  # messages of a shape beyond `MOST_SHAPES`
        self.is_new = False  # whether the last message had a shape that none had before
        self._shapes: dict[tuple[str, ...], tuple[Found, ...]] = {}
        self._pages: dict[tuple[Frame, tuple[_Row, ...]], _Page] = {}
        self._pieces = Memory(self._piece)
        self._tags = Memory(self._tag)
        self._plain: dict[tuple[str, bool, bool, bool], _Piece] = {}  # those with which nothing is wrong
        self._rows = Memory(self._row)
        self._frames = Frames(own, is_html=True, is_plain=is_key)

    def look(self, rendered: Rendered, contact: Mapping[str, Any]) -> list[Found]:
        """Return what is wrong with the page of one person's message."""
        email = str(contact.get("email") or SOMEBODY)
        framed = self._frames.framed(rendered.pieces[0] if rendered.pieces else (rendered.html,))
        texts = [text.replace(email, SOMEBODY) if "@" in text else text for text in framed.texts]
        rows = tuple([self._rows[text] if len(text) < _LONG else self._row(text) for text in texts])
        page = self._page(framed.frame, rows, rendered.html, email)
        found = [*page.founds]
        if page.needs_message or len(rendered.html) > LARGE_BYTES // 4:
            found += self._of_page(page, rendered, email)
        told = (page.tags, *[_tag_of(framed.texts[number]) for number in page.own_links], *framed.keys)
        if any([trace in text for trace in _traces(contact) for text in told]):  # noqa: C419 faster as a list
            found += _personal(rendered.html, contact)
        return found

    def _of_page(self, page: _Page, rendered: Rendered, email: str) -> Iterator[Found]:
        """Yield the faults of a page for which the whole message is needed."""
        if page.said:
            text = rendered.text.replace(email, SOMEBODY)
            yield from (fault for words, fault in page.said if words not in text)
        if page.pictures:
            plenty = len(rendered.text) > _PLENTY + len(email)
            yield from _balance(page.pictures, rendered.text if plenty else rendered.text.replace(email, SOMEBODY))
        if len(rendered.html) > LARGE_BYTES // 4:
            yield from _size(rendered.html)
        if page.links:
            yield from _misleading(page.links, rendered.html.replace(email, SOMEBODY).split(">"))

    def _row(self, text: str) -> _Row:
        """Return what is known of a stretch of a page, mostly of one piece."""
        return tuple(map(self._pieces.__getitem__, text.split(">")))

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
        has_dot = "." in words.strip(links.AROUND)
        said: tuple[tuple[str, Found], ...] = ()
        if not is_comment and (faults := self.words.text(words)):
            plain = " ".join(words.split())
            said = tuple((plain, fault) for fault in faults)
        if not (said or has_dot):
            return piece
        return self._same(replace(piece, said=said, has_dot=has_dot))

    def _same(self, piece: _Piece) -> _Piece:
        """Return the same object for all pieces with which nothing is wrong and that are alike."""
        if not piece.is_clean:
            return piece
        return self._plain.setdefault((piece.shape, piece.is_picture, piece.is_link, piece.has_dot), piece)

    def _tag(self, tag: str) -> _Piece:
        """Return what is known of an element, without the words before it."""
        name = _NAME.match(tag)
        founds: tuple[Found, ...] = ()
        is_picture = False
        if name and not tag.startswith("/"):
            values = elements.attributes(f"{tag} ")
            founds = tuple(elements.check(name[1].lower(), values, tag, self.hosts))
            is_picture = name[1].lower() == "img" and not elements.is_pixel(values) and not elements.is_hidden(values)
        is_link = bool(name) and _ADDRESS.search(tag) is not None
        return self._same(_Piece(_SAID.sub(r"\1", tag), founds, is_picture=is_picture, is_link=is_link))

    def _page(self, frame: Frame, rows: tuple[_Row, ...], html: str, email: str) -> _Page:
        self.is_new = False
        page = self._pages.get((frame, rows))
        if page is None:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            page = self._pages[frame, rows] = self._new_page(frame, rows, html.replace(email, SOMEBODY))
        return page

    def _new_page(self, frame: Frame, rows: tuple[_Row, ...], html: str) -> _Page:
        """Return what is known of a page that is unlike those before; `rows` are those of its gaps."""
        pieces: list[_Piece] = []
        fixed: list[str | None] = []  # what each piece is, None for one that is somebody's own
        own = iter(rows)
        for part in frame.parts:
            texts: Sequence[str | None]
            row, texts = (
                (self._row(part), part.split(">")) if isinstance(part, str) else (row := next(own), [None] * len(row))
            )
            pieces += row
            fixed += texts
        spans = _links(html.split(">"))
        theirs = [span for span in spans if None in fixed[span[0] : span[1] + 1]]
        every = [
            *(fault for piece in pieces for fault in piece.founds),
            *self._whole(pieces, html),
            *_misleading([span for span in spans if span not in theirs], html.split(">")),
        ]
        return _Page(
            tuple({(fault.code, fault.message, fault.near): fault for fault in every}.values()),
            tuple(each for piece in pieces for each in piece.said),
            tuple((start, end) for start, end in theirs if any(each.has_dot for each in pieces[start + 1 : end + 1])),
            sum(piece.is_picture for piece in pieces),
            "\n".join(_tag_of(text) for text, piece in zip(fixed, pieces, strict=True) if text and piece.is_link),
            tuple(number for number, row in enumerate(rows) if any(piece.is_link for piece in row)),
        )

    def _whole(self, pieces: Sequence[_Piece], html: str) -> tuple[Found, ...]:
        """Return the faults of a page as a whole, looked for once per shape."""
        shape = tuple(piece.shape for piece in pieces)
        if shape not in self._shapes:
            if len(self._shapes) >= MOST_SHAPES:
                self.unlooked += 1
                return ()
            self.is_new = True
            self._shapes[shape] = (*looks.check(html), *_anchors(html))
        return self._shapes[shape]


def _tag_of(text: str) -> str:
    """Return the element at the end of a piece of a page; all of a stretch of several pieces."""
    return text if ">" in text else text[text.rfind("<") :]


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


_MOST_ANCHORS = 200  # each that leads nowhere is looked for in the files


def _anchors(html: str) -> Iterator[Found]:
    """Yield links to places on the page that no element has."""
    links = list(re.finditer(r"""<a\b[^<>]*\shref\s*=\s*["']#([^"']+)["']""", html))
    named = {*re.findall(r"""\s(?:id|name)\s*=\s*["']([^"']*)["']""", html)} if links else set()
    for match in links[:_MOST_ANCHORS]:
        if match[1] != "top" and unescape(match[1]) not in named:
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
    size = len(html) if html.isascii() else len(html.encode("utf-8", "replace"))
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


def _traces(contact: Mapping[str, Any]) -> list[str]:
    """Return texts of which one is in every link that holds the reader's address or number."""
    email = str(contact.get("email") or "")
    phone = links.digits(contact["phone"]) if contact.get("phone") else ""
    local = email.rpartition("@")[0]
    locals_ = (local,) if local.islower() else (local, local.lower())
    found = [f"{each}{sign}" for each in locals_ for sign in ("@", "%40")]
    return [*found, *([phone[-3:]] if phone else [])] if email else []


def _personal(html: str, contact: Mapping[str, Any]) -> Iterator[Found]:
    """Yield links that hold the reader's address or number."""
    email, phone = str(contact.get("email") or "").lower(), links.digits(contact.get("phone"))
    for word in _traces(contact):
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
