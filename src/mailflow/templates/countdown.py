"""`| countdown`: how long something is still to be had, in the words of lasting.py. Other filters: figures.py."""

from __future__ import annotations

from datetime import date as Date
from datetime import datetime
from typing import Any

from jinja2 import pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Context

from mailflow.templates.lasting import CLOCK, Moment, days_left, words


@pass_context
def countdown(context: Context, value: Any) -> str:
    """Return `3 days left`, `ends tomorrow` or `ends today` in the message's language; nothing when it is over."""
    if value is None:
        raise TemplateRuntimeError(
            "countdown has no last day: say `deadline:` in the campaign's file, `expires:` of the offer or `closes:` of"
            " the poll, or put {% if … %} around it"
        )
    moment = context.get(CLOCK)
    if isinstance(value, str):
        try:
            value = Date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, Date) or (isinstance(value, datetime) and value.tzinfo is None):
        raise TemplateRuntimeError("countdown wants a last day, such as offer.expires_on")
    if not isinstance(moment, Moment):
        raise TemplateRuntimeError("it is not known which day is today")
    contact = context.get("contact")
    left = days_left(value, moment, contact.get("timezone") if isinstance(contact, dict) else None)
    return words(left, str(context.get("language") or "en"))
