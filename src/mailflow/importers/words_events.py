"""Header words of files of what happened: carts, visits, old campaigns, tickets, answers, bookings, social.

Nouns without words here are read by layouts and `--map` alone. People: words; the other kinds: words_registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailflow.importers.noun_words import NounWords
from mailflow.importers.nouns import Noun

WORDS: Mapping[Noun, NounWords] = MappingProxyType({})
