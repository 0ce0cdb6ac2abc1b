"""The hard rules of `never_show:`: what must never be shown to whom, for whatever reason it would be.

A rule compares the values of one field of the contact with those of one field of the product, without regard to case.
It is asked last, after everything else was decided, by whatever shows products: recommendations and blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from mailflow.config.recommending import Must, NeverShowSettings, Unknown

Values = frozenset[str]
Fields = Mapping[str, Any]  # of a product by name: its attributes, category, vendor, title, sku, product_id

_PARTS = re.compile(r"[,;|\n]")


class Allowed(Protocol):
    """Says whether a contact may see a product, given by its fields, those of all its variants among them.

    `on_sale` are the fields of what can be bought now, which is what sizes must match; without it all can.
    """

    def __call__(self, fields: Fields, on_sale: Fields | None = None, /) -> bool: ...


def values(value: object) -> Values:
    """Return the values of a field: of a list, of a text with several parted by commas, of one; none of nothing.

    >>> sorted(values("Nuts, gluten"))
    ['gluten', 'nuts']
    """
    if value is None or isinstance(value, bool):
        return frozenset() if value is None else frozenset({str(value).lower()})
    if isinstance(value, str):
        return frozenset(part.casefold() for part in parts(value))
    if isinstance(value, Iterable):
        return frozenset().union(*map(values, value))
    return frozenset({_number(value)})


def parts(text: str) -> list[str]:
    """Return the values of a text that holds several, parted by commas, semicolons, bars or lines; blank ones are none.

    >>> parts("Nuts, gluten;;")
    ['Nuts', 'gluten']
    """
    return [part for each in _PARTS.split(text) if (part := each.strip())]


def for_contact(rules: Sequence[NeverShowSettings], contact: Mapping[str, Any]) -> Allowed:
    """Return what says of a product whether a contact, given as templates know it, may see it.

    A field of the contact that is empty rules nothing out. The contact's own attribute of a name goes before the
    field of that name.
    """
    attributes = contact.get("attributes") or {}
    wanted = [(rule, values(attributes.get(rule.contact) or contact.get(rule.contact))) for rule in rules]
    held = [(rule, theirs) for rule, theirs in wanted if theirs]

    def allowed(fields: Fields, on_sale: Fields | None = None, /) -> bool:
        return all(_passes(rule, theirs, fields, fields if on_sale is None else on_sale) for rule, theirs in held)

    return allowed


def _passes(rule: NeverShowSettings, theirs: Values, fields: Fields, on_sale: Fields) -> bool:
    """Return whether a product passes a rule: none of it may have what must differ, some of what is sold must match."""
    its = values(fields.get(rule.product))
    if not its:
        return rule.unknown is Unknown.SHOW
    if rule.must is Must.DIFFER:
        return not theirs & its
    return bool(theirs & values(on_sale.get(rule.product)))


def _number(value: object) -> str:
    """Return a number as it would be written: 42, not 42.0, so that a size compares with its text."""
    text = str(value).casefold()
    return text.removesuffix(".0")
