"""Codes for the messages of open campaigns: whose code is whose, and whether a planned campaign has enough of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailflow.errors import ProblemsError
from mailflow.jobs.campaign import OpenCampaign
from mailflow.jobs.offering import keyed
from mailflow.offers import give, pool, supply
from mailflow.offers.give import Asking
from mailflow.offers.supply import Demand
from mailflow.policy import Reason
from mailflow.store import codes
from mailflow.store.codes import Gift, KnownOffer
from mailflow.store.messages import Due
from mailflow.workspace import Workspace


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
