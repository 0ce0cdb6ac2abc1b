"""Open a campaign for planning and sending: its file, its template, its scope, its audience."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mailflow import rules, scoring
from mailflow.campaigns import planning, spec
from mailflow.campaigns.people import Decision
from mailflow.campaigns.planning import CampaignPlan, Planner
from mailflow.campaigns.spec import CampaignFile
from mailflow.errors import ConfigError, MailflowError, ProblemsError
from mailflow.idset import IdSet
from mailflow.jobs import offering, personal
from mailflow.model import MessageKind, Scope
from mailflow.offers import give
from mailflow.offers.offer import Offer
from mailflow.outbox.render import Renderer, how_of
from mailflow.rules import RuleError
from mailflow.scoring import suggest
from mailflow.segments import Segments
from mailflow.store import campaigns
from mailflow.store.campaigns import ShownPlan
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates import Compiled
    from mailflow.templates.compiled import CompiledTemplate

_TRIED_FIRST = 20  # recipients a template is rendered for before anything is approved


@dataclass(frozen=True)
class OpenCampaign:
    """A campaign read from disk together with its template, for one workspace."""

    workspace: Workspace
    file: CampaignFile
    known: Segments | None = None  # what rules may speak of, where that is open already
    compiled: Compiled | None = None  # the templates that are compiled already, and those that will be

    @cached_property
    def template(self) -> CompiledTemplate:
        """The compiled template; a missing one is placed at the campaign's `template:` key."""
        from mailflow import templates

        name = self.file.spec.template
        try:
            how = how_of(self.workspace.settings, self.file.spec.id, self.file.spec.utm)
            return templates.load(self.workspace.templates, name, how, known=self.compiled)
        except templates.TemplateError as error:
            nowhere = f"{self.workspace.templates.name}/{name}"
            found = [
                self.file.problem("template", each.message) if each.file == nowhere else each for each in error.problems
            ]
            raise ProblemsError(found) from None

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Path → text of everything the campaign is made from."""
        own = {self.file.document.file: self.file.text, **self.template.files}
        return {**own, **personal.files(self.workspace, self.template), **offering.files(self.offer)}

    @cached_property
    def offer(self) -> Offer | None:
        """The offer that its messages carry: its own `offer:`, or that of its template."""
        return offering.offer_of(self.workspace, self.template, self.file)

    @property
    def kind(self) -> MessageKind:
        """What it does to the mix: what its own file says, else its template, else a promotion."""
        return self.file.spec.kind or self.template.kind

    @cached_property
    def hash(self) -> str:
        return planning.files_hash(self.files)

    @cached_property
    def scope(self) -> Scope:
        """The scope it is sent in: a rehearsal where no relay is configured."""
        rehearsal = self.workspace.settings.relay is None
        return Scope(self.file.spec.id, self.hash if rehearsal else None)

    def renderer(self, template: CompiledTemplate | None = None, *, prefix: str = "") -> Renderer:
        """Return what makes its messages, of another `template` than its own where one is given."""
        template = template or self.template
        return Renderer(
            self.workspace.settings,
            self.workspace.keys,
            template,
            self.file.spec.id,
            self.file.spec.name,
            prefix,
            kind=self.file.spec.kind or template.kind,
            from_owner=self.file.spec.from_owner,
            deadline=self.file.spec.deadline,
        )

    @cached_property
    def segments(self) -> Segments:
        """What the audience may speak of; a slip in the name of an event or a category would mail the wrong people."""
        return self.known or Segments.open(self.workspace.root, self.workspace.settings, self.workspace.store.db)

    def rule(self) -> rules.Rule:
        """Return the audience as a rule; a mistake in it is placed in the campaign's file."""
        text = "true" if self.file.spec.audience == spec.EVERYONE else self.file.spec.audience
        try:
            return self.segments.parse(text)
        except RuleError as error:
            if text != self.file.spec.audience:
                raise
            raise ProblemsError([self.file.problem_inside("audience", str(error), offset=error.start)]) from None

    def plan(self, now: datetime, *, only: Set[int] | None = None, at_most: int | None = None) -> CampaignPlan:
        """Return who would get it now, of the contacts in `only` and at most so many people.

        Scores that the audience or the template asks for are brought up to date first.
        """
        rule = self.rule()
        store = self.workspace.store
        if self._asks_for_newer_scores(rule, now):
            scoring.refresh_in_child(self.workspace.root, now=now)
        audience = self.segments.members(store, rule, now=now)
        return planning.limited(self._planner(now, only).plan(audience), at_most)

    def decided(self, now: datetime) -> Iterator[tuple[int, Decision]]:
        """Yield what a plan would say of each of its audience, by id, on the scores as they are; nothing is written."""
        audience = self.segments.members(self.workspace.store, self.rule(), now=now)
        return self._planner(now, None).decided(audience)

    def _planner(self, now: datetime, only: Set[int] | None) -> Planner:
        workspace = self.workspace
        return Planner(
            workspace.store.db, workspace.settings, workspace.keys, self.file, self.scope, self.files, now, only,
            self.offer, self.kind,
        )  # fmt: skip

    def _asks_for_newer_scores(self, rule: rules.Rule, now: datetime) -> bool:
        return stale_scores(self.workspace, self.template, now, self.segments, rule)

    def try_template(self, plan: CampaignPlan, now: datetime) -> None:
        """Render and build for the first recipients, so that a broken template is found before anything is planned."""
        recipients = plan.recipients.at(range(min(_TRIED_FIRST, len(plan.recipients))))
        renderer = self.renderer()
        known = personal.contexts(self.workspace, self.template, recipients.ids, now=now)
        for person in recipients:
            try:
                renderer.content(
                    0,
                    address=person.email or "",
                    token="trial",
                    context=self.with_sample(known[person.contact_id], person.key, now),
                    now=now,
                    checked=True,
                )
            except MailflowError as error:
                raise ConfigError(f"{error}\n(found when rendering for {person.email}; nothing was sent)") from error

    def with_sample(self, known: Mapping[str, Any], subject: str, now: datetime) -> Mapping[str, Any]:
        """Return what a template knows of somebody, with a sample of a code where the campaign has an offer."""
        if self.offer is None:
            return known
        return {**known, "offer": give.sample(self.offer, subject, offering.keyed(self.workspace), now=now)}

    def check_offer(self, plan: CampaignPlan, now: datetime) -> None:
        """Raise `ProblemsError` where its offer is over, or has too few codes for everybody: nobody is skipped."""
        if self.offer is not None:
            offering.check(self.workspace, self.offer, plan, now)


def open_campaign(workspace: Workspace, name: str) -> OpenCampaign:
    """Read a campaign by its name; `ProblemsError` tells what is wrong in its file."""
    return OpenCampaign(workspace, spec.load(workspace.campaigns, name))


def stale_scores(
    workspace: Workspace,
    template: CompiledTemplate,
    now: datetime,
    segments: Segments | None = None,
    rule: rules.Rule | None = None,
) -> bool:
    """Say whether a template, or the rule of who gets it, goes by scores that are out of date."""
    db, settings, root = workspace.store.db, workspace.settings, workspace.root
    known = segments or Segments.open(root, settings, db)
    asks = personal.asks_for_scores(known, template) or (rule is not None and known.needs_scores(rule))
    if asks and scoring.is_stale(db, settings, root=root, now=now):
        return True
    return template.mentions("recommendations") and suggest.is_stale(db, settings, now=now)


def remember(workspace: Workspace, plan: CampaignPlan, now_ms: int) -> None:
    """Keep a plan that is shown, so that `send --plan ID` can hold to it."""
    shown = ShownPlan(plan.id, plan.spec.id, now_ms, plan.files, IdSet(plan.recipients.ids))
    with workspace.store.transaction() as tx:
        campaigns.save_plan(tx, shown)


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return what changed between two sets of files, as a unified diff."""
    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, ""), after.get(path, "")
        lines += difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"{path} (then)", f"{path} (now)", lineterm="", n=1
        )
    return "\n".join(lines)
