"""What a rule may ask about: the fields, their types, and the typed rule. How text becomes one: check.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.config.settings import FieldSettings
from mailflow.model import ConsentState, Stage
from mailflow.places import NOWHERE, Atlas, Spot
from mailflow.places.stores import NO_STORES, Stores

TRAITS = "traits."
FAVOURITE = "favourite.category"


class FieldType(StrEnum):
    """What kind of value a field holds, and so what it may be compared with."""

    TEXT = "text"  # compared without regard to the case of A to Z
    CHOICE = "choice"  # a text out of a known few
    NUMBER = "number"
    MONEY = "money"  # an amount in the account's currency, kept in minor units
    BOOL = "bool"  # true or false; may stand alone as a condition
    INSTANT = "instant"  # kept as UTC milliseconds
    DATE = "date"  # a calendar day, kept as text 1984-03-07; --03-07 where the year is not known
    ANY = "any"  # a property of an event, an undeclared attribute: what it is compared with says what it must be


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a rule may ask about a contact; `name` is the canonical one (`attributes.x` for declared fields)."""

    name: str
    type: FieldType
    choices: tuple[str, ...] = ()
    multi: bool = False

    @property
    def attribute(self) -> str | None:
        """The declared field this is, or None for a built-in one."""
        return self.name.removeprefix("attributes.") if self.name.startswith("attributes.") else None

    @property
    def trait(self) -> str | None:
        """The trait of traits.yaml whose confidence this is, or None."""
        return self.name.removeprefix(TRAITS) if self.name.startswith(TRAITS) else None


_TEXTS = "email first_name last_name company phone language timezone country region city postcode source owner".split()
_INSTANTS = ("created_at", "orders.first_at", "orders.last_at")
_BUILT_IN = {
    **dict.fromkeys(_TEXTS, FieldType.TEXT),
    **dict.fromkeys(_INSTANTS, FieldType.INSTANT),
    "birthday": FieldType.DATE,
    "age": FieldType.NUMBER,  # whole years
    "birthday.month": FieldType.NUMBER,
    "birthday.day": FieldType.NUMBER,
    **{f"{name}.{part}": FieldType.NUMBER for name in _INSTANTS for part in ("month", "hour")},
    "orders.count": FieldType.NUMBER,
    "orders.revenue": FieldType.MONEY,
    "orders.usual_gap": FieldType.NUMBER,  # days between two orders, on average
    "orders.gaps_since_last": FieldType.NUMBER,  # how many of their usual gaps the last order is ago
    "tickets.open": FieldType.NUMBER,
    FAVOURITE: FieldType.TEXT,  # what most of their orders are about
    "rfm.r": FieldType.NUMBER,
    "rfm.f": FieldType.NUMBER,
    "rfm.m": FieldType.NUMBER,
}
_LISTS = ("tags", "lists", "topics")
# What says where somebody is, beside coordinates of their own.
_WHERE = tuple(Field(name, FieldType.TEXT) for name in ("country", "postcode", "city"))


def known_fields(
    declared: Mapping[str, FieldSettings], rfm_classes: Collection[str], traits: Collection[str] = ()
) -> dict[str, Field]:
    """Return every name a rule may use and what it means: the built-in fields, then those declared under `fields:`.

    A declared field is `attributes.x`, and plain `x` unless a built-in field has that name. A trait is `traits.x`.
    """
    fields = {name: Field(name, kind) for name, kind in _BUILT_IN.items()}
    fields |= {f"{name}.weekday": Field(f"{name}.weekday", FieldType.CHOICE, clock.WEEKDAYS) for name in _INSTANTS}
    fields |= {name: Field(name, FieldType.TEXT, multi=True) for name in _LISTS}
    fields["rfm.class"] = Field("rfm.class", FieldType.CHOICE, tuple(rfm_classes))
    fields["lifecycle"] = Field("lifecycle", FieldType.CHOICE, tuple(Stage))
    fields["consent.email"] = Field("consent.email", FieldType.CHOICE, tuple(ConsentState))
    for name, settings in declared.items():
        field = Field(f"attributes.{name}", FieldType(settings.type), multi=settings.multi)
        fields[field.name] = field
        fields.setdefault(name, field)
    return fields | {f"{TRAITS}{name}": Field(f"{TRAITS}{name}", FieldType.NUMBER) for name in traits}


@dataclass(frozen=True, slots=True)
class FromNow:
    """An instant that moves with the clock: `now - 90d`."""

    offset: timedelta


# A `date` compared with an instant stands for that whole day in the account's zone; a naive `datetime` is wall time.
Value = str | Decimal | bool | FromNow | date | datetime


@dataclass(frozen=True, slots=True)
class Always:
    """`true` or `false`: everybody, nobody."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a constant; `operator` is one of == < <= > >=."""

    field: Field
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class CompareFields:
    """A field against another one of the same type."""

    left: Field
    operator: str
    right: Field


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field against a list."""

    field: Field
    values: tuple[Value, ...]


class Part(StrEnum):
    """Where in a text another one stands."""

    ANYWHERE = "contains"
    START = "starts_with"
    END = "ends_with"


@dataclass(frozen=True, slots=True)
class Like:
    """A text that has another one in it, at its start or at its end."""

    field: Field
    part: Part
    text: str


@dataclass(frozen=True, slots=True)
class Near:
    """A time or day between now and so much later (`ahead`) or earlier; of a birthday, its return in some year."""

    field: Field
    duration: timedelta
    ahead: bool


@dataclass(frozen=True, slots=True)
class Around:
    """Within so many kilometres of a spot: `near("Graz", km=25)`. The atlas says where people are."""

    center: Spot
    km: float
    atlas: Atlas = field(compare=False, repr=False)


class Deed(StrEnum):
    """What a person did, and where it is written down."""

    ORDER = "order"  # counted orders and their lines
    EVENT = "event"
    MAIL = "mail"  # messages of ours that were accepted, and what an old tool says it delivered


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when; None is open. A day includes itself."""

    since: FromNow | date | datetime | None = None
    until: FromNow | date | datetime | None = None


@dataclass(frozen=True, slots=True)
class Did:
    """Something that a person did at least so often within a window: `bought(…)`, `clicked(…)`, `did("…")`.

    `names` are those of the events. `product`, `category` and `campaign` narrow it down; `where` is a rule about the
    properties of each event, or the lines of each order. `people_only` leaves out what machines opened and clicked.
    Of a `poll` only the last answer before the end of the window counts: whether it is `answer`, None for any.
    """

    deed: Deed
    names: tuple[str, ...] = ()
    product: str | None = None
    category: str | None = None
    campaign: str | None = None
    window: Window = Window()
    at_least: int = 1
    where: Condition | None = None
    people_only: bool = False
    poll: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Whether a field has a value at all: `x != null`."""

    field: Field


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of a trait: a rule, how sure it alone makes us in percent, and whose word it is; see traits.py."""

    outline: Outline
    percent: int
    against: bool
    source: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """How sure its signs make us of a trait, against a share of 0 to 1; false where no sign speaks for it."""

    trait: str
    signs: tuple[Sign, ...]
    operator: str
    share: Decimal


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]


Condition = Always | Compare | CompareFields | OneOf | Like | Near | Around | Did | Known | Weighed | Not | All | Some


@dataclass(frozen=True, slots=True)
class Outline:
    """A part of a rule in the words that say it, and what it means; an and, or, not or segment(…) has parts itself."""

    text: str
    condition: Condition
    parts: tuple[Outline, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it was written, and what it means, whole and part by part."""

    text: str
    outline: Outline

    @property
    def condition(self) -> Condition:
        return self.outline.condition

    def fields(self) -> frozenset[Field]:
        """Return the fields the rule asks about."""
        return frozenset(_fields(self.condition))

    def deeds(self) -> frozenset[Deed]:
        """Return where the rule looks for what people did."""
        return frozenset(part.deed for part in self.did())

    def did(self) -> tuple[Did, ...]:
        """Return what the rule asks of what people did, each for itself."""
        return tuple(part for part in _leaves(self.condition) if isinstance(part, Did))

    def asks(self, name: str) -> bool:
        """Say whether the rule asks about the field of this name."""
        return any(field.name == name for field in self.fields())

    def asks_amounts(self) -> bool:
        """Say whether the rule compares amounts of money, be it of an order's line."""
        inner = [part.where for part in self.did() if part.where is not None]
        return any(field.type is FieldType.MONEY for part in (self.condition, *inner) for field in _fields(part))


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule is relative to: the present instant, the account's time zone and its currency."""

    now: datetime
    zone: ZoneInfo
    currency: str


# Returns the name that was probably meant by one that nothing has; None for one that is known or like none.
Meant = Callable[[str], str | None]


def nothing_meant(word: str) -> str | None:
    """Return None: without the shop's data no name is a slip."""
    return None


# Returns what is wrong with the name of a poll and the key of an answer to it, None where nothing is.
PollTrouble = Callable[[str, str | None], str | None]


def no_trouble(poll: str, answer: str | None) -> str | None:
    """Return None: without the shop's files every poll may be there."""
    return None


@dataclass(frozen=True, slots=True)
class Names:
    """What a rule may speak of beside fields: events that have a name, categories of products, places and stores.

    Products and campaigns are many: they are looked for where a rule names one.
    """

    events: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    product_meant: Meant = nothing_meant
    campaign_meant: Meant = nothing_meant
    poll_trouble: PollTrouble = no_trouble
    atlas: Atlas = NOWHERE
    stores: Stores = NO_STORES


def _leaves(condition: Condition) -> Iterator[Condition]:
    """Yield the parts of a condition that are no and, or, not; a trait is as its signs are."""
    match condition:
        case Not(part):
            yield from _leaves(part)
        case Weighed(signs=signs):
            for sign in signs:
                yield from _leaves(sign.outline.condition)
        case All(parts) | Some(parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            yield condition


def _fields(condition: Condition) -> Iterator[Field]:
    """Yield the contact's fields that a condition asks about; those of a `where=` are its own."""
    for part in _leaves(condition):
        match part:
            case Compare(field) | OneOf(field) | Known(field) | Like(field) | Near(field):
                yield field
            case CompareFields(left, _, right):
                yield from (left, right)
            case Around():
                yield from _WHERE
