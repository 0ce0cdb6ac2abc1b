"""The hard rules of `never_show:`: what must never be shown to whom, for whatever reason it would be.

A rule compares the values of one field of the contact with those of one field of the product, without regard to case.
It is asked last, after everything else was decided, by whatever shows products: recommendations and blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mailflow.config.recommending import Must, NeverShowSettings, Unknown

Values = frozenset[str]
Product = Mapping[str, Any]  # its fields by name: attributes, category, vendor, title, sku, product_id
Allowed = Callable[[Product], bool]

_PARTS = re.compile(r"[,;|\n]")


def values(value: object) -> Values:
    """Return the values of a field: of a list, of a text with several parted by commas, of one; none of nothing.

    >>> sorted(values("Nuts, gluten"))
    ['gluten', 'nuts']
    """
    if value is None or isinstance(value, bool):
        return frozenset() if value is None else frozenset({str(value).lower()})
    if isinstance(value, str):
        parts = (part.strip().casefold() for part in _PARTS.split(value))
        return frozenset(part for part in parts if part)
    if isinstance(value, Iterable):
        return frozenset().union(*map(values, value))
    return frozenset({_number(value)})


def for_contact(rules: Sequence[NeverShowSettings], contact: Mapping[str, Any]) -> Allowed:
    """Return what says of a product whether a contact, given by its fields, may see it.

    A field of the contact that is empty rules nothing out. The contact's own attribute of a name goes before the
    field of that name, as in rules on segments.
    """
    attributes = contact.get("attributes") or {}
    wanted = [(rule, values(attributes.get(rule.contact, contact.get(rule.contact)))) for rule in rules]
    held = [(rule, theirs) for rule, theirs in wanted if theirs]
    return lambda product: all(_passes(rule, theirs, values(product.get(rule.product))) for rule, theirs in held)


def _passes(rule: NeverShowSettings, theirs: Values, its: Values) -> bool:
    if not its:
        return rule.unknown is Unknown.SHOW
    return bool(theirs & its) is (rule.must is Must.MATCH)


def _number(value: object) -> str:
    """Return a number as it would be written: 42, not 42.0, so that a size compares with its text."""
    text = str(value).casefold()
    return text.removesuffix(".0")
