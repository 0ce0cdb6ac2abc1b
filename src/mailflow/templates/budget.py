"""What one render may cost, counted while it runs: rounds of loops, entries of lists, characters of text.

Counts and not seconds, so that a template that works on one machine works on every other. What is counted at: loops
and comparisons by guard.py, filters by filters.py, operators by environment.py.
"""

from __future__ import annotations

from typing import Any

from jinja2 import pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Context

MAX_TEXT = 64_000  # characters of a text made inside a template
MAX_ITEMS = 10_000  # entries of a list made inside a template
LOOP_BUDGET = 200_000  # nodes of loop bodies run in one render, and entries of lists looked at
TEXT_BUDGET = 4_000_000  # characters that filters and operators read and make in one render
NAME = "__budget__"  # the render's variable that holds what is left of both


def full() -> list[int]:
    """Return the value of `NAME` that a render begins with."""
    return [LOOP_BUDGET, TEXT_BUDGET]


def charge(context: Context, cost: int) -> None:
    """Take rounds of loops or entries of lists from what is left."""
    left = context.parent[NAME]  # no template can give it another value
    left[0] -= cost
    if left[0] < 0:
        raise TemplateRuntimeError("the loops of this template take too many rounds for one message")


def charge_text(context: Context, size: int) -> None:
    """Take characters that are read or made from what is left."""
    left = context.parent[NAME]
    left[1] -= size
    if left[1] < 0:
        raise TemplateRuntimeError("this template makes too much text out of other text for one message")


def check_text(context: Context, size: int) -> None:
    """Refuse a text that would get too long, and take its characters from what is left."""
    if size > MAX_TEXT:
        raise TemplateRuntimeError("a text made in the template is too long")
    charge_text(context, size)


@pass_context
def weighed(context: Context, value: Any) -> Any:
    """Return what is compared or sliced, and take its size from what is left."""
    if isinstance(value, str):
        charge_text(context, len(value))
    elif isinstance(value, list | tuple | dict):
        charge(context, len(value))
    return value
