"""What a person sees while something is made that takes seconds, however deep inside: set by whoever talks to them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar

Advance = Callable[[int], object]  # told of steps that were done
Shown = Callable[[str, int | None], AbstractContextManager[Advance]]


def _in_silence(label: str, total: int | None) -> AbstractContextManager[Advance]:
    return nullcontext(lambda steps: None)


_shown: ContextVar[Shown] = ContextVar("shown", default=_in_silence)


def show_with(shown: Shown) -> None:
    """Let `shown` display what takes seconds from now on: it gets a label and the number of steps, if that is known."""
    _shown.set(shown)


def shown(label: str, total: int | None = None) -> AbstractContextManager[Advance]:
    """Show that something is being made for as long as the context lasts; silent where nobody looks on."""
    return _shown.get()(label, total)
