"""Read answers to surveys and forms: wide files have a column a question, long ones a row. Who answered: event_people.

Every answer is a statement of the person of themselves, but an answer about consent, which is consent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mailflow.importers.events.event_cells import instant_reader, is_dated_only, plain
from mailflow.importers.events.event_columns import CLOCKS, Reading
from mailflow.importers.events.event_rows import Event, Saying, hashed
from mailflow.importers.nouns import Noun
from mailflow.importers.people.event_people import Card, EventPeople, Somebody
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, country, split_name, to_json
from mailflow.importers.values.consent import ConsentReader
from mailflow.importers.values.dates import birthday
from mailflow.importers.wording.event_names import event_name, snake
from mailflow.importers.wording.words import CONTACT_WORDS, fold
from mailflow.importers.wording.words_events import WORDS
from mailflow.store.contacts import FIELDS
from mailflow.store.statements_bulk import Stated

ANSWERED = "survey_answered"
NO_TIME = "the time is blank"

_MAX_NAME = 60  # letters of a question as the name of a field
_NAMES = ("first_name", "last_name", "full_name")
_ASKED = (*_NAMES, "rating")  # what has a column of its own and is an answer all the same
_ADMINISTRATION = frozenset({"occurred_at", "time", "event_id", "network", "collector"})
_POLITE = re.compile(
    r"^(what('s| is| are)?|please|enter|give us|tell us|wie (ist|lautet)|cuál es|quel(le)? est)?"
    r"\s*(your|ihre?|deine?|su|tu|votre)\s+",
    re.IGNORECASE,
)
# A question is about consent if it speaks of mail and of being allowed to send it.
_MAIL = re.compile(r"e-?mail|newsletter|news|offers|mailing|correo|courriel|angebote|nyhetsbrev|boletín", re.IGNORECASE)
_ALLOWED = re.compile(
    r"\b(may we|can we|agree|consent|subscribe|sign me up|opt[ -]?in|would you like to (receive|get|hear)|receive"
    r"|keep me|send (me|you)|dürfen wir|einwillig|abonnier|zustimm|erhalten|podemos|acept|recibir|acceptez|recevoir"
    r"|accetti)",
    re.IGNORECASE,
)
_FIRST_WORD = re.compile(r"[\s,;.!:–-]+")


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer: the question as it was asked, and the field that it fills; None for consent."""

    question: str
    text: str
    field: str | None


@dataclass(slots=True)
class Batch:
    """What one block gave, for the staging tables."""

    cards: list[Card] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)


class AnswerRows:
    """Reads the blocks of one file. `is_long`: a row is one answer, and those of a submission become one event."""

    def __init__(self, recognised: Recognised, reading: Reading) -> None:
        has = set(recognised.columns)
        self.is_long = {"question", "answer"} <= has
        self.people = EventPeople(recognised, says=True, named=self.is_long)
        self._recognised = recognised
        self._reading = reading
        self._consents: dict[str, ConsentReader] = {}
        self._form = reading.file.rsplit(".", 1)[0]
        self._fields: dict[str, str | None] = {}
        self._words = WORDS[Noun.ANSWERS].words
        self._n = 0

    def read(self, sheet: Sheet) -> Batch:
        """Return what a block holds; a row that cannot be read is a fault of the sheet."""
        batch = Batch()
        people, at, dated_only = self.people.read(sheet), *self._instants(sheet)
        answers = self._long(sheet) if self.is_long else self._wide(sheet)
        ids, forms, names = sheet.texts("event_id"), sheet.texts("form"), sheet.texts("name")
        for index, line in enumerate(sheet.block.lines):
            if index in sheet.faulty:
                continue
            when = at[index]
            if when is None:
                sheet.fault(index, "occurred_at", NO_TIME)
                continue
            name = event_name(Noun.ANSWERS, names[index] or "")[0] or ANSWERED
            row = (line, index, ids[index], name, when, forms[index], dated_only[index] and not self.is_long)
            self._add(batch, people, answers[index], row)
        return batch

    def warnings(self) -> Iterator[str]:
        """Yield a sentence about answers on consent that nobody knows."""
        unknown = sum((consent.unknown for consent in self._consents.values()), Counter[str]())
        if unknown:
            words = ", ".join(f"{word!r} ({count})" for word, count in unknown.most_common(8))
            yield f"Answers about consent that nobody knows count as no consent: {words}."

    def _add(self, batch: Batch, people: Somebody, answers: Sequence[_Answer], row: tuple[Any, ...]) -> None:
        line, index, own_id, name, at, form, may_repeat = row
        keys, visitor = people.keys[index], people.visitors[index]
        told: dict[str, Any] = {"form": form} if form else {}
        listed = [
            {"question": answer.question, "answer": plain(answer.text)}
            | ({"field": answer.field} if answer.field else {})
            for answer in answers
        ]
        part = to_json(listed[0]) if self.is_long and listed else None
        if not self.is_long:
            told["answers"] = listed
        self._n += 1
        source_id = own_id or hashed(name, "".join(keys) or visitor, at, form)
        event = (self._n, self._n, line, source_id, bool(may_repeat and not own_id), False, name, at, *keys, visitor)
        batch.events.append((*event, to_json(told), part))
        saying = None
        for answer in answers:
            if answer.field is None:
                saying = self._saying(answer, at) or saying
            else:
                batch.stated += [
                    Stated(keys[0], keys[1], keys[2], name, value, answer.question, at, form or self._form)
                    for name, value in _values(answer.field, answer.text, self._reading.today)
                ]
        batch.cards.extend(self.people.card(people, index, line, saying))

    def _saying(self, answer: _Answer, at: int) -> Saying | None:
        """Return what an answer says about consent, by its first word where nobody knows all of it: `Yes, please`."""
        consent = self._consents.setdefault(answer.question, ConsentReader(self._reading.file, None, None))
        consent.name_columns([answer.question])
        unknown = consent.unknown.copy()
        said = consent.say((answer.text,))
        first = _FIRST_WORD.split(answer.text)[0]
        if said is None and first != answer.text and (said := consent.say((first,))) is not None:
            consent.unknown = unknown
        if said is None or said.state is None:
            return None
        return said.state, said.basis, at, self._form, said.evidence, answer.question

    def _wide(self, sheet: Sheet) -> list[list[_Answer]]:
        places: dict[int, tuple[str, str | None]] = {}
        for name, place in self._recognised.attributes.items():
            question = self._recognised.header[place]
            if self._words.get(fold(question)) in _ADMINISTRATION:
                continue
            mapped = name != _slug(question) and fold(name) != fold(question)
            places[place] = (question, name if mapped else self._field(question))
        for name in _ASKED:
            for place in self._recognised.columns.get(name, ()):
                question = self._recognised.header[place]
                places[place] = (question, name if name in _NAMES else self._field(question))
        ordered = sorted(places.items())
        return [
            [_Answer(question, row[place].strip(), name) for place, (question, name) in ordered if row[place].strip()]
            for row in sheet.block.rows
        ]

    def _long(self, sheet: Sheet) -> list[list[_Answer]]:
        rows = zip(sheet.texts("question"), sheet.texts("answer"), sheet.texts("field"), strict=True)
        return [
            [_Answer(question, answer, name or self._field(question))] if question and answer else []
            for question, answer, name in rows
        ]

    def _field(self, question: str) -> str | None:
        """Return the field that a question asks for: one of ours, else its own words; None where it is consent."""
        if question not in self._fields:
            if len(self._fields) > 10_000:
                self._fields.clear()
            self._fields[question] = _field_of(question)
        return self._fields[question]

    def _instants(self, sheet: Sheet) -> tuple[list[int | None], Sequence[bool]]:
        field_name = "occurred_at" if "occurred_at" in self._recognised.columns else CLOCKS["occurred_at"]
        cells = sheet.cells(field_name) or [""] * sheet.size
        read = instant_reader(self._reading.instants[field_name])
        return sheet.convert(field_name, cells, read), list(map(is_dated_only, cells))


def _field_of(question: str) -> str | None:
    meaning = CONTACT_WORDS.get(fold(question))
    if (meaning in ("consent", "opt_out") and fold(question) != "status") or (
        _MAIL.search(question) and _ALLOWED.search(question)
    ):
        return None
    plain_word = CONTACT_WORDS.get(fold(_POLITE.sub("", question)))
    return plain_word if plain_word in FIELDS or plain_word in _NAMES else _slug(question)


def _slug(question: str) -> str:
    """Return a question as the name of a field, cut between words where it is long."""
    name = snake(question)
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME + 1].rpartition("_")[0] or name[:_MAX_NAME]


def _values(name: str, text: str, today: date) -> Iterator[tuple[str, str]]:
    """Yield the fields that an answer fills, with what is kept."""
    if name == "full_name":
        first, last = split_name(text)
        yield from ((part, value) for part, value in (("first_name", first), ("last_name", last)) if value)
    elif name == "birthday":
        try:
            yield name, birthday(text, today=today)
        except ValueError:
            yield "birthday_as_written", text
    else:
        yield name, (country(text) or text) if name == "country" else text
