"""Explain one person's mail: what every message row says, and what would be decided now about what is still open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock, policy
from mailflow.addresses import Address
from mailflow.campaigns import spec
from mailflow.campaigns.people import Verdict
from mailflow.errors import ConfigError, DataError, UsageError
from mailflow.jobs import who
from mailflow.jobs.campaign import OpenCampaign, open_campaign
from mailflow.model import MAY_HAVE_ARRIVED, MessageState, Scope
from mailflow.policy import Decision, Limits
from mailflow.store import Connection, Row, candidates, code_uses, timeline
from mailflow.store.candidates import Question
from mailflow.store.code_uses import Use
from mailflow.tokens import Keys
from mailflow.workspace import Workspace

_OPEN = {MessageState.PLANNED, MessageState.READY, MessageState.DEFERRED, MessageState.SKIPPED}

_STATES = {
    MessageState.PLANNED: "It is planned, and goes out with `mailflow run` when it is due.",
    MessageState.READY: "It is rendered, and goes out with the next `mailflow run`.",
    MessageState.ARMED: "It is on its way at this moment.",
    MessageState.ACCEPTED: "They got it: the relay took it.",
    MessageState.DEFERRED: "The relay did not take it yet; it is tried again.",
    MessageState.FAILED: "It was not sent, and will not be tried again.",
    MessageState.IN_DOUBT: "It may or may not have arrived: the sending broke off before the relay's answer.",
    MessageState.ASSUMED_SENT: "It is taken for sent: the relay's answer is not known, and nothing came back.",
    MessageState.EXPIRED: "It was not sent in time.",
    MessageState.CANCELLED: "The owner took it back.",
    MessageState.HELD_OUT: policy.Reason.HELD_OUT.sentence,
}

# The reasons that delivery keeps with a message; those of a refusal are policy's own.
_WORDS = {
    "too_late": "It was too late for it: its `not_after` had passed.",
    "interrupted": "The run was cut off before the relay's answer was kept.",
    "no_readable_reply": "The relay's answer could not be read.",
    "hard_bounce": "The relay said that the address does not exist.",
    "refused": "The relay refused it.",
    "not_now": "The relay or the mailbox could not take it for now.",
    "sender_refused": "The relay refused mail from our domain: `reply` says what has to be mended.",
    "login_refused": "The relay refused our user name or password.",
    "relay_unavailable": "The relay could not be reached, or could not take mail.",
    "approved_anew": "The campaign was approved anew, so this rehearsal of it ended.",
    "held": "The campaign's files changed after it was approved: `mailflow send` approves them again.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be said about one message or campaign, or about mail in general (`what` is then `marketing`).

    `verdict` is what would be decided now, None where there is nothing left to decide. `state` is None where there is
    no message.
    """

    what: str
    sentence: str
    reason: str | None = None
    verdict: Verdict | None = None
    state: MessageState | None = None
    rehearsal: bool = False
    due_at: datetime | None = None
    settled_at: datetime | None = None
    attempts: int = 0
    reply: str | None = None
    code: str | None = None  # of the offer in it


def answer(workspace: Workspace, address: Address, what: str | None, *, now: datetime) -> list[Answer]:
    """Answer for whom an address belongs to: marketing mail in general, their messages, then the campaigns to come.

    `what` leaves only one campaign; `UsageError` where nobody has the address, or nothing has that name.
    """
    db, keys = workspace.store.db, workspace.keys
    contact = who.by_address(db, keys, address)
    limits = policy.limits_of(workspace.settings)
    rows = [row for row in timeline.messages_of(db, contact.id) if what in (None, Scope.campaign_of(row["scope"]))]
    general = _in_general(db, keys, contact.id, limits, now)
    return [*general, *_of_messages(db, keys, rows, limits, now), *_to_come(workspace, contact.id, rows, what, now)]


def _in_general(db: Connection, keys: Keys, contact_id: int, limits: Limits, now: datetime) -> list[Answer]:
    asked = candidates.for_contacts(db, keys, [contact_id], Question(scope=""), now=now, month=limits.mix is not None)
    decisions = [policy.decide(candidate, limits, now) for candidate in asked]
    return [Answer("marketing", decision.sentence, decision.code or None, _verdict(decision)) for decision in decisions]


def _of_messages(db: Connection, keys: Keys, rows: Sequence[Row], limits: Limits, now: datetime) -> list[Answer]:
    open_ids = [row["id"] for row in rows if row["state"] in _OPEN]
    decided = {
        candidate.message_id: policy.decide(candidate, limits, now)
        for candidate in candidates.for_messages(db, keys, open_ids, now=now, month=limits.mix is not None)
    }
    codes = _codes(db, rows)
    return [_of_message(row, decided.get(row["id"]), codes.get(row["id"])) for row in rows]


def _codes(db: Connection, rows: Sequence[Row]) -> dict[int, tuple[str, str]]:
    """Return message id → (code, what became of it as a sentence)."""
    given = code_uses.of_contacts(db, sorted({row["contact_id"] for row in rows}))
    uses = _uses(db, {each.code_key for each in given})
    found = {}
    for each in given:
        until = json.loads(each.terms or "{}").get("expires_on")
        told = f" Its code is {each.code}{f', valid until {until}' if until else ''}."
        if (use := uses.get(each.id)) is not None:
            told += f" They used it {'too late, ' if use.is_late else ''}with order {use.order_id}."
        if each.message_id is not None:
            found[each.message_id] = (each.code, told)
    return found


def _uses(db: Connection, code_keys: set[str]) -> dict[int | None, Use]:
    """Return the order with each code, by the code's id: the first that redeems it, else the first that came late."""
    found: dict[int | None, Use] = {}
    for use in code_uses.of_codes(db, code_keys):
        known = found.get(use.code_id)
        if known is None or (use.redeems and not known.redeems):
            found[use.code_id] = use
    return found


def _of_message(row: Row, decision: Decision | None, code: tuple[str, str] | None) -> Answer:
    state = MessageState(row["state"])
    return Answer(
        what=Scope.campaign_of(row["scope"]),
        sentence=_sentence(state, row["reason"], decision) + (code[1] if code else ""),
        reason=row["reason"] or (decision.code if decision else "") or None,
        verdict=_verdict(decision) if decision else None,
        state=state,
        rehearsal=bool(row["rehearsal"]),
        due_at=clock.from_ms(row["due_at"]),
        settled_at=None if row["settled_at"] is None else clock.from_ms(row["settled_at"]),
        attempts=row["attempts"],
        reply=row["reply"],
        code=code[0] if code else None,
    )


def _sentence(state: MessageState, reason: str | None, decision: Decision | None) -> str:
    said = _WORDS.get(reason, policy.sentence(reason)) if reason else None
    if state is MessageState.SKIPPED:
        told = said or "It was not sent."
        return f"{told} That has changed: it may go now." if decision is not None and decision.allowed else told
    told = _STATES[state]
    if said and said != told:
        told = f"{told} {said}"
    if decision is not None and not decision.allowed:
        told = f"{told} But it would not go now: {decision.sentence}"
    return told


def _to_come(
    workspace: Workspace, contact_id: int, rows: Sequence[Row], what: str | None, now: datetime
) -> Iterator[Answer]:
    """Answer for the campaigns that have no message for a contact in the scope that they would be sent in now.

    A broken file is an answer of its own, unless it is the one that was asked for.
    """
    names = [path.stem for path in spec.campaign_paths(workspace.campaigns)] if what is None else [what]
    # A message to somebody who was merged into them says nothing of theirs, unless it may have arrived.
    scopes = {row["scope"] for row in rows if row["contact_id"] == contact_id or row["state"] in MAY_HAVE_ARRIVED}
    for name in names:
        try:
            campaign = open_campaign(workspace, name)
            if str(campaign.scope) not in scopes:
                yield _of_campaign(campaign, contact_id, now)
        except (ConfigError, DataError) as error:
            if what is not None:
                raise
            yield Answer(name, f"Its files have to be mended first: {error}")
        except UsageError:
            if not rows:  # else its file is gone, but its messages are not
                raise


def _of_campaign(campaign: OpenCampaign, contact_id: int, now: datetime) -> Answer:
    plan = campaign.plan(now, only=frozenset({contact_id}))
    name, rehearsal = plan.spec.id, campaign.scope.is_rehearsal
    if not plan.people:
        reason = policy.Reason.NOT_IN_AUDIENCE
        return Answer(
            name, f"{reason.sentence} Its rule: {plan.spec.audience}", reason, Verdict.SKIP, rehearsal=rehearsal
        )
    (person,) = plan.people
    told = policy.sentence(person.reason) if person.reason else f"`mailflow send {name}` would send it to them."
    return Answer(name, told, person.reason, person.verdict, rehearsal=rehearsal, due_at=clock.from_ms(person.due_at))


def _verdict(decision: Decision) -> Verdict:
    return Verdict.SEND if decision.allowed else Verdict.SKIP
