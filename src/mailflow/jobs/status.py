"""What is waiting, in doubt, failed or stopped, in one look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailflow import clock
from mailflow.jobs import held as held_campaigns
from mailflow.model import REHEARSAL, MessageState, Scope
from mailflow.store import campaigns, messages
from mailflow.workspace import Workspace

WAITING = (MessageState.PLANNED, MessageState.READY, MessageState.DEFERRED, MessageState.ARMED)


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """Messages per state of one campaign, real or rehearsed."""

    campaign: str
    is_rehearsal: bool
    states: dict[str, int]
    next_at: int | None

    def as_record(self) -> dict[str, Any]:
        """Return the status as JSON prints it."""
        return {
            "campaign": self.campaign,
            "rehearsal": self.is_rehearsal,
            **{state: self.states.get(state, 0) for state in MessageState},
            "next_at": None if self.next_at is None else clock.iso(clock.from_ms(self.next_at)),
        }


def by_scope(workspace: Workspace) -> list[ScopeStatus]:
    """Return the status of every scope that has messages, or that is approved and waits for its time."""
    db = workspace.store.db
    states: dict[str, dict[str, int]] = {}
    for row in messages.counts(db):
        states.setdefault(row["scope"], {})[row["state"]] = row["messages"]
    waiting = {occurrence.scope: occurrence.due_at for occurrence in campaigns.waiting(db)}
    return [
        ScopeStatus(
            campaign=Scope.campaign_of(scope),
            is_rehearsal=scope.startswith(REHEARSAL),
            states=states.get(scope, {}),
            next_at=_earlier(messages.next_due_at(db, scope), waiting.get(scope)),
        )
        for scope in sorted({*states, *waiting}, key=lambda scope: (scope.startswith(REHEARSAL), scope))
    ]


def stops(workspace: Workspace) -> dict[str, str]:
    """Return what is stopped, with the reason: campaign's id, or '' for everything."""
    return {
        Scope.campaign_of(scope) if scope else "": reason
        for scope, reason in campaigns.stops(workspace.store.db).items()
    }


def held(workspace: Workspace) -> dict[str, str]:
    """Return which campaigns the last run held, and why."""
    return held_campaigns.read(workspace.store)


def _earlier(*instants: int | None) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)
