"""docs/polls.md: its files are read, its messages are made, its rules are rules."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mail_shop import make_shop, write_campaign
from mailflow.campaigns import spec
from mailflow.config.polls import Polls
from mailflow.jobs import preview
from mailflow.segments import Segments
from mailflow.templates.lint.checks import CHECKS
from mailflow.workspace import Workspace

PAGE = (Path(__file__).parents[1] / "docs" / "polls.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
MESSAGES = [text for kind, text in EXAMPLES if kind == "markdown"]
RULES = re.findall(r"`(?:audience: )?([^`]*answered\([^`]*)`", PAGE)
NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    make_shop(tmp_path, 1, extra="fields: {favourite_tea: {type: text}}\n")
    (tmp_path / "polls.yaml").write_text(next(text for kind, text in EXAMPLES if kind == "yaml"), encoding="utf-8")
    offer = "spring10: {value: 10%, code: SPRING10, expires: 2026-03-23}\n"
    (tmp_path / "offers.yaml").write_text(offer, encoding="utf-8")
    return Workspace.at(tmp_path)


def test_the_file_of_the_page_holds_a_poll_and_a_quiz(shop: Workspace) -> None:
    found = Polls.open(shop.root, shop.settings).by_name
    assert [(name, poll.is_quiz, len(poll.answers)) for name, poll in found.items()] == [
        ("spring", False, 3), ("brew", True, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("text", MESSAGES)
def test_every_message_on_the_page_can_be_sent(shop: Workspace, text: str) -> None:
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    made = preview.preview(shop, "hello", "p1@example.com", now=NOW).rendered
    assert made.subject
    assert "{%" not in made.html + made.text
    if "countdown" in text:
        assert "3 days left" in made.subject


def test_every_rule_on_the_page_is_one(shop: Workspace) -> None:
    known = Segments.open(shop.root, shop.settings, shop.store.db)
    rules = [rule for rule in RULES if "(…)" not in rule]
    assert len(rules) >= 3
    for rule in rules:
        known.parse(rule)


def test_the_campaign_of_the_page_has_a_deadline(shop: Workspace) -> None:
    text = next(text for kind, text in EXAMPLES if kind == "yaml" and "deadline:" in text)
    write_campaign(shop.root, "christmas", text)
    assert str(spec.read(shop.root / "campaigns" / "christmas.yaml").spec.deadline) == "2026-12-18"


def test_the_codes_on_the_page_are_checks() -> None:
    assert set(re.findall(r"\bL\d{3}\b", PAGE)) <= set(CHECKS)
