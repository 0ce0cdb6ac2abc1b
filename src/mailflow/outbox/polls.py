"""What a template is told of polls: plain values, with a signed link for each answer of this very message.

Where `mailflow serve` answers, a link leads to its page; without it a link opens a mail whose subject is the answer, so
that none is ever dead. What becomes of answers: tracking/polls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mailflow.config import Settings
from mailflow.config.polls import Answer, Poll, said_in
from mailflow.templates import formats
from mailflow.templates.poll_words import PollWords, poll_words
from mailflow.tokens import Keys
from mailflow.tracking import polls as tracking
from mailflow.tracking.polls import Said

ASKED = "__polls__"  # the key in a context of its `Asking`; no template can speak it


@dataclass(frozen=True, slots=True)
class Asking:
    """The polls that a template speaks of, what its reader answered (name → key), and when it is rendered."""

    polls: Mapping[str, Poll]
    at: datetime
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Linking:
    """Makes the links of one message. Without a token, as on a page that anybody reads, there are none."""

    settings: Settings
    keys: Keys
    token: str | None

    @property
    def by_web(self) -> bool:
        """Whether answers lead to a page; else they open a mail."""
        return self.settings.tracking.url is not None

    def link(self, poll: Poll, answer: Answer, text: str) -> str | None:
        """Return the address of an answer."""
        if self.token is None:
            return None
        signed = tracking.sign(self.keys, Said(self.token, poll.name, answer.key))
        if self.by_web:
            return f"{self.settings.tracking.url}/a/{signed}"
        sender = self.settings.sender
        return f"mailto:{sender.reply_to or sender.email}?subject={quote(f'{text} [{signed}]', safe='')}"


def told(asking: Asking, links: Linking, language: str, country: str | None) -> dict[str, dict[str, Any]]:
    """Return name → what a template knows of a poll, in a language; see templates/context.py."""
    return {name: _told(poll, asking, links, language, country) for name, poll in asking.polls.items()}


def shown_in(asking: Asking, keys: Keys, token: str, *texts: str) -> tuple[str, ...]:
    """Return the polls of which at least one answer can be clicked in rendered texts."""
    return tuple(
        name
        for name, poll in asking.polls.items()
        if any(signed in text for signed in _signed(poll, keys, token) for text in texts)
    )


def _signed(poll: Poll, keys: Keys, token: str) -> list[str]:
    return [tracking.sign(keys, Said(token, poll.name, answer.key)) for answer in poll.answers]


def _told(poll: Poll, asking: Asking, links: Linking, language: str, country: str | None) -> dict[str, Any]:
    is_open = poll.is_open(asking.at)
    answers = [_answer(poll, answer, links if is_open else None, language) for answer in poll.answers]
    given = asking.given.get(poll.name)
    chosen = next((one for one in answers if given is not None and one["key"].lower() == given.lower()), None)
    words = poll_words(language)
    return {
        "name": poll.name,
        "question": said_in(poll.question, language),
        "answers": answers,
        "answer": chosen,
        "is_quiz": poll.is_quiz,
        "is_open": is_open,
        "closes_on": poll.closes_on,
        "notes": list(_notes(poll, words, chosen, links, language, country)) if is_open else [words.closed],
    }


def _answer(poll: Poll, answer: Answer, links: Linking | None, language: str) -> dict[str, Any]:
    text = said_in(answer.text, language)
    url = None if links is None else links.link(poll, answer, text)
    return {"key": answer.key, "text": text, "url": url, "is_correct": answer.is_correct}


def _notes(
    poll: Poll, words: PollWords, chosen: Mapping[str, Any] | None, links: Linking, language: str, country: str | None
) -> list[str]:
    """Return the sentences under an open poll."""
    notes = []
    if chosen is not None:
        notes.append(words.given.format(chosen["text"]))
    if poll.closes_on is not None:
        notes.append(words.until.format(formats.day(poll.closes_on, "long", (language, None, country))))
    if links.token is not None and not links.by_web:
        notes.append(words.by_mail)
    return notes
