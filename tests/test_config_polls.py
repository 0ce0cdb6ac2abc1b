"""polls.yaml: what it may say, and that every mistake in it is told with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import poll_shop
from mailflow.config.polls import Polls, said_in
from mailflow.errors import ProblemsError, UsageError


def test_a_poll_has_question_answers_last_day_and_field(tmp_path: Path) -> None:
    poll = poll_shop.open_polls(poll_shop.make(tmp_path)).get("spring")
    assert [(one.key, one.value, one.is_correct) for one in poll.answers] == [
        ("green", "green", None), ("black", "black", None), ("none", "nothing", None),
    ]  # fmt: skip
    assert (poll.closes_on, poll.sets, poll.is_quiz) == (date(2026, 4, 15), "tea", False)
    assert poll.closes_at == datetime(2026, 4, 15, 22, tzinfo=UTC)  # midnight in Vienna


def test_a_poll_with_a_correct_answer_is_a_quiz(tmp_path: Path) -> None:
    poll = poll_shop.open_polls(poll_shop.make(tmp_path)).get("brew")
    assert poll.is_quiz
    assert [one.is_correct for one in poll.answers] == [False, True]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de-AT", "Einen grünen"),
        ("de", "Einen grünen"),
        ("en-GB", "A green one"),
        ("fr", "A green one"),
        (None, "A green one"),
    ],
)
def test_a_text_is_told_in_the_nearest_language(tmp_path: Path, language: str | None, text: str) -> None:
    green = poll_shop.open_polls(poll_shop.make(tmp_path)).get("spring").answers[0]
    assert said_in(green.text, language) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Spring: {question: q, answers: {a: x, b: y}}", "polls.yaml:1:1: 'Spring' cannot name a poll"),
        ("s: {answers: {a: x, b: y}}", "the key 'question' is missing"),
        ("s: {question: q, answers: {a: x}}", "polls.yaml:1:27: has 1 answer"),
        ("s: {question: q, answers: {a: x, A: y}}", "differ in capitals only"),
        ("s: {question: q, answers: {a-b: x, c: y}}", "'a-b' cannot name an answer"),
        ("s: {question: '', answers: {a: x, b: y}}", "must be a text, or texts by language"),
        ("s: {question: q, answers: {a: x, b: y}, closes: soon}", "polls.yaml:1:49: 'soon' is not a day"),
        ("s: {question: q, answers: {a: x, b: y}, close: 2026-01-01}", "unknown key 'close' (did you mean 'closes'?)"),
        ("s: {question: q, answers: {a: x, b: y}, sets: teh}", "'teh' is not declared under fields: in mailflow.yaml"),
        ("s: {question: q, answers: {a: x, b: y}, sets: cups}", "'a' is no number: say value:"),
        ("s: {question: q, answers: [a, b]}", "should be a valid dictionary"),
        ("- a", "must hold polls"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    shop = poll_shop.make(tmp_path)
    (tmp_path / "polls.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        Polls.open(shop.root, shop.settings)
    assert told in str(caught.value)


def test_a_topic_cannot_be_set_as_an_answer_is_no_consent(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path, extra="topics: [news]\n")
    (tmp_path / "polls.yaml").write_text("s: {question: q, answers: {a: x, b: y}, sets: news}", encoding="utf-8")
    with pytest.raises(ProblemsError, match="an answer to a poll is no consent"):
        Polls.open(shop.root, shop.settings)


def test_no_file_is_no_polls_and_an_unknown_name_is_told(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    with pytest.raises(UsageError, match=r"there is no poll 'sprng' in polls.yaml \(did you mean 'spring'\?\)"):
        poll_shop.open_polls(shop).get("sprng")
    (tmp_path / "polls.yaml").unlink()
    assert poll_shop.open_polls(shop).by_name == {}
