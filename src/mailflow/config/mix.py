"""How much of one person's mail may be promotion: `mix:` in mailflow.yaml. All other settings: settings.py.

What they got is counted by store/mix; who is left out is decided by policy; the report is made by jobs/mix.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

WINDOW = timedelta(days=30)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)\s*%\Z")


class Above(StrEnum):
    """What becomes of a promotion that would lift somebody's share over the limit."""

    WARN = "warn"  # it goes, and `mailflow plan` says for how many
    SKIP = "skip"  # it does not go to them, and `mailflow why` says so


class MixSettings(BaseModel):
    """The greatest share of promotions in one person's marketing mail of 30 days; null is no limit.

    Nothing is said of who got fewer than `least` messages: one promotion of one would be all of their mail.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    promo_at_most: Decimal | None = Decimal("0.8")
    least: int = Field(default=3, ge=2, le=1000)
    above: Above = Above.WARN

    @field_validator("promo_at_most", mode="before")
    @classmethod
    def _promo_at_most(cls, value: object) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        match = _SHARE.match(str(value).strip())
        if match is None or not 0 < Decimal(match[1]) <= 100:
            raise ValueError(f"{value!r} is not a share: write it as 80%")
        return Decimal(match[1]) / 100

    def is_over(self, promo: int, messages: int) -> bool:
        """Say whether so many promotions among so many messages are above the limit."""
        if self.promo_at_most is None or messages < self.least:
            return False
        return promo > self.promo_at_most * messages
