"""Read the rows of a contacts file as cards: who it is, what is said about them, what they said about consent.

What a row says about consent is put together in contact_sayings, attributes and lists in contact_details.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mailflow.addresses import Address
from mailflow.importers.people.contact_details import Details, Lists
from mailflow.importers.people.contact_sayings import SAYING_COLUMNS as SAID_COLUMNS
from mailflow.importers.people.contact_sayings import Said, Sayings
from mailflow.importers.people.further import FurtherAddresses
from mailflow.importers.people.known_since import KnownSince
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, country, identifiers, marked_text, phone_key, split_name
from mailflow.importers.values.consent import ConsentReader
from mailflow.store.contacts import FIELDS
from mailflow.store.suppressions_bulk import Refused
from mailflow.store.topics_bulk import TopicSaying

_NO_KEY = "there is no e-mail address in this row, nor a customer id or phone"

Card = tuple[Any, ...]
InstantRead = Callable[[str], int]
SaidColumns = tuple[str | None, str | None, int | None, str | None]  # state, basis, at, evidence
KEY_COLUMNS = ("n", "line", "email_key", "email", "customer_id", "phone_key")
SAYING_COLUMNS = ("consent", "basis", "consent_at", "evidence")
NO_SAYING: SaidColumns = (None, None, None, None)


class ContactRows:
    """Reads blocks of one contacts file. What goes beside the cards is collected until it is taken, block by block."""

    def __init__(
        self,
        recognised: Recognised,
        consent: ConsentReader,
        instants: Mapping[str, InstantRead],
        known_since: KnownSince,
        details: Details,
        file: str,
    ) -> None:
        self._recognised = recognised
        self._further = FurtherAddresses(recognised)
        self._sayings = Sayings(recognised, consent, instants, file)
        self._details = details
        self._known_since = known_since
        self._lists = Lists(recognised, file)
        # Only what the file speaks of is staged: a column of nothing costs as much as one of something.
        self.columns = (
            *KEY_COLUMNS,
            *spoken_fields(recognised),
            *(("attributes",) if self._details.spoken else ()),
            *(("source",) if "source" in recognised.columns else ()),
            *(("known_since",) if known_since.spoken else ()),
            *(SAID_COLUMNS if self._sayings.spoken else ()),
        )
        self.without_address = 0
        self._n = 0
        self.refused: list[Refused] = []
        self.topics: list[TopicSaying] = []
        self.aliases: list[tuple[int, str, str]] = []

    @property
    def says(self) -> bool:
        """Whether the file says anything about consent."""
        return self._sayings.spoken

    @property
    def may_say_yes(self) -> bool:
        """Whether anything in the file, or the user for it, can say that somebody agreed or asked for it."""
        return self._sayings.may_say_yes

    @property
    def unread_birthdays(self) -> int:
        """How many birthdays are no dates, and were kept as attributes."""
        return self._details.unread_birthdays

    @property
    def unread_instants(self) -> int:
        """How many dates of consent could not be read."""
        return self._sayings.unread

    def cards(self, sheet: Sheet) -> Iterator[Card]:
        """Yield a card for every sound row of a block: a tuple in the order of `columns`."""
        self.refused, self.topics, self.aliases = [], [], []
        emails, others = self._further.read(sheet)
        cells = sheet.cells("customer_id")
        ids = [""] * sheet.size if cells is None else identifiers(cells)
        phones = sheet.first_of("phone", marked_text)
        phone_keys = [phone_key(phone) if phone else "" for phone in phones]
        fields = person_fields(sheet, self._recognised, phones)
        parts: list[Sequence[Any]] = [*fields.values()]
        if self._details.spoken:
            parts.append(self._details.read(sheet, fields.get("birthday")))
        if "source" in self._recognised.columns:
            parts.append(sheet.first_of("source", lambda cell: cell.strip() or None))
        if self._known_since.spoken:
            parts.append(self._known_since.read(sheet))
        said = self._sayings.read(sheet) if self._sayings.spoken else None
        parts += said.columns if said else ()
        for index, keys in enumerate(zip(emails, ids, phone_keys, strict=True)):
            if not any(keys):
                sheet.fault(index, "email", _NO_KEY)
        faulty = sheet.faulty
        numbers = [0] * sheet.size
        for index, (line, email, *rest) in enumerate(
            zip(sheet.block.lines, emails, ids, phone_keys, *parts, strict=True)
        ):
            if faulty and index in faulty:
                continue
            self._n += 1
            numbers[index] = self._n
            self.without_address += email is None
            key, written = (email.key, email.email) if email else ("", None)
            yield (self._n, line, key, written, *rest)
        self._take_more(sheet, emails, others, said, numbers)

    def _take_more(
        self,
        sheet: Sheet,
        emails: Sequence[Address | None],
        others: Mapping[int, Sequence[Address]],
        said: Said | None,
        numbers: Sequence[int],
    ) -> None:
        """Collect what a block says beside its cards: further addresses, suppressions, lists."""
        self.aliases = [
            (numbers[index], other.key, other.email)
            for index, found in others.items()
            for other in found
            if numbers[index]
        ]
        if said is None:
            return
        self.refused = [
            Refused(numbers[index], email, refusal.reason, refusal.evidence, at)
            for index, (refusals, at) in said.refused.items()
            for refusal in refusals
            if numbers[index] and (email := emails[index]) is not None
        ]
        if self._lists.spoken:
            self.topics = list(self._lists.read(sheet, said, numbers))


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
