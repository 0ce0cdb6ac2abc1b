"""Which of the products that a template names somebody must never see: the hard rules, for what a person wrote there.

What recommendations show is under the same rules: suggest.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow.config import Settings
from mailflow.rules import never_show
from mailflow.store import Connection, suggestions
from mailflow.store.suggestions import Good

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class _Named:
    """A product that templates name, and all that it may be called by."""

    good: Good
    names: tuple[str, ...]


class Guard:
    """Knows the products that some texts name, by id, SKU, title or address, and who must not see them."""

    def __init__(self, db: Connection, settings: Settings, texts: Iterable[str]) -> None:
        self._rules = settings.never_show
        self._named = list(_named(db, "\n".join(texts))) if self._rules else []

    def hidden(self, contacts: Mapping[int, Mapping[str, Any]]) -> dict[int, list[str]]:
        """Return what the products are called that each contact, given as templates know it, must never see."""
        return {contact_id: self._hidden_from(contact) for contact_id, contact in contacts.items()}

    def _hidden_from(self, contact: Mapping[str, Any]) -> list[str]:
        may_see = never_show.for_contact(self._rules, contact)
        unseen = (named for named in self._named if not may_see(named.good.fields, named.good.on_sale))
        return [name for named in unseen for name in named.names]


def _named(db: Connection, text: str) -> Iterable[_Named]:
    folded = text.casefold()
    for ids in _slices(suggestions.roots(db)):
        for good in suggestions.goods(db, ids, with_fields=True).values():
            names = tuple(filter(None, (good.product_id, good.sku, good.title, good.url)))
            if any(name.casefold() in folded for name in names):
                yield _Named(good, names)


def _slices(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE))
