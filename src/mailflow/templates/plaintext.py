"""The text part of a message, made from the HTML it goes with, tags and all, so that both say the same.

Links stand behind their words, headings are underlined, lists keep their marks, rows of tables their cells.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from mailflow.templates import markup
from mailflow.templates.tags import Tags

_SKIPPED = frozenset("head style script title".split())
_BLOCKS = frozenset("p div section article header footer main aside figure table form address dl dd dt center".split())
_HEADINGS = {"h1": "=", "h2": "-"}
_UNDERLINE = 60


def from_html(html: str, tags: Tags) -> str:
    """Return the text of HTML with words for its tags, as text with words for its tags."""
    reader = _Reader(tags)
    reader.feed(html)
    reader.close()
    return tidy(reader.text())


def tidy(text: str) -> str:
    """Return text without blanks at line ends, without rows of empty lines, ending in one line end."""
    text = text.strip("\n")
    if " \n" in text or "\t\n" in text:  # finding that out costs a hundredth of the substitution
        text = re.sub(r"[ \t]+\n", "\n", text)
    if "\n\n\n" in text:
        text = re.sub(r"\n{3,}", "\n\n", text)
    return text + "\n"


class _Reader(HTMLParser):
    def __init__(self, tags: Tags) -> None:
        super().__init__(convert_charrefs=True)
        self._tags = tags
        self._out: list[str] = []
        self._skipping = 0
        self._hidden: list[str] = []
        self._lists: list[int | None] = []
        self._quotes = 0
        self._links: list[tuple[str, int]] = []
        self._heading = 0
        self._preformatted = 0
        self._line_start = True
        self._cells = 0

    def text(self) -> str:
        return "".join(self._out)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attributes}
        if self._skipping or name in _SKIPPED or "display:none" in values.get("style", "").replace(" ", ""):
            if name not in ("br", "img", "hr", "meta", "link", "input", "col"):
                self._skipping += 1
            return
        if name in _BLOCKS:
            self._fresh_line()
        elif name in ("ul", "ol"):
            self._fresh_line()
            self._lists.append(int(values.get("start") or 1) if name == "ol" else None)
        else:
            self._start_inline(name, values)

    def _start_inline(self, name: str, values: dict[str, str]) -> None:
        if name == "a":
            self._links.append((values.get("href", ""), len(self._out)))
        elif name == "br":
            self._emit("\n")
        elif name == "hr":
            self._fresh_line()
            self._emit("-" * 40 + "\n\n")
        elif name == "img" and values.get("alt"):
            self._emit(f"[{values['alt']}]")
        elif name == "li":
            self._start_entry()
        elif name in ("td", "th"):
            if self._cells and not self._line_start:
                self._out[-1] = self._out[-1].rstrip(" ")
                self._emit("  ")
            self._cells += 1
        elif name == "tr":
            self._fresh_line()
            self._cells = 0
        elif re.fullmatch(r"h[1-6]", name):
            self._fresh_line()
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
            if name not in ("br", "img", "hr", "meta", "link", "input", "col"):
                self._skipping -= 1
            return
        if name == "a" and self._links:
            self._end_link()
        elif name == "p" and self._lists:
            self._fresh_line()
        elif name in _BLOCKS or name == "pre":
            self._preformatted -= name == "pre" and self._preformatted > 0
            self._blank_line()
        elif name in ("ul", "ol"):
            if self._lists:
                self._lists.pop()
            self._emit("" if self._lists else "\n")
        elif name in ("li", "tr"):
            self._fresh_line()
        elif re.fullmatch(r"h[1-6]", name):
            self._end_heading(name)
        elif name == "blockquote":
            self._quotes = max(0, self._quotes - 1)
            self._blank_line()

    def _end_link(self) -> None:
        address, start = self._links.pop()
        words = "".join(self._out[start:]).strip()
        address = (
            address.removeprefix("mailto:")
            if "?" not in address and address.removeprefix("mailto:") == words
            else address
        )
        if address and address != words and not address.startswith("#"):
            address = markup.link(address, self._tags, is_checked=True)
            self._emit(f" ({address})" if words else address)

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
            data = re.sub(r"[ \t\r\n\f]+", " ", data)
            if self._line_start:
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
