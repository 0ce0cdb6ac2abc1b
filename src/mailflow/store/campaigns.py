"""What the owner approved, plans that were shown, occurrences, stops. The messages themselves: messages.py."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from mailflow.idset import IdSet
from mailflow.store.connection import Connection, Row

PLANS_LAST_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Approval:
    """One approved campaign: the files as they were, and who may get it."""

    scope: str
    campaign: str
    approved_at: int
    files_hash: str
    files: Mapping[str, str]
    plan_id: str | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """When a campaign happens; `planned_at` is None until every message of it is a row."""

    scope: str
    due_at: int
    not_after: int
    occurrence: str = ""
    planned_at: int | None = None


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan that somebody saw: the contacts that were to get it, and the files it was made from."""

    id: str
    campaign: str
    made_at: int
    files: Mapping[str, str]
    members: IdSet


def approve(tx: Connection, approval: Approval, occurrence: Occurrence) -> None:
    """Record an approval and open its occurrence, again if it was finished before."""
    tx.execute(
        "INSERT INTO campaigns (scope, campaign, approved_at, files_hash, files, plan_id, at_most)"
        " VALUES (:scope, :campaign, :approved_at, :files_hash, :files, :plan_id, :at_most)"
        " ON CONFLICT (scope) DO UPDATE SET approved_at = excluded.approved_at, files_hash = excluded.files_hash,"
        " files = excluded.files, plan_id = excluded.plan_id, at_most = excluded.at_most",
        {
            "scope": approval.scope,
            "campaign": approval.campaign,
            "approved_at": approval.approved_at,
            "files_hash": approval.files_hash,
            "files": json.dumps(approval.files, ensure_ascii=False),
            "plan_id": approval.plan_id,
            "at_most": approval.at_most,
        },
    )
    tx.execute(
        "INSERT INTO occurrences (scope, occurrence, due_at, not_after) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (scope, occurrence) DO UPDATE SET due_at = excluded.due_at, not_after = excluded.not_after,"
        " planned_at = NULL",
        (occurrence.scope, occurrence.occurrence, occurrence.due_at, occurrence.not_after),
    )


def approval(db: Connection, scope: str) -> Approval | None:
    """Return what is approved for a scope, or None."""
    row = db.execute("SELECT * FROM campaigns WHERE scope = ?", (scope,)).fetchone()
    return None if row is None else _approval(row)


def approvals(db: Connection) -> list[Approval]:
    """Return every approval, the latest first."""
    return [_approval(row) for row in db.execute("SELECT * FROM campaigns ORDER BY approved_at DESC, scope")]


def _approval(row: Row) -> Approval:
    return Approval(
        scope=row["scope"],
        campaign=row["campaign"],
        approved_at=row["approved_at"],
        files_hash=row["files_hash"],
        files=json.loads(row["files"]),
        plan_id=row["plan_id"],
        at_most=row["at_most"],
    )


def rehearsals(db: Connection, campaign: str) -> list[str]:
    """Return the scopes in which a campaign was approved for a rehearsal."""
    rows = db.execute(
        "SELECT scope FROM campaigns WHERE campaign = ? AND substr(scope, 1, 10) = 'rehearsal:' ORDER BY scope",
        (campaign,),
    )
    return [str(row["scope"]) for row in rows]


def close(tx: Connection, scope: str, *, at: int) -> None:
    """Close what is still to be planned of a scope: another approval has taken its place."""
    tx.execute("UPDATE occurrences SET planned_at = ? WHERE scope = ? AND planned_at IS NULL", (at, scope))


def waiting(db: Connection) -> list[Occurrence]:
    """Return every occurrence that is approved and not planned yet, the earliest first."""
    rows = db.execute(
        "SELECT scope, occurrence, due_at, not_after, planned_at FROM occurrences WHERE planned_at IS NULL"
        " ORDER BY due_at, scope"
    )
    return [Occurrence(**dict(row)) for row in rows]


def open_occurrences(db: Connection, *, due_by: int) -> list[Occurrence]:
    """Return the occurrences that still have to be planned and are due by an instant (ms), the oldest first."""
    rows = db.execute(
        "SELECT scope, occurrence, due_at, not_after, planned_at FROM occurrences"
        " WHERE planned_at IS NULL AND due_at <= ? ORDER BY due_at, scope",
        (due_by,),
    )
    return [Occurrence(**dict(row)) for row in rows]


def finish_planning(tx: Connection, occurrence: Occurrence, *, at: int) -> None:
    """Record that every message of an occurrence is a row now."""
    tx.execute(
        "UPDATE occurrences SET planned_at = ? WHERE scope = ? AND occurrence = ?",
        (at, occurrence.scope, occurrence.occurrence),
    )


def save_plan(tx: Connection, plan: ShownPlan) -> None:
    """Remember a plan by its id for 30 days; the same plan twice is one."""
    tx.execute("DELETE FROM plans WHERE made_at < ?", (plan.made_at - PLANS_LAST_MS,))
    tx.execute(
        "INSERT INTO plans (id, campaign, made_at, files, members) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET made_at = excluded.made_at",
        (
            plan.id,
            plan.campaign,
            plan.made_at,
            json.dumps(plan.files, ensure_ascii=False),
            f"[{','.join(_in_pieces(plan.members))}]",
        ),
    )


def shown_plan(db: Connection, plan_id: str) -> ShownPlan | None:
    """Return a plan that was shown, or None."""
    row = db.execute("SELECT id, campaign, made_at, files FROM plans WHERE id = ?", (plan_id,)).fetchone()
    if row is None:
        return None
    members = db.execute("SELECT m.value FROM plans AS p, json_each(p.members) AS m WHERE p.id = ?", (plan_id,))
    return ShownPlan(
        row["id"], row["campaign"], row["made_at"], json.loads(row["files"]), IdSet(value for (value,) in members)
    )


def _in_pieces(ids: Iterable[int]) -> Iterator[str]:
    """Yield numbers as texts of a thousand: a million small texts would take 50 MB."""
    remaining = iter(ids)
    while some := list(islice(remaining, 1_000)):
        yield ",".join(map(str, some))


def stop(tx: Connection, scope: str, reason: str, *, at: int) -> bool:
    """Stop a scope, or everything for ''; False when it was stopped already."""
    return (
        tx.execute(
            "INSERT INTO stops (scope, reason, stopped_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (scope, reason, at)
        ).rowcount
        == 1
    )


def resume(tx: Connection, scopes: Iterable[str]) -> int:
    """Take stops back; return how many there were."""
    return sum(tx.execute("DELETE FROM stops WHERE scope = ?", (scope,)).rowcount for scope in scopes)


def stops(db: Connection) -> dict[str, str]:
    """Return scope → reason of everything that is stopped; '' is everything."""
    return {row["scope"]: row["reason"] for row in db.execute("SELECT scope, reason FROM stops ORDER BY scope")}
