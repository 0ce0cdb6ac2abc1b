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

_NO_KEY = "there is no e-mail address in this row, nor a customer id or phone"

Card = tuple[Any, ...]
InstantRead = Callable[[str], int]
SaidColumns = tuple[str | None, str | None, int | None, str | None]  # state, basis, at, evidence
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
        self.unread_birthdays = 0
        self.without_address = 0
        self._n = 0

    def cards(self, sheet: Sheet) -> Iterator[Card]:
        """Yield a card for every sound row of a block, in the order of store.staging.CARD_COLUMNS."""
        emails = sheet.read("email", address)
        cells = sheet.cells("customer_id")
        ids = [""] * sheet.size if cells is None else identifiers(cells)
        phones = sheet.first_of("phone", marked_text)
        phone_keys = [phone_key(phone) if phone else "" for phone in phones]
        fields = person_fields(sheet, phones)
        attributes, fields["birthday"] = self._attributes(sheet, fields["birthday"])
        sayings = self._sayings(sheet)
        sources = sheet.texts("consent_source")
        keyless = [
            i
            for i, (email, key, phone) in enumerate(zip(emails, ids, phone_keys, strict=True))
            if not (email or key or phone)
        ]
        for index in keyless:
            sheet.fault(index, "email", _NO_KEY)
        self.without_address += sum(email is None for email in emails) - len(sheet.faulty)
        columns = zip(
            sheet.block.lines, emails, ids, phone_keys, *fields.values(), attributes, sayings, sources, strict=True
        )
        for index, (line, email, customer_id, phone, *rest, saying, source) in enumerate(columns):
            if index in sheet.faulty:
                continue
            self._n += 1
            key, written = (email.key, email.email) if email else ("", None)
            state, basis, at, evidence = saying
            yield (self._n, line, key, written, customer_id, phone, *rest, state, basis, at, source, evidence)

    def _attributes(self, sheet: Sheet, birthdays: list[str | None]) -> tuple[list[str | None], list[str | None]]:
        """Return each row's other columns as JSON, and the birthdays; one that is no date becomes an attribute."""
        places = list(self._recognised.attributes.items())
        if not places and "birthday" not in self._recognised.columns:
            return [None] * sheet.size, birthdays
        documents: list[str | None] = []
        read: list[str | None] = []
        for row, written in zip(sheet.block.rows, birthdays, strict=True):
            other = {name: cell for name, place in places if (cell := row[place].strip())}
            day = None
            if written is not None:
                try:
                    day = birthday(written)
                except ValueError:
                    other["birthday"] = written
                    self.unread_birthdays += 1
            read.append(day)
            documents.append(to_json(other) if other else None)
        return documents, read

    def _sayings(self, sheet: Sheet) -> list[SaidColumns]:
        """Return what each row says about consent."""
        yes, no = sheet.every("consent"), sheet.every("opt_out")
        if not (yes or no or self._consent.given or sheet.cells("opted_out_at")):
            return [NO_SAYING] * sheet.size
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


def person_fields(sheet: Sheet, phones: Sequence[str | None]) -> dict[str, list[str | None]]:
    """Return the columns of store.contacts.FIELDS in their order."""
    first, last = sheet.texts("first_name"), sheet.texts("last_name")
    if sheet.cells("full_name") is not None:
        pairs = [split_name(name) for name in sheet.texts("full_name")]
        first, last = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return {
        "first_name": first,
        "last_name": last,
        "company": sheet.texts("company"),
        "phone": list(phones),
        "language": sheet.texts("language"),
        "timezone": sheet.texts("timezone"),
        "country": sheet.first_of("country", country),
        "region": sheet.texts("region"),
        "city": sheet.texts("city"),
        "postcode": sheet.first_of("postcode", marked_text),
        "birthday": sheet.texts("birthday"),
    }


def unknown_words(unknown: Counter[str]) -> str:
    """Return the commonest words about consent that nobody understood, for a warning."""
    return ", ".join(f"{word!r} ({count})" for word, count in unknown.most_common(8))
