"""Visitors in files of contacts and orders: a row that names a person and a cookie says whose the visits were."""

from __future__ import annotations

from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, address, identifiers, marked_text, phone_key
from mailflow.store import matching, visitors
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging


class VisitorLinks:
    """Reads who the visitors of one file are. Files without such a column pay nothing."""

    def __init__(self, recognised: Recognised) -> None:
        self._spoken = "visitor" in recognised.columns
        self._begun = False

    def stage(self, staging: Staging, sheet: Sheet) -> None:
        """Keep the visitors of a block with the keys of their rows."""
        if not self._spoken:
            return
        if not self._begun:
            visitors.prepare(staging.db)
            self._begun = True
        emails = [_email_key(cell) for cell in sheet.cells("email") or [""] * sheet.size]
        ids = identifiers(sheet.cells("customer_id") or [""] * sheet.size)
        phones = [phone_key(phone) for phone in sheet.first_of("phone", marked_text)]
        rows = zip(emails, ids, phones, sheet.texts("visitor"), strict=True)
        visitors.add(staging.db, [(*keys, visitor) for *keys, visitor in rows if visitor and any(keys)])  # type: ignore[misc]

    def compare(self, db: Connection) -> None:
        """Find out who they are; after `matching.match_people`."""
        if self._begun:
            matching.index_buyers(db)
            visitors.match(db)

    def write(self, pace: Pace, import_id: int) -> None:
        """Write it, and join the events from before they were known; after the contacts."""
        if self._begun:
            visitors.write(pace, import_id)


def _email_key(cell: str) -> str:
    """Return an address as it is compared, '' for what is none: why its row is rejected is said by who reads it."""
    try:
        read = address(cell)
    except ValueError:
        return ""
    return read.key if read else ""
