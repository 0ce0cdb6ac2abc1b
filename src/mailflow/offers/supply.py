"""Whether an offer has enough for everybody who is to get it: a pool that is dry blocks the plan, nobody is skipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailflow import clock
from mailflow.errors import Problem
from mailflow.offers import pool
from mailflow.offers.offer import Offer
from mailflow.store import Store, codes


@dataclass(frozen=True, slots=True)
class Demand:
    """Who is to get an offer: how many people, when the last message is due, and in which scope they are counted."""

    what: str  # the campaign or flow, for messages
    scope: str
    people: int
    last_due: int | None = None


def obstacle(store: Store, root: Path, offer: Offer, demand: Demand, *, now: datetime) -> Problem | None:
    """Return why an offer cannot be given to everybody of a plan, or None. Reads the file of its codes first."""
    if demand.people <= 0:
        return None
    over = offer.over_at
    due = max(clock.to_ms(now), demand.last_due or 0)
    if over is not None and due >= clock.to_ms(over):
        return offer.problem("expires", _too_late(offer, demand, clock.from_ms(due)))
    return shortage(store, root, offer, demand, now=now)


def shortage(store: Store, root: Path, offer: Offer, demand: Demand, *, now: datetime) -> Problem | None:
    """Return that there are too few codes, or None. Reads the file of the codes first."""
    if demand.people <= 0:
        return None
    if offer.kind is codes.CodeKind.POOL:
        pool.refresh(store, root, offer, at=clock.to_ms(now))
    problem = _too_few(store, offer, demand)
    if problem is not None and _take_back(store, offer, now):
        problem = _too_few(store, offer, demand)
    return problem or _over_limit(store, offer, demand)


def _take_back(store: Store, offer: Offer, now: datetime) -> int:
    """Put the codes of messages that were certainly never sent back into the pool, as it would not do without them."""
    known, found = pool.known_or_new(store, offer), 0
    while True:
        with store.transaction() as tx:
            released = codes.release(tx, known.id, now=clock.to_ms(now))
        found += released
        if not released:
            return found


def _too_late(offer: Offer, demand: Demand, due: datetime) -> str:
    when = clock.wall_text(due, offer.zone)
    return (
        f"{offer.name} is worth something until {offer.ends}, but {demand.what} is to go out at {when}:"
        " set a later day, or take the offer out"
    )


def _too_few(store: Store, offer: Offer, demand: Demand) -> Problem | None:
    if not offer.is_counted:
        return None
    known = pool.known_or_new(store, offer)
    promised = codes.promised(store.db, known.id, beside=demand.scope)
    wanted = demand.people + promised
    free = codes.count_free(store.db, known, offer.kind, at_most=wanted)
    if free >= wanted:
        return None
    left = max(0, free - promised)
    told = f" ({promised:,} more are promised to others)" if promised else ""
    missing = wanted - free
    if offer.file is not None:
        mend = f"add {missing:,} or more to {offer.file}"
        return offer.problem("codes", f"{_people(demand, left)}{told}: {mend}")
    mend = f"`mailflow offers {offer.name} --make {missing}` makes them"
    return offer.problem("generate", f"{_people(demand, left)}{told}: {mend}")


def _over_limit(store: Store, offer: Offer, demand: Demand) -> Problem | None:
    if offer.limit is None:
        return None
    known = pool.known_or_new(store, offer)
    promised = codes.promised(store.db, known.id, beside=demand.scope)
    left = max(0, offer.limit - codes.count_given(store.db, known.id) - promised)
    if demand.people <= left:
        return None
    words = f"{_people(demand, left)} of the {offer.limit:,} that `limit` allows: raise it, or send to fewer"
    return offer.problem("limit", words)


def _people(demand: Demand, left: int) -> str:
    people = f"{demand.people:,} {'person' if demand.people == 1 else 'people'}"
    verb = "is" if demand.people == 1 else "are"
    return f"{people} {verb} to get a code by {demand.what}, {left:,} {'code is' if left == 1 else 'codes are'} left"
