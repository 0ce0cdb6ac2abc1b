"""The names of events: one vocabulary for files, web, mail and flows. Other tools' words for them: importers.

A name is a past participle. One that is not here is taken as it is: a shop may record what it likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Named:
    """One name: what it says happened, and the properties that mailflow itself reads or writes."""

    name: str
    meaning: str
    properties: tuple[str, ...] = ()


_GROUPS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "Visits": (
        ("page_viewed", "Somebody looked at a page.", "url title seconds referrer"),
        ("product_viewed", "Somebody looked at a product.", "product_id product sku category price url seconds"),
        ("category_viewed", "Somebody looked at a list of products.", "category url"),
        ("searched", "Somebody looked for something.", "query results"),
        ("wishlisted", "Somebody put a product on a wish list.", "product_id product sku"),
    ),
    "Carts": (
        ("cart_updated", "Something was put into a cart or taken out.", "cart_id value currency items url"),
        ("cart_emptied", "Everything was taken out of a cart.", "cart_id"),
        ("cart_abandoned", "The shop's own software says that a cart was left.", "cart_id value currency items url"),
        ("checkout_started", "Somebody went to the till.", "cart_id value currency items url"),
        ("checkout_completed", "A cart became an order.", "cart_id value currency order_id"),
    ),
    "Mail": (
        ("delivered", "A mail was taken by its recipient's server.", "campaign subject origin"),
        ("opened", "A mail's picture was loaded, by a person or by a machine.", "campaign subject machine origin"),
        ("clicked", "A link in a mail was followed.", "campaign subject url machine origin"),
        ("replied", "A mail was answered.", "campaign subject"),
        ("bounced", "A mail came back; `kind` is `hard` or `soft`.", "campaign kind reason address origin"),
        ("deferred", "A mail server asked to be tried again later.", "campaign reason"),
        ("complained", "Somebody pressed “this is spam”.", "campaign address origin"),
        ("subscribed", "Somebody asked for marketing mail.", "topic origin"),
        ("unsubscribed", "Somebody asked for no more marketing mail.", "campaign topic reason address origin"),
    ),
    "Customer service": (
        ("ticket_opened", "Somebody asked for help.", "ticket_id subject status open priority channel agent"),
        ("ticket_replied", "An answer was given.", "ticket_id agent"),
        ("ticket_reopened", "A closed question came up again.", "ticket_id"),
        ("ticket_closed", "A question was settled.", "ticket_id status"),
        ("ticket_rated", "Somebody said how good the help was.", "ticket_id rating comment"),
    ),
    "Answers": (
        ("survey_answered", "Somebody answered a survey.", "form answers"),
        ("poll_answered", "Somebody answered a poll; the last answer counts.", "poll answer correct campaign"),
        ("form_submitted", "Somebody sent a form.", "form answers"),
        ("reviewed", "Somebody wrote a review.", "product_id product rating text"),
    ),
    "Bookings": (
        ("booking_made", "An appointment, a table or a place was taken.",
         "booking_id service starts_at ends_at location staff value currency"),
        ("booking_changed", "A booking was moved.", "booking_id service starts_at ends_at location staff"),
        ("booking_cancelled", "A booking was taken back.", "booking_id service starts_at reason"),
        ("booking_attended", "Somebody came.", "booking_id service starts_at"),
        ("booking_missed", "Somebody did not come.", "booking_id service starts_at"),
    ),
    "Social networks": (
        ("followed", "Somebody began to follow the shop.", "platform handle"),
        ("unfollowed", "Somebody stopped following the shop.", "platform handle"),
        ("mentioned", "Somebody spoke of the shop.", "platform handle text url"),
        ("commented", "Somebody commented on a post.", "platform handle text url"),
        ("liked", "Somebody liked a post.", "platform handle url"),
        ("shared", "Somebody passed a post on.", "platform handle text url"),
        ("messaged", "Somebody wrote a direct message.", "platform handle text"),
    ),
    "Use of a product": (
        ("signed_up", "Somebody made an account.", "plan"),
        ("logged_in", "Somebody came in.", "device"),
        ("feature_used", "Somebody used a part of the product.", "feature count seconds"),
        ("trial_started", "A time of trial began.", "plan ends_at"),
        ("trial_ended", "A time of trial ended.", "plan"),
        ("plan_changed", "Somebody went to another plan.", "plan from_plan"),
        ("subscription_started", "Somebody began to pay for a plan.", "plan"),
        ("subscription_renewed", "A plan was paid for another period.", "plan"),
        ("subscription_cancelled", "Somebody gave up a plan.", "plan reason"),
        ("payment_failed", "A payment did not go through.", "plan value currency"),
    ),
}  # fmt: skip

GROUPS: Mapping[str, tuple[Named, ...]] = MappingProxyType(
    {
        group: tuple(Named(name, meaning, tuple(properties.split())) for name, meaning, properties in rows)
        for group, rows in _GROUPS.items()
    }
)
VOCABULARY: Mapping[str, Named] = MappingProxyType({named.name: named for rows in GROUPS.values() for named in rows})


def table() -> str:
    """Return the vocabulary as Markdown, for docs/events.md."""
    lines: list[str] = []
    for group, rows in GROUPS.items():
        lines += [f"### {group}", "", "| event | what happened | properties |", "|---|---|---|"]
        lines += [
            f"| `{row.name}` | {row.meaning} | {' '.join(f'`{name}`' for name in row.properties)} |" for row in rows
        ]
        lines.append("")
    return "\n".join(lines).rstrip()
