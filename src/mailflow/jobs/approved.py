"""Campaigns as their owner approved them: which may go on, and why the others are held. Who sends them: tick.py."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mailflow.campaigns import gate
from mailflow.errors import MailflowError
from mailflow.idset import IdSet
from mailflow.model import Scope
from mailflow.store import campaigns, state
from mailflow.store.campaigns import Approval
from mailflow.store.messages import Due
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.jobs.campaign import OpenCampaign

TESTED = "tested_at"


class Approved:
    """The approved campaigns that were asked for in one tick, by scope; why one is held is kept in `held`.

    What is only `stopped` waits as somebody wanted it to: that is no fault.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.held: dict[str, str] = {}  # campaign → why it does not go on
        self.stopped: set[str] = set()
        self._workspace = workspace
        self._stops = frozenset(campaigns.stops(workspace.store.db))
        self._found: dict[str, OpenCampaign | str] = {}
        self._members: dict[str, IdSet | None] = {}

    def get(self, scope: str) -> OpenCampaign | None:
        """Return the campaign of a scope if it may go on as it was approved; else None, and why is kept."""
        if self._is_stopped(scope):
            self.stopped.add(Scope.campaign_of(scope))
            return None
        found = self._look(scope)
        if isinstance(found, str):
            self.held[Scope.campaign_of(scope)] = found
            return None
        return found

    def of_skipped(self, due: Due) -> OpenCampaign | None:
        """Return the campaign that would take back somebody who was skipped, or None where it must not.

        A sending that was limited to some people takes in nobody else. Nothing is held for this: there is nothing
        that waits.
        """
        found = self._look(due.scope)
        approval = self.approval(due.scope)
        if self._is_stopped(due.scope) or isinstance(found, str) or approval is None or approval.at_most is not None:
            return None
        members = self.members(approval)
        return found if members is None or due.contact_id in members else None

    def approval(self, scope: str) -> Approval | None:
        """Return what was approved for a scope."""
        return campaigns.approval(self._workspace.store.db, scope)

    def members(self, approval: Approval) -> IdSet | None:
        """Return the contacts of the plan that an approval holds to, or None where it was for the whole audience."""
        if approval.plan_id is None:
            return None
        if approval.plan_id not in self._members:
            shown = campaigns.shown_plan(self._workspace.store.db, approval.plan_id)
            self._members[approval.plan_id] = None if shown is None else shown.members
        return self._members[approval.plan_id]

    def _is_stopped(self, scope: str) -> bool:
        return covers(self._stops, scope)

    def _look(self, scope: str) -> OpenCampaign | str:
        if scope not in self._found:
            self._found[scope] = self._open(scope)
        return self._found[scope]

    def _open(self, scope: str) -> OpenCampaign | str:
        from mailflow.jobs import campaign as campaign_job  # templates and all: not for a tick with nothing due

        approval = self.approval(scope)
        if approval is None:
            return "nobody approved it"
        try:
            found = campaign_job.open_campaign(self._workspace, approval.campaign)
            return self._obstacle(found, approval) or found
        except MailflowError as error:
            return str(error)

    def _obstacle(self, found: OpenCampaign, approval: Approval) -> str | None:
        """Return why a campaign must not go on, or None."""
        if found.hash != approval.files_hash:
            return (
                f"its files changed since it was approved. `mailflow plan {approval.campaign}` shows what it would do,"
                f" `mailflow send {approval.campaign}` approves it again"
            )
        if str(found.scope) != approval.scope:
            return "it was approved for a rehearsal and there is a relay now, or the other way round: send it again"
        if not found.scope.is_rehearsal:
            check_gate(self._workspace)
        return None


def check_gate(workspace: Workspace) -> None:
    """Raise `ConfigError` while something is missing for real marketing mail."""
    gate.check(workspace.settings, tested=state.get(workspace.store.db, TESTED) is not None)


def covers(stops: Collection[str], scope: str) -> bool:
    """Return whether one of the stops holds for a scope: of everything, of itself, or of its campaign."""
    return bool(stops) and ("" in stops or scope in stops or f"campaign:{Scope.campaign_of(scope)}" in stops)
