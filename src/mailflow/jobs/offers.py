"""What became of every offer and every code, for people: `mailflow offers`. Giving codes: offering.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any

from mailflow import clock, money
from mailflow.errors import ProblemsError, UsageError
from mailflow.jobs import offering
from mailflow.model import Scope
from mailflow.offers import give, pool
from mailflow.offers.offer import OFFERS_FILE, Offer
from mailflow.store import code_uses, codes
from mailflow.store.code_uses import Given, Use
from mailflow.store.codes import CodeKind, KnownOffer
from mailflow.store.pace import Pace
from mailflow.workspace import Workspace

CODE_COLUMNS = (
    "code", "offer", "state", "email", "given_at", "expires_on", "redeemed_at", "order_id", "used_by_others", "what",
    "message_id",
)  # fmt: skip
_MOST_MADE = 1_000_000


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One offer in figures. `free` is None where there is no pool; `revenue` is of the orders that redeemed it, net.

    `expired` were given, never redeemed, and are over; `late` orders came after that, `by_others` are of other buyers;
    `unsent` codes belong to messages that never went out; `used_before` were spent before anybody was given them.
    """

    offer: str
    kind: str
    title: str
    free: int | None
    given: int = 0
    redeemed: int = 0
    expired: int = 0
    late: int = 0
    by_others: int = 0
    unsent: int = 0
    used_before: int = 0
    withdrawn: int = 0
    orders: int = 0
    revenue: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None

    def as_record(self, account_currency: str) -> dict[str, Any]:
        """Return the line as JSON prints it: one currency's revenue, or null where there are several."""
        sums = dict(self.revenue) or {account_currency: 0}
        currency = next(iter(sums)) if len(sums) == 1 else None
        counted = ("free", "given", "redeemed", "expired", "late", "by_others", "unsent", "used_before", "withdrawn")
        return {
            "offer": self.offer,
            "kind": self.kind,
            "title": self.title,
            **{name: getattr(self, name) for name in counted},
            "orders": self.orders,
            "revenue": None if currency is None else money.to_text(sums[currency], currency),
            "currency": currency,
            "revenue_by_currency": {code: money.to_text(minor, code) for code, minor in sorted(sums.items())},
        }


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One code: whose it is, until when it is worth something, and the order that redeemed it."""

    given: Given
    state: str
    expires_on: date | None
    redeemed_by: Use | None
    by_others: int
    late: int

    def as_record(self) -> dict[str, Any]:
        """Return the line as JSON prints it; `contact` of somebody without an address stays null."""
        given, use = self.given, self.redeemed_by
        return {
            "code": given.code,
            "offer": given.offer,
            "state": self.state,
            "email": given.email,
            "given_at": _iso(given.given_at),
            "expires_on": None if self.expires_on is None else self.expires_on.isoformat(),
            "redeemed_at": None if use is None else _iso(use.placed_at),
            "order_id": None if use is None else use.order_id,
            "used_by_others": self.by_others,
            "what": None if given.scope is None else Scope.campaign_of(given.scope),
            "message_id": given.message_id,
        }


def overview(workspace: Workspace, now: datetime) -> list[OfferLine]:
    """Return every offer of offers.yaml, and those that are no longer in it but have codes."""
    offers = offering.offers(workspace)
    gone = [known.name for known in codes.every(workspace.store.db) if known.name not in offers.by_name]
    return [
        *(_line(workspace, name, offer, now) for name, offer in offers.by_name.items()),
        *(_line(workspace, name, None, now) for name in gone),
    ]


def one(workspace: Workspace, name: str, now: datetime) -> OfferLine:
    """Return one offer; `UsageError` where there is none of this name."""
    offers = offering.offers(workspace)
    if name not in offers.by_name and codes.known(workspace.store.db, name) is None:
        raise UsageError(offers.unknown(name))
    return _line(workspace, name, offers.by_name.get(name), now)


def code_lines(workspace: Workspace, name: str, now: datetime) -> Iterator[CodeLine]:
    """Yield every code of an offer: those that were given first, then those that are free."""
    known = codes.known(workspace.store.db, name)
    if known is None:
        return
    uses = _Uses(code_uses.of_offer(workspace.store.db, known.id))
    for given in code_uses.listing(workspace.store.db, known.id):
        yield _code_line(workspace, given, uses, now)


def check(workspace: Workspace, code: str, now: datetime) -> list[CodeLine]:
    """Return whose a code is and what became of it: one line, or of a code for everybody one for each who got it."""
    db = workspace.store.db
    uses = _Uses(code_uses.of_codes(db, [codes.key_of(code)]))
    return [_code_line(workspace, given, uses, now) for given in code_uses.with_code(db, code)]


def make(workspace: Workspace, name: str, number: int, now: datetime) -> Iterator[str]:
    """Make codes ahead for an offer that says `generate: {ahead: true}`, and yield them as they are in the pool."""
    offer = offering.offers(workspace).get(name)
    if offer.generate is None or not offer.generate.ahead:
        raise UsageError(f"--make is for offers with generate: {{ahead: true}} in {OFFERS_FILE}; {name} has none")
    if number > _MOST_MADE:
        raise UsageError(f"at most {_MOST_MADE:,} codes are made at once")
    known = pool.known_or_new(workspace.store, offer)
    return _made(workspace, offer, known, number, now)


def _made(workspace: Workspace, offer: Offer, known: KnownOffer, number: int, now: datetime) -> Iterator[str]:
    store, at = workspace.store, clock.to_ms(now)
    first = codes.newest(store.db)  # what follows from keys and a subject must not have been asked for before
    pace, keyed = Pace(store), offering.keyed(workspace)
    subjects = (f"{offer.name}\0ahead\0{first + place}" for place in range(number))
    while some := list(islice(subjects, pace.rows)):
        with pace.transaction() as tx:  # what is free is looked for in it, as another process may make codes too
            made = [free.code for free in give.make(tx, offer, some, keyed)]
            codes.add(tx, known.id, CodeKind.GENERATED, made, reading=known.reading, at=at)
        yield from made


def _line(workspace: Workspace, name: str, offer: Offer | None, now: datetime) -> OfferLine:
    store, problem = workspace.store, None
    if offer is not None and offer.kind is CodeKind.POOL:
        try:
            pool.refresh(store, workspace.root, offer, at=clock.to_ms(now))
        except ProblemsError as error:
            problem = str(error)
    kind = "gone" if offer is None else str(offer.kind)
    title = f"no longer in {OFFERS_FILE}" if offer is None else offer.title
    is_counted = offer is not None and offer.is_counted
    known = codes.known(store.db, name)
    if known is None:
        return OfferLine(name, kind, title, 0 if is_counted else None, problem=problem)
    given = code_uses.tally(store.db, known.id, at=clock.to_ms(now))
    left = code_uses.pool_counts(store.db, known.id, known.reading)
    used = _used(code_uses.of_offer(store.db, known.id))
    redeemed_past_end = code_uses.past_end(store.db, used.redeemed, at=clock.to_ms(now))
    return OfferLine(
        offer=name,
        kind=kind,
        title=title,
        free=left["free"] if is_counted else None,
        given=given["given"],
        redeemed=len(used.redeemed),
        expired=int(given["past_end"]) - redeemed_past_end,
        late=used.late,
        by_others=used.by_others,
        unsent=int(given["unsent"]),
        used_before=left["used"],
        withdrawn=left["withdrawn"],
        orders=len(used.orders),
        revenue=used.revenue,
        problem=problem,
    )


@dataclass(slots=True)
class _Used:
    """What the orders with codes of one offer come to."""

    redeemed: set[int] = field(default_factory=set)
    orders: set[int] = field(default_factory=set)
    revenue: Counter[str] = field(default_factory=Counter)
    late: int = 0
    by_others: int = 0


def _used(uses: Iterable[Use]) -> _Used:
    found = _Used()
    for use in uses:
        if use.code_id is None:
            found.by_others += 1
        elif use.is_late:
            found.late += 1
        else:
            found.redeemed.add(use.code_id)
            if use.order_pk not in found.orders:  # one order with two codes of an offer is one order
                found.orders.add(use.order_pk)
                found.revenue[use.currency] += use.net_minor
    return found


class _Uses:
    """Orders by whose code they were placed with, and how many others typed it."""

    def __init__(self, uses: Iterable[Use]) -> None:
        self.own: defaultdict[int, list[Use]] = defaultdict(list)
        self.by_others: Counter[str] = Counter()
        for use in uses:
            if use.code_id is None:
                self.by_others[use.code_key] += 1
            else:
                self.own[use.code_id].append(use)


def _code_line(workspace: Workspace, given: Given, uses: _Uses, now: datetime) -> CodeLine:
    own = uses.own.get(given.id, [])
    return CodeLine(
        given=given,
        state=str(code_uses.state_of(given, own, at=clock.to_ms(now))),
        expires_on=last_day(workspace, given.expires_at),
        redeemed_by=next((use for use in own if use.redeems), None),
        by_others=uses.by_others[given.code_key],
        late=sum(use.is_late for use in own),
    )


def last_day(workspace: Workspace, expires_at: int | None) -> date | None:
    """Return the last day on which a code is worth something, in the account's zone; None for ever."""
    if expires_at is None:
        return None
    return clock.local_date(clock.from_ms(expires_at - 1), workspace.settings.zone)


def _iso(ms: int | None) -> str | None:
    return None if ms is None else clock.iso(clock.from_ms(ms))
