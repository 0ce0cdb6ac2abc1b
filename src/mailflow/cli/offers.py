"""`mailflow offers`: what offers there are, what became of their codes, and whose a code is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from mailflow import clock, money
from mailflow.cli.frame import Format, Session, command
from mailflow.cli.plain import shown
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.offers import CodeLine, OfferLine

_CHECK = "check"
_SHOWN = 50  # codes of a table; a script gets all
_RARE = ("late", "by_others", "unsent", "used_before", "withdrawn")  # a column only where there is something in it
_COLUMNS = (
    "offer", "kind", "title", "free", "given", "redeemed", "expired", *_RARE, "orders", "revenue", "currency",
    "revenue_by_currency",
)  # fmt: skip


@command
def offers(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="One offer of offers.yaml; or the word check, and then a code.", show_default=False
        ),
    ] = None,
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="After check: the code.", show_default=False)
    ] = None,
    codes: Annotated[bool, typer.Option("--codes", help="Every code of the offer, with whose it is.")] = False,
    make: Annotated[
        int | None,
        typer.Option(
            "--make", min=1, metavar="N", help="Make codes ahead, and print them for your shop.", show_default=False
        ),
    ] = None,
) -> None:
    """Show the offers of offers.yaml: codes that are free, given, redeemed, expired, and what they brought.

    A code is redeemed when the person who got it places an order with it in time; orders that are cancelled, or paid
    back in full, do not count. See docs/offers.md.

    \b
    Examples:
      mailflow offers
      mailflow offers welcome_back --codes --format csv
      mailflow offers check COME-7XK3
      mailflow offers birthday --make 500 --format csv
    """
    if name == _CHECK:
        _check(session, code)
    elif code is not None:
        raise UsageError(f"mailflow offers {_CHECK} {code} says whose a code is; else one name is enough")
    elif (codes or make is not None) and name is None:
        raise UsageError("--codes and --make are about one offer: name it")
    elif name is not None and make is not None:
        _make(session, name, make)
    elif name is not None and codes:
        _codes(session, name)
    else:
        _overview(session, name)


def _overview(session: Session, name: str | None) -> None:
    from mailflow.jobs import offers as job

    found = (
        job.overview(session.workspace, session.now)
        if name is None
        else [job.one(session.workspace, name, session.now)]
    )
    currency = session.workspace.settings.currency
    records = [line.as_record(currency) for line in found]
    if found or session.format is not Format.TABLE:
        session.emit(records, lambda: _table(found), columns=_COLUMNS)
    for line in found:
        if line.problem is not None:
            session.say(line.problem)
    if not found:
        session.say("no offers yet: write them into offers.yaml, as docs/offers.md tells")


def _codes(session: Session, name: str) -> None:
    from mailflow.jobs import offers as job

    workspace, now = session.workspace, session.now
    line = job.one(workspace, name, now)
    lines = job.code_lines(workspace, name, now)
    if session.format is not Format.TABLE:
        session.emit_stream((each.as_record() for each in lines), columns=job.CODE_COLUMNS)
        return
    first, zone = list(islice(lines, _SHOWN)), workspace.settings.zone
    session.out.print(_code_table(first, zone) if first else "no codes")
    if next(lines, None) is not None:
        session.say(f"these are the first {_SHOWN}, {line.given:,} were given: --format csv has them all")


def _check(session: Session, code: str | None) -> None:
    from mailflow.jobs import offers as job

    if code is None:
        raise UsageError(f"which code? mailflow offers {_CHECK} CODE")
    found, zone = job.check(session.workspace, code, session.now), session.workspace.settings.zone
    session.emit(
        [line.as_record() for line in found],
        lambda: _code_table(found, zone) if found else "unknown",
        columns=job.CODE_COLUMNS,
    )
    if not found:
        session.say(f"{shown(code)} is none of our codes: neither given to anybody nor in a file that was read")
    for line in found:
        for sentence in _sentences(line):
            session.say(f"{shown(line.given.code)}: {sentence}")


def _make(session: Session, name: str, number: int) -> None:
    from mailflow.jobs import offers as job

    made = job.make(session.workspace, name, number, session.now)
    if session.format is Format.TABLE:
        for code in made:
            print(code)
    else:
        session.emit_stream(({"code": code, "offer": name} for code in made), columns=("code", "offer"))
    session.say(f"{number:,} codes of {name} are in the pool: enter them in your shop before they are mailed")


def _sentences(line: CodeLine) -> Iterable[str]:
    """Yield what to say about a code beside its row."""
    if line.state == "given":
        until = "" if line.expires_on is None else f" until {line.expires_on}"
        yield f"is valid{until}; they have not ordered with it"
    if line.late:
        yield "was used after its last day"
    if line.by_others:
        times = "once" if line.by_others == 1 else f"{line.by_others} times"
        yield f"was used {times} by somebody else, or by a buyer who is not known"


def _table(found: list[OfferLine]) -> RenderableType:
    from rich.table import Table

    names = [name for name in _RARE if any(getattr(line, name) for line in found)]
    table = Table(box=None, pad_edge=False)
    table.add_column("Offer", overflow="fold")
    table.add_column("Kind")
    for name in ("free", "given", "redeemed", "expired", *names, "revenue"):
        table.add_column(name.replace("_", " "), justify="right")
    for line in found:
        counts = [line.given, line.redeemed, line.expired, *(getattr(line, name) for name in names)]
        free = "" if line.free is None else f"{line.free:,}"
        table.add_row(line.offer, line.kind, free, *(f"{count:,}" for count in counts), _revenue(line))
    return table


def _revenue(line: OfferLine) -> str:
    return " + ".join(f"{money.to_text(minor, code)} {code}" for code, minor in sorted(line.revenue.items()))


def _code_table(lines: list[CodeLine], zone: ZoneInfo) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("Code", "State", "E-mail", "Until", "Redeemed", "Order"):
        table.add_column(name, overflow="fold")
    for line in lines:
        use = line.redeemed_by
        until = "" if line.expires_on is None else line.expires_on.isoformat()
        redeemed = "" if use is None else clock.local_date(clock.from_ms(use.placed_at), zone).isoformat()
        table.add_row(
            shown(line.given.code),
            line.state,
            shown(line.given.email or ""),
            until,
            redeemed,
            "" if use is None else shown(use.order_id),
        )
    return table
