"""The text part of a message, made from the HTML it goes with, tags and all, so that both say the same.

Links stand behind their words, headings are underlined, lists keep their marks, rows of tables their cells.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from html import unescape
from itertools import pairwise

from mailflow.templates import inline, markup
from mailflow.templates.tags import Tags

_SKIPPED = frozenset("head style script title".split())
_BLOCKS = frozenset("p div section article header footer main aside figure table form address dl dd dt center".split())
_HEADINGS = {"h1": "=", "h2": "-"}
_UNDERLINE = 60
_CELL, _ROW = 60, 110  # letters up to which cells stand beside each other; longer ones are columns of a layout
_ADDRESS = re.compile(r" \(\S+\)")
# What senders put behind a preheader, so that inboxes show nothing else: spaces and signs without width, in rows.
_BLANKS = re.compile(r"[\s\u00ad\u034f\u2000-\u200c\u2060\ufeff]{3,}")
_UNSEEN = re.compile(r"[\u00ad\u034f\u200b\u200c\u2007\ufeff]")
_HIDING = re.compile(r"display:none|max-height:0(?:px)?(?:;|!|\Z)")
_FEW = 3
_HREF = re.compile(r"""\shref\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_SIMPLE = re.compile(r"([a-z0-9]*)([.#][\w-]+)\Z", re.IGNORECASE)


def from_html(html: str, tags: Tags) -> str:
    """Return the text of HTML with words for its tags, as text with words for its tags."""
    reader = _Reader(tags, hidden=_hidden_by_sheets(html), named=_named(html))
    reader.feed(html)
    reader.close()
    return tidy(reader.text())


def tidy(text: str) -> str:
    """Return text without blanks at line ends, without rows of empty lines, ending in one line end."""
    if text[:1] == "\n" or text[-1:] != "\n" or text[-2:] == "\n\n":
        text = text.strip("\n") + "\n"
    if " \n" in text or ("\t" in text and "\t\n" in text):  # finding that out costs a hundredth of the substitution
        text = re.sub(r"(?<![ \t])[ \t]+\n", "\n", text)
    if "\n\n\n" in text:
        text = re.sub(r"\n{3,}", "\n\n", text)
    return text


def _hidden_by_sheets(html: str) -> frozenset[tuple[str, str]]:
    """Return (element or nothing, `.class` or `#id`) of what the style sheets of a page hide everywhere."""
    found = set[tuple[str, str]]()
    for selectors, rules in inline.plain_rules(html):
        if _is_hiding(rules):
            matches = filter(None, (_SIMPLE.match(each.strip()) for each in selectors.split(",")))
            found |= {(match[1].lower(), match[2]) for match in matches}
    return frozenset(found)


def _is_hiding(style: str) -> bool:
    return bool(_HIDING.search(re.sub(r"\s", "", style).lower()))


def _named(html: str) -> frozenset[str]:
    """Return the addresses of links that have words; a picture of the same link need not repeat them."""
    found: set[str] = set()
    address = None
    for piece in html.split("<"):
        tag, _, words = piece.partition(">")
        if tag[:2].lower() in ("a ", "a\n", "a\t"):
            match = _HREF.search(tag)
            address = match and unescape(match[1])
        elif tag[:2].lower() == "/a":
            address = None
        if address and words.replace("&nbsp;", "").strip():
            found.add(address)
    return frozenset(found)


@dataclass(slots=True)
class _Table:
    """An open table: where each cell of the row that is read begins in what was written; None outside of rows."""

    cells: list[int] | None = None


def _first_number(start: str) -> int:
    """Return the number that a list begins with: 1 where it says none, or a tag does."""
    return int(start) if re.fullmatch(r"\s*-?\d{1,9}\s*", start, re.ASCII) else 1


def _without_filler(match: re.Match[str]) -> str:
    """Return a blank for a row of blanks of which some have no width; other rows as they are."""
    return " " if len(_UNSEEN.findall(match[0])) >= _FEW else match[0]


class _Reader(markup.Reader):
    def __init__(self, tags: Tags, *, hidden: Collection[tuple[str, str]], named: Collection[str]) -> None:
        super().__init__()
        self._tags = tags
        self._hidden = hidden
        self._named = named
        self._out: list[str] = []
        self._skipped = ""  # the name of the element that is left out, and how many of that name are open in it
        self._skipping = 0
        self._lists: list[int | None] = []
        self._quotes = 0
        self._links: list[tuple[str, int]] = []
        self._heading = 0
        self._preformatted = 0
        self._line_start = True
        self._tables: list[_Table] = []

    def text(self) -> str:
        return "".join(self._out)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attributes}
        if self._skipping:
            self._skipping += name == self._skipped
            return
        if name in _SKIPPED or self._is_hidden(name, values):
            self._skipped, self._skipping = name, int(name not in markup.VOID)
            return
        if name == "table":
            self._tables.append(_Table())
        if name in _BLOCKS:
            self._fresh_line()
        elif name in ("ul", "ol"):
            self._fresh_line()
            self._lists.append(_first_number(values.get("start", "")) if name == "ol" else None)
        else:
            self._start_inline(name, values)

    def _is_hidden(self, name: str, values: Mapping[str, str]) -> bool:
        style = values.get("style", "")
        if _is_hiding(style):
            return True
        if not self._hidden or "display" in style:
            return False
        marks = [f".{each}" for each in values.get("class", "").split()] + [f"#{values.get('id', '')}"]
        return any((each, mark) in self._hidden for mark in marks for each in (name, ""))

    def _start_inline(self, name: str, values: dict[str, str]) -> None:
        if name == "a":
            self._links.append((values.get("href", ""), len(self._out)))
        elif name == "br":
            self._emit("\n")
        elif name == "hr":
            self._blank_line()
            self._emit("-" * 40 + "\n\n")
        elif name == "img" and values.get("alt"):
            self._emit(f"[{values['alt']}]")
        elif name == "li":
            self._start_entry()
        elif name in ("td", "th"):
            self._fresh_line()
            if self._tables and self._tables[-1].cells is not None:
                self._tables[-1].cells.append(len(self._out))
        elif name == "tr":
            self._end_row()
            self._fresh_line()
            if self._tables:
                self._tables[-1].cells = []
        elif re.fullmatch(r"h[1-6]", name):
            self._blank_line()
            self._heading = len(self._out)
        elif name == "blockquote":
            self._fresh_line()
            self._quotes += 1
        elif name == "pre":
            self._fresh_line()
            self._preformatted += 1

    def _start_entry(self) -> None:
        self._fresh_line()
        mark = "- "
        if self._lists and self._lists[-1] is not None:
            mark = f"{self._lists[-1]}. "
            self._lists[-1] += 1
        self._emit("  " * max(0, len(self._lists) - 1) + mark)
        self._line_start = True  # what follows belongs on this line

    def handle_endtag(self, name: str) -> None:
        if self._skipping:
            self._skipping -= name == self._skipped
            return
        if name == "a" and self._links:
            self._end_link()
        elif name == "p" and self._lists:
            self._fresh_line()
        elif name == "table" and self._tables:
            self._end_row()
            self._tables.pop()
            self._blank_line()
        elif name in _BLOCKS or name == "pre":
            self._preformatted -= name == "pre" and self._preformatted > 0
            self._blank_line()
        elif name in ("ul", "ol"):
            if self._lists:
                self._lists.pop()
            self._emit("" if self._lists else "\n")
        elif name == "tr":
            self._end_row()
            self._fresh_line()
        elif name == "li":
            self._fresh_line()
        elif re.fullmatch(r"h[1-6]", name):
            self._end_heading(name)
        elif name == "blockquote":
            self._quotes = max(0, self._quotes - 1)
            self._blank_line()

    def _end_link(self) -> None:
        address, start = self._links.pop()
        words = "".join(self._out[start:]).strip()
        space = words and self._without_space(start)
        address = (
            address.removeprefix("mailto:")
            if "?" not in address and address.removeprefix("mailto:") == words
            else address
        )
        is_told = bool(words) or address not in self._named
        if words == address and self._tags.word.search(address):  # the words are all there is of the link: it is whole
            self._out[start:] = [markup.link(address, self._tags, is_checked=True)]
        elif address and address != words and not address.startswith("#") and is_told:
            address = markup.link(address, self._tags, is_checked=True)
            self._emit(f" ({address})" if words else address)
        self._emit(" " if space else "")

    def _without_space(self, start: int) -> bool:
        """Take blanks off the end of what was written since `start`; return whether there were any."""
        written = "".join(self._out[start:])
        for number in range(len(self._out) - 1, start - 1, -1):
            self._out[number] = self._out[number].rstrip(" ")
            if self._out[number]:
                break
        return written.endswith(" ")

    def _end_row(self) -> None:
        """Put the cells of a row beside each other, where each is a few words; longer ones stand below each other."""
        if not self._tables or self._tables[-1].cells is None:
            return
        starts, self._tables[-1].cells = self._tables[-1].cells, None
        pieces = ["".join(self._out[a:b]) for a, b in pairwise([*starts, len(self._out)])]
        shown = [_ADDRESS.sub("", self._tags.word.sub(self._as_seen, piece)).strip() for piece in pieces]
        full = [number for number, text in enumerate(shown) if text]
        is_short = all("\n" not in text and len(text) <= _CELL for text in shown)
        if len(full) < 2 or not is_short or sum(map(len, shown)) > _ROW:
            return
        made = [re.sub(r"[ \n]*\n[ \n]*", "", piece).strip(" ") for piece in pieces]
        self._out[starts[0] :] = [
            f"{'  ' * (number > full[0] and number in full)}{text}" for number, text in enumerate(made)
        ]
        self._line_start = False

    def _as_seen(self, match: re.Match[str]) -> str:
        """Return what takes the room of a tag: a value a word, a statement nothing."""
        return "x" * 8 * self._tags.of(match).is_value

    def _end_heading(self, name: str) -> None:
        words = "".join(self._out[self._heading :])
        line = _HEADINGS.get(name)
        if line and words.strip():
            width = len(self._tags.word.sub("x" * 8, words).strip())
            self._emit("\n" + line * min(max(width, 3), _UNDERLINE))
        self._blank_line()

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        if self._tags.word.search(data) and self._only_statements(data):
            self._out.append(f"{' ' * (data[0].isspace() and not self._line_start)}{data.strip()}")
            return
        if not self._preformatted:
            data = _BLANKS.sub(_without_filler, data)
            data = re.sub(r"[ \t\r\n\f]+", " ", data) if data.strip() else " " * bool(data)
            if self._line_start or (self._out and self._out[-1].endswith(" ")):
                data = data.lstrip(" ")
        if data:
            self._emit(data)

    def _only_statements(self, data: str) -> bool:
        """Whether text is nothing but statements: they leave no empty line where they do not hold."""
        return not self._tags.word.sub(lambda match: "" if self._tags.of(match).is_statement else "x", data).strip()

    def handle_comment(self, data: str) -> None:
        """A tag between blocks stands for nothing itself, so that it leaves no empty line where it does not hold."""
        if not self._skipping and self._tags.word.fullmatch(data):
            self._out.append(data)

    def _emit(self, text: str) -> None:
        if text:
            if self._quotes and self._line_start:
                self._out.append("> " * self._quotes)
            self._out.append(text)
            self._line_start = text.endswith("\n")

    def _fresh_line(self) -> None:
        if not self._line_start:
            self._emit("\n")

    def _blank_line(self) -> None:
        self._fresh_line()
        self._out.append("\n" if self._out else "")
