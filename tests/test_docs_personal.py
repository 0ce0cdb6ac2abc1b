"""docs/personal.md: every example on it works as it stands, and the table of forms tells the truth."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mail_shop import make_shop
from mailflow import templates
from mailflow.jobs import personal
from mailflow.outbox.days import Days
from mailflow.templates import context
from mailflow.templates.environment import TEXT, run

PAGE = (Path(__file__).parents[1] / "docs" / "personal.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
MESSAGES = [text for kind, text in EXAMPLES if kind == "markdown"]
ROWS = re.findall(r"^\| `(.*)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
OFFER = {"code": "SPRING-1", "expires_on": date(2026, 3, 27), "title": None}


@pytest.mark.parametrize("text", MESSAGES)
def test_every_message_on_the_page_can_be_sent(tmp_path: Path, text: str) -> None:
    shop = make_shop(tmp_path / "shop", 1, extra="fields: {donated: {type: number}}\n")
    (shop.root / "context.csv").write_text(example("csv"), encoding="utf-8")
    (shop.root / "choices.yaml").write_text(example("yaml", "hero:"), encoding="utf-8")
    (shop.root / "impact.yaml").write_text(example("yaml", "trees:"), encoding="utf-8")
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    template = templates.load(shop.templates, "hello")
    shared = {"campaign": {}, "unsubscribe_url": "mailto:out@quitte.example", "offer": OFFER}
    for known in (
        personal.sample(shop, template, now=NOW),
        personal.contexts(shop, template, [1], now=NOW)[1],
    ):
        if "donated" in text:
            known["contact"]["impact"] |= {"donated": 120, "trees": 6}
        made = template.render({**known, **shared})
        assert made.subject
        assert "{%" not in made.html + made.text


def example(kind: str, word: str = "") -> str:
    (found,) = [text for each, text in EXAMPLES if each == kind and word in text]
    return str(found)


@pytest.mark.parametrize(("written", "english", "german", "austrian"), ROWS)
def test_the_table_of_forms_tells_the_truth(written: str, english: str, german: str, austrian: str) -> None:
    def shown(language: str, country: str | None) -> str:
        contact = {"language": language, "country": country}
        values = {"language": language, "contact": contact, "shop": {"currency": "EUR"}, "today": date(2026, 3, 20)}
        return run(TEXT.from_string(written), values).replace("\N{NO-BREAK SPACE}", " ")

    assert (shown("en", None), shown("de", "DE"), shown("de", "AT")) == (english, german, austrian)


def test_the_table_has_every_form() -> None:
    assert len(ROWS) == 9


def test_the_days_on_the_page_are_told_by_place(tmp_path: Path) -> None:
    (tmp_path / "context.csv").write_text(example("csv"), encoding="utf-8")
    known = Days(tmp_path, "Europe/Vienna")
    assert known.of({"city": "Graz"}, date(2026, 3, 20))[1] == {"weather": "snow", "high": -2}
    assert known.of({"country": "DE"}, date(2026, 3, 20))[1] == {"weather": "mixed", "high": 12}


def test_the_page_names_what_templates_know_here() -> None:
    known = context.sample()
    for name in ("season", "lifecycle", "personalised", "choices", "day"):
        assert name in {**known, **known["contact"]}
        assert name in PAGE
