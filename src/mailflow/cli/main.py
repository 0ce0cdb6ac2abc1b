"""Run one command and turn exceptions into sentences and exit codes: the only place that does."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from mailflow import __version__
from mailflow.cli.plain import shown
from mailflow.cli.registry import COMMANDS
from mailflow.cli.talk import talk
from mailflow.errors import MailflowError, UnavailableError, UsageError

INTERRUPTED = 130
INTERNAL_ERROR = 70
# What is wrong with a path that somebody typed, not with the computer.
_WRONG_NAMES = frozenset({errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP})


class LazyGroup(TyperGroup):
    """The root command: knows all names and summaries, imports the code of the one that is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        target = getattr(importlib.import_module(entry.module), entry.attribute)
        if isinstance(target, typer.Typer):
            return typer.main.get_command(target)
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        alone.command(cmd_name)(target)
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # typer suggests from `self.commands`, which a lazy group leaves empty.
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:  # typer has choices checked by pydantic, in its words
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    name="mailflow",
    cls=LazyGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mailflow {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
    ),
) -> None:
    """E-mail marketing automation from CSV files, one database file and cron.

    \b
    Examples:
      mailflow demo                          see all of it at work on sample data
      mailflow init shop && cd shop          start your own workspace
      mailflow import contacts.csv orders.csv
      mailflow plan thank_you                who would get it, who would not, why
      mailflow send thank_you                send it: asks first
    """


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code; nothing that goes wrong ends as a traceback."""
    _never_fail_at_printing()
    try:
        result = app(args=arguments, prog_name="mailflow", standalone_mode=True)
    except SystemExit as leave:
        return _exit_code(leave)
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:  # every exception becomes a sentence here, and only here
        return _report(error)
    return int(result or 0)


def _never_fail_at_printing() -> None:
    """Write a letter that the terminal's encoding does not have as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _interrupted() -> int:
    talk("mailflow: interrupted; nothing stays half-done, and the same command goes on from there")
    return INTERRUPTED


def _exit_code(leave: SystemExit) -> int:
    if leave.code == INTERRUPTED:  # typer turns Ctrl-C into this code, without a word
        return _interrupted()
    return leave.code if isinstance(leave.code, int) else int(leave.code is not None)


def _report(error: Exception) -> int:
    known = error if isinstance(error, MailflowError) else _translate(error)
    if known is not None:
        talk(f"mailflow: {known}")
        return known.exit_code
    if os.environ.get("MAILFLOW_DEBUG"):
        traceback.print_exception(error)
    talk(
        f"mailflow: internal error, please report it ({type(error).__name__}: {error}). "
        "Nothing half-done was kept. MAILFLOW_DEBUG=1 shows where"
    )
    return INTERNAL_ERROR


def _translate(error: Exception) -> MailflowError | None:
    """Return what a foreign exception means for the user, or None for one that nobody foresaw."""
    if isinstance(error, OSError):
        return _translate_os_error(error)
    if isinstance(error, UnicodeEncodeError):  # a word of the command line, of which the system gives every byte
        return UsageError(f"{error.object[:60]!a} is not UTF-8 text: write it with the letters that it stands for")
    if isinstance(error, OverflowError):  # a number on the command line that neither SQLite nor a date can hold
        return UsageError(f"a number or a time is far too large ({error})")
    from mailflow.store import database

    return database.explain(error)


def _translate_os_error(error: OSError) -> MailflowError:
    where = f"{shown(error.filename)}: " if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return UnavailableError(f"{where}the disk is full: nothing half-done was kept. Free some space and repeat")
    if isinstance(error, FileNotFoundError):
        return UsageError(f"{where}there is no such file")
    if isinstance(error, IsADirectoryError):
        return UsageError(f"{where}is a folder, not a file")
    if isinstance(error, PermissionError):
        return UsageError(f"{where}permission denied")
    if error.errno in _WRONG_NAMES:
        return UsageError(f"{where}{error.strerror}: name another place")
    return UnavailableError(f"{where}{error.strerror or error}")
