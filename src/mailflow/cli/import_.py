"""`mailflow import`: read files, list what came in, take one back. The work: jobs/importing.py."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command
from mailflow.cli.ground import Ground
from mailflow.errors import PartialFailure, QuestionError, SeveralErrors, UsageError
from mailflow.phrases import many

if TYPE_CHECKING:
    from mailflow.importers import ImportOptions, Noun
    from mailflow.jobs.importing import Imported
    from mailflow.model import Basis


class What(StrEnum):
    """What the rows of a file are: importers.Noun, here so that `--help` need not load that room."""

    CONTACTS = "contacts"
    SIGNUPS = "signups"
    SUPPRESSIONS = "suppressions"
    ORDERS = "orders"
    PRODUCTS = "products"
    CARTS = "carts"
    EVENTS = "events"
    ENGAGEMENT = "engagement"
    TICKETS = "tickets"
    ANSWERS = "answers"
    BOOKINGS = "bookings"
    SOCIAL = "social"
    OWNERS = "owners"
    COMPANIES = "companies"
    COSTS = "costs"


_Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="Files, folders or archives; - for a pipe.", show_default=False),
]
_As = Annotated[
    What | None,
    typer.Option("--as", metavar="KIND", help=f"What the rows are: {', '.join(What)}.", show_default=False),
]
_From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="TOOL", help="Which tool wrote it: shopify, mailchimp …; or plain.", show_default=False
    ),
]
_Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=FIELD", help="What a column is; may be repeated.", show_default=False),
]
_DateFormat = Annotated[
    str | None, typer.Option(metavar="FORMAT", help="How dates are written, such as DD/MM/YYYY.", show_default=False)
]
_Timezone = Annotated[
    str | None, typer.Option(metavar="ZONE", help="Of times without one; else the account's.", show_default=False)
]
_Currency = Annotated[
    str | None, typer.Option(metavar="CODE", help="Of amounts without one; else the account's.", show_default=False)
]
_Consent = Annotated[
    Ground | None,
    typer.Option(help="On what ground these people may be mailed, where the file does not say.", show_default=False),
]
_Evidence = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Where and when they agreed; kept with --consent.", show_default=False),
]
_Source = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which shop's ids these are, if you have several.", show_default=False),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]
_List = Annotated[bool, typer.Option("--list", help="List what came in.")]
_Undo = Annotated[
    int | None, typer.Option(metavar="ID", help="Take an import back, by its number.", show_default=False)
]


@command
def import_(
    session: Session,
    files: _Files = None,
    as_: _As = None,
    from_: _From = None,
    mapping: _Map = None,
    date_format: _DateFormat = None,
    timezone: _Timezone = None,
    currency: _Currency = None,
    consent: _Consent = None,
    evidence: _Evidence = None,
    source: _Source = None,
    dry_run: _DryRun = False,
    list_: _List = False,
    undo: _Undo = None,
) -> None:
    """Take in files: contacts, orders, products, events and more, from any tool.

    CSV, JSON lines, .xlsx, .gz, .zip and whole folders. What a file is, which tool wrote it and what its columns mean
    is recognised; what only you can know is asked. Importing a file twice changes nothing. A row that cannot be read
    goes to a reject file with its line and the reason; mend it there and import that. No file lifts an earlier no, and
    a file that says nothing about consent allows no marketing mail.

    Every row is new (inserted), changed (updated), unchanged, rejected, or merged: joined to another row that is
    counted, as further lines of an order are.

    \b
    Examples:
      mailflow import exports/ --dry-run
      mailflow import contacts.csv orders.csv
      mailflow import members.csv --consent express --evidence "spring fair 2026"
      mailflow import sales.csv --map "Total due=total" --date-format DD/MM/YYYY
      mailflow import --list
      mailflow import --undo 3
    """
    _one_task(files, list_=list_, undo=undo)
    if list_:
        _list(session)
    elif undo is not None:
        _undo(session, undo)
    else:
        from mailflow.jobs import importing

        options = importing.options_for(
            session.workspace,
            currency=_currency(currency),
            zone=clock.zone(timezone) if timezone else None,
            noun=_noun(as_),
            tool=from_,
            mapping=_mapping(mapping or []),
            date_format=date_format,
            basis=_basis(consent),
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


def _noun(said: What | None) -> Noun | None:
    from mailflow.importers import Noun

    return None if said is None else Noun(said)


def _basis(said: Ground | None) -> Basis | None:
    from mailflow.model import Basis

    return None if said is None else Basis(said)


def _currency(text: str | None) -> str | None:
    from mailflow import money

    if not text:
        return None
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
    from mailflow.cli import import_talk
    from mailflow.cli.import_bar import ImportBar
    from mailflow.importers.files import SHOWN
    from mailflow.jobs import importing

    with ImportBar(session) as bar:

        def ask(question: QuestionError) -> str | None:
            bar.hide()
            return session.choose(question)

        shown = SHOWN if session.format is Format.TABLE else -1
        done = importing.import_files(
            session.workspace, files, options, now=session.now, report=bar, ask=ask, shown=shown
        )
    if done.results or session.format is not Format.TABLE:
        records = [import_talk.as_record(result, dry_run=options.dry_run) for result in done.results]
        session.emit(records, lambda: import_talk.table(done, dry_run=options.dry_run))
    import_talk.tell_all(session, done)
    _end(session, done, options, files)


def _end(session: Session, done: Imported, options: ImportOptions, files: list[Path]) -> None:
    """Raise what the exit code is made of: the worst of what happened."""
    rejects = PartialFailure(_rejects(done, options)) if done.rejected else None
    if rejects and (done.errors or done.failure):
        session.say(str(rejects))
    if done.failure is not None:
        for error in done.errors:
            session.say(str(error))
        raise done.failure
    if done.errors:
        raise SeveralErrors(done.errors)
    if rejects:
        raise rejects
    if not done.results and not done.left_out:
        raise UsageError(f"{', '.join(map(str, files))}: there is no file to import in it")


def _rejects(done: Imported, options: ImportOptions) -> str:
    rows = many(done.rejected, "row", "rows")
    if options.dry_run:
        return f"{rows} would be rejected"
    places = ", ".join(str(result.reject_file) for result in done.results if result.reject_file)
    return f"{rows} rejected, with line and reason in {places}. Mend them there and import that file"


def _list(session: Session) -> None:
    from mailflow.cli import import_talk
    from mailflow.jobs import importing

    records = importing.list_imports(session.workspace)
    session.emit(
        [import_talk.as_row(record) for record in records],
        lambda: import_talk.list_table(records, session.workspace.settings.zone),
        columns=import_talk.LIST_COLUMNS,
    )


def _undo(session: Session, import_id: int) -> None:
    from mailflow.cli import import_talk
    from mailflow.jobs import importing

    record, undone = importing.take_back(session.workspace, import_id, now=session.now)
    session.emit([import_talk.undone_record(record, undone)], lambda: f"Import {record.id} ({record.file}) is undone.")
    import_talk.tell_undone(session, undone)
