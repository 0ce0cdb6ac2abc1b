"""Find the line of a template's files that something in a rendered message comes from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from mailflow.config.brand import BRAND_FILE
from mailflow.templates.lint.memory import Memory
from mailflow.templates.pictures import FOLDER
from mailflow.templates.source import SHIPPED

_ASSETS = f"/{FOLDER}/"
_WORD = re.compile(r"\w+")
_MOST_WORDS = 40
_LEAST = 2  # signs of a text that is looked for as it stands
_DIGITS, _DUST = 9, 1e-9  # what adding up in another order leaves decides nothing

_Line = tuple[str, int]  # path and number


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, counted from 1; a line that is merely like what was looked for has no column."""

    file: str
    line: int | None = None
    column: int | None = None


class Places:
    """The files of one template: its own first, then those of the workspace, then shipped ones."""

    def __init__(self, file: str, files: Mapping[str, str]) -> None:
        self._file = file
        self._pictures = {path.partition(_ASSETS)[2]: files[path] for path in files if _ASSETS in path}
        texts = [path for path in files if path != BRAND_FILE and _ASSETS not in path]  # a brand names what is banned
        order = sorted(texts, key=lambda path: (path != file, path.startswith(SHIPPED), path))
        self._texts = {path: files[path] for path in order}
        self._lower = {path: text.lower() for path, text in self._texts.items()}
        self._order = {path: number for number, path in enumerate(order)}
        self._lines: defaultdict[str, list[_Line]] = defaultdict(list)
        self._words: dict[_Line, set[str]] = {}
        self._likest = Memory(self._find_likest)
        for path, text in self._texts.items():
            for number, line in enumerate(text.split("\n"), start=1):
                words = self._words[path, number] = set(_WORD.findall(line.lower()))
                for word in words:
                    self._lines[word].append((path, number))

    def find(self, near: tuple[str, ...]) -> Place:
        """Return where the first of some texts stands as it is, else the line most like the last; else the file."""
        near = tuple(self._as_written(text) for text in near)
        for is_shipped in (False, True):
            for text in near:
                for wanted in dict.fromkeys((text, escape(text, quote=False))):
                    if place := self._exact(wanted, is_shipped=is_shipped):
                        return place
        return self._alike(near[-1]) if near else Place(self._file)

    def _as_written(self, text: str) -> str:
        """Return the address of a picture of ours, which was put in its place, as the template names it."""
        cid = text.removeprefix("cid:").partition("@")[0] if text.startswith("cid:") else None
        for path, digest in self._pictures.items():
            if digest.startswith(cid) if cid else text.endswith(f"/{quote(path)}"):
                return path
        return text

    def _exact(self, wanted: str, *, is_shipped: bool) -> Place | None:
        for path, text in self._texts.items():
            if path.startswith(SHIPPED) is not is_shipped or len(wanted) < _LEAST:
                continue
            at = text.find(wanted)
            if at < 0 and wanted.isascii():
                at = self._lower[path].find(wanted.lower())
            if at < 0 and " " in wanted:  # broken into lines there
                match = re.search(r"\s+".join(map(re.escape, wanted.split())), text, re.IGNORECASE)
                at = match.start() if match else at
            if at >= 0:
                return Place(path, text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1)
        return None

    def _alike(self, text: str) -> Place:
        """Return the line that shares the most telling words: a word counts the more the fewer lines have it."""
        words = dict.fromkeys(_WORD.findall(text.lower())[:_MOST_WORDS])
        found = self._likest[tuple(word for word in words if word in self._lines)]
        return Place(self._file) if found is None else Place(*found)

    def _find_likest(self, words: tuple[str, ...]) -> _Line | None:
        """Return the line that shares the most telling of some words that are all in the files."""
        if not words:
            return None
        worth = {word: 1 / len(self._lines[word]) for word in words}
        scores = {
            line: round(sum(worth[word] for word in words if word in self._words[line]), _DIGITS)
            for line in self._candidates(sorted(words, key=worth.__getitem__, reverse=True), worth)
        }
        return min(scores, key=lambda line: (-scores[line], self._order[line[0]], line[1]))

    def _candidates(self, rarest_first: Sequence[str], worth: Mapping[str, float]) -> set[_Line]:
        """Return lines among which the best is: those of rare words, if all the others together are worth less.

        A page may have a word in each of its thousands of lines, and a fault in each of them.
        """
        found: set[_Line] = set()
        left = sum(worth.values())
        for word in rarest_first:
            found.update(self._lines[word])
            left -= worth[word]
            if left < worth[rarest_first[0]] - _DUST:
                break
        return found
