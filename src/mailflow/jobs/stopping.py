"""The emergency stop: of everything, or of one campaign with its rehearsals. Read when each message is armed."""

from __future__ import annotations

from mailflow.campaigns import spec
from mailflow.config.yaml_files import suggestion
from mailflow.errors import UsageError
from mailflow.store import campaigns
from mailflow.workspace import Workspace


def stop(workspace: Workspace, campaign: str | None, reason: str, *, at: int) -> None:
    """Stop a campaign, or everything; `UsageError` for a campaign that nobody knows."""
    if campaign is not None:
        _require_known(workspace, campaign)
    with workspace.store.transaction() as tx:
        campaigns.stop(tx, _scope(campaign), reason, at=at)


def resume(workspace: Workspace, campaign: str | None) -> bool:
    """Take a stop back; return whether there was one."""
    with workspace.store.transaction() as tx:
        return campaigns.resume(tx, [_scope(campaign)]) > 0


def still_stopped(workspace: Workspace) -> list[str]:
    """Return what is stopped, in words."""
    return [scope.partition(":")[2] or "everything" for scope in campaigns.stops(workspace.store.db)]


def _scope(campaign: str | None) -> str:
    return "" if campaign is None else f"campaign:{campaign}"


def _require_known(workspace: Workspace, campaign: str) -> None:
    known = {path.stem for path in spec.campaign_paths(workspace.campaigns)}
    known |= {approval.campaign for approval in campaigns.approvals(workspace.store.db)}
    if campaign not in known:
        raise UsageError(f"there is no campaign {campaign!r}{suggestion(campaign, sorted(known))}")
