"""`mailflow report`: what came out, one report by its name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailflow import clock
from mailflow.cli.frame import Format, Session, command
from mailflow.cli.report_chances import chances_table
from mailflow.cli.report_mix import mix
from mailflow.cli.report_polls import polls
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.recommendations import Report

REPORTS = {
    "mix": "How much of each person's mail of 30 days is promotion, and for whom it is too much.",
    "polls": "What people answered to the polls in your mail, and how sure that is.",
    "recommendations": "How good the recommended products are, measured on your own orders.",
}
_OPTIONS = {
    "mix": ("--contacts", "--html"),
    "polls": (),
    "recommendations": ("--from", "--for", "--chances"),
}
_ITEM_COLUMNS = "place id title price currency source because reason probability".split()
_METHODS = {
    "recommended": "recommended",
    "popular_lately": "popular lately",
    "popular": "popular, all time",
}
_GOALS = {"new": "\nBought, and new to the customer", "all": "Bought, new or not"}


_Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Which report; without it they are listed.")]
_Poll = Annotated[str | None, typer.Argument(metavar="POLL", help="Of `polls`: only this one.", show_default=False)]
_Since = Annotated[
    str | None,
    typer.Option("--from", help="Test from this day on, learn before it.", metavar="DATE", show_default=False),
]
_For = Annotated[
    str | None,
    typer.Option(
        "--for",
        help="What this person is shown now: an address, key or customer id.",
        metavar="WHO",
        show_default=False,
    ),
]
_Contacts = Annotated[bool, typer.Option("--contacts", help="Of `mix`: one line for each person.")]
_Chances = Annotated[bool, typer.Option("--chances", help="Of `recommendations`: what the chances told were worth.")]
_Html = Annotated[
    Path | None, typer.Option("--html", help="Of `mix`: write it as a page.", metavar="FILE", show_default=False)
]


@command
def report(
    session: Session,
    name: _Name = None,
    poll: _Poll = None,
    since: _Since = None,
    for_: _For = None,
    contacts: _Contacts = False,
    chances: _Chances = False,
    html: _Html = None,
) -> None:
    """Print a report.

    `mix` counts the marketing mail of the last 30 days: how many people got how great a share of promotions, and for
    how many that is above the limit in mailflow.yaml (mix). docs/campaigns.md says what a promotion is.

    `polls` counts what people answered, each person once by their last answer, and how many of those asked did. It says
    which answer is ahead, or that it is too early to say. docs/polls.md says how to ask.

    `recommendations` learns from the orders before a day and looks at what people bought from then on: how often one of
    ten recommended products was among it, and how far up, against ten popular products. docs/recommendations.md says
    how to read it.

    \b
    Examples:
      mailflow report
      mailflow report mix
      mailflow report mix --contacts --format csv
      mailflow report polls spring
      mailflow report recommendations
      mailflow report recommendations --from 2026-01-01 --format json
      mailflow report recommendations --chances
      mailflow report recommendations --for ada@example.com
    """
    _refuse_of_others(
        name, {"--from": since, "--for": for_, "--contacts": contacts, "--chances": chances, "--html": html}
    )
    if poll is not None and name != "polls":
        raise UsageError(f"the report {name!r} takes no further name: {poll!r}")
    if name is None:
        _list(session)
    elif name == "polls":
        polls(session, poll)
    elif name == "mix":
        mix(session, contacts=contacts, html=html)
    elif for_ is not None:
        _shown_to(session, for_)
    else:
        _recommendations(session, since, chances=chances)


def _refuse_of_others(name: str | None, given: Mapping[str, object]) -> None:
    """Raise `UsageError` for a report that there is not, and for an option that is another report's."""
    if name is None:
        return
    if name not in REPORTS:
        raise UsageError(f"there is no report {name!r} (there are: {', '.join(REPORTS)})")
    for option, value in given.items():
        if value not in (None, False) and option not in _OPTIONS[name]:
            raise UsageError(f"the report {name!r} has no {option}")


def _list(session: Session) -> None:
    rows = [{"report": name, "about": about} for name, about in REPORTS.items()]
    session.emit(rows, lambda: _table([tuple(row.values()) for row in rows], ["report", "about"]))


def _recommendations(session: Session, since: str | None, *, chances: bool) -> None:
    from mailflow.jobs import recommendations as job

    day = None if since is None else clock.parse_date(since)
    with session.progress("Testing on past orders"):
        found = job.evaluate(session.workspace, since=day, now=session.now)
    if chances:
        session.emit(found.chances(), lambda: chances_table(found), columns=job.CHANCE_COLUMNS)
        return
    records = found.records()
    session.emit(records, lambda: _figures_table(session, found), columns=job.COLUMNS)
    if session.format is not Format.TABLE and found.evaluation.why:
        session.say(_abstention(found))


def _figures_table(session: Session, found: Report) -> RenderableType:
    from rich.console import Group

    if not found.evaluation.figures:
        return _abstention(found)
    tables: list[Any] = [
        f"Learned before {found.tested_from}, tested on what was bought from then to {found.tested_to};"
        " 95 % intervals.",
    ]
    by_goal: dict[str, list[tuple[Any, ...]]] = {}
    for one in found.evaluation.figures:
        ratio = "" if one.ratio is None else f"{one.ratio.value:.2f} ({one.ratio.low:.2f} to {one.ratio.high:.2f})"
        cells = (
            _METHODS[one.method],
            f"{one.ndcg.value:.4f}",
            f"{one.hit_rate.value:.1%}",
            f"{one.hit_rate.low:.1%} to {one.hit_rate.high:.1%}",
            ratio,
        )
        by_goal.setdefault(f"{_GOALS[one.goal]}: {one.people:,} people", []).append(cells)
    for goal, rows in by_goal.items():
        headings = ["ten products", "NDCG@10", "hit rate@10", "interval", "times popular"]
        tables += [goal, _table(rows, headings)]
    return Group(*tables, *_words(session, found))


def _words(session: Session, found: Report) -> list[str]:
    """Return the figures in sentences: what they mean, whom they are of, what the chances were worth."""
    result = found.evaluation
    words = [_verdict(found)]
    words.append(
        f"{result.personal:.0%} of the lists have something of the person's own; they show"
        f" {result.recommended_products:,} different products of {result.products:,} that were sold,"
        f" {result.with_neighbours:,} of which go together with others."
    )
    if result.popular_weight:
        words.append(
            f"Popular products count {result.popular_weight:g} for everybody, where a perfect likeness counts 1:"
            " without that, lists did worse in the time before the test."
        )
    if result.forecast is not None:
        told = result.forecast
        words.append(
            f"Chances told: of {told.shown:,} products shown, {told.expected:.1%} were expected to be bought within"
            f" {told.days} days, {told.bought:.1%} were. Brier score {told.brier:.4f}, {told.brier_popular:.4f} by"
            f" popularity alone, {told.brier_constant:.4f} with one chance for all (--chances shows more)."
        )
    if result.bought_again and not session.workspace.settings.recommendations.consumables:
        words.append(
            f"{result.bought_again:,} products are often bought again. If they are consumables, say"
            " recommendations: {consumables: measured} in mailflow.yaml, or name their categories there."
        )
    words.append("Stock, prices and pages of those days are not known, so nothing was left out for them.")
    return words


def _verdict(found: Report) -> str:
    new = next((one for one in found.evaluation.figures if one.ratio is not None), None)
    if new is None or new.ratio is None:
        return "Nobody bought any of the popular products, so there is nothing to compare with."
    if new.ratio.low > 1:
        return f"Recommendations do better than popular products: {new.ratio.value:.1f} times their NDCG@10."
    if new.ratio.high < 1:
        return "Popular products do better than recommendations here."
    return "Too early to say whether recommendations do better than popular products: the interval holds 1."


def _abstention(found: Report) -> str:
    since = "" if found.tested_from is None else f" (tested from {found.tested_from})"
    return f"Too early to say: {found.evaluation.why or 'too few people bought anything of the kind'}{since}."


def _shown_to(session: Session, who: str) -> None:
    from mailflow.jobs import recommendations as job
    from mailflow.jobs import who as people

    workspace = session.workspace
    contact = people.find(workspace.store.db, workspace.keys, who)
    items = job.shown_to(workspace, contact.id, now=session.now)
    records = [
        {"place": place, **{key: _plain(item[key]) for key in _ITEM_COLUMNS[1:]}} for place, item in enumerate(items, 1)
    ]
    rows = [
        (row["place"], row["title"], row["reason"], "" if row["probability"] is None else f"{row['probability']:.1%}")
        for row in records
    ]
    table = partial(_table, rows, ["place", "title", "reason", "chance"])
    session.emit(records, table if rows else lambda: "Nothing to recommend.", columns=_ITEM_COLUMNS)
    if not items:
        session.say("`mailflow score` finds out what goes together, from orders with products")


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else str(value)


def _table(rows: list[tuple[Any, ...]], headings: list[str]) -> RenderableType:
    from mailflow.cli.plain import shown
    from mailflow.cli.tables import rows_table

    numbers = ("NDCG@10", "hit rate@10", "place", "chance")
    return rows_table([[shown(cell) for cell in row] for row in rows], headings, numbers=numbers)
