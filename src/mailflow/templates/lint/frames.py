"""What a message shares with others: the template's own words, and gaps between them for what is somebody's own.

A message comes from its template in pieces: the template's own words, the same for everybody who takes the same
branches, and values. It is cut at boundaries in those words (the end of an element, an empty line), so that a value is
looked at together with all that a check may want to see around it. What is looked for: message.py and spoken.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

KEY = "KEY"  # stands for a reader's key in an address
MOST = 500  # ways of one part of a template to be cut that are kept at a time
_MOST_MASKS = 20  # frames of each of them

# An address with a host and something behind it. In HTML only where a link has it: that of a picture tells of its kind.
_VALUE = "\ue000"  # of the private use area: stands for any value while a message is cut
_NO_VALUE = "\ue001"  # for the same sign in a template's own words
_ADDRESS = rf"""https?://[^/?#"'\s<>&@%{_VALUE}]+[/?#][^"'\s<>@)]*"""
_IN_TEXT = re.compile(_ADDRESS)
_IN_LINK = re.compile(rf"""\bhref\s*=\s*["']{_ADDRESS}""")
_MOST_DOTS = 3  # in an address: a signed link of mailflow has four at least

_Parts = Sequence[str | int]


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """A stretch of a message with values in it: `head`, then numbers of the pieces that are values, and what follows.

    `tail` is what follows the `first` value; `more` are further values, each with what follows it.
    """

    head: str
    first: int
    tail: str
    more: tuple[tuple[int, str], ...] = ()

    def text(self, pieces: Sequence[str]) -> str:
        """Return what stands there in a message that came in these pieces."""
        begun = f"{self.head}{pieces[self.first]}{self.tail}"
        return begun + "".join([pieces[number] + text for number, text in self.more]) if self.more else begun


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What is the same in all messages that came in pieces alike: `parts` in their order, with the gaps in them."""

    parts: tuple[str | Gap, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Messages that came in pieces alike, cut: `keys` are the values in addresses behind their host, by number.

    `frames` are those with `KEY` for some of these values.
    """

    stretches: Sequence[_Parts]
    keys: frozenset[int]
    frames: dict[frozenset[int], Frame] = field(default_factory=dict)

    def frame(self, masked: frozenset[int]) -> Frame:
        """Return the frame with `KEY` for some values."""
        if masked not in self.frames:
            if len(self.frames) >= _MOST_MASKS:
                self.frames.clear()
            parts = tuple(_part([KEY if part in masked else part for part in parts]) for parts in self.stretches)
            self.frames[masked] = Frame(parts, tuple(part for part in parts if isinstance(part, Gap)))
        return self.frames[masked]


@dataclass(frozen=True, slots=True)
class Framed:
    """A message as a frame and the texts in its gaps; `keys` are the values that `KEY` stands for in them."""

    frame: Frame
    texts: list[str]
    keys: Collection[str] = ()


class Frames:
    """The frames of one part of a template, its HTML or its text.

    `own` are the pieces that are nobody's own. `is_plain` says of values in addresses that nothing hangs on them.
    """

    def __init__(self, own: Collection[str], *, is_html: bool, is_plain: Callable[[Collection[str]], bool]) -> None:
        self._own = own
        self._boundary = ">" if is_html else "\n\n"
        self._link = _IN_LINK if is_html else _IN_TEXT
        self._is_plain = is_plain
        self._known: dict[tuple[str | None, ...], _Cut] = {}

    def framed(self, pieces: Sequence[str]) -> Framed:
        """Return a message that came in pieces, in the same frame as those that differ from it in values only."""
        own = self._own
        key = tuple([piece if piece in own else None for piece in pieces])
        cut = self._known.get(key)
        if cut is None:
            if len(self._known) >= MOST:
                self._known.clear()
            cut = self._known[key] = self._cut(key)
        values = {pieces[number] for number in cut.keys}
        masked = cut.keys
        if values and not self._is_plain(values):
            masked = frozenset(number for number in cut.keys if self._is_plain((pieces[number],)))
            values = {pieces[number] for number in masked}
        frame = cut.frame(masked)
        return Framed(frame, [gap.text(pieces) for gap in frame.gaps], values)

    def _cut(self, key: Sequence[str | None]) -> _Cut:
        stretches: list[_Parts] = []
        pending: list[str | int] = []
        for number, piece in enumerate(key):
            if piece is None:
                pending.append(number)
                continue
            head, boundary, rest = piece.replace(_VALUE, _NO_VALUE).partition(self._boundary)
            pending.append(head)
            if boundary:
                middle, boundary, tail = rest.rpartition(self._boundary)
                stretches += [pending, [middle]] if boundary else [pending]
                pending = [tail]
        stretches.append(pending)
        return _Cut(stretches, frozenset(number for parts in stretches for number in self._keys(parts)))

    def _keys(self, parts: _Parts) -> Iterable[int]:
        """Return which values stand in an address behind its host, where they change nothing about where it leads."""
        text = "".join([_VALUE if isinstance(part, int) else part for part in parts])
        numbers = iter([part for part in parts if isinstance(part, int)])
        links = [match for match in self._link.finditer(text) if match[0].count(".") <= _MOST_DOTS]
        for match in re.finditer(_VALUE, text):
            number, at = next(numbers), match.start()
            if any(link.start() < at < link.end() for link in links) and _is_apart(text, at):
                yield number


def _part(parts: _Parts) -> str | Gap:
    """Return what stands from one boundary to the next."""
    numbers = [part for part in parts if isinstance(part, int)]
    if not numbers:
        return "".join(map(str, parts))
    texts = "".join([_VALUE if isinstance(part, int) else part for part in parts]).split(_VALUE)
    return Gap(texts[0], numbers[0], texts[1], tuple(zip(numbers[1:], texts[2:], strict=True)))


def _is_apart(text: str, at: int) -> bool:
    """Whether the value at a place of a text is read together with nothing around it."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return before in ("/", "=") and after not in ("%", " ", _VALUE) and not (after.isalnum() or after == "_")


def is_key(values: Collection[str]) -> bool:
    """Whether values are as keys are: letters of the alphabet, digits, - and _."""
    text = "".join(values)
    return text.isascii() and (not text or text.replace("-", "a").replace("_", "a").isalnum())
