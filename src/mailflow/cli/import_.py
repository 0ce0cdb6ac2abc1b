"""`mailflow import`: read files, list what came in, take one back. The work: jobs/importing.py."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Record, Session, command
from mailflow.errors import PartialFailure, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from mailflow.importers import ImportOptions, ImportResult
    from mailflow.jobs.importing import Imported
    from mailflow.store.imports import ImportRecord

_LIST_COLUMNS = ("id", "file", "as", "from", "at", "inserted", "updated", "unchanged", "rejected", "undone")
_SHOWN_PROBLEMS = 10
_SHOWN_CHANGES = 20


class What(StrEnum):
    """What the rows of a file are."""

    CONTACTS = "contacts"
    ORDERS = "orders"


class Ground(StrEnum):
    """The bases that count as consent; `unknown` cannot be said here."""

    EXPRESS = "express"
    IMPLIED = "implied"
    PURCHASE = "purchase"


@command
def import_(
    session: Session,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="CSV files.", show_default=False)
    ] = None,
    as_: Annotated[
        What | None, typer.Option("--as", help="What the rows are, where the header does not say.", show_default=False)
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TOOL", help="Who wrote it: shopify, plain.", show_default=False)
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="What a column is; may be repeated.", show_default=False),
    ] = None,
    date_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="How dates are written, such as DD/MM/YYYY.", show_default=False),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Of times without one; else the account's.", show_default=False)
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of amounts without one; else the account's.", show_default=False)
    ] = None,
    consent: Annotated[
        Ground | None,
        typer.Option(
            help="On what ground these people may be mailed, where the file does not say.", show_default=False
        ),
    ] = None,
    evidence: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Where and when they agreed; kept with --consent.", show_default=False),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which shop's ids these are, if you have several.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List what came in.")] = False,
    undo: Annotated[
        int | None, typer.Option(metavar="ID", help="Take an import back, by its number.", show_default=False)
    ] = None,
) -> None:
    """Read contacts and orders from CSV files.

    What a file is, how it is encoded and what its columns mean is recognised. Importing a file twice changes nothing.
    A row that cannot be read goes to a reject file with its line and the reason; mend it there and import that. No
    file lifts an earlier no, and a file that says nothing about consent allows no marketing mail.

    Of contacts, every row is inserted, updated, unchanged or rejected. Of orders, inserted, updated and unchanged
    count orders; rejected counts rows, and merged the rows that are further lines of an order.

    \b
    Examples:
      mailflow import contacts.csv orders.csv --dry-run
      mailflow import members.csv --consent express --evidence "sign-up sheet, spring fair 2026"
      mailflow import sales.csv --as orders --map "Total due=total" --date-format DD/MM/YYYY
      mailflow import --list
      mailflow import --undo 3
    """
    _one_task(files, list_=list_, undo=undo)
    if list_:
        _list(session)
    elif undo is not None:
        _undo(session, undo)
    else:
        from mailflow.importers import ImportOptions, Noun
        from mailflow.model import Basis

        settings = session.workspace.settings
        options = ImportOptions(
            currency=_currency(currency) if currency else settings.currency,
            zone=clock.zone(timezone) if timezone else settings.zone,
            noun=Noun(as_) if as_ else None,
            tool=from_,
            mapping=_mapping(mapping or []),
            date_format=date_format,
            basis=Basis(consent) if consent else None,
            evidence=evidence,
            source=source,
            dry_run=dry_run,
        )
        _import(session, files or [], options)


def _one_task(files: list[Path] | None, *, list_: bool, undo: int | None) -> None:
    asked = sum((bool(files), list_, undo is not None))
    if asked == 0:
        raise UsageError("name the files to import, or say --list or --undo ID")
    if asked > 1:
        raise UsageError("files, --list and --undo are three different tasks: say one of them")


def _currency(text: str) -> str:
    from mailflow import money

    try:
        return money.currency_code(text)
    except ValueError as error:
        raise UsageError(f"--currency: {error}") from None


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        column, equals, field = pair.rpartition("=")
        if not equals or not column.strip() or not field.strip():
            raise UsageError(f"--map {pair!r}: write it as 'column=field', such as --map 'Mail=email'")
        mapping[column.strip()] = field.strip()
    return mapping


def _import(session: Session, files: list[Path], options: ImportOptions) -> None:
    from mailflow.jobs import importing

    with session.progress("Importing", None) as advance:
        done = importing.import_files(session.workspace, files, options, now=session.now, advance=advance)
    if done.results or session.format is not Format.TABLE:
        session.emit([_as_record(result, options) for result in done.results], lambda: _table(done, options))
    for result in done.results:
        _tell(session, result, options)
    if done.errors:
        raise type(done.errors[0])("\n".join(str(error) for error in done.errors))
    if done.rejected:
        raise PartialFailure(_rejects(done, options))


def _rejects(done: Imported, options: ImportOptions) -> str:
    rows = f"{done.rejected:,} row{'s' if done.rejected != 1 else ''}"
    if options.dry_run:
        return f"{rows} would be rejected"
    places = ", ".join(str(result.reject_file) for result in done.results if result.reject_file)
    return f"{rows} rejected, with line and reason in {places}. Mend them there and import that file"


def _as_record(result: ImportResult, options: ImportOptions) -> Record:
    record: dict[str, object] = {
        "file": str(result.file),
        "as": result.noun.value,
        "from": result.tool,
        "id": result.id,
        "rows": result.rows,
        "inserted": result.inserted,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "merged": result.merged,
        "rejected": result.rejected,
        "reject_file": str(result.reject_file) if result.reject_file else None,
        "problems": [{"line": row.line, "field": row.field, "reason": row.reason} for row in result.problems],
        "warnings": list(result.warnings),
    }
    if options.dry_run:
        record["changes"] = list(result.changes)
    return record  # type: ignore[return-value]  # a dict is invariant in its values


def _table(done: Imported, options: ImportOptions) -> Table:
    from rich.table import Table

    title = "What would change" if options.dry_run else None
    table = Table("file", "what", box=None, pad_edge=False, title=title, title_justify="left")
    for heading in ("rows", "new", "changed", "unchanged", "rejected"):
        table.add_column(heading, justify="right")
    table.columns[0].overflow = "fold"
    for result in done.results:
        numbers = (result.rows, result.inserted, result.updated, result.unchanged, result.rejected)
        what = result.noun.value if result.tool == "plain" else f"{result.noun.value} ({result.tool})"
        table.add_row(result.file.name, what, *(f"{number:,}" for number in numbers))
    return table


def _tell(session: Session, result: ImportResult, options: ImportOptions) -> None:
    """Say what a person should know about one file: warnings, the first rejects, and what would change."""
    for change in result.changes[:_SHOWN_CHANGES]:
        who = change.get("contact") or change.get("order")
        session.say(f"{result.file}:{change['line']}: {who}: {change['field']}: {change['old']} -> {change['new']}")
    for warning in result.warnings:
        session.say(f"{result.file}: {warning}")
    for problem in result.problems[:_SHOWN_PROBLEMS]:
        field = f"{problem.field}: " if problem.field else ""
        session.say(f"{result.file}:{problem.line}: {field}{problem.reason}")
    if result.rejected > _SHOWN_PROBLEMS:
        session.say(f"{result.file}: … and {result.rejected - _SHOWN_PROBLEMS:,} more rejected rows")
    if result.id is not None:
        session.say(f"{result.file}: import {result.id}; mailflow import --undo {result.id} takes it back")


def _list(session: Session) -> None:
    from mailflow.jobs import importing

    records = importing.list_imports(session.workspace)
    session.emit([_as_row(record) for record in records], lambda: _list_table(records), columns=_LIST_COLUMNS)


def _as_row(record: ImportRecord) -> Record:
    return {
        "id": record.id,
        "file": record.file,
        "as": record.noun,
        "from": record.tool,
        "at": clock.iso(record.started_at),
        "inserted": record.inserted,
        "updated": record.updated,
        "unchanged": record.unchanged,
        "rejected": record.rejected,
        "undone": clock.iso(record.undone_at) if record.undone_at else None,
    }


def _list_table(records: Sequence[ImportRecord]) -> Table:
    from rich.table import Table

    table = Table("id", "file", "what", "at", box=None, pad_edge=False)
    for heading in ("new", "changed", "unchanged", "rejected"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for column in table.columns[1:4]:
        column.overflow = "fold"
    for record in records:
        numbers = (record.inserted, record.updated, record.unchanged, record.rejected)
        state = "" if record.state == "done" else record.state.replace("_", " ")
        what = record.noun if record.tool == "plain" else f"{record.noun} ({record.tool})"
        at = record.started_at.strftime("%Y-%m-%d %H:%M")
        table.add_row(str(record.id), Path(record.file).name, what, at, *(f"{number:,}" for number in numbers), state)
    return table


def _undo(session: Session, import_id: int) -> None:
    from mailflow.jobs import importing

    record, undone = importing.take_back(session.workspace, import_id, now=session.now)
    result: Record = {
        "id": record.id,
        "file": record.file,
        "orders": undone.orders,
        "contacts": undone.contacts,
        "kept_orders": undone.kept_orders,
        "kept_contacts": undone.kept_contacts,
        "kept_opt_outs": undone.kept_opt_outs,
    }
    session.emit([result], lambda: f"Import {record.id} ({record.file}) is undone.")
    session.say(f"Taken back: {undone.orders:,} orders, {undone.contacts:,} contacts.")
    if undone.kept_orders or undone.kept_contacts:
        session.say(
            "Left as they are, because something newer, or the ledger of consent, speaks of them:"
            f" {undone.kept_orders:,} orders, {undone.kept_contacts:,} contacts."
        )
    if undone.kept_opt_outs:
        session.say(f"{undone.kept_opt_outs:,} people who said no stay unsubscribed.")
