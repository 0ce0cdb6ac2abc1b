"""Render a planned message for its contact into the bytes that will go out, now and at every later attempt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailflow.config import Settings
from mailflow.outbox.sender import Sender, of_owner, of_shop
from mailflow.store.contents import Content
from mailflow.templates import Envelope, Rendered, compose
from mailflow.tokens import Keys, Purpose

if TYPE_CHECKING:
    from mailflow.templates.compile import CompiledTemplate

_NOT_IN_LABELS = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Exits:
    """How the reader of one message says no: what the headers offer, and the `link` that is read and clicked.

    Before a way to unsubscribe is configured (a rehearsal) the link is a mail to the sender, who reads it.
    """

    mailto: str | None
    url: str | None
    link: str


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes the messages of one campaign. `prefix` goes before the subject, for tests."""

    settings: Settings
    keys: Keys
    template: CompiledTemplate
    campaign_id: str
    campaign_name: str
    prefix: str = ""

    def content(
        self,
        message_id: int,
        *,
        address: str,
        token: str,
        context: Mapping[str, Any],
        now: datetime,
        checked: bool = False,
    ) -> Content:
        """Return the frozen message for one contact; `TemplateError` where it cannot be made for this person.

        `checked` reads the bytes back and compares every header with what was asked.
        """
        exits = self._exits(token)
        rendered = self._rendered(context, exits)
        envelope = self._envelope(address, token, context, exits, now)
        data = compose.build(rendered, envelope)
        if checked:
            compose.check(data, rendered, envelope)
        return Content(message_id, envelope.return_path, envelope.to_email, rendered.subject, data)

    def render(self, context: Mapping[str, Any], *, token: str) -> Rendered:
        """Return the rendered texts for one contact, with the links and names that every message has."""
        return self._rendered(context, self._exits(token))

    def known(self, context: Mapping[str, Any], *, token: str) -> dict[str, Any]:
        """Return a contact's context with the links and names that every message has, as templates are told it."""
        return self._known(context, self._exits(token))

    def _known(self, context: Mapping[str, Any], exits: Exits) -> dict[str, Any]:
        return {
            "offer": None,  # a template may ask whether there is one
            **context,
            "unsubscribe_url": exits.link,
            "campaign": {"id": self.campaign_id, "name": self.campaign_name or self.campaign_id},
        }

    def _rendered(self, context: Mapping[str, Any], exits: Exits) -> Rendered:
        rendered = self.template.render(self._known(context, exits))
        return replace(rendered, subject=f"{self.prefix}{rendered.subject}") if self.prefix else rendered

    def sender(self, context: Mapping[str, Any]) -> Sender:
        """Return who a message is from, unless its template says another name: the shop, or who looks after them."""
        if self.template.front.from_owner:
            return of_owner(self.settings.sender, context.get("owner"))
        return of_shop(self.settings.sender)

    def _envelope(self, address: str, token: str, context: Mapping[str, Any], exits: Exits, now: datetime) -> Envelope:
        sender = self.settings.sender
        contact, who = context["contact"], self.sender(context)
        name = " ".join(part for part in (contact.get("first_name"), contact.get("last_name")) if part)
        return Envelope(
            from_name=who.name,
            from_email=who.email,
            to_name=name,
            to_email=address,
            reply_to=who.reply_to,
            message_id=f"{token}@{sender.domain}",
            date=now,
            list_id=f"{_label(self.campaign_id)}.{sender.domain}",
            unsubscribe_mailto=exits.mailto,
            unsubscribe_url=exits.url,
            return_path=sender.email,
        )

    def _exits(self, token: str) -> Exits:
        unsubscribe = self.settings.unsubscribe
        signed = self.keys.sign(Purpose.UNSUBSCRIBE, token)
        mailto = f"mailto:{unsubscribe.mailto}?subject=unsubscribe%20{signed}" if unsubscribe.mailto else None
        url = f"{unsubscribe.url}/{signed}" if unsubscribe.url else None
        return Exits(mailto, url, url or mailto or f"mailto:{self.settings.sender.email}?subject=unsubscribe")


def _label(text: str) -> str:
    """Return text as a label of a List-ID (RFC 2919): lower case letters, digits and dashes."""
    return _NOT_IN_LABELS.sub("-", text.lower()).strip("-")[:63] or "list"
