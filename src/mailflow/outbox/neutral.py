"""Mail without a person in it, for who wants none of that: what their templates are told. What all others': context.py.

It is a consent of its own, kept in the ledger as the topic `personalisation`: a no to it stops no mail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from mailflow.model import ConsentState
from mailflow.store import Connection, consents

PERSONALISATION = "personalisation"
TOPICS = (PERSONALISATION, "personalization")  # as tools write it
# How a letter is addressed and written, which is no use of what is known about somebody.
_KEPT = ("key", "email", "first_name", "last_name", "company", "language", "country", "timezone")


def among(db: Connection, contact_ids: Collection[int]) -> frozenset[int]:
    """Return who of these contacts wants no mail made for them."""
    return frozenset(
        contact_id
        for topic in TOPICS
        for contact_id, state in consents.states_of(db, contact_ids, topic=topic).items()
        if state is ConsentState.UNSUBSCRIBED
    )


def of(contact: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contact as templates know it, made nobody in particular: every name is there, with nothing in it."""
    return {
        **dict.fromkeys(contact),
        **{name: contact[name] for name in _KEPT if name in contact},
        "attributes": dict.fromkeys(contact["attributes"]),
        "segments": [],
        "traits": dict.fromkeys(contact["traits"], 0),
        "impact": dict.fromkeys(contact["impact"], Decimal(0)),
        "orders": {
            **dict.fromkeys(contact["orders"]),
            "count": 0,
            "revenue": Decimal(0),
            "currency": contact["orders"]["currency"],
        },
        "personalised": False,
    }
