"""Whether a mail hurries people for a reason: what it says of deadlines against that of its offer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from mailflow.offers.deadlines import FalseDeadline, false_deadlines
from mailflow.templates.lint import wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.memory import Memory
from mailflow.templates.parts import Rendered

_SOON = timedelta(days=3)

Frame = tuple[date, date | None]  # the day on which a mail is read, and the last day of what it is about

# What every deadline and all pressure has in it: some of these, or a number and one of `_COUNTED`.
_PRESSING = (
    "today|tonight|tomorrow|last |final|heute|morgen|letzte|hoy|mañana|último|última|aujourd|demain|derni|oggi|domani|"
    "ultim|vandaag|laatste|hurr|act now|miss|late|lasts|running|only a few|left|countdown|never|time is|ends|ending|"
    "beeil|zugreif|solange|schnell|wenige|gelegenheit|endet|jetzt|verpass|dépêch|tardez|prisa|pierdas|affrett|snel"
).split("|")
_COUNTED = (
    "until|till|by |through|thru|before|end|expire|deadline|bis|hasta|termina|caduca|jusqu|avant|fino|entro|scade|tot |"
    "geldig|only|just|nur|solo|sólo|seulement|alleen|noch |encore |queda|ancora |nog "
).split("|")
_NUMBER = re.compile(r"\d")


@dataclass(slots=True)
class Deadlines:
    """Reads what is said of deadlines, each paragraph once for a day and an end."""

    _said: dict[Frame, Memory[tuple[Found, ...]]] = field(default_factory=dict)

    def look(self, rendered: Rendered, first: Frame, *others: Frame) -> list[Found]:
        """Return deadlines in a mail that are false in every frame: by the shop's days, and by those of its reader."""
        texts = [f"subject\0{rendered.subject}", f"preheader\0{rendered.preheader}", *rendered.text.split("\n\n")]
        found: list[Found] = []
        for text, told in zip(texts, map(self._memory(first).__getitem__, texts), strict=True):
            if told:
                found += self._in_all(told, text, others)
        return found

    def _in_all(self, told: Iterable[Found], text: str, others: Iterable[Frame]) -> Iterable[Found]:
        """Return of what was told in one frame what is told in the others too."""
        for frame in others:
            also = {(each.code, each.near, each.key) for each in self._memory(frame)[text]}
            told = [each for each in told if (each.code, each.near, each.key) in also]
        return told

    def _memory(self, frame: Frame) -> Memory[tuple[Found, ...]]:
        if frame not in self._said:
            self._said[frame] = Memory(partial(_told, today=frame[0], ends=frame[1]))
        return self._said[frame]


def _told(text: str, today: date, ends: date | None) -> tuple[Found, ...]:
    """Return what a text says; that of a subject or preheader begins with its name and a NUL."""
    if not _may_press(text):
        return ()
    key, nul, words = text.partition("\0")
    return tuple(_found(words, key, today, ends) if nul else _found(text, "", today, ends))


def _may_press(text: str) -> bool:
    """Whether a text may speak of a deadline, quickly."""
    lower = text.lower()
    if True in [word in lower for word in _PRESSING]:
        return True
    return bool(_NUMBER.search(text)) and True in [word in lower for word in _COUNTED]


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
