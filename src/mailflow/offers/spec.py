"""What an entry of offers.yaml holds, read strictly. The offer in terms that code goes by: offer.py."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mailflow import clock
from mailflow.errors import UsageError

MIN_LENGTH, MAX_LENGTH = 6, 40
_PERCENT = re.compile(r"([0-9]{1,3}(?:[.,][0-9]{1,2})?)\s*(?:%|percent|per cent|prozent)(?:\s+off)?\Z", re.IGNORECASE)
_FREE_SHIPPING = re.compile(r"free\s+(?:shipping|delivery)\Z", re.IGNORECASE)
_OFF = re.compile(r"\s+off\Z", re.IGNORECASE)
_CURRENCY = re.compile(r"(?<![A-Za-z])([A-Z]{3})(?![A-Za-z])")
_PER = re.compile(r"([1-9][0-9]{0,5})(?:\s*(?:per|in|/)\s*([0-9]+\s*[smhdw]))?\Z")
_AFTER = re.compile(r"([0-9]{1,4})\s*([dw])(?:\s+after.*)?\Z")
_CODE = re.compile(r"[!-~]{1,64}\Z")  # printable ASCII without spaces, as shops take it
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,20}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\Z")
NAME_WORDS = "use letters, digits, point, dash and underscore"
SAMPLE_PREFIX = "SAMPLE-"  # of codes that tests and rehearsals show in place of real ones


class ReusableBy(StrEnum):
    """Who may use a code more than once."""

    NOBODY = "nobody"
    PERSON = "person"  # whose it is
    ANYONE = "anyone"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class GenerateSpec(_Part):
    """How codes are made. `ahead`: before they are mailed, with `mailflow offers NAME --make`."""

    prefix: str = ""
    length: int = Field(default=8, ge=MIN_LENGTH, le=MAX_LENGTH)
    ahead: bool = False

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if not _PREFIX.match(value):
            raise ValueError(f"{value!r} cannot begin a code: use up to 20 letters, digits, - and _")
        if value.upper().startswith(SAMPLE_PREFIX.rstrip("-")):
            raise ValueError(f"{SAMPLE_PREFIX} begins the codes of tests and rehearsals: choose another prefix")
        return value


class OfferSpec(_Part):
    """One offer. Exactly one of `codes` (a file), `generate` and `code` (one for all) says where they come from."""

    title: str = ""
    value: str | None = None
    codes: str | None = None
    column: str | None = None
    generate: GenerateSpec | None = None
    code: str | None = None
    expires: str | None = None
    min_order: str | None = None
    reusable_by: ReusableBy | None = None
    limit: int | None = Field(default=None, ge=1)
    per_person: str | None = None

    @field_validator("value", "min_order", "expires", "per_person", "code", "codes", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """Take a plain number for the text it was written as."""
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    @field_validator("code")
    @classmethod
    def _code(cls, value: str | None) -> str | None:
        if value is not None and not _CODE.match(value):
            raise ValueError(f"{value!r} cannot be a code: up to 64 letters, digits and signs, no spaces")
        return value

    @field_validator("expires")
    @classmethod
    def _expires(cls, value: str | None) -> str | None:
        if value is not None:
            expiry(value)
        return value

    @field_validator("per_person")
    @classmethod
    def _per_person(cls, value: str | None) -> str | None:
        if value is not None:
            per_person(value)
        return value

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        named = [key for key in ("codes", "generate", "code") if data.get(key) is not None]
        if len(named) != 1:
            found = f"found {' and '.join(named)}" if named else "none is there"
            raise ValueError(
                "an offer says one of: codes: FILE (codes of your shop), generate: {length: 8} (made here), or"
                f" code: NAME (the same for everybody); {found}"
            )
        if data.get("column") is not None and named != ["codes"]:
            raise ValueError("column: says which column of the file has the codes; there is no codes: here")
        return data


def is_name(text: object) -> bool:
    """Say whether a key of offers.yaml can be the name of an offer."""
    return isinstance(text, str) and bool(_NAME.match(text))


def expiry(text: str) -> date | timedelta:
    """Read an expiry: the last day (`2026-12-24`), or so many days after the message (`14d`, `2w`); else ValueError."""
    match = _AFTER.match(text.strip())
    if match:
        days = int(match[1]) * (7 if match[2] == "w" else 1)
        if not 0 < days <= 3660:
            raise ValueError(f"{text!r} cannot be: a code is worth something for 1 to 3660 days")
        return timedelta(days=days)
    try:
        return clock.parse_date(text)
    except UsageError:
        raise ValueError(
            f"{text!r} is not an expiry: write the last day, 2026-12-24, or the days from the message on, 14d"
        ) from None


def per_person(text: str) -> tuple[int, timedelta | None]:
    """Read how many codes one person gets: `1`, or `1 per 90d`; ValueError for anything else."""
    match = _PER.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a limit: write 1 for once and never again, or 1 per 90d")
    try:
        return int(match[1]), None if match[2] is None else clock.parse_duration(match[2])
    except UsageError as error:
        raise ValueError(str(error)) from None


def percent(text: str) -> Decimal | None:
    """Return the number of `20%`, `20 % off` or `20 percent`; None for another value, ValueError beyond 100."""
    match = _PERCENT.match(text.strip())
    if match is None:
        return None
    number = Decimal(match[1].replace(",", "."))
    if not 0 < number <= 100:
        raise ValueError(f"{text!r} cannot be: a discount is more than 0 and at most 100 %")
    return number


def is_free_shipping(text: str) -> bool:
    """Say whether a value is free shipping."""
    return bool(_FREE_SHIPPING.match(text.strip()))


def amount(text: str, account_currency: str) -> tuple[str, str]:
    """Return (number as written, currency) of `5`, `5 EUR` or `5.00 USD off`."""
    words = _OFF.sub("", text.strip())
    said = _CURRENCY.search(words)
    return (_CURRENCY.sub("", words).strip() if said else words), said[1] if said else account_currency


def is_code(text: str) -> bool:
    """Say whether a text can be a code: 1 to 64 printable signs without spaces."""
    return bool(_CODE.match(text))
