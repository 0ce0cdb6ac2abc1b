"""The words a message is described with, and what may follow what."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mailflow.model import FINAL_STATES, MESSAGE_TRANSITIONS, MessageState, Scope

S = MessageState


def test_every_state_says_what_may_follow() -> None:
    assert set(MESSAGE_TRANSITIONS) == set(S)
    assert {S.HELD_OUT, S.ACCEPTED, S.EXPIRED, S.CANCELLED} == FINAL_STATES


def test_every_state_is_reached_from_planning() -> None:
    reached, frontier = set(), {S.PLANNED, S.SKIPPED, S.HELD_OUT}
    while frontier:
        reached |= frontier
        frontier = {after for state in frontier for after in MESSAGE_TRANSITIONS[state]} - reached
    assert reached == set(S)


def test_what_may_have_gone_out_never_goes_back_to_planned() -> None:
    for state in (S.ARMED, S.ACCEPTED, S.IN_DOUBT, S.ASSUMED_SENT):
        assert S.PLANNED not in MESSAGE_TRANSITIONS[state]


def test_only_what_was_armed_is_accepted() -> None:
    before = {state for state, after in MESSAGE_TRANSITIONS.items() if S.ACCEPTED in after}
    assert before == {S.ARMED, S.IN_DOUBT, S.ASSUMED_SENT}


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", fullmatch=True), st.none() | st.just("ab12" * 16))
def test_a_scope_tells_its_campaign(campaign: str, rehearsal_of: str | None) -> None:
    scope = Scope(campaign, rehearsal_of)
    assert Scope.campaign_of(str(scope)) == campaign
    assert scope.is_rehearsal == str(scope).startswith("rehearsal:")


def test_the_page_on_campaigns_explains_every_state_in_order() -> None:
    page = (Path(__file__).parents[1] / "docs" / "campaigns.md").read_text(encoding="utf-8")
    table = page.partition("## What the states mean")[2]
    assert re.findall(r"^\| `([a-z_]+)` \| \S", table, re.MULTILINE) == list(S)
