"""The polls and quizzes of a workspace, as polls.yaml says them. Answers: tracking/polls; links: outbox/polls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mailflow import clock
from mailflow.config.settings import FieldSettings, Settings
from mailflow.config.yaml_files import Document, parse_spec, read_yaml, suggestion
from mailflow.errors import Problem, ProblemsError, UsageError

POLLS_FILE = "polls.yaml"
TAGS = "tags"  # the list of labels that everybody has, declared or not
# Both stand in signed links as they are, with a dash between them: see tracking/polls.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_KEY = re.compile(r"[A-Za-z0-9_]{1,20}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*\Z")
_LEAST, _MOST = 2, 20  # answers of a poll
_LONGEST = 300  # letters of a question or an answer
_TRUTHS = ("true", "false")

Texts = Mapping[str, str]  # language → text; "" is everybody's


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _texts(value: object) -> object:
    """Return a text, or texts by language, as texts by language."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    found = {str(tag).lower().replace("_", "-"): text for tag, text in value.items()} if isinstance(value, dict) else {}
    if isinstance(value, str):
        found = {"": value}
    if not found or not all(isinstance(text, str) and text.strip() for text in found.values()):
        raise ValueError("must be a text, or texts by language: {en: Green, de: Grün}")
    for tag, text in found.items():
        if tag and not _LANGUAGE.match(tag):
            raise ValueError(f"{tag!r} is no language: write en, de, de-AT …")
        if len(text) > _LONGEST:
            raise ValueError(f"has {len(text)} letters; at most {_LONGEST} are read at a glance")
    return {tag: " ".join(text.split()) for tag, text in found.items()}


class _AnswerSpec(_Part):
    """One answer as it is written: its text alone, or a group with more."""

    text: dict[str, str]
    correct: bool = False
    value: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if isinstance(data, dict) and "text" not in data and all(_is_language(key) for key in data):
            return {"text": data}
        return data if isinstance(data, dict) else {"text": data}

    @field_validator("text", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return _texts(value)

    @field_validator("value", mode="before")
    @classmethod
    def _value(cls, value: object) -> object:
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, (int, float)) else value


def _is_language(key: object) -> bool:
    return bool(_LANGUAGE.match(str(key).lower().replace("_", "-"))) and len(str(key).partition("-")[0]) <= 3


class PollSpec(_Part):
    """One poll as it is written."""

    question: dict[str, str]
    answers: dict[str, _AnswerSpec] = Field(min_length=1)
    closes: date | None = None
    sets: str | None = None

    @field_validator("question", mode="before")
    @classmethod
    def _question(cls, value: object) -> object:
        return _texts(value)

    @field_validator("closes", mode="before")
    @classmethod
    def _closes(cls, value: object) -> object:
        try:
            return None if value is None else clock.parse_date(str(value))
        except UsageError:
            raise ValueError(f"{value!r} is not a day: write the last day for answers, 2026-04-15") from None

    @field_validator("answers")
    @classmethod
    def _answers(cls, value: dict[str, _AnswerSpec]) -> dict[str, _AnswerSpec]:
        if not _LEAST <= len(value) <= _MOST:
            raise ValueError(f"has {len(value)} {'answer' if len(value) == 1 else 'answers'}: {_LEAST} to {_MOST} fit")
        for key in value:
            if not _KEY.match(key):
                raise ValueError(f"{key!r} cannot name an answer: use up to 20 letters, digits and _ (a, b, green)")
        if len({key.lower() for key in value}) < len(value):
            raise ValueError("two answers differ in capitals only: links in mail lose them")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `value` is what a field gets from it; `is_correct` is None where the poll is no quiz."""

    key: str
    text: Texts
    value: str
    is_correct: bool | None


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll, or a quiz if one of its answers is correct. `closes_on` is the last day for answers."""

    name: str
    question: Texts
    answers: tuple[Answer, ...]
    closes_on: date | None
    sets: str | None  # the contact's field that an answer fills
    type: str  # of that field: text, number, date or bool
    adds: bool  # to what is in the field, which holds several values
    zone: ZoneInfo
    text: str  # the entry as it is written: what a campaign with it is approved with
    document: Document = field(repr=False, compare=False)

    @property
    def is_quiz(self) -> bool:
        return any(answer.is_correct for answer in self.answers)

    @property
    def closes_at(self) -> datetime | None:
        """The first instant at which no answer is taken any more; None where there is none."""
        return None if self.closes_on is None else clock.end_of_day(self.closes_on, self.zone)

    def is_open(self, at: datetime) -> bool:
        """Say whether an answer that is given at an instant counts."""
        closes_at = self.closes_at
        return closes_at is None or at < closes_at

    def answer(self, key: str) -> Answer | None:
        """Return the answer of a key, whatever its capitals."""
        return next((answer for answer in self.answers if answer.key.lower() == key.lower()), None)

    def plain(self, answer: Answer) -> str | int | float | bool:
        """Return the value of an answer as its field keeps it."""
        if self.type == "number":
            return float(answer.value) if "." in answer.value else int(answer.value)
        return answer.value == "true" if self.type == "bool" else answer.value

    def problem(self, key: str, message: str) -> Problem:
        """Return a problem placed at one of the poll's keys in polls.yaml."""
        return self.document.problem((self.name, key), message)


@dataclass(frozen=True, slots=True)
class Polls:
    """The polls of polls.yaml by name."""

    by_name: Mapping[str, Poll]

    @classmethod
    def open(cls, root: Path, settings: Settings) -> Polls:
        """Read polls.yaml of the workspace folder `root`; `ProblemsError` lists all that is wrong in it.

        No file is no polls.
        """
        path = root / POLLS_FILE
        if not path.is_file():
            return cls({})
        document = read_yaml(path)
        if document.data is None:
            return cls({})
        return cls(_read(document, settings))

    def get(self, name: str) -> Poll:
        """Return a poll; `UsageError` with a suggestion where there is none of this name."""
        if name not in self.by_name:
            raise UsageError(self.unknown(name))
        return self.by_name[name]

    def unknown(self, name: str) -> str:
        """Return the sentence about a name that no poll has."""
        where = f"in {POLLS_FILE}" if self.by_name else f"as there is no {POLLS_FILE}, or nothing in it"
        return f"there is no poll {name!r} {where}{suggestion(name, sorted(self.by_name))}"


def said_in(texts: Texts, language: str | None) -> str:
    """Return a text in a language such as `de-AT`: in it, in `de`, in everybody's, else in its first."""
    tag = (language or "").lower().replace("_", "-")
    while tag:
        if tag in texts:
            return texts[tag]
        tag = tag.rpartition("-")[0]
    return texts.get("") or next(iter(texts.values()))


def problems(root: Path, settings: Settings) -> Iterator[Problem]:
    """Yield what is wrong in polls.yaml, with its places."""
    try:
        Polls.open(root, settings)
    except ProblemsError as error:
        yield from error.problems


def _read(document: Document, settings: Settings) -> dict[str, Poll]:
    if not isinstance(document.data, dict):
        raise ProblemsError([document.problem((), "must hold polls: a name, and under it its question and answers")])
    found: dict[str, Poll] = {}
    wrong: list[Problem] = []
    for name in document.data:
        try:
            found[name] = _poll(document, name, settings)
        except ProblemsError as error:
            wrong += error.problems
    if wrong:
        raise ProblemsError(sorted(wrong, key=lambda problem: (problem.line or 0, problem.column or 0)))
    return found


def _poll(document: Document, name: str, settings: Settings) -> Poll:
    if not _NAME.match(name):
        told = f"{name!r} cannot name a poll: use up to 40 small letters, digits and _, a letter first"
        raise ProblemsError([document.problem((name,), told, at_key=True)])
    said = parse_spec(PollSpec, document.under(name))
    quiz = any(answer.correct for answer in said.answers.values())
    answers = tuple(
        Answer(key, one.text, one.value or key, one.correct if quiz else None) for key, one in said.answers.items()
    )
    filled = _field(document, name, said, settings)
    if wrong := list(_unfitting(document, name, answers, filled)):
        raise ProblemsError(wrong)
    return Poll(
        name=name,
        question=said.question,
        answers=answers,
        closes_on=said.closes,
        sets=said.sets,
        type=filled.type if filled else "text",
        adds=filled is not None and filled.multi,
        zone=settings.zone,
        text=said.model_dump_json(exclude_defaults=True),
        document=document,
    )


def _field(document: Document, name: str, said: PollSpec, settings: Settings) -> FieldSettings | None:
    if said.sets is None:
        return None
    if said.sets in settings.topics:
        told = (
            f"{said.sets!r} is a topic that people subscribe to, and an answer to a poll is no consent:"
            " set a field, or send to answered(…)"
        )
        raise ProblemsError([document.problem((name, "sets"), told)])
    if said.sets not in settings.fields and said.sets != TAGS:
        hint = suggestion(said.sets, [*settings.fields, TAGS])
        told = f"{said.sets!r} is not declared under fields: in mailflow.yaml{hint}"
        raise ProblemsError([document.problem((name, "sets"), told)])
    return settings.fields.get(said.sets) or FieldSettings(multi=True)


def _unfitting(
    document: Document, name: str, answers: tuple[Answer, ...], filled: FieldSettings | None
) -> Iterator[Problem]:
    """Yield answers whose value the field cannot hold."""
    for answer in answers:
        if filled is not None and not _fits(answer.value, filled.type):
            told = f"{answer.value!r} is no {filled.type}: say value: for what the field gets from this answer"
            yield document.problem((name, "answers", answer.key), told)


def _fits(value: str, type_: str) -> bool:
    if type_ == "number":
        return bool(re.fullmatch(r"-?\d{1,15}(?:\.\d{1,9})?", value))
    if type_ == "bool":
        return value in _TRUTHS
    if type_ == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            return False
    return True
