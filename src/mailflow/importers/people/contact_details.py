"""What a contacts file says about people beside the built-in fields: attributes, tags, and the lists they are on."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from mailflow.importers.people.contact_sayings import Said
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.recognition.rules import items
from mailflow.importers.values.cells import Sheet, to_json
from mailflow.importers.values.declared import Declared
from mailflow.model import ConsentState
from mailflow.store.topics_bulk import TopicSaying

# Fields whose cells are lists; each is kept as an attribute of its name, a JSON array that rules can look into.
LISTED = ("tags", "lists")
_PRIMARY = "* "  # what Google puts before the groups of its own
_NOT_SLUG = re.compile(r"[\W_]+")


class Details:
    """Reads the attributes of one file, block by block; `birthday` reads a cell of its birthdays."""

    def __init__(self, recognised: Recognised, declared: Declared, birthday: Callable[[str], str]) -> None:
        self._declared = declared
        self._birthday = birthday
        self._places = list(recognised.attributes.items())
        self._listed = [name for name in LISTED if name in recognised.columns]
        self._json = "attributes_json" in recognised.columns
        self.spoken = bool(self._places or self._listed or self._json) or "birthday" in recognised.columns
        self.unread_birthdays = 0

    def read(self, sheet: Sheet, birthdays: list[str | None] | None) -> list[str | None]:
        """Return each row's other columns as JSON, and read the birthdays; one that is no date becomes an attribute."""
        listed = [(name, lists_of(sheet, name)) for name in self._listed]
        objects = sheet.texts("attributes_json") if self._json else None
        documents: list[str | None] = []
        for index, row in enumerate(sheet.block.rows):
            other: dict[str, object] = {name: cell for name, place in self._places if (cell := row[place].strip())}
            if birthdays is not None and (written := birthdays[index]) is not None:
                try:
                    birthdays[index] = self._birthday(written)
                except ValueError:
                    birthdays[index], other["birthday"] = None, written
                    self.unread_birthdays += 1
            for name, cells in listed:
                if cells[index]:
                    other[name] = cells[index]
            if objects is not None and (written := objects[index]) is not None:
                other = _object(written) | other
            self._declared.read(other)
            documents.append(to_json(other) if other else None)
        return documents


class Lists:
    """Reads the lists of an old tool as topics: those of people who said yes, and those that they left."""

    def __init__(self, recognised: Recognised, file: str) -> None:
        self._file = file
        self.spoken = bool({"lists", "unsubscribed_lists"} & set(recognised.columns))

    def read(self, sheet: Sheet, said: Said, numbers: Sequence[int]) -> Iterator[TopicSaying]:
        """Yield what each row of a block says about topics; `numbers` are those of the cards, 0 for none."""
        for name, state in (("lists", ConsentState.SUBSCRIBED), ("unsubscribed_lists", ConsentState.UNSUBSCRIBED)):
            for index, found in enumerate(lists_of(sheet, name)):
                if not numbers[index] or (state is ConsentState.SUBSCRIBED and said.state(index) is not state):
                    continue
                said_so, at = said.evidence(index) if state is ConsentState.SUBSCRIBED else (self._file, None)
                topics = {topic: each for each in found if (topic := slug(each))}
                for topic, each in topics.items():
                    yield TopicSaying(numbers[index], topic, state, f"{said_so}; {name} = {each}", at)


def slug(name: str) -> str:
    """Return the name of a list as that of a topic: `General Interest` is `general_interest`."""
    return _NOT_SLUG.sub("_", unicodedata.normalize("NFKC", name).casefold()).strip("_")


def lists_of(sheet: Sheet, name: str) -> list[list[str]]:
    """Return the items of all columns of a field, each once, for each row."""
    found: list[list[str]] = [[] for _ in range(sheet.size)]
    for _, cells in sheet.every(name):
        for index, cell in enumerate(cells):
            if cell and not cell.isspace():
                found[index] = list(dict.fromkeys([*found[index], *_items(cell)]))
    return found


def _items(cell: str) -> list[str]:
    """Return the items of a cell: of a JSON array, or parted by commas, semicolons, bars or `:::`."""
    cell = cell.strip()
    if cell.startswith("["):
        try:
            return [str(item).strip() for item in json.loads(cell) if str(item).strip()]
        except (ValueError, TypeError):
            cell = cell.strip("[]")
    mark = next((mark for mark in (":::", ";", "|") if mark in cell), None)
    if mark and '"' not in cell:
        return [item for part in cell.split(mark) if (item := part.strip().removeprefix(_PRIMARY))]
    return [item for part in items(cell) if (item := part.strip('"').strip().removeprefix(_PRIMARY))]


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"attributes": text}
    if not isinstance(found, dict):
        return {"attributes": text}
    return {str(name): value for name, value in found.items() if value not in (None, "", [], {})}
