"""Render one person's profile as an HTML page of its own: no network, no script, in a browser or on paper.

The page is contact_page.html beside this file; what goes in is the JSON of `mailflow contact show`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.reports import pages
from mailflow.rules.traits import percent
from mailflow.store import contacts
from mailflow.store.origins import PLAIN


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline, with its local time of day."""

    time: str
    instant: str
    what: str
    text: str
    source: str
    lines: list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one calendar day in the account's zone."""

    date: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Field:
    """A field as the page shows it: its name in words, its value, and where that is from."""

    name: str
    value: str
    origin: str
    kind: str


def render(record: Mapping[str, Any], *, zone: ZoneInfo, now: datetime) -> str:
    """Return the page of a profile (`cli.contact_record.as_record`); times are the account's."""
    return pages.template("contact_page.html").render(
        record=record,
        name=_name(record),
        fields=list(_fields(record, zone)),
        first=_origin(record["first_heard"], zone),
        further=contacts.further(record["identities"], record["email"], record["fields"].get("phone")),
        days=list(_days(record, zone)),
        day=lambda instant: _local(instant, zone)[:10],
        minute=lambda instant: _local(instant, zone),
        percent=percent,
        zone=zone.key,
        made_at=clock.wall_text(now, zone),
    )


def _name(record: Mapping[str, Any]) -> str:
    fields = record["fields"]
    name = " ".join(str(fields[part]) for part in ("first_name", "last_name") if fields.get(part))
    return name or record["email"] or "Somebody without a name"


def _fields(record: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Field]:
    known = {"email": record["email"], **record["fields"]} if record["email"] else record["fields"]
    for name, value in known.items():
        origin = record["origins"].get(name)
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        shown = (
            pages.words(name) if name in ("email", *contacts.FIELDS) else name
        )  # an attribute keeps the name its file gave it
        yield Field(shown, text, _origin(origin, zone), "" if origin is None else origin["origin"])


def _origin(origin: Mapping[str, Any] | None, zone: ZoneInfo) -> str:
    if origin is None:
        return ""
    named = not (origin["file"] and origin["source"] == PLAIN)
    parts = [
        "said so" if origin["origin"] == "self" else "",
        PurePath(origin["file"]).name if origin["file"] else "",
        origin["source"] if named else "",
        "guessed by the tool" if origin["origin"] == "inferred" else "",
        "undone since" if origin["undone"] else "",
        _local(origin["at"], zone)[:10],
    ]
    return ", ".join(filter(None, parts))


def _days(record: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Day]:
    """Yield the timeline by day, the latest first: a page is read from its top."""
    told = [(_local(moment["at"], zone), moment) for moment in reversed(record["timeline"])]
    for day, theirs in groupby(told, key=lambda one: one[0][:10]):
        yield Day(day, [_entry(moment, local[11:]) for local, moment in theirs])


def _entry(moment: Mapping[str, Any], time: str) -> Entry:
    lines = moment["details"].get("lines", []) if moment["what"] == "order" else []
    return Entry(time, moment["at"], moment["what"], moment["text"], moment["source"], lines)


def _local(instant: str, zone: ZoneInfo) -> str:
    return clock.wall_text(datetime.fromisoformat(instant), zone)
