"""Render a planned message for its contact into the bytes that will go out, now and at every later attempt."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mailflow import clock
from mailflow.config import Settings
from mailflow.config.tracking import Images, UtmSettings, UtmValues
from mailflow.model import MessageClass, MessageKind
from mailflow.outbox import polls
from mailflow.outbox.sender import Sender, of_owner, of_shop
from mailflow.store.contents import Content
from mailflow.templates import Envelope, Rendered, compose, lasting, linking
from mailflow.templates.lasting import Moment
from mailflow.templates.linking import Clicks, How, Utm
from mailflow.tokens import Keys, Purpose

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_LONGEST_NAME = 200  # characters of a name in the To header
_NOT_IN_FILES = re.compile(r"[^A-Za-z0-9_.-]+")  # ids of campaigns hold none of them: each has a page of its own
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
    """Makes the messages of one campaign.

    `prefix` goes before the subject, for tests. `is_automatic` where no person set the sending off, as in a flow.
    """

    settings: Settings
    keys: Keys
    template: CompiledTemplate
    campaign_id: str
    campaign_name: str
    prefix: str = ""
    is_automatic: bool = False
    kind: MessageKind | None = None  # None: that of the template
    from_owner: bool | None = None  # likewise
    deadline: date | None = None  # the campaign's own
    _counts_days: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_counts_days", any(map(self.template.mentions, lasting.FILTERS)))

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
        clicks = self._clicks(token)
        rendered = self._rendered(context, exits, {linking.COUNTED: clicks, **self._pixel(context, token)}, token)
        envelope = self._envelope(address, token, context, exits, now)
        data = compose.build(rendered, envelope)
        if checked:
            compose.check(data, rendered, envelope)
        found = clicks.found if clicks else {}
        asking = context.get(polls.ASKED)
        asked = polls.shown_in(asking, self.keys, token, rendered.html, rendered.text) if asking else ()
        until = self._true_until(context, now)
        return Content(message_id, envelope.return_path, envelope.to_email, rendered.subject, data, found, asked, until)

    def render(self, context: Mapping[str, Any], *, token: str) -> Rendered:
        """Return the rendered texts for one contact, with the links and names that every message has."""
        return self._rendered(context, self._exits(token), token=token)

    def public(self, context: Mapping[str, Any]) -> Rendered:
        """Return the rendered texts for a page that anybody may read: the way out is the shop's, and nobody's own."""
        unsubscribe, sender = self.settings.unsubscribe, self.settings.sender
        link = f"mailto:{unsubscribe.mailto or sender.email}?subject=unsubscribe"
        return self._rendered(context, Exits(None, None, link))

    def known(self, context: Mapping[str, Any], *, token: str) -> dict[str, Any]:
        """Return a contact's context with the links and names that every message has, as templates are told it."""
        return self._known(context, self._exits(token), token)

    def _known(self, context: Mapping[str, Any], exits: Exits, token: str | None) -> dict[str, Any]:
        return {
            "offer": None,  # a template may ask whether there is one
            **context,
            "unsubscribe_url": exits.link,
            "view_url": self._view_url(),
            "campaign": {
                "id": self.campaign_id,
                "name": self.campaign_name or self.campaign_id,
                "deadline": self.deadline,
            },
            **self._polls(context, token),
        }

    def _polls(self, context: Mapping[str, Any], token: str | None) -> dict[str, Any]:
        """Return the polls of a template in the language of this message; nothing where it speaks of none."""
        asking = context.get(polls.ASKED)
        if asking is None:
            return {}
        language = self.template.for_reader(context).language_for(context)
        links = polls.Linking(self.settings, self.keys, token)
        return {"polls": polls.told(asking, links, language, context["contact"].get("country"))}

    def _rendered(
        self,
        context: Mapping[str, Any],
        exits: Exits,
        counting: Mapping[str, Any] = _NOTHING,
        token: str | None = None,
    ) -> Rendered:
        rendered = self.template.render({**self._known(context, exits, token), **counting})
        return replace(rendered, subject=f"{self.prefix}{rendered.subject}") if self.prefix else rendered

    def sender(self, context: Mapping[str, Any]) -> Sender:
        """Return who a message is from, unless its template says another name: the shop, or who looks after them."""
        if self.template.front.from_owner if self.from_owner is None else self.from_owner:
            return of_owner(self.settings.sender, context.get("owner"))
        return of_shop(self.settings.sender)

    def _true_until(self, context: Mapping[str, Any], now: datetime) -> int | None:
        """Return from when on (ms) the days that a message counts are wrong; None where it counts none."""
        if not self._counts_days:
            return None
        moment = Moment(now, self.settings.zone)
        return clock.to_ms(lasting.true_until(moment, context["contact"].get("timezone")))

    def _envelope(self, address: str, token: str, context: Mapping[str, Any], exits: Exits, now: datetime) -> Envelope:
        sender, is_essential = self.settings.sender, self.template.message_class is MessageClass.ESSENTIAL
        contact, who = context["contact"], self.sender(context)
        name = " ".join(part for part in (contact.get("first_name"), contact.get("last_name")) if part)
        return Envelope(
            from_name=who.name,
            from_email=who.email,
            to_name=name if len(name) <= _LONGEST_NAME else "",  # more is no name, and nobody goes without mail for it
            to_email=address,
            reply_to=who.reply_to,
            message_id=f"{token}@{sender.domain}",
            date=now,
            list_id=None if is_essential else f"{_label(self.template.topic or 'news')}.{sender.domain}",
            unsubscribe_mailto=None if is_essential else exits.mailto,
            unsubscribe_url=None if is_essential else exits.url,
            return_path=sender.email,
            feedback_id=self._feedback_id(),
            auto_submitted=is_essential and self.is_automatic,
        )

    def _view_url(self) -> str | None:
        archive = self.settings.archive
        return f"{archive.url}/{page_name(self.campaign_id)}" if archive else None

    def _feedback_id(self) -> str:
        """Return campaign, kind, class and sender: what complaints are counted by, with nothing of the person."""
        template = self.template
        sender = _sender_id(self.keys.pepper)
        return f"{_label(self.campaign_id)}:{self.kind or template.kind}:{template.message_class}:{sender}"

    def _clicks(self, token: str) -> Clicks | None:
        tracking = self.settings.tracking
        if tracking.clicks == "off":
            return None
        return Clicks(f"{tracking.url}/c/{self.keys.sign(Purpose.CLICK, token)}")

    def _pixel(self, context: Mapping[str, Any], token: str) -> dict[str, str]:
        """Return the address of the open pixel; nothing without the contact's own yes to it."""
        tracking = self.settings.tracking
        if tracking.opens == "off" or context.get(linking.OPENS_ALLOWED) is not True:
            return {}
        return {linking.PIXEL: f"{tracking.url}/o/{self.keys.sign(Purpose.OPEN, token)}.gif"}

    def _exits(self, token: str) -> Exits:
        unsubscribe = self.settings.unsubscribe
        signed = self.keys.sign(Purpose.UNSUBSCRIBE, token)
        mailto = f"mailto:{unsubscribe.mailto}?subject=unsubscribe%20{signed}" if unsubscribe.mailto else None
        url = f"{unsubscribe.url}/{signed}" if unsubscribe.url else None
        return Exits(mailto, url, url or mailto or f"mailto:{self.settings.sender.email}?subject=unsubscribe")


def how_of(settings: Settings, campaign_id: str, own: UtmValues | None = None) -> How:
    """Return how the messages of a campaign are made; `own` are the utm values of its file."""
    tracking = settings.tracking
    utm = None
    if settings.utm is not None or own is not None:
        shared, said = settings.utm or UtmSettings(), own or UtmValues()
        named = {
            "utm_source": said.source or shared.source or "mailflow",
            "utm_medium": said.medium or shared.medium or "email",
            "utm_campaign": said.campaign or shared.campaign or campaign_id,
        }
        home = urlsplit(settings.url or "").hostname
        utm = Utm(tuple(named.items()), tuple(dict.fromkeys([*([home] if home else []), *shared.hosts])))
    return How(
        utm,
        clicks=tracking.clicks != "off",
        opens=tracking.opens != "off",
        asset_url=settings.asset_url,
        embed=settings.images is Images.EMBED,
        zone=settings.zone,
        language=settings.language,
        topics=tuple(settings.topics),
    )


def page_name(campaign_id: str) -> str:
    """Return the name of the page of a campaign that is read in a browser."""
    return f"{_NOT_IN_FILES.sub('-', campaign_id)}.html"


@lru_cache(maxsize=8)
def _sender_id(pepper: bytes) -> str:
    """Return the sender's part of a Feedback-ID: 12 characters, the same for all mail of a workspace."""
    return hmac.digest(pepper, b"mailflow feedback id", "sha256").hex()[:12]


def _label(text: str) -> str:
    """Return text as a label of a List-ID (RFC 2919): lower case letters, digits and dashes."""
    return _NOT_IN_LABELS.sub("-", text.lower()).strip("-")[:63].rstrip("-") or "list"
