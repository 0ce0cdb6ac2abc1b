"""What mailflow.yaml says of recommendations, and what must never be shown to whom. All other settings: settings.py.

How the rules are kept: rules/never_show. What is made of the numbers: scoring/recommend, scoring/suggest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MEASURED = "measured"
# What a contact has beside the declared fields that a hard rule may go by.
CONTACT_COLUMNS = ("language", "country", "region", "city", "postcode", "company")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class RecommendationSettings(_Part):
    """Which products are recommended, and how many; see docs/recommendations.md.

    `consumables` are categories whose products may be recommended again to who has them; `measured`: those that a
    fifth of the customers who come back buy again.
    `exclude` are products (by id, SKU or title) and categories that are never recommended.
    """

    items: int = Field(default=12, ge=1, le=50)
    articles: int = Field(default=3, ge=1, le=50)
    support: int = Field(default=3, ge=1)
    popular_half_life: int = Field(default=30, ge=1)
    viewed_days: int = Field(default=30, ge=1)
    consumables: list[str] | Literal["measured"] = []
    exclude: list[str] = []


class Must(StrEnum):
    """How the contact's values and the product's must stand to each other for the product to be shown."""

    DIFFER = "differ"  # no value in common: allergies and allergens
    MATCH = "match"  # one in common: shoe sizes


class Unknown(StrEnum):
    """What happens to a product that says nothing of the attribute."""

    SHOW = "show"
    HIDE = "hide"


class NeverShowSettings(_Part):
    """A hard rule: a product is never shown to somebody whose field says otherwise. Who has no value has no rule."""

    contact: str = Field(min_length=1)
    product: str = Field(min_length=1)
    must: Must = Must.DIFFER
    unknown: Unknown = Unknown.SHOW

    @model_validator(mode="after")
    def _readable(self) -> NeverShowSettings:
        for part in (self.contact, self.product):
            if part.startswith(("attributes.", "contact.", "product.")):
                raise ValueError(f"write the plain name, without what stands before its dot: {part.partition('.')[2]}")
        return self
