"""May this person get this message: every reason, in the order in which they are given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailflow import policy
from mailflow.model import ConsentState, MessageClass, SuppressionReason
from mailflow.policy import Candidate, Limits, Reason

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
LIMITS = Limits(per_day=1, per_week=3)
FINE = Candidate(1, "ada@example.com", "ada@example.com", ConsentState.SUBSCRIBED, "ada@example.com")
ESSENTIAL = MessageClass.ESSENTIAL
MANUAL = frozenset({SuppressionReason.MANUAL})


def test_a_subscribed_person_gets_it() -> None:
    decision = policy.decide(FINE, LIMITS, NOW)
    assert decision.allowed
    assert decision.code == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"address": None, "contact_address": None}, "no_address"),
        ({"suppressions": MANUAL}, "suppressed: manual"),
        ({"suppressions": frozenset(SuppressionReason)}, "suppressed: erased"),
        ({"suppressions": frozenset({SuppressionReason.MANUAL, SuppressionReason.COMPLAINT})}, "suppressed: complaint"),
        ({"consent": ConsentState.UNSUBSCRIBED}, "unsubscribed"),
        ({"consent": ConsentState.PENDING}, "pending"),
        ({"consent": ConsentState.NEVER}, "no_consent"),
        ({"consent_address": "old@example.com"}, "consent_for_another_address"),
        ({"consent_address": None}, "consent_for_another_address"),
        ({"contact_address": "new@example.com"}, "address_changed"),
        ({"address": "jürgen@example.com", "contact_address": None, "checked": False}, "unwritable_address"),
        ({"not_after": NOW}, "expired"),
        ({"stopped": True}, "stopped"),
        ({"sent_day": 1}, "cap_day"),
        ({"sent_week": 3}, "cap_week"),
        ({"sent_day": 1, "sent_week": 3}, "cap_day"),
        # One person in two contacts gets marketing mail as the one that was kept, and no message under both.
        ({"merged": True, "suppressions": MANUAL}, "merged"),
        ({"merged": True, "message_class": ESSENTIAL}, ""),
        ({"merged": True, "checked": False}, ""),
        ({"has_it": True}, "already_sent"),
        ({"has_it": True, "consent": ConsentState.UNSUBSCRIBED}, "unsubscribed"),
        ({"not_after": NOW + timedelta(milliseconds=1)}, ""),
        ({"sent_week": 2}, ""),
        # What lasts is said before what passes.
        ({"suppressions": MANUAL, "consent": ConsentState.NEVER, "stopped": True}, "suppressed: manual"),
        ({"consent": ConsentState.UNSUBSCRIBED, "sent_day": 9}, "unsubscribed"),
        # Essential mail needs no consent and has no cap, but obeys suppression, expiry and stop.
        ({"message_class": ESSENTIAL, "consent": ConsentState.UNSUBSCRIBED, "sent_day": 9}, ""),
        ({"message_class": ESSENTIAL, "suppressions": MANUAL}, "suppressed: manual"),
        ({"message_class": ESSENTIAL, "stopped": True}, "stopped"),
        ({"message_class": ESSENTIAL, "contact_address": "new@example.com"}, "address_changed"),
        # A rehearsal obeys consent and is not capped; a test to the owner obeys suppression only.
        ({"rehearsal": True, "sent_day": 9, "sent_week": 9}, ""),
        ({"rehearsal": True, "consent": ConsentState.NEVER}, "no_consent"),
        ({"checked": False, "consent": ConsentState.NEVER, "contact_address": "x@example.com", "sent_day": 9}, ""),
        ({"checked": False, "suppressions": MANUAL}, "suppressed: manual"),
    ],
)
def test_the_reason_is_the_one_that_lasts_longest(changes: dict[str, Any], code: str) -> None:
    assert policy.decide(replace(FINE, **changes), LIMITS, NOW).code == code


def test_no_limits_cap_nobody() -> None:
    assert policy.decide(replace(FINE, sent_day=99, sent_week=99), Limits(), NOW).allowed


def test_messages_that_go_together_count_against_each_other() -> None:
    other = replace(FINE, contact_id=2)
    decisions = policy.decide_all([FINE, other, FINE, replace(FINE, rehearsal=True)], LIMITS, NOW)
    assert [decision.code for decision in decisions] == ["", "", "cap_day", ""]


def test_a_refused_message_takes_no_room_from_the_next() -> None:
    late = replace(FINE, not_after=NOW - timedelta(days=1))
    assert [decision.code for decision in policy.decide_all([late, FINE], LIMITS, NOW)] == ["expired", ""]


@given(
    people=st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans()), max_size=20),
    sent=st.dictionaries(st.integers(1, 3), st.integers(0, 4)),
    limits=st.builds(Limits, st.none() | st.integers(1, 3), st.none() | st.integers(1, 5)),
)
def test_nobody_gets_more_than_the_limits_whatever_goes_together(
    people: list[tuple[int, bool, bool]], sent: dict[int, int], limits: Limits
) -> None:
    candidates = [
        replace(
            FINE,
            contact_id=person,
            rehearsal=rehearsal,
            message_class=MessageClass.ESSENTIAL if essential else MessageClass.MARKETING,
            sent_day=sent.get(person, 0),
            sent_week=sent.get(person, 0),
        )
        for person, rehearsal, essential in people
    ]
    decisions = policy.decide_all(candidates, limits, NOW)
    for person in {candidate.contact_id for candidate in candidates}:
        mine = [pair for pair in zip(candidates, decisions, strict=True) if pair[0].contact_id == person]
        granted = sum(decision.allowed for candidate, decision in mine if candidate.counts)
        for limit in (limits.per_day, limits.per_week):
            assert limit is None or granted <= max(0, limit - sent.get(person, 0))
        assert all(decision.allowed for candidate, decision in mine if not candidate.counts)


def test_every_reason_is_a_sentence_for_people() -> None:
    for reason in Reason:
        assert reason.sentence.endswith(".")
        assert policy.sentence(reason) == reason.sentence
    for why in SuppressionReason:
        decision = policy.Decision(Reason.SUPPRESSED, why)
        assert decision.sentence == policy.sentence(f"suppressed: {why}")
        assert decision.sentence != Reason.SUPPRESSED.sentence


def test_a_word_of_another_room_is_left_as_it_is() -> None:
    assert policy.sentence("550 5.1.1 no such user") == "550 5.1.1 no such user"
