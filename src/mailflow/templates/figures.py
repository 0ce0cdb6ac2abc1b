"""Numbers, amounts and days behind a `|`: read with limits, and written as the reader's language writes them.

How CLDR has them: formats.py. All other filters: filters.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date as Date
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import Context

from mailflow.templates import formats

if TYPE_CHECKING:
    from mailflow.templates.environment import MailEnvironment

# The variables of a render that hold whose rules it follows, and its amounts, once the first figure has asked.
TOLD, AMOUNTS = "__told__", "__amounts__"

_DATE_CODES = frozenset("YymdeBbAaHMjp%I")
_MOST_PLACES = 6  # behind the point
_MOST_DIGITS = 100  # of a text that becomes a number
_LONGEST_TAG = 35  # characters of a tag of a language, RFC 5646 section 4.4.1: results are kept by it
_TOO_LARGE = 15  # the power of ten of an amount that is refused
_KEPT = 4096  # amounts of a currency and a language
_NUMBERS = (str, int, float, Decimal)


class Amounts(dict[Decimal, str]):
    """Amounts of one currency as the readers of one language and country see them."""

    def __init__(self, currency: str, told: formats.Told) -> None:
        super().__init__()
        self._currency = currency
        self._told = told

    def __missing__(self, value: Decimal) -> str:
        written = formats.amount(decimal_of(value), self._currency, self._told)
        if len(self) >= _KEPT:
            self.clear()
        self[value] = written
        return written


_amounts = lru_cache(maxsize=1024)(Amounts)


class MailContext(Context):
    """What one part of a message knows. Three are made per message: without what only macros and imports need."""

    def __init__(
        self,
        environment: MailEnvironment,
        parent: dict[str, Any],
        name: str | None,
        blocks: Mapping[str, Any],
        globals: Mapping[str, Any] | None = None,
    ) -> None:
        self.parent = parent
        self.vars = {}
        self.environment = environment
        self.eval_ctx = environment.eval_ctx
        self.exported_vars = set()
        self.name = name
        self.globals_keys = set()
        self.blocks = {}


@pass_context
def money(context: MailContext, value: Any, currency: str | None = None) -> str:
    """Return an amount with its currency as the reader's language writes it: `1.234,50 €` or `€1,234.50`."""
    is_plain = not currency and not context.vars
    amounts: Amounts | None = context.parent.get(AMOUNTS) if is_plain else None
    if amounts is None:
        shop = _names(context).get("shop")
        own = shop.get("currency") if isinstance(shop, dict) else None
        amounts = _amounts(str(currency or own or "")[:_LONGEST_TAG], _told(context))
        if is_plain:
            context.parent[AMOUNTS] = amounts
    return amounts[value if type(value) is Decimal else decimal_of(value)]


@pass_context
def number(context: MailContext, value: Any, places: int | None = None) -> str:
    """Return a number as the reader's language writes it, `1.234,5`; with `places` digits behind the comma."""
    return formats.number(decimal_of(value), _places(places), _told(context))


@pass_context
def percent(context: MailContext, value: Any, places: int = 0) -> str:
    """Return a share as a percentage: 0.256 is `26 %`."""
    return formats.percent(decimal_of(value), _places(places) or 0, _told(context))


def _places(places: Any) -> int | None:
    if places is not None and (not isinstance(places, int) or not 0 <= places <= _MOST_PLACES):
        raise TemplateRuntimeError(f"say 0 to {_MOST_PLACES} digits behind the comma, not {short(places)}")
    return places


def _told(context: MailContext) -> formats.Told:
    """Return whose rules for numbers and days a message follows."""
    if context.vars:  # a template may have set a name that it goes by
        return _asked(_names(context))
    told: formats.Told | None = context.parent.get(TOLD)
    if told is None:
        told = context.parent[TOLD] = _asked(context.parent)
    return told


def _asked(names: Mapping[str, Any]) -> formats.Told:
    contact = names.get("contact")
    reader, country = (contact.get("language"), contact.get("country")) if isinstance(contact, dict) else (None, None)
    return (
        str(names.get("language") or "en")[:_LONGEST_TAG],
        reader[:_LONGEST_TAG] if isinstance(reader, str) else None,
        country[:_LONGEST_TAG] if isinstance(country, str) else None,
    )


def _names(context: Context) -> Mapping[str, Any]:
    """Return what names mean in a template, as `context.get` does in three times the time."""
    return {**context.parent, **context.vars} if context.vars else context.parent


def decimal_of(value: Any) -> Decimal:
    """Return a finite number below 10^15; refuse anything else."""
    try:
        number = value if type(value) is Decimal else Decimal(str(value)) if isinstance(value, _NUMBERS) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or (number.adjusted() >= _TOO_LARGE and number):
        raise TemplateRuntimeError(_none("amount") if value is None else f"{short(value)} is not an amount")
    return number


@pass_context
def date(context: MailContext, value: Any, form: str = "%Y-%m-%d") -> str:
    """Return a day or time as text: `short`, `medium`, `long` and `full` as the reader's language writes it.

    Or by a pattern with the codes of `strftime`, `{{ today | date("%d.%m.%Y") }}`; names are the reader's language's.
    """
    value = _day(value)
    if form in formats.STYLES:
        return formats.day(value, form, _told(context))
    codes = re.findall(r"%(.?)", form)
    if not codes or len(form) > 64 or not _DATE_CODES.issuperset(codes):
        raise TemplateRuntimeError(
            f"{form!r} is no form of a date: say {', '.join(formats.STYLES)}, or a pattern of %d %m %Y %B %A %H %M"
        )
    return formats.by_pattern(value, form, _told(context))


@pass_context
def days_left(context: Context, value: Any) -> int:
    """Return the days from today to a day: 0 on the day itself, negative when it is over."""
    today = _names(context).get("today")
    if not isinstance(today, Date):
        raise TemplateRuntimeError("it is not known which day is today")
    return (_only_day(_day(value)) - _only_day(today)).days


def _day(value: Any) -> Date:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise TemplateRuntimeError(f"{short(value)} is not a date") from None
    if not isinstance(value, Date):
        raise TemplateRuntimeError(_none("date") if value is None else f"{short(value)} is not a date")
    return value


def _none(what: str) -> str:
    tag = "{% if name %}{{ name | … }}{% endif %}"
    return f"the {what} is empty for this person: write it only where there is one, {tag}"


def _only_day(value: Date) -> Date:
    return value.date() if isinstance(value, datetime) else value


def round_(value: Any, digits: int = 0) -> Any:
    """Return a number rounded half up, as shops do; whole when no digits are asked for."""
    if not isinstance(digits, int) or not 0 <= digits <= 10:
        raise TemplateRuntimeError("round takes 0 to 10 digits")
    rounded = decimal_of(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return rounded if digits else int(rounded)


def whole_number(value: Any, default: int = 0) -> int:
    """Return a value as a whole number, `default` where it is none."""
    return int(JINJA_FILTERS["int"](value, default)) if _is_short(value) else default


def real_number(value: Any, default: float = 0.0) -> float:
    """Return a value as a number, `default` where it is none."""
    made = float(JINJA_FILTERS["float"](value, default)) if _is_short(value) else default
    return made if made - made == 0 else default


def _is_short(value: Any) -> bool:
    if isinstance(value, Decimal):  # 1E+999999 takes a second to become a whole number
        return value.is_finite() and value.adjusted() <= _MOST_DIGITS
    return not isinstance(value, str) or len(value) <= _MOST_DIGITS


def short(value: Any) -> str:
    """Return a value as messages name it: in quotes where it is text, and not too long."""
    return repr(value if not isinstance(value, str) or len(value) <= 60 else value[:57] + "…")
