"""What a template is told about a person: plain values from the store. Their shape: templates/context.py.

Set by set, not person by person: 5,000 messages take five queries, not 25,000.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mailflow import clock, money
from mailflow.config import Settings, countries
from mailflow.config.countries import CountrySettings
from mailflow.config.tracking import Opens
from mailflow.model import ConsentState
from mailflow.places.names import country_code
from mailflow.places.stores import Nearby
from mailflow.store import Connection, consents, contacts, owners, recipients
from mailflow.store import favourites as store_favourites
from mailflow.store.members import Confidences
from mailflow.store.owners import Owner
from mailflow.store.recipients import Recipient
from mailflow.templates import lasting, linking
from mailflow.templates.lasting import Moment

Context = dict[str, Any]
_NOTHING = Decimal(0)
OWNER_PARTS = ("name", "email", "phone", "title")


def contact_context(
    db: Connection,
    contact_id: int,
    *,
    settings: Settings,
    now: datetime,
    segments: Mapping[str, Collection[int]] | None = None,
) -> Context:
    """Return the context of one contact; `KeyError` where there is none with this id."""
    return contact_contexts(db, [contact_id], settings=settings, now=now, segments=segments)[contact_id]


def contact_contexts(
    db: Connection,
    contact_ids: Collection[int],
    *,
    settings: Settings,
    now: datetime,
    segments: Mapping[str, Collection[int]] | None = None,
    traits: Mapping[str, Confidences] | None = None,
    impact: Mapping[str, Mapping[int, Decimal]] | None = None,
    favourites: bool = False,
    nearby: Nearby | None = None,
) -> dict[int, Context]:
    """Return contexts by contact id, without the unsubscribe link, which belongs to a message.

    `segments` are the members (ids, best as a set) of each named rule that templates may ask for, `traits` who has
    each of the traits, `impact` what the deeds of people add up to, by name. With `favourites` what people buy most is
    looked up, with `nearby` the nearest store.
    """
    until = clock.to_ms(clock.end_of_day(clock.local_date(now, settings.zone), settings.zone))
    bought = store_favourites.categories(db, contact_ids, until=until) if favourites else {}
    shared = {
        "shop": shop_context(settings),
        "today": clock.local_date(now, settings.zone),
        "recommendations": [],
        "articles": [],
        "never_show": [],
        "season": None,
        "day": {},
        "choices": {},
        "polls": {},
        lasting.CLOCK: Moment(now, settings.zone),
    }
    abroad = _Abroad(settings)
    found = recipients.many(db, contact_ids)
    opens = _opens_allowed(db, contact_ids) if settings.tracking.opens is not Opens.OFF else frozenset()
    looked_after = owners.of_contacts(db, (recipient.contact for recipient in found.values()))
    return {
        contact_id: {
            **shared,
            **abroad.of(recipient.contact["country"]),
            linking.OPENS_ALLOWED: contact_id in opens,
            "contact": {
                **_contact(recipient, contact_id, settings, segments or {}),
                "traits": {name: sure.get(contact_id) or 0 for name, sure in (traits or {}).items()},
                "impact": {name: total.get(contact_id, _NOTHING) for name, total in (impact or {}).items()},
                "favourite_category": bought.get(contact_id),
                "nearest_store": nearby.of(recipient.contact) if nearby else None,
            },
            "owner": _owner(looked_after.get(contact_id)),
        }
        for contact_id, recipient in found.items()
    }


def sample_context(settings: Settings, now: datetime) -> Context:
    """Return the context of the made-up person that previews and tests are for, in this shop."""
    from mailflow.templates import context

    shop = shop_context(settings) | _Abroad(settings).of(context.SAMPLE_COUNTRY).get("shop", {})
    known = context.sample(shop, today=clock.local_date(now, settings.zone))
    known[lasting.CLOCK] = Moment(now, settings.zone)
    known["contact"] = {**dict.fromkeys(settings.fields, "sample"), **known["contact"]}
    return known


def shop_context(settings: Settings) -> Context:
    """Return what templates know of the shop."""
    return {
        "name": settings.name,
        "address": _in_one_line(settings.address),
        "url": settings.url,
        "email": settings.sender.reply_to or settings.sender.email,
        "currency": settings.currency,
        "language": settings.language,
        "footer": [],
    }


def shop_abroad(settings: Settings, rule: CountrySettings | None) -> Context:
    """Return what templates know of the shop when their reader lives where a rule of `countries:` holds."""
    shop = shop_context(settings)
    if rule is None:
        return shop
    lines = [line.strip() for line in (rule.footer or "").splitlines() if line.strip()]
    return {**shop, "address": _in_one_line(rule.address or "") or shop["address"], "footer": lines}


def _in_one_line(address: str) -> str:
    """Return an address that may be written in lines, as on an envelope, as it stands in a footer."""
    return ", ".join(line for line in (line.strip(" \t,") for line in address.splitlines()) if line)


class _Abroad:
    """What the shop says of itself to readers of a country: its address there, and the lines that the law asks for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: dict[str | None, Context] = {}

    def of(self, country: str | None) -> Context:
        """Return what takes the place of `shop` in a context, for a country as a contact has it; often nothing."""
        if not self._settings.countries:
            return {}
        if country not in self._found:
            rule = countries.rules_of(self._settings.countries, country_code(country))
            self._found[country] = {"shop": shop_abroad(self._settings, rule)}
        return self._found[country]


def _contact(
    recipient: Recipient, contact_id: int, settings: Settings, segments: Mapping[str, Collection[int]]
) -> Context:
    row = recipient.contact
    own = {name: _filled(value) for name, value in json.loads(row["attributes"]).items()}
    return {
        **dict.fromkeys(settings.fields),
        **own,
        **{name: _filled(row[name]) for name in ("key", "email", *contacts.FIELDS)},
        "attributes": {**dict.fromkeys(settings.fields), **own},
        "segments": [name for name, members in segments.items() if contact_id in members],
        "lifecycle": None,
        "personalised": True,
        "rfm": _scores(recipient),
        "orders": _orders(recipient, settings),
    }


def _opens_allowed(db: Connection, contact_ids: Collection[int]) -> frozenset[int]:
    """Return who said yes to being told of opens: a consent of its own, which none to mail stands for."""
    states = consents.states_of(db, contact_ids, channel=consents.OPENS)
    return frozenset(contact_id for contact_id, state in states.items() if state is ConsentState.SUBSCRIBED)


def _owner(owner: Owner | None) -> Context | None:
    return None if owner is None else {name: _filled(getattr(owner, name)) for name in OWNER_PARTS}


def _filled(value: object) -> object:
    """Return a value, with null for blank text: a template treats both as nothing."""
    if isinstance(value, str):
        return value.strip() or None
    return value


def _scores(recipient: Recipient) -> Context | None:
    scores = recipient.scores
    return None if scores is None else {name: scores[name] for name in ("class", "r", "f", "m")}


def _orders(recipient: Recipient, settings: Settings) -> Context:
    """Return the counted orders; revenue is null where it is in several currencies, which are never added up."""
    facts, revenue = recipient.facts, recipient.revenue
    currency = next(iter(revenue)) if len(revenue) == 1 else settings.currency
    amount = None if len(revenue) > 1 else Decimal(money.to_text(revenue.get(currency, 0), currency))
    return {
        "count": facts["order_count"] if facts else 0,
        "revenue": amount,
        "currency": currency,
        "first_at": _day(facts["first_order_at"], settings) if facts else None,
        "last_at": _day(facts["last_order_at"], settings) if facts else None,
    }


def _day(ms: int, settings: Settings) -> date:
    return clock.local_date(clock.from_ms(ms), settings.zone)
