"""The settings in mailflow.yaml. How YAML is read: yaml_files.py; what a campaign file holds: campaigns/spec.py."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mailflow import clock, money
from mailflow.config.countries import CountrySettings, check_codes
from mailflow.config.files import LONGEST_LINE, Unreadable, read
from mailflow.config.mix import MixSettings
from mailflow.config.recommending import CONTACT_COLUMNS, NeverShowSettings, RecommendationSettings
from mailflow.config.tracking import ArchiveSettings, Images, Online, TrackingSettings, UtmSettings
from mailflow.config.yaml_files import parse_spec, read_yaml
from mailflow.errors import ConfigError, UsageError

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*\Z")
_PLAIN_ADDRESS = re.compile(
    r"[^@\s<>,;:\"()\[\]\x00-\x1f\x7f]+@[^@\s<>,;:\"()\[\]\x00-\x1f\x7f]+\.[^@\s<>,;:\"()\[\]\x00-\x1f\x7f]+\Z"
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _address(value: str) -> str:
    if not _PLAIN_ADDRESS.match(value):
        raise ValueError(f"{value!r} is not an e-mail address")
    return value


def _currency_code(value: str) -> str:
    if money.currency_code(value) != value:
        raise ValueError(f"{value!r} is not a currency: write three capitals such as EUR")
    return value


def _zone_name(value: str) -> str:
    try:
        clock.zone(value)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return value


class SenderSettings(_Part):
    """Who the mail is from. `domains` are further ones of one's own, set up for this relay: see `from_owner`."""

    name: str
    email: str
    reply_to: str | None = None
    domains: list[str] = []

    _email = field_validator("email")(_address)

    @field_validator("domains")
    @classmethod
    def _domains(cls, value: list[str]) -> list[str]:
        for domain in value:
            _address(f"somebody@{domain}")
        return [domain.lower() for domain in value]

    @field_validator("reply_to")
    @classmethod
    def _reply_to(cls, value: str | None) -> str | None:
        return None if value is None else _address(value)

    @property
    def domain(self) -> str:
        """The domain the mail is from, in lower case."""
        return self.email.rpartition("@")[2].lower()

    @property
    def own_domains(self) -> frozenset[str]:
        """The domains that a From header may be of, in lower case."""
        return frozenset({self.domain, *self.domains})


class UnsubscribeSettings(_Part):
    """How a reader says no: by mail to an address, by one click on an https page, or both."""

    mailto: str | None = None
    url: str | None = None

    @field_validator("mailto")
    @classmethod
    def _mailto(cls, value: str | None) -> str | None:
        return None if value is None else _address(value)

    @field_validator("url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https://[^\s<>\"]+\Z", value):
            raise ValueError("must be an https:// address; mail programs do not follow others")
        return None if value is None else value.rstrip("/")


class Tls(StrEnum):
    """How the connection to the relay is protected."""

    IMPLICIT = "implicit"  # TLS from the first byte, port 465
    STARTTLS = "starttls"  # plain greeting, then TLS before anything else, port 587
    NONE = "none"  # only to this very machine


class RelaySettings(_Part):
    """The SMTP server that carries the mail. Its password is never written here."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    tls: Tls = Tls.STARTTLS
    username: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    connections: int = Field(default=4, ge=1, le=50)
    per_minute: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=60.0, gt=0)
    dot_timeout: float = Field(default=600.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: object) -> object:
        """Port 465 is implicit TLS unless said otherwise, and implicit TLS is on port 465."""
        if isinstance(data, dict):
            if data.get("port") == 465 and "tls" not in data:
                return {**data, "tls": "implicit"}
            if data.get("tls") == "implicit" and "port" not in data:
                return {**data, "port": 465}
        return data

    @model_validator(mode="after")
    def _safe(self) -> RelaySettings:
        if self.tls is Tls.NONE and not self.is_loopback:
            raise ValueError("tls: none is only for a relay on this machine (127.0.0.1, ::1, localhost)")
        if self.password_env and self.password_file:
            raise ValueError("say password_env or password_file, not both")
        if self.username and not (self.password_env or self.password_file):
            raise ValueError("username needs password_env or password_file; a password never stands in this file")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether the relay runs on this very machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def seen_from(self, folder: Path) -> RelaySettings:
        """Return the same settings with a relative `ca_file` seen from the workspace `folder`."""
        if self.ca_file is None:
            return self
        return self.model_copy(update={"ca_file": str(folder / os.path.expanduser(self.ca_file))})

    def password(self, environment: Mapping[str, str], folder: Path) -> str | None:
        """Return the password from where the settings say it is; `ConfigError` when it is not there.

        A relative `password_file` is seen from the workspace `folder`.
        """
        if self.password_env:
            value = environment.get(self.password_env)
            if not value:
                raise ConfigError(
                    f"the relay's password is expected in the environment variable {self.password_env}: it is not set"
                )
            return value
        if self.password_file:
            path = folder / os.path.expanduser(self.password_file)
            try:
                return read(path, LONGEST_LINE).decode("utf-8").strip()
            except (Unreadable, UnicodeDecodeError) as error:
                raise ConfigError(f"the relay's password file {path} cannot be read: {error}") from error
        return None


class LimitSettings(_Part):
    """How much marketing mail one person gets at most, from everything together; null lifts a limit."""

    per_day: int | None = Field(default=2, ge=1)
    per_week: int | None = Field(default=5, ge=1)


class RfmSettings(_Part):
    """Fixed bounds in place of quintiles, and another class table; see docs/rfm.md.

    Bounds of `recency` are days, of `frequency` orders, of `monetary` whole units of the account's currency; what is
    not named keeps its quintiles. A class table names every pair of scores (R, F) exactly once.
    """

    bounds: dict[Literal["recency", "frequency", "monetary"], list[Decimal]] | None = None
    classes: dict[str, list[tuple[int, int]]] | None = None

    @field_validator("bounds")
    @classmethod
    def _ascending(cls, value: dict[str, list[Decimal]] | None) -> dict[str, list[Decimal]] | None:
        for name, bounds in (value or {}).items():
            finite = all(bound.is_finite() for bound in bounds)
            if len(bounds) != 4 or not finite or any(low >= high for low, high in pairwise(bounds)):
                raise ValueError(f"{name} needs four ascending numbers, which part five scores")
        return value

    @field_validator("classes")
    @classmethod
    def _complete(cls, value: dict[str, list[tuple[int, int]]] | None) -> dict[str, list[tuple[int, int]]] | None:
        if value is None:
            return None
        named = [pair for pairs in value.values() for pair in pairs]
        wanted = {(r, f) for r in range(1, 6) for f in range(1, 6)}
        wrong = {
            "are no pair of scores 1 to 5": set(named) - wanted,
            "are in two classes": {pair for pair in named if named.count(pair) > 1},
            "are in no class": wanted - set(named),
        }
        for what, pairs in wrong.items():
            if pairs:
                raise ValueError(f"{', '.join(str(list(pair)) for pair in sorted(pairs))} {what}")
        return value


class LifecycleSettings(_Part):
    """When somebody counts as new, loyal, at risk, lapsed or lost; see docs/segments.md.

    A length is in days (`90d`, `26w`), or a number of the person's own usual gaps between orders.
    """

    new: str = "30d"
    loyal: int = Field(default=4, ge=2)
    at_risk: str | Decimal = Decimal("1.5")
    lapsed: str | Decimal = Decimal(3)
    lost: str | Decimal = Decimal(6)
    typical_gap: str | None = None

    @field_validator("new", "at_risk", "lapsed", "lost", "typical_gap")
    @classmethod
    def _length(cls, value: str | Decimal | None) -> str | Decimal | None:
        if isinstance(value, str):
            try:
                days(value)
            except UsageError as error:
                raise ValueError(str(error)) from None
        elif value is not None and not (value.is_finite() and value > 0):
            raise ValueError("a number of gaps is above 0, such as 1.5; days are written as 90d")
        return value

    @model_validator(mode="after")
    def _ascending(self) -> LifecycleSettings:
        steps = (self.at_risk, self.lapsed, self.lost)
        if len({isinstance(step, str) for step in steps}) > 1:
            raise ValueError("say at_risk, lapsed and lost all in days (90d) or all as numbers of gaps (1.5)")
        lengths = [days(step) if isinstance(step, str) else step for step in steps]
        if any(low >= high for low, high in pairwise(lengths)):
            raise ValueError("at_risk, lapsed and lost must ascend: each comes after more silence than the one before")
        return self


def days(text: str) -> Decimal:
    """Return the days of a length such as `90d` or `26w`; `UsageError` for what is none, or shorter than a day."""
    length = clock.parse_duration(text)
    if length < timedelta(days=1):
        raise UsageError(f"{text!r} is shorter than a day: write days or weeks, such as 90d or 26w")
    return Decimal(length // timedelta(seconds=1)) / 86_400


class StoreSettings(_Part):
    """How far `contact.nearest_store` may be; the stores are in stores.csv."""

    within_km: float = Field(default=50.0, gt=0, le=20_000)


class LintSettings(_Part):
    """Which checks of `mailflow lint` are switched off, by code (L401) or name (image-without-alt)."""

    ignore: list[str] = []


class FieldSettings(_Part):
    """A contact field beyond the built-in ones."""

    type: str = "text"
    sensitive: bool = False
    multi: bool = False

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {"text", "number", "date", "bool"}:
            raise ValueError(f"unknown type {value!r}: say text, number, date or bool")
        return value


class ImportSettings(_Part):
    """How to read files that have all of these columns: what the options of `mailflow import` say, kept."""

    name: str
    columns: list[str] = Field(min_length=1)
    noun: str | None = Field(default=None, alias="as")
    tool: str | None = Field(default=None, alias="from")
    map: dict[str, str] = {}
    date_format: str | None = None
    timezone: str | None = None
    currency: str | None = None
    source: str | None = None
    consent: Literal["express", "implied", "purchase"] | None = None
    evidence: str | None = None

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str | None) -> str | None:
        return None if value is None else _zone_name(value)

    @field_validator("currency")
    @classmethod
    def _currency(cls, value: str | None) -> str | None:
        return None if value is None else _currency_code(value)

    @model_validator(mode="after")
    def _proven(self) -> ImportSettings:
        if (self.consent is None) != (not (self.evidence or "").strip()):
            raise ValueError("consent and evidence go together: say on what ground people agreed, and where and when")
        return self


class Settings(_Part):
    """Everything in mailflow.yaml."""

    name: str
    sender: SenderSettings
    currency: str
    timezone: str
    address: str = ""
    url: str | None = None
    language: str = "en"
    unsubscribe: UnsubscribeSettings = UnsubscribeSettings()
    relay: RelaySettings | None = None
    limits: LimitSettings = LimitSettings()
    mix: MixSettings = MixSettings()
    countries: dict[str, CountrySettings] = {}
    rfm: RfmSettings = RfmSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    recommendations: RecommendationSettings = RecommendationSettings()
    never_show: list[NeverShowSettings] = []
    stores: StoreSettings = StoreSettings()
    lint: LintSettings = LintSettings()
    fields: dict[str, FieldSettings] = {}
    topics: list[str] = []
    tracking: TrackingSettings = TrackingSettings()
    utm: UtmSettings | None = None
    asset_url: Online = None
    images: Images = Images.LINK
    archive: ArchiveSettings | None = None
    imports: list[ImportSettings] = []

    _currency = field_validator("currency")(_currency_code)
    _timezone = field_validator("timezone")(_zone_name)

    @field_validator("language")
    @classmethod
    def _language(cls, value: str) -> str:
        if not _LANGUAGE.match(value):
            raise ValueError(f"{value!r} is not a language: write it as en or de-AT")
        return value

    @field_validator("countries")
    @classmethod
    def _codes(cls, value: dict[str, CountrySettings]) -> dict[str, CountrySettings]:
        check_codes(value)
        return value

    @model_validator(mode="after")
    def _never_show_fields(self) -> Settings:
        for rule in self.never_show:  # a hard rule whose field is mistyped would protect nobody
            if rule.contact not in (*self.fields, *CONTACT_COLUMNS):
                raise ValueError(f"never_show: declare the contact's field {rule.contact!r} under fields: first")
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        """The account's time zone."""
        return clock.zone(self.timezone)


def load_settings(path: Path) -> Settings:
    """Read mailflow.yaml; `ProblemsError` lists everything that is wrong in it, with line and column."""
    return parse_spec(Settings, read_yaml(path))
