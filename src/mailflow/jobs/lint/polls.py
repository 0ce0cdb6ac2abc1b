"""Whether the polls in a template are there, are open when it goes out, and can be answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from mailflow.config.polls import Poll, Polls
from mailflow.outbox import polls as outbox_polls
from mailflow.outbox.polls import Asking
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.places import Place
from mailflow.templates.parts import Rendered
from mailflow.templates.reads import read_of
from mailflow.tokens import Keys

_POLLS = "polls"


def unknown(files: Mapping[str, str], polls: Polls) -> Iterator[tuple[Found, Place]]:
    """Yield the polls that the files of a template speak of and polls.yaml does not have."""
    for path, places in read_of(files, _POLLS).items():
        name = path.partition(".")[0]
        if name in polls.by_name or hasattr(dict, name):
            continue
        for file, line in dict.fromkeys(places):
            yield Found("L701", polls.unknown(name), about=name), Place(file, line)


def closed(polls: Iterable[Poll], due: datetime) -> Iterator[tuple[Found, Poll]]:
    """Yield the polls that take no answer any more when a mail is due."""
    for poll in polls:
        if not poll.is_open(due):
            words = f"the poll {poll.name} takes answers until {poll.closes_on}"
            yield Found("L702", words, about=poll.name), poll


def unanswerable(rendered: Rendered, asking: Asking | None, keys: Keys, token: str) -> list[Found]:
    """Return the polls whose question stands in a mail without a link to any answer."""
    if asking is None:
        return []
    shown = outbox_polls.shown_in(asking, keys, token, rendered.html, rendered.text)
    missing = [poll for name, poll in asking.polls.items() if name not in shown and poll.is_open(asking.at)]
    text = " ".join(rendered.text.split()) if missing else ""
    asked = [poll for poll in missing if any(question in text for question in poll.question.values())]
    words = "asks what the poll {} asks, and no answer has a link"
    return [Found("L703", words.format(one.name), (f"polls.{one.name}",), about=one.name) for one in asked]
