"""`| countdown`: the days to a real last day, where the reader lives; and a mail whose day has passed is made anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mail_shop import NOW, mailflow, make_shop, write_campaign
from mailflow import clock
from mailflow.jobs import lint
from mailflow.jobs.lint import Options
from mailflow.model import ConsentState, MessageClass
from mailflow.offers.deadlines import false_deadlines
from mailflow.policy import Candidate, Limits, decide, decide_all
from mailflow.store import candidates
from mailflow.templates import lasting
from mailflow.templates.lasting import Moment, days_left, true_until, words
from mailflow.workspace import Workspace

VIENNA = ZoneInfo("Europe/Vienna")
CHRISTMAS = date(2026, 12, 24)
TEMPLATE = """\
---
subject: "{{ campaign.deadline | countdown }}"
preheader: "Order now, and the tea is with you before the lights are lit."
---
For Christmas: {{ campaign.deadline | countdown }}, to {{ campaign.deadline | date("long") }}.
"""
CAMPAIGN = "audience: everyone\ntemplate: hello\ndeadline: 2026-03-22\nnot_after: 72h\n"


@pytest.mark.parametrize(
    ("at", "zone", "left"),
    [
        ("2026-12-24T12:00+01:00", None, 0),
        ("2026-12-21T23:59+01:00", None, 3),
        ("2026-12-22T00:00+01:00", None, 2),
        ("2026-12-25T00:00+01:00", None, -1),
        ("2026-12-24T02:00+01:00", "America/New_York", 1),  # it is the 23rd there, and ends on the 24th at 18:00
        ("2026-12-24T17:00-05:00", "America/New_York", 0),
        ("2026-12-25T00:30+09:00", "Asia/Tokyo", -1),  # nobody is promised a day after the one that is named
        ("2026-12-24T00:30+09:00", "Asia/Tokyo", 0),
        ("2026-12-24T12:00+01:00", "No/Where", 0),
    ],
)
def test_days_are_counted_where_the_reader_lives(at: str, zone: str | None, left: int) -> None:
    moment = Moment(datetime.fromisoformat(at).astimezone(UTC), VIENNA)
    assert days_left(CHRISTMAS, moment, zone) == left


def test_an_instant_ends_on_the_day_before_its_midnight() -> None:
    moment = Moment(datetime(2026, 12, 23, 12, tzinfo=UTC), VIENNA)
    assert days_left(clock.end_of_day(CHRISTMAS, VIENNA), moment, None) == 1
    assert days_left(datetime(2026, 12, 24, 18, tzinfo=UTC), moment, "Asia/Tokyo") == 2


@pytest.mark.parametrize(("zone", "until"), [(None, "2026-12-24T23:00Z"), ("America/New_York", "2026-12-24T05:00Z")])
def test_what_is_counted_is_true_until_the_next_midnight(zone: str | None, until: str) -> None:
    moment = Moment(datetime(2026, 12, 24, 2, tzinfo=UTC), VIENNA)
    assert true_until(moment, zone) == datetime.fromisoformat(until)


def test_every_language_has_words_for_every_number() -> None:
    for language in lasting._WORDS:
        said = [words(left, language) for left in range(400)]
        assert len(set(said)) == 400, language
        assert all(str(left) in said[left] for left in range(2, 400))
    assert [words(left, "en") for left in (-1, 0, 1, 2)] == ["", "ends today", "ends tomorrow", "2 days left"]
    assert (words(3, "de-AT"), words(3, "xx")) == ("noch 3 Tage", "3 days left")
    assert [words(left, "pl") for left in (2, 5, 22)] == ["zostały 2 dni", "zostało 5 dni", "zostały 22 dni"]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "nl"])
def test_lint_reads_a_countdown_as_the_deadline_that_it_is(language: str) -> None:
    today = date(2026, 12, 20)
    for left in (0, 1, 2, 3, 14):
        text, end = f"Tee: {words(left, language)}.", today + timedelta(days=left)
        assert false_deadlines(text, today=today, ends=end) == [], text
        wrong = false_deadlines(text, today=today, ends=end + timedelta(days=9))
        assert [each.says for each in wrong] == [(end,)], text


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    shop = make_shop(tmp_path, 2)
    (tmp_path / "templates" / "hello.md").write_text(TEMPLATE, encoding="utf-8")
    write_campaign(tmp_path, "hello", CAMPAIGN)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET timezone = 'America/New_York' WHERE id = 2")
    return shop


def subjects(shop: Workspace) -> list[str]:
    rows = shop.store.db.execute("SELECT subject FROM message_contents ORDER BY message_id")
    return [row["subject"] for row in rows]


def test_a_campaign_s_deadline_is_counted_for_each_reader(shop: Workspace) -> None:
    night = datetime(2026, 3, 21, 1, tzinfo=UTC)  # the 20th in New York, 02:00 of the 21st in Vienna
    assert mailflow(shop, "send", "hello", "--yes", now=night) == 0
    assert subjects(shop) == ["ends tomorrow", "2 days left"]


def test_lint_agrees_with_both_readers_and_finds_a_false_word(shop: Workspace) -> None:
    def found() -> list[str]:
        night = datetime(2026, 3, 21, 1, tzinfo=UTC)
        return [str(each.check.code) for each in lint.lint(shop, Options(names=("hello",)), now=night).findings]

    assert found() == []
    path = shop.templates / "hello.md"
    path.write_text(path.read_text(encoding="utf-8") + "\nOnly 9 days left!\n", encoding="utf-8")
    assert found() == ["L601"]


def test_lint_counts_from_the_day_on_which_a_mail_is_due(shop: Workspace) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    assert [each.check.code for each in lint.lint(shop, Options(names=("hello",)), now=NOW).findings] == []
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-23 09:00\n")
    codes = [each.check.code for each in lint.lint(shop, Options(names=("hello",)), now=NOW).findings]
    assert "L602" in codes


def as_if_killed(shop: Workspace, *, armed: bool = False) -> None:
    """Leave the messages of a campaign as a run does that is killed before it, or a relay, took them."""
    with shop.store.transaction() as tx:
        tx.execute("UPDATE messages SET state = ?, settled_at = NULL", ("deferred" if armed else "ready",))
        tx.execute("UPDATE attempts SET outcome = 'deferred'" if armed else "DELETE FROM attempts")


def test_bytes_of_yesterday_that_no_relay_saw_are_made_anew(shop: Workspace) -> None:
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert subjects(shop) == ["2 days left", "2 days left"]
    as_if_killed(shop)
    assert mailflow(shop, "run", now=NOW + timedelta(hours=10)) == 0  # the same day: the same bytes
    assert subjects(shop) == ["2 days left", "2 days left"]
    as_if_killed(shop)
    assert mailflow(shop, "run", now=NOW + timedelta(days=1)) == 0
    assert subjects(shop) == ["ends tomorrow", "ends tomorrow"]
    assert states_of(shop) == ["accepted", "accepted"]


def test_bytes_that_a_relay_saw_are_not_sent_once_they_are_wrong(shop: Workspace) -> None:
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    as_if_killed(shop, armed=True)
    assert mailflow(shop, "run", now=NOW + timedelta(days=1)) == 0
    assert subjects(shop) == ["2 days left", "2 days left"]  # a Message-ID never gets other bytes
    assert states_of(shop) == ["skipped: no_longer_true"] * 2
    assert mailflow(shop, "run", now=NOW + timedelta(days=1, hours=2)) == 0
    assert states_of(shop) == ["skipped: no_longer_true"] * 2


def test_midnight_in_the_middle_of_a_run_holds_what_is_frozen_until_the_next(shop: Workspace) -> None:
    late = datetime(2026, 3, 20, 22, 59, tzinfo=UTC)  # a minute before midnight in Vienna
    assert mailflow(shop, "send", "hello", "--yes", now=late) == 0
    until = shop.store.db.execute("SELECT true_until FROM message_contents ORDER BY message_id").fetchall()
    assert [clock.from_ms(row[0]) for row in until] == [datetime(2026, 3, 20, 23, tzinfo=UTC)] * 2
    ids = [row["id"] for row in shop.store.db.execute("SELECT id FROM messages ORDER BY id")]
    for at, reasons in ((late, {None}), (late + timedelta(minutes=1), {"no_longer_true"})):
        found = candidates.for_messages(shop.store.db, shop.keys, ids, now=at)
        assert {decision.reason for decision in decide_all(found, Limits(), at)} == reasons


def test_essential_mail_had_better_come_late_than_never() -> None:
    after = NOW + timedelta(days=1)
    marketing = Candidate(
        1, "a@example.com", "a@example.com", ConsentState.SUBSCRIBED, "a@example.com", true_until=after
    )
    essential = replace(marketing, message_class=MessageClass.ESSENTIAL)
    assert [decide(one, Limits(), after).reason for one in (marketing, essential)] == ["no_longer_true", None]
    assert decide(marketing, Limits(), after - timedelta(seconds=1)).allowed


def test_a_mail_that_counts_no_days_is_true_for_ever(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 1)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert shop.store.db.execute("SELECT true_until FROM message_contents").fetchone()[0] is None


def states_of(shop: Workspace) -> list[str]:
    rows = shop.store.db.execute("SELECT state, reason FROM messages ORDER BY id")
    return [": ".join(part for part in (row["state"], row["reason"]) if part) for row in rows]
