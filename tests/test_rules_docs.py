"""docs/segments.md: every rule on the page is one, and every mistake on it is told so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailflow.rules import Names, RuleError, known_fields, parse
from mailflow.rules.functions import FUNCTIONS
from mailflow.rules.parse import __doc__ as grammar
from mailflow.segments.segments import RFM_CLASSES
from rule_shop import DECLARED

PAGE = (Path(__file__).parents[1] / "docs" / "segments.md").read_text(encoding="utf-8")
_QUESTIONS = PAGE.partition("<!-- rules -->")[2].partition("\n\n")[0]
RULES = re.findall(r"^\| [^|]+ \| `([^`]+)` \|$", _QUESTIONS, re.MULTILINE)
_MISTAKES = PAGE.partition("| you write | you are told |")[2].partition("\n\n")[0]
MISTAKES = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|$", _MISTAKES, re.MULTILINE)
FIELDS = known_fields(DECLARED, RFM_CLASSES)
NAMES = Names(events=frozenset({"ticket_opened"}), categories=frozenset({"tea"}))


def test_the_page_has_its_examples() -> None:
    assert len(RULES) > 20
    assert len(MISTAKES) > 5


@pytest.mark.parametrize("text", RULES)
def test_a_rule_of_the_page_is_one(text: str) -> None:
    parse(text, fields=FIELDS)


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_of_the_page_is_told(text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text, fields=FIELDS, names=NAMES)
    assert caught.value.message.startswith(message.removesuffix(" …"))


def test_the_page_names_every_field_and_function() -> None:
    parts = (".month", ".hour", ".weekday")
    own = {name for name in FIELDS if FIELDS[name].attribute is not None}
    for name in FIELDS.keys() - own:
        assert f"`{name}`" in PAGE or name.endswith(parts), name
    for name in FUNCTIONS:
        assert f"`{name}(" in PAGE


def test_the_page_has_the_grammar_that_the_parser_follows() -> None:
    rules = [line.strip() for line in (grammar or "").splitlines() if " = " in line or line.strip().startswith("|")]
    assert len(rules) >= 8
    for line in rules:
        assert line in PAGE
