"""The kinds of things that files bring, and what the rows of each are. How a header shows which: recognise."""

from __future__ import annotations

from enum import StrEnum


class Noun(StrEnum):
    """What the rows of a file are: what `--as` says."""

    CONTACTS = "contacts"  # people, what is known of them, and their consent
    SIGNUPS = "signups"  # people who filled in a form and have not confirmed yet
    SUPPRESSIONS = "suppressions"  # addresses that get nothing at all, and why
    ORDERS = "orders"  # orders, or the lines of orders
    PRODUCTS = "products"  # what can be bought
    CARTS = "carts"  # carts as they were changed, checked out or emptied
    EVENTS = "events"  # visits, use of a product: anything with a name and a time
    ENGAGEMENT = "engagement"  # opens, clicks and bounces of the tool that sent before
    TICKETS = "tickets"  # questions to customer service
    ANSWERS = "answers"  # answers to surveys and forms
    BOOKINGS = "bookings"  # appointments, courses, events: booked, attended, missed
    SOCIAL = "social"  # follows, mentions, comments
    OWNERS = "owners"  # who of the team looks after customers
    COMPANIES = "companies"  # the firms that contacts belong to
    COSTS = "costs"  # what was spent on which channel or campaign
