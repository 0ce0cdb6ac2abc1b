"""Find people who are in twice, make two contacts one, and take that back. The rows: store/duplicates, store/merges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailflow import importers
from mailflow.errors import UsageError
from mailflow.jobs import who
from mailflow.store import contacts, duplicates, merges
from mailflow.store.contacts import Contact
from mailflow.store.duplicates import Proposal
from mailflow.store.merges import Merge
from mailflow.workspace import Workspace

ASKED_FOR = "the owner said so"


@dataclass(frozen=True, slots=True)
class Listed:
    """One merge with the two contacts as they are now."""

    merge: Merge
    kept: Contact
    merged: Contact


def propose(workspace: Workspace) -> list[Proposal]:
    """Return who is probably in twice, the surest first. Reads only."""
    with workspace.store.again() as own:
        return duplicates.proposals(own.db)


def look(workspace: Workspace, keep: str, other: str) -> Proposal:
    """Return two people as they would be merged; `UsageError` where they are nobody, or one already.

    Each is meant by an address, a phone number, a contact key or a shop's customer id.
    """
    db, keys = workspace.store.db, workspace.keys
    kept, merged = who.find(db, keys, keep), who.find(db, keys, other)
    if kept.id == merged.id:
        raise UsageError(f"{keep} and {other} are one person already: mailflow contact show {keep}")
    return duplicates.of_pair(db, kept.id, merged.id)


def merge(workspace: Workspace, proposal: Proposal, *, now: datetime) -> int:
    """Merge two people as they were looked at; return the number that takes it back.

    Under the run lock, so that nothing is being sent or imported meanwhile.
    """
    evidence = "; ".join(proposal.evidence) or ASKED_FOR
    with workspace.lock():
        importers.recover(workspace.store, workspace.private, now=now)
        try:
            with workspace.store.transaction() as tx:
                return merges.merge(tx, proposal.keep.id, proposal.other.id, evidence=evidence, now=now)
        except ValueError as error:
            raise UsageError(f"{error}: somebody was quicker. Look again with mailflow contact merge --list") from None


def part(workspace: Workspace, merge_id: int, *, now: datetime) -> Listed:
    """Take a merge back; `UsageError` where there is none with this number, or it is taken back already."""
    with workspace.lock():
        importers.recover(workspace.store, workspace.private, now=now)
        found = merges.get(workspace.store.db, merge_id)
        if found is None:
            raise UsageError(f"there is no merge {merge_id}: mailflow contact merge --list shows them")
        if found.undone_at is not None:
            raise UsageError(f"merge {merge_id} is taken back already")
        with workspace.store.transaction() as tx:
            merges.take_back(tx, merge_id, now=now)
        return _listed(workspace, found)


def listing(workspace: Workspace) -> list[Listed]:
    """Return every merge, those that were taken back too, the latest first."""
    return [_listed(workspace, found) for found in merges.all_of_them(workspace.store.db)]


def _listed(workspace: Workspace, found: Merge) -> Listed:
    kept, merged = (contacts.get(workspace.store.db, each) for each in (found.kept_id, found.merged_id))
    assert kept is not None  # merges goes with its contacts
    assert merged is not None
    return Listed(found, kept, merged)
