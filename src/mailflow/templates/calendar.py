"""An appointment as a calendar file, in the very octets of RFC 5545. What a template says of one: attachments.py."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from mailflow.templates.parts import Event

_OCTETS = 75  # of a content line, its line break not counted (section 3.1)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def file(event: Event, *, uid: str, stamp: datetime) -> bytes:
    """Return an event as an iCalendar object; `uid` names it for ever, `stamp` is when it was said."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//mailflow//mailflow//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{_instant(stamp)}",
        f"DTSTART{_when(event.starts)}",
        f"DTEND{_when(_end(event))}",
        f"SUMMARY:{_text(event.title)}",
    ]
    if event.place:
        lines.append(f"LOCATION:{_text(event.place)}")
    if event.description:
        lines.append(f"DESCRIPTION:{_text(event.description)}")
    if event.url:
        lines.append(f"URL:{event.url}")
    lines += ["END:VEVENT", "END:VCALENDAR"]
    return b"".join(_folded(line) for line in lines)


def _end(event: Event) -> datetime | date:
    """Return when it ends: one that says nothing lasts an hour, a day ends as the next begins (section 3.6.1)."""
    if isinstance(event.starts, datetime):
        return event.ends or event.starts + timedelta(hours=1)
    return (event.ends or event.starts) + timedelta(days=1)


def _when(at: datetime | date) -> str:
    return f":{_instant(at)}" if isinstance(at, datetime) else f";VALUE=DATE:{at:%Y%m%d}"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """Return a value of type TEXT (section 3.3.11)."""
    value = _CONTROLS.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    return value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Return a content line in pieces of at most 75 octets, none of them ending inside a character."""
    data = line.encode("utf-8", "replace")
    pieces: list[bytes] = []
    while len(data) > (room := _OCTETS - bool(pieces)):
        end = room
        while data[end] & 0xC0 == 0x80:  # a continuation byte of UTF-8
            end -= 1
        pieces.append(data[:end])
        data = data[end:]
    return b"\r\n ".join([*pieces, data]) + b"\r\n"
