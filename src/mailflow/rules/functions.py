"""What people did, in a rule: `bought("tea", within=90d)`, `did("ticket_opened", where=…)`. Comparisons: check.py."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from mailflow.config.yaml_files import suggestion
from mailflow.rules.syntax import Binary, Call, Listed, Literal, Name, RuleError, Span, Syntax
from mailflow.rules.types import Condition, Deed, Did, Field, FieldType, FromNow, Meant, Names, Window

ORDER_PLACED = "order_placed"  # orders are not copied into events: `did` finds them all the same
DELIVERED = "delivered"  # messages of ours are not copied into events either
_COMMON = ("within", "between", "at_least", "where")
_MOST_OFTEN = 1_000_000
# What cannot narrow down what is written down so, and how that is called.
_IMPOSSIBLE = {Deed.ORDER: ("campaign",), Deed.MAIL: ("product", "category", "where")}
_CALLED = {Deed.ORDER: "an order", Deed.MAIL: "a mail that was delivered"}


@dataclass(frozen=True, slots=True)
class Function:
    """One function: what it looks for, what its first argument means, and what else it takes."""

    deed: Deed
    names: tuple[str, ...]
    first: str
    also: tuple[str, ...]
    people_only: bool = False
    second: str | None = None
    common: tuple[str, ...] = _COMMON


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "bought": Function(Deed.ORDER, (), "product", ("product", "category")),
        "viewed": Function(
            Deed.EVENT, ("product_viewed", "category_viewed", "page_viewed"), "product", ("product", "category")
        ),
        "added_to_cart": Function(Deed.EVENT, ("cart_updated",), "product", ("product", "category")),
        "received": Function(Deed.MAIL, ("delivered",), "campaign", ("campaign",)),
        "opened": Function(Deed.EVENT, ("opened",), "campaign", ("campaign", "machines"), people_only=True),
        "clicked": Function(Deed.EVENT, ("clicked",), "campaign", ("campaign", "machines"), people_only=True),
        "answered": Function(
            Deed.EVENT, ("poll_answered",), "poll", ("poll", "answer"), second="answer", common=("within", "between")
        ),
        "did": Function(Deed.EVENT, (), "event", ("event", "product", "category", "campaign")),
    }
)
# What `where=` may ask of an order's line; of events it may ask whatever property they have.
_LINE_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        **{name: Field(name, FieldType.TEXT) for name in ("title", "sku", "currency", "order_id")},
        "quantity": Field("quantity", FieldType.NUMBER),
        "price": Field("price", FieldType.MONEY),
        "total": Field("total", FieldType.MONEY),
    }
)
_EXAMPLES = {
    "event": "ticket_opened", "product": "Oolong", "category": "tea", "campaign": "spring",
    "poll": "spring", "answer": "a",
}  # fmt: skip
# How much alike two names must be for one of them to be a slip of the pen.
_ALIKE = 0.8


class Checker(Protocol):
    """What reads the values in a call: the rule it stands in."""

    text: str
    names: Names

    def where(self, tree: Syntax, fields: Mapping[str, Field] | None) -> Condition: ...
    def moment(self, tree: Syntax) -> FromNow | date | datetime: ...
    def error(self, message: str, span: Span) -> RuleError: ...


def read(call: Call, checker: Checker) -> Did:
    """Return what a call means; `RuleError` where it is wrong."""
    return _Reader(call, checker).did()


def slip(word: str, known: Collection[str]) -> str | None:
    """Return the known word that was probably meant; None for one of them, and for one that is like none."""
    if word in known:
        return None
    near = difflib.get_close_matches(word.lower(), folded := {each.lower(): each for each in known}, n=1, cutoff=_ALIKE)
    return folded[near[0]] if near else None


class _Reader:
    """One call being read."""

    def __init__(self, call: Call, checker: Checker) -> None:
        self.call = call
        self.checker = checker
        self.error = checker.error
        self.function = FUNCTIONS[call.name]

    def did(self) -> Did:
        given = self.arguments()
        deed, names = self.function.deed, self.function.names
        if self.call.name == "did":
            deed, names = self.event(given.get("event"))
        for narrower in _IMPOSSIBLE.get(deed, ()):
            if narrower in given:
                raise self.error(f"{_CALLED[deed]} has no {narrower}", given[narrower].span)
        return Did(
            deed,
            names,
            self.known(given.get("product"), "product", "no product is called", self.checker.names.product_meant),
            self.category(given.get("category")),
            self.known(given.get("campaign"), "campaign", "no mail is called", self.checker.names.campaign_meant),
            self.window(given),
            self.often(given.get("at_least")),
            self.condition(given.get("where"), deed),
            self.function.people_only and not self.flag(given.get("machines")),
            *self.poll(given),
        )

    def arguments(self) -> dict[str, Syntax]:
        """Return the arguments by name, the first one under what it means; unknown and doubled ones are told."""
        known = (*self.function.also, *self.function.common)
        places = [name for name in (self.function.first, self.function.second) if name is not None]
        given: dict[str, Syntax] = {}
        if len(self.call.arguments) > len(places):
            many = "one value" if len(places) == 1 else "two values"
            raise self.error(
                f"{self.call.name}(…) takes {many}; the others have names: {', '.join(known)}",
                self.call.arguments[len(places)].span,
            )
        for name, argument in zip(places, self.call.arguments, strict=False):
            given[name] = self.first(argument)
        for keyword in self.call.keywords:
            if keyword.name not in known:
                hint = suggestion(keyword.name, known)
                raise self.error(f"{self.call.name}(…) has no {keyword.name!r}{hint}", keyword.span)
            if keyword.name in given:
                raise self.error(f"{keyword.name} is given twice", keyword.span)
            given[keyword.name] = keyword.value
        return given

    def first(self, value: Syntax) -> Syntax:
        """Return the value without a name; one that is no text lacks its name."""
        if isinstance(value, Literal) and isinstance(value.value, timedelta):
            raise self.error("a duration needs a name: write within=60d", value.span)
        if isinstance(value, Literal) and isinstance(value.value, Decimal):
            raise self.error("a number needs a name: write at_least=2", value.span)
        if isinstance(value, Binary):
            raise self.error("a condition needs a name: write where=quantity >= 2", value.span)
        return value

    def event(self, value: Syntax | None) -> tuple[Deed, tuple[str, ...]]:
        """Return where an event is kept, and under what names."""
        name = self.word(value, "event")
        if name is None or value is None:
            raise self.error('say what they did, such as did("ticket_opened")', self.call.span)
        meant = slip(name, {ORDER_PLACED, *self.checker.names.events}) if self.checker.names.events else None
        if meant is not None:
            raise self.error(f"no event is called {name!r} (did you mean {meant!r}?)", value.span)
        if name == ORDER_PLACED:
            return Deed.ORDER, ()
        return (Deed.MAIL if name == DELIVERED else Deed.EVENT), (name,)

    def known(self, value: Syntax | None, name: str, told: str, meant: Meant) -> str | None:
        """Return the name of a product or a campaign; one that is nearly that of another is told."""
        word = self.word(value, name)
        if word is not None and value is not None and (other := meant(word)) is not None:
            raise self.error(f"{told} {word!r} (did you mean {other!r}?)", value.span)
        return word

    def poll(self, given: Mapping[str, Syntax]) -> tuple[str | None, str | None]:
        """Return the poll and the answer that a call is about; one of other deeds is about none."""
        if self.function.first != "poll":
            return None, None
        poll, answer = self.word(given.get("poll"), "poll"), self.word(given.get("answer"), "answer")
        if poll is None:
            raise self.error('say which poll, such as answered("spring", "a")', self.call.span)
        if (trouble := self.checker.names.poll_trouble(poll, answer)) is not None:
            raise self.error(trouble, given["answer" if "answer" in trouble.split() and answer else "poll"].span)
        return poll, answer

    def category(self, value: Syntax | None) -> str | None:
        name = self.word(value, "category")
        if name is None or value is None or name.lower() in {each.lower() for each in self.checker.names.categories}:
            return name
        meant = slip(name, self.checker.names.categories)
        if meant is not None:
            raise self.error(f"no product is in the category {name!r} (did you mean {meant!r}?)", value.span)
        return name

    def window(self, given: Mapping[str, Syntax]) -> Window:
        within, between = given.get("within"), given.get("between")
        if within is not None and between is not None:
            raise self.error("say within= or between=, not both", between.span)
        if within is not None:
            return self.within(within)
        return Window() if between is None else self.between(between)

    def within(self, value: Syntax) -> Window:
        match value:
            case Literal(timedelta() as duration) if duration:
                return Window(since=FromNow(-duration))
            case Literal(Decimal() as number):
                raise self.error(f"{number} of what? Write within={number}d for days, or s, m, h, w", value.span)
        raise self.error("within= takes a duration, such as 60d", value.span)

    def between(self, value: Syntax) -> Window:
        match value:
            case Listed((first, last)):
                since, until = self.checker.moment(first), self.checker.moment(last)
            case _:
                raise self.error('write between=("2026-01-01", "2026-03-31"), with its first and last day', value.span)
        if _reversed(since, until):
            raise self.error("between= ends before it begins", value.span)
        return Window(since, until)

    def often(self, value: Syntax | None) -> int:
        match value:
            case None:
                return 1
            case Literal(Decimal() as number) if number == int(number) and 1 <= number <= _MOST_OFTEN:
                return int(number)
            case Literal(Decimal() as number) if number == 0:
                raise self.error(f"everybody did it at least 0 times: write not {self.call.name}(…)", value.span)
        raise self.error("at_least= takes a whole number from 1 on", value.span)

    def word(self, value: Syntax | None, name: str) -> str | None:
        match value:
            case None:
                return None
            case Literal(str() as text) if text.strip():
                return text.strip()
            case Name(written):
                raise self.error(f'{name} is a text in quotes: "{written}"', value.span)
        raise self.error(f'{name} is a text in quotes, such as "{_EXAMPLES[name]}"', value.span)

    def flag(self, value: Syntax | None) -> bool:
        match value:
            case None:
                return False
            case Name("true" | "false" as written):
                return written == "true"
        raise self.error("machines= is true or false", value.span)

    def condition(self, value: Syntax | None, deed: Deed) -> Condition | None:
        if value is None:
            return None
        return self.checker.where(value, _LINE_FIELDS if deed is Deed.ORDER else None)


def _reversed(since: FromNow | date | datetime, until: FromNow | date | datetime) -> bool:
    """Say whether a window surely ends before it begins; ends of two kinds are only known with the clock."""
    if isinstance(since, FromNow) or isinstance(until, FromNow):
        return isinstance(since, FromNow) and isinstance(until, FromNow) and since.offset > until.offset
    if isinstance(since, datetime) and isinstance(until, datetime) and since.tzinfo != until.tzinfo:
        return False
    return since.isoformat()[:10] > until.isoformat()[:10]
