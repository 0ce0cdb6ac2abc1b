"""`mailflow segment`: the RFM report, or who is in a segment. This is its options; what it prints stands next door:
segment_report.py, segment_rfm.py, segment_members.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli import segment_members
from mailflow.cli import segment_report as report
from mailflow.cli import segment_rfm as rfm
from mailflow.cli.frame import Session, command
from mailflow.errors import UsageError
from mailflow.scoring.engine import Engine
from mailflow.store.frames_by import Label

if TYPE_CHECKING:
    from datetime import date


_Name = Annotated[
    str | None,
    typer.Argument(help="An RFM class, a name in segments.yaml, or a trait.", metavar="NAME", show_default=False),
]
_Rule = Annotated[str | None, typer.Option(help="Whom this rule means.", metavar="EXPR", show_default=False)]
_AsOf = Annotated[
    str | None, typer.Option("--as-of", help="As of the end of this day.", metavar="DATE", show_default=False)
]
_Diff = Annotated[
    str | None,
    typer.Option(help="Who came and who left since the end of this day.", metavar="DATE", show_default=False),
]
_Explain = Annotated[
    str | None,
    typer.Option(
        help="Why this person is in it or not: an address, key or customer id.", metavar="WHO", show_default=False
    ),
]
_Contacts = Annotated[bool, typer.Option("--contacts", help="Everybody's scores instead of the report.")]
_List = Annotated[bool, typer.Option("--list", help="Every segment there is, with its size.")]
_Lifecycle = Annotated[bool, typer.Option("--lifecycle", help="How many are in each lifecycle stage.")]
_Html = Annotated[
    Path | None, typer.Option(help="Write the RFM report as a page of its own.", metavar="FILE", show_default=False)
]
_Moves = Annotated[bool, typer.Option("--moves", help="Who went from one RFM class into another.")]
_Since = Annotated[
    str | None,
    typer.Option(help="With --moves: from this day on; the month by default.", metavar="DATE", show_default=False),
]
_Into = Annotated[
    str | None,
    typer.Option("--class", help="With --moves: into this class alone.", metavar="NAME", show_default=False),
]
_By = Annotated[
    Label | None, typer.Option(help="The RFM report of each category of products, or each brand.", show_default=False)
]
_Engine = Annotated[
    Engine | None, typer.Option(help="Let this engine add up the files of --from, for the report.", show_default=False)
]
_From = Annotated[
    Path | None,
    typer.Option(
        "--from", help="The folder of orders and refunds by `mailflow export`.", metavar="DIR", show_default=False
    ),
]


@command
def segment(
    session: Session,
    name: _Name = None,
    rule: _Rule = None,
    as_of: _AsOf = None,
    diff: _Diff = None,
    explain: _Explain = None,
    contacts: _Contacts = False,
    list_: _List = False,
    lifecycle: _Lifecycle = False,
    html: _Html = None,
    moves: _Moves = False,
    since: _Since = None,
    into: _Into = None,
    by: _By = None,
    engine: _Engine = None,
    source: _From = None,
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
    questions = (name, rule, contacts, list_, lifecycle, html, moves, by)
    _check(questions, diff=diff, explain=explain, moves=moves, since=since, into=into, files=engine or source)
    said = None if as_of is None else clock.parse_date(as_of)
    if engine is not None or source is not None:
        report.from_files(session, source, engine or Engine.PANDAS, said or _today(session), contacts=contacts)
    elif name is not None or rule is not None:
        _of_rule(session, name, rule, said, diff=diff, explain=explain)
    elif list_:
        segment_members.listing(session, said)
    elif lifecycle:
        segment_members.stages(session, said)
    elif moves:
        rfm.moves(session, since, said, into)
    else:
        _rfm(session, said or _today(session), contacts=contacts, html=html, by=by)


def _check(
    questions: tuple[object, ...],
    *,
    diff: str | None,
    explain: str | None,
    moves: bool,
    since: str | None,
    into: str | None,
    files: object,
) -> None:
    """Refuse options that ask two things at once, or that are about what nobody asks for."""
    name, rule, contacts, *_ = questions
    asked = [question for question in questions if question is not None and question is not False]
    if len(asked) > 1:
        raise UsageError("say one of: a name, --rule, --contacts, --list, --lifecycle, --html, --moves, --by")
    if (diff is not None or explain is not None) and name is None and rule is None:
        raise UsageError("--diff and --explain are about a segment: name it, or say --rule")
    if not moves and (since is not None or into is not None):
        raise UsageError("--since and --class are about --moves")
    if files is not None and asked not in ([], [contacts]):
        raise UsageError("--engine and --from are about the RFM report and --contacts")


def _rfm(session: Session, day: date, *, contacts: bool, html: Path | None, by: Label | None) -> None:
    """Answer what is asked about everybody who ordered: who they are, a page, parts of the shop, or the report."""
    if contacts:
        report.contacts(session, day)
    elif html is not None:
        rfm.page(session, day, html)
    elif by is not None:
        rfm.by(session, by, day)
    else:
        report.report(session, day)


def _today(session: Session) -> date:
    return clock.local_date(session.now, session.workspace.settings.zone)


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
