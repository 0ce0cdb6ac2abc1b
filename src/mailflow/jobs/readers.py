"""Who a template is for: the recipients of the campaigns that use it, else everybody who may be mailed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from mailflow import policy
from mailflow.campaigns import spec
from mailflow.campaigns.people import Verdict
from mailflow.errors import MailflowError
from mailflow.idset import IdSet
from mailflow.jobs.campaign import OpenCampaign
from mailflow.policy import Limits, Reason
from mailflow.segments import Segments
from mailflow.store import candidates
from mailflow.store.candidates import Question
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

_BLOCK = 500
_EVERYBODY = "true"


@dataclass(frozen=True, slots=True)
class Readers:
    """Who a template is for: `blocks` of contact ids, nobody in two; `campaigns` that use it, by id."""

    campaigns: tuple[str, ...]
    blocks: Iterator[list[int]]


def of_template(workspace: Workspace, template: CompiledTemplate, *, now: datetime) -> Readers:
    """Return the readers of a template; who has a campaign's message already is one of its readers."""
    using = campaigns_of(workspace, template)
    found = _recipients(using, now) if using else _mailable(workspace, template, now)
    return Readers(tuple(campaign.file.spec.id for campaign in using), _blocks(found))


def campaigns_of(workspace: Workspace, template: CompiledTemplate) -> list[OpenCampaign]:
    """Return the campaigns that use a template; one that cannot be read is told by the command that opens it."""
    file = template.file.removeprefix(f"{workspace.templates.name}/")
    names = {file, file.rpartition(".")[0]}
    found = []
    for path in spec.campaign_paths(workspace.campaigns):
        try:
            campaign = OpenCampaign(workspace, spec.read(path))
        except MailflowError:
            continue
        if campaign.file.spec.template in names:
            found.append(campaign)
    return found


def _recipients(campaigns: list[OpenCampaign], now: datetime) -> Iterator[int]:
    """Yield who gets one of the campaigns, or has it."""
    seen = IdSet()
    for campaign in campaigns:
        for contact_id, said in campaign.decided(now):
            if said.verdict is not Verdict.SEND and said.reason != Reason.ALREADY_SENT:
                continue
            if contact_id not in seen:
                seen.add(contact_id)
                yield contact_id


def _mailable(workspace: Workspace, template: CompiledTemplate, now: datetime) -> Iterator[int]:
    """Yield everybody whom mail of the template's class may be sent to, whatever they got lately."""
    known = Segments.open(workspace.root, workspace.settings)
    members = known.members(workspace.store, known.parse(_EVERYBODY), now=now)
    question = Question(scope="", message_class=template.message_class)
    for block in _blocks(members):
        for candidate in candidates.for_contacts(workspace.store.db, workspace.keys, block, question, now=now):
            decision = policy.decide(candidate, Limits(), now)
            if decision.allowed or decision.reason is Reason.STOPPED:
                yield candidate.contact_id


def _blocks(ids: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(ids)
    while block := list(islice(remaining, _BLOCK)):
        yield block
