"""How an event reads: its properties in a line for people, its amounts as decimal text for machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mailflow import money

# Properties that say what it was about without their name, those that are money, and those that are for machines.
_SUBJECTS = ("product", "subject", "service", "campaign", "query", "feature", "plan", "form", "platform", "text")
_AMOUNTS = ("value", "price")
_TECHNICAL = ("_id", "url", "origin", "sku", "handle")
_SHOWN_LETTERS = 200  # of one property; the details have all


def with_amounts(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties with their amounts, those of items too, as decimal text where a currency stands beside them."""
    currency = properties.get("currency")
    if not isinstance(currency, str):
        return dict(properties)
    return {name: _plain(name, value, currency) for name, value in properties.items()}


def line(properties: Mapping[str, Any]) -> str:
    """Return properties in a line: what it was about, amounts beside their currency, then the rest by name.

    Ids and links are left out where something says more to a reader. `properties` are those of `with_amounts`.
    """
    filled = {
        name: _answers(value) if name == "answers" else value
        for name, value in properties.items()
        if value not in (None, "", [], {}) and name != "said_as"  # the name says it in our word
    }
    subjects = [_short(filled.pop(name)) for name in _SUBJECTS if name in filled]
    currency = filled.pop("currency", "")
    amounts = [f"{_short(filled.pop(name))} {currency}".rstrip() for name in _AMOUNTS if name in filled]
    items = [_items(filled.pop("items"))] if "items" in filled else []
    told = [*subjects, *amounts, *items]
    others = [
        f"{name} {_short(value)}"
        for name, value in filled.items()
        if not told or not (name.endswith(_TECHNICAL) or isinstance(value, bool))
    ]
    return ", ".join([*told, *others])


def _plain(name: str, value: Any, currency: str) -> Any:
    if name in _AMOUNTS and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{Decimal(str(value)):.{money.digits(currency)}f}"
    if name == "items" and isinstance(value, list):
        return [
            {key: _plain(key, one, currency) for key, one in item.items()} if isinstance(item, dict) else item
            for item in value
        ]
    return value


def _answers(value: Any) -> Any:
    """Return answers to a survey with their questions: `How was it? fast; How many stars? 5`."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return value
    return "; ".join(f"{one.get('question', '')} {one.get('answer', '')}".strip() for one in value)


def _items(value: Any) -> str:
    """Return what was in a cart: `2 × Green tea + Mug`."""
    if not isinstance(value, list):
        return _short(value)
    return _cut(" + ".join(_item(one) for one in value))


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    name = next((str(item[key]) for key in ("product", "title", "name", "sku", "product_id") if item.get(key)), "")
    quantity = item.get("quantity")
    return f"{quantity} × {name or 'something'}" if quantity not in (None, 1) else name or _short(item)


def _short(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}…"
