"""The offers of a workspace, as offers.yaml says them. What an entry may hold: spec.py; codes: pool.py, give.py."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mailflow import clock, money
from mailflow.config import Settings
from mailflow.config.yaml_files import Document, parse_spec, read_yaml, suggestion
from mailflow.errors import Problem, ProblemsError, UsageError
from mailflow.offers import spec
from mailflow.offers.spec import GenerateSpec, OfferSpec, ReusableBy
from mailflow.store.codes import CodeKind

OFFERS_FILE = "offers.yaml"
RESERVED = "check"  # `mailflow offers check CODE`


@dataclass(frozen=True, slots=True)
class Worth:
    """What an offer is worth: its words, and the number in them if there is one. An amount has a currency."""

    words: str | None = None
    percent: Decimal | None = None
    amount: Decimal | None = None
    free_shipping: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer. `ends` is the last day for all of its codes, `lasts` how long each is good from its message on."""

    name: str
    kind: CodeKind
    title: str
    worth: Worth
    currency: str
    min_order: Decimal | None
    reusable_by: ReusableBy
    ends: date | None
    lasts: timedelta | None
    limit: int | None
    per_person: tuple[int, timedelta | None] | None
    file: str | None
    column: str | None
    shared: str | None
    generate: GenerateSpec | None
    zone: ZoneInfo
    text: str  # the entry key by key: what a campaign with it is approved with
    document: Document = field(repr=False, compare=False)

    @property
    def is_counted(self) -> bool:
        """Whether there are only so many codes: of a file, or made ahead."""
        return self.kind is CodeKind.POOL or bool(self.generate and self.generate.ahead)

    def expires_on(self, given: datetime) -> date | None:
        """Return the last day on which a code that is given at an instant is worth something; None for ever."""
        if self.lasts is not None:
            return clock.local_date(given, self.zone) + self.lasts
        return self.ends

    def expires_at(self, given: datetime) -> datetime | None:
        """Return the first instant at which such a code is worth nothing: what is stored, and what is checked."""
        day = self.expires_on(given)
        return None if day is None else clock.end_of_day(day, self.zone)

    @property
    def over_at(self) -> datetime | None:
        """The first instant at which the whole offer is over, whenever its codes were given; None where it never is."""
        return None if self.ends is None else clock.end_of_day(self.ends, self.zone)

    def terms(self, expires_on: date | None) -> str:
        """Return what a code is worth, as it is kept with each that is given: a JSON object of texts."""
        said = {
            "title": self.title,
            "value": self.worth.words,
            "min_order": None if self.min_order is None else f"{self.min_order}",
            "currency": self.currency,
            "reusable_by": self.reusable_by,
            "expires_on": None if expires_on is None else expires_on.isoformat(),
        }
        return json.dumps(said, ensure_ascii=False)

    def context(self, code: str, expires_on: date | None, *, is_sample: bool = False) -> dict[str, Any]:
        """Return what a template knows of the offer: plain values."""
        return {
            "name": self.name,
            "title": self.title,
            "value": self.worth.words,
            "percent": self.worth.percent,
            "amount": self.worth.amount,
            "free_shipping": self.worth.free_shipping,
            "currency": self.currency,
            "min_order": self.min_order,
            "reusable_by": str(self.reusable_by),
            "code": code,
            "expires_on": expires_on,
            "is_sample": is_sample,
        }

    def problem(self, key: str, message: str) -> Problem:
        """Return a problem placed at one of the offer's keys in offers.yaml."""
        return self.document.problem((self.name, key), message)


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of offers.yaml by name."""

    by_name: Mapping[str, Offer]

    @classmethod
    def open(cls, root: Path, settings: Settings) -> Offers:
        """Read offers.yaml of the workspace folder `root`; `ProblemsError` lists all that is wrong in it.

        No file is no offers.
        """
        path = root / OFFERS_FILE
        return cls(_read(read_yaml(path), settings) if os.path.lexists(path) else {})

    def get(self, name: str) -> Offer:
        """Return an offer; `UsageError` with a suggestion where there is none of this name."""
        if name not in self.by_name:
            raise UsageError(self.unknown(name))
        return self.by_name[name]

    def unknown(self, name: str) -> str:
        """Return the sentence about a name that no offer has."""
        where = f"in {OFFERS_FILE}" if self.by_name else f"as there is no {OFFERS_FILE}, or nothing in it"
        return f"there is no offer {name!r} {where}{suggestion(name, sorted(self.by_name))}"


def _read(document: Document, settings: Settings) -> dict[str, Offer]:
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise ProblemsError([document.problem((), "must hold offers: a name, and under it its `key: value` lines")])
    found: dict[str, Offer] = {}
    problems: list[Problem] = []
    for name in document.data:
        try:
            found[name] = _offer(document, name, settings)
        except ProblemsError as error:
            problems += error.problems
    problems += _shared_files(found)
    if problems:
        raise ProblemsError(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
    return found


def _shared_files(found: Mapping[str, Offer]) -> list[Problem]:
    """Return problems of offers that would give out the codes of one and the same file."""
    first: dict[str, str] = {}
    return [
        offer.problem("codes", f"{offer.file} is the file of {first[offer.file]} already: each offer has its own codes")
        for offer in found.values()
        if offer.file is not None and first.setdefault(offer.file, offer.name) != offer.name
    ]


def _offer(document: Document, name: str, settings: Settings) -> Offer:
    if not spec.is_name(name):
        raise ProblemsError([document.problem((name,), f"{name!r} cannot be a name: {spec.NAME_WORDS}", at_key=True)])
    if name == RESERVED:
        raise ProblemsError(
            [document.problem((name,), f"{name!r} is a word of `mailflow offers`: choose another", at_key=True)]
        )
    said = parse_spec(OfferSpec, document.under(name))
    ends = spec.expiry(said.expires) if said.expires else None
    kind = CodeKind.POOL if said.codes else CodeKind.GENERATED if said.generate else CodeKind.SHARED
    worth, currency = _worth(document, name, said, settings.currency)
    anybody = ReusableBy.ANYONE if kind is CodeKind.SHARED else ReusableBy.NOBODY
    return Offer(
        name=name,
        kind=kind,
        title=said.title or worth.words or name,
        worth=worth,
        currency=currency,
        min_order=_min_order(document, name, said, currency),
        reusable_by=said.reusable_by or anybody,
        ends=ends if isinstance(ends, date) else None,
        lasts=ends if isinstance(ends, timedelta) else None,
        limit=said.limit,
        per_person=spec.per_person(said.per_person) if said.per_person else None,
        file=said.codes,
        column=said.column,
        shared=said.code,
        generate=said.generate,
        zone=settings.zone,
        text=_text(said),
        document=document,
    )


def _worth(document: Document, name: str, said: OfferSpec, account_currency: str) -> tuple[Worth, str]:
    if said.value is None:
        return Worth(), account_currency
    try:
        if (share := spec.percent(said.value)) is not None:
            return Worth(said.value, percent=share), account_currency
        if spec.is_free_shipping(said.value):
            return Worth(said.value, free_shipping=True), account_currency
        value, currency = _amount(said.value, account_currency)
    except ValueError as error:
        words = f"{error}; write 20%, 5 EUR or free shipping, and anything else as title:"
        raise ProblemsError([document.problem((name, "value"), words)]) from None
    return Worth(said.value, amount=value), currency


def _min_order(document: Document, name: str, said: OfferSpec, currency: str) -> Decimal | None:
    if said.min_order is None:
        return None
    try:
        value, of = _amount(said.min_order, currency)
        if of != currency:
            raise ValueError(f"{said.min_order!r} is in another currency than the offer, {currency}")
    except ValueError as error:
        raise ProblemsError([document.problem((name, "min_order"), f"{error}; write it as 40 or 40 EUR")]) from None
    return value


def _amount(text: str, account_currency: str) -> tuple[Decimal, str]:
    number, currency = spec.amount(text, account_currency)
    minor = money.parse(number, currency)
    if minor <= 0:
        raise ValueError(f"{text!r} is not more than nothing")
    return Decimal(money.to_text(minor, currency)), currency


def _text(said: OfferSpec) -> str:
    values = said.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
