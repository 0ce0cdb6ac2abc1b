"""Read a column of dates or instants: which order of day and month it is written in, and each cell as milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.errors import UsageError
from mailflow.importers.values.memo import Memo

_Value = TypeVar("_Value")

_DAY_MS = 86_400_000
_MEMO_SIZE = 100_000
_NUMERIC = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{2}|\d{4})\Z")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})\Z")
_NAMED = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(?:(\d{1,2})[.\s-]+([A-Za-zäûéæ]{3,9})\.?[,\s-]+(\d{4})|([A-Za-z]{3,9})\.?\s+(\d{1,2}),?\s+(\d{4}))\Z"
)
_SPLIT = re.compile(r"(.*?\d)(?:[Tt]|,?\s+)(\d{1,2}:\d{2}.*)\Z", re.DOTALL)
_TIME = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?\s*"
    r"(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?|(?:UTC|GMT)[+-]\d{1,2}(?::?\d{2})?)?\Z"
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?\Z")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar", "feb february februar", "mar march marz mrz", "apr april", "may mai", "jun june juni",
            "jul july juli", "aug august", "sep sept september", "oct october okt oktober", "nov november",
            "dec december dez dezember",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_EITHER_WAY = "day and month may be either way round"
_TOKENS = (("YYYY", "%Y"), ("YY", "%y"), ("MM", "%m"), ("DD", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"))


class DayOrder(StrEnum):
    """How a date such as 03/04/2026 is to be read. Year first and points (03.04.2026) leave nothing to decide."""

    DAY_FIRST = "DD/MM/YYYY"
    MONTH_FIRST = "MM/DD/YYYY"


class OrderEvidence:
    """Looks at the cells of one column until one of them shows the order of day and month."""

    def __init__(self) -> None:
        self.order: DayOrder | None = None
        self.doubtful: str | None = None

    @property
    def is_shown(self) -> bool:
        """Whether a cell has shown it, so that no other is to be looked at."""
        return self.order is not None

    @property
    def is_open(self) -> bool:
        """Whether there are cells that could be read either way, and none that showed which."""
        return self.order is None and self.doubtful is not None

    def look(self, cells: Iterable[str]) -> None:
        """Take more cells into account."""
        for cell in cells:
            match = _NUMERIC.match(_split(cell.strip())[0])
            if match is None or len(match[1]) > 2 or match[2] == ".":
                continue
            first, second = int(match[1]), int(match[3])
            if first > 12 >= second:
                self.order = DayOrder.DAY_FIRST
            elif second > 12 >= first:
                self.order = DayOrder.MONTH_FIRST
            elif first != second:
                self.doubtful = cell
            if self.order is not None:
                return


class InstantReader:
    """Reads cells of one column as UTC milliseconds; `ValueError` with a reason for a cell that is no date.

    Without an offset a time is wall time in `tz`; without a time it is midnight there. `pattern` is a date format as
    the user names it: `DD/MM/YYYY`, `%d/%m/%Y`, with or without a time.
    """

    def __init__(self, tz: ZoneInfo, *, order: DayOrder | None = None, pattern: str | None = None) -> None:
        self._tz = tz
        self._order = order
        self._given = pattern
        self._others: dict[ZoneInfo, InstantReader] = {}
        self._pattern = None if pattern is None else strptime_pattern(pattern)
        self._whole = self._pattern is not None and any(mark in self._pattern for mark in ("%H", "%I"))
        self.order = order if pattern is None else day_order_of(pattern)
        self._days = Memo(self._day, _MEMO_SIZE)
        self._times = Memo(_time_of_day, _MEMO_SIZE)

    def __call__(self, text: str) -> int:
        text = text.strip()
        if not text:
            raise ValueError("the date is blank")
        if self._whole:
            return self._by_pattern(text)
        if text[4:5] == "-" and (len(text) == 10 or text[10:11] in "T "):
            day_text, time_text = text[:10], text[11:].lstrip()
        else:
            day_text, time_text = _split(text)
        day, midnight, offset = self._days[day_text]
        if not time_text:
            return midnight - offset if offset is not None else self._wall(day, time())
        since_midnight, own_offset = self._times[time_text]
        if own_offset is not None:
            return midnight + since_midnight - own_offset
        if offset is not None:
            return midnight + since_midnight - offset
        return self._wall(day, (datetime.min + timedelta(milliseconds=since_midnight)).time())

    def within(self, tz: ZoneInfo) -> InstantReader:
        """Return a reader of the same column for cells whose wall time is that of another zone."""
        if tz not in self._others:
            self._others[tz] = InstantReader(tz, order=self._order, pattern=self._given)
        return self._others[tz]

    def column(self, cells: Sequence[str]) -> list[int]:
        """Read many cells at once, as calling for each does but faster where all are ISO with a time."""
        if self._pattern is None and {cell[10:11] for cell in cells} <= {"T", " "}:
            days = map(self._days.__getitem__, [cell[:10] for cell in cells])
            times = map(self._times.__getitem__, [cell[11:] for cell in cells])
            try:
                return [
                    midnight + passed - (offset if own is None else own)  # type: ignore[operator]
                    for (_, midnight, offset), (passed, own) in zip(days, times, strict=True)
                ]
            except (ValueError, TypeError):  # a fault, a date alone, or a day on which the clocks change
                pass
        return [self(cell) for cell in cells]

    def _day(self, text: str) -> tuple[date, int, int | None]:
        """Return (day, UTC midnight in ms, the zone's offset in ms on that day or None where it changes)."""
        try:
            day = datetime.strptime(text, self._pattern).date() if self._pattern else _parse_day(text, self._order)
        except ValueError as error:
            if str(error) == _EITHER_WAY:
                raise ValueError(f"{text!r}: {_EITHER_WAY}; say which with --date-format") from None
            wanted = f"a date as {self._pattern} says" if self._pattern else "a date"
            raise ValueError(f"{text!r} is not {wanted}") from None
        if not 1900 <= day.year <= 2199:
            raise ValueError(f"{text!r} is not a believable date")
        midnight = (day.toordinal() - date(1970, 1, 1).toordinal()) * _DAY_MS
        offsets = {self._offset(day), self._offset(day + timedelta(days=1))}
        return day, midnight, offsets.pop() if len(offsets) == 1 else None

    def _offset(self, day: date) -> int:
        offset = datetime.combine(day, time(), self._tz).utcoffset()
        return 0 if offset is None else int(offset.total_seconds() * 1000)

    def _wall(self, day: date, at: time) -> int:
        return clock.to_ms(clock.local_instant(day, at, self._tz))

    def _by_pattern(self, text: str) -> int:
        try:
            value = datetime.strptime(text, self._pattern or "")
        except ValueError:
            raise ValueError(f"{text!r} is not a date as {self._pattern} says") from None
        if value.tzinfo is not None:
            return clock.to_ms(value.astimezone(UTC))
        return self._wall(value.date(), value.time())


def strptime_pattern(pattern: str) -> str:
    """Return a date format as strptime takes it: `DD.MM.YYYY` is `%d.%m.%Y`; `UsageError` for one without a date."""
    if "%" not in pattern:
        for token, directive in _TOKENS:
            pattern = pattern.replace(token, directive)
    try:
        datetime.strptime(datetime(2026, 11, 22, 10, 30, tzinfo=UTC).strftime(pattern), pattern)
    except ValueError:
        raise UsageError(f"--date-format {pattern!r}: write it as DD/MM/YYYY, MM/DD/YY HH:mm or %d.%m.%Y") from None
    if "%d" not in pattern and "%j" not in pattern:
        raise UsageError(f"--date-format {pattern!r} has no day: write it as DD/MM/YYYY or %d.%m.%Y")
    return pattern


def day_order_of(pattern: str) -> DayOrder | None:
    """Return which of day and month a date format names first; None for one that begins with the year."""
    directives = strptime_pattern(pattern)
    day, month = directives.find("%d"), directives.find("%m")
    if month < 0 or 0 <= directives.find("%Y") < min(day, month):
        return None
    return DayOrder.DAY_FIRST if day < month else DayOrder.MONTH_FIRST


def birthday(text: str, order: DayOrder | None = None, *, today: date = date.max) -> str:
    """Return a birthday as `1984-03-07`, or `--03-07` where it has no year; `ValueError` for what is neither.

    `order` is that of the column, where it is known. A year of two digits is the last one before `today`.
    """
    if re.fullmatch(r"--\d{2}-\d{2}", text):
        date(2000, int(text[2:4]), int(text[5:7]))
        return text
    short = re.fullmatch(r"(\d{2})/(\d{2})", text)  # Mailchimp's month and day
    if short:
        return f"--{date(2000, int(short[1]), int(short[2])):%m-%d}"
    written = _split(text)[0]
    try:
        day = _parse_day(written, order)
    except ValueError:
        day = _parse_day(written, None)
    is_short = day > today and not re.search(r"\d{4}", written)
    return (day.replace(year=day.year - 100) if is_short else day).isoformat()


def _split(text: str) -> tuple[str, str]:
    """Part the date of a cell from its time."""
    match = _SPLIT.match(text)
    return (match[1], match[2]) if match else (text, "")


def _parse_day(text: str, order: DayOrder | None) -> date:
    match = _NUMERIC.match(text)
    if match:
        return _numeric_day(match, order)
    match = _COMPACT.match(text)
    if match:
        return date(int(match[1]), int(match[2]), int(match[3]))
    match = _NAMED.match(text)
    if match:
        day, month, year = (match[1], match[2], match[3]) if match[1] else (match[5], match[4], match[6])
        number = _MONTHS.get(month.lower().replace("ä", "a"))
        if number is not None:
            return date(int(year), number, int(day))
    raise ValueError(text)


def _numeric_day(match: re.Match[str], order: DayOrder | None) -> date:
    first, mark, second, third = match.groups()
    if len(first) == 4:
        return date(int(first), int(second), int(third))
    if len(first) == 3:
        raise ValueError(first)
    year = int(third)
    if len(third) == 2:
        year += 1900 if year >= 70 else 2000
    if mark == "." or order is DayOrder.DAY_FIRST:
        return date(year, int(second), int(first))
    if order is DayOrder.MONTH_FIRST:
        return date(year, int(first), int(second))
    days = {
        date(year, month, day) for month, day in ((int(first), int(second)), (int(second), int(first))) if month <= 12
    }
    if len(days) != 1:
        raise ValueError(_EITHER_WAY)
    return days.pop()


def _time_of_day(text: str) -> tuple[int, int | None]:
    """Return (milliseconds since midnight, offset from UTC in milliseconds or None)."""
    match = _TIME.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[5]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text!r} is not a time of day")
        hour = hour % 12 + (12 if match[5][0] in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{text!r} is not a time of day")
    fraction = int((match[4] or "0")[:3].ljust(3, "0"))
    return ((hour * 60 + minute) * 60 + min(second, 59)) * 1000 + fraction, _offset_of(match[6])


def _offset_of(text: str | None) -> int | None:
    if text is None:
        return None
    match = _OFFSET.search(text)
    if match is None:
        return 0
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return (-1 if match[1] == "-" else 1) * minutes * 60_000
