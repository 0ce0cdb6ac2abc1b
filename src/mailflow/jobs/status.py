"""What is waiting, in doubt, failed or stopped, in one look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailflow import clock
from mailflow.model import MessageState, Scope
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
    """Return the status of every scope that has messages."""
    found: dict[str, ScopeStatus] = {}
    for row in messages.counts(workspace.store.db):
        scope = row["scope"]
        status = found.setdefault(
            scope, ScopeStatus(Scope.campaign_of(scope), bool(row["rehearsal"]), {}, _next_at(workspace, scope))
        )
        status.states[row["state"]] = row["messages"]
    return list(found.values())


def stops(workspace: Workspace) -> dict[str, str]:
    """Return what is stopped, with the reason: campaign's id, or '' for everything."""
    return {
        Scope.campaign_of(scope) if scope else "": reason
        for scope, reason in campaigns.stops(workspace.store.db).items()
    }


def _next_at(workspace: Workspace, scope: str) -> int | None:
    return messages.next_due_at(workspace.store.db, scope)
