"""The progress bar of `mailflow import`: per file and phase, with rows a second and the time left."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mailflow import clock

if TYPE_CHECKING:
    from mailflow.cli.frame import Session
    from mailflow.importers.reading.meter import Phase, Progress

_AFTER_SECONDS = 1.0
_NAME_WIDTH = 24


class ImportBar:
    """Shows how far an import is, once it takes over a second, on a terminal alone. A context manager."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._silent = session.quiet or not sys.stderr.isatty()
        self._begun = clock.monotonic()
        self._bar: Any = None
        self._shown: tuple[object, Phase] | None = None

    def __enter__(self) -> ImportBar:
        return self

    def __exit__(self, *exc: object) -> None:
        self.hide()

    def __call__(self, progress: Progress) -> None:
        """Show this much as done."""
        if self._silent or clock.monotonic() - self._begun < _AFTER_SECONDS:
            return
        if self._bar is None:
            self._bar = _bar(self._session.err)
            self._bar.start()
        if self._shown != (progress.file, progress.phase):
            self._shown = (progress.file, progress.phase)
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            name = progress.file.name
            short = name if len(name) <= _NAME_WIDTH else f"…{name[1 - _NAME_WIDTH :]}"
            self._bar.add_task(f"{progress.phase} {short}", total=progress.total or None)
        self._bar.update(self._bar.task_ids[0], completed=progress.done, total=progress.total or None)

    def hide(self) -> None:
        """Take the bar away, to ask something or because it is done."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._shown = None


def _bar(console: Any) -> Any:
    from rich import progress
    from rich.text import Text

    class Rate(progress.ProgressColumn):
        """Rows a second."""

        def render(self, task: progress.Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f} rows/s" if speed else "", style="progress.data.speed")

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=None),
        progress.TaskProgressColumn(),
        Rate(),
        progress.TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    )
