"""Read YAML with its traps closed and every problem placed. What the keys mean: settings.py and the `*Spec`s.

Plain `NO`, `on` and `10:30` stay text, a key may occur once, aliases and tags are refused, and an unquoted
`{{ name }}` is told to be quoted. Line and column of every key and value are kept for messages.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, RootModel, ValidationError

from mailflow.config import files
from mailflow.errors import Problem, ProblemsError

KeyPath = tuple[str | int, ...]
Place = tuple[int, int]
Spec = TypeVar("Spec", bound=BaseModel)

MAX_BYTES = 1 << 20
_DEEPEST = 20  # groups within groups
_MOST = 50_000  # values of one file; each takes 2 KB while it is read
_LONGEST = 200  # characters of a value in a message
_MOST_PROBLEMS = 100  # of one file that are told at once
_ALIAS = "an alias (*name) is not read here: write the value out"

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+\Z")
_WORDS: Mapping[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in "str int float bool null map seq timestamp value merge".split()
)


@dataclass(frozen=True, slots=True)
class Document:
    """What one YAML text holds, and where each key and value of it stands."""

    file: str
    data: Any
    keys: Mapping[KeyPath, Place] = field(default_factory=dict)
    values: Mapping[KeyPath, Place] = field(default_factory=dict)

    def problem(self, path: KeyPath, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem placed at the value of `path`, or at its key, or at the nearest enclosing value."""
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        for length in range(len(path), -1, -1):
            place = first.get(path[:length]) or second.get(path[:length])
            if place is not None:
                return Problem(self.file, message, *place)
        return Problem(self.file, message)

    def under(self, name: str) -> Document:
        """Return the part that stands under one of its names, with the places of what is in it."""
        return Document(
            self.file,
            self.data[name],
            {path[1:]: place for path, place in self.keys.items() if path[0] == name},
            {path[1:]: place for path, place in self.values.items() if path[:1] == (name,)},
        )


def read_yaml(path: Path, *, shown: str | None = None) -> Document:
    """Read a YAML file; `ProblemsError` names every problem as file:line:column. `shown` is the name in messages."""
    file = shown or path.name
    return parse_yaml(read_text(path, file), file)


def read_text(path: Path, file: str) -> str:
    """Return the text of a file that a person edits; `ProblemsError` where there is none. `file` is its name there."""
    try:
        return decode(files.read(path, MAX_BYTES), file)
    except files.Unreadable as error:
        raise ProblemsError([Problem(file, str(error))]) from None


def decode(raw: bytes, file: str) -> str:
    """Return the text of a file that a person edits: UTF-8 of at most 1 MB, without a byte-order mark."""
    if len(raw) > MAX_BYTES:
        raise ProblemsError([Problem(file, f"has {len(raw):,} bytes; at most {MAX_BYTES:,} are read")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ProblemsError([Problem(file, "is not UTF-8 text: save it as UTF-8", line)]) from None


def parse_yaml(text: str, file: str, *, first_line: int = 1) -> Document:
    """Read YAML text that begins on line `first_line` of `file`."""
    try:
        _check_size(text, file, first_line)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise ProblemsError([_syntax_problem(error, text, file, first_line)]) from None
    except yaml.reader.ReaderError as error:
        raise ProblemsError([_unreadable_problem(error, text, file, first_line)]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ProblemsError([Problem(file, f"is not YAML: {str(error).splitlines()[0]}", first_line)]) from None
    reader = _Reader(file, first_line)
    data = reader.value(node, ()) if node is not None else None
    if reader.problems:
        raise ProblemsError(reader.problems)
    return Document(file, data, reader.keys, reader.values)


def _check_size(text: str, file: str, first_line: int) -> None:
    """Refuse what is nested without end, or has more values than any file for people, before anything is built of it.

    The C library goes down by calling itself, and would end the process.
    """
    deep = 0
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.CollectionStartEvent):
            deep += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            deep -= 1
        if deep > _DEEPEST or number > _MOST:
            words = f"is nested more than {_DEEPEST} levels deep" if deep > _DEEPEST else f"has over {_MOST:,} values"
            line = event.start_mark.line + first_line if event.start_mark else first_line
            raise ProblemsError([Problem(file, f"{words}: take some out", line)])


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str, first_line: int) -> Problem:
    mark = error.problem_mark or error.context_mark
    words = " ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return Problem(file, f"is not YAML: {words}", first_line)
    before = "".join(text.split("\n")[mark.line : mark.line + 1])[: mark.column + 1]
    if "\t" in before:
        words = "a tab stands where only spaces may: indent with spaces"
    return Problem(file, f"is not YAML: {words}", mark.line + first_line, mark.column + 1)


def _unreadable_problem(error: yaml.reader.ReaderError, text: str, file: str, first_line: int) -> Problem:
    """Return the problem of a character that YAML does not take, such as NUL; the C loader counts in bytes."""
    sign = error.character if isinstance(error.character, str) else chr(error.character)
    before = text[: max(0, text.find(sign))]
    line, column = before.count("\n") + first_line, len(before) - (before.rfind("\n") + 1) + 1
    return Problem(file, f"holds a character that is no text (U+{ord(sign):04X}): delete it", line, column)


def place_inside(text: str, start: Place, value: str, offset: int) -> Place:
    """Return line and column of a character of `value`, which begins at `start` in the YAML text of its file.

    YAML folds lines, doubles quotes and escapes, but the signs of a value stand in the file in their order: they are
    found one after the other, spaces left out.
    """
    lines = text.splitlines(keepends=True)
    at = sum(map(len, lines[: start[0] - 1])) + start[1] - 1
    if text[at : at + 1] in {">", "|"}:
        at = text.find("\n", at) + 1
    wanted = "".join(value[: offset + 1].split()) or value[:1]
    found = at - 1
    for sign in wanted:
        following = text.find(sign, found + 1)
        if following < 0:  # written as an escape such as \u00e9
            continue
        found = following
    if offset >= len(value):  # the end is missing: point behind the last sign
        found += 1
    found = max(found, at)
    return text.count("\n", 0, found) + 1, found - (text.rfind("\n", 0, found) + 1) + 1


class _Reader:
    """Turns composed nodes into plain data, collecting places and problems on the way."""

    def __init__(self, file: str, first_line: int) -> None:
        self.file = file
        self.first_line = first_line
        self.keys: dict[KeyPath, Place] = {}
        self.values: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        if len(path) > _DEEPEST:
            return self._refuse(node, f"is nested more than {_DEEPEST} levels deep")
        self.values[path] = self._place(node)
        if id(node) in self._seen:  # the very node of the anchor: the key says where the alias stands
            place = self.keys.get(path, self.values[path])
            self.problems.append(Problem(self.file, _ALIAS, *place))
            return None
        self._seen.add(id(node))
        if node.tag not in _PLAIN_TAGS:
            return self._refuse(node, f"the tag {node.tag} is not read here")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, 'a key must be a word; text with {{ … }} needs quotes around it: "{{ name }}"')
                continue
            key = str(key_node.value)
            if id(key_node) in self._seen or key_node.tag not in _PLAIN_TAGS:
                self._refuse(key_node, "a key is a plain word: no alias (*name), no tag")
                continue
            self._seen.add(id(key_node))
            if key in found:
                self._refuse(key_node, f"the key {_short(repr(key))} occurs twice")
                continue
            self.keys[(*path, key)] = self._place(key_node)
            found[key] = self.value(value_node, (*path, key))
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        text = str(node.value)
        if getattr(node, "style", None):  # plain is None from one loader and "" from the other
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text) and len(text) < 19:
            return int(text)
        return float(text) if _FLOAT.match(text) else text

    def _refuse(self, node: yaml.Node, message: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(self.file, message, *self._place(node)))

    def _place(self, node: yaml.Node) -> Place:
        return node.start_mark.line + self.first_line, node.start_mark.column + 1


def parse_spec(model: type[Spec], document: Document) -> Spec:
    """Return a document as `model`; `ProblemsError` lists all that is wrong in it, each with its place."""
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise ProblemsError([document.problem((), "must hold `key: value` lines")])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        items = error.errors(include_url=False)
        found = [_spec_problem(model, document, dict(item)) for item in items[:_MOST_PROBLEMS]]
        found.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
        if len(items) > len(found):
            found.append(Problem(document.file, f"has {len(items) - len(found):,} more problems: mend these first"))
        raise ProblemsError(found) from None


def _spec_problem(model: type[BaseModel], document: Document, error: Mapping[str, Any]) -> Problem:
    path: KeyPath = tuple(error["loc"])
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        return document.problem(
            path, f"unknown key {_short(repr(path[-1]))}{suggestion(str(path[-1]), known)}", at_key=True
        )
    if kind == "missing":
        return document.problem(path[:-1], f"the key {path[-1]!r} is missing")
    if kind == "value_error":
        return document.problem(path, str(error["ctx"]["error"]))
    return document.problem(path, _in_words(error))


def _in_words(error: Mapping[str, Any]) -> str:
    """Return what pydantic found in words for people; a wrong group is not repeated, as it may hold a secret."""
    kind, found = str(error["type"]), error["input"]
    if kind == "string_type" and isinstance(found, (int, float)):
        return f'must be text: put it in quotes, "{str(found).lower() if isinstance(found, bool) else found}"'
    if kind == "model_type":
        return "must be a group of `key: value` lines, indented under it, or written {key: value}"
    if kind in ("bool_parsing", "bool_type"):
        return f"must be true or false (found {_short(repr(found))})"
    if found is None:
        return "is empty: write a value, or leave the line out"
    words = str(error["msg"])
    return f"{words[0].lower()}{words[1:]} (found {_short(repr(found))})"


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that a model allows at a place inside it."""
    annotation: Any = model
    for part in path:
        annotation = _annotation_of(part, annotation)
    return [item.alias or name for name, item in getattr(_model_in(annotation), "model_fields", {}).items()]


def _annotation_of(part: str | int, annotation: Any) -> Any:
    """Return the annotation of what is called `part` in a model, in a list, or in a group such as `fields:`."""
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        annotation = annotation.model_fields["root"].annotation
    if get_origin(annotation) is list:
        return get_args(annotation)[0]
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    fields = getattr(_model_in(annotation), "model_fields", {})
    return next((item.annotation for name, item in fields.items() if part in (name, item.alias)), None)


def _model_in(annotation: Any) -> Any:
    """Return the model that an annotation such as `RelaySettings | None` speaks of, or None."""
    if get_origin(annotation) is dict:
        return None
    candidates = [annotation, *get_args(annotation)]
    return next((item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known word, or all of them when none is near and few are."""
    if len(word) > _LONGEST:
        return ""
    words = [str(each) for each in known]
    folded = {each.lower(): each for each in words}
    near = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    if near:
        return f" (did you mean {folded[near[0]]!r}?)"
    return f" (known are: {', '.join(words)})" if 0 < len(words) <= 20 else ""
