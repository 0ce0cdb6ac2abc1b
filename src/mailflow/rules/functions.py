"""What people did, in a rule: `bought("tea", within=90d)`, `did("ticket_opened", where=…)`. Comparisons: check.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from mailflow.config.yaml_files import suggestion
from mailflow.rules.syntax import Call, Listed, Literal, Name, RuleError, Span, Syntax
from mailflow.rules.types import Condition, Deed, Did, Field, FieldType, FromNow, Window

ORDER_PLACED = "order_placed"  # orders are not copied into events: `did` finds them all the same
_COMMON = ("within", "between", "at_least", "where")
_MOST_OFTEN = 1_000_000


@dataclass(frozen=True, slots=True)
class Function:
    """One function: what it looks for, what its first argument means, and what else it takes."""

    deed: Deed
    names: tuple[str, ...]
    first: str | None
    also: tuple[str, ...]
    people_only: bool = False


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
Where = Callable[[Syntax, Mapping[str, Field] | None], Condition]


def read(call: Call, text: str, where: Where) -> Did:
    """Return what a call means. `where` checks a rule about properties, or about these fields; `RuleError` if wrong."""
    return _Reader(call, text, where).did()


class _Reader:
    """One call being read."""

    def __init__(self, call: Call, text: str, where: Where) -> None:
        self.call = call
        self.text = text
        self.where = where
        self.function = FUNCTIONS[call.name]

    def did(self) -> Did:
        given = self.arguments()
        deed, names = self.function.deed, self.function.names
        if self.call.name == "did":
            event = self.word(given.get("event"), "event") or ""
            if not event:
                raise self.error('say what they did, such as did("ticket_opened")', self.call.span)
            deed, names = (Deed.ORDER, ()) if event == ORDER_PLACED else (Deed.EVENT, (event,))
        if deed is Deed.ORDER and "campaign" in given:
            raise self.error("an order has no campaign", given["campaign"].span)
        return Did(
            deed,
            names,
            self.word(given.get("product"), "product"),
            self.word(given.get("category"), "category"),
            self.word(given.get("campaign"), "campaign"),
            self.window(given),
            self.often(given.get("at_least")),
            self.condition(given.get("where"), deed),
            self.function.people_only and not self.flag(given.get("machines")),
        )

    def arguments(self) -> dict[str, Syntax]:
        """Return the arguments by name, the first one under what it means; unknown and doubled ones are told."""
        known = (*self.function.also, *_COMMON)
        given: dict[str, Syntax] = {}
        if len(self.call.arguments) > 1:
            raise self.error(
                f"{self.call.name}(…) takes one value; the others have names: {', '.join(known)}",
                self.call.arguments[1].span,
            )
        if self.call.arguments and self.function.first:
            given[self.function.first] = self.call.arguments[0]
        for name, value in self.call.keywords:
            if name not in known:
                raise self.error(
                    f"{self.call.name}(…) has no {name!r}{suggestion(name, known)}: it takes {', '.join(known)}",
                    value.span,
                )
            if name in given:
                raise self.error(f"{name} is given twice", value.span)
            given[name] = value
        return given

    def window(self, given: Mapping[str, Syntax]) -> Window:
        match given.get("within"), given.get("between"):
            case None, None:
                return Window()
            case Literal(timedelta() as duration), None:
                return Window(since=FromNow(-duration))
            case None, Listed((first, last)):
                return Window(self.moment(first), self.moment(last))
            case None, Syntax_ if Syntax_ is not None:
                raise self.error('write between=("2026-01-01", "2026-03-31")', Syntax_.span)
            case within, None:
                assert within is not None
                raise self.error("within= takes a duration, such as 60d", within.span)
        raise self.error("say within= or between=, not both", self.call.span)

    def moment(self, value: Syntax) -> date | datetime:
        match value:
            case Literal(str() as written, span):
                try:
                    return date.fromisoformat(written) if len(written) == 10 else datetime.fromisoformat(written)
                except ValueError:
                    raise self.error(f'{written!r} is not a day: write "2026-03-20"', span) from None
        raise self.error('here stands a day, such as "2026-03-20"', value.span)

    def often(self, value: Syntax | None) -> int:
        match value:
            case None:
                return 1
            case Literal(Decimal() as number) if number == int(number) and 1 <= number <= _MOST_OFTEN:
                return int(number)
        raise self.error("at_least= takes a whole number from 1 on", value.span)

    def word(self, value: Syntax | None, name: str) -> str | None:
        match value:
            case None:
                return None
            case Literal(str() as text) if text.strip():
                return text.strip()
        raise self.error(f'{name} is a text in quotes, such as "tea"', value.span)

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
        if deed is Deed.MAIL:
            raise self.error("received(…) has no properties to ask about", value.span)
        return self.where(value, _LINE_FIELDS if deed is Deed.ORDER else None)

    def error(self, message: str, span: Span) -> RuleError:
        return RuleError(message, self.text, span)
