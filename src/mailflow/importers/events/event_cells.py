"""Read the cells of files of events: instants, also as seconds since 1970, and properties as JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mailflow import clock
from mailflow.importers.wording.consent_words import CONSENT_YES, PLAIN_NO
from mailflow.importers.wording.event_names import snake
from mailflow.importers.wording.words import fold

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?\Z", re.ASCII)
_EPOCH = re.compile(r"(\d{10})(?:\.(\d{1,9}))?\Z|(\d{13})\Z|(\d{16})\Z", re.ASCII)
_COUNT = re.compile(r"\d{1,9}\Z", re.ASCII)
# What stays text whatever it looks like: it names something.
_NAMES = re.compile(
    r"(?:^|_)(?:id|ids|sku|code|zip|postcode|plz|phone|number|no|nr|token|key|uuid|hash|version|ip|handle|reference|ref)\Z"
)
_UNDER = re.compile(
    r"^(?:properties|event_properties|props|data|payload|context|attributes|traits|custom|metadata|meta)_(?=\w)"
)


def property_name(attribute: str) -> str:
    """Return the name of a column as that of a property: what JSON nests under `properties` is a property itself."""
    return snake(_UNDER.sub("", attribute)) or attribute


def property_reader(name: str) -> Callable[[str], Any]:
    """Return the function that reads the cells of a property: as text where its name says that it names something."""
    return _text if _NAMES.search(name) else plain


def plain(cell: str) -> Any:
    """Read a cell as JSON would write it: a plain number, true, false, a list, an object, or text; None for a blank."""
    cell = cell.strip()
    if not cell:
        return None
    if _NUMBER.match(cell):
        number = float(cell)
        return int(cell) if "." not in cell else int(number) if number.is_integer() else number
    if cell in ("true", "false"):
        return cell == "true"
    if cell[0] in "[{":
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell


def _text(cell: str) -> Any:
    """Read a cell as text, but a list as a list."""
    cell = cell.strip()
    return (plain(cell) if cell[0] == "[" else cell) if cell else None


def instant_reader(read: Callable[[str], int]) -> Callable[[str], int | None]:
    """Return a function that reads an instant as milliseconds, None for a blank cell; `ValueError` for what is none."""

    def instant(cell: str) -> int | None:
        cell = cell.strip()
        if not cell:
            return None
        found = _EPOCH.match(cell)
        if found is None:
            return read(cell)
        seconds, fraction, milliseconds, microseconds = found.groups()
        if seconds:
            return int(seconds) * 1000 + int((fraction or "")[:3].ljust(3, "0"))
        return int(milliseconds) if milliseconds else int(microseconds) // 1000

    return instant


def moment_reader(read: Callable[[str], int]) -> Callable[[str], int | bool | None]:
    """Return a function that reads a column which says when something happened, or only whether it did."""
    instant = instant_reader(read)

    def moment(cell: str) -> int | bool | None:
        word = fold(cell)
        if not word:
            return None
        if word in PLAIN_NO:
            return False
        if word in CONSENT_YES:
            return True
        if _COUNT.match(cell.strip()):
            return int(cell) > 0
        return instant(cell)

    return moment


def is_dated_only(cell: str) -> bool:
    """Return whether a cell says the day but not the time of day."""
    return ":" not in cell and not _EPOCH.match(cell.strip())


def iso(ms: int) -> str:
    """Return milliseconds as properties have instants: ISO text in UTC."""
    return clock.iso(datetime.fromtimestamp(ms / 1000, UTC))
