"""Decide whether this person may get this message, and what an entry of the consent ledger changes. Pure.

The facts are read by store/candidates; who is in an audience at all is campaigns' question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mailflow.model import Basis, ConsentState, MessageClass, SuppressionReason


def takes_effect(current: ConsentState, said: ConsentState, basis: Basis, *, lifts: bool = False) -> bool:
    """Return whether an entry of the ledger decides the consent state, given the state the entries before it made.

    * A no holds, whatever it follows and whatever date it carries.
    * A yes of unknown basis is not a yes. Any other yes counts, but only one that `lifts` counts after a no: a double
      opt-in or an owner with evidence, never a file.
    * `pending` says only that a confirmation was asked for: it replaces neither a yes nor a no.
    * `never` takes back what a file wrongly said, and so counts only where it `lifts`.
    """
    match said:
        case ConsentState.UNSUBSCRIBED:
            return True
        case ConsentState.SUBSCRIBED:
            return basis is not Basis.UNKNOWN and (lifts or current is not ConsentState.UNSUBSCRIBED)
        case ConsentState.PENDING:
            return current in (ConsentState.NEVER, ConsentState.PENDING)
        case ConsentState.NEVER:
            return lifts


def resolve(current: ConsentState, said: ConsentState, basis: Basis, *, lifts: bool = False) -> ConsentState:
    """Return the consent state after one more entry of the ledger, in the order in which entries were recorded."""
    return said if takes_effect(current, said, basis, lifts=lifts) else current


class Reason(StrEnum):
    """Why somebody does not get a message, or not now. Planning, arming and `why` share these words."""

    MERGED = "merged"
    NO_ADDRESS = "no_address"
    UNWRITABLE_ADDRESS = "unwritable_address"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    PENDING = "pending"
    NO_CONSENT = "no_consent"
    CONSENT_FOR_ANOTHER_ADDRESS = "consent_for_another_address"
    ADDRESS_CHANGED = "address_changed"
    EXPIRED = "expired"
    STOPPED = "stopped"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    NOT_IN_AUDIENCE = "not_in_audience"
    ALREADY_SENT = "already_sent"
    HELD_OUT = "held_out"
    OVER_LIMIT = "over_limit"
    OFFER_EXPIRED = "offer_expired"
    OFFER_LIMIT = "offer_limit"

    @property
    def sentence(self) -> str:
        """The reason as a sentence for people."""
        return _SENTENCES[self]


# Keyed by text, as reasons are kept with messages; a StrEnum's members are text.
_SENTENCES: dict[str, str] = {
    Reason.MERGED: "They are one person with another contact (`mailflow contact merge`): that one gets their mail.",
    Reason.NO_ADDRESS: "We know no e-mail address of this person.",
    Reason.UNWRITABLE_ADDRESS: "Their address has letters before the @ that few mail servers take (SMTPUTF8).",
    Reason.SUPPRESSED: "The address is suppressed: it gets nothing at all.",
    Reason.UNSUBSCRIBED: "They said no to marketing mail, and nothing since has lifted that.",
    Reason.PENDING: "They asked to be subscribed but have not confirmed it yet.",
    Reason.NO_CONSENT: "Nothing says that they agreed to marketing mail.",
    Reason.CONSENT_FOR_ANOTHER_ADDRESS: "They agreed to marketing mail for another address than this one.",
    Reason.ADDRESS_CHANGED: "Their address changed after the message was planned.",
    Reason.EXPIRED: "It is too late for this message: its `not_after` has passed.",
    Reason.STOPPED: "Sending is stopped; `mailflow resume` lets it go on.",
    Reason.CAP_DAY: "They already got as many marketing messages in the last 24 hours as `limits.per_day` allows.",
    Reason.CAP_WEEK: "They already got as many marketing messages in the last 7 days as `limits.per_week` allows.",
    Reason.NOT_IN_AUDIENCE: "They are not in the audience.",
    Reason.ALREADY_SENT: "They already got it.",
    Reason.HELD_OUT: "They were chosen never to get it, to measure what it does.",
    Reason.OVER_LIMIT: "It was to go to fewer people (`--limit`); the next `mailflow send` goes on with them.",
    Reason.OFFER_EXPIRED: "The offer in it is over: nobody is sent a code that is worth nothing.",
    Reason.OFFER_LIMIT: "They have had the offer in it as often as `per_person` in offers.yaml allows.",
}

_SUPPRESSION_SENTENCES: dict[str, str] = {
    SuppressionReason.HARD_BOUNCE: "The address is suppressed: a mail server said that it does not exist.",
    SuppressionReason.COMPLAINT: "The address is suppressed: the person reported our mail as spam.",
    SuppressionReason.MANUAL: "The address is suppressed: the owner said so.",
    SuppressionReason.ERASED: "The address is suppressed: the person asked to be forgotten.",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many marketing messages one contact may get; None is no limit. Both windows roll: 24 hours and 7 days."""

    per_day: int | None = None
    per_week: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One message to one contact, with everything that decides whether it may go.

    `address` is where it would go, `contact_address` what we know as theirs now, `consent_address` what they gave
    their consent for, all three normalised (`Address.key`). `sent_day` and `sent_week` count real marketing messages
    accepted, armed or in doubt in the last 24 hours and 7 days, without this one. `checked` messages need consent and
    obey the caps as their class says; a test to the owner's own address is not checked. Who is `merged` is somebody
    else now; who `has_it` got this very message as another contact that was merged into them. `offer_ends` is when the
    code in it is worth nothing any more.
    """

    contact_id: int
    address: str | None
    contact_address: str | None
    consent: ConsentState
    consent_address: str | None
    suppressions: frozenset[SuppressionReason] = frozenset()
    sent_day: int = 0
    sent_week: int = 0
    message_class: MessageClass = MessageClass.MARKETING
    rehearsal: bool = False
    checked: bool = True
    stopped: bool = False
    merged: bool = False
    has_it: bool = False
    not_after: datetime | None = None
    offer_ends: datetime | None = None
    message_id: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it is counted and capped: real marketing mail only."""
        return self.message_class is MessageClass.MARKETING and self.checked and not self.rehearsal


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a message may go; where it may not, why."""

    reason: Reason | None = None
    suppression: SuppressionReason | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is None

    @property
    def code(self) -> str:
        """What is kept and printed in columns: `no_consent`, `suppressed: hard_bounce`; empty where allowed."""
        if self.reason is None:
            return ""
        return f"{self.reason}: {self.suppression}" if self.suppression else str(self.reason)

    @property
    def sentence(self) -> str:
        """The decision as a sentence for people."""
        return sentence(self.code) if self.reason else "It may go."


ALLOWED = Decision()


def sentence(code: str) -> str:
    """Return the sentence of a `Decision.code` as it is kept with a message; another room's words stay as they are."""
    reason, _, detail = code.partition(": ")
    if reason == Reason.SUPPRESSED:
        return _SUPPRESSION_SENTENCES.get(detail, Reason.SUPPRESSED.sentence)
    return _SENTENCES.get(code, code)


def decide(candidate: Candidate, limits: Limits, now: datetime) -> Decision:
    """Decide whether one message may go now. The first reason that lasts longest is the one given."""
    if candidate.merged and candidate.checked and candidate.message_class is MessageClass.MARKETING:
        return Decision(Reason.MERGED)
    if candidate.address is None:
        return Decision(Reason.NO_ADDRESS)
    if candidate.suppressions:
        return Decision(Reason.SUPPRESSED, gravest(candidate.suppressions))
    if candidate.checked and (refusal := _consent_refusal(candidate)):
        return Decision(refusal)
    if candidate.has_it and candidate.checked:
        return Decision(Reason.ALREADY_SENT)
    if not candidate.address.isascii():
        return Decision(Reason.UNWRITABLE_ADDRESS)
    if candidate.not_after is not None and now >= candidate.not_after:
        return Decision(Reason.EXPIRED)
    if candidate.offer_ends is not None and now >= candidate.offer_ends:
        return Decision(Reason.OFFER_EXPIRED)
    if candidate.stopped:
        return Decision(Reason.STOPPED)
    if candidate.counts and (refusal := _cap_refusal(candidate, limits)):
        return Decision(refusal)
    return ALLOWED


def decide_all(candidates: Iterable[Candidate], limits: Limits, now: datetime) -> list[Decision]:
    """Decide about messages that would go together: what one is allowed counts against the caps of the next."""
    granted: Counter[int] = Counter()
    decisions = []
    for candidate in candidates:
        if extra := granted[candidate.contact_id]:
            day, week = candidate.sent_day + extra, candidate.sent_week + extra
            candidate = replace(candidate, sent_day=day, sent_week=week)
        decision = decide(candidate, limits, now)
        if decision.allowed and candidate.counts:
            granted[candidate.contact_id] += 1
        decisions.append(decision)
    return decisions


def _consent_refusal(candidate: Candidate) -> Reason | None:
    """Essential mail needs no consent, but no mail goes to an address that is no longer theirs."""
    if candidate.message_class is MessageClass.MARKETING:
        match candidate.consent:
            case ConsentState.UNSUBSCRIBED:
                return Reason.UNSUBSCRIBED
            case ConsentState.PENDING:
                return Reason.PENDING
            case ConsentState.NEVER:
                return Reason.NO_CONSENT
            case ConsentState.SUBSCRIBED if candidate.consent_address != candidate.address:
                return Reason.CONSENT_FOR_ANOTHER_ADDRESS
    return Reason.ADDRESS_CHANGED if candidate.contact_address != candidate.address else None


def _cap_refusal(candidate: Candidate, limits: Limits) -> Reason | None:
    if limits.per_day is not None and candidate.sent_day >= limits.per_day:
        return Reason.CAP_DAY
    if limits.per_week is not None and candidate.sent_week >= limits.per_week:
        return Reason.CAP_WEEK
    return None


def gravest(reasons: frozenset[SuppressionReason]) -> SuppressionReason:
    """Return the reason to name where an address is suppressed for several."""
    order = (SuppressionReason.ERASED, SuppressionReason.COMPLAINT, SuppressionReason.HARD_BOUNCE)
    return next((reason for reason in order if reason in reasons), SuppressionReason.MANUAL)
