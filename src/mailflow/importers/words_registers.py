"""Header words of files of things a shop keeps a register of: products, owners, companies, costs.

Nouns without words here are read by layouts and `--map` alone. People: words; what happened: words_events.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailflow.importers.noun_words import NounWords
from mailflow.importers.nouns import Noun

WORDS: Mapping[Noun, NounWords] = MappingProxyType({})
