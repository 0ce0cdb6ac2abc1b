"""What the headers of a kind of file are called, and what such a file needs. The kinds: nouns; the choice: recognise.

Words of contacts and orders: words; of what happened: words_events; of products, owners, companies, costs:
words_registers. Helpers: `table` makes words, `NounWords` holds all that recognising a noun takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailflow.importers.nouns import Noun


@dataclass(frozen=True, slots=True)
class Need:
    """What a file of a noun must have: one of these sets of fields. `ask` is the field that the user is asked for."""

    one_of: tuple[frozenset[str], ...]
    what: str  # as in "a file of orders needs {what}"
    ask: str

    def met_by(self, fields: frozenset[str]) -> bool:
        """Return whether a file with these fields has what is needed."""
        return any(wanted <= fields for wanted in self.one_of)


def need(what: str, *alternatives: str, ask: str | None = None) -> Need:
    """Return a `Need`; each alternative is one field, or several joined by `+`: `quantity+unit_price`."""
    sets = tuple(frozenset(each.split("+")) for each in alternatives)
    return Need(sets, what, ask or alternatives[0])


@dataclass(frozen=True, slots=True)
class NounWords:
    """The headers of one kind of file.

    `words`: folded header → field, the surer words first. `needs`: what a file must have to be read at all. `signs`:
    sets of fields, any of which makes a plain file this noun; none: only a layout or `--as` does. `more_fields` are
    fields that no plain header means, but a layout or `--map` may. `many`: fields that several columns may give.
    `unless`: fields of contacts or orders that such a file cannot have. `beats`: kinds that it looks like, too.
    `keeps_others`: columns that nobody knows are kept as attributes, else they are left out with a warning.
    """

    words: Mapping[str, str]
    needs: tuple[Need, ...] = ()
    signs: tuple[frozenset[str], ...] = ()
    more_fields: tuple[str, ...] = ()
    many: frozenset[str] = field(default=frozenset({"phone"}))
    unless: frozenset[str] = frozenset()
    beats: frozenset[Noun] = frozenset()
    keeps_others: bool = True

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that a column of such a file may be."""
        return tuple(dict.fromkeys([*self.words.values(), *self.more_fields]))


def signs(*sets: str) -> tuple[frozenset[str], ...]:
    """Return sets of fields: `signs("ticket_id", "subject+opened_at")`."""
    return tuple(frozenset(each.split("+")) for each in sets)
