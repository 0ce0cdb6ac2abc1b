"""How much of people's mail is promotion: the report, and what one campaign more would do to it.

The limit is `mix:` in mailflow.yaml (config/mix); what people got is counted by store/mix, added up by analytics/mix,
shown by reports/mix_page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.analytics.mix import Mix, bands
from mailflow.config.mix import WINDOW
from mailflow.model import MessageKind
from mailflow.store import mix
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.planning import CampaignPlan

COLUMNS = ("share", "people", "share_people", "messages", "promo", "over_limit")
CONTACT_COLUMNS = ("contact", "email", "messages", "promo", "value", "promo_share", "over_limit")


def gather(workspace: Workspace, *, now: datetime) -> Mix:
    """Return the mix of the last 30 days."""
    limit, since = workspace.settings.mix, now - WINDOW
    counts = mix.counts(workspace.store.db, since=clock.to_ms(since), until=clock.to_ms(now))
    return Mix(since, now, limit, bands(counts, limit))


def contacts(workspace: Workspace, *, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield who got enough messages to speak of a mix, the most one-sided first."""
    limit = workspace.settings.mix
    since, until = clock.to_ms(now - WINDOW), clock.to_ms(now)
    for got in mix.people(workspace.store.db, since=since, until=until, least=limit.least):
        yield {
            "contact": got.contact,
            "email": got.email,
            "messages": got.messages,
            "promo": got.promo,
            "value": got.messages - got.promo,
            "promo_share": round(got.promo / got.messages, 4),
            "over_limit": limit.is_over(got.promo, got.messages),
        }


def lifted(workspace: Workspace, plan: CampaignPlan, *, now: datetime) -> int:
    """Return for how many recipients of a plan promotions would be above the limit once they have it."""
    limit = workspace.settings.mix
    if plan.kind is not MessageKind.PROMO or plan.scope.is_rehearsal or limit.promo_at_most is None:
        return 0
    since, until = clock.to_ms(now - WINDOW), clock.to_ms(now)
    over = mix.lifted(workspace.store.db, since=since, until=until, least=limit.least, at_most=limit.promo_at_most)
    return sum(contact_id in over for contact_id in plan.recipients.ids)
