"""Bring offers and messages together: which offer a campaign carries, whether it reaches, whose code is whose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from mailflow.campaigns import spec
from mailflow.errors import MailflowError, ProblemsError
from mailflow.model import REHEARSAL, MessageClass
from mailflow.offers import give, pool, supply
from mailflow.offers.generate import Bytes
from mailflow.offers.give import Asking
from mailflow.offers.offer import OFFERS_FILE, Offer, Offers
from mailflow.offers.supply import Demand
from mailflow.policy import Reason
from mailflow.store import Connection, codes
from mailflow.store.codes import Gift, KnownOffer
from mailflow.store.messages import Due
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.planning import CampaignPlan
    from mailflow.campaigns.spec import CampaignFile
    from mailflow.jobs.campaign import OpenCampaign
    from mailflow.templates.compile import CompiledTemplate

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
    have = codes.holders(workspace.store.db, known.id, str(plan.scope)) if known is not None else set()
    wanting = [person for person in plan.recipients if person.contact_id not in have]
    last = max((person.due_at for person in wanting), default=None)
    demand = Demand(plan.spec.id, str(plan.scope), len(wanting), last)
    problem = supply.obstacle(workspace.store, workspace.root, offer, demand, now=now)
    if problem is not None:
        raise ProblemsError([problem])


def shortage(campaign: OpenCampaign, now: datetime) -> str | None:
    """Return why a planned campaign has to wait: its offer has not a code for everybody who is to get one."""
    offer, scope = campaign.offer, str(campaign.scope)
    store = campaign.workspace.store
    known = None if offer is None else codes.known(store.db, offer.name)
    if offer is None or known is None or campaign.scope.is_rehearsal:
        return None
    demand = Demand(campaign.file.spec.id, scope, codes.promised(store.db, known.id, only=scope))
    try:
        problem = supply.shortage(store, campaign.workspace.root, offer, demand, now=now)
    except ProblemsError as error:
        return str(error)
    return None if problem is None else str(problem)


def note_use(tx: Connection, scope: str, offer: Offer | None) -> None:
    """Note which offer the messages of an approved campaign carry, so that its codes are promised to them."""
    if offer is None or scope.startswith(REHEARSAL):
        codes.drop_use(tx, scope)
    else:
        codes.note_use(tx, scope, codes.ensure(tx, offer.name).id)


@dataclass(frozen=True, slots=True)
class Offered:
    """What messages that are to be rendered get: contexts and codes by message; who is refused, and who finds none."""

    contexts: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    gifts: Mapping[int, Gift] = field(default_factory=dict)
    refused: Mapping[int, Reason] = field(default_factory=dict)
    dry: Collection[int] = ()

    def leaves_out(self, message_id: int) -> bool:
        """Say whether a message is not to be rendered now."""
        return message_id in self.refused or message_id in self.dry


class Desk:
    """Finds codes for the messages of one delivery; rehearsals get samples."""

    def __init__(self, workspace: Workspace, campaigns: Mapping[str, OpenCampaign]) -> None:
        self._workspace = workspace
        self._campaigns = campaigns
        self._known: dict[str, KnownOffer] = {}

    def choose(self, batch: Sequence[Due], now: datetime) -> Offered:
        """Choose for messages that are rendered together. Nothing is given yet: that is done as they are frozen."""
        by_offer: defaultdict[str, list[Due]] = defaultdict(list)
        for due in batch:
            if (offer := self._campaigns[due.scope].offer) is not None:
                by_offer[offer.name].append(due)
        contexts: dict[int, Mapping[str, Any]] = {}
        gifts: dict[int, Gift] = {}
        refused: dict[int, Reason] = {}
        dry: set[int] = set()
        for some in by_offer.values():
            found = self._of_offer(some, now)
            contexts |= found.contexts
            gifts |= found.gifts
            refused |= found.refused
            dry.update(found.dry)
        return Offered(contexts, gifts, refused, dry)

    def _of_offer(self, batch: Sequence[Due], now: datetime) -> Offered:
        offer = self._campaigns[batch[0].scope].offer
        assert offer is not None
        bytes_of = keyed(self._workspace)
        samples = {
            due.id: give.sample(offer, due.token, bytes_of, now=now)
            for due in batch
            if self._campaigns[due.scope].scope.is_rehearsal
        }
        asking = [Asking(due.id, due.contact_id, due.token, due.scope) for due in batch if due.id not in samples]
        if not asking:
            return Offered(samples)
        store = self._workspace.store
        known = self._known.setdefault(offer.name, pool.known_or_new(store, offer))
        choice = give.choose(store.db, known, offer, asking, bytes_of, now=now)
        real = {message: give.context_of(offer, gift) for message, gift in choice.gifts.items()}
        return Offered({**samples, **real}, choice.gifts, choice.refused, choice.dry)
