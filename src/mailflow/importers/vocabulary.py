"""All kinds of files with their words, in one table: what each may be recognised by. The words themselves: words*."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailflow.importers import words_events, words_registers
from mailflow.importers.noun_words import NounWords, need, signs
from mailflow.importers.nouns import Noun
from mailflow.importers.words import CONTACT_WORDS, ORDER_WORDS, PERSON_WORDS, SUPPRESSION_WORDS

_PEOPLE = frozenset({"phone", "consent", "opt_out"})

_OWN: dict[Noun, NounWords] = {
    Noun.CONTACTS: NounWords(
        CONTACT_WORDS,
        (need("an e-mail column (or customer ids)", "email", "customer_id"),),
        many=_PEOPLE,
    ),
    Noun.SIGNUPS: NounWords(CONTACT_WORDS, (need("an e-mail column", "email"),), many=_PEOPLE),
    Noun.SUPPRESSIONS: NounWords(
        SUPPRESSION_WORDS,
        (need("an e-mail column", "email"),),
        signs("email+suppression_reason+suppressed_at"),
        keeps_others=False,
    ),
    Noun.ORDERS: NounWords(
        ORDER_WORDS,
        (
            need("a column that tells the customer (e-mail, customer id or phone)", "email", "customer_id", "phone"),
            need("a date", "placed_at"),
            need("an amount (a total, or quantity and unit price)", "total", "quantity+unit_price"),
        ),
        more_fields=("cancelled_at",),
        many=_PEOPLE,
        keeps_others=False,
    ),
}

# Kinds that nobody has words for yet are read by layouts and --map alone.
VOCABULARY: Mapping[Noun, NounWords] = MappingProxyType(
    {noun: NounWords(PERSON_WORDS) for noun in Noun} | _OWN | dict(words_events.WORDS) | dict(words_registers.WORDS)
)
