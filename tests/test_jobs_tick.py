"""One tick: what is due goes out once, what is too late does not, and a second runner leaves at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mail_shop import CAMPAIGN, NOW, add_people, letters, mailflow, make_shop, states, with_relay, write_campaign
from mailflow import clock
from mailflow.jobs import tick
from mailflow.store import state
from mailflow.workspace import Workspace
from sink import Fault, Sink

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_shop(tmp_path / "shop", people=3)


@pytest.fixture
def told(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs a command, checks its exit code, and gives what it said."""

    def command(code: int, *words: str, **options: object) -> str:
        capsys.readouterr()
        assert (mailflow(shop, *words, **options), words) == (code, words)  # type: ignore[arg-type]
        return capsys.readouterr().err

    return command


# Time ---------------------------------------------------------------------------------------------------------------


def test_a_campaign_goes_out_when_its_time_has_come_and_not_before(shop: Workspace, told: Callable[..., str]) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    said = told(0, "send", "hello", "--yes", now=NOW)
    assert "hello is approved: `mailflow run` sends it to 3 people at 2026-03-21 09:00 (Europe/Vienna)" in said
    due = NOW.replace(day=21, hour=8)
    assert told(0, "run", now=due - timedelta(minutes=1)) == ""
    assert letters(shop) == []
    assert "3 rehearsed" in told(0, "run", now=due)
    assert told(0, "run", now=due + HOUR) == ""
    assert len(letters(shop)) == 3


def test_each_contact_gets_it_at_their_own_time(shop: Workspace) -> None:
    zones = {"p1": "America/New_York", "p2": "Asia/Tokyo", "p3": "Europe/Vienna"}
    with shop.store.transaction() as tx:
        tx.executemany(
            "UPDATE contacts SET timezone = ? WHERE email = ?",
            [(zone, f"{name}@example.com") for name, zone in zones.items()],
        )
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00 local\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    arrived: dict[str, str] = {}
    for hours in range(48):
        assert mailflow(shop, "run", "--quiet", now=NOW + hours * HOUR) == 0
        for letter in letters(shop):
            arrived.setdefault(letter, clock.iso(NOW + hours * HOUR))
    assert arrived == {
        "p2@example.com": "2026-03-21T00:00:00Z",
        "p3@example.com": "2026-03-21T08:00:00Z",
        "p1@example.com": "2026-03-21T13:00:00Z",
    }
    assert len(letters(shop)) == 3


def test_a_campaign_whose_time_has_passed_is_closed_and_that_is_said(shop: Workspace, told: Callable[..., str]) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\nnot_after: 3h\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert "its time has passed (not_after): nobody was mailed" in told(1, "run", now=NOW + 2 * DAY)
    assert told(0, "run", now=NOW + 2 * DAY + HOUR) == ""
    assert letters(shop) == []


def test_a_message_whose_time_has_passed_expires(shop: Workspace, told: Callable[..., str]) -> None:
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET timezone = 'America/New_York' WHERE email = 'p1@example.com'")
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00 local\nnot_after: 2h\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "run", now=NOW.replace(day=21, hour=8)) == 0
    assert "1 expired" in told(0, "run", now=NOW + 3 * DAY)
    assert states(shop) == {"accepted": 2, "expired": 1}


def test_a_clock_that_went_back_sends_nothing(
    shop: Workspace, mail_sink: Callable[..., Sink], told: Callable[..., str]
) -> None:
    sink = mail_sink()
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    later = clock.now() + HOUR
    with shop.store.transaction() as tx:
        state.put(tx, tick.CLOCK_MARK, str(clock.to_ms(later)))
    for words in (["run"], ["send", "hello", "--yes"]):
        said = told(69, *words)
        assert "nothing is sent until the clock is right" in said
        assert clock.iso(clock.from_ms(clock.to_ms(later))) in said
    assert len(sink.accepted()) == 1


def test_a_clock_that_is_a_minute_behind_is_no_matter(shop: Workspace) -> None:
    with shop.store.transaction() as tx:
        state.put(tx, tick.CLOCK_MARK, str(clock.to_ms(clock.now() + timedelta(minutes=1))))
    assert mailflow(shop, "run") == 0


def test_another_time_by_option_does_not_move_the_mark(shop: Workspace) -> None:
    assert mailflow(shop, "run", now=NOW + 3000 * DAY) == 0
    assert state.get(shop.store.db, tick.CLOCK_MARK) is None
    assert mailflow(shop, "run") == 0
    assert state.get(shop.store.db, tick.CLOCK_MARK) is not None


# Second looks -------------------------------------------------------------------------------------------------------


def test_who_was_skipped_is_looked_at_again_after_an_hour(shop: Workspace) -> None:
    add_people(shop, ["later@example.com"], consent=None)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "contact", "subscribe", "later@example.com", "--evidence", "asked", now=NOW) == 0
    assert mailflow(shop, "run", now=NOW + HOUR / 2) == 0
    assert len(letters(shop)) == 3
    assert mailflow(shop, "run", now=NOW + HOUR) == 0
    assert sorted(letters(shop))[0] == "later@example.com"
    assert len(letters(shop)) == 4


def test_who_was_skipped_does_not_get_it_when_it_is_too_late(shop: Workspace) -> None:
    add_people(shop, ["later@example.com"], consent=None)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "contact", "subscribe", "later@example.com", "--evidence", "asked", now=NOW) == 0
    assert mailflow(shop, "run", now=NOW + 25 * HOUR) == 0
    assert len(letters(shop)) == 3


def test_a_limited_sending_takes_in_nobody_later(shop: Workspace) -> None:
    add_people(shop, ["later@example.com"], consent=None)
    assert mailflow(shop, "send", "hello", "--yes", "--limit", "2", now=NOW) == 0
    assert mailflow(shop, "contact", "subscribe", "later@example.com", "--evidence", "asked", now=NOW) == 0
    assert mailflow(shop, "run", now=NOW + 2 * HOUR) == 0
    assert len(letters(shop)) == 2


def test_a_finished_campaign_may_be_edited_without_a_word(shop: Workspace, told: Callable[..., str]) -> None:
    add_people(shop, ["no@example.com"], consent=None)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    write_campaign(shop.root, "hello", CAMPAIGN + "name: for next time\n")
    assert told(0, "run", now=NOW + 2 * HOUR) == ""
    reason = shop.store.db.execute("SELECT reason FROM messages WHERE state = 'skipped'").fetchone()[0]
    assert reason == "no_consent"  # the reason stays the one that holds


# Stops --------------------------------------------------------------------------------------------------------------


def test_a_stop_of_everything_holds_until_it_is_taken_back(shop: Workspace, told: Callable[..., str]) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "stop", "--reason", "wrong price") == 0
    assert "everything is stopped (wrong price): `mailflow resume` first" in told(78, "send", "hello", "--yes")
    assert "hello is stopped" in told(0, "run", now=NOW + DAY)
    assert letters(shop) == []
    assert mailflow(shop, "resume") == 0
    assert mailflow(shop, "run", now=NOW + DAY) == 0
    assert len(letters(shop)) == 3


def test_a_stop_of_one_campaign_lets_the_others_go(shop: Workspace, told: Callable[..., str]) -> None:
    write_campaign(shop.root, "other", CAMPAIGN)
    assert mailflow(shop, "stop", "hello") == 0
    assert "this campaign is stopped" in told(78, "send", "hello", "--yes")
    assert mailflow(shop, "send", "other", "--yes") == 0
    assert len(letters(shop)) == 3


def test_a_stop_takes_effect_in_a_run_that_is_at_work(tmp_path: Path, mail_sink: Callable[..., Sink]) -> None:
    shop = make_shop(tmp_path / "shop", people=200)
    sink = mail_sink(Fault("DOT", "wait", skip=10))
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    sending = mailflow_process(shop, "send", "hello", "--yes")
    while len(sink.accepted()) < 10 and sending.poll() is None:
        time.sleep(0.01)
    assert mailflow(shop, "stop") == 0
    sink.release()
    assert sending.wait(timeout=120) == 1
    assert len(sink.accepted()) <= 10 + 4  # what stood at its dot, one per connection
    assert mailflow(shop, "resume") == 0
    assert mailflow(shop, "run") == 0
    got = [to for _, to in sink.accepted()]
    assert len(got) == len(set(got)) == 201


# Two at once, killed, and nothing to do -----------------------------------------------------------------------------


def mailflow_process(shop: Workspace, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mailflow", *words, "--workspace", str(shop.root)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_of_two_runs_at_once_the_second_leaves_at_once(tmp_path: Path, mail_sink: Callable[..., Sink]) -> None:
    shop = make_shop(tmp_path / "shop", people=40)
    sink = mail_sink(Fault("DOT", "wait", skip=2))
    with_relay(shop.root, sink.port)
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    first = mailflow_process(shop, "send", "hello", "--yes")
    while len(sink.accepted()) < 2 and first.poll() is None:
        time.sleep(0.01)
    for words in (["run"], ["send", "hello", "--yes"]):
        second = mailflow_process(shop, *words)
        assert second.wait(timeout=120) == 75
        assert "another mailflow is importing or sending" in second.communicate()[1]
        assert first.poll() is None, "the second did not leave at once"
    sink.release()
    assert first.wait(timeout=120) == 0
    got = [to for _, to in sink.accepted()]
    assert len(got) == len(set(got)) == 41


def test_the_lock_goes_with_a_killed_run(shop: Workspace) -> None:
    script = "import sys, time\nfrom pathlib import Path\nfrom mailflow.workspace import Workspace\n"
    script += "with Workspace.at(Path(sys.argv[1])).lock():\n    print('held', flush=True)\n    time.sleep(60)\n"
    holder = subprocess.Popen([sys.executable, "-c", script, str(shop.root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert mailflow(shop, "run") == 75
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(timeout=60)
    holder.stdout.close()
    assert mailflow(shop, "run") == 0


def test_a_run_with_nothing_due_loads_nothing_heavy(shop: Workspace) -> None:
    assert mailflow(shop, "send", "hello", "--yes") == 0
    script = (
        "import sys; from mailflow.cli.main import run; code = run(['run', '--workspace', sys.argv[1]]);"
        " heavy = {'pandas', 'numpy', 'sqlite_utils', 'asyncio', 'jinja2', 'aiosmtplib', 'rich'};"
        " print(code, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(shop.root)], capture_output=True, text=True, check=True)
    assert done.stdout.split(" ", 1)[0] == "0"
    loaded = done.stdout.split(" ", 1)[1].strip()
    assert loaded == "[]", loaded
    assert done.stderr == ""
