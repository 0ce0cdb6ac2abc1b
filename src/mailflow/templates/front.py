"""What stands at the top of a template between the lines `---`: its keys, and what may stand behind each.

The files of a template: source.py. What may be attached: attachments.py.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from mailflow.config.tracking import Images
from mailflow.errors import ConfigError
from mailflow.model import MessageClass, MessageKind
from mailflow.templates.attachments import Entry
from mailflow.templates.headers import check_address
from mailflow.templates.languages import is_tag

MAX_ITEMS = 100


def _online(value: str | None) -> str | None:
    if value is not None and not re.match(r"https://[^\s<>\"']+\Z", value):
        raise ValueError(f"{value!r} is not an https:// address")
    return value


def _words(value: str) -> str:
    if "{{" in value or "{%" in value:
        raise ValueError("holds a tag, and tags are not read here: write the words out, or put them into the body")
    return value


Online = Annotated[str, AfterValidator(_online)]
Words = Annotated[str, AfterValidator(_words)]


def _amount(value: Any) -> Any:
    """Return an amount as a number, to be written as the reader's language does; other words stay (`from 9 €`)."""
    if isinstance(value, str) and not re.match(r"\d{1,12}(?:\.\d{1,4})?\Z", value):
        return _words(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is not a price: write a number, 9.90, or words in quotes")
    return Decimal(str(value))


Price = Annotated[Decimal | str, BeforeValidator(_amount)]


class Item(BaseModel):
    """One entry of `items:`, for the layouts `products` and `digest`: a product, or a piece of news."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Words = Field(min_length=1)
    text: Words | None = None
    url: Online | None = None
    image_url: Online | None = None
    alt: Words = ""
    price: Price | None = None
    old_price: Price | None = None
    reason: Words | None = None
    button: Words | None = None


class Picture(BaseModel):
    """The large picture at the top that the layout `announcement` shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Online
    alt: Words
    link: Online | None = None


class FrontMatter(BaseModel):
    """What stands between the `---` lines at the top of a template. Subject, preheader and from may hold tags."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    subject: str = Field(min_length=1)
    preheader: str = ""
    from_name: str | None = Field(default=None, alias="from")
    from_owner: bool = False
    reply_to: str | None = None
    layout: str = "default"
    class_: MessageClass = Field(default=MessageClass.MARKETING, alias="class")
    kind: MessageKind = MessageKind.PROMO
    topic: str | None = None
    language: str | None = None
    offer: str | None = None
    images: Images | None = None
    attachments: list[Entry] = Field(default=[], max_length=10)
    picture: Picture | None = None
    items: list[Item] = Field(default=[], max_length=MAX_ITEMS)
    lint_ignore: list[str] = []
    reviewed: str | None = None  # who read it, when, and the mark of what they read: see review.py

    def shown(self) -> dict[str, Any]:
        """Return what layouts know of it as plain values: `picture` and `items`."""
        items = [item.model_dump(exclude_none=True) for item in self.items]
        return {"picture": self.picture.model_dump() if self.picture else None, "items": items}

    @field_validator("language")
    @classmethod
    def _language(cls, value: str | None) -> str | None:
        if value is not None and not is_tag(value):
            raise ValueError(f"{value!r} is not a language: write it as en or de-AT")
        return value

    @field_validator("reply_to")
    @classmethod
    def _reply_to(cls, value: str | None) -> str | None:
        try:
            return None if value is None else check_address(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
