"""The Jinja that templates run in: sandboxed, strict about what is missing, plain data only, with limits.

What a template may say: guard.py; what may stand behind a `|`: filters.py. The trees are checked before compiling, and
attribute access here knows nothing but mappings, lists, dates and loops, so no Python object is ever in reach.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from types import CodeType
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, nodes
from jinja2.exceptions import TemplateRuntimeError, TemplateSyntaxError
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailflow.templates import budget, figures, filters, foreign, guard, links
from mailflow.templates.codegen import AT_ONCE, MailCode

MAX_OUTPUT = 2 * 1024 * 1024  # characters of one rendered part
MAX_TOKENS = 12_000  # words and signs inside the tags of one part; the largest real one has a tenth of it

_LOOKED_AT = 2 * AT_ONCE  # pieces after which their size is looked at: few enough to be joined whatever they hold
_TOO_LARGE = f"the message is larger than {MAX_OUTPUT // 1024 // 1024} MB"
_LONG_TAG = re.compile(r"\{[{%][^{}]{16000}")  # reading a number of 256 KB alone would take 60 MB
_JOINING = "+ joins two texts or two lists; use ~ to join a text and a number"
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
            return f"there is no {name!r}{foreign.hint(str(name))}"
        known = (
            [key for key in self._undefined_obj if isinstance(key, str)]
            if isinstance(self._undefined_obj, dict)
            else []
        )
        near = difflib.get_close_matches(str(name), known, n=1)
        return f"there is no {name!r} here" + (f" (did you mean {near[0]!r}?)" if near else foreign.hint(str(name)))


class MailEnvironment(ImmutableSandboxedEnvironment):
    """Jinja for mail. Not for anything but trees that `guard.Guard` passed."""

    code_generator_class = MailCode
    context_class = figures.MailContext
    intercepted_binops = frozenset({"+", "-", "*", "**", "%", "/", "//"})

    def __init__(self, *, is_html: bool, loader: BaseLoader | None = None) -> None:
        # Every value goes through `__shown__`, which escapes; Jinja's autoescape would do it once more, and slower.
        # Jinja's optimizer tries every part of an expression again at every level: cubic in its depth.
        super().__init__(
            autoescape=False,
            undefined=Missing,
            loader=loader,
            keep_trailing_newline=True,
            cache_size=50,
            optimized=False,
        )
        self.globals.clear()
        self.eval_ctx = nodes.EvalContext(self)  # of all contexts: nothing that a template may say changes it
        self.filters = dict(filters.FILTERS)
        shown = self.filters["__shown__"] = filters.shown_in_html if is_html else filters.shown_in_text
        # A filter has mostly seen a text before: codegen.py looks there first.
        self.kept = {**filters.KEPT, "__shown__": filters.SHOWN_IN_HTML if is_html else filters.SHOWN_IN_TEXT}
        for name, (kept, function) in filters.shown_places(shown).items():
            self.kept[name], self.filters[name] = kept, function
        self.filters["__counted__"] = links.counting(shown, self.kept["__shown__"])
        self.tests = dict(filters.TESTS)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > MAX_OUTPUT:
            raise TemplateSyntaxError(f"a template has at most {MAX_OUTPUT // 1024 // 1024} MB", 1, name, filename)
        long = _LONG_TAG.search(source)
        if long:
            message = "a tag is longer than 16,000 characters: is its end missing?"
            raise TemplateSyntaxError(message, source.count("\n", 0, long.start()) + 1, name, filename)
        try:
            with _too_deep(name, filename):
                tree = super()._parse(source, name, filename)
                return guard.Guard(self, name, filename).visit(tree)  # type: ignore[no-any-return]
        except (OverflowError, ValueError):
            raise TemplateSyntaxError("a number in this template is too large", 1, name, filename) from None

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        tokens = super()._tokenize(source, name, filename, state)
        return TokenStream(_counted(tokens, name, filename), name, filename)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        with _too_deep(name, filename):
            return super()._generate(source, name, filename, defer_init)

    def _compile(self, source: str, filename: str) -> CodeType:
        with _too_deep(None, filename):
            return super()._compile(source, filename)

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
        if obj is None or isinstance(obj, Undefined):
            return (
                obj  # a part of nothing is nothing: no class for who never ordered, no name of a store that is not near
            )
        return Missing(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `obj[argument]` of a mapping, list or text."""
        if obj is None or isinstance(obj, Undefined):
            return obj
        if isinstance(obj, list | tuple | str) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except (IndexError, TypeError, ValueError):
                return Missing(obj=obj, name=str(argument))
        return self.getattr(obj, argument) if isinstance(argument, str) else Missing(obj=obj, name=str(argument))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return `left operator right`, after a look at how large it would get."""
        _check_operation(context, operator, left, right)
        return super().call_binop(context, operator, left, right)


@contextmanager
def _too_deep(name: str | None, filename: str | None) -> Iterator[None]:
    try:
        yield
    except (RecursionError, MemoryError, SyntaxError):
        raise TemplateSyntaxError("this is nested too deeply", 1, name, filename) from None


def _counted(tokens: Iterable[Token], name: str | None, filename: str | None) -> Iterator[Token]:
    """Yield tokens up to the limit: a tree takes 3 KB and 60 microseconds for each of them."""
    for number, token in enumerate(tokens):
        if number > MAX_TOKENS:
            message = f"the tags of a template have at most {MAX_TOKENS:,} words and signs"
            raise TemplateSyntaxError(message, token.lineno, name, filename)
        yield token


def _check_operation(context: Any, operator: str, left: Any, right: Any) -> None:
    if isinstance(left, Undefined) or isinstance(right, Undefined):
        return  # the operation itself says what is missing
    if isinstance(left, str | list | tuple) or isinstance(right, str | list | tuple):
        if operator != "+":
            raise TemplateRuntimeError(f"{operator} is for numbers, not for text or lists")
        if left is None or right is None:
            return  # Python's own words say so
        if not (isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple)):
            raise TemplateRuntimeError(_JOINING)
        size, limit = len(left) + len(right), budget.MAX_TEXT if isinstance(left, str) else budget.MAX_ITEMS
        if type(left) is not type(right) and not (isinstance(left, str) and isinstance(right, str)):
            raise TemplateRuntimeError(_JOINING)
        if size > limit:
            raise TemplateRuntimeError("a text or list made in the template is too long")
        (budget.charge_text if isinstance(left, str) else budget.charge)(context, size)
    elif operator in "**" and isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        bits = _bits(left) + _bits(right) if operator == "*" else _bits(left) * _times(right)
        if bits > guard.MAX_BITS:
            raise TemplateRuntimeError("a number made in the template is too large")


def _times(power: int | Decimal) -> int:
    """Return how often a power multiplies; 1E+999999 is far too often, and takes seconds as a whole number."""
    return abs(int(power)) if isinstance(power, int) or power.adjusted() < 4 else guard.MAX_BITS + 1


def _bits(number: int | Decimal) -> int:
    return (
        number.bit_length() if isinstance(number, int) else 4 * (abs(number.adjusted()) + len(number.as_tuple().digits))
    )


def run(template: Template, values: Mapping[str, Any]) -> str:
    """Return a template rendered with plain values; stops at `MAX_OUTPUT` and the limits of budget.py."""
    return pieces(template, {**values, figures.TOLD: None, figures.AMOUNTS: None})[1]


def text_of(template: Template, known: dict[str, Any]) -> str:
    """Return what `run` does, of values that `pieces` may note things in."""
    return pieces(template, known)[1]


def pieces(template: Template, known: dict[str, Any]) -> tuple[list[str], str]:
    """Return what `run` does, and what it is joined of.

    The pieces are the template's own words, as the same objects each time, and values between them. What one part of a
    message finds out of how figures are written is noted in `known`, for the next one; what it may cost begins anew.
    """
    known[budget.NAME] = budget.full()
    context = figures.MailContext(template.environment, known, template.name, template.blocks)  # type: ignore[arg-type]
    found: list[str] = []
    size = seen = 0
    for some in template.root_render_func(context):
        found += some
        if len(found) - seen > _LOOKED_AT:
            size += sum(map(len, found[seen:]))
            seen = len(found)
            if size > MAX_OUTPUT:
                raise TemplateRuntimeError(_TOO_LARGE)
    text = "".join(found)
    if len(text) > MAX_OUTPUT:
        raise TemplateRuntimeError(_TOO_LARGE)
    return found, text


HTML = MailEnvironment(is_html=True)
TEXT = MailEnvironment(is_html=False)
