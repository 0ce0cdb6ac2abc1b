"""Sending one campaign: nobody twice, nobody new behind a plan, nothing after an edit that was not approved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mail_shop import (
    CAMPAIGN,
    NOW,
    SETTINGS,
    TEMPLATE,
    add_people,
    letters,
    mailflow,
    make_shop,
    states,
    twice,
    with_relay,
    write_campaign,
)
from mailflow.model import ConsentState
from mailflow.workspace import Workspace
from sink import Fault, Sink

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_shop(tmp_path / "shop", people=5)


@pytest.fixture
def planned(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that plans and gives the plan's id."""

    def plan() -> str:
        capsys.readouterr()
        assert mailflow(shop, "plan", "hello", "--format", "json", now=NOW) == 0
        return str(json.loads(capsys.readouterr().out)["plan_id"])

    return plan


@pytest.fixture
def told(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs a command, checks its exit code, and gives what it said."""

    def command(code: int, *words: str, **options: object) -> str:
        capsys.readouterr()
        assert (mailflow(shop, *words, **options), words) == (code, words)  # type: ignore[arg-type]
        return capsys.readouterr().err

    return command


def people(*numbers: int) -> list[str]:
    return [f"p{number}@example.com" for number in numbers]


# Nobody twice, nobody new -----------------------------------------------------------------------------------------


def test_sending_again_sends_nobody_a_second_one(shop: Workspace) -> None:
    for _ in range(3):
        assert mailflow(shop, "send", "hello", "--yes") == 0
    assert letters(shop) == people(1, 2, 3, 4, 5)


def test_sending_again_reaches_who_came_since(shop: Workspace) -> None:
    assert mailflow(shop, "send", "hello", "--yes") == 0
    add_people(shop, ["new@example.com"])
    assert mailflow(shop, "send", "hello", "--yes") == 0
    assert letters(shop) == ["new@example.com", *people(1, 2, 3, 4, 5)]


def test_a_limit_sends_to_so_many_and_the_next_send_goes_on(shop: Workspace) -> None:
    assert mailflow(shop, "send", "hello", "--yes", "--limit", "2") == 0
    assert len(letters(shop)) == 2
    assert mailflow(shop, "send", "hello", "--yes", "--limit", "2") == 0
    assert len(letters(shop)) == 4
    assert mailflow(shop, "send", "hello", "--yes") == 0
    assert letters(shop) == people(1, 2, 3, 4, 5)


def test_a_plan_sends_to_who_was_in_it_and_never_to_a_newcomer(shop: Workspace, planned: Callable[[], str]) -> None:
    plan = planned()
    add_people(shop, ["new@example.com"])
    assert mailflow(shop, "contact", "unsubscribe", "p2@example.com") == 0
    assert mailflow(shop, "send", "hello", "--plan", plan) == 0
    assert letters(shop) == people(1, 3, 4, 5)


def test_a_plan_holds_also_when_it_waits_for_its_time(shop: Workspace, planned: Callable[[], str]) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    plan = planned()
    assert mailflow(shop, "send", "hello", "--plan", plan, now=NOW) == 0
    add_people(shop, ["new@example.com"])
    assert mailflow(shop, "run", now=NOW + timedelta(days=1)) == 0
    assert letters(shop) == people(1, 2, 3, 4, 5)


def test_a_plan_of_files_that_changed_is_refused_with_the_difference(
    shop: Workspace, planned: Callable[[], str], told: Callable[..., str]
) -> None:
    plan = planned()
    (shop.root / "templates" / "hello.md").write_text(TEMPLATE.replace("Hello there", "Good day"), encoding="utf-8")
    said = told(78, "send", "hello", "--plan", plan)
    assert "-Hello there." in said
    assert "+Good day." in said
    assert letters(shop) == []


def test_an_unknown_plan_is_refused(shop: Workspace, told: Callable[..., str], planned: Callable[[], str]) -> None:
    assert "there is no plan 0123456789abcdef" in told(2, "send", "hello", "--plan", "0123456789abcdef")
    write_campaign(shop.root, "other", CAMPAIGN)
    assert "is of the campaign hello, not of other" in told(2, "send", "other", "--plan", planned())


def test_a_holdout_is_never_mailed(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", people=60)
    write_campaign(shop.root, "hello", CAMPAIGN + "holdout: 30%\n")
    for hours in range(4):
        assert mailflow(shop, "send", "hello", "--yes", now=NOW + hours * HOUR) == 0
    assert 5 <= states(shop)["held_out"] <= 30
    assert len(letters(shop)) == 60 - states(shop)["held_out"]


# Looking only -----------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_files_and_changes_nothing(shop: Workspace, told: Callable[..., str], tmp_path: Path) -> None:
    before = list(shop.store.db.iterdump())
    said = told(0, "send", "hello", "--dry-run", "--out", str(tmp_path / "out"))
    assert "wrote 5 messages" in said
    files = sorted((tmp_path / "out").glob("*.eml"))
    assert len(files) == 5
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert any(b"To:" in path.read_bytes() and b"p1@example.com" in path.read_bytes() for path in files)
    assert list(shop.store.db.iterdump()) == before
    assert told(0, "send", "hello", "--dry-run", "--out", str(tmp_path / "out"))  # again over the same files


def test_a_dry_run_needs_no_test_and_no_resume(shop: Workspace, told: Callable[..., str]) -> None:
    with_relay(shop.root, 9)
    assert mailflow(shop, "stop") == 0
    assert "wrote 5 messages" in told(0, "send", "hello", "--dry-run")


def test_a_test_goes_to_one_address_and_is_no_message(shop: Workspace, told: Callable[..., str]) -> None:
    said = told(0, "send", "hello", "--test-to", "me@quitte.example")
    assert "rehearsal/new" in said
    assert letters(shop) == ["me@quitte.example"]
    assert states(shop) == {}
    (letter,) = (shop.maildir / "new").iterdir()
    assert "Subject: [Test] Hello" in letter.read_text(encoding="utf-8")


def test_a_test_goes_to_no_suppressed_address(shop: Workspace, told: Callable[..., str]) -> None:
    assert mailflow(shop, "contact", "suppress", "me@quitte.example", "--reason", "no") == 0
    assert "is suppressed" in told(78, "send", "hello", "--test-to", "me@quitte.example")
    assert "is not an e-mail address" in told(2, "send", "hello", "--test-to", "me")


# What is found before anybody is mailed ---------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["plan", "hello"], ["send", "hello", "--yes"]])
def test_a_template_that_fails_for_somebody_stops_all(
    shop: Workspace, told: Callable[..., str], words: list[str]
) -> None:
    (shop.root / "templates" / "hello.md").write_text(
        "---\nsubject: Hello\n---\n{{ contact.first_name | upper }} {{ contact.frist_name }}\n", encoding="utf-8"
    )
    said = told(78, *words)
    assert "templates/hello.md:4" in said
    assert "did you mean 'first_name'" in said
    assert states(shop) == {}


# Edited after approval --------------------------------------------------------------------------------------------


def test_files_edited_after_approval_hold_the_campaign_until_it_is_sent_again(
    shop: Workspace, told: Callable[..., str]
) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    (shop.root / "templates" / "hello.md").write_text(TEMPLATE.replace("Hello there", "Good day"), encoding="utf-8")
    due = NOW + timedelta(days=1)
    said = told(1, "run", now=due)
    assert "its files changed since it was approved" in said
    assert "`mailflow send hello` approves it again" in said
    assert letters(shop) == []
    assert mailflow(shop, "send", "hello", "--yes", now=due) == 0
    assert letters(shop) == people(1, 2, 3, 4, 5)
    assert mailflow(shop, "run", now=due) == 0  # the earlier rehearsal waits no more


def test_the_last_approval_decides_who_gets_it(shop: Workspace, mail_sink: Callable[..., Sink]) -> None:
    sink = mail_sink()
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    plan_rows_but_send_nothing(shop)
    assert states(shop) == {"planned": 5}
    write_campaign(shop.root, "hello", "audience: email == 'p2@example.com'\ntemplate: hello\n")
    assert mailflow(shop, "send", "hello", "--yes") == 0
    assert [to for _, to in sink.accepted()] == ["me@quitte.example", "p2@example.com"]
    assert states(shop) == {"accepted": 1, "skipped": 4}
    write_campaign(shop.root, "hello", CAMPAIGN)
    assert mailflow(shop, "send", "hello", "--yes") == 0
    assert sorted(to for _, to in sink.accepted())[1:] == people(1, 2, 3, 4, 5)


def test_a_limit_holds_also_for_what_was_planned_before(shop: Workspace, mail_sink: Callable[..., Sink]) -> None:
    sink = mail_sink()
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    plan_rows_but_send_nothing(shop)
    assert mailflow(shop, "send", "hello", "--yes", "--limit", "2") == 0
    assert len(sink.accepted()) == 1 + 2
    assert mailflow(shop, "run") == 0
    assert len(sink.accepted()) == 1 + 2


def plan_rows_but_send_nothing(shop: Workspace) -> None:
    """Approve and plan while the relay is away."""
    settings = (shop.root / "mailflow.yaml").read_text(encoding="utf-8")
    (shop.root / "mailflow.yaml").write_text(re.sub(r"port: \d+", "port: 9", settings), encoding="utf-8")
    assert mailflow(shop, "send", "hello", "--yes") == 69
    (shop.root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    with shop.store.transaction() as tx:
        tx.execute("DELETE FROM message_contents")
        tx.execute("UPDATE messages SET state = 'planned' WHERE state = 'ready'")


def test_who_was_put_off_gets_the_files_as_they_were_approved_last(
    shop: Workspace, mail_sink: Callable[..., Sink]
) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="450 4.2.0 greylisted", times=1, match="p2@"), keep_bodies=True)
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    assert mailflow(shop, "send", "hello", "--yes") == 0
    assert states(shop) == {"accepted": 4, "deferred": 1}
    (shop.root / "templates" / "hello.md").write_text(TEMPLATE.replace("Hello there", "Good day"), encoding="utf-8")
    assert mailflow(shop, "send", "hello", "--yes") == 0
    with shop.store.transaction() as tx:  # five minutes later
        tx.execute("UPDATE messages SET next_at = next_at - 600000")
    assert mailflow(shop, "run") == 0
    assert sum(b"Hello there" in body for body in sink.bodies()) == 5
    assert [b"p2@example.com" in body for body in sink.bodies() if b"Good day" in body] == [True]


# Rehearsal and real -----------------------------------------------------------------------------------------------


def test_a_rehearsal_counts_for_nothing_once_there_is_a_relay(shop: Workspace, mail_sink: Callable[..., Sink]) -> None:
    assert mailflow(shop, "send", "hello", "--yes") == 0
    sink = mail_sink()
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "run") == 0  # a rehearsal's approval lets nothing out
    assert sink.accepted() == []
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    assert mailflow(shop, "send", "hello", "--yes") == 0
    assert sorted(to for _, to in sink.accepted())[1:] == people(1, 2, 3, 4, 5)
    assert len(letters(shop)) == 5


def test_a_rehearsal_that_waits_never_goes_out_for_real(shop: Workspace, mail_sink: Callable[..., Sink]) -> None:
    soon = "2030-03-20 09:00"
    write_campaign(shop.root, "hello", CAMPAIGN + f"send_at: {soon}\n")
    assert mailflow(shop, "send", "hello", "--yes") == 0
    with shop.store.transaction() as tx:  # its time has come
        tx.execute("UPDATE occurrences SET due_at = 0")
    sink = mail_sink()
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    assert mailflow(shop, "run") == 1
    assert [to for _, to in sink.accepted()] == ["me@quitte.example"]
    assert letters(shop) == []


def test_the_first_real_send_waits_for_a_test(
    shop: Workspace, mail_sink: Callable[..., Sink], told: Callable[..., str]
) -> None:
    sink = mail_sink()
    with_relay(shop.root, sink.port)
    assert "--test-to YOUR-ADDRESS" in told(78, "send", "hello", "--yes")
    (shop.root / "mailflow.yaml").write_text(
        (shop.root / "mailflow.yaml").read_text(encoding="utf-8").replace("address: 1 Long Lane, Springfield\n", ""),
        encoding="utf-8",
    )
    assert "2. see one message" in told(78, "send", "hello", "--yes")
    assert sink.accepted() == []
    with_relay(shop.root, sink.port)
    assert "accepted" not in told(0, "send", "hello", "--test-to", "me@quitte.example", "--quiet")
    assert mailflow(shop, "send", "hello", "--yes") == 0
    assert not twice([to for _, to in sink.accepted()])
    assert len(sink.accepted()) == 6


def test_another_clock_is_refused_with_a_relay(shop: Workspace, told: Callable[..., str]) -> None:
    with_relay(shop.root, 9)
    for words in (["send", "hello", "--yes"], ["run"], ["send", "hello", "--test-to", "me@quitte.example"]):
        assert "--now is for rehearsals" in told(2, *words, now=NOW)
    assert states(shop) == {}


# Caps ---------------------------------------------------------------------------------------------------------------


def test_caps_hold_across_campaigns_for_real_mail(shop: Workspace, mail_sink: Callable[..., Sink]) -> None:
    sink = mail_sink()
    with_relay(shop.root, sink.port, "limits: {per_day: 2, per_week: 5}\n")
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    for name in ("one", "two", "three"):
        write_campaign(shop.root, name, CAMPAIGN)
        assert mailflow(shop, "send", name, "--yes") == 0
    got = [to for _, to in sink.accepted()][1:]
    assert {to: got.count(to) for to in got} == dict.fromkeys(people(1, 2, 3, 4, 5), 2)
    reasons = shop.store.db.execute("SELECT reason, count(*) FROM messages WHERE state = 'skipped' GROUP BY 1")
    assert {row[0]: row[1] for row in reasons} == {"cap_day": 5}
    with shop.store.transaction() as tx:  # as if all that had been two days ago
        tx.execute("UPDATE messages SET settled_at = settled_at - 172800000, next_at = next_at - 172800000")
    with_relay(shop.root, sink.port, "limits: {per_day: 2, per_week: 2}\n")
    assert mailflow(shop, "send", "three", "--yes") == 0
    reasons = shop.store.db.execute("SELECT reason, count(*) FROM messages WHERE state = 'skipped' GROUP BY 1")
    assert {row[0]: row[1] for row in reasons} == {"cap_week": 5}


def test_a_rehearsal_is_not_capped(shop: Workspace) -> None:
    (shop.root / "mailflow.yaml").write_text(SETTINGS + "limits: {per_day: 1, per_week: 1}\n", encoding="utf-8")
    for name in ("one", "two", "three"):
        write_campaign(shop.root, name, CAMPAIGN)
        assert mailflow(shop, "send", name, "--yes") == 0
    assert len(letters(shop)) == 15


def test_who_is_held_out_stays_out_after_a_cap_is_lifted(tmp_path: Path, mail_sink: Callable[..., Sink]) -> None:
    shop, sink = make_shop(tmp_path / "shop", people=40), mail_sink()
    with_relay(shop.root, sink.port, "limits: {per_day: 1, per_week: 9}\n")
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    assert mailflow(shop, "send", "hello", "--yes") == 0
    write_campaign(shop.root, "held", CAMPAIGN + "holdout: 40%\n")
    assert mailflow(shop, "send", "held", "--yes") == 0
    assert states(shop) == {"accepted": 40, "skipped": 40}
    with_relay(shop.root, sink.port, "limits: {per_day: 9, per_week: 9}\n")
    with shop.store.transaction() as tx:  # an hour later
        tx.execute("UPDATE messages SET next_at = next_at - 3600000 WHERE state = 'skipped'")
    assert mailflow(shop, "run") == 0
    found = states(shop)
    assert found["accepted"] + found["held_out"] == 80
    assert 5 <= found["held_out"] <= 28
    assert mailflow(shop, "send", "held", "--yes") == 0
    assert states(shop) == found


def test_segments_that_a_template_asks_for_are_known_when_it_is_sent(shop: Workspace) -> None:
    (shop.root / "segments.yaml").write_text("ours: email == 'p2@example.com'\n", encoding="utf-8")
    (shop.root / "templates" / "hello.md").write_text(
        '---\nsubject: Hello\n---\n{% if "ours" in contact.segments %}One of us.{% else %}A guest.{% endif %}\n',
        encoding="utf-8",
    )
    assert mailflow(shop, "send", "hello", "--yes") == 0
    texts = [path.read_text(encoding="utf-8") for path in (shop.maildir / "new").iterdir()]
    assert ["p2@example.com" in text for text in texts if "One of us." in text] == [True]


def test_a_no_that_was_said_in_between_is_kept(shop: Workspace, planned: Callable[[], str]) -> None:
    plan = planned()
    add_people(shop, ["no@example.com"], ConsentState.UNSUBSCRIBED)
    assert mailflow(shop, "contact", "suppress", "p1@example.com", "--reason", "moved") == 0
    assert mailflow(shop, "send", "hello", "--plan", plan) == 0
    assert letters(shop) == people(2, 3, 4, 5)
