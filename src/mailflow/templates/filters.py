"""What may stand behind a `|` and after `is` in a template: an allow-list, each with a limit where it could grow.

Which names a template may speak at all: guard.py.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date as Date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import Context
from jinja2.tests import TESTS as JINJA_TESTS
from markupsafe import Markup, escape

from mailflow.templates import countdown, escaping, figures, links
from mailflow.templates.budget import MAX_ITEMS, MAX_TEXT, charge, charge_text, check_text, weighed
from mailflow.templates.figures import short
from mailflow.templates.kept import Kept

MAX_NAME = 200  # characters of the name of an attribute that a filter goes by

# Control characters, and what turns the direction of writing for all that follows: no part of what is said.
_UNSEEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_SPECIAL = re.compile(f"[&<>\"'{_UNSEEN}]")
_CONTROLS = re.compile(f"[{_UNSEEN}]")
_RARE_BREAKS = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
_BREAKS = re.compile("[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029]+")

# By the name of a filter that depends on nothing but its value, what it made of texts. codegen.py looks there first.
_IN_PLACES = ("__link__", "__path__", "__query__", "__css__")
KEPT: Mapping[str, Kept] = MappingProxyType({name: Kept() for name in _IN_PLACES})
AND_SHOWN: Mapping[str, str] = MappingProxyType({name: f"__shown_{name[2:]}" for name in _IN_PLACES})
SHOWN_IN_HTML, SHOWN_IN_TEXT = Kept(), Kept()  # what `__shown__` made in either part


def default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    """Return `fallback` where there is nothing: an unknown name, null, or blank text (with `true`, any false value)."""
    if isinstance(value, Undefined) or value is None or (isinstance(value, str) and not value.strip()):
        return fallback
    return fallback if boolean and not value else value


@pass_context
def allowed(context: Context, values: Any) -> list[Any]:
    """Return the products of a list that this person may see, given as products or by name; see `never_show`."""
    items, unseen = _entries(context, values), context.resolve("never_show")
    if not isinstance(unseen, list | tuple) or not unseen:
        return items
    charge(context, len(unseen) + 2 * len(items))
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
    kind = type(value)
    if kind is int or kind is Decimal:
        return str(value)
    if kind is not str:
        value = shown(value, label)
        if isinstance(value, Markup):
            return _CONTROLS.sub("", value)
        value = str(value)
    if not _SPECIAL.search(value):
        return SHOWN_IN_HTML.keep(value, value)
    if len(value) > MAX_TEXT:
        raise TemplateRuntimeError(f"{label} is too long")
    return SHOWN_IN_HTML.keep(value, str(escape(_CONTROLS.sub("", _RARE_BREAKS.sub(" ", value)))))


def shown_in_text(value: Any, label: str) -> str:
    """Return a value that is about to be printed as text: on one line, as HTML shows it; a name makes no paragraphs."""
    kind = type(value)
    if kind is int or kind is Decimal:
        return str(value)
    text = value if kind is str else str(shown(value, label))
    return SHOWN_IN_TEXT.keep(text, text if text.isprintable() else _CONTROLS.sub("", _BREAKS.sub(" ", text)))


def _checked(function: Callable[[str, str, int, str], str]) -> Callable[[Any, str, int, str], str]:
    """Return a function of escaping.py that may refuse, for any value that can be shown."""

    def checked(value: Any, file: str, line: int, label: str) -> str:
        return function(value if type(value) is str else str(shown(value, label)), file, line, label)

    return checked


def _host(value: Any, file: str, line: int, label: str, in_host: bool) -> str:
    """Return `escaping.host` of any value that can be shown."""
    return escaping.host(str(shown(value, label)), file, line, label, in_host)


def _encoded(function: Callable[[str], str]) -> Callable[[Any, str], str]:
    """Return a function of escaping.py that refuses nothing, for any value that can be shown."""

    def encoded(value: Any, label: str) -> str:
        return function(value if type(value) is str else str(shown(value, label)))

    return encoded


def _keeping(name: str, kept: Kept, function: Callable[..., str]) -> Callable[..., str]:
    """Return the function of a place, which keeps what it made of texts; a whole number is fine in all but one."""
    takes_numbers = name != "__link__"

    def keeping(value: Any, *place: Any) -> str:
        if takes_numbers and type(value) is int:
            return str(value)
        made = function(value, *place)
        return kept.keep(value, made) if type(value) is str else made

    return keeping


def shown_places(show: Callable[[Any, str], str]) -> dict[str, tuple[Kept, Callable[..., str]]]:
    """Return by name what does the work of a place's filter and of `show` behind it, with what it made of texts."""

    def both(function: Callable[..., str]) -> Callable[..., str]:
        def placed(value: Any, *place: Any) -> str:
            return show(function(value, *place), place[-1])

        return placed

    return {AND_SHOWN[name]: (kept := Kept(), _keeping(name, kept, both(each))) for name, each in _PLACES.items()}


@pass_context
def each(context: Context, value: Any, weight: int) -> Any:
    """Return what a loop runs over, and charge the render's budget `weight` for each round."""
    if type(value) is list:  # nearly always
        charge(context, (len(value) + 1) * weight)
        return value
    if isinstance(value, Undefined):
        iter(value)  # raises with what is missing
    if value is None:
        return []
    if isinstance(value, str | int | float | Decimal | Date):
        raise TemplateRuntimeError(f"a loop runs over a list, not over {short(value)}")
    items = value if isinstance(value, list | tuple | dict) else list(itertools.islice(value, MAX_ITEMS))
    charge(context, (len(items) + 1) * weight)
    return items


def _entries(context: Context, values: Any) -> list[Any]:
    """Return the entries of a list, and charge for them."""
    if isinstance(values, str):
        raise TemplateRuntimeError(f"a list is needed, and {short(values)} is a text")
    items = list(itertools.islice(values, MAX_ITEMS))
    charge(context, len(items))
    return items


@pass_context
def concat(context: Context, values: Sequence[Any]) -> str:
    """Return values joined by `~`, up to the limit."""
    texts = [value if type(value) is str else text(value) for value in values]
    check_text(context, sum(map(len, texts)))
    return "".join(texts)


@pass_context
def join(context: Context, values: Any, separator: str = "", attribute: Any = None) -> str:
    """Return the values of a list as one text."""
    items = _entries(context, values)
    if attribute is not None:
        items = [item.get(attribute) if isinstance(item, dict) else None for item in items]
    return _joined(context, items, text(separator))


def _joined(context: Context, items: Sequence[Any], separator: str) -> str:
    texts = [item if type(item) is str else text(item) for item in items]
    check_text(context, sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


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


@pass_context
def replace(context: Context, value: Any, old: str, new: str) -> str:
    """Return text with one piece replaced by another."""
    source, old, new = text(value), text(old), text(new)
    charge_text(context, len(source))
    check_text(context, len(source) + source.count(old) * max(0, len(new) - len(old)))
    return source.replace(old, new)


@pass_context
def truncate(context: Context, value: Any, length: int = 80, end: str = "…") -> str:
    """Return text cut at a word to at most `length` characters."""
    whole, end = text(value), text(end)
    if len(whole) <= length:
        return whole
    check_text(context, len(whole) + len(end))
    kept = max(0, length - len(end))
    cut = whole[:kept]
    return (cut if whole[kept] == " " else cut.rsplit(" ", 1)[0]).rstrip() + end


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
    return sum((figures.decimal_of(number) for number in numbers), Decimal(0))


def _on_text(name: str) -> Callable[..., Any]:
    """Return one of Jinja's filters on text, given nothing but text."""
    original = JINJA_FILTERS[name]

    @pass_context
    def on_text(context: Context, value: Any) -> Any:
        source = text(value)
        check_text(context, len(source))
        made = original(source)
        if isinstance(made, str):
            check_text(context, len(made))
        return made

    return on_text


_EFFORT = {"groupby": 8, "sort": 4, "dictsort": 4, "unique": 2}  # rounds more that a filter takes for each entry


def _on_list(name: str) -> Callable[..., Any]:
    """Return one of Jinja's filters on lists, with its entries counted."""
    original: Any = JINJA_FILTERS[name]
    wants = getattr(getattr(original, "jinja_pass_arg", None), "name", "")

    @pass_context
    def on_list(context: Context, value: Any, *arguments: Any, **named: Any) -> Any:
        entries = _counted(context, value) if isinstance(value, dict) else _entries(context, value)
        charge_text(context, sum(len(entry) for entry in entries if isinstance(entry, str)))
        charge(context, len(entries) * _EFFORT.get(name, 0))
        _check_names(name, arguments, named)
        first = {"context": (context,), "environment": (context.environment,), "eval_context": (context.eval_ctx,)}
        return original(*first.get(wants, ()), entries, *arguments, **named)

    return on_list


def _check_names(name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Refuse the names of inner filters, and paths of attributes that are no names."""
    given = [each for each in (*arguments[:1], named.get("attribute")) if isinstance(each, str)]
    if any(len(each) > MAX_NAME for each in given) or (name == "map" and given and given[0].startswith("__")):
        raise TemplateRuntimeError(f"{name} cannot go by {short(given[0])}")


@pass_context
def _items(context: Context, value: Any) -> Iterable[Any]:
    """Return the pairs of a mapping."""
    if not isinstance(value, Mapping):
        raise TemplateRuntimeError("items needs a mapping")
    return _counted(context, value).items()


def _counted(context: Context, value: Mapping[str, Any]) -> Mapping[str, Any]:
    charge(context, len(value))
    return value


_PLACES: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        "__link__": _checked(escaping.link),
        "__path__": _encoded(escaping.path),
        "__query__": _encoded(escaping.query),
        "__css__": _checked(escaping.css),
    }
)


def _kind(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "list" if isinstance(value, list | tuple) else type(value).__name__


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **{name: JINJA_FILTERS[name] for name in "abs count length".split()},
        "int": figures.whole_number,
        "float": figures.real_number,
        **{name: _on_list(name) for name in "dictsort first groupby last list map max min reverse sort unique".split()},
        **{name: _on_list(name) for name in "reject rejectattr select selectattr".split()},
        **{name: _on_text(name) for name in "capitalize e escape lower striptags title trim upper wordcount".split()},
        "urlencode": _on_text("urlencode"),
        **dict.fromkeys(("default", "d"), default),
        "money": figures.money,
        "number": figures.number,
        "percent": figures.percent,
        "date": figures.date,
        "days_left": figures.days_left,
        "countdown": countdown.countdown,
        "allowed": allowed,
        "join": join,
        "replace": replace,
        "truncate": truncate,
        "round": figures.round_,
        "batch": batch,
        "sum": total,
        "items": _items,
        "string": text,
        # Written by guard.py and markup.py; a template cannot name them.
        "__shown__": shown_in_text,
        "__host__": _host,
        **{name: _keeping(name, KEPT[name], function) for name, function in _PLACES.items()},
        "__each__": each,
        "__concat__": concat,
        "__plain__": plain,
        "__weighed__": weighed,
        "__counted__": links.counting(shown_in_text, SHOWN_IN_TEXT),
        "__tagged__": links.tag_filter,
        "__pixel__": links.pixel_filter,
    }
)

_JINJA_TESTS: Mapping[str, Any] = JINJA_TESTS


def _weighing(name: str) -> Callable[..., bool]:
    """Return one of Jinja's tests that look at all of a text or list, with what it looks at counted."""
    original = _JINJA_TESTS[name]

    @pass_context
    def test(context: Context, *values: Any) -> bool:
        return bool(original(*(weighed(context, value) for value in values)))

    return test


_LOOKING = "in eq equalto == ne != gt > greaterthan ge >= lt < lessthan le <= lower upper".split()
_GLANCING = (
    "defined undefined none number string mapping sequence odd even divisibleby true false boolean integer float"
)
TESTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name: _JINJA_TESTS[name] for name in _GLANCING.split()} | {name: _weighing(name) for name in _LOOKING}
)
