"""Who the rows of a file of events are about: their keys, and a card for each person the file names. Buyers: buyers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow.addresses import Address
from mailflow.importers.people.contact_rows import KEY_COLUMNS
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, address, identifiers, marked_text, phone_key, split_name

_MEMO_SIZE = 200_000

Keys = tuple[str, str, str]  # e-mail as it is compared, customer id, phone as it is compared; '' where unknown
Card = tuple[Any, ...]

NAMES = ("first_name", "last_name")
SAYING = ("consent", "basis", "consent_at", "consent_source", "evidence", "wording")


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whom each row of a block is about, in parallel lists; `visitors` are cookies and the like, '' where unknown."""

    keys: list[Keys]
    emails: list[Address | None]
    visitors: list[str]
    named: Sequence[tuple[str | None, ...]]


class EventPeople:
    """Reads who the rows of one file are about, and gives each person a card once.

    `says`: the cards also hold what people said about consent; `named`: and their names.
    """

    def __init__(self, recognised: Recognised, *, says: bool, named: bool = True) -> None:
        self._named = named and bool(set(recognised.columns) & {"full_name", *NAMES})
        self._says = says
        self.columns = (*KEY_COLUMNS, *(NAMES if self._named else ()), *(SAYING if says else ()))
        self._seen: set[tuple[Any, ...]] = set()
        self._addresses: dict[str, Address | None] = {}
        self._n = 0

    def read(self, sheet: Sheet) -> Somebody:
        """Return whom a block is about. An e-mail address that is none rejects its row."""
        emails = sheet.read("email", self._address)
        cells = sheet.cells("customer_id")
        ids = [""] * sheet.size if cells is None else identifiers(cells)
        phones = [phone_key(phone) if phone else "" for phone in sheet.first_of("phone", marked_text)]
        keys = list(zip([email.key if email else "" for email in emails], ids, phones, strict=True))
        visitors = [visitor or "" for visitor in sheet.texts("visitor")]
        return Somebody(keys, emails, visitors, self._names(sheet))

    def card(self, people: Somebody, index: int, line: int, saying: tuple[Any, ...] | None = None) -> Iterator[Card]:
        """Yield a card of a row's person, unless an earlier row gave one that says the same; nobody has none."""
        keys = people.keys[index]
        if not any(keys):
            return
        thing = (keys, people.named[index], None if saying is None else saying[0])
        if thing in self._seen:
            return
        if len(self._seen) >= _MEMO_SIZE:
            self._seen.clear()
        self._seen.add(thing)
        self._n += 1
        email = people.emails[index]
        names = people.named[index] if self._named else ()
        said = (saying or (None,) * len(SAYING)) if self._says else ()
        yield (self._n, line, keys[0], email.email if email else None, keys[1], keys[2], *names, *said)

    def _address(self, cell: str) -> Address | None:
        if cell not in self._addresses:
            if len(self._addresses) >= _MEMO_SIZE:
                self._addresses.clear()
            self._addresses[cell] = address(cell)
        return self._addresses[cell]

    def _names(self, sheet: Sheet) -> list[tuple[str | None, ...]]:
        if not self._named:
            return [()] * sheet.size
        first, last = sheet.texts("first_name"), sheet.texts("last_name")
        whole = [split_name(name) for name in sheet.texts("full_name")]
        return [(one or names[0], two or names[1]) for one, two, names in zip(first, last, whole, strict=True)]
