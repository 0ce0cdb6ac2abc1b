"""`mailflow lint`: what is wrong with the files and with the mail they would make. The work: jobs/lint."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow.cli.frame import Format, Record, Session, command
from mailflow.cli.plain import harmless, visible
from mailflow.errors import ConfigError, PartialFailure, UsageError
from mailflow.phrases import many

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.lint import Finding, Report

_COLUMNS = ("code", "name", "severity", "file", "line", "column", "message", "remedy", "people", "of", "example")
_OF_PEOPLE = ("email", "contact", "code", "name", "severity", "file", "line", "message")
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_INDENT = 8
_SHOWN_BESIDE = 3


class LintFormat(StrEnum):
    """How findings are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    SARIF = "sarif"


@command
def lint(
    session: Session,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEMPLATE|CAMPAIGN]…", help="Only these; everything if none is named.", show_default=False
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample", metavar="N", min=1, help="At most N people of each campaign, not all.", show_default=False
        ),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Try templates that no campaign uses on everybody who may be mailed.")
    ] = False,
    people: Annotated[
        bool, typer.Option("--people", help="A row for everybody whom a finding concerns, not one example of them.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    format: Annotated[LintFormat, typer.Option("--format", help="How to print findings.")] = LintFormat.TABLE,
) -> None:
    """Check every file, and render every template for every recipient, before anybody gets it.

    A finding names file and line, how many people it concerns, and one of them. Exit code 0: nothing is wrong; 1: the
    mail is; 78: a file cannot be used, so not everything could be looked at. Warnings count with --strict, notes never.

    \b
    Examples:
      mailflow lint
      mailflow lint win_back --strict
      mailflow lint win_back --people --format csv > people.csv
      mailflow lint --sample 500 --format sarif > lint.sarif
    """
    from mailflow.jobs import lint as job

    if people and format is LintFormat.SARIF:
        raise UsageError("--people lists contacts, which SARIF has no place for: say another --format")
    options = job.Options(tuple(names or ()), sample, everybody)
    report = job.lint(session.workspace, options, now=session.now, progress=session.progress)
    if people:
        rows = list(job.people_of(session.workspace, report))
        replace(session, format=Format(format)).emit(rows, lambda: _people(rows), columns=_OF_PEOPLE)
    else:
        _print(session, report, format)
    _tell(session, report, strict=strict)


def _print(session: Session, report: Report, format: LintFormat) -> None:
    if format is LintFormat.SARIF:
        from mailflow.jobs.lint import sarif

        print(json.dumps(sarif.log(report.findings), ensure_ascii=False, indent=2), file=harmless(sys.stdout))
    elif format is LintFormat.TABLE:
        for finding, more in _folded(report.findings):
            session.out.print(_note(finding, more) if finding.check.severity == "note" else _finding(finding))
    else:
        rows = [finding.as_record() for finding in report.findings]
        replace(session, format=Format(format)).emit(rows, lambda: "", columns=_COLUMNS)


def _tell(session: Session, report: Report, *, strict: bool) -> None:
    """Say how it stands; errors, and with `strict` warnings, fail."""
    from mailflow.jobs.lint import Severity

    if beside := report.broken_beside:
        shown = ", ".join(beside[:_SHOWN_BESIDE]) + (", …" if len(beside) > _SHOWN_BESIDE else "")
        is_one = len(beside) == 1
        session.say(
            f"{many(len(beside), 'other file is', 'other files are')} broken too ({shown}):"
            f" `mailflow lint` says what is wrong with {'it' if is_one else 'them'}"
        )
    if report.unlooked:
        session.say(
            f"{many(report.unlooked, 'message has', 'messages have')} a shape beyond the first 300 of their template:"
            " contrast and places on the page were not looked at there"
        )
    done = f"{many(report.templates, 'template', 'templates')}, {many(report.messages, 'message', 'messages')}"
    errors, warnings, notes = (report.count(severity) for severity in Severity)
    if not (errors or warnings):
        session.say(f"{done}: nothing is wrong" + (f", {many(notes, 'note', 'notes')}" if notes else ""))
        return
    counts = (many(errors, "error", "errors"), many(warnings, "warning", "warnings"), many(notes, "note", "notes"))
    told = f"{done}: {', '.join(counts)}"
    if report.has_broken_files:
        raise ConfigError(told)
    if errors or strict:
        raise PartialFailure(told)
    session.say(told)


def _people(rows: Sequence[Record]) -> RenderableType:
    """Return who is concerned as a table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("E-mail", "Where", "What"):
        table.add_column(name, overflow="fold")
    for row in rows:
        where = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
        table.add_row(*map(Text, map(visible, (row["email"] or row["contact"], where, row["message"]))))
    return table


def _folded(findings: Sequence[Finding]) -> Iterator[tuple[Finding, int]]:
    """Yield findings, of the notes of one kind in one place the one with most people and how many more there are."""
    for (severity, *_), alike in groupby(findings, lambda each: (each.check.severity, each.where, each.check.code)):
        several = list(alike)
        if severity == "note":
            yield max(several, key=lambda each: each.people), len(several) - 1
        else:
            yield from ((each, 0) for each in several)


def _note(finding: Finding, more: int) -> RenderableType:
    """Return a note as one line: nothing has to be done about it."""
    from rich.text import Text

    people = f" ({finding.people:,} of {many(finding.of, 'person', 'people')})" if finding.people else ""
    others = f"; {more} more such, --format json has all" if more else ""
    return Text(f"note    {finding.where}: {visible(finding.message)}{people}{others}", style="dim")


def _finding(finding: Finding) -> RenderableType:
    """Return a finding as a few lines: what and where, whom it concerns, and how to mend it."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_INDENT - 1, no_wrap=True)
    grid.add_column(overflow="fold")
    severity = str(finding.check.severity)
    grid.add_row(
        Text(severity, style=_STYLES[severity]),
        Text(f"{finding.where}: {visible(finding.message)} [{finding.check.code} {finding.check.name}]"),
    )
    if finding.people:
        whom = f"{finding.people:,} of {many(finding.of, 'person', 'people')}, such as {visible(finding.example or '')}"
        grid.add_row("", Text(whom))
    grid.add_row("", Text(f"→ {finding.remedy}"))
    return Padding(grid, (0, 0, 1, 0))
