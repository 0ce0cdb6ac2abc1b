"""Jinja's tags as single words, so that Markdown and CSS can be worked on around them and the tags put back after.

`{{ url }}` becomes a word such as `mfqa12z` that neither Markdown nor an HTML parser changes, wherever it stands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mailflow.templates.parts import TemplateError

if TYPE_CHECKING:
    from jinja2 import Environment

OPENING = frozenset(("if", "for", "with"))
MIDDLE = frozenset(("elif", "else"))
CLOSING = frozenset(("endif", "endfor", "endwith"))


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of a file. `name` is `=` for a value, `raw` for text that is no tag, else the statement's word."""

    name: str
    inside: str  # without the braces
    file: str
    line: int
    is_link: bool = False  # whether its value is a whole link that was looked at already
    note: str = ""  # the comment right behind it, which says what it means

    @property
    def is_value(self) -> bool:
        return self.name == "="

    @property
    def is_statement(self) -> bool:
        return self.name not in ("=", "raw")

    def source(self) -> str:
        """Return the tag as Jinja reads it."""
        if self.name == "raw":
            return "{% raw %}" + self.inside + "{% endraw %}"
        return f"{{{{ {self.inside} }}}}" if self.is_value else f"{{% {self.inside} %}}"


class Tags:
    """All tags of one message, by number, over all the files it is made of."""

    def __init__(self, texts: str) -> None:
        self.all: list[Tag] = []
        self._prefix = _prefix(texts)
        self.word = re.compile(rf"{self._prefix}(\d+)z")
        self.node = re.compile(rf"<!--{self._prefix}(\d+)z-->")

    def add(self, tag: Tag) -> str:
        """Keep a tag and return the word that stands for it."""
        self.all.append(tag)
        return self.node_word(len(self.all) - 1)

    def node_word(self, number: int) -> str:
        """Return the word of a tag by its number."""
        return f"{self._prefix}{number}z"

    def of(self, match: re.Match[str]) -> Tag:
        """Return the tag of a match of `word` or `node`."""
        return self.all[int(match[1])]

    def put_back(self, text: str, source: Callable[[Tag], str] = Tag.source) -> str:
        """Return text with every word or node replaced by its tag; braces that are no tag stay what they are."""
        text = re.sub(r"\{(?=[{%#])", lambda match: self.add(Tag("=", "'{'", "", 0)), text)
        return self.word.sub(
            lambda match: source(self.of(match)), self.node.sub(lambda match: source(self.of(match)), text)
        )

    def swap(self, environment: Environment, text: str, file: str, include: Callable[[Tag], str]) -> str:
        """Return `text` with a word for each tag; `include` returns what stands for an `{% include %}`.

        Whitespace control (`{%-`) is carried out here; comments go. Raises Jinja's `TemplateSyntaxError`.
        """
        pieces: list[str] = []
        inside: list[str] = []
        kind, start = "", 0
        for line, token, value in environment.lexer.tokeniter(text, None):
            if token == "data":
                pieces.append(value if kind != "raw_begin" else self.add(Tag("raw", value, file, line)))
            elif token in ("variable_begin", "block_begin", "comment_begin", "raw_begin"):
                kind, start, inside = token, line, []
            elif token in ("variable_end", "block_end"):
                pieces.append(self._swapped(kind, "".join(inside).strip(), file, start, include))
                kind = ""
            elif token in ("comment_end", "raw_end"):
                if token == "comment_end":
                    self._note("".join(pieces[-2:]), " ".join("".join(inside).split()))
                kind = ""
            else:
                inside.append(value)
        return "".join(pieces)

    def _note(self, before: str, comment: str) -> None:
        """Keep a comment with the tag that it stands behind on one line."""
        if self.all and before.rstrip(" \t").endswith(self.node_word(len(self.all) - 1)):
            self.all[-1] = replace(self.all[-1], note=comment)

    def _swapped(self, kind: str, inside: str, file: str, line: int, include: Callable[[Tag], str]) -> str:
        if kind == "variable_begin":
            return self.add(Tag("=", inside, file, line))
        name = inside.partition(" ")[0]
        tag = Tag(name, inside, file, line)
        return include(tag) if name == "include" else self.add(tag)

    def groups(self, words: str) -> Iterator[list[int]]:
        """Yield the numbers of the tags of each statement in `words`, such as those of if, else and endif."""
        stack: list[list[int]] = []
        for match in self.word.finditer(words):
            name = self.of(match).name
            if name in OPENING:
                stack.append([int(match[1])])
            elif stack and name in MIDDLE:
                stack[-1].append(int(match[1]))
            elif stack and name in CLOSING:
                yield [*stack.pop(), int(match[1])]


def included(tag: Tag) -> str:
    """Return the path that an include names, which guard.py found to be in quotes."""
    match = re.match(r"include\s+([\"'])([^\"']+)\1\s*\Z", tag.inside)
    if match is None:
        raise TemplateError.at(tag.file, 'write it as {% include "blocks/NAME.md" %}', tag.line)
    return match[2]


def _prefix(texts: str) -> str:
    """Return letters that begin no word of `texts`: the same for the same texts, and not to be met by chance."""
    digest = hashlib.sha256(texts.encode("utf-8", "replace")).hexdigest()
    return "mfq" + "".join(chr(ord("g") + int(digit, 16)) for digit in digest[:6])
