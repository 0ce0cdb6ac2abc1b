"""All kinds of files with their words, in one table: what each may be recognised by. The words themselves: words*."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.noun_words import Need, NounWords
from mailflow.importers.wording import words_events, words_people, words_registers, words_shop
from mailflow.importers.wording.words import PERSON_WORDS
from mailflow.importers.wording.words_shop import are_lines

# Kinds that nobody has words for yet are read by layouts and --map alone.
VOCABULARY: Mapping[Noun, NounWords] = MappingProxyType(
    {noun: NounWords(PERSON_WORDS) for noun in Noun}
    | dict(words_people.WORDS)
    | dict(words_shop.WORDS)
    | dict(words_events.WORDS)
    | dict(words_registers.WORDS)
)


def unmet(noun: Noun, fields: Collection[str]) -> Need | None:
    """Return the first thing that a file of a noun with these fields lacks; None where it has all that it needs."""
    if noun is Noun.ORDERS and are_lines(fields):
        return None
    return next((need for need in VOCABULARY[noun].needs if not need.met_by(frozenset(fields))), None)
