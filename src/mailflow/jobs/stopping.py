"""The emergency stop: of everything, or of one campaign with its rehearsals. Read when each message is armed."""

from __future__ import annotations

from mailflow.campaigns import spec
from mailflow.errors import ConfigError
from mailflow.store import campaigns
from mailflow.workspace import Workspace


def stop(workspace: Workspace, campaign: str | None, reason: str, *, at: int) -> None:
    """Stop a campaign, or everything; `UsageError` for a campaign that nobody knows."""
    scope = "" if campaign is None else f"campaign:{_id_of(workspace, campaign)}"
    with workspace.store.transaction() as tx:
        campaigns.stop(tx, scope, reason, at=at)


def resume(workspace: Workspace, campaign: str | None) -> bool:
    """Take a stop back; return whether there was one. `UsageError` for a campaign that nobody knows."""
    scope = "" if campaign is None else f"campaign:{_id_of(workspace, campaign)}"
    with workspace.store.transaction() as tx:
        return campaigns.resume(tx, [scope]) > 0


def still_stopped(workspace: Workspace) -> list[str]:
    """Return what is stopped, in words."""
    return [scope.partition(":")[2] or "everything" for scope in campaigns.stops(workspace.store.db)]


def _id_of(workspace: Workspace, name: str) -> str:
    """Return the id that a campaign was approved or stopped under, even when its file is gone or broken."""
    db = workspace.store.db
    known = {approval.campaign for approval in campaigns.approvals(db)}
    known |= {scope.partition(":")[2] for scope in campaigns.stops(db)}
    if name in known:
        return name
    try:
        return spec.load(workspace.campaigns, name).spec.id
    except ConfigError as error:
        raise ConfigError(f"{error}\nSo its id is not known. `mailflow stop` stops everything") from error
