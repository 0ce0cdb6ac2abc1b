"""`mailflow contact merge`: who is in twice, and making two contacts one. The work: jobs/people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailflow.cli.frame import Format, Record, Session, command
from mailflow.cli.plain import shown, typed
from mailflow.clock import iso, local_date
from mailflow.errors import UsageError
from mailflow.phrases import many

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import RenderableType

    from mailflow.jobs.people import Listed
    from mailflow.store.duplicates import Proposal, Side

_SHOWN = 20  # proposals that a person wants to see at once; JSON and CSV have all
_SIDE = ("contact", "email", "name", "orders", "revenue", "last_order_at", "consent")
_COLUMNS = (
    "strength",
    "keep",
    "other",
    "evidence",
    *(f"{side}_{name}" for side in ("keep", "other") for name in _SIDE),
)
_LIST_COLUMNS = ("id", "kept", "merged", "evidence", "at", "undone")


@command
def merge(
    session: Session,
    keep: Annotated[
        str | None, typer.Argument(metavar="KEEP", help="Who stays: address, key, customer id.", show_default=False)
    ] = None,
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="Who is the same person.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List what was merged.")] = False,
    undo: Annotated[
        int | None, typer.Option(metavar="ID", help="Part two people again, by the number.", show_default=False)
    ] = None,
) -> None:
    """Show who is probably in twice, or make two contacts one person.

    Without names it lists proposals with their evidence, the surest first, and changes nothing. With two names it
    shows both and asks. Orders, messages and events stay with their contact and count for the person; a no of either
    holds for both; mail goes to the address of the one that is kept. Undoing a merge gives each back what was theirs.

    \b
    Examples:
      mailflow contact merge
      mailflow contact merge anna@gmail.com anna@gmial.com
      mailflow contact merge --format csv > twice.csv
      mailflow contact merge --list
      mailflow contact merge --undo 3
    """
    _one_task(keep, other, list_=list_, undo=undo)
    if undo is not None:
        _part(session, undo)
    elif list_:
        _list(session)
    elif keep is not None and other is not None:
        _merge(session, keep, other, yes=yes)
    else:
        _propose(session)


def _one_task(keep: str | None, other: str | None, *, list_: bool, undo: int | None) -> None:
    if keep is not None and other is None:
        raise UsageError(f"merge {keep} with whom? mailflow contact merge KEEP OTHER; without names it lists proposals")
    if sum((keep is not None, list_, undo is not None)) > 1:
        raise UsageError("two names, --list and --undo are three different tasks: say one of them")


def _propose(session: Session) -> None:
    from mailflow.jobs import people

    found = people.propose(session.workspace)
    session.emit(
        [_record(each) for each in found], lambda: _proposals(found, session.workspace.settings.zone), columns=_COLUMNS
    )
    if not found:
        session.say("Nobody seems to be in twice.")
    elif session.format is Format.TABLE:
        if len(found) > _SHOWN:
            session.say(f"… and {len(found) - _SHOWN:,} more: --format csv has them all")
        first = found[0]
        both = f"{typed(_who(first.keep))} {typed(_who(first.other))}"
        session.say(f"next: mailflow contact merge {both}; it shows both and asks")


def _merge(session: Session, keep: str, other: str, *, yes: bool) -> None:
    from mailflow.jobs import people

    pair = people.look(session.workspace, keep, other)
    if not yes:
        session.err.print(_pair(pair, session.workspace.settings.zone))
        if not session.confirm("Make them one person?", otherwise="--yes"):
            session.say("Nothing was merged.")
            return
    number = people.merge(session.workspace, pair, now=session.now)
    done = f"{_who(pair.other)} is {_who(pair.keep)} now."
    session.emit_object({"id": number, **_record(pair)}, lambda: done)
    session.say(f"merge {number}; mailflow contact merge --undo {number} takes it back")


def _part(session: Session, merge_id: int) -> None:
    from mailflow.jobs import people

    done = people.part(session.workspace, merge_id, now=session.now)
    kept, merged = done.kept.email or done.kept.key, done.merged.email or done.merged.key
    record: Record = {"id": merge_id, "kept": kept, "merged": merged}
    session.emit_object(record, lambda: f"{merged} and {kept} are two people again.")


def _list(session: Session) -> None:
    from mailflow.jobs import people

    found = people.listing(session.workspace)
    rows = [_row(each) for each in found]
    zone = session.workspace.settings.zone
    session.emit(rows, lambda: _table(found, zone) if found else "Nobody was merged.", columns=_LIST_COLUMNS)


def _row(listed: Listed) -> dict[str, Any]:
    undone = listed.merge.undone_at
    return {
        "id": listed.merge.id,
        "kept": listed.kept.email or listed.kept.key,
        "merged": listed.merged.email or listed.merged.key,
        "evidence": listed.merge.evidence,
        "at": iso(listed.merge.merged_at),
        "undone": None if undone is None else iso(undone),
    }


def _record(pair: Proposal) -> dict[str, Any]:
    """Return a proposal flat, so that a line of CSV is a pair: `keep` and `other` are what the command takes."""
    return {
        "strength": str(pair.strength) if pair.evidence else None,
        "keep": _who(pair.keep),
        "other": _who(pair.other),
        "evidence": list(pair.evidence),
        **_side("keep", pair.keep),
        **_side("other", pair.other),
    }


def _side(role: str, side: Side) -> dict[str, Any]:
    values = (
        side.key, side.email, side.name or None, side.orders,
        [{"currency": currency, "revenue": text} for currency, text in side.revenue.items()],
        None if side.last_order_at is None else iso(side.last_order_at), str(side.consent),
    )  # fmt: skip
    return {f"{role}_{name}": value for name, value in zip(_SIDE, values, strict=True)}


def _who(side: Side) -> str:
    return side.email or side.key


def _proposals(found: list[Proposal], zone: ZoneInfo) -> RenderableType:
    """Return the first proposals one below the other: addresses are too long to stand side by side."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for pair in found[:_SHOWN]:
        for number, (what, text) in enumerate(_lines(pair, zone)):
            grid.add_row(str(pair.strength) if number == 0 else "", what, text)
        grid.add_row()
    return grid


def _pair(pair: Proposal, zone: ZoneInfo) -> RenderableType:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for what, text in _lines(pair, zone):
        grid.add_row(what, text)
    if "unsubscribed" in (pair.keep.consent, pair.other.consent):
        grid.add_row("then", "one of them said no to marketing mail: the person gets none")
    elif pair.keep.email:
        grid.add_row("then", f"mail goes to {pair.keep.email}")
    return grid


def _lines(pair: Proposal, zone: ZoneInfo) -> list[tuple[str, str]]:
    why = shown(", ".join(pair.evidence)) or "nothing says so but you"
    return [("keep", _told(pair.keep, zone)), ("merge", _told(pair.other, zone)), ("why", why)]


def _told(side: Side, zone: ZoneInfo) -> str:
    """Return who somebody is in a few words."""
    bought = "no orders"
    if side.last_order_at is not None:
        last = f"the last on {local_date(side.last_order_at, zone)}"
        orders = many(side.orders, "order", "orders")
        bought = ", ".join((orders, *(f"{text} {currency}" for currency, text in side.revenue.items()), last))
    first = f"{_who(side)} ({side.name})" if side.name else _who(side)
    return f"{shown(first)}\n{bought}; {side.consent}"


def _table(found: list[Listed], zone: ZoneInfo) -> RenderableType:
    from rich.table import Table

    table = Table("id", "kept", "merged", "at", "why", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.overflow = "fold"
    for one in found:
        row, merge = _row(one), one.merge
        undone = "" if merge.undone_at is None else f", undone {local_date(merge.undone_at, zone)}"
        at = f"{local_date(merge.merged_at, zone)}{undone}"
        table.add_row(str(merge.id), shown(row["kept"]), shown(row["merged"]), at, shown(merge.evidence))
    return table
