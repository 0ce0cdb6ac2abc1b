"""What all commands share: the common options, the session behind them, and how rows are printed.

Data goes to stdout, talk to stderr. `@command` turns a function whose first parameter is a `Session` into a typer
command with the common options.
"""

from __future__ import annotations

import functools
import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Protocol, get_type_hints

import typer

from mailflow import clock, spreadsheets, waiting
from mailflow.cli.plain import harmless, steerless, visible
from mailflow.cli.talk import talk
from mailflow.errors import QuestionError, UsageError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from mailflow.workspace import Workspace

BROKEN_PIPE = 141  # as a shell tells it: 128 + SIGPIPE

Cell = str | int | float | bool | None | Sequence[Any] | Mapping[str, Any]
Record = Mapping[str, Cell]


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


class Progress(Protocol):
    """Told how much of a long task is done."""

    def __call__(self, steps: int = 1, /) -> None: ...


@dataclass(frozen=True)
class Session:
    """One invocation: where, when, how to print."""

    workspace_option: Path | None
    format: Format
    quiet: bool
    verbose: bool
    now_option: str | None

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace this command works in; found on first use."""
        from mailflow.workspace import Workspace

        start = self.workspace_option or os.environ.get("MAILFLOW_WORKSPACE")
        return Workspace.at(Path(start)) if start else Workspace.find(Path.cwd())

    @cached_property
    def now(self) -> datetime:
        """The instant this command takes for the present: `--now`, else the clock."""
        if self.now_option is None:
            return clock.now()
        return clock.parse_instant(self.now_option, self.workspace.settings.zone)

    @cached_property
    def out(self) -> Console:
        """Rich console on stdout, for tables."""
        from mailflow.cli.console import PlainConsole

        return PlainConsole()

    @cached_property
    def err(self) -> Console:
        """Rich console on stderr, for talk and progress."""
        from mailflow.cli.console import PlainConsole

        return PlainConsole(stderr=True)

    def say(self, text: str) -> None:
        """Print a line of talk to stderr, unless `--quiet`."""
        if not self.quiet:
            talk(text)

    def emit(self, rows: Sequence[Record], table: Callable[[], RenderableType], *, columns: Sequence[str] = ()) -> None:
        """Print rows to stdout in the format asked for; `columns` heads a CSV that may be empty."""
        to = harmless(sys.stdout)
        match self.format:
            case Format.TABLE:
                self.out.print(table())
            case Format.JSON:
                print(json.dumps(list(rows), ensure_ascii=False, indent=2), file=to)
            case Format.JSONL:
                for row in rows:
                    print(json.dumps(row, ensure_ascii=False), file=to)
            case Format.CSV:
                print(_as_csv(rows, columns), end="", file=to)

    def emit_object(self, record: Record, table: Callable[[], RenderableType]) -> None:
        """Print one object (a plan, a status): JSON as the object itself, CSV as one row."""
        if self.format is Format.JSON:
            print(json.dumps(record, ensure_ascii=False, indent=2), file=harmless(sys.stdout))
        else:
            self.emit([record], table)

    def emit_holding(self, record: Record, name: str, rows: Iterable[Record]) -> None:
        """Print one object as JSON, last in it a list of rows as they come, however many there are."""
        to = harmless(sys.stdout)
        print(json.dumps(record, ensure_ascii=False, indent=2).removesuffix("\n}"), end="", file=to)
        print(f",\n  {json.dumps(name)}: [", end="", file=to)
        for number, row in enumerate(rows):
            print(",\n    " if number else "\n    ", json.dumps(row, ensure_ascii=False), sep="", end="", file=to)
        print("\n  ]\n}", file=to)

    def emit_stream(self, rows: Iterable[Record], *, columns: Sequence[str]) -> None:
        """Print rows as JSON, JSON lines or CSV as they come, however many there are; a table is the caller's."""
        to = harmless(sys.stdout)
        match self.format:
            case Format.CSV:
                writer = spreadsheets.writer(to)
                writer.writerow(columns)
                writer.writerows([_csv_cell(row.get(name)) for name in columns] for row in rows)
            case Format.JSON:
                print("[", end="", file=to)
                for number, row in enumerate(rows):
                    print(",\n " if number else "\n ", json.dumps(row, ensure_ascii=False), end="", file=to)
                print("\n]", file=to)
            case _:
                for row in rows:
                    print(json.dumps(row, ensure_ascii=False), file=to)

    @contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Progress]:
        """Show a progress bar with rate and time left on a terminal, and nothing anywhere else."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda steps=1: None
            return
        with _progress_bar(self.err) as bar:
            task = bar.add_task(label, total=total)
            yield lambda steps=1: bar.advance(task, steps)

    def confirm(self, question: str, *, otherwise: str = "--yes, or --plan ID from `mailflow plan`") -> bool:
        """Ask a yes-no question; without a terminal to ask on it is a `UsageError` that says what to say instead."""
        if not sys.stdin.isatty():
            raise UsageError(f"{question} There is no terminal to ask on: say {otherwise}")
        print(f"{steerless(question)} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def choose(self, question: QuestionError) -> str | None:
        """Ask which of a question's choices holds; None without a terminal, or where the answer is none of them."""
        if not sys.stdin.isatty() or not question.choices:
            return None
        talk(f"{question.question}.")
        for number, shown in enumerate(question.choices, 1):
            print(f"  {number}  {visible(shown)}", file=sys.stderr)
        print(f"Which? [1-{len(question.choices)}, Enter for none] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip()
        values = list(question.choices.values())
        return values[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(values) else None


def _progress_bar(console: Console) -> Any:
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=None),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _as_csv(rows: Sequence[Record], columns: Sequence[str]) -> str:
    names = list(columns) or list(rows[0] if rows else ())
    buffer = io.StringIO()
    writer = spreadsheets.writer(buffer)
    if names:
        writer.writerow(names)
    writer.writerows([_csv_cell(row.get(name)) for name in names] for row in rows)
    return buffer.getvalue()


def _csv_cell(value: Cell) -> str:
    """Return a cell as text that a spreadsheet does not run."""
    if value is None:
        return ""
    if isinstance(value, str):
        return spreadsheets.safe(value)
    return json.dumps(value, ensure_ascii=False)


COMMON_OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "workspace": (
        Annotated[
            Path | None,
            typer.Option(
                "--workspace",
                help="The workspace folder; else found upwards from here.",
                metavar="DIR",
                show_default=False,
            ),
        ],
        None,
    ),
    "format": (Annotated[Format, typer.Option("--format", help="How to print data.")], Format.TABLE),
    "quiet": (Annotated[bool, typer.Option("--quiet", "-q", help="No talk, only data and errors.")], False),
    "verbose": (Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")], False),
    "now": (
        Annotated[
            str | None,
            typer.Option(
                "--now", help="Take this for the present time (ISO 8601).", metavar="TIME", show_default=False
            ),
        ],
        None,
    ),
}


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function as a typer command: its `session` parameter is replaced by the common options."""
    hints = get_type_hints(function, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "session"
    ]
    said = {parameter.name for parameter in own}  # a command may have a --format of its own
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in COMMON_OPTIONS.items()
        if name not in said
    ]

    @functools.wraps(function)
    def wrapper(**options: Any) -> None:
        chosen = {name: default if name in said else options.pop(name) for name, (_, default) in COMMON_OPTIONS.items()}
        session = Session(chosen["workspace"], chosen["format"], chosen["quiet"], chosen["verbose"], chosen["now"])
        waiting.show_with(session.progress)
        try:
            function(session, **options)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_without_reader()

    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    wrapper.__signature__ = inspect.Signature([*keyword_only, *common])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in [*keyword_only, *common]}
    del wrapper.__wrapped__  # typer would read the inner signature through it
    return wrapper


def _leave_without_reader() -> NoReturn:
    """End because nobody reads stdout any more (`mailflow … | head`), before typer makes a failure of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(BROKEN_PIPE)


def group(name: str, help_text: str) -> typer.Typer:
    """Return a group of commands such as `mailflow contact …`, with mailflow's plain help."""
    return typer.Typer(name=name, help=help_text, rich_markup_mode=None, no_args_is_help=True, add_completion=False)
