"""The terminal as rich writes to it: what a command shows is never markup, and nothing in it steers the terminal.

What a value looks like there: plain.py. This is the last line behind it: nothing is printed but through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from mailflow.cli.plain import steerless


class PlainConsole(Console):
    """A console on which text is text."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, emoji=False, markup=False)

    def on_broken_pipe(self) -> None:
        """Leave the end to `frame.command`, as a shell expects it; rich would call it a failure."""
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> Text:
        """Return text as rich lays it out, with what steers a terminal as escapes of their own width."""
        return super().render_str(steerless(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is printed; only rich itself moves the cursor."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(steerless(segment.text), segment.style)
