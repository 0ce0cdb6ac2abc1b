"""Answers in files and by hand, and the report of polls."""

from __future__ import annotations

import csv
import io
import json
import mailbox
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs

import pytest

import poll_shop
from mail_shop import NOW, mailflow, with_relay
from mailflow import clock
from mailflow.errors import DataError, UsageError
from mailflow.jobs import polls as job
from mailflow.jobs.polls import LEADS, TOO_EARLY
from mailflow.store import polls
from mailflow.tracking.polls import Result, Said, read, sign
from mailflow.workspace import Workspace
from sink import Sink

LATER = NOW + timedelta(days=2)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return poll_shop.make(tmp_path, 4)


def link(shop: Workspace, contact_id: int, answer: str) -> str:
    row = shop.store.db.execute("SELECT token FROM messages WHERE contact_id = ?", (contact_id,)).fetchone()
    token = row["token"] if row else poll_shop.ask(shop, contact_id)
    return sign(shop.keys, Said(token, "spring", answer))


def counted(shop: Workspace) -> dict[str, int]:
    return dict(polls.tally(shop.store.db, "spring", until=None).answers)


def request(method: str, signed: str, at: str = "21/Mar/2026:09:00:00 +0100", status: int = 200) -> str:
    return f'203.0.113.9 - - [{at}] "{method} /a/{signed} HTTP/1.1" {status} 512 "-" "Mozilla/5.0"\n'


def test_of_a_log_only_what_was_confirmed_counts(tmp_path: Path, shop: Workspace) -> None:
    one, two, three = (link(shop, number, "green") for number in (1, 2, 3))
    log = tmp_path / "access.log"
    lines = [request("GET", one), request("HEAD", two), request("GET", three), request("POST", three)]
    log.write_text("".join(lines), encoding="utf-8")
    assert job.take(shop, log, now=LATER).results == {Result.ASKS: 3, Result.RECORDED: 1}
    assert counted(shop) == {"green": 1}
    (row,) = shop.store.db.execute("SELECT occurred_at FROM events").fetchall()
    assert row[0] == datetime.fromisoformat("2026-03-21T09:00+01:00").timestamp() * 1000
    assert job.take(shop, log, now=LATER + timedelta(days=1)).results == {Result.ASKS: 3, Result.UNCHANGED: 1}


def test_the_lines_of_a_log_come_to_the_last_answer_however_often_it_is_read(tmp_path: Path, shop: Workspace) -> None:
    log = tmp_path / "access.log"
    same = "21/Mar/2026:09:00:00 +0100"
    lines = [request("POST", link(shop, 1, key), same) for key in ("green", "none", "black")]
    log.write_text("".join(lines), encoding="utf-8")
    for _ in range(3):
        job.take(shop, log, now=LATER)
        assert counted(shop) == {"black": 1}
    assert shop.store.db.execute("SELECT count(*) FROM events").fetchone()[0] == 3


def test_what_came_after_the_last_day_is_told_and_not_counted(tmp_path: Path, shop: Workspace) -> None:
    log = tmp_path / "access.log"
    late = request("POST", link(shop, 1, "green"), "16/Apr/2026:00:00:00 +0200")
    log.write_text(late + request("POST", link(shop, 2, "green"), "15/Apr/2026:23:59:59 +0200"), encoding="utf-8")
    found = job.take(shop, log, now=LATER + timedelta(days=60))
    assert found.results == {Result.CLOSED: 1, Result.RECORDED: 1}
    assert counted(shop) == {"green": 1}


def test_a_log_as_json_lines_is_read_too(tmp_path: Path, shop: Workspace) -> None:
    log = tmp_path / "access.jsonl"
    rows = [
        {"time": "2026-03-21T08:00:00Z", "method": method, "path": f"/a/{link(shop, number, 'green')}"}
        for number, method in ((1, "GET"), (2, "POST"))
    ]
    log.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert job.take(shop, log, now=LATER).results == {Result.ASKS: 1, Result.RECORDED: 1}


def test_nonsense_and_forged_links_are_counted_as_such(tmp_path: Path, shop: Workspace) -> None:
    forged = link(shop, 1, "green").replace("green", "black")
    log = tmp_path / "access.log"
    log.write_bytes(b"\xff\xfe\x00 nonsense\n" + request("POST", forged).encode() + b"x" * 200_000)
    assert job.take(shop, log, now=LATER).results == {Result.INVALID: 1}
    assert counted(shop) == {}


def reply(shop: Workspace, contact_id: int, at: str = "Sat, 21 Mar 2026 10:00:00 +0100") -> EmailMessage:
    """Return the mail that the first link of somebody's message opens, sent as it is."""
    said = read(shop.keys, link(shop, contact_id, "green"))
    assert said is not None
    sent = message_from_bytes(poll_shop.letter(shop, contact_id, token=said.token).data, policy=policy.default)
    body = sent.get_body(("html",))
    assert body is not None
    address = unescape(re.findall(r'href="(mailto:hello@quitte.example[^"]*)"', body.get_content())[0])
    mail = EmailMessage()
    mail["From"], mail["To"] = f"p{contact_id}@example.com", "hello@quitte.example"
    mail["Subject"] = parse_qs(address.partition("?")[2])["subject"][0]
    mail["Date"] = at
    mail.set_content(f"> {link(shop, contact_id, 'black')}\n")  # the answer quotes our mail with all its links
    return mail


def test_mails_that_the_links_opened_are_answers(tmp_path: Path, shop: Workspace) -> None:
    box = mailbox.mbox(tmp_path / "replies.mbox")
    for number in (1, 2):
        box.add(reply(shop, number))
    box.close()
    (tmp_path / "one.eml").write_bytes(reply(shop, 3).as_bytes())
    folder = mailbox.Maildir(tmp_path / "maildir")
    folder.add(reply(shop, 4))
    for name, number in (("replies.mbox", 2), ("one.eml", 1), ("maildir", 1)):
        assert job.take(shop, tmp_path / name, now=LATER).results == {Result.RECORDED: number}, name
    assert counted(shop) == {"green": 4}
    assert job.take(shop, tmp_path / "replies.mbox", now=LATER).results == {Result.UNCHANGED: 2}


def test_a_table_says_who_gave_which_answer_and_its_mistakes_are_told(tmp_path: Path, shop: Workspace) -> None:
    table = tmp_path / "counter.csv"
    table.write_text(
        "E-Mail;Poll;Answer;answered_at\n"
        "p1@example.com;spring;GREEN;2026-03-21 10:00\n"
        "p2@example.com;spring;black;\n"
        "p3@example.com;spring;mauve;\n"
        "p4@example.com;;green;\n"
        "nobody@example.com;spring;green;\n"
        "p4@example.com;sprng;green;\n"
        "p4@example.com;spring;green;yesterday\n".replace("E-Mail", "email"),
        encoding="utf-8",
    )
    found = job.take(shop, table, now=LATER)
    assert found.results == {Result.RECORDED: 2}
    told = {problem.line: problem.message for problem in found.problems}
    assert list(told) == [4, 5, 6, 7, 8]
    assert told[4].startswith("the poll 'spring' has no answer 'mauve'")
    assert told[5] == "poll is blank"
    assert told[6].startswith("nobody@example.com: nobody")
    assert told[7].startswith("there is no poll 'sprng'")
    assert "yesterday" in told[8]
    assert counted(shop) == {"green": 1, "black": 1}


def test_a_file_that_is_not_there_is_told(tmp_path: Path, shop: Workspace) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        job.take(shop, tmp_path / "missing.log", now=LATER)


def test_a_file_that_is_no_text_is_told(shop: Workspace) -> None:
    with pytest.raises(DataError, match="this is no text"):
        job.take(shop, shop.root / "mailflow.db", now=LATER)


@pytest.mark.parametrize(
    "at", ["45/Jan/2026:10:00:00 +0000", "01/Jan/0001:10:00:00 +2300", "05/Jan/2026:10:00:00 +9900"]
)
def test_a_line_with_a_time_that_never_was_counts_as_of_now(tmp_path: Path, shop: Workspace, at: str) -> None:
    log = tmp_path / "access.log"
    log.write_text(request("POST", link(shop, 1, "green"), at), encoding="utf-8")
    assert job.take(shop, log, now=LATER).results == {Result.RECORDED: 1}
    (row,) = shop.store.db.execute("SELECT occurred_at FROM events").fetchall()
    assert row[0] == clock.to_ms(LATER)


def test_a_mail_with_a_date_beyond_all_calendars_counts_as_of_now(tmp_path: Path, shop: Workspace) -> None:
    (tmp_path / "one.eml").write_bytes(reply(shop, 1, at="Fri, 31 Dec 9999 23:00:00 -2300").as_bytes())
    assert job.take(shop, tmp_path / "one.eml", now=LATER).results == {Result.RECORDED: 1}


def test_a_row_that_is_none_ends_a_table_and_what_stands_above_it_counts(tmp_path: Path, shop: Workspace) -> None:
    table = tmp_path / "counter.csv"
    endless = f'p2@example.com,spring,"{"x" * 200_000}"\n'
    table.write_text(f"email,poll,answer\np1@example.com,spring,green\n{endless}", encoding="utf-8")
    found = job.take(shop, table, now=LATER)
    assert found.results == {Result.RECORDED: 1}
    (problem,) = found.problems
    assert (problem.file, problem.line) == ("counter.csv", 3)
    assert "nothing is read from here on" in problem.message


def test_the_report_counts_people_and_says_how_sure_it_is(shop: Workspace) -> None:
    for number, answer in ((1, "green"), (2, "green"), (3, "black")):
        poll_shop.ask(shop, number)
        job.answer(shop, "spring", f"p{number}@example.com", answer, at=NOW, now=LATER)
    poll_shop.ask(shop, 4)
    (line,) = job.report(shop, "spring", now=LATER)
    assert (line.asked, line.asked_and_answered, line.answered, line.state, line.verdict) == (
        4,
        3,
        3,
        "open",
        TOO_EARLY,
    )
    green, black, none = line.answers
    assert (green.people, black.people, none.people) == (2, 1, 0)
    assert green.share is not None
    assert (round(green.share.value, 4), round(green.share.low, 4), round(green.share.high, 4)) == (
        0.6667,
        0.2077,
        0.9385,
    )
    assert job.report(shop, "spring", now=LATER + timedelta(days=60))[0].state == "closed"


def test_an_answer_leads_when_enough_people_prefer_it(shop: Workspace) -> None:
    from mail_shop import add_people

    add_people(shop, (f"q{number}@example.com" for number in range(40)))
    for number in range(40):
        job.answer(shop, "spring", f"q{number}@example.com", "green" if number < 28 else "black", at=NOW, now=LATER)
    assert job.report(shop, "spring", now=LATER)[0].verdict == LEADS
    for number in range(12):
        job.answer(shop, "spring", f"q{number}@example.com", "black", at=LATER, now=LATER)
    assert job.report(shop, "spring", now=LATER)[0].verdict == TOO_EARLY


def test_answers_and_polls_that_are_no_longer_in_the_file_stay_in_the_report(shop: Workspace) -> None:
    job.answer(shop, "spring", "p1@example.com", "green", at=NOW, now=LATER)
    job.answer(shop, "likes", "p1@example.com", "pots", at=NOW, now=LATER)
    text = (shop.root / "polls.yaml").read_text(encoding="utf-8").replace("    green: {en:", "    white: {en:")
    (shop.root / "polls.yaml").write_text(text.partition("likes:")[0], encoding="utf-8")
    found = {line.name: line for line in job.report(Workspace.at(shop.root), None, now=LATER)}
    assert [(one.key, one.people, one.text is None) for one in found["spring"].answers] == [
        ("white", 0, False), ("black", 0, False), ("none", 0, False), ("green", 1, True),
    ]  # fmt: skip
    assert (found["likes"].state, found["likes"].answered) == ("gone", 1)


def test_a_quiz_says_how_many_were_right(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for number, answer in ((1, "a"), (2, "b"), (3, "b")):
        assert mailflow(shop, "poll", "answer", "brew", f"p{number}@example.com", answer, now=NOW) == 0
    capsys.readouterr()
    assert mailflow(shop, "report", "polls", "brew", now=LATER) == 0
    told = capsys.readouterr().out
    assert "67% were right" in told
    assert "Too early to say" in told


def test_the_commands_print_rows_and_fail_as_they_should(
    tmp_path: Path, shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mailflow(shop, "poll", "answer", "spring", "p1@example.com", "green", "--format", "json", now=NOW) == 0
    assert json.loads(capsys.readouterr().out)["result"] == "recorded"
    assert mailflow(shop, "poll", "answer", "spring", "p1@example.com", "mauve", now=NOW) == 2
    assert mailflow(shop, "poll", "answer", "spring", "p1@example.com", "black", now=NOW + timedelta(days=60)) == 65
    assert "This poll is closed" in capsys.readouterr().err
    table = tmp_path / "t.csv"
    table.write_text("email,poll,answer\np2@example.com,spring,black\np3@example.com,spring,x\n", encoding="utf-8")
    assert mailflow(shop, "poll", "take", str(table), "--format", "json", now=NOW) == 1
    rows = {row["result"]: row["answers"] for row in json.loads(capsys.readouterr().out)}
    assert (rows["recorded"], rows["changed"], rows["asks"]) == (1, 0, 0)
    assert mailflow(shop, "report", "polls", "--format", "csv", now=NOW) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    spring = {line["answer"]: line for line in lines if line["poll"] == "spring"}
    assert {key: line["people"] for key, line in spring.items()} == {"green": "1", "black": "1", "none": "0"}
    assert mailflow(shop, "report", "polls", "sprng", now=NOW) == 2


def test_segments_and_templates_know_the_answer(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    job.answer(shop, "spring", "p2@example.com", "green", at=NOW, now=LATER)
    (shop.root / "segments.yaml").write_text('greens: answered("spring", "green")\n', encoding="utf-8")
    assert mailflow(shop, "segment", "greens", "--format", "json", now=LATER) == 0
    assert [row["email"] for row in json.loads(capsys.readouterr().out)] == ["p2@example.com"]
    text = "---\nsubject: x\n---\n{{ polls.spring.answer.text if polls.spring.answer else 'nothing' }}\n"
    (shop.root / "templates" / "hello.md").write_text(text, encoding="utf-8")
    for number, said in ((1, "nothing"), (2, "A green one")):
        assert mailflow(shop, "preview", "hello", "--for", f"p{number}@example.com", now=LATER) == 0
        assert said in capsys.readouterr().out
    assert mailflow(shop, "segment", "--rule", 'answered("sprng")', now=LATER) != 0
    assert "did you mean 'spring'?" in capsys.readouterr().err


def test_a_link_of_a_mail_that_was_really_sent_comes_back_as_an_answer(
    tmp_path: Path, mail_sink: Callable[..., Sink]
) -> None:
    root = tmp_path / "shop"
    shop = poll_shop.make(root, 2)
    with_relay(root, (sink := mail_sink(keep_bodies=True)).port, poll_shop.SETTINGS + poll_shop.ONLINE)
    (root / "polls.yaml").write_text(poll_shop.POLLS.replace("2026-04-15", "2199-04-15"), encoding="utf-8")
    assert mailflow(shop, "send", "hello", "--test-to", "me@quitte.example") == 0
    assert mailflow(shop, "send", "hello", "--yes") == 0
    log = tmp_path / "access.log"
    now = clock.now()
    for mail in sink.bodies():  # the owner's test, and two people
        body = message_from_bytes(mail, policy=policy.default).get_body(("html",))
        assert body is not None
        for method in ("HEAD", "GET"):  # a scanner follows every link
            for signed in poll_shop.tokens(body.get_content()):
                log.open("a").write(request(method, signed, f"{now:%d/%b/%Y:%H:%M:%S} +0000"))
        log.open("a").write(request("POST", poll_shop.tokens(body.get_content())[1], f"{now:%d/%b/%Y:%H:%M:%S} +0000"))
    shop = Workspace.at(root)
    assert job.take(shop, log, now=clock.now()).results == {Result.ASKS: 20, Result.TRIAL: 11, Result.RECORDED: 2}
    (line,) = job.report(shop, "spring", now=clock.now())
    assert (line.asked, line.asked_and_answered, counted(shop)) == (2, 2, {"black": 2})
