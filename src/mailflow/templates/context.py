"""What a template knows: the shape of its context, and a made-up person for previews without one.

contact      first_name last_name email company phone language country region city postcode birthday key, all the
             contact's own fields, attributes (those alone), segments (names), traits (name to 0 … 1), impact (name in
             impact.yaml to what their deeds add up to, 0 without), rfm (class r f m;
             null without orders), favourite_category (null without), nearest_store (the columns of
             stores.csv, distance_km; null where none is near), lifecycle (the stage; null before the first run),
             personalised (false where they want no mail made for them: then nothing but name, address, company,
             language and country is told),
             orders (count, revenue: Decimal, currency, first_at, last_at: day or null)
owner        name email phone title of who looks after the contact; null where nobody does
shop         name address url email currency language, footer (lines that the law of the reader's country asks for)
campaign     id name deadline (its last day; null without)
today        the day, in the account's time zone
unsubscribe_url   the link in the mail: https page or mailto; null where neither is set up
view_url     the page of the campaign for reading in a browser; null without `archive:` in mailflow.yaml
recommendations   list of products: id sku title url image_url price currency source because reason; price, picture and
             address are null where they are not known, because is the title of what they bought or looked at
articles     list of things to read: title url topics topic published_on summary image_url; topic is the one they care
             most about, null where they care for none
season       spring, summer, autumn or winter where they live
day          the columns of context.csv and context/*.csv, for this day and their place; each null without a row
choices      name of a choice in choices.yaml to its values for this person
polls        name of a poll in polls.yaml to name question answers answer is_quiz is_open closes_on notes; each answer
             is key text url (null in a page for all and after the last day) is_correct (null without a quiz); `answer`
             is the one that this person gave, null without; notes are sentences about the last day and how to answer
never_show   names of products in this template (id, sku, title, url) that this person must never see

`CompiledTemplate.render` adds subject, preheader, language and words (of the footer). What is not known is null. The
real ones are made by outbox.context.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

Context = dict[str, Any]

SAMPLE_COUNTRY = "AT"
SAMPLE_SHOP: Mapping[str, Any] = {
    "name": "Sample Shop",
    "address": "1 Sample Street, 12345 Sampletown",
    "url": "https://shop.example",
    "email": "hello@shop.example",
    "currency": "EUR",
    "language": "en",
    "footer": [],
}
_STORE: Mapping[str, Any] = {
    "name": "Sample Street",
    "address": "1 Sample Street",
    "city": "Wien",
    "postcode": "1010",
    "country": SAMPLE_COUNTRY,
    "phone": "+43 1 5550145",
    "url": "https://shop.example/stores/sample-street",
    "hours": "Mon to Sat, 9 to 18",
    "latitude": 48.21,
    "longitude": 16.37,
    "distance_km": 1.2,
}
_OWNER: Mapping[str, Any] = {
    "name": "Otto Owner",
    "email": "owner@shop.example",
    "phone": "+43 1 5550123",
    "title": "Account Manager",
}


def sample(shop: Mapping[str, Any] = SAMPLE_SHOP, *, today: date = date(2026, 3, 20)) -> Context:
    """Return the context of Anna Sample, a good customer whose every field is filled."""
    return {
        "contact": {
            "key": "sample",
            "first_name": "Anna",
            "last_name": "Sample",
            "email": "anna.sample@example.com",
            "company": "Sample & Co",
            "phone": "+43 1 5550100",
            "language": shop.get("language") or "en",
            "country": SAMPLE_COUNTRY,
            "region": "Wien",
            "city": "Wien",
            "postcode": "1010",
            "birthday": "1984-03-07",
            "owner": "owner@shop.example",
            "attributes": {},
            "segments": [],
            "traits": {},
            "impact": {},
            "favourite_category": "Tea",
            "nearest_store": dict(_STORE),
            "lifecycle": "loyal",
            "personalised": True,
            "rfm": {"class": "loyal_customers", "r": 4, "f": 5, "m": 4},
            "orders": {
                "count": 7,
                "revenue": Decimal("412.50"),
                "currency": shop.get("currency"),
                "first_at": date(2024, 5, 3),
                "last_at": date(2026, 2, 27),
            },
        },
        "owner": dict(_OWNER),
        "shop": dict(shop),
        "campaign": {"id": "preview", "name": "preview", "deadline": None},
        "today": today,
        "unsubscribe_url": "https://shop.example/u/sample",
        "recommendations": _products(shop),
        "never_show": [],
        "season": "spring",
        "day": {},
        "choices": {},
        "polls": {},
        "articles": [_article(shop, today)],
    }


def _article(shop: Mapping[str, Any], today: date) -> dict[str, Any]:
    return {
        "title": "How to brew green tea",
        "url": f"{shop.get('url') or 'https://shop.example'}/journal/green-tea",
        "topics": ["Green tea"],
        "topic": "Green tea",
        "published_on": today,
        "summary": "Cooler than you think, and shorter.",
        "image_url": None,
    }


def _products(shop: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return four recommendations for Anna Sample, one of each source."""
    told = (
        ("Tea Bowl", "26.00", "bought", "Sencha"),
        ("Sencha, 100 g", "12.90", "again", None),
        ("Bamboo Whisk", "19.00", "viewed", "Matcha"),
        ("Darjeeling Spring Harvest", "18.90", "popular", None),
    )
    return [
        {
            "id": f"sample-{number}",
            "sku": f"S-{number}",
            "title": title,
            "url": f"{shop.get('url') or 'https://shop.example'}/products/sample-{number}",
            "image_url": None,
            "price": Decimal(price),
            "currency": shop.get("currency"),
            "source": source,
            "because": because,
        }
        for number, (title, price, source, because) in enumerate(told, 1)
    ]
