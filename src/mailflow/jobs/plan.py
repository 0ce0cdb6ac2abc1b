"""What `run` would do by a day: messages that are rows already, and approved campaigns that are not planned yet."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from mailflow import clock
from mailflow.campaigns import planning, spec
from mailflow.campaigns.people import Decision, People, Verdict
from mailflow.campaigns.planning import CampaignPlan, Kind
from mailflow.errors import ConfigError, MailflowError
from mailflow.idset import IdSet
from mailflow.jobs import campaign as campaign_job
from mailflow.jobs import mix, personal
from mailflow.jobs.approved import Approved
from mailflow.jobs.campaign import OpenCampaign
from mailflow.model import Scope, Stage
from mailflow.store import campaigns, waiting
from mailflow.store.waiting import Waiting
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


Part = Callable[[], Iterator[PlanLine]]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a plan, made each time that they are read: however many there are, they take no room."""

    parts: tuple[Part, ...]
    counts: Counter[Kind]

    def __iter__(self) -> Iterator[PlanLine]:
        for part in self.parts:
            yield from part()

    def __len__(self) -> int:
        return self.counts.total()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would happen: a line per person and message, and what is held with the reason.

    `stages` are the recipients of a campaign by lifecycle stage, where its template speaks of them; None: none known.
    """

    id: str
    lines: Lines
    held: dict[str, str]
    is_rehearsal: bool
    stages: Mapping[str | None, int] = field(default_factory=dict)
    over_mix: int = 0  # recipients whose mail of 30 days would be more promotion than the owner wants

    def counts(self) -> Counter[Kind]:
        """Return (what, decision, reason) → people."""
        return self.lines.counts


def plan_campaign(workspace: Workspace, name: str, now: datetime) -> Plan:
    """Return what `send NAME` would do now, and remember it under its id."""
    campaign = campaign_job.open_campaign(workspace, name)
    plan = campaign.plan(now)
    campaign.check_offer(plan, now)
    campaign.try_template(plan, now)
    campaign_job.remember(workspace, plan, clock.to_ms(now))
    lines = Lines((partial(_lines, plan.spec.id, plan.people),), plan.counts())
    over = mix.lifted(workspace, plan, now=now)
    return Plan(plan.id, lines, {}, plan.scope.is_rehearsal, stages_of(campaign, plan, now), over)


def stages_of(campaign: OpenCampaign, plan: CampaignPlan, now: datetime) -> dict[str | None, int]:
    """Return stage → recipients, in the order of the stages: who sees which block of a template that speaks of them."""
    if not campaign.template.mentions("lifecycle"):
        return {}
    counted = personal.count_stages(campaign.workspace, plan.recipients.ids, now=now)
    return {stage: counted[stage] for stage in (*Stage, None) if counted[stage]}


def plan_run(workspace: Workspace, now: datetime, *, until: datetime) -> Plan:
    """Return what `run` would do from now until an instant."""
    by = clock.to_ms(until)
    approved = Approved(workspace)
    read = partial(_waiting, workspace, approved, by)
    parts, counts = [partial(_open_lines, read)], Counter[Kind]()
    told: defaultdict[str, IdSet] = defaultdict(IdSet)
    for message in read():
        told[message.scope].add(message.contact_id)
        counts[Scope.campaign_of(message.scope), Verdict.SEND, None] += 1
    for plan in _to_come(workspace, approved, now, by):
        others = plan.people.where(partial(_is_to_come, by, told[str(plan.scope)]))
        parts.append(partial(_lines, plan.spec.id, others))
        counts += planning.counted(plan.spec.id, others)
    held = {**approved.held, **dict.fromkeys(approved.stopped, "it is stopped")}
    lines = Lines(tuple(parts), counts)
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


def _waiting(workspace: Workspace, approved: Approved, by: int) -> Iterator[Waiting]:
    """Yield what is planned already, of the campaigns that may go on."""
    for message in waiting.until(workspace.store.db, by=by):
        if approved.get(message.scope) is not None:
            yield message


def _open_lines(read: Callable[[], Iterator[Waiting]]) -> Iterator[PlanLine]:
    for message in read():
        what = Scope.campaign_of(message.scope)
        yield PlanLine(message.key, message.email, what, message.step, message.next_at, Verdict.SEND, None)


def _to_come(workspace: Workspace, approved: Approved, now: datetime, by: int) -> Iterator[CampaignPlan]:
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
            yield plan


def _is_to_come(by: int, told: IdSet, contact_id: int, said: Decision) -> bool:
    """Whether a decision is for a message that is due by then, and not among those that are planned already."""
    return said.due_at <= by and not (said.verdict is Verdict.SEND and contact_id in told)


def _lines(name: str, people: People) -> Iterator[PlanLine]:
    for person in people:
        reason = person.reason or person.delay
        yield PlanLine(person.key, person.email, name, "", person.due_at, person.verdict, reason)


def _id(lines: Iterable[PlanLine]) -> str:
    """Return the id of a plan over several campaigns: a hash of its lines, in whatever order they come."""
    total = 0
    for line in lines:
        text = "\0".join((line.what, line.contact, line.step, line.decision))
        total += int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return hashlib.sha256(b"%d" % total).hexdigest()[:16]
