"""What lint says of polls: one that is not there, one that is closed, one that nobody can answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import poll_shop
from mail_shop import NOW, write_campaign
from mailflow.jobs import lint
from mailflow.jobs.lint import Options
from mailflow.workspace import Workspace

HEAD = '---\nsubject: "One question"\npreheader: "It takes one click, and it decides what stands on the shelf."\n---\n'
ASKS = 'Hello, a question.\n\n{% with poll=polls.spring %}{% include "mailflow/poll.html" %}{% endwith %}\n'


def findings(shop: Workspace, *, now: datetime = NOW) -> list[tuple[str, str, int]]:
    """Return the errors of lint as (code, place, people)."""
    report = lint.lint(Workspace.at(shop.root), Options(names=("hello",)), now=now)
    return [(each.check.code, each.where, each.people) for each in report.findings if each.check.severity == "error"]


def write(shop: Workspace, body: str) -> None:
    (shop.templates / "hello.md").write_text(HEAD + body, encoding="utf-8")


@pytest.mark.parametrize(
    "body",
    [
        ASKS,
        ASKS.replace("spring", "brew"),
        "{{ polls.brew.question }}\n{% for one in polls.brew.answers %}[{{ one.text }}]({{ one.url }})\n{% endfor %}",
        "You said {{ polls.spring.answer.text if polls.spring.answer else 'nothing yet' }}, and we listened.\n",
        "{% for name in polls %}{{ polls[name].name }} {% endfor %}\n",
    ],
)
@pytest.mark.parametrize("extra", ["", poll_shop.ONLINE])
def test_nothing_is_wrong_with_a_poll_that_is_there_open_and_has_links(tmp_path: Path, body: str, extra: str) -> None:
    shop = poll_shop.make(tmp_path, extra=extra)
    write(shop, body)
    assert findings(shop) == []


def test_a_poll_that_is_not_there_is_told_with_its_line_where_nobody_takes_the_branch(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    write(shop, ASKS + "\n{% if contact.city == 'Graz' %}{{ polls.sprng.question }}{% endif %}\n")
    assert findings(shop) == [("L701", "templates/hello.md:9", 0)]
    (tmp_path / "polls.yaml").unlink()
    assert ("L701", "templates/hello.md:7", 0) in findings(shop)


def test_a_poll_that_is_closed_when_the_last_message_is_due_is_told(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    write(shop, ASKS)
    assert findings(shop, now=datetime(2026, 4, 15, 21, 59, tzinfo=UTC)) == []
    assert findings(shop, now=datetime(2026, 4, 15, 22, tzinfo=UTC)) == [("L702", "polls.yaml:7:11", 0)]
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nsend_at: 2026-04-16 09:00\n")
    assert findings(shop) == [("L702", "polls.yaml:7:11", 0)]


def test_a_question_without_a_link_to_an_answer_is_told_with_its_people(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    write(
        shop,
        "A question:\n\n{{ polls.brew.question }}\n\n{% for one in polls.brew.answers %}* {{ one.text }}\n{% endfor %}",
    )
    assert findings(shop) == [("L703", "templates/hello.md:7:4", 3)]


def test_a_broken_file_of_polls_is_told_and_stops_nothing_else(tmp_path: Path) -> None:
    poll_shop.make(tmp_path)
    (tmp_path / "polls.yaml").write_text("spring: {question: q, answers: {a: x}}\n", encoding="utf-8")
    report = lint.lint(Workspace.at(tmp_path), Options(), now=NOW)
    told = [each for each in report.findings if each.check.code == "L001"]
    assert [each.where for each in told] == ["polls.yaml:1:32"]
