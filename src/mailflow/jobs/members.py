"""Who is in a segment: now, on a past day, who came and went since, and why one person is or is not.

A past day is answered from the history that `run` keeps (jobs/keep), else computed from what had happened by then. The
RFM report: jobs/segment; how all this is shown: cli/segment_members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor

from mailflow import clock, money, scoring
from mailflow.config.yaml_files import suggestion
from mailflow.errors import ProblemsError, UsageError
from mailflow.jobs import segment, who
from mailflow.model import Stage
from mailflow.rules import Rule, RuleError
from mailflow.rules.explain import Explained, explain
from mailflow.rules.types import TRAITS
from mailflow.segments import Segments, segments
from mailflow.store import Connection, lifecycle, members, membership, past, scores
from mailflow.store.contacts import Contact
from mailflow.store.members import Member
from mailflow.store.membership import Cause, Ended, Kept
from mailflow.store.scores import RfmRow
from mailflow.workspace import Workspace

_CHUNK = 5_000
_WEEK_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks about: a rule, by its name or as it is written."""

    known: Segments
    rule: Rule
    name: str | None = None

    @property
    def called(self) -> str:
        """What to call it in a sentence."""
        return "this rule" if self.name is None else self.name


@dataclass(frozen=True, slots=True)
class Found:
    """Who is in a segment; `kept` says that the history knows, and not that it was computed."""

    contact_ids: Sequence[int]
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """One segment there is; `rule` is None for an RFM class. Changes are None where no history is kept of so long."""

    name: str
    rule: str | None
    contacts: int
    since_yesterday: int | None = None
    since_last_week: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """One person who came into a segment or left it; `at` is None where only the two days were compared."""

    person: Member
    entered: bool
    at: datetime | None
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Who came and went since the end of a day; `kept` as in `Found`, `edits` are new versions of the rule since."""

    moves: Iterator[Moved]
    kept: bool
    edits: Sequence[tuple[datetime, str]]


@dataclass(frozen=True, slots=True)
class Why:
    """Why one person is in a segment or not; `since` when they are, by its history: `or_longer` where that begins."""

    contact: Contact
    tree: Explained
    since: datetime | None
    or_longer: bool

    def decisive(self) -> list[Explained]:
        """Return the smallest parts that made the rule as true or false as it is."""
        return list(_decisive(self.tree))


def named(workspace: Workspace, name: str) -> Asked:
    """Return the rule of an RFM class, of a name in segments.yaml, or of a trait (`traits.x`): who likely has it."""
    known = Segments.open(workspace.root, workspace.settings, workspace.store.db)
    if name in known.rules:
        try:
            return Asked(known, known.named(name), name)
        except RuleError as error:
            raise segments.placed(workspace.root, name, error) from error
    trait_names = [f"{TRAITS}{trait}" for trait in known.traits]
    if name in known.classes or name in trait_names:
        return Asked(known, known.parse(name), name)
    if past_one := membership.ended(workspace.store.db, name):
        when = _wall(workspace, past_one.ended_at)
        raise UsageError(
            f"the segment {name!r} is no longer in segments.yaml: its history ended on {when}."
            " --as-of DATE and --diff DATE tell of earlier days. Written there again under this name, it begins anew"
        )
    hint = suggestion(name, [*known.rules, *known.classes, *trait_names])
    raise UsageError(f"there is no segment {name!r}{hint}. `mailflow segment --list` shows them all")


def gone(workspace: Workspace, name: str) -> Ended | None:
    """Return the history of a segment that was kept and is no longer in segments.yaml; None for any other name."""
    known = Segments.open(workspace.root, workspace.settings)
    if name in known.rules or name in known.classes or name.startswith(TRAITS):
        return None
    return membership.ended(workspace.store.db, name)


def found_in_history(workspace: Workspace, gone: Ended, day: date) -> Found:
    """Return who was in a segment that is gone, at the end of a day; `UsageError` where its history does not go."""
    end = _within_history(workspace, gone, day)
    return Found(membership.as_of(workspace.store.db, gone.id, end), kept=True)


def changes_in_history(workspace: Workspace, gone: Ended, since: date) -> Difference:
    """Return who came into a segment that is gone and who left it, since the end of a day; at last everybody did."""
    end = _within_history(workspace, gone, since)
    edits = membership.versions(workspace.store.db, gone.id, end)
    moves = _recorded(workspace, gone.id, end, set())
    return Difference(moves, True, [(clock.from_ms(at), rule) for at, rule in edits])


def _within_history(workspace: Workspace, gone: Ended, day: date) -> int:
    """Return the end of a day in milliseconds; `UsageError` where it is before or after a history."""
    end = clock.to_ms(clock.end_of_day(day, workspace.settings.zone))
    if gone.first_at < end <= gone.ended_at:
        return end
    began, ended = _wall(workspace, gone.first_at), _wall(workspace, gone.ended_at)
    raise UsageError(
        f"the segment {gone.name!r} is no longer in segments.yaml, and its history does not tell of the end of {day}:"
        f" it goes from {began} to {ended}"
    )


def _wall(workspace: Workspace, at: int) -> str:
    return clock.wall_text(clock.from_ms(at), workspace.settings.zone)


def written(workspace: Workspace, text: str) -> Asked:
    """Return what a rule means; `RuleError` says what is wrong with it."""
    known = Segments.open(workspace.root, workspace.settings, workspace.store.db)
    return Asked(known, known.parse(text))


def found(workspace: Workspace, asked: Asked, *, now: datetime, as_of: date | None = None) -> Found:
    """Return whom a rule means: now, or at the end of a day."""
    if as_of is not None:
        end = clock.end_of_day(as_of, workspace.settings.zone)
        kept = _kept(workspace, asked, clock.to_ms(end))
        if kept is not None:
            return Found(membership.as_of(workspace.store.db, kept.id, clock.to_ms(end)), kept=True)
    with seen(workspace, asked, now=now, as_of=as_of) as (db, instant):
        return Found(asked.known.found(db, asked.rule, now=instant))


@contextmanager
def seen(
    workspace: Workspace, asked: Asked, *, now: datetime, as_of: date | None = None
) -> Iterator[tuple[Connection, datetime]]:
    """Give a connection that sees the scores, stages and orders of a day, and the instant a rule is relative to there.

    Nothing is written: what is out of date is computed for this once.
    """
    today = clock.local_date(now, workspace.settings.zone)
    day = as_of or today
    end = clock.end_of_day(day, workspace.settings.zone)
    rfm = _scores_of(workspace, day, now) if asked.known.needs_scores(asked.rule) else None
    is_past = day != today
    asks_stages = asked.known.needs_stages(workspace.store.db, asked.rule, until=end)
    with past.seen(
        workspace.store,
        until=clock.to_ms(end),
        consent_at=end if day < today else None,
        rfm=rfm,
        stages=workspace.settings.lifecycle if asks_stages else None,
    ) as db:
        yield db, end - timedelta(milliseconds=1) if is_past else now  # still that day


def _scores_of(workspace: Workspace, day: date, now: datetime) -> Iterator[RfmRow] | None:
    """Return the RFM scores of a day, or None where the kept ones are of it."""
    settings, root = workspace.settings, workspace.root
    is_today = day == clock.local_date(now, settings.zone)
    if is_today and not scoring.is_stale(workspace.store.db, settings, root=root, now=now):
        return None
    from mailflow.scoring import rfm

    return rfm.rows(segment.scored(workspace, day))


def _kept(workspace: Workspace, asked: Asked, end: int) -> Kept | None:
    """Return the history of a segment where it goes from before an instant (milliseconds) to after it."""
    if asked.name is None:
        return None
    kept = membership.kept(workspace.store.db).get(asked.name)
    return kept if kept is not None and kept.first_at < end <= (kept.checked_at or 0) else None


def people(workspace: Workspace, contact_ids: Sequence[int]) -> Iterator[Member]:
    """Yield people by their ids, a block at a time."""
    return members.named(workspace.store.db, contact_ids)


def listed(workspace: Workspace, *, now: datetime, as_of: date | None = None) -> list[Listed]:
    """Return every segment with its size: the RFM classes, the rules of segments.yaml, and who likely has a trait."""
    wrong = segments.problems(workspace.root, workspace.settings)
    if wrong:
        raise ProblemsError(list(wrong))
    today = clock.local_date(now, workspace.settings.zone)
    classes = [Listed(row.name, None, row.contacts) for row in segment.report(workspace, as_of or today).classes]
    known = Segments.open(workspace.root, workspace.settings)
    before = [{} if as_of else _sizes_before(workspace, today - timedelta(days=days)) for days in (1, 7)]
    rules = []
    for name, text in known.rules.items():
        size = len(found(workspace, Asked(known, known.named(name), name), now=now, as_of=as_of).contact_ids)
        changes = [size - sizes[name] if name in sizes else None for sizes in before]
        rules.append(Listed(name, text, size, *changes))
    return [*classes, *rules, *_traits_listed(workspace, known, now=now, as_of=as_of)]


def _traits_listed(
    workspace: Workspace, known: Segments, *, now: datetime, as_of: date | None = None
) -> Iterator[Listed]:
    for trait in known.traits.values():
        name = f"{TRAITS}{trait.name}"
        size = len(found(workspace, Asked(known, known.parse(name), name), now=now, as_of=as_of).contact_ids)
        yield Listed(name, f"{name} >= 50%", size)


def _sizes_before(workspace: Workspace, day: date) -> dict[str, int]:
    """Return the sizes of segments at the end of a day, of those whose history goes over it."""
    return membership.sizes_as_of(workspace.store.db, clock.to_ms(clock.end_of_day(day, workspace.settings.zone)))


def difference(workspace: Workspace, asked: Asked, since: date, *, now: datetime) -> Difference:
    """Return who came into a segment and who left it since the end of a day."""
    end = clock.end_of_day(since, workspace.settings.zone)
    if end > now:
        raise UsageError(f"--diff {since}: that day is not over yet; say an earlier one")
    kept = _kept(workspace, asked, clock.to_ms(end))
    present = set(found(workspace, asked, now=now).contact_ids)
    if kept is None:
        before = set(found(workspace, asked, now=now, as_of=since).contact_ids)
        return Difference(_compared(workspace, before, present), False, ())
    edits = membership.versions(workspace.store.db, kept.id, clock.to_ms(end))
    return Difference(
        _recorded(workspace, kept.id, clock.to_ms(end), present),
        True,
        [(clock.from_ms(at), rule) for at, rule in edits],
    )


def _compared(workspace: Workspace, before: set[int], after: set[int]) -> Iterator[Moved]:
    for person in people(workspace, sorted(before ^ after)):
        yield Moved(person, person.id in after, None, None)


def _recorded(workspace: Workspace, segment_id: int, since: int, present: set[int]) -> Iterator[Moved]:
    """Yield what the history tells, then what changed after `run` last looked."""
    db = workspace.store.db
    moves = list(membership.moves(db, segment_id, since))
    for start in range(0, len(moves), _CHUNK):
        slice_ = moves[start : start + _CHUNK]
        who_ = {person.id: person for person in people(workspace, sorted({move.contact_id for move in slice_}))}
        for move in slice_:
            yield Moved(who_[move.contact_id], move.entered, clock.from_ms(move.at), move.cause)
    yield from _compared(workspace, set(membership.present(db, segment_id)), present)


def explained(workspace: Workspace, asked: Asked, person: str, *, now: datetime, as_of: date | None = None) -> Why:
    """Return why somebody is in a segment or not; `person` is an address, key, phone number or customer id."""
    store = workspace.store
    contact = who.find(store.db, workspace.keys, person)
    with seen(workspace, asked, now=now, as_of=as_of) as (db, instant):
        facts, context = asked.known.facts(db, contact.id, now=instant, amounts=asked.rule.asks_amounts())
    assert facts is not None, "who.find leads to who somebody is now"
    tree = explain(asked.rule, facts, context)
    kept = membership.kept(store.db).get(asked.name or "") if as_of is None else None
    since = membership.since(store.db, kept.id, contact.id) if kept is not None and tree.truth else None
    at, cause = since or (None, None)
    return Why(contact, tree, None if at is None else clock.from_ms(at), cause is Cause.START)


def _decisive(part: Explained) -> Iterator[Explained]:
    """Yield the leaves that decide: of an `and` that is false the false ones, of an `or` that is true the true ones."""
    if part.value or not part.parts:  # of a trait the sum decides, not a sign of it
        yield part
        return
    agreeing = [inner for inner in part.parts if inner.truth == part.truth]
    for inner in agreeing or part.parts:  # the part of a `not` is as true as the whole is false
        yield from _decisive(inner)


@dataclass(frozen=True, slots=True)
class ValueBounds:
    """Up to what amount people are in each of the fifths of value but the best, as decimal text, lowest first."""

    amounts: Sequence[str]
    currency: str
    as_of: date


def value_bounds(workspace: Workspace, asked: Asked) -> ValueBounds | None:
    """Return the bounds of `rfm.m` where a rule asks for it, by the scores that were last kept."""
    if not any(field.name == "rfm.m" for field in asked.rule.fields()):
        return None
    run = scores.latest(workspace.store.db, scores.RFM)
    if run is None or not run.inputs.get("cuts", {}).get("monetary"):
        return None
    currency = run.inputs["currency"]
    cuts = [floor(Fraction(cut)) for cut in run.inputs["cuts"]["monetary"]]
    return ValueBounds([money.to_text(cut, currency) for cut in cuts], currency, run.as_of)


@dataclass(frozen=True, slots=True)
class StageSize:
    """How many people are in one lifecycle stage, and how many came into it lately."""

    stage: Stage
    contacts: int
    share: float
    came_last_week: int


def stages(workspace: Workspace, *, now: datetime, as_of: date | None = None) -> list[StageSize]:
    """Return the lifecycle stages with their sizes, computed for this once where the kept ones are of another day."""
    zone, today = workspace.settings.zone, clock.local_date(now, workspace.settings.zone)
    end = clock.to_ms(clock.end_of_day(as_of or today, zone))
    settings = workspace.settings.lifecycle
    holds = lifecycle.holds(workspace.store.db, settings, until=end)
    with past.seen(workspace.store, until=end, stages=None if holds else settings) as db:
        sizes = lifecycle.sizes(db)
    seen_at = end if as_of is not None and as_of != today else clock.to_ms(now) + 1
    came = lifecycle.came_between(workspace.store.db, seen_at - _WEEK_MS, seen_at)
    everybody = sum(sizes.values())
    return [
        StageSize(stage, size, round(size / everybody, 4) if everybody else 0.0, came.get(stage, 0))
        for stage, size in sizes.items()
    ]
