"""What templates are told of people: segments, traits, products, days. What stands in their rows: outbox/context.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.config.polls import POLLS_FILE, Poll, Polls
from mailflow.idset import IdSet
from mailflow.model import Stage
from mailflow.outbox import context, neutral
from mailflow.outbox import polls as outbox_polls
from mailflow.outbox.days import Days
from mailflow.outbox.polls import Asking
from mailflow.places.stores import STORES_FILE, Nearby, Stores
from mailflow.rules import RuleError
from mailflow.rules.types import TRAITS
from mailflow.scoring.articles import Librarian
from mailflow.scoring.guard import Guard
from mailflow.scoring.suggest import Suggester
from mailflow.segments import Segments, choices, impact, traits
from mailflow.segments.choices import CHOICES_FILE, Chooser
from mailflow.segments.impact import IMPACT_FILE
from mailflow.store import Connection, gazetteer, lifecycle, past
from mailflow.store import polls as store_polls
from mailflow.store.members import Confidences
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

_SCORED = ("rfm", "choices")  # words of templates that are told from the last score run
_DAYS = ("season", "day.")
_SAMPLE_CONFIDENCE = 0.9
_SAMPLE_SUM = Decimal(24)
_SLICE = 1_000
_NOBODY = 0  # no contact has this id


@dataclass(frozen=True, slots=True)
class Asked:
    """What templates ask of people beside their own rows: segments, traits, what they buy most, the nearest store."""

    segments: Mapping[str, IdSet] = field(default_factory=dict)
    traits: Mapping[str, Confidences] = field(default_factory=dict)
    impact: Mapping[str, Mapping[int, Decimal]] = field(default_factory=dict)
    favourites: bool = False
    nearby: Nearby | None = None
    suggester: Suggester | None = None  # of recommendations; keeps what it read for the next people
    librarian: Librarian | None = None  # of articles
    guard: Guard | None = None  # against products that somebody must never see, in what the templates themselves say
    chooser: Chooser | None = None  # of what choices.yaml says
    days: Days | None = None  # seasons, weather and such
    stages: bool = False
    polls: Mapping[str, Poll] = field(default_factory=dict)


def asked(workspace: Workspace, templates: Collection[CompiledTemplate], *, now: datetime) -> Asked:
    """Return what some templates ask for; what none of them speaks of is not looked up."""

    def speaking_of(word: str) -> list[CompiledTemplate]:
        return [template for template in templates if template.mentions(word)]

    of_segments, of_traits, choosing, of_impact = map(speaking_of, ("segments", "traits", "choices", "impact"))
    asks_rules = of_segments or of_traits or choosing or of_impact
    known = Segments.open(workspace.root, workspace.settings) if asks_rules else None
    db, settings = workspace.store.db, workspace.settings
    return Asked(
        segments=_memberships(workspace, known, of_segments, now) if known else {},
        traits=_traits(workspace, known, of_traits, now) if known else {},
        impact=_impact(workspace, known, now) if known and of_impact else {},
        favourites=bool(speaking_of("favourite_category")),
        nearby=_nearby(workspace) if speaking_of("nearest_store") else None,
        suggester=Suggester(db, settings) if speaking_of("recommendations") else None,
        librarian=_librarian(workspace) if speaking_of("articles") else None,
        guard=_guard(workspace, templates, choosing=bool(choosing)),
        chooser=choices.chooser(workspace.root, known, workspace.store, now=now) if known and choosing else None,
        days=_days(workspace) if any(map(speaking_of, _DAYS)) else None,
        stages=bool(speaking_of("lifecycle")),
        polls={name: poll for template in speaking_of("polls") for name, poll in polls_of(workspace, template).items()},
    )


def polls_of(workspace: Workspace, template: CompiledTemplate) -> dict[str, Poll]:
    """Return the polls that a template names, or all where it goes through `polls`."""
    if not template.mentions("polls"):
        return {}
    known = Polls.open(workspace.root, workspace.settings).by_name
    return {name: poll for name, poll in known.items() if template.mentions(name)} or dict(known)


def asks_for_scores(known: Segments, template: CompiledTemplate) -> bool:
    """Say whether what a template tells of people follows from RFM scores: its own words, segments or traits.

    A rule with a mistake is told where its members are looked for.
    """
    if any(map(template.mentions, _SCORED)):
        return True
    rules = _named_in(template, "segments", known.rules)
    if template.mentions("traits"):
        rules += [f"{TRAITS}{name}" for name in _named_in(template, "traits", known.traits) or known.traits]
    for text in rules:
        try:
            if known.needs_scores(known.parse(text)):
                return True
        except RuleError:
            continue
    return False


def _named_in(template: CompiledTemplate, word: str, names: Iterable[str]) -> list[str]:
    """Return which of some names a template that speaks of `word` mentions."""
    return [name for name in names if template.mentions(name)] if template.mentions(word) else []


def files(workspace: Workspace, template: CompiledTemplate) -> dict[str, str]:
    """Return path → text of what a template puts into messages beside its own files: an edit of it holds a campaign."""
    text = choices.text(workspace.root) if template.mentions("choices") else None
    asked_about = {f"{POLLS_FILE} ({name})": poll.text for name, poll in polls_of(workspace, template).items()}
    sums = impact.text(workspace.root) if template.mentions("impact") else None
    found = {CHOICES_FILE: text, IMPACT_FILE: sums}
    return {**asked_about, **{name: text for name, text in found.items() if text is not None}}


def _days(workspace: Workspace) -> Days:
    return Days(workspace.root, workspace.settings.timezone)


def _guard(workspace: Workspace, templates: Collection[CompiledTemplate], *, choosing: bool) -> Guard | None:
    if not workspace.settings.never_show:
        return None
    texts = [text for template in templates for text in template.files.values()]
    chosen = choices.text(workspace.root) if choosing else None
    return Guard(workspace.store.db, workspace.settings, [*texts, chosen or ""])


def _librarian(workspace: Workspace) -> Librarian:
    return Librarian(workspace.store.db, workspace.settings, workspace.root)


def _nearby(workspace: Workspace) -> Nearby:
    """Return the stores of stores.csv; `ProblemsError` where it is wrong, before anybody is told of a store."""
    atlas = gazetteer.of_workspace(workspace.root, workspace.settings.timezone)
    stores = Stores(workspace.root / STORES_FILE, atlas)
    stores.check()
    return Nearby(stores, atlas, workspace.settings.stores.within_km)


def _memberships(
    workspace: Workspace, known: Segments, asking: Collection[CompiledTemplate], now: datetime
) -> dict[str, IdSet]:
    """Return the members of each segment that one of the templates asks for by name in `contact.segments`."""
    names = [name for name in known.rules if any(template.mentions(name) for template in asking)]
    return {name: IdSet(known.members(workspace.store, known.parse(name), now=now)) for name in names}


def _impact(workspace: Workspace, known: Segments, now: datetime) -> dict[str, Mapping[int, Decimal]]:
    """Return what everybody's deeds add up to, by name in impact.yaml."""
    found = impact.figures(workspace.root, known)
    return {name: impact.totals(figure, known, workspace.store, now=now) for name, figure in found.items()}


def _traits(
    workspace: Workspace, known: Segments, asking: Collection[CompiledTemplate], now: datetime
) -> dict[str, Confidences]:
    """Return who has the traits that one of the templates names, or all where it goes through `contact.traits`."""
    if not asking:
        return {}
    names = traits.for_mail(known)
    named = [name for name in names if any(template.mentions(name) for template in asking)]
    return {name: known.confidences(workspace.store, name, now=now) for name in named or names}


def contexts(
    workspace: Workspace, template: CompiledTemplate, contact_ids: Collection[int], *, now: datetime
) -> dict[int, dict[str, Any]]:
    """Return the contexts of contacts for one template, by contact id."""
    return contexts_of(workspace, asked(workspace, [template], now=now), contact_ids, now=now)


def contexts_of(
    workspace: Workspace, asked: Asked, contact_ids: Collection[int], *, now: datetime
) -> dict[int, dict[str, Any]]:
    """Return the contexts of contacts, with what templates ask for."""
    known = context.contact_contexts(
        workspace.store.db,
        contact_ids,
        settings=workspace.settings,
        now=now,
        segments=asked.segments,
        traits=asked.traits,
        impact=asked.impact,
        favourites=asked.favourites,
        nearby=asked.nearby,
    )
    people = {contact_id: one["contact"] for contact_id, one in known.items()}
    if asked.guard is not None:
        for contact_id, names in asked.guard.hidden(people).items():
            known[contact_id]["never_show"] = names
    nobodies = neutral.among(workspace.store.db, contact_ids)
    for contact_id in nobodies & known.keys():
        known[contact_id]["contact"] = neutral.of(people[contact_id])
    # Of who wants nothing made for them, what is looked up is looked up for somebody who is not there.
    as_whom = {contact_id: -contact_id if contact_id in nobodies else contact_id for contact_id in known}
    _add_products(asked, known, as_whom, people, now)
    _add_people(workspace, asked, known, as_whom, now)
    return known


def stages_of(workspace: Workspace, contact_ids: Collection[int], *, now: datetime) -> dict[int, Stage]:
    """Return the lifecycle stages of contacts as of today."""
    with _staged(workspace, now) as db:
        return lifecycle.stages_of(db, contact_ids)


def count_stages(workspace: Workspace, contact_ids: Sequence[int], *, now: datetime) -> Counter[Stage | None]:
    """Return how many of the contacts are in each stage, as templates see them: in none who wants nothing personal."""
    counted = Counter[Stage | None]()
    with _staged(workspace, now) as db:
        for start in range(0, len(contact_ids), _SLICE):
            some = contact_ids[start : start + _SLICE]
            nobodies = neutral.among(workspace.store.db, some)
            known = lifecycle.stages_of(db, [contact_id for contact_id in some if contact_id not in nobodies])
            counted.update(map(known.get, some))
    return counted


@contextmanager
def _staged(workspace: Workspace, now: datetime) -> Iterator[Connection]:
    """Give a connection that sees the stages as of today: the kept ones, or told anew where those are of old."""
    settings, store = workspace.settings, workspace.store
    until = clock.to_ms(clock.end_of_day(clock.local_date(now, settings.zone), settings.zone))
    if lifecycle.holds(store.db, settings.lifecycle, until=until):
        yield store.db
        return
    with past.seen(store, until=until, stages=settings.lifecycle) as db:
        yield db


def _add_products(
    asked: Asked,
    known: Mapping[int, dict[str, Any]],
    as_whom: Mapping[int, int],
    people: Mapping[int, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Put recommendations and articles into contexts; hard rules go by the `people` as they are."""
    if asked.suggester is not None:
        found = asked.suggester.items({whom: people[contact_id] for contact_id, whom in as_whom.items()}, now=now)
        for contact_id, whom in as_whom.items():
            known[contact_id]["recommendations"] = found[whom]
    if asked.librarian is not None:
        articles = asked.librarian.items(list(as_whom.values()), now=now)
        for contact_id, whom in as_whom.items():
            known[contact_id]["articles"] = articles[whom]


def _add_people(
    workspace: Workspace,
    asked: Asked,
    known: Mapping[int, dict[str, Any]],
    as_whom: Mapping[int, int],
    now: datetime,
) -> None:
    """Put stages, choices and days into contexts."""
    stages = stages_of(workspace, list(as_whom.values()), now=now) if asked.stages else {}
    for contact_id, whom in as_whom.items():
        one = known[contact_id]
        if whom in stages:
            one["contact"]["lifecycle"] = str(stages[whom])
        if asked.chooser is not None:
            one["choices"] = asked.chooser.of(whom, one["never_show"])
        if asked.days is not None:
            one["season"], one["day"] = asked.days.of(one["contact"], one["today"])
    if asked.polls:
        given = store_polls.answers_of(workspace.store.db, list(as_whom.values()), list(asked.polls))
        for contact_id, whom in as_whom.items():
            known[contact_id][outbox_polls.ASKED] = Asking(asked.polls, now, given.get(whom, {}))


def sample(workspace: Workspace, template: CompiledTemplate, *, now: datetime) -> dict[str, Any]:
    """Return the context of the person of previews, who has every trait, lives by a store and gets what is popular."""
    known = context.sample_context(workspace.settings, now)
    if template.mentions("traits"):
        names = traits.for_mail(Segments.open(workspace.root, workspace.settings))
        known["contact"]["traits"] = dict.fromkeys(names, _SAMPLE_CONFIDENCE)
    if template.mentions("impact"):
        figures = impact.figures(workspace.root, Segments.open(workspace.root, workspace.settings))
        known["contact"]["impact"] = dict.fromkeys(figures, _SAMPLE_SUM)
    if template.mentions("nearest_store") and (near := _nearby(workspace).sample()):
        known["contact"]["nearest_store"] = near
    if template.mentions("recommendations"):
        suggester = Suggester(workspace.store.db, workspace.settings)
        popular = suggester.items({_NOBODY: {}}, now=now)[_NOBODY]
        known["recommendations"] = popular or known["recommendations"]
    if template.mentions("choices"):
        known["choices"] = choices.sample(workspace.root)
    if any(map(template.mentions, _DAYS)):
        known["season"], known["day"] = _days(workspace).of(known["contact"], known["today"])
    if template.mentions("polls"):
        known[outbox_polls.ASKED] = Asking(polls_of(workspace, template), now)
    if template.mentions("articles"):
        known["articles"] = _librarian(workspace).items([_NOBODY], now=now)[_NOBODY] or known["articles"]
    return known
