"""What a column becomes that mailflow.yaml declares under `fields:`: a number, a day, yes or no, several texts.

A cell that is none of what its field is declared as stays the text it is: rules pass it over, and the doctor counts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from zoneinfo import ZoneInfo

from mailflow import clock, money
from mailflow.config import FieldSettings
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.wording.consent_words import CONSENT_YES, PLAIN_NO
from mailflow.importers.wording.words import fold
from mailflow.rules import never_show

_NUMBER = re.compile(r"([+-]?)(\d(?:[\d.,]*\d)?)\Z")
_SPACES = re.compile(r"[\s'’]")  # between thousands, in some countries

_Read = Callable[[str], object]


def places(recognised: Recognised, fields: Mapping[str, FieldSettings], kind: str) -> tuple[int, ...]:
    """Return the places of columns that are declared to hold values of a kind, such as dates."""
    wanted = {name for name, declared in fields.items() if declared.type == kind}
    return tuple(sorted(place for name, place in recognised.attributes.items() if name in wanted))


class Declared:
    """Reads the cells of declared fields.

    By their places in the file, `instants` reads the columns of days, and `marks` are the decimal marks of numbers.
    """

    def __init__(
        self,
        fields: Mapping[str, FieldSettings],
        recognised: Recognised,
        instants: Mapping[int, Callable[[str], int]],
        marks: Mapping[int, str | None],
        zone: ZoneInfo,
    ) -> None:
        self._readers: dict[str, _Read] = {}
        for name, field in fields.items():
            read = _READERS.get(field.type)
            place = recognised.attributes.get(name, -1)
            if field.type == "date" and place in instants:
                read = _day_reader(instants[place], zone)
            elif field.type == "number":
                read = partial(number, mark=None if field.multi else marks.get(place))  # there a comma parts values
            if field.multi:
                self._readers[name] = _several(read)
            elif read is not None:
                self._readers[name] = read

    def read(self, attributes: dict[str, object]) -> None:
        """Put what texts say in their place."""
        for name in self._readers.keys() & attributes.keys():
            said = attributes[name]
            if isinstance(said, str):
                attributes[name] = _or_text(self._readers[name], said)


def number(cell: str, mark: str | None = None) -> int | float:
    """Return a number with a decimal point or comma, thousands parted or not; `ValueError` for what is none.

    `mark` is the decimal mark of its column, where it is known: it tells of a cell that could be read either way,
    which else has a point.

    >>> [number(cell) for cell in ("42", "3.5", "1,234.50", "1.234,50", "1,234", "0,5")]
    [42, 3.5, 1234.5, 1234.5, 1234, 0.5]
    >>> number("1.234"), number("1.234", mark=",")
    (1.234, 1234)
    """
    written = _NUMBER.match(_SPACES.sub("", cell))
    if written is None:
        raise ValueError(cell)
    sign, digits = written.groups()
    if digits.isdecimal():
        return int(sign + digits)
    text = sign + money.with_point(digits, money.shown_mark(digits) or mark or ".")
    return float(text) if "." in text else int(text)


def yes_or_no(cell: str) -> bool:
    """Return whether a cell says yes, in the words of many languages; `ValueError` where it says neither."""
    word = fold(cell) or cell.strip()
    if word in CONSENT_YES or word in PLAIN_NO:
        return word in CONSENT_YES
    raise ValueError(cell)


def _day_reader(instant: Callable[[str], int], zone: ZoneInfo) -> _Read:
    return lambda cell: clock.local_date(clock.from_ms(instant(cell)), zone).isoformat()


def _several(read: _Read | None) -> _Read:
    return lambda cell: [text if read is None else _or_text(read, text) for text in never_show.parts(cell)]


def _or_text(read: _Read, text: str) -> object:
    try:
        return read(text)
    except ValueError:
        return text


_READERS: Mapping[str, _Read] = {"bool": yes_or_no}
