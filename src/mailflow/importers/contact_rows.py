"""Read the rows of a contacts file as cards: who it is, what is said about them, what they said about consent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mailflow.importers.cells import Sheet, address, country, identifiers, marked_text, phone_key, split_name, to_json
from mailflow.importers.consent import ConsentReader, Saying
from mailflow.importers.dates import birthday
from mailflow.importers.recognise import Recognised
from mailflow.model import Basis, ConsentState
from mailflow.store.contacts import FIELDS

_NO_KEY = "there is no e-mail address in this row, nor a customer id or phone"

Card = tuple[Any, ...]
InstantRead = Callable[[str], int]
SaidColumns = tuple[str | None, str | None, int | None, str | None]  # state, basis, at, evidence
KEY_COLUMNS = ("n", "line", "email_key", "email", "customer_id", "phone_key")
SAYING_COLUMNS = ("consent", "basis", "consent_at", "evidence")
NO_SAYING: SaidColumns = (None, None, None, None)


class ContactRows:
    """Reads blocks of one contacts file; `warnings` counts what was not taken as it stands."""

    def __init__(
        self, recognised: Recognised, consent: ConsentReader, instants: Mapping[str, InstantRead], file: str
    ) -> None:
        self._recognised = recognised
        self._consent = consent
        self._instants = instants
        self._file = file
        self._has_attributes = bool(recognised.attributes) or "birthday" in recognised.columns
        self._says = consent.given or bool({"consent", "opt_out", "opted_out_at"} & set(recognised.columns))
        # Only what the file speaks of is staged: a column of nothing costs as much as one of something.
        self.columns = (
            *KEY_COLUMNS,
            *spoken_fields(recognised),
            *(("attributes",) if self._has_attributes else ()),
            *((*SAYING_COLUMNS, "consent_source") if self._says else ()),
        )
        self.unread_birthdays = 0
        self.without_address = 0
        self._n = 0

    def cards(self, sheet: Sheet) -> Iterator[Card]:
        """Yield a card for every sound row of a block: a tuple in the order of `columns`."""
        emails = sheet.read("email", address)
        cells = sheet.cells("customer_id")
        ids = [""] * sheet.size if cells is None else identifiers(cells)
        phones = sheet.first_of("phone", marked_text)
        phone_keys = [phone_key(phone) if phone else "" for phone in phones]
        fields = person_fields(sheet, self._recognised, phones)
        parts: list[Sequence[Any]] = [*fields.values()]
        if self._has_attributes:
            parts.append(self._attributes(sheet, fields.get("birthday")))
        if self._says:
            parts += [*zip(*self._sayings(sheet), strict=True), sheet.texts("consent_source")]
        for index, keys in enumerate(zip(emails, ids, phone_keys, strict=True)):
            if not any(keys):
                sheet.fault(index, "email", _NO_KEY)
        faulty = sheet.faulty
        for index, (line, email, *rest) in enumerate(
            zip(sheet.block.lines, emails, ids, phone_keys, *parts, strict=True)
        ):
            if faulty and index in faulty:
                continue
            self._n += 1
            self.without_address += email is None
            key, written = (email.key, email.email) if email else ("", None)
            yield (self._n, line, key, written, *rest)

    def _attributes(self, sheet: Sheet, birthdays: list[str | None] | None) -> list[str | None]:
        """Return each row's other columns as JSON, and read the birthdays; one that is no date becomes an attribute."""
        places = list(self._recognised.attributes.items())
        documents: list[str | None] = []
        for index, row in enumerate(sheet.block.rows):
            other = {name: cell for name, place in places if (cell := row[place].strip())}
            if birthdays is not None and (written := birthdays[index]) is not None:
                try:
                    birthdays[index] = birthday(written)
                except ValueError:
                    birthdays[index], other["birthday"] = None, written
                    self.unread_birthdays += 1
            documents.append(to_json(other) if other else None)
        return documents

    def _sayings(self, sheet: Sheet) -> list[SaidColumns]:
        """Return what each row says about consent."""
        yes, no = sheet.every("consent"), sheet.every("opt_out")
        self._consent.name_columns([header for header, _ in yes], [header for header, _ in no])
        left_at = self._instants_of(sheet, "opted_out_at")
        said_at = self._instants_of(sheet, "consent_at")
        consent_cells = list(zip(*(cells for _, cells in yes), strict=True)) or [()] * sheet.size
        opt_out_cells = list(zip(*(cells for _, cells in no), strict=True)) or [()] * sheet.size
        return [
            self._say(consent, opt_out, left, said)
            for consent, opt_out, left, said in zip(consent_cells, opt_out_cells, left_at, said_at, strict=True)
        ]

    def _say(
        self, consent: tuple[str, ...], opt_out: tuple[str, ...], left_at: int | None, said_at: int | None
    ) -> SaidColumns:
        if left_at is not None:
            return ConsentState.UNSUBSCRIBED, Basis.EXPRESS, left_at, f"{self._file}: the date they left"
        saying: Saying | None = self._consent.say(consent, opt_out)
        return NO_SAYING if saying is None else (saying.state, saying.basis, said_at, saying.evidence)

    def _instants_of(self, sheet: Sheet, field: str) -> list[int | None]:
        cells = sheet.cells(field)
        if cells is None:
            return [None] * sheet.size
        read = self._instants[field]
        return sheet.convert(field, cells, lambda cell: read(cell) if cell.strip() else None)


def spoken_fields(recognised: Recognised) -> tuple[str, ...]:
    """Return which of store.contacts.FIELDS the columns of a file speak of, in their order."""
    has = set(recognised.columns)
    if "full_name" in has:
        has |= {"first_name", "last_name"}
    return tuple(name for name in FIELDS if name in has)


def person_fields(sheet: Sheet, recognised: Recognised, phones: Sequence[str | None]) -> dict[str, list[str | None]]:
    """Return the columns of the `spoken_fields`."""
    fields = {name: _FIELD_READERS.get(name, Sheet.texts)(sheet, name) for name in spoken_fields(recognised)}
    if "phone" in fields:
        fields["phone"] = list(phones)
    if "full_name" in recognised.columns:
        pairs = [split_name(name) for name in sheet.texts("full_name")]
        fields["first_name"], fields["last_name"] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return fields


_FIELD_READERS: dict[str, Callable[[Sheet, str], list[str | None]]] = {
    "country": lambda sheet, name: sheet.first_of(name, country),
    "postcode": lambda sheet, name: sheet.first_of(name, marked_text),
}


def unknown_words(unknown: Counter[str]) -> str:
    """Return the commonest words about consent that nobody understood, for a warning."""
    return ", ".join(f"{word!r} ({count})" for word, count in unknown.most_common(8))
