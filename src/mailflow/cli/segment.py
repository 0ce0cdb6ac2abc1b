"""`mailflow segment`: the RFM report, or who is in a segment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock, money
from mailflow.cli import segment_members
from mailflow.cli import segment_rfm as rfm
from mailflow.cli.frame import Format, Session, command
from mailflow.errors import UsageError
from mailflow.phrases import many
from mailflow.scoring.engine import Engine
from mailflow.store.frames_by import Label

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType
    from rich.table import Table

    from mailflow.jobs.segment import Cell, Report

_BAR_WIDTH = 14
_PEOPLE_SHOWN = 20
_CONTACT_COLUMNS = "contact email recency_days frequency monetary currency r f m class".split()
_NUMBERS = ("contacts", "days", "orders", "revenue", "r", "f", "m")


@command
def segment(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(help="An RFM class, a name in segments.yaml, or a trait.", show_default=False)
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Whom this rule means.", metavar="EXPR", show_default=False)
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As of the end of this day.", metavar="DATE", show_default=False)
    ] = None,
    diff: Annotated[
        str | None,
        typer.Option(help="Who came and who left since the end of this day.", metavar="DATE", show_default=False),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            help="Why this person is in it or not: an address, key or customer id.", metavar="WHO", show_default=False
        ),
    ] = None,
    contacts: Annotated[bool, typer.Option("--contacts", help="Everybody's scores instead of the report.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Every segment there is, with its size.")] = False,
    lifecycle: Annotated[bool, typer.Option("--lifecycle", help="How many are in each lifecycle stage.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write the RFM report as a page of its own.", metavar="FILE", show_default=False),
    ] = None,
    moves: Annotated[bool, typer.Option("--moves", help="Who went from one RFM class into another.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="With --moves: from this day on; the month by default.", metavar="DATE", show_default=False),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option("--class", help="With --moves: into this class alone.", metavar="NAME", show_default=False),
    ] = None,
    by: Annotated[
        Label | None,
        typer.Option(help="The RFM report of each category of products, or each brand.", show_default=False),
    ] = None,
    engine: Annotated[
        Engine | None,
        typer.Option(help="Let this engine add up the files of --from, for the report.", show_default=False),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="The folder of orders and refunds by `mailflow export`.", metavar="DIR", show_default=False
        ),
    ] = None,
) -> None:
    """Show who is who: the RFM report, or the members of a segment.

    Recency, frequency and monetary of everybody who ordered, scored 1 to 5 by quintile; see docs/rfm.md. Rules are
    in docs/segments.md.

    \b
    Examples:
      mailflow segment
      mailflow segment champions
      mailflow segment --rule 'country == "DE" and orders.last_at < now - 90d'
      mailflow segment vip --explain ada@example.com
      mailflow segment vip --as-of 2026-03-31
      mailflow segment vip --diff 2026-03-01 --format csv
      mailflow segment --list
      mailflow segment --contacts --format csv
      mailflow segment --html rfm.html
      mailflow segment --moves --class at_risk
      mailflow segment --by category
      mailflow segment --engine duckdb --from out --contacts --format csv
    """
    day = None if as_of is None else clock.parse_date(as_of)
    asked = [name is not None, rule is not None, contacts, list_, lifecycle, html is not None, moves, by is not None]
    if sum(asked) > 1:
        raise UsageError("say one of: a name, --rule, --contacts, --list, --lifecycle, --html, --moves, --by")
    if (diff is not None or explain is not None) and name is None and rule is None:
        raise UsageError("--diff and --explain are about a segment: name it, or say --rule")
    if not moves and (since is not None or into is not None):
        raise UsageError("--since and --class are about --moves")
    if engine is not None or source is not None:
        if sum(asked) > contacts:
            raise UsageError("--engine and --from are about the RFM report and --contacts")
        _from_files(session, source, engine or Engine.PANDAS, day or _today(session), contacts=contacts)
    elif name is not None or rule is not None:
        _of_rule(session, name, rule, day, diff=diff, explain=explain)
    elif contacts:
        _contacts(session, day or _today(session))
    elif list_:
        segment_members.listing(session, day)
    elif lifecycle:
        segment_members.stages(session, day)
    elif html is not None:
        rfm.page(session, day or _today(session), html)
    elif moves:
        rfm.moves(session, since, day, into)
    elif by is not None:
        rfm.by(session, by, day or _today(session))
    else:
        _report(session, day or _today(session))


def _today(session: Session) -> date:
    return clock.local_date(session.now, session.workspace.settings.zone)


def _report(session: Session, day: date) -> None:
    from mailflow.jobs import segment as job

    _print_report(session, job.report(session.workspace, day))


def _from_files(session: Session, folder: Path | None, engine: Engine, day: date, *, contacts: bool) -> None:
    from mailflow.jobs import segment as job

    if folder is None:
        raise UsageError(
            "--engine reads files: say --from DIR; `mailflow export orders refunds --parquet DIR` writes them"
        )
    report, rows = job.from_files(session.workspace, day, folder, engine)
    if contacts:
        _print_contacts(session, rows)
    else:
        _print_report(session, report)


def _print_report(session: Session, found: Report) -> None:
    session.emit([row.as_record() for row in found.classes], lambda: report_table(session, found))
    if found.strangers:
        session.say(
            f"{many(found.strangers, 'order names no customer and is', 'orders name no customer and are')} left out"
        )


def _contacts(session: Session, day: date) -> None:
    from mailflow.jobs import segment as job

    _print_contacts(session, list(job.contacts(session.workspace, day)))


def _print_contacts(session: Session, rows: list[dict[str, Cell]]) -> None:
    shown = rows[:_PEOPLE_SHOWN]
    session.emit(
        rows,
        lambda: rows_table(
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


def _of_rule(
    session: Session, name: str | None, text: str | None, day: date | None, *, diff: str | None, explain: str | None
) -> None:
    """Answer what is asked about one segment: its members, who came and went, or why somebody is one."""
    from mailflow.jobs import members as job

    if diff is not None and (day is not None or explain is not None):
        raise UsageError("--diff compares a day with now: it goes with neither --as-of nor --explain")
    workspace = session.workspace
    gone = job.gone(workspace, name) if name is not None and explain is None else None
    if gone is not None and diff is not None:
        segment_members.changes_of_gone(session, gone, clock.parse_date(diff))
        return
    if gone is not None and day is not None:
        segment_members.members_of_gone(session, gone, day)
        return
    asked = job.named(workspace, name) if name is not None else job.written(workspace, text or "")
    if diff is not None:
        segment_members.changes(session, asked, clock.parse_date(diff))
    elif explain is not None:
        segment_members.why(session, asked, explain, day)
    else:
        segment_members.members(session, asked, day)


def _say_rest(session: Session, count: int, what: str) -> None:
    """Say how many there are, and how to see all, where a table shows only the first."""
    if session.format is Format.TABLE and count > _PEOPLE_SHOWN:
        session.say(f"{_PEOPLE_SHOWN} of {count:,} {what}; --format csv shows all")
    else:
        session.say(many(count, what.removesuffix("s"), what))


def rows_table(rows: Sequence[Sequence[object]], headings: list[str], *, numbers: Sequence[str] = _NUMBERS) -> Table:
    """Return rows as a table; the columns of `numbers` stand to the right."""
    from rich import box
    from rich.table import Table

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
    people, orders = many(report.contacts, "contact", "contacts"), many(report.orders, "order", "orders")
    heading = f"RFM as of {report.as_of}: {people} with {orders}"
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
