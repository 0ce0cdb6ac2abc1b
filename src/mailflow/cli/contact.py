"""`mailflow contact …`: subscribe, unsubscribe, suppress one or many. The work: jobs/contact; to show: contact_show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow.cli.contact_consent import consent
from mailflow.cli.contact_merge import merge
from mailflow.cli.contact_show import show
from mailflow.cli.frame import Session, command, group
from mailflow.cli.ground import Ground
from mailflow.cli.plain import shown
from mailflow.cli.talk import talk
from mailflow.errors import PartialFailure, Problem, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from mailflow.addresses import Address
    from mailflow.importers.people.address_list import AddressList
    from mailflow.jobs.contact import Change

contact = group(
    "contact",
    """Show one person; subscribe, unsubscribe, suppress, merge.

    \b
    Examples:
      mailflow contact show anna@customers.example
      mailflow contact unsubscribe anna@customers.example
    """,
)

_COLUMNS = ("email", "result", "reason")
_SHOWN = 20  # rows of a long list that a person wants to see; JSON and CSV have all


Emails = Annotated[
    list[str] | None, typer.Argument(metavar="EMAIL", help="Whose: one or more addresses.", show_default=False)
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="Addresses, one a line, or a CSV with an e-mail column.",
        show_default=False,
    ),
]


contact.command()(show)
contact.command()(consent)
contact.command()(merge)


@contact.command()
@command
def subscribe(
    session: Session,
    evidence: Annotated[
        str, typer.Option(metavar="TEXT", help="How you know that they agreed; kept with it.", show_default=False)
    ],
    emails: Emails = None,
    file: File = None,
    basis: Annotated[Ground, typer.Option(help="On what ground.")] = Ground.EXPRESS,
) -> None:
    """Record that people agreed to marketing mail.

    It lifts an earlier no. Unknown people become contacts. A suppressed address is refused, with the reason.

    \b
    Examples:
      mailflow contact subscribe ada@example.com --evidence "signed the list at the counter, 2026-03-20"
      mailflow contact subscribe --file fair.csv --evidence "stand at the spring fair" --basis express
    """
    from mailflow.jobs import contact as job
    from mailflow.model import Basis

    if not evidence.strip():
        raise UsageError(
            '--evidence is blank: say how you know that they agreed, such as "signed the list, 2026-03-20"'
        )
    listed = _listed(emails, file)
    said = job.Evidence(evidence.strip(), Basis(basis))
    store, keys = session.workspace.store, session.workspace.keys
    _finish(session, listed, job.subscribe(store, keys, listed.addresses, said, now=session.now))


@contact.command()
@command
def unsubscribe(
    session: Session,
    emails: Emails = None,
    file: File = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Kept with it.", show_default=False)] = None,
) -> None:
    """Record that people want no marketing mail.

    It holds at once, also for a send that is running, and no file lifts it. Unknown people become
    contacts with a no, so that a later import cannot mail them.

    \b
    Examples:
      mailflow contact unsubscribe ada@example.com --reason "asked by phone"
      mailflow contact unsubscribe --file unsubscribed.csv
    """
    from mailflow.jobs import contact as job

    listed = _listed(emails, file)
    store, keys = session.workspace.store, session.workspace.keys
    _finish(session, listed, job.unsubscribe(store, keys, listed.addresses, reason=reason, now=session.now))


@contact.command()
@command
def neutral(
    session: Session,
    emails: Emails = None,
    file: File = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Kept with it.", show_default=False)] = None,
    lift: Annotated[bool, typer.Option("--lift", help="They want mail made for them again.")] = False,
) -> None:
    """Record that people want no mail made for them.

    They still get mail, but none that uses what is known of them: no segments, orders, interests or recommendations
    of their own. Their name, address, company and language stay. See docs/personal.md.

    \b
    Examples:
      mailflow contact neutral ada@example.com --reason "asked by mail, 2026-03-20"
      mailflow contact neutral ada@example.com --lift
    """
    from mailflow.jobs import contact as job

    listed = _listed(emails, file)
    changes = job.personalise(session.workspace.store, listed.addresses, wanted=lift, reason=reason, now=session.now)
    _finish(session, listed, changes)


@contact.command()
@command
def suppress(
    session: Session,
    emails: Emails = None,
    file: File = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept with it.", show_default=False)] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Take your own suppression back.")] = False,
) -> None:
    """Record that addresses get nothing at all.

    Neither marketing nor receipts, whether we know them or not. It needs a reason.

    \b
    Examples:
      mailflow contact suppress ada@example.com --reason "legal department asked"
      mailflow contact suppress --file never.txt --reason "competitors"
      mailflow contact suppress ada@example.com --lift
    """
    from mailflow.jobs import contact as job

    listed = _listed(emails, file)
    store, keys = session.workspace.store, session.workspace.keys
    if lift:
        _finish(session, listed, job.lift(store, keys, listed.addresses, now=session.now))
        return
    if not (reason or "").strip():
        raise UsageError("say why with --reason TEXT: it is kept with the suppression")
    _finish(session, listed, job.suppress(store, keys, listed.addresses, reason=str(reason).strip(), now=session.now))


def _address(text: str) -> Address:
    from mailflow.addresses import normalise

    try:
        return normalise(text)
    except ValueError as error:
        raise UsageError(f"{text!r}: {error}") from None


def _listed(emails: list[str] | None, file: Path | None) -> AddressList:
    """Return the addresses of the command line, or of the file; one of both must be there."""
    from mailflow.importers.people import address_list

    if bool(emails) == (file is not None):
        raise UsageError("say one or more addresses, or --file FILE" + (", not both" if emails else ""))
    if file is not None:
        return address_list.read(file)
    by_key = {address.key: address for address in map(_address, emails or [])}
    return address_list.AddressList(list(by_key.values()))


def _finish(session: Session, listed: AddressList, changes: Iterator[Change]) -> None:
    """Carry the changes out, print what became of each address, and fail where some were not done."""
    done: list[Change] = []
    with session.progress("addresses", len(listed.addresses)) as advance:
        for change in changes:
            done.append(change)
            advance()
    rows = [{"email": change.email, "result": str(change.result), "reason": change.reason} for change in done]
    session.emit(rows, lambda: _table(done), columns=_COLUMNS)
    counts = Counter(str(change.result) for change in done)
    session.say(", ".join(f"{count:,} {result}" for result, count in counts.items()) or "no addresses")
    _report(listed.problems)
    missed = len(listed.problems) + counts["refused"]
    if missed:
        raise PartialFailure(f"{missed:,} of {len(listed.problems) + len(done):,} not done, for the reasons above")


def _table(changes: list[Change]) -> Table:
    from rich.table import Table

    told = changes if len(changes) <= _SHOWN else [change for change in changes if change.reason]
    table = Table(box=None, pad_edge=False, show_header=bool(told))
    for name in _COLUMNS:
        table.add_column(name)
    for change in told:
        table.add_row(shown(change.email), str(change.result), shown(change.reason or ""))
    return table


def _report(problems: list[Problem]) -> None:
    for problem in problems:
        talk(str(problem))
