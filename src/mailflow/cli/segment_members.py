"""What `mailflow segment` tells of rules: members, changes, why somebody is one. Gathered by jobs/members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from textwrap import shorten
from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.cli.frame import Format, Record, Session
from mailflow.cli.plain import shown
from mailflow.cli.tables import MOST_ROWS, say_count

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from mailflow.jobs.members import Asked, Difference, Found, Listed, Moved, StageSize, Why
    from mailflow.rules.explain import Explained
    from mailflow.store.members import Member
    from mailflow.store.membership import Ended

_MEMBER_COLUMNS = ["contact", "email", "first_name", "last_name"]
_MOVE_COLUMNS = ["contact", "email", "moved", "at", "cause"]
_REASONS_TOLD = 3
_RULE_SHOWN = 70  # letters of a rule in the list: what it is about
_FROM_HISTORY = "from the history that `mailflow run` keeps: who was in it at the end of {}"
_GONE = "{} is no longer in segments.yaml: nobody is in it now"
_STAGES = {
    "lead": "has not ordered yet",
    "new": "ordered once, a short while ago",
    "active": "orders as usual",
    "loyal": "orders as usual, and has often",
    "at_risk": "silent for longer than usual",
    "lapsed": "silent for much longer",
    "lost": "silent for very long",
}


def members(session: Session, asked: Asked, day: date | None) -> None:
    """Print who is in a segment."""
    from mailflow.jobs import members as job

    found = job.found(session.workspace, asked, now=session.now, as_of=day)
    _print_members(session, found)
    bounds = job.value_bounds(session.workspace, asked)
    if bounds is not None:
        told = ", ".join(f"{fifth} up to {amount}" for fifth, amount in enumerate(bounds.amounts, start=1))
        session.say(
            f"rfm.m is a fifth of what people spent: {told}, 5 above, in {bounds.currency} as of {bounds.as_of}"
        )
    if day is None or day == _today(session):
        return
    if day > _today(session):
        session.say(f"{day} is still to come: this is how it will be if nothing happens until then")
        return
    if found.kept:
        session.say(_FROM_HISTORY.format(day))
    else:
        session.say(
            f"computed as of the end of {day}: orders, events, scores and consent are of that day; fields such as"
            " country are today's"
        )


def members_of_gone(session: Session, gone: Ended, day: date) -> None:
    """Print who was in a segment that is no longer in segments.yaml."""
    from mailflow.jobs import members as job

    _print_members(session, job.found_in_history(session.workspace, gone, day))
    session.say(_FROM_HISTORY.format(day))
    session.say(_GONE.format(gone.name))


def _print_members(session: Session, found: Found) -> None:
    from mailflow.jobs import members as job

    people = job.people(session.workspace, found.contact_ids)
    if session.format is Format.TABLE:
        session.out.print(_member_table(list(islice(people, MOST_ROWS))))
    else:
        session.emit_stream(map(_member, people), columns=_MEMBER_COLUMNS)
    say_count(session, len(found.contact_ids), "members")


def changes(session: Session, asked: Asked, since: date) -> None:
    """Print who came and who went since the end of a day."""
    from mailflow.jobs import members as job

    _print_changes(session, job.difference(session.workspace, asked, since, now=session.now), asked.called, since)


def changes_of_gone(session: Session, gone: Ended, since: date) -> None:
    """Print who came into a segment and who left it before it was gone from segments.yaml."""
    from mailflow.jobs import members as job

    _print_changes(session, job.changes_in_history(session.workspace, gone, since), gone.name, since)
    session.say(_GONE.format(gone.name))


def _print_changes(session: Session, found: Difference, called: str, since: date) -> None:
    if session.format is Format.TABLE:
        moves = list(found.moves)
        session.out.print(_move_table(session, moves[-MOST_ROWS:]))
        came = sum(move.entered for move in moves)
        session.say(f"{came:,} came and {len(moves) - came:,} left {called} since {since}")
        if len(moves) > MOST_ROWS:
            session.say(f"the last {MOST_ROWS} are shown; --format csv shows all")
    else:
        session.emit_stream(map(_moved, found.moves), columns=_MOVE_COLUMNS)
    _say_where_from(session, found, since)


def _say_where_from(session: Session, found: Difference, since: date) -> None:
    zone = session.workspace.settings.zone
    for at, rule in found.edits:
        session.say(f"the rule was edited ({clock.wall_text(at, zone)}): {shown(' '.join(rule.split()))}")
    if not found.kept:
        session.say(f"no history is kept of {since}: both days were computed and compared, so nobody knows when")


def why(session: Session, asked: Asked, person: str, day: date | None) -> None:
    """Print why somebody is in a segment or is not."""
    from mailflow.jobs import members as job

    found = job.explained(session.workspace, asked, person, now=session.now, as_of=day)
    sentence = _sentence(session, found, asked, day)
    record: Record = {
        "contact": found.contact.key,
        "email": found.contact.email,
        "segment": asked.name,
        "member": found.tree.truth,
        "since": None if found.since is None else clock.iso(found.since),
        "sentence": sentence,
        "tree": _branch(found.tree),
    }
    session.emit_object(record, lambda: _tree_table(found.tree, sentence))


def listing(session: Session, day: date | None) -> None:
    """Print every segment there is."""
    from mailflow.jobs import members as job

    found = job.listed(session.workspace, now=session.now, as_of=day)
    rows: list[Record] = [
        {
            "name": one.name,
            "rule": one.rule,
            "contacts": one.contacts,
            "since_yesterday": one.since_yesterday,
            "since_last_week": one.since_last_week,
        }
        for one in found
    ]
    session.emit(rows, lambda: _list_table(found))
    changes_known = any(change is not None for one in found for change in (one.since_yesterday, one.since_last_week))
    if day is None and not changes_known:
        session.say("changes show a day after the first `mailflow run`, which keeps who came and went")


def stages(session: Session, day: date | None) -> None:
    """Print how many people are in each lifecycle stage."""
    from mailflow.jobs import members as job

    found = job.stages(session.workspace, now=session.now, as_of=day)
    rows: list[Record] = [
        {
            "stage": str(one.stage),
            "contacts": one.contacts,
            "share": one.share,
            "came_last_week": one.came_last_week,
        }
        for one in found
    ]
    session.emit(rows, lambda: _stage_table(found))


def _today(session: Session) -> date:
    return clock.local_date(session.now, session.workspace.settings.zone)


def _member(person: Member) -> Record:
    return {
        "contact": person.key,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }


def _moved(move: Moved) -> Record:
    return {
        "contact": move.person.key,
        "email": move.person.email,
        "moved": "entered" if move.entered else "left",
        "at": None if move.at is None else clock.iso(move.at),
        "cause": None if move.cause is None else str(move.cause),
    }


def _branch(part: Explained) -> dict[str, object]:
    return {
        "text": part.text,
        "truth": part.truth,
        "value": part.value or None,
        **({} if part.confidence is None else {"confidence": round(part.confidence, 4)}),
        "parts": [_branch(inner) for inner in part.parts],
    }


def _sentence(session: Session, found: Why, asked: Asked, day: date | None) -> str:
    """Say in a sentence whether somebody is in a segment, since when, and what decides it."""
    who, parts = found.contact.email or f"contact {found.contact.key}", found.decisive()
    told = [f"{shown(part.text)} is {_yes(part.truth)}{_saw(part)}" for part in parts[:_REASONS_TOLD]]
    more = f", and {len(parts) - _REASONS_TOLD} more" if len(parts) > _REASONS_TOLD else ""
    verb = ("is" if found.tree.truth else "is not") if day is None else ("was" if found.tree.truth else "was not")
    where = f"in {asked.called}" if asked.name else "meant by this rule"
    when = "" if day is None else f" at the end of {day}"
    since = ""
    if found.since is not None:
        longer = " or longer" if found.or_longer else ""
        since = f" since {clock.wall_text(found.since, session.workspace.settings.zone)}{longer}"
    return f"{who} {verb} {where}{since}{when}: {'; '.join(told)}{more}."


def _yes(truth: bool) -> str:
    return "true" if truth else "false"


def _saw(part: Explained) -> str:
    return f" ({shown(part.value)})" if part.value else ""


def _member_table(people: Sequence[Member]) -> Table:
    rows = [
        (shown(person.email or person.key), shown(" ".join(filter(None, (person.first_name, person.last_name)))))
        for person in people
    ]
    return _table(rows, ["contact", "name"])


def _move_table(session: Session, moves: Sequence[Moved]) -> Table:
    zone = session.workspace.settings.zone
    rows = [
        (
            shown(move.person.email or move.person.key),
            "came" if move.entered else "left",
            "–" if move.at is None else clock.wall_text(move.at, zone),
            "the rule was edited" if move.cause == "rule" else "",
        )
        for move in moves
    ]
    return _table(rows, ["contact", "", "when", ""])


def _list_table(found: Sequence[Listed]) -> Table:
    rows = [
        (
            one.name,
            f"{one.contacts:,}",
            _signed(one.since_yesterday),
            _signed(one.since_last_week),
            "an RFM class" if one.rule is None else shorten(shown(one.rule), _RULE_SHOWN, placeholder=" …"),
        )
        for one in found
    ]
    return _table(rows, ["segment", "contacts", "1 day", "7 days", "rule"])


def _signed(number: int | None) -> str:
    return "–" if number is None else "0" if number == 0 else f"{number:+,}"


def _stage_table(found: Sequence[StageSize]) -> Table:
    rows = [
        (str(one.stage), f"{one.contacts:,}", f"{100 * one.share:.1f}", f"{one.came_last_week:,}", _STAGES[one.stage])
        for one in found
    ]
    return _table(rows, ["stage", "contacts", "%", "came, 7 days", "who"])


def _tree_table(tree: Explained, sentence: str) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding

    rows = [
        (_yes(part.truth), Padding.indent(shown(part.text), 2 * depth), shown(part.value))
        for depth, part in _walk(tree)
    ]
    return Group(_table(rows, ["", "part", "seen"]), sentence)


def _walk(part: Explained, depth: int = 0) -> Iterator[tuple[int, Explained]]:
    yield depth, part
    for inner in part.parts:
        yield from _walk(inner, depth + 1)


def _table(rows: Sequence[Sequence[RenderableType]], headings: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    numbers = {"contacts", "%", "1 day", "7 days", "came, 7 days"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        is_number = heading in numbers
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    for row in rows:
        table.add_row(*row)
    return table
