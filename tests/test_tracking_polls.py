"""Answers that come back: who may answer what until when, what counts, and what a tampered link gets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import poll_shop
from mail_shop import NOW
from mailflow.store import events, polls
from mailflow.tokens import Purpose
from mailflow.tracking.polls import Method, Reply, Result, Said, by_owner, look, read, sign, take
from mailflow.workspace import Workspace
from people import add_contact

LATER = NOW + timedelta(hours=1)
CLOSED = datetime(2026, 4, 15, 22, tzinfo=UTC)  # midnight in Vienna


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return poll_shop.make(tmp_path)


def signed(shop: Workspace, token: str, answer: str = "green", poll: str = "spring") -> str:
    return sign(shop.keys, Said(token, poll, answer))


def answered(
    shop: Workspace, link: str, *, method: Method = Method.POST, at: datetime = LATER, now: datetime | None = None
) -> Reply:
    known = poll_shop.open_polls(shop)
    with shop.store.transaction() as tx:
        return take(tx, shop.keys, known, link, method=method, at=at, now=now or at)


def counted(shop: Workspace, poll: str = "spring") -> dict[str, int]:
    return dict(polls.tally(shop.store.db, poll, until=None).answers)


def field(shop: Workspace, name: str, contact_id: int = 1) -> object:
    row = shop.store.db.execute("SELECT attributes FROM contacts WHERE id = ?", (contact_id,)).fetchone()
    return json.loads(row["attributes"]).get(name)


@pytest.mark.parametrize("token", ["abcdefghijklmnop", "ab-cd_ef-gh-ij_-", "-" * 16, "test-ab-cd", "_"])
def test_a_link_says_what_was_signed(shop: Workspace, token: str) -> None:
    said = Said(token, "a_long_name_of_a_poll_with_digits_0123456", "Key_01234567890123456"[:20])
    link = sign(shop.keys, said)
    assert read(shop.keys, link) == said
    assert len(link) < 256


def test_a_link_that_was_tampered_with_says_nothing(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    link = signed(shop, token)
    others = [link.replace("green", "black"), link[:-1] + ("A" if link[-1] != "A" else "B"), link + "x", "", "v1"]
    others += [shop.keys.sign(Purpose.CLICK, f"{token}-spring-green"), shop.keys.sign(Purpose.ANSWER, token)]
    for other in others:
        assert answered(shop, other).result is Result.INVALID, other
    assert counted(shop) == {}


def test_an_answer_is_recorded_once_and_can_be_changed(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    assert answered(shop, signed(shop, token)).result is Result.RECORDED
    assert answered(shop, signed(shop, token)).result is Result.UNCHANGED
    assert answered(shop, signed(shop, token), at=LATER + timedelta(hours=1)).result is Result.UNCHANGED
    changed = answered(shop, signed(shop, token, "black"), at=LATER + timedelta(hours=2))
    assert (changed.result, changed.before, changed.contact_id) == (Result.CHANGED, "green", 1)
    assert counted(shop) == {"black": 1}


def test_what_only_fetches_a_page_never_counts(shop: Workspace) -> None:
    link = signed(shop, poll_shop.ask(shop, 1))
    for method in (Method.GET, Method.HEAD):
        reply = answered(shop, link, method=method)
        assert (reply.result, reply.answer is not None and reply.answer.key) == (Result.ASKS, "green")
    assert look(shop.store.db, shop.keys, poll_shop.open_polls(shop), link, at=LATER).result is Result.ASKS
    assert counted(shop) == {}
    assert events.of_contact(shop.store.db, 1) == []


def test_a_poll_takes_answers_to_the_end_of_its_last_day(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    assert answered(shop, signed(shop, token), at=CLOSED).result is Result.CLOSED
    assert counted(shop) == {}
    assert answered(shop, signed(shop, token), at=CLOSED - timedelta(seconds=1)).result is Result.RECORDED
    late = answered(shop, signed(shop, token, "black"), at=CLOSED + timedelta(days=1))
    assert (late.result, counted(shop)) == (Result.CLOSED, {"green": 1})


def test_an_answer_that_is_read_late_counts_when_it_was_given_in_time(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    reply = answered(shop, signed(shop, token), at=LATER, now=CLOSED + timedelta(days=2))
    assert (reply.result, counted(shop)) == (Result.RECORDED, {"green": 1})


def test_an_answer_of_the_future_is_one_of_now(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    assert answered(shop, signed(shop, token), at=CLOSED + timedelta(days=9), now=LATER).result is Result.RECORDED
    assert answered(shop, signed(shop, token, "black"), at=LATER + timedelta(1)).result is Result.CHANGED
    assert counted(shop) == {"black": 1}


def test_answers_in_any_order_come_to_the_last_one(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    now = LATER + timedelta(days=1)
    answered(shop, signed(shop, token, "black"), at=LATER + timedelta(hours=3), now=now)
    answered(shop, signed(shop, token, "green"), at=LATER, now=now)
    assert counted(shop) == {"black": 1}
    assert field(shop, "tea") == "black"


def test_what_is_gone_is_told_so(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    assert answered(shop, signed(shop, token, "oolong")).result is Result.UNKNOWN_ANSWER
    assert answered(shop, signed(shop, token, poll="winter")).result is Result.UNKNOWN_POLL
    assert counted(shop) == {}


@pytest.mark.parametrize("scope", ["test:hello", "rehearsal:hello@12345678"])
def test_links_of_tests_and_rehearsals_write_nothing(shop: Workspace, scope: str) -> None:
    token = poll_shop.ask(shop, 1, scope=scope)
    if scope.startswith("rehearsal"):
        with shop.store.transaction() as tx:
            tx.execute("UPDATE messages SET rehearsal = 1")
    assert answered(shop, signed(shop, token)).result is Result.TRIAL
    assert answered(shop, signed(shop, "preview")).result is Result.TRIAL
    assert counted(shop) == {}
    assert polls.tally(shop.store.db, "spring", until=None).asked == 0


def test_an_answer_fills_the_field_of_its_poll(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    answered(shop, signed(shop, token, "none"))
    assert field(shop, "tea") == "nothing"
    answered(shop, signed(shop, token, "many", "cups"))
    assert field(shop, "cups") == 5
    said = shop.store.db.execute("SELECT field, value, question FROM statements ORDER BY id").fetchall()
    assert [tuple(row) for row in said] == [
        ("tea", "nothing", "Which tea shall we bring in?"), ("cups", "5", "How many cups a day?"),
    ]  # fmt: skip


def test_a_field_of_several_values_gets_the_answer_beside_the_others(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    with shop.store.transaction() as tx:
        tx.execute("""UPDATE contacts SET attributes = '{"likes": ["music", "pots"]}' WHERE id = 1""")
    answered(shop, signed(shop, token, "tea", "likes"))
    assert field(shop, "likes") == ["music", "pots", "tea"]
    answered(shop, signed(shop, token, "places", "likes"), at=LATER + timedelta(hours=1))
    assert field(shop, "likes") == ["music", "pots", "places"]  # the answer they took back is gone


def test_what_somebody_stated_later_elsewhere_stays(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    with shop.store.transaction() as tx:
        later = (LATER + timedelta(days=1)).timestamp() * 1000
        tx.execute(
            "INSERT INTO statements (contact_id, field, value, stated_at, source)"
            " VALUES (1, 'tea', 'white', ?, 'form')",
            (int(later),),
        )
        tx.execute("""UPDATE contacts SET attributes = '{"tea": "white"}' WHERE id = 1""")
    answered(shop, signed(shop, token), now=LATER + timedelta(days=2))
    assert (field(shop, "tea"), counted(shop)) == ("white", {"green": 1})


def test_the_event_says_poll_answer_campaign_and_whether_it_is_right(shop: Workspace) -> None:
    token = poll_shop.ask(shop, 1)
    answered(shop, signed(shop, token, "a", "brew"))
    (event,) = events.of_contact(shop.store.db, 1)
    assert (event.name, event.source) == ("poll_answered", "poll")
    assert event.properties == {"poll": "brew", "answer": "a", "correct": False, "campaign": "hello"}


def test_two_contacts_who_are_one_person_have_one_answer(shop: Workspace) -> None:
    first, second = poll_shop.ask(shop, 1), poll_shop.ask(shop, 2)
    answered(shop, signed(shop, first, "green"))
    answered(shop, signed(shop, second, "black"), at=LATER + timedelta(hours=1))
    assert counted(shop) == {"black": 1, "green": 1}
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET merged_into = 1 WHERE id = 2")
    assert counted(shop) == {"black": 1}
    reply = answered(shop, signed(shop, second, "none"), at=LATER + timedelta(hours=2))
    assert (reply.result, reply.before, reply.contact_id) == (Result.CHANGED, "black", 1)
    assert polls.answers_of(shop.store.db, [1, 3], ["spring"]) == {1: {"spring": "none"}}
    assert polls.tally(shop.store.db, "spring", until=None).asked == 1


def test_the_owner_can_say_what_somebody_answered(shop: Workspace) -> None:
    poll = poll_shop.open_polls(shop).get("spring")
    with shop.store.transaction() as tx:
        contact = add_contact(tx, "phone@example.com", now=NOW)
        assert by_owner(tx, shop.keys, poll, poll.answers[1], contact, at=LATER, now=LATER).result is Result.RECORDED
        assert by_owner(tx, shop.keys, poll, poll.answers[1], contact, at=LATER, now=LATER).result is Result.UNCHANGED
        assert by_owner(tx, shop.keys, poll, poll.answers[0], contact, at=CLOSED, now=CLOSED).result is Result.CLOSED
    tally = polls.tally(shop.store.db, "spring", until=None)
    assert (tally.asked, tally.asked_and_answered, dict(tally.answers)) == (0, 0, {"black": 1})
