"""Send one campaign: plan it, ask, approve it, let the tick carry it. A test to one address goes past the ledger."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from mailflow import addresses, clock
from mailflow.campaigns import planning
from mailflow.campaigns.planning import CampaignPlan
from mailflow.delivery.carrier import CarrierDown
from mailflow.delivery.replies import Reply
from mailflow.errors import ConfigError, UnavailableError, UsageError
from mailflow.idset import IdSet
from mailflow.jobs import approved, archive, deliver, offering, personal, tick
from mailflow.jobs import campaign as campaign_job
from mailflow.jobs.campaign import OpenCampaign
from mailflow.offers.offer import Offer
from mailflow.store import campaigns, contacts, messages, state, suppressions
from mailflow.store.campaigns import Approval, Occurrence
from mailflow.store.contents import Content
from mailflow.workspace import Workspace

_TEST_PREFIX = "[Test] "


@dataclass(frozen=True, slots=True)
class Sending:
    """What `send` did: the plan it showed, and the tick; None where it was declined or waits for its time."""

    plan: CampaignPlan
    tick: tick.TickReport | None
    waits_until: datetime | None = None


def prepare(
    workspace: Workspace, name: str, *, plan_id: str | None, now: datetime, at_most: int | None = None
) -> tuple[OpenCampaign, CampaignPlan]:
    """Open a campaign and plan it; why it cannot be sent at all is raised here, before anybody is asked."""
    campaign = campaign_job.open_campaign(workspace, name)
    _refuse_stopped(workspace, campaign)
    if not campaign.scope.is_rehearsal:
        approved.check_gate(workspace)
    plan = _plan(workspace, campaign, plan_id, at_most, now)
    campaign.check_offer(plan, now)
    return campaign, plan


def prepare_dry_run(
    workspace: Workspace, name: str, *, plan_id: str | None, now: datetime, at_most: int | None = None
) -> tuple[OpenCampaign, CampaignPlan]:
    """Open a campaign and plan it only to look at its messages: no stop and no gate is in the way."""
    campaign = campaign_job.open_campaign(workspace, name)
    return campaign, _plan(workspace, campaign, plan_id, at_most, now)


def _plan(
    workspace: Workspace, campaign: OpenCampaign, plan_id: str | None, at_most: int | None, now: datetime
) -> CampaignPlan:
    only = _members(workspace, campaign, plan_id) if plan_id else None
    plan = campaign.plan(now, only=only, at_most=at_most)
    campaign.try_template(plan, now)
    return plan


def send(
    workspace: Workspace,
    campaign: OpenCampaign,
    plan: CampaignPlan,
    *,
    plan_id: str | None,
    at_most: int | None,
    now: Callable[[], datetime],
    is_real_clock: bool,
    on_settled: Callable[[], None] = lambda: None,
) -> Sending:
    """Approve a campaign and send what is due of it. Who has it already does not get it again."""
    instant = now()
    first, last = campaign.file.spec.window(instant, workspace.settings.zone)
    scope = str(campaign.scope)
    approval = Approval(
        scope=scope,
        campaign=campaign.file.spec.id,
        approved_at=clock.to_ms(instant),
        files_hash=campaign.hash,
        files=campaign.files,
        plan_id=plan_id,
        at_most=at_most,
    )
    archive.write(campaign, instant)
    with workspace.lock():
        _supersede_rehearsals(workspace, approval)
        _approve(workspace, approval, Occurrence(scope, clock.to_ms(first), clock.to_ms(last)), campaign.offer)
        if first > instant:
            return Sending(plan, None, waits_until=first)
        done = tick.work(workspace, now=now, is_real_clock=is_real_clock, only=scope, plan=plan, on_settled=on_settled)
    return Sending(plan, done)


def _approve(workspace: Workspace, approval: Approval, occurrence: Occurrence, offer: Offer | None) -> None:
    before = campaigns.approval(workspace.store.db, approval.scope)
    with workspace.store.transaction() as tx:
        if before is not None and before.files_hash != approval.files_hash:
            messages.thaw(tx, approval.scope)
        campaigns.approve(tx, approval, occurrence)
        offering.note_use(tx, approval.scope, offer)


def _supersede_rehearsals(workspace: Workspace, approval: Approval) -> None:
    """Take back what waits in earlier rehearsals of a campaign: of other files than those approved now, or for real."""
    store = workspace.store
    for scope in campaigns.rehearsals(store.db, approval.campaign):
        if scope == approval.scope:
            continue
        with store.transaction() as tx:
            campaigns.close(tx, scope, at=approval.approved_at)
        cancelled = True
        while cancelled:
            with store.transaction() as tx:
                cancelled = messages.cancel(tx, scope, reason="approved_anew", at=approval.approved_at) > 0


def _refuse_stopped(workspace: Workspace, campaign: OpenCampaign) -> None:
    stopped = campaigns.stops(workspace.store.db)
    scope = f"campaign:{campaign.file.spec.id}"
    if "" in stopped:
        raise ConfigError(f"everything is stopped ({stopped['']}): `mailflow resume` first")
    if scope in stopped:
        raise ConfigError(
            f"this campaign is stopped ({stopped[scope]}): `mailflow resume {campaign.file.spec.id}` first"
        )


def _members(workspace: Workspace, campaign: OpenCampaign, plan_id: str) -> IdSet:
    """Return who was in a plan; refuse one of another campaign, or of files that have changed since."""
    shown = campaigns.shown_plan(workspace.store.db, plan_id)
    name = campaign.file.spec.id
    if shown is None:
        raise UsageError(f"there is no plan {plan_id}: `mailflow plan {name}` makes one and prints its id")
    if shown.campaign != name:
        raise UsageError(f"plan {plan_id} is of the campaign {shown.campaign}, not of {name}")
    if planning.files_hash(shown.files) != campaign.hash:
        changes = campaign_job.difference(shown.files, campaign.files)
        raise ConfigError(f"the files changed since plan {plan_id} was made; plan again.\n{changes}")
    return shown.members


def write_files(workspace: Workspace, campaign: OpenCampaign, plan: CampaignPlan, folder: Path, now: datetime) -> int:
    """Write what every recipient of a plan would get as an .eml file into `folder`; return how many."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    renderer = campaign.renderer()
    people = iter(plan.recipients)
    asked = personal.asked(workspace, [campaign.template], now=now)
    while part := list(islice(people, 500)):
        known = personal.contexts_of(workspace, asked, [person.contact_id for person in part], now=now)
        for person in part:
            context = campaign.with_sample(known[person.contact_id], person.key, now)
            content = renderer.content(
                0, address=person.email or "", token=f"dry-run-{person.key}", context=context, now=now
            )
            _write_private(folder / f"{person.key}.eml", content.data)
    return len(plan.recipients)


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read: it holds somebody's address."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)


def test_to(workspace: Workspace, campaign: OpenCampaign, email: str, now: datetime) -> Reply:
    """Send one message of a campaign to an address of the owner, as a contact of that address or the sample person.

    It needs no consent and is no message of the ledger; a suppressed address gets nothing all the same.
    """
    try:
        address = addresses.normalise(email)
    except ValueError as error:
        raise UsageError(f"{email!r} is not an e-mail address: {error}") from None
    if suppressions.of_address(workspace.store.db, workspace.keys, address):
        raise ConfigError(f"{email} is suppressed: it gets nothing, not even a test")
    content = _test_content(workspace, campaign, address, now)
    reply = asyncio.run(_carry(workspace, content))
    if not reply.is_positive:
        raise UnavailableError(f"the relay did not take the test: {reply}")
    if not campaign.scope.is_rehearsal:
        with workspace.store.transaction() as tx:
            state.put(tx, approved.TESTED, str(clock.to_ms(now)))
    return reply


def _test_content(workspace: Workspace, campaign: OpenCampaign, address: addresses.Address, now: datetime) -> Content:
    found = contacts.find_by_email(workspace.store.db, address)
    known = (
        personal.sample(workspace, campaign.template, now=now)
        if found is None
        else personal.contexts(workspace, campaign.template, [found.id], now=now)[found.id]
    )
    return campaign.renderer(prefix=_TEST_PREFIX).content(
        int(clock.to_ms(now)),
        address=address.email,
        token=f"test-{secrets.token_urlsafe(9)}",
        context=campaign.with_sample(known, address.key, now),
        now=now,
        checked=True,
    )


async def _carry(workspace: Workspace, content: Content) -> Reply:
    carrier = deliver.carriers(workspace)[0]
    try:
        await carrier.open()
        return await carrier.offer(content) or await carrier.finish()
    except CarrierDown as down:
        return down.reply
    finally:
        await carrier.close()
