"""Make events of rows: one of a row of a log, those that led there of a row with the state of a thing.

What is particular about each noun: event_kinds; columns: event_columns; words: event_names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from mailflow.addresses import Address
from mailflow.importers.events.event_columns import ColumnReader, Columns, Reading
from mailflow.importers.events.event_kinds import Kind
from mailflow.importers.nouns import Noun
from mailflow.importers.people.event_people import Card, EventPeople, Keys, Somebody
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.cells import Sheet, to_json
from mailflow.importers.wording.event_names import HARD, SOFT, event_name, snake, viewed
from mailflow.importers.wording.words import fold
from mailflow.model import Basis, ConsentState, SuppressionReason
from mailflow.store.suppressions_bulk import Refused

Event = tuple[Any, ...]  # in the order of store.events_bulk.EVENT_COLUMNS
Saying = tuple[Any, ...]  # in the order of event_people.SAYING

_MEMO_SIZE = 10_000
_NO_TIME = "the time is blank"
_NO_NAME = "no cell says what happened"
_MAIL = frozenset("delivered opened clicked bounced complained unsubscribed".split())
_PRODUCTS = frozenset({"url", "product", "product_id", "sku", "category"})


@dataclass(slots=True)
class Batch:
    """What one block gave: cards and events for the staging tables, and addresses that must get nothing, with why."""

    cards: list[Card] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class EventRows:
    """Reads the blocks of one file. `has_parts`: several rows may be parts of one thing.

    `unknown` and `unknown_statuses` count words that no table has.
    """

    def __init__(self, kind: Kind, recognised: Recognised, reading: Reading) -> None:
        has = set(recognised.columns)
        self.unknown: Counter[str] = Counter()
        self.unknown_statuses: Counter[str] = Counter()
        self.people = EventPeople(recognised, says=kind.noun in (Noun.EVENTS, Noun.ENGAGEMENT))
        self.has_parts = bool(has & set(kind.parts)) and "items" not in has
        self._kind = kind
        self._reading = reading
        self._is_state = bool(has & {"status", *kind.moments}) and "name" not in has
        self._columns = ColumnReader(kind, recognised, reading, has_parts=self.has_parts)
        self._time_field = next((name for name in ("occurred_at", "time", "starts_at") if name in has), "occurred_at")
        self._name_field = next((name for name in ("name", "type", "status") if name in has), "name")
        self._names: dict[tuple[str, str], tuple[str, bool, bool]] = {}
        self._n = self._row = 0

    def read(self, sheet: Sheet) -> Batch:
        """Return what a block holds; a row that cannot be read is a fault of the sheet."""
        batch = Batch()
        people, columns = self.people.read(sheet), self._columns.read(sheet)
        for index, line in enumerate(sheet.block.lines):
            if index in sheet.faulty:
                continue
            try:
                self._read_row(batch, people, columns, index, line)
            except ValueError as error:
                sheet.fault(index, self._time_field if str(error) == _NO_TIME else self._name_field, str(error))
        return batch

    def _read_row(self, batch: Batch, people: Somebody, columns: Columns, index: int, line: int) -> None:
        properties, keys = columns.properties[index], people.keys[index]
        happened = list(self._dated(self._happened(columns, index), columns, index))
        visitor = people.visitors[index] or self._handle(properties)
        part = to_json(columns.parts[index]) if columns.parts is not None and columns.parts[index] else None
        own_id, may_repeat = columns.ids[index], columns.dated_only[index]
        if own_id and self._is_state and self._kind.thing:
            properties.setdefault(self._kind.thing, own_id)  # a plain `id` is that of the thing
        self._row += 1
        saying = None
        for name, at, undated in happened:
            told = self._told(name, properties, people.emails[index])
            self._n += 1
            source_id, is_hash = self._source_id(name, at, own_id, keys, visitor, told)
            head = (self._n, self._row, line, source_id, is_hash and may_repeat, undated, name, at)
            batch.events.append((*head, *keys, visitor, to_json(told), part))
            if name in _MAIL:
                saying = self._follow(batch, name, at, told, people.emails[index]) or saying
        batch.cards.extend(self.people.card(people, index, line, saying))

    def _happened(self, columns: Columns, index: int) -> dict[str, int | None]:
        """Return what a row says happened, and when where a column of its own says it."""
        kind, properties = self._kind, columns.properties[index]
        found = self._moments(columns, index) if columns.moments else {}
        if word := columns.names[index]:
            found.setdefault(self._named(word, properties), None)
        elif status := columns.statuses[index]:
            self._add_status(found, status, properties)
        elif not found and (implied := kind.name or self._implied(properties)):
            found[implied] = None
        if self._is_state and kind.begins:
            found = {kind.begins: found.get(kind.begins), **found}
            if kind.flag:
                properties[kind.flag] = kind.ended_by not in found
        if not found:
            raise ValueError(_NO_NAME)
        return found

    def _moments(self, columns: Columns, index: int) -> dict[str, int | None]:
        """Return what columns of times, or of yes and no, say happened."""
        found: dict[str, int | None] = {}
        for field_name, event in self._kind.moments.items():
            when = columns.moments[field_name][index] if field_name in columns.moments else None
            if when is not None and when is not False:
                found[event] = None if when is True else when
            elif when is False and event == "booking_attended":
                found.setdefault("booking_missed", None)
        if "booking_missed" in found and found.keys() & {"booking_attended", "booking_cancelled"}:
            del found["booking_missed"]  # who took it back did not miss it
        return found

    def _named(self, word: str, properties: dict[str, Any]) -> str:
        """Return the name of what a word says happened; one that differs from it stays with the event."""
        key = (word, viewed(properties))
        if key not in self._names:
            if len(self._names) >= _MEMO_SIZE:
                self._names.clear()
            name, known = event_name(self._kind.noun, word, properties)
            self._names[key] = name, known, fold(word) != fold(name)
        name, known, differs = self._names[key]
        if not name:
            raise ValueError(f"{word!r} cannot be the name of an event")
        if not known:
            self.unknown[word] += 1
        if differs:
            properties["said_as"] = word
        return name

    def _add_status(self, found: dict[str, int | None], status: str, properties: dict[str, Any]) -> None:
        """Add what the status of a thing says happened; one that nobody knows says nothing, and is kept."""
        kind = self._kind
        name, known = event_name(kind.noun, status)
        if not known:
            self.unknown_statuses[status] += 1
        if known:
            found.setdefault(name, None)
        elif not found and kind.name:
            found[kind.name] = None
        properties.setdefault("status", status)

    def _implied(self, properties: Mapping[str, Any]) -> str | None:
        """Return what happened by what a row names, where no column says it."""
        if self._kind.noun is not Noun.EVENTS:
            return None
        if "query" in properties:
            return "searched"
        if "feature" in properties:
            return "feature_used"
        return viewed(properties) if properties.keys() & _PRODUCTS else None

    def _dated(self, found: Mapping[str, int | None], columns: Columns, index: int) -> Iterator[tuple[str, int, bool]]:
        """Yield each event with its time: its own, the row's, the latest that the row knows, else when it starts.

        And whether that time is only the latest that it can have been.
        """
        at, starts = columns.at[index], columns.starts[index]
        if at is not None and not self._kind.starts and not columns.moments:  # a row of a log: nearly always
            yield from ((name, at, False) for name in found)
            return
        latest = max((when for when in found.values() if when is not None), default=None)
        for name, own in found.items():
            order = (own, starts, at, latest) if name in self._kind.starts else (own, at, latest, starts)
            when = next((each for each in order if each is not None), None)
            if when is None:
                raise ValueError(_NO_TIME)
            yield name, when, name == self._kind.begins and own is None and at is None

    def _handle(self, properties: Mapping[str, Any]) -> str:
        """Return who somebody on a social network is: known by their name there until a file says more."""
        handle = properties.get("handle") if self._kind.noun is Noun.SOCIAL else None
        return f"{properties.get('platform') or 'social'}:{str(handle).lstrip('@')}".casefold() if handle else ""

    def _told(self, name: str, properties: dict[str, Any], email: Address | None) -> dict[str, Any]:
        """Return the properties of one event: what the row says, and of old mail where that is from."""
        flag = self._kind.flag
        if flag in properties and name != self._kind.begins:
            return {key: value for key, value in properties.items() if key != flag}
        if name not in _MAIL:
            return properties
        told = {**properties, "origin": self._reading.tool}
        if name in ("opened", "clicked"):
            told["machine"] = None  # nobody can tell afterwards whether a person or a machine opened
        elif name == "bounced":
            told["kind"] = _bounce_kind(told)
        if name in ("bounced", "complained", "unsubscribed") and email is not None:
            told["address"] = email.email
        return told

    def _follow(
        self, batch: Batch, name: str, at: int, told: Mapping[str, Any], email: Address | None
    ) -> Saying | None:
        """Note what follows from the end of a relation: an address that gets nothing, a no to marketing."""
        evidence = f"{self._reading.file}: {name}" + (f" ({told['campaign']})" if "campaign" in told else "")
        if email is not None and name == "complained":
            batch.refused.append(Refused(0, email, SuppressionReason.COMPLAINT, evidence, at))
        elif email is not None and name == "bounced" and told["kind"] == "hard":
            batch.refused.append(Refused(0, email, SuppressionReason.HARD_BOUNCE, evidence, at))
        if name in ("complained", "unsubscribed"):
            return ConsentState.UNSUBSCRIBED, Basis.EXPRESS, at, None, evidence, None
        return None

    def _source_id(
        self, name: str, at: int, own: str | None, keys: Keys, visitor: str, told: Mapping[str, Any]
    ) -> tuple[str, bool]:
        """Return the id of an event, and whether it is only a hash of what the row says."""
        kind, thing = self._kind, told.get(self._kind.thing or "")
        if own:
            return (f"{own}:{name}" if self._is_state else own), False
        if thing not in (None, ""):
            return (f"{thing}:{name}" if self._is_state else f"{thing}:{name}:{at}"), False
        who = keys[0] or keys[1] or keys[2] or visitor
        if self._is_state and kind.told_by:
            return hashed(name, who, [told.get(key) for key in kind.told_by]), False
        return hashed(name, who, at, sorted(told.items(), key=lambda item: item[0])), True


def _bounce_kind(told: Mapping[str, Any]) -> str:
    """Return whether a bounce says that the address is no good; without a word for it, it does not."""
    for word in (fold(str(told.get(name, ""))) for name in ("kind", "said_as")):
        if word in HARD or word in SOFT:
            return "hard" if word in HARD else "soft"
    return "unknown"


def hashed(*what: object) -> str:
    """Return an id made of what a row says."""
    return blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def names_of(unknown: Counter[str]) -> str:
    """Return the commonest words that no table has, with the name that each became, for a warning."""
    return ", ".join(f"{word!r} is {snake(word)} ({count})" for word, count in unknown.most_common(8))
