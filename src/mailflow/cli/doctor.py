"""`mailflow doctor`: what is wrong with the workspace and how to mend it, and where each field of people comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mailflow.cli.frame import Format, Session, command
from mailflow.errors import PartialFailure
from mailflow.phrases import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from mailflow.jobs.doctor import Diagnosis, FieldReport, Finding

_FINDING_COLUMNS = ("severity", "area", "where", "message", "remedy")
_FIELD_COLUMNS = ("field", "type", "declared", "filled", "contacts", "fill_rate", "newest_at", "sources", "read_by")
_SHOWN_SOURCES = 2
_INDENT = 6


@command
def doctor(
    session: Session,
    data: Annotated[bool, typer.Option("--data", help="Only the fields, without the checks.")] = False,
) -> None:
    """Check files, database and data, and list each field's source, freshness, fill and readers.

    Every finding says what is wrong and how to mend it. Exit code 1 when something is wrong; hints alone leave it 0.
    As JSON an object with `findings` and `fields`; JSON lines and CSV hold the findings, and with --data the fields.

    \b
    Examples:
      mailflow doctor
      mailflow doctor --data
      mailflow doctor --format json
    """
    from mailflow.jobs import doctor as job

    if data:
        fields = job.fields_only(session.workspace, now=session.now, progress=session.progress)
        if session.format is Format.TABLE:
            _print_fields(session, fields)
        else:
            session.emit([field.as_record() for field in fields], lambda: "", columns=_FIELD_COLUMNS)
        return
    diagnosis = job.diagnose(session.workspace, now=session.now, progress=session.progress)
    _print(session, diagnosis)
    _tell(session, diagnosis)


def _print(session: Session, diagnosis: Diagnosis) -> None:
    findings = [finding.as_record() for finding in diagnosis.findings]
    if session.format is Format.JSON:
        fields = [field.as_record() for field in diagnosis.fields]
        session.emit_object({"database": diagnosis.database, "findings": findings, "fields": fields}, lambda: "")
    elif session.format is not Format.TABLE:
        session.emit(findings, lambda: "", columns=_FINDING_COLUMNS)
    else:
        for finding in diagnosis.findings:
            session.out.print(_finding(finding, session.out.width))
        if diagnosis.fields:
            _print_fields(session, diagnosis.fields)


def _tell(session: Session, diagnosis: Diagnosis) -> None:
    """Say how it stands; something wrong is a `PartialFailure`."""
    if diagnosis.database is not None:
        session.say(f"mailflow.db: {diagnosis.database}")
    errors, hints = diagnosis.errors, len(diagnosis.findings) - diagnosis.errors
    if errors:
        raise PartialFailure(f"{many(errors, 'thing is', 'things are')} wrong, {many(hints, 'hint', 'hints')}")
    session.say("nothing is wrong" + (f", {many(hints, 'hint', 'hints')}" if hints else ""))


def _finding(finding: Finding, width: int) -> RenderableType:
    """Return a finding as a few lines: what and where, and under it how to mend it."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    message, *shown = finding.message.splitlines()
    if all(len(line) <= width - _INDENT for line in shown):  # a rule with carets under it: only where it fits
        message = finding.message
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_INDENT - 1, no_wrap=True)
    grid.add_column()
    severity = Text(finding.severity.value, style="bold red" if finding.severity == "error" else "yellow")
    grid.add_row(severity, Text(f"{finding.where}: {message}"))
    grid.add_row("", Text(f"→ {finding.remedy}"))
    return Padding(grid, (0, 0, 1, 0))


def _print_fields(session: Session, fields: Sequence[FieldReport]) -> None:
    """Print the table of fields, and in a line under it those that are empty and that nothing reads."""
    from rich.text import Text

    session.out.print(_field_table([field for field in fields if field.filled or field.readers]))
    idle = [field.name for field in fields if not field.filled and not field.readers]
    if idle:
        session.out.print(Text(f"\nEmpty, and read by nothing: {', '.join(idle)}"))


def _field_table(fields: Sequence[FieldReport]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("field", overflow="fold", min_width=10)
    table.add_column("filled", justify="right", no_wrap=True)
    table.add_column("comes from", overflow="fold", ratio=3)
    table.add_column("read by", overflow="fold", ratio=3)
    for field in fields:
        table.add_row(Text(field.name), _share(field), Text(_sources(field)), Text(_readers(field)))
    return table


def _share(field: FieldReport) -> str:
    """Return the fill rate in percent, such that neither none nor all is said of what is not."""
    percent = 100 * field.fill_rate
    if field.filled and percent < 1:
        return "<1 %"
    return f"{99 if field.filled < field.contacts and percent > 99 else round(percent)} %"


def _sources(field: FieldReport) -> str:
    shown = [source.text() for source in field.sources[:_SHOWN_SOURCES]]
    more = len(field.sources) - len(shown)
    return "; ".join(shown) + (f"; {more} more" if more else "") or "-"


def _readers(field: FieldReport) -> str:
    """Return who reads a field, by kind: `templates win_back, thank_you; segment vip`."""
    names: dict[str, list[str]] = {}
    for reader in field.readers:
        names.setdefault(reader.kind, []).append(reader.name)
    kinds = (f"{kind}{'s' if len(those) > 1 else ''} {', '.join(those)}" for kind, those in names.items())
    return "; ".join(kinds) or "-"
