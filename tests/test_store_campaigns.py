"""What the owner approved, plans that were shown, and stops, as they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailflow.idset import IdSet
from mailflow.store import Store, campaigns
from mailflow.store.campaigns import Approval, Occurrence, ShownPlan

FILES = {"campaigns/spring.yaml": "audience: everyone\n", "templates/spring.md": "Grüß Gott\n"}
APPROVAL = Approval("campaign:spring", "spring", 1_000, "hash", FILES, plan_id="p1", at_most=5)
OCCURRENCE = Occurrence("campaign:spring", due_at=2_000, not_after=9_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as made:
        yield made


def test_an_approval_is_kept_whole(store: Store) -> None:
    with store.transaction() as tx:
        campaigns.approve(tx, APPROVAL, OCCURRENCE)
    assert campaigns.approval(store.db, "campaign:spring") == APPROVAL
    assert campaigns.approval(store.db, "campaign:autumn") is None
    assert campaigns.approvals(store.db) == [APPROVAL]


def test_the_last_approval_replaces_the_one_before_and_opens_the_occurrence_again(store: Store) -> None:
    with store.transaction() as tx:
        campaigns.approve(tx, APPROVAL, OCCURRENCE)
        campaigns.finish_planning(tx, OCCURRENCE, at=3_000)
    assert campaigns.open_occurrences(store.db, due_by=9_999) == []
    again = replace(APPROVAL, approved_at=4_000, files_hash="other", plan_id=None, at_most=None)
    with store.transaction() as tx:
        campaigns.approve(tx, again, replace(OCCURRENCE, due_at=5_000))
    assert campaigns.approval(store.db, "campaign:spring") == again
    assert campaigns.open_occurrences(store.db, due_by=5_000) == [replace(OCCURRENCE, due_at=5_000)]
    assert campaigns.open_occurrences(store.db, due_by=4_999) == []
    assert campaigns.waiting(store.db) == [replace(OCCURRENCE, due_at=5_000)]


def test_closing_a_scope_leaves_the_others_open(store: Store) -> None:
    rehearsals = [f"rehearsal:spring@{number}" for number in range(2)]
    with store.transaction() as tx:
        campaigns.approve(tx, APPROVAL, OCCURRENCE)
        for scope in (*rehearsals, "rehearsal:springtime@0"):
            campaigns.approve(
                tx,
                replace(APPROVAL, scope=scope, campaign=scope[10:-2]),
                replace(OCCURRENCE, scope=scope),
            )
    assert campaigns.rehearsals(store.db, "spring") == rehearsals
    with store.transaction() as tx:
        campaigns.close(tx, rehearsals[0], at=3_000)
    assert [each.scope for each in campaigns.waiting(store.db)] == [
        "campaign:spring",
        rehearsals[1],
        "rehearsal:springtime@0",
    ]


def test_a_plan_is_found_by_its_id(store: Store) -> None:
    shown = ShownPlan("p1", "spring", 1_000, FILES, IdSet({3, 1, 2}))
    with store.transaction() as tx:
        campaigns.save_plan(tx, shown)
        campaigns.save_plan(tx, replace(shown, made_at=2_000))
    assert campaigns.shown_plan(store.db, "p1") == replace(shown, made_at=2_000)
    assert campaigns.shown_plan(store.db, "p2") is None


def test_stops_keep_their_first_reason(store: Store) -> None:
    with store.transaction() as tx:
        assert campaigns.stop(tx, "", "wrong price", at=1)
        assert not campaigns.stop(tx, "", "again", at=2)
        assert campaigns.stop(tx, "campaign:spring", "typo", at=3)
    assert campaigns.stops(store.db) == {"": "wrong price", "campaign:spring": "typo"}
    with store.transaction() as tx:
        assert campaigns.resume(tx, ["", "campaign:autumn"]) == 1
    assert campaigns.stops(store.db) == {"campaign:spring": "typo"}
