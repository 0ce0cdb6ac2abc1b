"""Decide whether this person may get this message, and what an entry of the consent ledger changes. Pure.

The facts are read by store/candidates; who is in an audience at all is campaigns' question. What holds for a country
and how much of somebody's mail may be promotion is written in mailflow.yaml: config/countries, config/mix.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.config import countries as of_countries
from mailflow.config.countries import CountrySettings, QuietSettings, Requires
from mailflow.config.mix import Above, MixSettings
from mailflow.errors import UsageError
from mailflow.model import Basis, ConsentState, MessageClass, MessageKind, SuppressionReason
from mailflow.places.names import country_code

if TYPE_CHECKING:
    from mailflow.config import Settings

# How the proof of a yes says that it was confirmed by a second step, in the words of tools and of people.
_CONFIRMED = re.compile(
    r"double.?opt|\bdoi(?:\b|_)|(?<!un)(?<!not.)(?<!awaiting.)(?<!to.be.)confirm(?:ed|é)|best(?:ä|a|ae)tigt"
    r"|conferma(?:to|ta)|doppel.?opt",
    re.IGNORECASE,
)
_FILE = re.compile(r"(?:^|(?<=;))[^;=]*\.\w{2,5}: ")  # how evidence that an import keeps begins: the name of its file


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
    NO_LONGER_TRUE = "no_longer_true"
    OFFER_LIMIT = "offer_limit"
    COUNTRY_NEVER = "country_never"
    COUNTRY_NEEDS_EXPRESS = "country_needs_express"
    COUNTRY_NEEDS_DOUBLE_OPT_IN = "country_needs_double_opt_in"
    PROMO_LIMIT = "promo_limit"
    QUIET_HOURS = "quiet_hours"

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
    Reason.NO_LONGER_TRUE: "It counts the days to a deadline, and a day has passed since it was made.",
    Reason.OFFER_EXPIRED: "The offer in it is over: nobody is sent a code that is worth nothing.",
    Reason.OFFER_LIMIT: "They have had the offer in it as often as `per_person` in offers.yaml allows.",
    Reason.COUNTRY_NEVER: "Marketing mail does not go to their country: `never` under `countries:` in mailflow.yaml.",
    Reason.COUNTRY_NEEDS_EXPRESS: "Mail to their country needs a yes that they said themselves (`countries:` in"
    " mailflow.yaml), and theirs follows from something else, such as a purchase.",
    Reason.COUNTRY_NEEDS_DOUBLE_OPT_IN: "Mail to their country needs a double opt-in (`countries:` in mailflow.yaml),"
    " and the proof kept with their yes does not say that they confirmed it.",
    Reason.PROMO_LIMIT: "With one promotion more, their mail of 30 days would be more promotion than"
    " `mix.promo_at_most` in mailflow.yaml allows.",
    Reason.QUIET_HOURS: "No mail goes to their country at that time (`quiet` under `countries:` in mailflow.yaml).",
}

_SUPPRESSION_SENTENCES: dict[str, str] = {
    SuppressionReason.HARD_BOUNCE: "The address is suppressed: a mail server said that it does not exist.",
    SuppressionReason.COMPLAINT: "The address is suppressed: the person reported our mail as spam.",
    SuppressionReason.MANUAL: "The address is suppressed: the owner said so.",
    SuppressionReason.ERASED: "The address is suppressed: the person asked to be forgotten.",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the owner allows of marketing mail; None is no limit.

    How many messages one contact may get in the last 24 hours and 7 days, how much of 30 days' mail may be promotion,
    and what holds for countries; `zone` is the account's, for who has none of their own.
    """

    per_day: int | None = None
    per_week: int | None = None
    mix: MixSettings | None = None
    countries: Mapping[str, CountrySettings] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: clock.zone("UTC"))


def limits_of(settings: Settings) -> Limits:
    """Return what the settings allow."""
    mix = settings.mix if settings.mix.above is Above.SKIP and settings.mix.promo_at_most is not None else None
    return Limits(settings.limits.per_day, settings.limits.per_week, mix, settings.countries, settings.zone)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One message to one contact, with everything that decides whether it may go.

    `address` is where it would go, `contact_address` what we know as theirs now, `consent_address` what they gave
    their consent for, all three normalised (`Address.key`). `sent_day` and `sent_week` count real marketing messages
    accepted, armed or in doubt in the last 24 hours and 7 days, without this one. `checked` messages need consent and
    obey the caps as their class says; a test to the owner's own address is not checked. Who is `merged` is somebody
    else now; who `has_it` got this very message as another contact that was merged into them. `offer_ends` is when the
    code in it is worth nothing any more. `sent_month` and `promo_month` count 30 days as `sent_week` does, all
    messages and the promotions among them; nobody counts them where no limit asks for them. `country` and `timezone`
    stand as they are known of the contact, `basis` and `proof` (its words) are those of their yes.
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
    true_until: datetime | None = None
    message_id: int | None = None
    kind: MessageKind = MessageKind.PROMO
    sent_month: int = 0
    promo_month: int = 0
    country: str | None = None
    timezone: str | None = None
    basis: Basis = Basis.EXPRESS
    proof: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is counted and capped: real marketing mail only."""
        return self.message_class is MessageClass.MARKETING and self.checked and not self.rehearsal


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a message may go; where it may not, why."""

    reason: Reason | None = None
    suppression: SuppressionReason | None = None
    until: datetime | None = None  # when the reason is gone, where that is known

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
    if candidate.checked and (refusal := _consent_refusal(candidate) or _country_refusal(candidate, limits)):
        return Decision(refusal)
    if candidate.has_it and candidate.checked:
        return Decision(Reason.ALREADY_SENT)
    if not candidate.address.isascii():
        return Decision(Reason.UNWRITABLE_ADDRESS)
    if candidate.not_after is not None and now >= candidate.not_after:
        return Decision(Reason.EXPIRED)
    if candidate.offer_ends is not None and now >= candidate.offer_ends:
        return Decision(Reason.OFFER_EXPIRED)
    if _is_untrue(candidate, now):
        return Decision(Reason.NO_LONGER_TRUE, until=now)
    if candidate.stopped:
        return Decision(Reason.STOPPED)
    if candidate.counts and (refusal := _cap_refusal(candidate, limits)):
        return Decision(refusal)
    if (opens := opens_at(candidate, limits, now)) > now:
        return Decision(Reason.QUIET_HOURS, until=opens)
    return ALLOWED


def decide_all(candidates: Iterable[Candidate], limits: Limits, now: datetime) -> list[Decision]:
    """Decide about messages that would go together: what one is allowed counts against the caps of the next."""
    granted: Counter[int] = Counter()
    promos: Counter[int] = Counter()
    decisions = []
    for candidate in candidates:
        who = candidate.contact_id
        if extra := granted[who]:
            candidate = replace(
                candidate,
                sent_day=candidate.sent_day + extra,
                sent_week=candidate.sent_week + extra,
                sent_month=candidate.sent_month + extra,
                promo_month=candidate.promo_month + promos[who],
            )
        decision = decide(candidate, limits, now)
        if decision.allowed and candidate.counts:
            granted[who] += 1
            promos[who] += candidate.kind is MessageKind.PROMO
        decisions.append(decision)
    return decisions


def opens_at(candidate: Candidate, limits: Limits, instant: datetime) -> datetime:
    """Return when a message may go that is due at `instant`: then, or when quiet hours of the country are over."""
    rule = _rule(candidate, limits)
    if rule is None or rule.quiet is None:
        return instant
    return _over_at(rule.quiet, instant, _zone(candidate.timezone, rule.timezone, limits.zone))


@lru_cache(maxsize=4_096)
def _over_at(quiet: QuietSettings, instant: datetime, zone: ZoneInfo) -> datetime:
    """Return when quiet hours are over, in UTC: told once for the thousands who are due together in one zone."""
    return quiet.over_at(instant, zone).astimezone(UTC)


def _zone(own: str | None, of_country: str | None, account: ZoneInfo) -> ZoneInfo:
    """Return the zone that quiet hours are by: an unknown one counts as none."""
    for name in (own, of_country):
        if name:
            try:
                return clock.zone(name)
            except UsageError:
                continue
    return account


def _rule(candidate: Candidate, limits: Limits) -> CountrySettings | None:
    """Return what holds for marketing mail to the candidate's country; nothing for a test to the owner's address."""
    if not limits.countries or not candidate.checked or candidate.message_class is not MessageClass.MARKETING:
        return None
    return of_countries.rules_of(limits.countries, country_code(candidate.country))


def _country_refusal(candidate: Candidate, limits: Limits) -> Reason | None:
    rule = _rule(candidate, limits)
    if rule is None:
        return None
    if rule.never:
        return Reason.COUNTRY_NEVER
    if rule.require is not None and candidate.basis is not Basis.EXPRESS:
        return Reason.COUNTRY_NEEDS_EXPRESS
    if rule.require is Requires.DOUBLE_OPT_IN and not says_confirmed(candidate.proof):
        return Reason.COUNTRY_NEEDS_DOUBLE_OPT_IN
    return None


def says_confirmed(proof: str) -> bool:
    """Say whether the proof of a yes tells that it was confirmed: a double opt-in, in the words of tools and people.

    The name of a file says nothing, nor does CONFIRM_TIME, which Mailchimp fills for a single opt-in too.
    """
    return _CONFIRMED.search(_FILE.sub("", proof)) is not None


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


def _is_untrue(candidate: Candidate, now: datetime) -> bool:
    """Say whether marketing mail counts days that have passed. Essential mail had better come late than never."""
    is_marketing = candidate.message_class is MessageClass.MARKETING
    return is_marketing and candidate.true_until is not None and now >= candidate.true_until


def _cap_refusal(candidate: Candidate, limits: Limits) -> Reason | None:
    if limits.per_day is not None and candidate.sent_day >= limits.per_day:
        return Reason.CAP_DAY
    if limits.per_week is not None and candidate.sent_week >= limits.per_week:
        return Reason.CAP_WEEK
    if limits.mix is None or candidate.kind is not MessageKind.PROMO:
        return None
    over = limits.mix.is_over(candidate.promo_month + 1, candidate.sent_month + 1)
    return Reason.PROMO_LIMIT if over else None


def gravest(reasons: frozenset[SuppressionReason]) -> SuppressionReason:
    """Return the reason to name where an address is suppressed for several."""
    order = (SuppressionReason.ERASED, SuppressionReason.COMPLAINT, SuppressionReason.HARD_BOUNCE)
    return next((reason for reason in order if reason in reasons), SuppressionReason.MANUAL)
