"""What travels between rendering, building and sending: the rendered texts, the envelope, and what can go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mailflow.errors import Problem, ProblemsError
from mailflow.templates.quoted import Encoded


class TemplateError(ProblemsError):
    """A template that cannot be used, or not for this person: file, line, what is missing and what to write."""

    @classmethod
    def at(cls, file: str, message: str, line: int | None = None) -> TemplateError:
        """Return the error of one problem in one place."""
        return cls([Problem(file, message, line)])


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message as text: what the reader sees, not yet encoded.

    `from_name` and `reply_to` are the template's own, None where it leaves them to the settings. `problems` are
    warnings: the message can be sent, but should be looked at. `encoded` are forms of `html` and `text` for the wire
    that came with rendering; they count for the very strings they were made of.
    """

    subject: str
    preheader: str
    html: str
    text: str
    from_name: str | None = None
    reply_to: str | None = None
    problems: tuple[Problem, ...] = ()
    encoded: tuple[Encoded, ...] = field(default=(), compare=False, repr=False)


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
