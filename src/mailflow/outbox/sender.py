"""Who a message is from: the shop, or who looks after its reader. What a template says of it: `from_owner: true`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailflow.config.settings import SenderSettings
from mailflow.errors import ConfigError
from mailflow.templates.headers import check_address


@dataclass(frozen=True, slots=True)
class Sender:
    """Name and address of the From header, and where answers go; None: to the address of the From header."""

    name: str
    email: str
    reply_to: str | None


def of_shop(settings: SenderSettings) -> Sender:
    """Return the sender of mail that nobody in particular writes."""
    return Sender(settings.name, settings.email, settings.reply_to)


def of_owner(settings: SenderSettings, owner: Mapping[str, Any] | None) -> Sender:
    """Return who looks after the reader as the sender: their name, and their address where it is the shop's own.

    An address at a domain that is not the shop's would fail DMARC: then the mail comes from the shop's address, under
    their name, and answers go to them. The shop where nobody looks after the reader.
    """
    if owner is None:
        return of_shop(settings)
    name, email = str(owner.get("name") or settings.name), _usable(owner.get("email"))
    if email is None:
        return Sender(name, settings.email, settings.reply_to)
    if email.rpartition("@")[2].lower() in settings.own_domains:
        return Sender(name, email, email)
    return Sender(name, settings.email, email)


def _usable(email: Any) -> str | None:
    """Return an address as it may stand in a header, None for what is none."""
    try:
        return check_address(str(email)) if email else None
    except ConfigError:
        return None
