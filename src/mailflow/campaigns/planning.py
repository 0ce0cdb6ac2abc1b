"""Who gets a campaign and when, who does not and why. Writes nothing; the rows are written by outbox/plan.py."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from zoneinfo import ZoneInfo

from mailflow import clock, policy
from mailflow.campaigns.people import Decision, People, Verdict
from mailflow.campaigns.spec import CampaignFile, CampaignSpec
from mailflow.config import Settings
from mailflow.errors import UsageError
from mailflow.experiments import assign
from mailflow.model import MessageKind, MessageState, Scope
from mailflow.offers import give
from mailflow.offers.offer import Offer
from mailflow.policy import Limits, Reason, limits_of
from mailflow.store import Connection, audience, candidates, messages
from mailflow.tokens import Keys

CHANNEL, STEP, OCCURRENCE, VARIANT = "email", "", "", ""
_CHUNK = 1_000
_PASSING = (Reason.STOPPED, Reason.QUIET_HOURS)  # what keeps a message for a while, and not from being planned
_TO_GO = frozenset({MessageState.PLANNED, MessageState.READY, MessageState.DEFERRED, MessageState.ARMED})


Kind = tuple[str, str, str | None]  # campaign, decision, reason


@dataclass(frozen=True)
class CampaignPlan:
    """What sending a campaign would do, for everybody in its audience."""

    file: CampaignFile
    scope: Scope
    files: Mapping[str, str]
    people: People
    kind: MessageKind = MessageKind.PROMO

    @property
    def spec(self) -> CampaignSpec:
        return self.file.spec

    @cached_property
    def id(self) -> str:
        """What `send --plan` calls it."""
        return plan_id(self.files, self.people)

    @cached_property
    def recipients(self) -> People:
        """Who gets it."""
        return self.people.where(lambda _, decision: decision.verdict is Verdict.SEND)

    def counts(self) -> Counter[Kind]:
        """Return how many people there are of each kind."""
        return counted(self.spec.id, self.people)


def counted(name: str, people: People) -> Counter[Kind]:
    """Return how many of the people of a campaign there are of each kind."""
    found = Counter[Kind]()
    for said, number in people.counts().items():
        found[name, said.verdict, said.reason or said.delay] += number
    return found


def files_hash(files: Mapping[str, str]) -> str:
    """Return the hash of a campaign's files: its spec, its template and what that is made from."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{hashlib.sha256(files[path].encode()).hexdigest()}\n".encode())
    return digest.hexdigest()


def plan_id(files: Mapping[str, str], people: People) -> str:
    """Return a plan's id: the same files and the same decisions for the same people give the same id."""
    digest = hashlib.sha256(files_hash(files).encode())
    for key, decision in people.by_key():
        digest.update("\0".join((key, CHANNEL, STEP, OCCURRENCE, VARIANT, decision.verdict)).encode() + b"\n")
    return digest.hexdigest()[:16]


def limited(plan: CampaignPlan, at_most: int | None) -> CampaignPlan:
    """Return a plan in which only the first `at_most` recipients get it; None is no limit."""
    if at_most is None or len(plan.recipients) <= at_most:
        return plan
    last = plan.recipients.ids[at_most - 1]

    def decided() -> Iterator[tuple[int, Decision]]:
        for contact_id, decision in plan.people.decided:
            if contact_id > last and decision.verdict is Verdict.SEND:
                decision = replace(decision, verdict=Verdict.SKIP, reason=Reason.OVER_LIMIT)
            yield contact_id, decision

    return replace(plan, people=People.of(plan.people.db, decided()))


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides for one campaign at one instant; `only` limits it to the contacts of a plan that was shown.

    With an `offer` nothing goes out after its end, and to nobody who has had it as often as they may.
    """

    db: Connection
    settings: Settings
    keys: Keys
    file: CampaignFile
    scope: Scope
    files: Mapping[str, str]
    now: datetime
    only: Set[int] | None = None
    offer: Offer | None = None
    kind: MessageKind = MessageKind.PROMO

    def plan(self, members: Iterable[int]) -> CampaignPlan:
        """Return the plan for an audience (contact ids, ascending)."""
        people = People.of(self.db, self.decided(members))
        return CampaignPlan(self.file, self.scope, self.files, people, self.kind)

    def decided(self, members: Iterable[int]) -> Iterator[tuple[int, Decision]]:
        """Yield what is decided for each of an audience, by id."""
        ids = iter(members) if self.only is None else (contact for contact in members if contact in self.only)
        while chunk := list(islice(ids, _CHUNK)):
            yield from self._decide(chunk)

    def _decide(self, ids: Sequence[int]) -> Iterator[tuple[int, Decision]]:
        question = candidates.Question(scope=str(self.scope), rehearsal=self.scope.is_rehearsal, kind=self.kind)
        limits = limits_of(self.settings)
        month = limits.mix is not None
        people = audience.planning_facts(self.db, ids)
        existing = messages.states_of(self.db, str(self.scope), ids, OCCURRENCE)
        served = give.served(self.db, self.offer, ids, scope=str(self.scope), now=self.now) if self.offer else set()
        for candidate in candidates.for_contacts(self.db, self.keys, ids, question, now=self.now, month=month):
            person = people[candidate.contact_id]
            due_at, not_after = self._window(person.timezone)
            verdict, reason = self._verdict(person.key, existing.get(person.id), candidate, limits, not_after)
            if verdict is Verdict.SEND and person.id not in existing and person.id in served:
                verdict, reason = Verdict.SKIP, Reason.OFFER_LIMIT
            delay = None
            if verdict is Verdict.SEND and (opens_at := _opens_at(candidate, limits, due_at)) > due_at:
                if opens_at < not_after:
                    due_at, delay = opens_at, Reason.QUIET_HOURS
                else:
                    verdict, reason = Verdict.SKIP, Reason.QUIET_HOURS
            yield person.id, Decision(verdict, reason, due_at, not_after, delay)

    def _verdict(
        self,
        key: str,
        row: tuple[MessageState, str | None] | None,
        candidate: policy.Candidate,
        limits: Limits,
        not_after: int,
    ) -> tuple[Verdict, str | None]:
        if row is not None and row[0] is not MessageState.SKIPPED:
            return _verdict_of_row(*row)
        if not_after <= clock.to_ms(self.now):
            return Verdict.SKIP, Reason.EXPIRED
        decision = policy.decide(candidate, limits, self.now)
        if not decision.allowed and decision.reason not in _PASSING:
            return Verdict.SKIP, decision.code
        if assign.holds_out(key, salt=self.file.spec.id, share=self.file.spec.holdout):
            return Verdict.HOLD_OUT, Reason.HELD_OUT
        return Verdict.SEND, None

    def _window(self, timezone: str | None) -> tuple[int, int]:
        """Return when a contact's message is due and when it is too late, in milliseconds."""
        spec = self.file.spec
        due = self.now if spec.send_at is None else spec.send_at.for_zone(self._zone(timezone), self.settings.zone)
        over = self.offer.over_at if self.offer else None
        last = due + spec.not_after
        return clock.to_ms(due), clock.to_ms(last if over is None or due >= over else min(last, over))

    def _zone(self, name: str | None) -> ZoneInfo:
        """Return a contact's zone; an unknown one counts as the account's."""
        if not name:
            return self.settings.zone
        try:
            return clock.zone(name)
        except UsageError:
            return self.settings.zone


def _opens_at(candidate: policy.Candidate, limits: Limits, due_at: int) -> int:
    """Return when a message may go that is due at an instant: then, or after quiet hours (ms)."""
    return clock.to_ms(policy.opens_at(candidate, limits, clock.from_ms(due_at))) if limits.countries else due_at


def _verdict_of_row(state: MessageState, reason: str | None) -> tuple[Verdict, str | None]:
    """Return the decision for somebody who has a row already: it stands, whatever the audience is now."""
    if state in _TO_GO:
        return Verdict.SEND, None
    if state is MessageState.HELD_OUT:
        return Verdict.HOLD_OUT, Reason.HELD_OUT
    if state in {MessageState.ACCEPTED, MessageState.ASSUMED_SENT}:
        return Verdict.SKIP, Reason.ALREADY_SENT
    return Verdict.SKIP, str(state)
