"""Say how somebody uses a product: their events, and the sum over them. The sum: analytics/usage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mailflow.analytics import usage as sums
from mailflow.analytics.usage import UsageHealth
from mailflow.store import Connection, usage
from mailflow.tracking.vocabulary import GROUPS, VOCABULARY

USE = "Use of a product"
_NAMES = frozenset(named.name for named in GROUPS[USE])
# What is no use of a product: all that mailflow has a name for, but these. What somebody who does use one did besides,
# under a name of the shop's own, is use of it too.
NO_USE = frozenset(VOCABULARY) - _NAMES


def of_person(db: Connection, contact_ids: Sequence[int], *, now: datetime) -> UsageHealth | None:
    """Return how the contacts that are one person use a product as of `now`; None where they never did."""
    if not usage.has_any(db, contact_ids, _NAMES):
        return None
    last = usage.last_active(db, contact_ids, until=now, without=NO_USE)
    if last is None:
        return None
    since = min(last, now - 2 * sums.PERIOD)
    told = usage.activity(db, contact_ids, since=since, until=now, without=NO_USE)
    return sums.health(told, now=now, known_features=usage.features(db))
