"""The RFM report of `mailflow segment`, and everybody's scores. What else it tells of RFM: segment_rfm.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mailflow import money
from mailflow.cli.frame import Session
from mailflow.cli.tables import MOST_ROWS, rows_table, say_count
from mailflow.errors import UsageError
from mailflow.phrases import many
from mailflow.scoring.engine import Engine

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType

    from mailflow.jobs.segment import Cell, Report

_BAR_WIDTH = 14
_CONTACT_COLUMNS = "contact email recency_days frequency monetary currency r f m class".split()


def report(session: Session, day: date) -> None:
    """Print the report of a day."""
    from mailflow.jobs import segment as job

    _print_report(session, job.report(session.workspace, day))


def from_files(session: Session, folder: Path | None, engine: Engine, day: date, *, contacts: bool) -> None:
    """Print the report, or everybody's scores, of the orders in an export."""
    from mailflow.jobs import segment as job

    if folder is None:
        raise UsageError(
            "--engine reads files: say --from DIR; `mailflow export orders refunds --parquet DIR` writes them"
        )
    found, rows = job.from_files(session.workspace, day, folder, engine)
    if contacts:
        _print_contacts(session, rows)
    else:
        _print_report(session, found)


def _print_report(session: Session, found: Report) -> None:
    session.emit([row.as_record() for row in found.classes], lambda: report_table(session, found))
    if found.strangers:
        session.say(
            f"{many(found.strangers, 'order names no customer and is', 'orders name no customer and are')} left out"
        )


def contacts(session: Session, day: date) -> None:
    """Print everybody's scores on a day."""
    from mailflow.jobs import segment as job

    _print_contacts(session, list(job.contacts(session.workspace, day)))


def _print_contacts(session: Session, rows: list[dict[str, Cell]]) -> None:
    shown = rows[:MOST_ROWS]
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
    say_count(session, len(rows), "contacts")


def report_table(session: Session, found: Report) -> RenderableType:
    """Return the report as a table with bars, or what to do where nobody has ordered."""
    from rich import box
    from rich.console import Group
    from rich.table import Table

    if not found.contacts:
        return (
            f"No orders by {found.as_of}, so there is nobody to score yet.\n"
            "`mailflow import orders.csv` reads them in; any file with a date, an amount and a customer will do."
        )
    columns = _report_columns(found)
    taken = 2 + sum(max(map(len, column)) + 2 for column in columns)
    bar_width = max(3, min(_BAR_WIDTH, session.out.width - taken))
    most = max(row.contacts for row in found.classes)
    sign = "█" if session.out.encoding.lower().startswith("utf") else "#"
    columns.insert(2, ["", *(sign * round(bar_width * row.contacts / most) for row in found.classes), ""])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    for index, (title, *_, total) in enumerate(columns):
        table.add_column(title, footer=total, justify="left" if index in (0, 2) else "right", no_wrap=True)
    for line in zip(*(column[1:-1] for column in columns), strict=True):
        table.add_row(*line)
    people, orders = many(found.contacts, "contact", "contacts"), many(found.orders, "order", "orders")
    heading = f"RFM as of {found.as_of}: {people} with {orders}"
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
