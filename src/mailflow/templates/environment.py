"""The Jinja that templates run in: sandboxed, strict about what is missing, plain data only, with limits.

What a template may say: guard.py; what may stand behind a `|`: filters.py. The trees are checked before compiling, and
attribute access here knows nothing but mappings, lists, dates and loops, so no Python object is ever in reach.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, nodes
from jinja2.exceptions import TemplateRuntimeError, TemplateSyntaxError
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailflow.templates import filters, guard

MAX_OUTPUT = 2 * 1024 * 1024  # characters of one rendered part
LOOP_BUDGET = 200_000  # nodes of loop bodies run in one render
_AT_ONCE = 200  # pieces of output taken before their size is looked at: at most 200 x filters.MAX_TEXT

_DATE_PARTS = frozenset("year month day hour minute second".split())
_NOWHERE: Any = Undefined()._undefined_obj  # what an unknown variable is said to be of
_LOOP_PARTS = frozenset(
    "index index0 revindex revindex0 first last length depth depth0 previtem nextitem cycle".split()
)


class Missing(StrictUndefined):
    """A name that is not there: every use of it fails, in words that say which and what may be meant."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name = self._undefined_name
        if self._undefined_obj is _NOWHERE:
            return f"there is no {name!r}"
        if self._undefined_obj is None:
            return f"{name!r} is asked of something that is empty for this person"
        known = (
            [key for key in self._undefined_obj if isinstance(key, str)]
            if isinstance(self._undefined_obj, dict)
            else []
        )
        near = difflib.get_close_matches(str(name), known, n=1)
        return f"there is no {name!r} here" + (f" (did you mean {near[0]!r}?)" if near else "")


class MailEnvironment(ImmutableSandboxedEnvironment):
    """Jinja for mail. Not for anything but trees that `guard.Guard` passed."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, *, is_html: bool, loader: BaseLoader | None = None) -> None:
        # Every value goes through `__shown__`, which escapes; Jinja's autoescape would do it once more, and slower.
        super().__init__(autoescape=False, undefined=Missing, loader=loader, keep_trailing_newline=True, cache_size=50)
        self.globals.clear()
        self.filters = dict(filters.FILTERS)
        if is_html:
            self.filters["__shown__"] = filters.shown_in_html
        self.tests = dict(filters.TESTS)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > guard.MAX_SOURCE:
            raise TemplateSyntaxError(f"a template has at most {guard.MAX_SOURCE // 1024} KB", 1, name, filename)
        try:
            tree = super()._parse(source, name, filename)
            return guard.Guard(self, name, filename).visit(tree)  # type: ignore[no-any-return]
        except (RecursionError, MemoryError, OverflowError, ValueError):
            raise TemplateSyntaxError(
                "this is nested too deeply or holds too large a number", 1, name, filename
            ) from None

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `obj.attribute` of plain data: an entry of a mapping, a part of a date or of the loop."""
        kind = type(obj)
        if kind is dict:
            try:
                return obj[attribute]
            except KeyError:
                return Missing(obj=obj, name=attribute)
        if kind is LoopContext and attribute in _LOOP_PARTS:
            return getattr(obj, attribute)
        if isinstance(obj, date) and attribute in _DATE_PARTS:
            return getattr(obj, attribute, 0)
        if isinstance(obj, Undefined):
            return obj
        return Missing(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `obj[argument]` of a mapping, list or text."""
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, list | tuple | str) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except (IndexError, TypeError, ValueError):
                return Missing(obj=obj, name=str(argument))
        return self.getattr(obj, argument) if isinstance(argument, str) else Missing(obj=obj, name=str(argument))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return `left operator right`, after a look at how large it would get."""
        _check_operation(operator, left, right)
        return super().call_binop(context, operator, left, right)


def _check_operation(operator: str, left: Any, right: Any) -> None:
    if isinstance(left, Undefined) or isinstance(right, Undefined):
        return  # the operation itself says what is missing
    if isinstance(left, str | list | tuple) or isinstance(right, str | list | tuple):
        if operator != "+":
            raise TemplateRuntimeError(f"{operator} is for numbers, not for text or lists")
        size, limit = len(left) + len(right), filters.MAX_TEXT if isinstance(left, str) else filters.MAX_ITEMS
        if type(left) is not type(right) and not (isinstance(left, str) and isinstance(right, str)):
            raise TemplateRuntimeError("+ joins two texts or two lists; use ~ to join a text and a number")
        if size > limit:
            raise TemplateRuntimeError("a text or list made in the template is too long")
    elif operator in "**" and isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        bits = _bits(left) * abs(int(right)) if operator == "**" else _bits(left) + _bits(right)
        if bits > 512:
            raise TemplateRuntimeError("a number made in the template is too large")


def _bits(number: int | Decimal) -> int:
    return (
        number.bit_length() if isinstance(number, int) else 4 * (abs(number.adjusted()) + len(number.as_tuple().digits))
    )


def run(template: Template, values: Mapping[str, Any]) -> str:
    """Return a template rendered with plain values; stops at `MAX_OUTPUT` and `LOOP_BUDGET`."""
    return "".join(pieces(template, values))


def pieces(template: Template, values: Mapping[str, Any]) -> list[str]:
    """Return what `run` does in pieces: the template's own words as the same objects each time, and values between."""
    context = template.new_context({**values, filters.BUDGET: [LOOP_BUDGET]})
    stream = template.root_render_func(context)
    found = list(islice(stream, _AT_ONCE))
    size = sum(map(len, found))
    for piece in stream:
        size += len(piece)
        if size > MAX_OUTPUT:
            break
        found.append(piece)
    if size > MAX_OUTPUT:
        raise TemplateRuntimeError(f"the message is larger than {MAX_OUTPUT // 1024 // 1024} MB")
    return found


HTML = MailEnvironment(is_html=True)
TEXT = MailEnvironment(is_html=False)
