"""What may stand behind a `|` and after `is` in a template: an allow-list, each with a limit where it could grow.

Which names a template may speak at all: guard.py.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date as Date
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import Context
from jinja2.tests import TESTS as JINJA_TESTS
from markupsafe import Markup, escape

from mailflow.templates import escaping, formats, links

MAX_TEXT = 64_000  # characters of a text made inside a template
MAX_ITEMS = 10_000  # entries of a list made inside a template
BUDGET = "__budget__"  # the render's variable that counts what loops may still cost

Scalar = str | int | float | Decimal | Date | None

_SPECIAL = re.compile("[&<>\"']")
_DATE_CODES = frozenset("YymdeBbAaHMjp%I")
_MOST_PLACES = 6  # behind the point


def default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    """Return `fallback` where there is nothing: an unknown name, null, or blank text (with `true`, any false value)."""
    if isinstance(value, Undefined) or value is None or (isinstance(value, str) and not value.strip()):
        return fallback
    return fallback if boolean and not value else value


@pass_context
def money(context: Context, value: Any, currency: str | None = None) -> str:
    """Return an amount with its currency as the reader's language writes it: `1.234,50 €` or `€1,234.50`."""
    code = str(currency or _looked_up(context, "shop", "currency") or "")
    return formats.amount(_decimal(value), code, _locale(context))


@pass_context
def number(context: Context, value: Any, places: int | None = None) -> str:
    """Return a number as the reader's language writes it, `1.234,5`; with `places` digits behind the comma."""
    return formats.number(_decimal(value), _places(places), _locale(context))


@pass_context
def percent(context: Context, value: Any, places: int = 0) -> str:
    """Return a share as a percentage: 0.256 is `26 %`."""
    return formats.percent(_decimal(value), _places(places) or 0, _locale(context))


def _places(places: Any) -> int | None:
    if places is not None and (not isinstance(places, int) or not 0 <= places <= _MOST_PLACES):
        raise TemplateRuntimeError(f"say 0 to {_MOST_PLACES} digits behind the comma, not {_short(places)}")
    return places


def _locale(context: Context) -> Any:
    """Return whose rules for numbers and days this message follows, by its language and its reader."""
    reader, country = _looked_up(context, "contact", "language"), _looked_up(context, "contact", "country")
    told = (each if isinstance(each, str) else None for each in (reader, country))
    return formats.locale_of(str(context.get("language") or "en"), *told)


def _looked_up(context: Context, name: str, key: str) -> Any:
    found = context.resolve(name)
    return found.get(key) if isinstance(found, dict) else None


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value)) if isinstance(value, str | int | float | Decimal) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number) >= Decimal(10) ** 15:
        raise TemplateRuntimeError(f"{_short(value)} is not an amount")
    return number


@pass_context
def date(context: Context, value: Any, form: str = "%Y-%m-%d") -> str:
    """Return a day or time as text: `short`, `medium`, `long` and `full` as the reader's language writes it.

    Or by a pattern with the codes of `strftime`, `{{ today | date("%d.%m.%Y") }}`; names are the reader's language's.
    """
    value = _day(value)
    if form in formats.STYLES:
        return formats.day(value, form, _locale(context))
    codes = re.findall(r"%(.?)", form)
    if not codes or len(form) > 64 or not _DATE_CODES.issuperset(codes):
        raise TemplateRuntimeError(
            f"{form!r} is no form of a date: say {', '.join(formats.STYLES)}, or a pattern of %d %m %Y %B %A %H %M"
        )
    return formats.by_pattern(value, form, lambda: _locale(context))


@pass_context
def days_left(context: Context, value: Any) -> int:
    """Return the days from today to a day: 0 on the day itself, negative when it is over."""
    today = context.resolve("today")
    if not isinstance(today, Date):
        raise TemplateRuntimeError("it is not known which day is today")
    return (_only_day(_day(value)) - _only_day(today)).days


def _day(value: Any) -> Date:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise TemplateRuntimeError(f"{_short(value)} is not a date") from None
    if not isinstance(value, Date):
        raise TemplateRuntimeError(f"{_short(value)} is not a date")
    return value


def _only_day(value: Date) -> Date:
    return value.date() if isinstance(value, datetime) else value


@pass_context
def allowed(context: Context, values: Any) -> list[Any]:
    """Return the products of a list that this person may see, given as products or by name; see `never_show`."""
    items, unseen = _entries(context, values), context.resolve("never_show")
    if not isinstance(unseen, list | tuple) or not unseen:
        return items
    hidden = {str(name).casefold() for name in unseen}
    return [item for item in items if hidden.isdisjoint(str(name).casefold() for name in _names(item))]


def _names(item: Any) -> list[Any]:
    return [item.get(key) for key in ("title", "url", "sku", "id")] if isinstance(item, dict) else [item]


def shown(value: Any, label: str) -> Any:
    """Return a value that is about to be printed; refuse nothing at all, and what is not one value.

    Put around every `{{ … }}` by guard.py, with the words of the template as `label`.
    """
    kind = type(value)
    if kind is str or kind is int or kind is Decimal or kind is Markup:
        return value
    if isinstance(value, Undefined):
        return str(value)  # raises with what is missing, but for an `if` without `else` that does not hold
    if value is None:
        raise TemplateRuntimeError(f"{label} is empty: say what to write instead, {{{{ {label} | default('…') }}}}")
    if kind is float and value - value != 0:
        raise TemplateRuntimeError(f"{label} is not a number that can be shown")
    if not isinstance(value, str | int | float | Date):
        raise TemplateRuntimeError(f"{label} is a {_kind(value)}, not one value: name one of it, or loop over it")
    return value


def shown_in_html(value: Any, label: str) -> str:
    """Return a value that is about to be printed as HTML: escaped, unless a filter has done that.

    Jinja's own escaping makes an object of each value; most values have nothing to escape, which this finds out in a
    quarter of the time.
    """
    if type(value) is not str:
        value = shown(value, label)
        if isinstance(value, Markup):
            return str(value)
        value = str(value)
    return str(escape(value)) if _SPECIAL.search(value) else value


def _checked(function: Callable[..., str]) -> Callable[..., str]:
    """Return a function of escaping.py that may refuse, for any value that can be shown."""

    def checked(value: Any, file: str, line: int, label: str, *more: Any) -> str:
        return function(value if type(value) is str else str(shown(value, label)), file, line, label, *more)

    return checked


def _encoded(function: Callable[[str], str]) -> Callable[[Any, str], str]:
    """Return a function of escaping.py that refuses nothing, for any value that can be shown."""

    def encoded(value: Any, label: str) -> str:
        return function(value if type(value) is str else str(shown(value, label)))

    return encoded


@pass_context
def each(context: Context, value: Any, weight: int) -> Any:
    """Return what a loop runs over, and charge the render's budget `weight` for each round."""
    if isinstance(value, Undefined):
        iter(value)  # raises with what is missing
    if value is None:
        return []
    if isinstance(value, str | int | float | Decimal | Date):
        raise TemplateRuntimeError(f"a loop runs over a list, not over {_short(value)}")
    items = value if isinstance(value, list | tuple | dict) else list(itertools.islice(value, MAX_ITEMS))
    _charge(context, (len(items) + 1) * weight)
    return items


def _charge(context: Context, cost: int) -> None:
    """Take what something costs from the budget that a render has for loops and lists."""
    budget = context.resolve(BUDGET)
    budget[0] -= cost
    if budget[0] < 0:
        raise TemplateRuntimeError("the loops of this template take too many rounds for one message")


def _entries(context: Context, values: Any) -> list[Any]:
    """Return the entries of a list, and charge for them."""
    if isinstance(values, str):
        raise TemplateRuntimeError(f"a list is needed, and {_short(values)} is a text")
    items = list(itertools.islice(values, MAX_ITEMS))
    _charge(context, len(items))
    return items


def concat(values: Sequence[Any]) -> str:
    """Return values joined by `~`, up to the limit."""
    return _joined(values, "")


@pass_context
def join(context: Context, values: Any, separator: str = "", attribute: Any = None) -> str:
    """Return the values of a list as one text."""
    items = _entries(context, values)
    if attribute is not None:
        items = [item.get(attribute) if isinstance(item, dict) else None for item in items]
    return _joined(items, separator)


def _joined(items: Sequence[Any], separator: str) -> str:
    texts = [text(item) for item in items]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_TEXT:
        raise TemplateRuntimeError("a text made in the template is too long")
    return str(separator).join(texts)


def text(value: Any) -> str:
    """Return one value as text; refuse lists and mappings, whose text could be anything."""
    if isinstance(value, str):
        return value
    if isinstance(value, Undefined):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, bool | int | float | Decimal | Date):
        return str(value)
    raise TemplateRuntimeError(f"a {_kind(value)} cannot be used as text: name one value of it")


def plain(values: Any) -> Any:
    """Return a list or mapping written in a template, whose entries must be single values: nests cannot grow."""
    entries = values.values() if isinstance(values, dict) else values
    if any(isinstance(entry, list | dict | tuple) for entry in entries):
        raise TemplateRuntimeError("a list written in a template holds single values, not lists")
    return values


def replace(value: Any, old: str, new: str) -> str:
    """Return text with one piece replaced by another."""
    source, old, new = text(value), text(old), text(new)
    if len(source) + source.count(old) * max(0, len(new) - len(old)) > MAX_TEXT:
        raise TemplateRuntimeError("a text made in the template is too long")
    return source.replace(old, new)


def truncate(value: Any, length: int = 80, end: str = "…") -> str:
    """Return text cut at a word to at most `length` characters."""
    whole = text(value)
    if len(whole) <= length:
        return whole
    kept = max(0, length - len(end))
    cut = whole[:kept]
    return (cut if whole[kept] == " " else cut.rsplit(" ", 1)[0]).rstrip() + end


def round_(value: Any, digits: int = 0) -> Any:
    """Return a number rounded half up, as shops do; whole when no digits are asked for."""
    if not isinstance(digits, int) or not 0 <= digits <= 10:
        raise TemplateRuntimeError("round takes 0 to 10 digits")
    rounded = _decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return rounded if digits else int(rounded)


@pass_context
def batch(context: Context, value: Any, size: int) -> list[list[Any]]:
    """Return a list in rows of `size`, for pictures side by side."""
    items = _entries(context, value)
    if not isinstance(size, int) or not 1 <= size <= 100:
        raise TemplateRuntimeError("batch takes rows of 1 to 100")
    return [items[start : start + size] for start in range(0, len(items), size)]


@pass_context
def total(context: Context, value: Any, attribute: Any = None) -> Any:
    """Return the sum of numbers, or of one attribute of each entry."""
    items = _entries(context, value)
    numbers = [item.get(attribute) if isinstance(item, dict) else None for item in items] if attribute else items
    return sum((_decimal(number) for number in numbers), Decimal(0))


def _on_text(name: str) -> Callable[..., Any]:
    """Return one of Jinja's filters on text, given nothing but text."""
    original = JINJA_FILTERS[name]

    def on_text(value: Any, *arguments: Any) -> Any:
        return original(text(value), *arguments)

    return on_text


def _on_list(name: str) -> Callable[..., Any]:
    """Return one of Jinja's filters on lists, with its entries counted."""
    original: Any = JINJA_FILTERS[name]
    wants = getattr(getattr(original, "jinja_pass_arg", None), "name", "")

    @pass_context
    def on_list(context: Context, value: Any, *arguments: Any, **named: Any) -> Any:
        entries = value if isinstance(value, dict) else _entries(context, value)
        first = {"context": (context,), "environment": (context.environment,), "eval_context": (context.eval_ctx,)}
        return original(*first.get(wants, ()), entries, *arguments, **named)

    return on_list


def _items(value: Any) -> Iterable[Any]:
    """Return the pairs of a mapping."""
    if not isinstance(value, Mapping):
        raise TemplateRuntimeError("items needs a mapping")
    return value.items()


def _kind(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "list" if isinstance(value, list | tuple) else type(value).__name__


def _short(value: Any) -> str:
    return repr(value if not isinstance(value, str) or len(value) <= 60 else value[:57] + "…")


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **{name: JINJA_FILTERS[name] for name in "abs count float int length".split()},
        **{name: _on_list(name) for name in "dictsort first groupby last list map max min reverse sort unique".split()},
        **{name: _on_list(name) for name in "reject rejectattr select selectattr".split()},
        **{name: _on_text(name) for name in "capitalize e escape lower striptags title trim upper wordcount".split()},
        "urlencode": _on_text("urlencode"),
        "default": default,
        "d": default,
        "money": money,
        "number": number,
        "percent": percent,
        "date": date,
        "days_left": days_left,
        "allowed": allowed,
        "join": join,
        "replace": replace,
        "truncate": truncate,
        "round": round_,
        "batch": batch,
        "sum": total,
        "items": _items,
        "string": text,
        # Written by guard.py and markup.py; a template cannot name them.
        "__shown__": shown,
        "__link__": _checked(escaping.link),
        "__host__": _checked(escaping.host),
        "__path__": _encoded(escaping.path),
        "__query__": _encoded(escaping.query),
        "__css__": _checked(escaping.css),
        "__each__": each,
        "__concat__": concat,
        "__plain__": plain,
        "__counted__": links.count_filter,
        "__tagged__": links.tag_filter,
        "__pixel__": links.pixel_filter,
    }
)

_JINJA_TESTS: Mapping[str, Any] = JINJA_TESTS
TESTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        name: _JINJA_TESTS[name]
        for name in (
            "defined undefined none number string mapping sequence odd even divisibleby in true false boolean integer "
            "float lower upper eq equalto == ne != gt > greaterthan ge >= lt < lessthan le <="
        ).split()
    }
)
