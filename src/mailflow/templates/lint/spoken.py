"""What the words of a message say: its subject, its preheader, and its text part in stretches that others share.

What is wrong with them: wording.py here; false deadlines, for which one must know the offer: jobs/lint/deadlines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mailflow.templates import plaintext
from mailflow.templates.lint import hints, scarce, wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.frames import KEY, Frame, Frames, is_key
from mailflow.templates.lint.memory import Memory
from mailflow.templates.lint.scarce import Claim
from mailflow.templates.lint.wording import Wording
from mailflow.templates.parts import Rendered

SOMEBODY = "somebody@example.com"  # in place of the reader's own address, so that a footer with it is no new one
_MOST_FRAMES = 500


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one message says: the faults of its words, and the texts in which it may press, each as paragraphs.

    A subject begins with `subject` and a NUL, a preheader likewise. `shared` comes with the frame, `own` does not.
    `claims` are of little that is left, in either.
    """

    faults: list[Found]
    shared: tuple[str, ...]
    own: list[str]
    claims: list[Claim]


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of a text."""

    faults: tuple[Found, ...]
    presses: bool
    claims: tuple[Claim, ...] = ()


_NOTHING = _Told((), presses=False)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is known of the stretches that all messages of a frame share."""

    faults: tuple[Found, ...]
    pressing: tuple[str, ...]
    claims: tuple[Claim, ...]


class Texts:
    """Looks at the words of the messages of one template; `own` are the pieces of them that are nobody's own."""

    def __init__(self, words: Wording, own: Collection[str] = ()) -> None:
        self._words = words
        self._frames = Frames(own, is_html=False, is_plain=self._is_plain)
        self._shared: dict[Frame, _Shared] = {}
        self._told = Memory(self._tell)

    def look(self, rendered: Rendered, email: str) -> Spoken:
        """Return what a message says to the reader with an address."""
        framed = self._frames.framed(rendered.pieces[1] if rendered.pieces else (rendered.text,))
        shared = self._shared.get(framed.frame) or self._share(framed.frame)
        texts = [text.replace(email, SOMEBODY) if "@" in text else text for text in framed.texts]
        found = [*wording.subject(rendered.subject), *wording.preheader(rendered.preheader, rendered.subject)]
        found += shared.faults
        own, claims = [], [*shared.claims]
        for text in (f"subject\0{rendered.subject}", f"preheader\0{rendered.preheader}", *texts):
            told = self._told[text]
            if told is not _NOTHING:
                found += told.faults
                own += [text] if told.presses else []
                claims += told.claims
        return Spoken(found, shared.pressing, own, claims)

    def _share(self, frame: Frame) -> _Shared:
        if len(self._shared) >= _MOST_FRAMES:
            self._shared.clear()
        texts = [part for part in frame.parts if isinstance(part, str)]
        told = [(text, self._tell(text)) for text in texts]
        shared = self._shared[frame] = _Shared(
            tuple(fault for _, each in told for fault in each.faults),
            tuple(text for text, each in told if each.presses),
            tuple(claim for _, each in told for claim in each.claims),
        )
        return shared

    def _tell(self, text: str) -> _Told:
        key, nul, words = text.partition("\0")
        parts = [words] if nul else paragraphs(text)
        faults = tuple(found for part in parts for found in self._faults(part, key if nul else ""))
        presses = hints.pressing(text)
        claims = tuple(scarce.claims(words, key) if nul else scarce.claims(text)) if presses else ()
        return _Told(faults, presses, claims) if faults or presses else _NOTHING

    def _faults(self, text: str, key: str) -> Iterator[Found]:
        return self._words.line(text, key) if key else iter(self._words.text(text))

    def _is_plain(self, values: Collection[str]) -> bool:
        """Whether values in addresses say nothing to those who read these."""
        text = " ".join((KEY, *values))
        return is_key(values) and not hints.may_press(text) and self._words.has_nothing_to_say(text)


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a stretch of a text part as they are sent."""
    return [part for part in plaintext.tidy(text).split("\n\n") if part and not part.isspace()]
