"""`mailflow segment`: the RFM report, or who is in a segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock, money
from mailflow.cli.frame import Format, Session, command
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType
    from rich.table import Table

    from mailflow.jobs.segment import Listed, Report
    from mailflow.store.members import Member

_BAR_WIDTH = 14
_PEOPLE_SHOWN = 20
_CONTACT_COLUMNS = "contact email recency_days frequency monetary currency r f m class".split()
_MEMBER_COLUMNS = ["contact", "email", "first_name", "last_name"]


@command
def segment(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(help="An RFM class, or a name in segments.yaml.", show_default=False)
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Whom this rule means.", metavar="EXPR", show_default=False)
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As of the end of this day.", metavar="DATE", show_default=False)
    ] = None,
    contacts: Annotated[bool, typer.Option("--contacts", help="Everybody's scores instead of the report.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Every segment there is, with its size.")] = False,
) -> None:
    """Show who is who: the RFM report, or the members of a segment.

    Recency, frequency and monetary of everybody who ordered, scored 1 to 5 by quintile; see docs/rfm.md. Rules are
    in docs/segments.md.

    \b
    Examples:
      mailflow segment
      mailflow segment champions
      mailflow segment --rule 'country == "DE" and orders.last_at < now - 90d'
      mailflow segment --as-of 2026-03-31 --format json
      mailflow segment --contacts --format csv
    """
    if sum([name is not None, rule is not None, contacts, list_]) > 1:
        raise UsageError("say one of: a segment's name, --rule, --contacts, --list")
    day = None if as_of is None else clock.parse_date(as_of)
    if name is not None or rule is not None:
        _members(session, name, rule, day)
    elif contacts:
        _contacts(session, day or _today(session))
    elif list_:
        _list(session, day)
    else:
        _report(session, day or _today(session))


def _today(session: Session) -> date:
    return clock.local_date(session.now, session.workspace.settings.zone)


def _report(session: Session, day: date) -> None:
    from mailflow.jobs import segment as job

    found = job.report(session.workspace, day)
    session.emit([row.as_record() for row in found.classes], lambda: report_table(session, found))
    if found.strangers:
        session.say(f"{found.strangers:,} orders name no customer and are left out")


def _contacts(session: Session, day: date) -> None:
    from mailflow.jobs import segment as job

    rows = list(job.contacts(session.workspace, day))
    shown = rows[:_PEOPLE_SHOWN]
    session.emit(
        rows,
        lambda: _rows_table(
            [
                (
                    row["email"] or row["contact"],
                    row["class"],
                    *(row[key] for key in ("recency_days", "frequency")),
                    f"{row['monetary']} {row['currency']}",
                    *(row[key] for key in "rfm"),
                )
                for row in shown
            ],
            ["contact", "class", "days", "orders", "revenue", "r", "f", "m"],
        ),
        columns=_CONTACT_COLUMNS,
    )
    _say_rest(session, len(rows), "contacts")


def _members(session: Session, name: str | None, text: str | None, day: date | None) -> None:
    from mailflow.jobs import segment as job

    workspace = session.workspace
    meant = job.named_rule(workspace, name) if name is not None else job.written_rule(workspace, text or "")
    found = job.people(workspace, meant, now=session.now, as_of=day)
    session.emit([_member(person) for person in found], lambda: _member_table(found), columns=_MEMBER_COLUMNS)
    _say_rest(session, len(found), "members")
    if day is not None and day < _today(session):
        session.say("orders, scores and consent are of that day; fields such as country are today's")


def _list(session: Session, day: date | None) -> None:
    from mailflow.jobs import segment as job

    found = job.listed(session.workspace, now=session.now, as_of=day)
    rows = [{"name": one.name, "rule": one.rule, "contacts": one.contacts} for one in found]
    session.emit(rows, lambda: _list_table(found))


def _say_rest(session: Session, count: int, what: str) -> None:
    """Say how many there are, and how to see all, where a table shows only the first."""
    if session.format is Format.TABLE and count > _PEOPLE_SHOWN:
        session.say(f"{_PEOPLE_SHOWN} of {count:,} {what}; --format csv shows all")
    else:
        session.say(f"{count:,} {what}")


def _member(person: Member) -> dict[str, str | None]:
    return {
        "contact": person.key,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }


def _member_table(people: list[Member]) -> Table:
    rows = [
        (person.email or person.key, " ".join(filter(None, (person.first_name, person.last_name))))
        for person in people[:_PEOPLE_SHOWN]
    ]
    return _rows_table(rows, ["contact", "name"])


def _list_table(found: list[Listed]) -> Table:
    rows = [(one.name, f"{one.contacts:,}", one.rule or "an RFM class") for one in found]
    return _rows_table(rows, ["segment", "contacts", "rule"])


def _rows_table(rows: Sequence[Sequence[object]], headings: list[str]) -> Table:
    from rich import box
    from rich.table import Table

    numbers = {"contacts", "days", "orders", "revenue", "r", "f", "m"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table


def report_table(session: Session, report: Report) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table

    if not report.contacts:
        return (
            f"No orders by {report.as_of}, so there is nobody to score yet.\n"
            "`mailflow import orders.csv` reads them in; any file with a date, an amount and a customer will do."
        )
    columns = _report_columns(report)
    taken = 2 + sum(max(map(len, column)) + 2 for column in columns)
    bar_width = max(3, min(_BAR_WIDTH, session.out.width - taken))
    most = max(row.contacts for row in report.classes)
    sign = "█" if session.out.encoding.lower().startswith("utf") else "#"
    columns.insert(2, ["", *(sign * round(bar_width * row.contacts / most) for row in report.classes), ""])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    for index, (title, *_, total) in enumerate(columns):
        table.add_column(title, footer=total, justify="left" if index in (0, 2) else "right", no_wrap=True)
    for line in zip(*(column[1:-1] for column in columns), strict=True):
        table.add_row(*line)
    heading = f"RFM as of {report.as_of}: {report.contacts:,} contacts with {report.orders:,} orders"
    return Group(heading, table, "days: median since the last order. `mailflow segment NAME` shows who.")


def _report_columns(report: Report) -> list[list[str]]:
    """Return the report's columns as text, each with its title and its total."""
    rows = report.classes
    medians = ["–" if row.median_recency_days is None else f"{row.median_recency_days:.0f}" for row in rows]
    revenues = [*(row.revenue_minor for row in rows), report.revenue_minor]
    return [
        ["class", *(row.name for row in rows), "all"],
        ["contacts", *(f"{row.contacts:,}" for row in rows), f"{report.contacts:,}"],
        ["%", *(f"{100 * row.share_contacts:.1f}" for row in rows), "100.0"],
        [f"revenue {report.currency}", *(_grouped(money.to_text(minor, report.currency)) for minor in revenues)],
        ["%", *(f"{100 * row.share_revenue:.1f}" for row in rows), "100.0" if report.revenue_minor else "0.0"],
        ["days", *medians, ""],
    ]


def _grouped(amount: str) -> str:
    """Return a decimal string with thousands separated: 1,234.50."""
    whole, point, part = amount.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{point}{part}"
