"""Which offer a campaign or template carries, and whether it reaches. Whose code is whose: offer_desk.py."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from mailflow.campaigns import spec
from mailflow.errors import MailflowError, ProblemsError
from mailflow.model import REHEARSAL, MessageClass
from mailflow.offers import give, supply
from mailflow.offers.generate import Bytes
from mailflow.offers.offer import OFFERS_FILE, Offer, Offers
from mailflow.offers.supply import Demand
from mailflow.store import Connection, codes
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.planning import CampaignPlan
    from mailflow.campaigns.spec import CampaignFile
    from mailflow.templates.compiled import CompiledTemplate

_PURPOSE = "offer"


def keyed(workspace: Workspace) -> Bytes:
    """Return what makes this workspace's codes unguessable."""
    return partial(workspace.keys.keyed, _PURPOSE)


def offers(workspace: Workspace) -> Offers:
    """Return the offers of the workspace."""
    return Offers.open(workspace.root, workspace.settings)


def files(offer: Offer | None) -> dict[str, str]:
    """Return what an offer adds to the files that a campaign is approved with: its own entry, not those of others."""
    return {} if offer is None else {f"{OFFERS_FILE} ({offer.name})": offer.text}


def offer_of(workspace: Workspace, template: CompiledTemplate, file: CampaignFile | None = None) -> Offer | None:
    """Return the offer of a campaign, else of its template; `ProblemsError` where it cannot be in this mail."""
    asked_by = file if file is not None and file.spec.offer else template
    name = (file.spec.offer if file is not None else None) or template.front.offer
    if name is None:
        return None
    known = offers(workspace)
    wrong = _wrong(known, name, template, file)
    if wrong is not None:
        raise ProblemsError([asked_by.problem("offer", wrong)])
    return known.by_name[name]


def _wrong(known: Offers, name: str, template: CompiledTemplate, file: CampaignFile | None) -> str | None:
    if name not in known.by_name:
        return known.unknown(name)
    if template.front.offer not in (None, name):
        return f"{name!r} is another offer than that of {template.file}, {template.front.offer!r}: name it in one place"
    if template.message_class is MessageClass.ESSENTIAL:
        return f"{template.file} is essential mail, which carries no offer"
    offer = known.by_name[name]
    shown = (template.mentions("offer") and template.mentions("code")) or (
        offer.shared is not None and template.mentions(offer.shared)
    )
    if not shown:
        return f"{template.file} does not show its code: write {{{{ offer.code }}}} where it is to stand"
    return None


def sample(workspace: Workspace, template: CompiledTemplate, subject: str, now: datetime) -> dict[str, Any]:
    """Return what a preview knows beside the person: a sample of a code, of its offer or of a campaign's."""
    offer = offer_of(workspace, template) or _of_a_campaign(workspace, template)
    return {} if offer is None else {"offer": give.sample(offer, subject, keyed(workspace), now=now)}


def _of_a_campaign(workspace: Workspace, template: CompiledTemplate) -> Offer | None:
    if not template.mentions("offer"):
        return None
    for path in spec.campaign_paths(workspace.campaigns):
        try:
            file = spec.read(path)
        except MailflowError:
            continue  # told by the command that opens it
        if file.spec.offer and file.spec.template == template.name:
            return offer_of(workspace, template, file)
    return None


def check(workspace: Workspace, offer: Offer, plan: CampaignPlan, now: datetime) -> None:
    """Raise `ProblemsError` where an offer is over before its messages go out, or has too few codes for them."""
    known = codes.known(workspace.store.db, offer.name)
    have = codes.holders(workspace.store.db, known.id, str(plan.scope)) if known is not None else ()
    wanting = plan.recipients.where(lambda contact_id, _: contact_id not in have)
    demand = Demand(plan.spec.id, str(plan.scope), len(wanting), wanting.last_due)
    problem = supply.obstacle(workspace.store, workspace.root, offer, demand, now=now)
    if problem is not None:
        raise ProblemsError([problem])


def note_use(tx: Connection, scope: str, offer: Offer | None) -> None:
    """Note which offer the messages of an approved campaign carry, so that its codes are promised to them."""
    if offer is None or scope.startswith(REHEARSAL):
        codes.drop_use(tx, scope)
    else:
        codes.note_use(tx, scope, codes.ensure(tx, offer.name).id)
