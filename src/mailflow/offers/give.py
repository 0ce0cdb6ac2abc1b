"""Choose codes for messages that are about to be rendered. Giving them, as the message is frozen: store/codes.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailflow import clock
from mailflow.errors import ProblemsError
from mailflow.offers import generate
from mailflow.offers.generate import Bytes
from mailflow.offers.offer import Offer
from mailflow.policy import Reason
from mailflow.store import Connection, codes
from mailflow.store.codes import CodeKind, Free, Gift, KnownOffer

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Asking:
    """A message that is to carry a code."""

    message_id: int
    contact_id: int
    token: str
    scope: str


@dataclass(slots=True)
class Choice:
    """What was found for messages: codes, refusals with their reason; `dry` are those for whom no code is left."""

    gifts: dict[int, Gift] = field(default_factory=dict)
    refused: dict[int, Reason] = field(default_factory=dict)
    dry: list[int] = field(default_factory=list)


def choose(
    db: Connection, known: KnownOffer, offer: Offer, asking: Sequence[Asking], keyed: Bytes, *, now: datetime
) -> Choice:
    """Choose a code for each message, the one it had before if the offer still gives it. Nothing is written.

    `keyed` is what makes codes unguessable (`Keys.keyed`). All messages of one offer that are rendered together must be
    asked for together: a code is chosen once among them.
    """
    choice = Choice()
    over = offer.over_at
    if over is not None and now >= over:
        choice.refused = dict.fromkeys((each.message_id for each in asking), Reason.OFFER_EXPIRED)
        return choice
    held = codes.of_messages(db, known, offer.kind, [each.message_id for each in asking], shared=offer.shared)
    anew = [each for each in asking if each.message_id not in held]
    full = _served(db, known, offer, anew, now)
    choice.refused = {each.message_id: Reason.OFFER_LIMIT for each in anew if each.contact_id in full}
    wanting = [each for each in anew if each.contact_id not in full]
    for each, found in zip(wanting, _new_codes(db, known, offer, wanting, keyed), strict=True):
        if found is None:
            choice.dry.append(each.message_id)
        else:
            choice.gifts[each.message_id] = _gift(known, offer, each, found, now)
    for each in asking:
        if each.message_id in held:
            choice.gifts[each.message_id] = _gift(known, offer, each, held[each.message_id], now)
    return choice


def context_of(offer: Offer, gift: Gift) -> dict[str, Any]:
    """Return what the template knows of the code that a message gets: the deadline is the one that is stored."""
    return offer.context(gift.code, offer.expires_on(clock.from_ms(gift.given_at)))


def sample(offer: Offer, subject: str, keyed: Bytes, *, now: datetime) -> dict[str, Any]:
    """Return what the template knows in a test, a preview or a rehearsal: no code of the pool is used up.

    The one code that everybody gets is no secret, and is shown.
    """
    code = offer.shared or generate.sample_for(f"{offer.name}\0{subject}", keyed)
    return offer.context(code, offer.expires_on(now), is_sample=offer.shared is None)


def served(db: Connection, offer: Offer, contact_ids: Sequence[int], *, scope: str, now: datetime) -> set[int]:
    """Return the contacts who have had as many codes of an offer as `per_person` allows, by other scopes."""
    known = codes.known(db, offer.name)
    if offer.per_person is None or known is None:
        return set()
    most, within = offer.per_person
    since = -1 if within is None else clock.to_ms(now - within)
    had = codes.given_since(db, known.id, contact_ids, since=since, scope=scope, now=clock.to_ms(now))
    return {contact for contact, number in had.items() if number >= most}


def _served(db: Connection, known: KnownOffer, offer: Offer, asking: Sequence[Asking], now: datetime) -> set[int]:
    if offer.per_person is None:
        return set()
    full: set[int] = set()
    for scope in {each.scope for each in asking}:
        people = [each.contact_id for each in asking if each.scope == scope]
        full |= served(db, offer, people, scope=scope, now=now)
    return full


def _new_codes(
    db: Connection, known: KnownOffer, offer: Offer, wanting: Sequence[Asking], keyed: Bytes
) -> list[Free | None]:
    """Return a code for each, None for those for whom none is left; a `Free` with the id 0 is one made just now."""
    if offer.shared is not None:
        return [Free(0, offer.shared)] * len(wanting)
    if offer.is_counted:
        found: list[Free | None] = list(codes.free(db, known, offer.kind, limit=len(wanting)))
        return [*found, *([None] * (len(wanting) - len(found)))]
    return list(make(db, offer, [f"{offer.name}\0{each.token}" for each in wanting], keyed))


def make(db: Connection, offer: Offer, subjects: Sequence[str], keyed: Bytes) -> list[Free]:
    """Return a new code for each subject, none of them taken, none twice."""
    assert offer.generate is not None
    made: dict[int, str] = {}
    keys: set[str] = set()
    for attempt in range(_ATTEMPTS):
        missing = [place for place in range(len(subjects)) if place not in made]
        if not missing:
            break
        tried = {place: generate.code_for(subjects[place], offer.generate, keyed, attempt=attempt) for place in missing}
        taken = codes.taken(db, tried.values())
        for place, code in tried.items():
            key = codes.key_of(code)
            if key not in taken and key not in keys:
                keys.add(key)
                made[place] = code
    if len(made) < len(subjects):
        words = f"{offer.name} has hardly a code left that nobody has: make `length` greater, or change the prefix"
        raise ProblemsError([offer.problem("generate", words)])
    return [Free(0, made[place]) for place in range(len(subjects))]


def _gift(known: KnownOffer, offer: Offer, each: Asking, found: Free, now: datetime) -> Gift:
    ends = offer.expires_at(now)
    return Gift(
        message_id=each.message_id,
        contact_id=each.contact_id,
        offer_id=known.id,
        kind=CodeKind(offer.kind),
        code=found.code,
        code_id=found.id or None,
        given_at=clock.to_ms(now),
        expires_at=None if ends is None else clock.to_ms(ends),
        terms=offer.terms(offer.expires_on(now)),
    )
