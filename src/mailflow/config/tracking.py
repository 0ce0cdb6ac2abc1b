"""What mailflow.yaml says of links and pictures: counting, utm values, where pictures are. The rest: settings.py.

How links are rewritten: templates/links. Who may be counted: outbox/render, by the consent of docs/tracking.md.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z")
_UTM = re.compile(r"[^\s<>\"'&=#?\x00-\x1f]{1,100}\Z")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _online(value: str | None) -> str | None:
    if value is not None and (not re.match(r"https://[^\s<>\"'?#]+\Z", value) or not urlsplit(value).hostname):
        raise ValueError(f"{value!r} is not an https:// address without ? and #")
    return None if value is None else value.rstrip("/")


def _said(value: object) -> object:
    """Return on and off as words: YAML reads them as true and false."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _utm_value(value: str | None) -> str | None:
    if value is not None and not _UTM.match(value):
        raise ValueError(f"{value!r} cannot stand in a link as it is: write letters, digits, dash and underscore")
    return value


Online = Annotated[str | None, AfterValidator(_online)]
UtmValue = Annotated[str | None, AfterValidator(_utm_value)]


class Clicks(StrEnum):
    """Whether links lead over a page of one's own that notes who followed them."""

    OFF = "off"
    ON = "on"


class Opens(StrEnum):
    """Whether a mail has a picture that says that it was opened; only for who agreed to that by itself."""

    OFF = "off"
    HYGIENE = "hygiene"  # the day of the last open, overwritten each time, to find dead addresses
    FULL = "full"  # every open


class TrackingSettings(_Part):
    """Counting of clicks and opens, off unless the owner says otherwise; `url` is where `mailflow serve` answers."""

    clicks: Annotated[Clicks, BeforeValidator(_said)] = Clicks.OFF
    opens: Annotated[Opens, BeforeValidator(_said)] = Opens.OFF
    url: Online = None

    @model_validator(mode="after")
    def _reachable(self) -> TrackingSettings:
        wanted = [name for name, on in (("clicks", self.clicks), ("opens", self.opens)) if on != "off"]
        if wanted and self.url is None:
            raise ValueError(
                f"{' and '.join(wanted)} cannot be counted without url: the https:// address where `mailflow serve` "
                "answers, or every link in the mail would be dead"
            )
        return self


class Images(StrEnum):
    """Where the pictures of templates/assets are for who reads a mail."""

    LINK = "link"  # under `asset_url`
    EMBED = "embed"  # in the mail itself


class UtmValues(_Part):
    """The utm values of one campaign; what is not said here is what mailflow.yaml says."""

    source: UtmValue = None
    medium: UtmValue = None
    campaign: UtmValue = None


class UtmSettings(UtmValues):
    """The utm values that links to one's own hosts get: that of `url:`, and `hosts`. A campaign's name is its id."""

    hosts: list[str] = Field(default=[], max_length=50)

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: list[str]) -> list[str]:
        hosts = [host.lower() for host in value]
        for host in hosts:
            if not _HOST.match(host):
                raise ValueError(f"{host!r} is not a host: write it as shop.example.com, without https://")
        return hosts


class ArchiveSettings(_Part):
    """Where the page of a campaign for "view in browser" is written, and the address under which it is read."""

    folder: str = Field(min_length=1)
    url: Annotated[str, AfterValidator(_online)]
