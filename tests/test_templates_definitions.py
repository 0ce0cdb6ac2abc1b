"""A name that a file of the workspace must define: the message names the file, and what it says to write works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mail_shop import NOW, make_shop
from mailflow.jobs import preview
from mailflow.templates import TemplateError
from mailflow.workspace import Workspace

FILES = {
    "contact.impact.trees": "impact.yaml",
    "choices.hero.text": "choices.yaml",
    "polls.spring.question": "polls.yaml",
    "contact.shoe_size": "mailflow.yaml",
}


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_shop(tmp_path / "shop", 1)


def asked(shop: Workspace, path: str, *, where: str = "body") -> str:
    """Preview a template that asks for something, and return what is said of it; nothing where it can be made."""
    tag = f"{{{{ {path} }}}}"
    subject, body = (f'"{tag}"', "Hi") if where == "subject" else ("Hi", tag)
    (shop.templates / "ask.md").write_text(f"---\nsubject: {subject}\n---\nHi\n\n{body}\n", encoding="utf-8")
    try:
        preview.preview(Workspace(shop.root), "ask", None, now=NOW)
    except TemplateError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("where", ["subject", "body"])
def test_the_file_is_named_and_what_it_says_to_write_works(shop: Workspace, path: str, where: str) -> None:
    said = asked(shop, path, where=where)
    assert FILES[path] in said
    line = re.search(r"such as (.+) \(for ", said)
    assert line is not None
    with (shop.root / FILES[path]).open("a", encoding="utf-8") as file:
        file.write(f"\n{line[1].replace('…', 'some')}\n")
    assert asked(shop, path, where=where) == ""


def test_a_column_of_the_days_is_one_of_context_csv(shop: Workspace) -> None:
    assert "give context.csv, beside mailflow.yaml, a column weather" in asked(shop, "day.weather")


def test_a_slip_in_a_name_is_told_with_what_is_meant(shop: Workspace) -> None:
    (shop.root / "impact.yaml").write_text('trees: {sum: count, of: did("planted")}\n', encoding="utf-8")
    said = asked(shop, "contact.impact.tres")
    assert "there is no 'tres' here (did you mean 'trees'?); impact.yaml says what there is" in said
    assert asked(shop, "contact.frist_name").endswith("(did you mean 'first_name'?) (for anna.sample@example.com)")


def test_what_no_file_defines_is_left_as_it_is(shop: Workspace) -> None:
    assert asked(shop, "shop.nonesuch").endswith("there is no 'nonesuch' here (for anna.sample@example.com)")
