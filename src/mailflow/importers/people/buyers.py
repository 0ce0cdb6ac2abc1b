"""Who bought: what the rows of an orders file say about the people, each thing once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow.addresses import Address
from mailflow.importers.people.contact_rows import (
    KEY_COLUMNS,
    NO_SAYING,
    SAYING_COLUMNS,
    Card,
    SaidColumns,
    person_fields,
    spoken_fields,
)
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, address, identifiers, marked_text, phone_key
from mailflow.importers.values.consent import ConsentReader
from mailflow.importers.values.memo import Memo
from mailflow.model import ConsentState

_MEMO_SIZE = 100_000
# What shops and dataframes write where there is no customer.
_NOBODY = frozenset(
    written
    for word in ("guest", "n/a", "na", "none", "null", "nan", "-", "unknown", "anonymous", "walk-in", "gast")
    for written in (word, word.capitalize(), word.upper(), "NaN", "Walk-In")
)

Keys = tuple[str, str, str]  # e-mail as it is compared, customer id, phone as it is compared; '' where unknown


@dataclass(frozen=True, slots=True)
class Buyers:
    """The buyers of a block's rows: e-mail cells, keys together and each for itself, and what else is said."""

    cells: Sequence[str]
    keys: list[Keys]
    emails: list[str]
    ids: list[str]
    phones: list[str]
    written: list[str | None]
    said: list[tuple[Any, ...]]
    sayings: list[SaidColumns]


class _Addresses(Memo[str, Address | None]):
    """E-mail cells and what they are: those of one customer come again and again. `fresh` are those read just now."""

    def __init__(self) -> None:
        fresh: set[str] = set()

        def read(cell: str) -> Address | None:
            found = address(cell)
            fresh.add(cell)
            return found

        super().__init__(read, _MEMO_SIZE)
        self.fresh = fresh

    def forget_fresh(self) -> None:
        """Let the cells that are fresh still be fresh again when they come next."""
        for cell in self.fresh:
            self.pop(cell, None)
        self.fresh.clear()


class People:
    """Reads the buyers of one file and turns what is new about them into cards.

    `by_block`: the cards of a block are asked for at once, before the next block is read.
    """

    def __init__(self, recognised: Recognised, consent: ConsentReader, *, by_block: bool) -> None:
        self._recognised = recognised
        self._consent = consent
        self._says = consent.given or bool({"consent", "opt_out"} & set(recognised.columns))
        self._fields = tuple(name for name in spoken_fields(recognised) if name != "birthday")
        self.columns = (*KEY_COLUMNS, *self._fields, *(SAYING_COLUMNS if self._says else ()))
        self._addresses = _Addresses()
        others = {"customer_id", "phone"} & set(recognised.columns)
        self._by_address = by_block and "email" in recognised.columns and not (self._says or self._fields or others)
        self._seen: set[tuple[Any, ...]] = set()
        self._n = 0

    def read(self, sheet: Sheet, placed_at: Sequence[int | None]) -> Buyers:
        """Return the buyers of a block."""
        cells = sheet.cells("email")
        emails = [None] * sheet.size if cells is None else sheet.convert("email", cells, self._addresses.__getitem__)
        cells = sheet.cells("customer_id")
        ids = [""] * sheet.size if cells is None else identifiers(cells)
        if not _NOBODY.isdisjoint(ids):
            ids = ["" if one in _NOBODY else one for one in ids]
        phones = sheet.first_of("phone", marked_text)
        email_keys = [email.key if email else "" for email in emails]
        phone_keys = [phone_key(phone) if phone else "" for phone in phones]
        keys = list(zip(email_keys, ids, phone_keys, strict=True))
        written = [email.email if email else None for email in emails]
        cells = sheet.cells("email") or ()
        said, sayings = self._said(sheet, phones), self._sayings(sheet, placed_at)
        return Buyers(cells, keys, email_keys, ids, phone_keys, written, said, sayings)

    def _said(self, sheet: Sheet, phones: Sequence[str | None]) -> list[tuple[str | None, ...]]:
        if not self._fields:
            return [()] * sheet.size
        fields = person_fields(sheet, self._recognised, phones)
        return list(zip(*(fields[name] for name in self._fields), strict=True))

    def cards(self, buyers: Buyers, lines: Sequence[int] | Mapping[int, int], rows: Sequence[int]) -> Iterator[Card]:
        """Yield cards for what some rows of a block say anew; a row without any key says it of nobody."""
        if self._by_address:
            yield from self._cards_of_fresh(buyers, lines, rows)
            return
        seen = self._seen
        for index in rows:
            keys, said, saying = buyers.keys[index], buyers.said[index], buyers.sayings[index]
            thing = (keys, said, saying[0]) if self._says or said else keys
            if thing in seen or not any(keys):
                continue
            if len(seen) >= _MEMO_SIZE // 2:
                seen.clear()
            seen.add(thing)
            self._n += 1
            key, customer_id, phone = keys
            card = (self._n, lines[index], key, buyers.written[index], customer_id, phone, *said)
            yield (*card, *saying) if self._says else card

    def _cards_of_fresh(
        self, buyers: Buyers, lines: Sequence[int] | Mapping[int, int], rows: Sequence[int]
    ) -> Iterator[Card]:
        """Yield cards of a file that knows a person by nothing but the address: one for each not met before."""
        fresh = self._addresses.fresh
        for index in rows:
            cell = buyers.cells[index]
            if cell in fresh:
                fresh.remove(cell)
                if buyers.emails[index]:
                    self._n += 1
                    yield (self._n, lines[index], buyers.emails[index], buyers.written[index], "", "")
        self._addresses.forget_fresh()  # those of rejected rows

    def _sayings(self, sheet: Sheet, placed_at: Sequence[int | None]) -> list[SaidColumns]:
        if not self._says:
            return [NO_SAYING] * sheet.size
        yes, no = sheet.every("consent"), sheet.every("opt_out")
        self._consent.name_columns([header for header, _ in yes], [header for header, _ in no])
        words = list(zip(*(cells for _, cells in yes), strict=True)) or [()] * sheet.size
        noes = list(zip(*(cells for _, cells in no), strict=True)) or [()] * sheet.size
        return [self._say(*row) for row in zip(words, noes, placed_at, strict=True)]

    def _say(self, words: tuple[str, ...], noes: tuple[str, ...], at: int | None) -> SaidColumns:
        """Return what a row says. A box not ticked at one checkout withdraws nothing; one for leaving does."""
        saying = self._consent.say(("",) * len(words), noes) if any(noes) else None
        if saying is None or saying.state is not ConsentState.UNSUBSCRIBED:
            saying = self._consent.say(words, ("",) * len(noes))
            if saying is None or saying.state is not ConsentState.SUBSCRIBED:
                return NO_SAYING
        words += noes
        return saying.state, saying.basis, at if any(word.strip() for word in words) else None, saying.evidence
