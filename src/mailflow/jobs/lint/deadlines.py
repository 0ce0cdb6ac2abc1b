"""Whether a mail hurries people for a reason: what it says of deadlines against that of its offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from mailflow.offers.deadlines import FalseDeadline, false_deadlines
from mailflow.templates.lint import wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.memory import Memory
from mailflow.templates.lint.spoken import Spoken, paragraphs

_SOON = timedelta(days=3)

_MOST_FRAMES = 100  # that are remembered at a time

Frame = tuple[date, date | None]  # the day on which a mail is read, and the last day of what it is about


@dataclass(slots=True)
class Deadlines:
    """Reads what is said of deadlines, each text once for a day and an end."""

    _told: dict[Frame, Memory[str, tuple[Found, ...]]] = field(default_factory=dict)

    def look(self, spoken: Spoken, first: Frame, *others: Frame) -> list[Found]:
        """Return deadlines in a mail that are false in every frame: by the shop's days, and by those of its reader."""
        found: list[Found] = []
        for text in (*spoken.shared, *spoken.own):
            if told := self._memory(first)[text]:
                found += self._in_all(told, text, others)
        return found

    def _in_all(self, told: Iterable[Found], text: str, others: Iterable[Frame]) -> Iterable[Found]:
        """Return of the deadlines that are false in one frame those that are in all; what else was told stays."""
        for frame in others:
            also = {(each.code, each.near, each.key) for each in self._memory(frame)[text]}
            told = [each for each in told if each.code != "L601" or (each.code, each.near, each.key) in also]
        return told

    def _memory(self, frame: Frame) -> Memory[str, tuple[Found, ...]]:
        if frame not in self._told:
            if len(self._told) >= _MOST_FRAMES:
                self._told.clear()
            self._told[frame] = Memory(partial(_of_text, today=frame[0], ends=frame[1]))
        return self._told[frame]


def _of_text(text: str, today: date, ends: date | None) -> tuple[Found, ...]:
    """Return what a text says; that of a subject or preheader begins with its name and a NUL."""
    key, nul, words = text.partition("\0")
    parts = [words] if nul else paragraphs(text)
    return tuple(found for part in parts for found in _found(part, key if nul else "", today, ends))


def _found(text: str, key: str, today: date, ends: date | None) -> Iterable[Found]:
    told = [each for each in false_deadlines(text, today=today, ends=ends) if ends is not None or _hurries(each, today)]
    for each in told:
        near = (each.words, _line(text, each.start))
        yield Found("L601", each.sentence, () if key else near, key=key)
    if ends is None and not told:
        yield from (
            Found(found.code, found.message, () if key else found.near, key=key) for found in wording.pressure(text)
        )


def _hurries(said: FalseDeadline, today: date) -> bool:
    """Whether words without an offer press: `today only` does; `closed until 6 January` is no deadline of an offer."""
    return not any(sign.isdigit() for sign in said.words) or all(day <= today + _SOON for day in said.says)


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[text.rfind("\n", 0, start) + 1 : len(text) if end < 0 else end]
