"""What travels with a message: files of the workspace and appointments, as `attachments:` in the front matter says.

A file must be inside the workspace, of a kind that mail programs take, and small. The bytes of an appointment:
calendar.py. Pictures in the HTML: pictures.py.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jinja2
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from mailflow import clock
from mailflow.config.files import Unreadable, inside, is_file
from mailflow.config.files import read as file_bytes
from mailflow.config.yaml_files import Document
from mailflow.errors import Problem, UsageError
from mailflow.templates import headers
from mailflow.templates.compose import base64_lines
from mailflow.templates.environment import TEXT, run
from mailflow.templates.linking import How
from mailflow.templates.mistakes import sentence
from mailflow.templates.parts import Event, File, TemplateError

LARGEST = 10 * 1024 * 1024  # bytes of all attachments of a message; many servers take no more than 20 MB in base64
LARGE = 2 * 1024 * 1024
TYPES = {
    ".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
    ".webp": "image/webp", ".txt": "text/plain; charset=utf-8", ".csv": "text/csv; charset=utf-8",
    ".ics": "text/calendar; charset=utf-8",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}  # fmt: skip
_WEB = re.compile(r"https?://[^\s<>\"\x00-\x1f]+\Z", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


class CalendarSpec(BaseModel):
    """An appointment in a front matter; every value may hold tags."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    title: str = Field(min_length=1)
    starts: str = Field(min_length=1)
    ends: str | None = None
    place: str | None = None
    url: str | None = None
    description: str | None = None


class CalendarEntry(BaseModel):
    """An entry of `attachments:` that is an appointment, not the path of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calendar: CalendarSpec


def _form(entry: Any) -> str:
    return "calendar" if isinstance(entry, dict | CalendarEntry) else "file"


Entry = Annotated[Annotated[str, Tag("file")] | Annotated[CalendarEntry, Tag("calendar")], Discriminator(_form)]


@dataclass(frozen=True, slots=True)
class _Calendar:
    """A compiled appointment: its values, each rendered per person, and its place in the front matter."""

    number: int
    values: Mapping[str, Callable[[Mapping[str, Any]], str]]


@dataclass(frozen=True, slots=True)
class Attachments:
    """Everything that travels with the messages of a template."""

    document: Document
    how: How
    files: tuple[File, ...]
    calendars: tuple[_Calendar, ...]
    hashes: Mapping[str, str]  # path → SHA-256, to tell whether a file changed

    def events(self, values: Mapping[str, Any]) -> tuple[Event, ...]:
        """Return one person's appointments; `TemplateError` where a value is missing or no time."""
        return tuple([self._event(calendar, values) for calendar in self.calendars])

    def warnings(self) -> tuple[Problem, ...]:
        """Return what should be looked at before sending."""
        size = sum([len(file.data) for file in self.files])
        if size <= LARGE:
            return ()
        words = f"the attachments have {size / 1024 / 1024:.1f} MB: a link to them reaches more people"
        return (self.document.problem(("attachments",), words),)

    def _event(self, calendar: _Calendar, values: Mapping[str, Any]) -> Event:
        said = {name: self._said(calendar, name, values) for name in calendar.values}
        starts = self._time(calendar, "starts", said["starts"])
        ends = self._time(calendar, "ends", said["ends"]) if said.get("ends") else None
        if ends is not None and (type(ends) is not type(starts) or ends < starts):
            raise self._error(calendar, "ends", f"{said['ends']} does not come after the start, {said['starts']}")
        if said.get("url") and not _WEB.match(said["url"]):
            raise self._error(calendar, "url", f"{said['url']!r} is not a link")
        return Event(
            said["title"], starts, ends, said.get("place", ""), said.get("url", ""), said.get("description", "")
        )

    def _said(self, calendar: _Calendar, name: str, values: Mapping[str, Any]) -> str:
        try:
            text = calendar.values[name](values).strip()
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise self._error(calendar, name, sentence(error)) from None
        if not text and name in ("title", "starts"):
            raise self._error(calendar, name, f"{name} is empty")
        return text

    def _time(self, calendar: _Calendar, name: str, text: str) -> datetime | date:
        try:
            if _DAY.match(text):
                return clock.parse_date(text)
            at = datetime.fromisoformat(text)
            clock.parse_date(at.date().isoformat())  # in other years its end, or its day in UTC, may overflow
        except (ValueError, UsageError):
            raise self._error(
                calendar, name, f"{text!r} is not a time: write 2026-04-01 18:00, or 2026-04-01 for a whole day"
            ) from None
        return at if at.tzinfo is not None else at.replace(tzinfo=self.how.zone)

    def _error(self, calendar: _Calendar, name: str, message: str) -> TemplateError:
        path = ("attachments", calendar.number, "calendar", name)
        return TemplateError([self.document.problem(path, message.rstrip("."))])


def read(entries: Sequence[Entry], document: Document, root: Path, how: How) -> Attachments:
    """Read the files and compile the appointments of a front matter; `root` is the workspace's folder."""
    files, calendars, hashes = [], [], {}
    for number, entry in enumerate(entries):
        if isinstance(entry, CalendarEntry):
            calendars.append(_compiled(entry.calendar, number, document))
            continue
        file = _file(entry, root, document, number)
        files.append(file)
        hashes[entry] = hashlib.sha256(file.data).hexdigest()
    if sum(len(file.data) for file in files) > LARGEST:
        words = (
            f"the attachments have more than {LARGEST // 1024 // 1024} MB together: put them online, and link to them"
        )
        raise TemplateError([document.problem(("attachments",), words)])
    return Attachments(document, how, tuple(files), tuple(calendars), hashes)


def made_file(name: str, kind: str, data: bytes, cid: str | None = None) -> File:
    """Return a file with its base64 form, by the name that it has in the mail."""
    return File(headers.file_name(name), kind, data, base64_lines(data), cid)


def _file(path: str, root: Path, document: Document, number: int) -> File:
    try:
        place = inside(root, root / path)
        own = (*Path(path).parts, *place.relative_to(root.resolve()).parts)
        if any(part.startswith(".") for part in own):
            raise Unreadable("leads out of the workspace, or into its own files")
        kind = TYPES.get(Path(path).suffix.lower())
        if kind is None:
            raise Unreadable(f"cannot be attached: mail takes {', '.join(sorted(TYPES))}")
        if not os.path.exists(place):
            raise Unreadable("there is no file of that name")
        if is_file(place) and place.stat().st_size > LARGEST:
            raise Unreadable(f"is larger than {LARGEST // 1024 // 1024} MB: put it online, and link to it")
        return made_file(Path(path).name, kind, file_bytes(place, LARGEST))
    except Unreadable as error:
        raise TemplateError([document.problem(("attachments", number), f"{path}: {error}")]) from None


def _compiled(spec: CalendarSpec, number: int, document: Document) -> _Calendar:
    values: dict[str, Callable[[Mapping[str, Any]], str]] = {}
    for name, text in spec.model_dump(exclude_none=True).items():
        try:
            values[name] = partial(run, TEXT.from_string(text))
        except jinja2.TemplateSyntaxError as error:
            path = ("attachments", number, "calendar", name)
            raise TemplateError([document.problem(path, str(error).rstrip("."))]) from None
    return _Calendar(number, values)
