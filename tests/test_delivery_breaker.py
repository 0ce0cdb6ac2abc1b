"""What ends or slows a run: refusals of us, too many refusals of them, the owner's stop, limits of the relay."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.cli.main import run
from mailflow.delivery.rate import Limiter
from mailflow.store import campaigns
from posting import NOW, Post, audit, make_shop, relay, states_of
from sink import Fault, Sink

Start = Callable[..., Sink]
SCOPE = "campaign:spring"


def dots(sink: Sink) -> int:
    """Return how many messages were taken, by any connection."""
    return len(sink.accepted())


def count(sink: Sink, verb: str) -> int:
    return sum(line.upper().startswith(verb.upper()) for line in sink.commands())


@pytest.mark.parametrize("text", ["550 5.7.27 no SPF", "421 4.7.30 no DKIM", "550 5.7.515 Access denied"])
def test_a_refusal_of_the_sender_stops_the_campaign_and_punishes_nobody(
    mail_sink: Start, tmp_path: Path, text: str
) -> None:
    sink = mail_sink(Fault("DOT", "reply", text=text))
    post = Post(tmp_path / "post", 40)
    report = post.run(relay(sink.port, connections=2))
    audit(post, sink)
    assert text in report.stopped[SCOPE]
    assert post.suppressions() == []
    assert count(sink, "MAIL") <= 4  # what stood at its dot meanwhile
    assert set(post.states()) == {"deferred", "ready"}
    assert {row["attempts"] for row in post.rows()} == {0}


def test_more_than_a_twentieth_refused_stops_after_a_hundred(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="550 mailbox unavailable", times=6))
    post = Post(tmp_path / "post", 150)
    report = post.run(relay(sink.port, connections=1))
    audit(post, sink)
    assert "6% of 100 messages were refused" in report.stopped[SCOPE]
    states = post.states()
    assert (states.count("failed"), states.count("accepted"), states.count("ready")) == (6, 94, 50)
    assert post.suppressions() == []


def test_a_twentieth_refused_stops_nothing(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="550 mailbox unavailable", times=5))
    post = Post(tmp_path / "post", 110)
    report = post.run(relay(sink.port, connections=1))
    assert report.stopped == {}
    assert post.states().count("accepted") == 105


def test_resume_lets_a_stopped_campaign_go_on(
    mail_sink: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink(Fault("MAIL", "reply", text="550 5.7.1 who are you", times=1))
    settings = f"{{host: 127.0.0.1, port: {sink.port}, tls: none, connections: 1}}"
    shop = make_shop(tmp_path / "shop", settings, 10)
    where = ["--workspace", str(shop.root), "--quiet"]
    assert run(["send", "hello", "--yes", *where]) == 1
    assert "hello was stopped: the relay refuses us as a sender: 550 5.7.1 who are you" in capsys.readouterr().err
    assert dots(sink) == 0
    assert run(["run", *where]) == 0  # it waits, as somebody wanted it to
    assert dots(sink) == 0
    assert run(["resume", "hello", *where]) == 0
    assert run(["run", *where]) == 0
    # The one that met the refusal waits for its five minutes.
    assert states_of(shop) == {"accepted": 9, "deferred": 1}
    assert set(sink.copies().values()) == {1}


def test_a_stop_of_everything_is_lifted_by_one_resume(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(Fault("DOT", "wait", skip=5))
    settings = f"{{host: 127.0.0.1, port: {sink.port}, tls: none, connections: 2}}"
    shop = make_shop(tmp_path / "shop", settings, 60)
    where = ["--workspace", str(shop.root), "--quiet"]
    sending = subprocess.Popen(
        [sys.executable, "-m", "mailflow", "send", "hello", "--yes", *where], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while dots(sink) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run(["stop", *where]) == 0
    armed = shop.store.db.execute("SELECT count(*) FROM attempts").fetchone()[0]
    sink.release()
    _, said = sending.communicate(timeout=120)
    assert sending.returncode == 1
    assert "stopped" in said
    assert dots(sink) <= armed  # nothing was armed after the stop, so no later dot went out
    assert shop.store.db.execute("SELECT count(*) FROM attempts").fetchone()[0] == armed
    assert 0 < dots(sink) < 60
    assert states_of(shop).keys() <= {"accepted", "ready", "planned"}
    assert run(["resume", *where]) == 0
    assert run(["run", *where]) == 0
    assert states_of(shop) == {"accepted": 60}
    assert set(sink.copies().values()) == {1}


def test_a_stop_during_a_run_comes_before_the_next_dot(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(Fault("DOT", "delay", seconds=0.02))
    post = Post(tmp_path / "post", 30)
    armed: list[int] = []

    def stop_after_five() -> None:
        if dots(sink) >= 5 and not armed:
            with post.store.transaction() as tx:
                campaigns.stop(tx, SCOPE, "by hand", at=clock.to_ms(NOW))
                armed.append(tx.execute("SELECT count(*) FROM attempts").fetchone()[0])

    report = post.run(relay(sink.port, connections=3), on_settled=stop_after_five)
    audit(post, sink)
    assert report.halted == {SCOPE}
    assert report.stopped == {}  # it is the owner's stop: delivery adds none of its own
    assert dots(sink) == armed[0]
    assert set(post.states()) == {"accepted", "ready"}


def test_ten_messages_take_two_connections(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink()
    post = Post(tmp_path / "post", 10)
    post.run(relay(sink.port, connections=2))
    assert count(sink, "(connected)") == 2
    assert count(sink, "MAIL") == dots(sink) == 10
    assert count(sink, "QUIT") == 2


def test_a_connection_is_renewed_after_a_hundred_messages(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink()
    post = Post(tmp_path / "post", 102)
    post.run(relay(sink.port, connections=1))
    assert dots(sink) == 102
    assert count(sink, "(connected)") == count(sink, "QUIT") == 2
    until_the_second = sink.commands()[: len(sink.commands()) - sink.commands()[::-1].index("(connected)")]
    assert sum(line.startswith("MAIL") for line in until_the_second) == 100


def test_a_relay_that_allows_one_connection_gets_all_by_it(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(Fault("CONNECT", "reply", text="421 4.7.0 too many connections", skip=1))
    post = Post(tmp_path / "post", 20)
    report = post.run(relay(sink.port, connections=4))
    assert report.down is None
    assert post.states() == ["accepted"] * 20
    assert count(sink, "(connected)") == 2


def test_a_relay_that_goes_away_leaves_the_rest_open_and_says_so(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(Fault("MAIL", "reply", text="421 4.3.2 going down", skip=5))
    post = Post(tmp_path / "post", 30)
    report = post.run(relay(sink.port, connections=1))
    audit(post, sink)
    assert str(report.down) == "421 4.3.2 going down"
    states = post.states()
    assert (states.count("accepted"), states.count("deferred"), states.count("ready")) == (5, 3, 22)


def test_a_message_too_big_for_the_relay_fails_without_being_offered(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(size=5_000)
    post = Post(tmp_path / "post", 3, size=9_000)
    post.run(relay(sink.port))
    assert post.states() == ["failed"] * 3
    assert "the relay takes 5,000" in post.rows()[0]["reply"]
    assert count(sink, "MAIL") == 0


def test_an_address_that_no_command_can_hold_fails_alone(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink()
    post = Post(tmp_path / "post", addresses=["anna@example.com", "jürgen@example.com", "zoe@example.com"])
    post.run(relay(sink.port))
    assert post.states() == ["accepted", "failed", "accepted"]
    assert "SMTPUTF8" in post.rows()[1]["reply"]
    assert post.suppressions() == []


def test_a_domain_in_letters_is_written_as_the_wire_wants_it(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink()
    shop = make_shop(tmp_path / "shop", f"{{host: 127.0.0.1, port: {sink.port}, tls: none}}", 1)
    folder = tmp_path / "more.csv"
    folder.write_text("email,first_name\nanna@bücher.example,Anna\njürgen@example.com,Jürgen\n", encoding="utf-8")
    where = ["--workspace", str(shop.root), "--quiet"]
    run(["import", str(folder), "--consent", "express", "--evidence", "asked", *where])
    run(["send", "hello", "--yes", *where])
    assert "anna@xn--bcher-kva.example" in {to for _, to in sink.accepted()}


@pytest.mark.parametrize(("per_minute", "turns"), [(600, 6), (1200, 9)])
def test_messages_per_minute_are_kept(mail_sink: Start, tmp_path: Path, per_minute: int, turns: int) -> None:
    sink = mail_sink()
    post = Post(tmp_path / "post", turns)
    begun = time.monotonic()
    post.run(relay(sink.port, connections=3, per_minute=per_minute))
    assert time.monotonic() - begun >= (turns - 1) * 60 / per_minute
    assert dots(sink) == turns


def test_turns_are_spaced_evenly_whoever_asks() -> None:
    async def take() -> list[float]:
        loop = asyncio.get_running_loop()
        limiter = Limiter(3000, loop.time)
        taken: list[float] = []

        async def worker() -> None:
            for _ in range(5):
                await limiter.turn()
                taken.append(loop.time())

        await asyncio.gather(*(worker() for _ in range(4)))
        return taken

    taken = asyncio.run(asyncio.wait_for(take(), 10))
    assert taken[-1] - taken[0] >= 19 * 0.02 * 0.95


def test_a_stopped_campaign_does_not_wait_for_turns(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(Fault("MAIL", "reply", text="550 5.7.1 who are you"))
    post = Post(tmp_path / "post", 40)
    begun = time.monotonic()
    post.run(relay(sink.port, connections=1, per_minute=60))
    assert time.monotonic() - begun < 10
    assert count(sink, "MAIL") == 1
