"""`mailflow score`: compute and keep scores, list what they were made from, say why somebody has theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailflow.cli.frame import Session, command
from mailflow.errors import UsageError
from mailflow.phrases import many

if TYPE_CHECKING:
    from rich.table import Table

_RUN_COLUMNS = "score version as_of computed_at contacts inputs".split()
_CAUSE_COLUMNS = "contact email score value as_of causes".split()
_LATEST = 20


@command
def score(
    session: Session,
    if_stale: Annotated[
        bool, typer.Option("--if-stale", help="Only when data, settings or the day changed since the last time.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="When scores were computed, and from what.")] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            help="Why this person has theirs: an address, key or customer id.", metavar="WHO", show_default=False
        ),
    ] = None,
) -> None:
    """Compute everybody's scores as of today (RFM, lifecycle), what they buy most and what goes together.

    `plan`, `send` and `run` do it by themselves when it is due.

    \b
    Examples:
      mailflow score
      mailflow score --if-stale --quiet
      mailflow score --list --format json
      mailflow score --explain ada@example.com
    """
    if sum([if_stale, list_, explain is not None]) > 1:
        raise UsageError("say one of: --if-stale, --list, --explain")
    if list_:
        _list(session)
    elif explain is not None:
        _explain(session, explain)
    else:
        _compute(session, if_stale=if_stale)


def _compute(session: Session, *, if_stale: bool) -> None:
    from mailflow import scoring

    workspace, db = session.workspace, session.workspace.store.db
    due = not if_stale or scoring.is_stale(db, workspace.settings, root=workspace.root, now=session.now)
    others = [_recommend(session, if_stale=if_stale), _find_favourites(session, if_stale=if_stale)]
    if any(others) and not due:
        return
    if not due:
        session.say("the scores are of today's data: nothing to do")
        return
    from mailflow.config.rates import RATES_FILE, load_rates
    from mailflow.scoring import rfm

    rates = load_rates(workspace.root / RATES_FILE)
    result = rfm.refresh(workspace.store, workspace.settings, rates, root=workspace.root, now=session.now)
    session.say(f"scored {many(len(result.frame), 'contact', 'contacts')} as of {result.as_of}")
    if not if_stale:  # a run that wants fresh scores keeps stages and segments itself, and holds the lock for it
        _keep_stages(session)


def _recommend(session: Session, *, if_stale: bool) -> bool:
    """Find out what goes together, where that is due; say whether it was."""
    from mailflow.jobs import recommendations

    workspace = session.workspace
    if if_stale and not recommendations.are_due(workspace, now=session.now):
        return False
    from mailflow.scoring import recommend

    found = recommend.refresh(workspace.store, workspace.settings, now=session.now)
    session.say(f"found {len(found.pairs):,} pairs of products that go together")
    return True


def _find_favourites(session: Session, *, if_stale: bool) -> bool:
    """Find out what people buy most, where that is due; say whether it was."""
    from mailflow.jobs import favourites
    from mailflow.scoring.favourites import refresh
    from mailflow.store import frames_favourites

    workspace = session.workspace
    if if_stale and not favourites.are_due(workspace, now=session.now):
        return False
    with session.progress("orders", frames_favourites.orders(workspace.store.db)) as advance:
        changed = refresh(
            workspace.store, workspace.settings, folder=workspace.private, now=session.now, advance=advance
        )
    session.say(f"found what people buy most: {many(changed, 'person', 'people')} with another favourite")
    return True


def _keep_stages(session: Session) -> None:
    from mailflow.jobs import keep

    with session.workspace.lock():
        kept = keep.keep(session.workspace, now=session.now, is_real_clock=session.now_option is None)
    moved = 0 if kept is None else sum(kept.stages.values())
    session.say(f"{many(moved, 'contact', 'contacts')} came into another lifecycle stage")


def _list(session: Session) -> None:
    from mailflow.jobs import score as job
    from mailflow.store import scores

    records = [job.run_record(run) for run in scores.runs(session.workspace.store.db)]
    session.emit(records, lambda: _runs_table(records[:_LATEST]), columns=_RUN_COLUMNS)
    if not records:
        session.say("no scores were computed yet: `mailflow score` does it, and so does every `mailflow run`")


def _explain(session: Session, who: str) -> None:
    from mailflow.jobs import profile
    from mailflow.jobs import score as job
    from mailflow.jobs import who as people

    workspace = session.workspace
    with workspace.store.snapshot() as db:
        contact = people.find(db, workspace.keys, who)
        found = job.explain(db, contact.id, segments=profile.rules(workspace), now=session.now)
    records = [
        {
            "contact": contact.key,
            "email": contact.email,
            "score": one.name,
            "value": one.value,
            "as_of": one.as_of.isoformat(),
            "causes": list(one.causes),
        }
        for one in found
    ]
    rows = [(one.name, one.value, one.words, one.as_of) for one in found]
    session.emit(records, lambda: _table(rows, ["score", "value", "because", "as of"]), columns=_CAUSE_COLUMNS)
    if not found:
        session.say("no score is kept of them: who never ordered has none, and `mailflow score` computes the others'")


def _runs_table(records: list[dict[str, Any]]) -> Table:
    rows = [
        (
            record["score"],
            record["version"],
            record["as_of"],
            f"{record['computed_at'][:16]}Z".replace("T", " "),
            "" if record["contacts"] is None else f"{record['contacts']:,}",
            record["inputs"].get("data_version", ""),
        )
        for record in records
    ]
    return _table(rows, ["score", "version", "as of", "computed at", "contacts", "data version"])


def _table(rows: list[tuple[Any, ...]], headings: list[str]) -> Table:
    from mailflow.cli.plain import shown
    from mailflow.cli.tables import rows_table

    return rows_table(
        [[shown(cell) for cell in row] for row in rows], headings, numbers=("version", "contacts", "data version")
    )
