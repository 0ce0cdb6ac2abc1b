"""What travels between rendering, building and sending: the rendered texts, the envelope, and what can go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from mailflow.errors import Problem, ProblemsError
from mailflow.templates.quoted import Encoded


class TemplateError(ProblemsError):
    """A template that cannot be used, or not for this person: file, line, what is missing and what to write."""

    @classmethod
    def at(cls, file: str, message: str, line: int | None = None) -> TemplateError:
        """Return the error of one problem in one place."""
        return cls([Problem(file, message, line)])


@dataclass(frozen=True, slots=True)
class File:
    """A file that travels in a message: an attachment, or a picture that the HTML shows as `cid:` and this id.

    `wire` is its content in base64 with CRLF, made once for all messages that it is in.
    """

    name: str
    type: str
    data: bytes = field(repr=False)
    wire: bytes = field(repr=False)
    cid: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An appointment that travels as a calendar file. Instants are aware; a day is one that lasts all day long."""

    title: str
    starts: datetime | date
    ends: datetime | date | None = None
    place: str = ""
    url: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message as text: what the reader sees, not yet encoded.

    `from_name` and `reply_to` are the template's own, None where it leaves them to the settings. `problems` are
    warnings: the message can be sent, but should be looked at. `encoded` are forms of `html` and `text` for the wire
    that came with rendering; they count for the very strings they were made of. `pieces` are what both were joined of,
    the text before it was tidied up: what the template says itself, and values; None where it was made otherwise.
    """

    subject: str
    preheader: str
    html: str
    text: str
    from_name: str | None = None
    reply_to: str | None = None
    problems: tuple[Problem, ...] = ()
    encoded: tuple[Encoded, ...] = field(default=(), compare=False, repr=False)
    pieces: tuple[Sequence[str], Sequence[str]] | None = field(default=None, compare=False, repr=False)
    files: tuple[File, ...] = ()
    events: tuple[Event, ...] = ()


class Lacking(StrEnum):
    """What a footer lacks."""

    ADDRESS = "address"  # of the shop, or what else a country asks for
    WAY_OUT = "way_out"  # a link to unsubscribe that one sees


class FooterError(TemplateError):
    """Marketing mail that may not go out, because its footer lacks something; `rendered` is what it would be."""

    def __init__(self, lacking: Sequence[tuple[Lacking, Problem]], rendered: Rendered) -> None:
        super().__init__([problem for _, problem in lacking])
        self.lacking = lacking
        self.rendered = rendered


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything of a message that is not its content.

    Addresses are bare (`anna@example.com`), `message_id` is `token@own.domain` without brackets, `list_id` such as
    `news.shop.example`, `unsubscribe_mailto` a bare address or a whole `mailto:` link, `unsubscribe_url` https.
    `return_path` is the MAIL FROM; it is no header of ours. `date` is aware.
    """

    from_name: str
    from_email: str
    to_name: str
    to_email: str
    reply_to: str | None
    message_id: str
    date: datetime
    list_id: str | None
    unsubscribe_mailto: str | None
    unsubscribe_url: str | None
    return_path: str
    feedback_id: str | None = None
    auto_submitted: bool = False
