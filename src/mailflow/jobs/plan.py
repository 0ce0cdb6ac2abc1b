"""What `run` would do by a day: messages that are rows already, and approved campaigns that are not planned yet."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mailflow import clock
from mailflow.campaigns import spec
from mailflow.campaigns.planning import CampaignPlan, PlannedContact, Verdict
from mailflow.errors import ConfigError, MailflowError
from mailflow.jobs import campaign as campaign_job
from mailflow.jobs import mix, personal
from mailflow.jobs.approved import Approved
from mailflow.jobs.campaign import OpenCampaign
from mailflow.model import Scope, Stage
from mailflow.outbox import neutral
from mailflow.store import campaigns, messages
from mailflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One person (`contact` is the stable key) and one message: `decision` is send, skip or hold_out."""

    contact: str
    email: str | None
    what: str
    step: str
    due_at: int
    decision: str
    reason: str | None

    def as_record(self) -> dict[str, str | None]:
        """Return the line as JSON prints it."""
        return {
            "email": self.email,
            "what": self.what,
            "step": self.step,
            "due_at": clock.iso(clock.from_ms(self.due_at)),
            "decision": self.decision,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would happen: a line per person and message, and what is held with the reason.

    `stages` are the recipients of a campaign by lifecycle stage, where its template speaks of them; None: none known.
    """

    id: str
    lines: Sequence[PlanLine]
    held: dict[str, str]
    is_rehearsal: bool
    stages: Mapping[str | None, int] = field(default_factory=dict)
    over_mix: int = 0  # recipients whose mail of 30 days would be more promotion than the owner wants

    def counts(self) -> Counter[tuple[str, str, str | None]]:
        """Return (what, decision, reason) → people."""
        return Counter((line.what, line.decision, line.reason) for line in self.lines)


def plan_campaign(workspace: Workspace, name: str, now: datetime) -> Plan:
    """Return what `send NAME` would do now, and remember it under its id."""
    campaign = campaign_job.open_campaign(workspace, name)
    plan = campaign.plan(now)
    campaign.check_offer(plan, now)
    campaign.try_template(plan, now)
    campaign_job.remember(workspace, plan, clock.to_ms(now))
    stages = stages_of(campaign, plan, now)
    return Plan(plan.id, _lines(plan), {}, plan.scope.is_rehearsal, stages, mix.lifted(workspace, plan, now=now))


def stages_of(campaign: OpenCampaign, plan: CampaignPlan, now: datetime) -> dict[str | None, int]:
    """Return stage → recipients, in the order of the stages: who sees which block of a template that speaks of them."""
    if not campaign.template.mentions("lifecycle"):
        return {}
    workspace = campaign.workspace
    ids = [person.contact_id for person in plan.recipients]
    nobodies = neutral.among(workspace.store.db, ids)  # to whom no block of a stage is shown
    known = personal.stages_of(workspace, [number for number in ids if number not in nobodies], now=now)
    counted = Counter(known.get(number) for number in ids)
    return {stage: counted[stage] for stage in (*Stage, None) if counted[stage]}


def plan_run(workspace: Workspace, now: datetime, *, until: datetime) -> Plan:
    """Return what `run` would do from now until an instant."""
    by = clock.to_ms(until)
    approved = Approved(workspace)
    planned = list(_open_lines(workspace, approved, by))
    to_plan = [line for line in _lines_to_come(workspace, approved, now, by) if line not in set(planned)]
    lines = [*planned, *to_plan]
    held = {**approved.held, **dict.fromkeys(approved.stopped, "it is stopped")}
    return Plan(_id(lines), lines, held, workspace.settings.relay is None)


def drafts(workspace: Workspace) -> list[str]:
    """Return the campaigns whose files nobody approved as they are now."""
    approved = {approval.campaign for approval in campaigns.approvals(workspace.store.db)}
    names = []
    for path in spec.campaign_paths(workspace.campaigns):
        try:
            name = spec.read(path).spec.id
        except MailflowError:
            continue  # told by the command that opens it
        if name not in approved:
            names.append(name)
    return names


def _open_lines(workspace: Workspace, approved: Approved, by: int) -> Iterator[PlanLine]:
    """Yield what is planned already, of the campaigns that may go on."""
    for row in messages.open_until(workspace.store.db, by=by):
        if approved.get(row["scope"]) is not None:
            what = Scope.campaign_of(row["scope"])
            yield PlanLine(row["key"], row["email"], what, row["step"], row["next_at"], Verdict.SEND, None)


def _lines_to_come(workspace: Workspace, approved: Approved, now: datetime, by: int) -> Iterator[PlanLine]:
    """Yield what the runs until `by` would plan anew."""
    for occurrence in campaigns.open_occurrences(workspace.store.db, due_by=by):
        campaign, approval = approved.get(occurrence.scope), approved.approval(occurrence.scope)
        if campaign is not None and approval is not None:
            plan = campaign.plan(now, only=approved.members(approval), at_most=approval.at_most)
            try:
                campaign.check_offer(plan, now)
            except ConfigError as error:
                approved.held[campaign.file.spec.id] = str(error)
                continue
            yield from (line for line in _lines(plan) if line.due_at <= by)


def _lines(plan: CampaignPlan) -> list[PlanLine]:
    return [_line(plan, person) for person in plan.people]


def _line(plan: CampaignPlan, person: PlannedContact) -> PlanLine:
    return PlanLine(
        person.key, person.email, plan.spec.id, "", person.due_at, person.verdict, person.reason or person.delay
    )


def _id(lines: Sequence[PlanLine]) -> str:
    """Return the id of a plan over several campaigns: the hash of its lines."""
    digest = hashlib.sha256()
    for line in sorted((line.what, line.contact, line.step, line.decision) for line in lines):
        digest.update("\0".join(line).encode() + b"\n")
    return digest.hexdigest()[:16]
