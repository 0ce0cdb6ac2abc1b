"""What stands at the top of a template: what is no language, topic or appointment is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailflow import templates
from mailflow.templates import TemplateError
from mailflow.templates.linking import How

LISTED = How(topics=("news", "courses"))


def load(folder: Path, head: str, how: How = How()) -> templates.CompiledTemplate:
    folder = folder / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "a.md").write_text(f"---\nsubject: Hi\n{head}---\nHello\n", encoding="utf-8")
    return templates.load(folder, "a", how)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            "topic: course\n",
            "templates/a.md:3:8: there is no topic 'course' under topics: in mailflow.yaml (did you mean",
        ),
        ("language: klingon\n", "templates/a.md:3:11: 'klingon' is not a language: write it as en or de-AT"),
        ("language: de AT\n", "templates/a.md:3:11: 'de AT' is not a language"),
        ("attachments:\n  - calendar: {starts: 2027-04-01}\n", "templates/a.md:4:15: the key 'title' is missing"),
        ("attachments:\n  - calender: {title: Tea}\n", "templates/a.md:4:5: unknown key 'calender'"),
        ("attachments:\n  - 5\n", 'templates/a.md:4:5: must be text: put it in quotes, "5"'),
    ],
)
def test_what_cannot_be_is_told_with_its_place_alone(tmp_path: Path, head: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        load(tmp_path, head, LISTED)
    assert said in str(caught.value)
    assert "valid string" not in str(caught.value)


def test_where_no_topics_are_listed_a_template_may_name_any(tmp_path: Path) -> None:
    assert load(tmp_path, "topic: anything\n").topic == "anything"
    assert load(tmp_path, "topic: courses\n", LISTED).topic == "courses"


@pytest.mark.parametrize("language", ["de", "de-AT", "zh_Hant_TW", "dsb", "es-419"])
def test_a_language_may_have_script_and_region(tmp_path: Path, language: str) -> None:
    assert load(tmp_path, f"language: {language}\n").front.language == language
