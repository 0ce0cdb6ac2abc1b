"""`mailflow contact consent`: the ledger of one person, and the state of a past day. Read by store/ledger."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Record, Session, command

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.store import Connection
    from mailflow.store.consents import ConsentEntry
    from mailflow.store.contacts import Contact
    from mailflow.store.ledger import Held, PastStates

_STATE_COLUMNS = "contact email channel topic state basis since address source wording evidence".split()
_LEDGER_COLUMNS = [
    *"contact email occurred_at recorded_at state basis channel topic address source wording evidence".split(),
    *"lifts import_id".split(),
]


@command
def consent(
    session: Session,
    who: Annotated[
        str | None,
        typer.Argument(
            metavar="WHO",
            help="An e-mail address, phone number, contact key or customer id; without it, everybody.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE", help="What held at the end of this day.", show_default=False),
    ] = None,
) -> None:
    """Show what people agreed to, and when.

    The ledger of one person is append-only: what was said, when, in which words, by which source and evidence, for
    which address. With --at it is what held at the end of that day, of one person or of everybody.

    \b
    Examples:
      mailflow contact consent ada@example.com
      mailflow contact consent ada@example.com --at 2026-03-31
      mailflow contact consent --at 2026-03-31 --format csv > consent.csv
    """
    workspace = session.workspace
    zone = workspace.settings.zone
    day = None if at is None else clock.parse_date(at)
    instant = session.now if day is None else clock.end_of_day(day, zone) - timedelta(milliseconds=1)
    db = workspace.store.db
    if who is None:
        _everybody(session, db, instant, day)
        return
    from mailflow.jobs import who as people

    contact = people.find(db, workspace.keys, who)
    if day is None:
        _ledger(session, db, contact)
    else:
        _one_at(session, db, contact, instant, day)


def _ledger(session: Session, db: Connection, contact: Contact) -> None:
    from mailflow.cli.contact_record import entry_record
    from mailflow.store import consents, contacts, ledger

    keys = {number: one.key for number in contacts.whole(db, contact.id) if (one := contacts.get(db, number))}
    entries = consents.of_contacts(db, list(keys))
    rows: list[Record] = [
        {"contact": keys[entry.contact_id], "email": contact.email, **entry_record(entry)} for entry in entries
    ]
    zone = session.workspace.settings.zone
    held = ledger.now(db, contact.id)
    session.emit(rows, lambda: _page(f"{_name(contact)}, now", held, entries, zone), columns=_LEDGER_COLUMNS)


def _one_at(session: Session, db: Connection, contact: Contact, instant: datetime, day: date) -> None:
    from mailflow.store import consents, contacts, ledger

    held = ledger.at(db, contact.id, instant)
    entries = [entry for entry in consents.of_contacts(db, contacts.whole(db, contact.id)) if entry.known_at <= instant]
    zone = session.workspace.settings.zone
    rows = list(_state_rows(contact.key, contact.email, held))
    title = f"{_name(contact)}, at the end of {day} ({zone.key})"
    session.emit(rows, lambda: _page(title, held, entries, zone), columns=_STATE_COLUMNS)


def _everybody(session: Session, db: Connection, instant: datetime, day: date | None) -> None:
    from mailflow.store import contacts, ledger

    is_table = session.format is Format.TABLE
    # A bar would stand among the rows where both go to the terminal.
    shows_bar = is_table or not sys.stdout.isatty()
    with session.progress("contacts", contacts.count(db)) if shows_bar else nullcontext(lambda: None) as advance:
        people = _counted(ledger.of_everybody(db, instant), advance)
        if not is_table:
            rows = (row for one in people for row in _state_rows(one.key, one.email, one.held))
            session.emit_stream(rows, columns=_STATE_COLUMNS)
            return
        counts = _counts(people, "now" if day is None else f"at the end of {day}")
    session.out.print(counts)
    session.say("--format csv or jsonl lists everybody; mailflow contact consent WHO shows one person's ledger")


def _counted(people: Iterable[PastStates], advance: Callable[[], object]) -> Iterator[PastStates]:
    for one in people:
        yield one
        advance()


def _state_rows(key: str, email: str | None, held: Sequence[Held]) -> Iterator[dict[str, Any]]:
    """Yield what held as rows; somebody of whom nothing is known is `never` for all marketing mail."""
    from mailflow.cli.contact_record import held_record

    who = {"contact": key, "email": email}
    if not any((one.channel, one.topic) == ("email", "") for one in held):
        unknown = dict.fromkeys(_STATE_COLUMNS[5:])
        yield {**who, "channel": "email", "topic": "", "state": "never", **unknown}
    for one in held:
        yield {**who, **held_record(one)}


def _counts(people: Iterator[PastStates], when: str) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from mailflow.cli.plain import visible

    counted: Counter[tuple[str, str, str]] = Counter()
    for one in people:
        for row in _state_rows(one.key, one.email, one.held):
            counted[row["channel"], row["topic"], row["state"]] += 1
    if not counted:
        return Text(f"Nobody was known, {when}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("channel", "topic", "state"):
        table.add_column(name)
    table.add_column("contacts", justify="right")
    for (channel, topic, state), number in sorted(counted.items()):
        table.add_row(Text(channel), Text(visible(topic) or "all marketing"), Text(state), f"{number:,}")
    return Group(Text(f"Consent of everybody, {when}", style="bold"), table)


def _name(contact: Contact) -> str:
    return contact.email or f"contact {contact.key}"


def _page(title: str, held: Sequence[Held], entries: Sequence[ConsentEntry], zone: ZoneInfo) -> RenderableType:
    """Return what holds, and below it the entries that it follows from, the latest last."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from mailflow.cli.contact_page import standing
    from mailflow.cli.plain import visible

    state = "; ".join(f"{one.topic or 'all marketing'}: {standing(one, zone)}" for one in held)
    grid = Table.grid(padding=(0, 2))
    for _ in range(2):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for entry in entries:
        grid.add_row(clock.wall_text(entry.occurred_at, zone), str(entry.state), Text(visible(_said(entry, zone))))
    known = Text(visible(state or "never: nothing says that they agreed to marketing mail"))
    ledger = Text("The ledger" if entries else "The ledger is empty", style="bold")
    return Group(Text(visible(title), style="bold"), known, Text(), ledger, grid)


def _said(entry: ConsentEntry, zone: ZoneInfo) -> str:
    parts = [
        entry.topic and f"topic {entry.topic}",
        "" if entry.channel == "email" else entry.channel,
        f"basis {entry.basis}",
        entry.address and f"for {entry.address}",
        f"from {entry.source}",
        entry.wording and f"in the words “{entry.wording}”",
        entry.evidence and f"evidence: {entry.evidence}",
        "lifts an earlier no" if entry.lifts else "",
        f"recorded {clock.wall_text(entry.recorded_at, zone)}" if entry.recorded_at != entry.occurred_at else "",
        f"import {entry.import_id}" if entry.import_id is not None else "",
    ]
    return ", ".join(part for part in parts if part)
