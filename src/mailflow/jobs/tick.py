"""One tick: recover what a killed run left, plan what is due, deliver it. For cron, and for `send` of one campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.errors import ConfigError, PartialFailure, UnavailableError
from mailflow.jobs import held, keep
from mailflow.jobs.approved import Approved, covers
from mailflow.jobs.keep import KeptReport
from mailflow.model import MessageState, Scope
from mailflow.store import campaigns, contents, imports, messages, state
from mailflow.store.campaigns import Occurrence
from mailflow.store.messages import Due
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.planning import CampaignPlan
    from mailflow.jobs.campaign import OpenCampaign
    from mailflow.jobs.deliver import Delivery
    from mailflow.outbox.plan import Addressee

CLOCK_MARK = "clock"
_SETBACK = timedelta(minutes=2)
_KEEP_BYTES = timedelta(days=30)
_LOOKED_AT_ONCE = 500

Now = Callable[[], datetime]


@dataclass(slots=True)
class TickReport:
    """What a tick did, for people and for the exit code."""

    planned: dict[str, Counter[str]] = field(default_factory=dict)  # campaign → "send" or reason → contacts
    held: dict[str, str] = field(default_factory=dict)  # campaign → why it does not go on
    stopped: set[str] = field(default_factory=set)  # campaigns that wait for `mailflow resume`
    recovered: Mapping[MessageState, int] = field(default_factory=dict)
    rolled_back_imports: int = 0
    expired: int = 0
    kept: KeptReport | None = None
    delivery: Delivery | None = None

    @property
    def states(self) -> Counter[MessageState]:
        """Messages per state they reached."""
        return self.delivery.report.states if self.delivery else Counter()

    def raise_for_failures(self) -> None:
        """Raise what the exit code has to tell: relay or login first, then messages that did not go."""
        if self.delivery is not None:
            _raise_for_relay(self.delivery)
        troubles = list(self._troubles())
        if troubles:
            raise PartialFailure("\n".join(troubles))

    def _troubles(self) -> Iterable[str]:
        for name, what in self.kept.wrong.items() if self.kept else ():
            yield f"{name} was not brought up to date: {what}"
        yield from (f"{campaign} is held: {reason}" for campaign, reason in self.held.items())
        if self.delivery is None:
            return
        for scope, people in self.delivery.dry.items():
            yield f"{Scope.campaign_of(scope)} is held: {people} people wait for a code, and no code is left"
        for reason, count in self.delivery.unrendered.items():
            yield f"{count} messages could not be made: {reason}"
        for scope, reason in self.delivery.report.stopped.items():
            name = Scope.campaign_of(scope)
            yield f"{name} was stopped: {reason}. `mailflow status` says how to let it go on"
        for scope in self.delivery.report.halted:
            yield f"{Scope.campaign_of(scope)} was stopped on the way; `mailflow resume` lets it go on"
        if self.delivery.report.down is not None:
            yield f"the relay was lost: {self.delivery.report.down}. The next `mailflow run` sends what is left"
        failed, doubts = self.states[MessageState.FAILED], self.states[MessageState.IN_DOUBT]
        if failed:
            yield f"{failed} messages failed: `mailflow outbox list --state failed` names them"
        if doubts:
            yield f"{doubts} messages are in doubt: `mailflow outbox list --state in_doubt` names them"


def _raise_for_relay(delivery: Delivery) -> None:
    report = delivery.report
    if report.login_refused is not None:
        raise ConfigError(
            f"the relay refuses the login: {report.login_refused}."
            " Check relay.username and where its password comes from"
        )
    if report.down is not None and not report.states[MessageState.ACCEPTED]:
        raise UnavailableError(
            f"the relay cannot be used: {report.down}. Nobody was mailed;"
            " what is planned goes out with the next `mailflow run`"
        )


def tick(
    workspace: Workspace, *, now: Now, is_real_clock: bool, on_settled: Callable[[], None] = lambda: None
) -> TickReport:
    """Do everything that is due, under the run lock; `BusyError` at once when another process holds it."""
    with workspace.lock():
        return work(workspace, now=now, is_real_clock=is_real_clock, on_settled=on_settled)


def work(
    workspace: Workspace,
    *,
    now: Now,
    is_real_clock: bool,
    only: str | None = None,
    plan: CampaignPlan | None = None,
    on_settled: Callable[[], None] = lambda: None,
) -> TickReport:
    """Do what is due while the caller holds the run lock: of every scope, or of `only` one with its ready `plan`."""
    store = workspace.store
    instant = now()
    report = TickReport(rolled_back_imports=_roll_back_imports(workspace, instant))
    at = clock.to_ms(instant)
    if is_real_clock:
        _check_clock(workspace, instant)
    with store.transaction() as tx:
        report.recovered = messages.recover(tx, at=at)
    report.expired = _expire(workspace, at)
    _make_anew(workspace, at)
    if only is None:
        report.kept = keep.keep(workspace, now=instant, is_real_clock=is_real_clock)
    approved = Approved(workspace)
    for occurrence in campaigns.open_occurrences(store.db, due_by=at):
        if only in (None, occurrence.scope):
            _plan_occurrence(workspace, occurrence, approved, plan, instant, report)
    _reconsider(workspace, approved, instant)
    scopes = [scope for scope in messages.due_scopes(store.db, by=at) if only in (None, scope)]
    ready = {scope: campaign for scope in scopes if (campaign := _that_may_go(approved, scope, instant)) is not None}
    report.held.update(approved.held)
    report.stopped |= approved.stopped
    if ready:
        from mailflow.jobs import deliver

        report.delivery = deliver.deliver(workspace, ready, now=now, on_settled=on_settled)
        _keep_stops(workspace, report.delivery.report.stopped, at)
    held.keep(store, report.held, campaign=None if only is None else Scope.campaign_of(only))
    _forget_bytes(workspace, instant)
    return report


def _roll_back_imports(workspace: Workspace, now: datetime) -> int:
    """Undo what a killed import left half applied; return how many there were."""
    if not imports.interrupted(workspace.store.db):
        return 0
    from mailflow.importers import files

    return len(files.recover(workspace.store, workspace.private, now=now))


def _check_clock(workspace: Workspace, instant: datetime) -> None:
    """Refuse to plan by a clock that went back, and keep its high-water mark."""
    store = workspace.store
    kept = state.get(store.db, CLOCK_MARK)
    mark = clock.from_ms(int(kept)) if kept else None
    if mark is not None and instant < mark - _SETBACK:
        raise UnavailableError(
            f"this machine's clock says {clock.iso(instant)}, but a run at {clock.iso(mark)} is on record:"
            " nothing is sent until the clock is right"
        )
    if mark is None or instant > mark:
        with store.transaction() as tx:
            state.put(tx, CLOCK_MARK, str(clock.to_ms(instant)))


def _expire(workspace: Workspace, at: int) -> int:
    expired = 0
    while True:
        with workspace.store.transaction() as tx:
            done = messages.expire(tx, at=at)
        expired += done
        if not done:
            return expired


def _make_anew(workspace: Workspace, at: int) -> None:
    """Throw away what was made on an earlier day and counts days to a deadline."""
    while True:
        with workspace.store.transaction() as tx:
            if not contents.thaw_untrue(tx, at=at):
                return


def _plan_occurrence(
    workspace: Workspace,
    occurrence: Occurrence,
    approved: Approved,
    plan: CampaignPlan | None,
    now: datetime,
    report: TickReport,
) -> None:
    """Write the messages of an occurrence that is due; one that nobody can get any more is only closed."""
    at = clock.to_ms(now)
    if occurrence.not_after <= at:
        with workspace.store.transaction() as tx:
            campaigns.finish_planning(tx, occurrence, at=at)
        report.held[Scope.campaign_of(occurrence.scope)] = "its time has passed (not_after): nobody was mailed"
        return
    campaign, approval = approved.get(occurrence.scope), approved.approval(occurrence.scope)
    if campaign is None or approval is None:
        return
    if plan is None or str(plan.scope) != occurrence.scope:
        plan = campaign.plan(now, only=approved.members(approval), at_most=approval.at_most)
    try:
        campaign.check_offer(plan, now)
    except ConfigError as error:
        report.held[campaign.file.spec.id] = str(error)
        return
    report.planned[campaign.file.spec.id] = _write(workspace, plan, occurrence, at)


def _that_may_go(approved: Approved, scope: str, now: datetime) -> OpenCampaign | None:
    """Return the campaign of a scope that may go on; it is held where not everybody would get a code."""
    from mailflow.jobs import offer_desk

    campaign = approved.get(scope)
    obstacle = offer_desk.shortage(campaign, now) if campaign is not None else None
    if campaign is not None and obstacle is not None:
        approved.held[campaign.file.spec.id] = obstacle
        return None
    return campaign


def _write(workspace: Workspace, plan: CampaignPlan, occurrence: Occurrence, at: int) -> Counter[str]:
    from mailflow.outbox import plan as outbox_plan

    outbox_plan.write(workspace.store, plan.scope, occurrence, _addressees(plan), kind=plan.kind, at=at)
    counted: Counter[str] = Counter()
    for said, people in plan.people.counts().items():
        counted[said.reason or "send"] += people
    return counted


def _addressees(plan: CampaignPlan) -> Iterator[Addressee]:
    """Yield what is to be recorded; who is left for a later sending gets no row yet."""
    from mailflow.campaigns.people import Verdict
    from mailflow.outbox.plan import Addressee
    from mailflow.policy import Reason

    states = {
        Verdict.SEND: MessageState.PLANNED,
        Verdict.SKIP: MessageState.SKIPPED,
        Verdict.HOLD_OUT: MessageState.HELD_OUT,
    }
    for person in plan.people:
        if person.reason == Reason.OVER_LIMIT:
            continue
        yield Addressee(
            contact_id=person.contact_id,
            state=states[person.verdict],
            reason=person.reason,
            due_at=person.due_at,
            not_after=person.not_after,
            address=person.email or "",
        )


def _reconsider(workspace: Workspace, approved: Approved, now: datetime) -> None:
    """Look again at skipped people, each at most once an hour and only while there is time for them."""
    store, at = workspace.store, clock.to_ms(now)
    while batch := messages.refused(store.db, by=at, limit=_LOOKED_AT_ONCE):
        campaigns_of = {due.id: campaign for due in batch if (campaign := approved.of_skipped(due)) is not None}
        allowed, refused = _decide_again(workspace, [due for due in batch if due.id in campaigns_of], now)
        held_out = {due.id for due in allowed if _is_held_out(workspace, campaigns_of[due.id], due)}
        as_before = [(due.id, None) for due in batch if due.id not in campaigns_of]
        with store.transaction() as tx:
            messages.replan(tx, [due.id for due in allowed if due.id not in held_out], at=at)
            messages.hold_out(tx, held_out, reason="held_out", at=at)
            messages.look_again(tx, [*refused, *as_before], again_at=at + messages.LOOK_AGAIN_MS)


def _decide_again(workspace: Workspace, batch: Sequence[Due], now: datetime) -> tuple[list[Due], list[tuple[int, str]]]:
    """Return which messages may go now, and (id, reason) of the others."""
    from mailflow import policy
    from mailflow.store import candidates

    limits = policy.limits_of(workspace.settings)
    found = candidates.for_messages(
        workspace.store.db, workspace.keys, [due.id for due in batch], now=now, month=limits.mix is not None
    )
    decisions = policy.decide_all(found, limits, now)
    allowed = [due for due, decision in zip(batch, decisions, strict=True) if decision.allowed]
    refused = [(due.id, decision.code) for due, decision in zip(batch, decisions, strict=True) if not decision.allowed]
    return allowed, refused


def _is_held_out(workspace: Workspace, campaign: OpenCampaign, due: Due) -> bool:
    from mailflow.experiments import assign
    from mailflow.store import audience

    spec = campaign.file.spec
    person = audience.planning_facts(workspace.store.db, [due.contact_id])[due.contact_id]
    return assign.holds_out(person.key, salt=spec.id, share=spec.holdout)


def _keep_stops(workspace: Workspace, stopped: Mapping[str, str], at: int) -> None:
    """Make a stop that delivery found necessary hold until the owner takes it back; the owner's own hold already."""
    already = campaigns.stops(workspace.store.db)
    found = {scope: reason for scope, reason in stopped.items() if not covers(already, scope)}
    with workspace.store.transaction() as tx:
        for scope, reason in found.items():
            campaigns.stop(tx, f"campaign:{Scope.campaign_of(scope)}", reason, at=at)


def _forget_bytes(workspace: Workspace, now: datetime) -> None:
    old = clock.to_ms(now - _KEEP_BYTES)
    while True:
        with workspace.store.transaction() as tx:
            if not contents.forget(tx, older_than=old):
                return
