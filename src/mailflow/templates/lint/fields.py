"""Checks of what a template asks for, on its syntax trees: no person is needed. Rendered messages: message.py."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import meta, nodes

from mailflow.config.yaml_files import suggestion
from mailflow.templates import foreign, guard
from mailflow.templates.inline import sheets_elsewhere
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.places import Place
from mailflow.templates.reads import fields_read, tree_of

# What `CompiledTemplate.render` and the layouts add to a context.
_ADDED = frozenset(
    "brand subject preheader language words picture items total content unsubscribe_url view_url offer lines "
    "loop".split()
)
_NESTED = frozenset("traits impact segments attributes".split())  # their names are those of rules and of any field


@dataclass(frozen=True, slots=True)
class Asked:
    """A field that a template reads: `name` as in `contact.name`, and where."""

    name: str
    place: Place


def asked_of_person(files: Mapping[str, str]) -> list[Asked]:
    """Return each field of the person that the files of a template read, once per place."""
    return [
        Asked(path, Place(file, line))
        for path, places in fields_read(files).items()
        for file, line in dict.fromkeys(places)
    ]


def unknown(asked: Asked, known: Collection[str]) -> Found | None:
    """Return that there is no such field, given the names that `contact` may have."""
    first, _, rest = asked.name.partition(".")
    name = rest.partition(".")[0] if first == "attributes" and rest else first
    if name in known or (first in _NESTED and first != "attributes"):
        return None
    meant = foreign.hint(asked.name) or suggestion(name, sorted(known))
    return Found("L101", f"there is no contact.{asked.name}{meant}", about=asked.name)


def unknown_names(files: Mapping[str, str], context: Mapping[str, Any]) -> Iterator[tuple[Found, Place]]:
    """Yield names that no context has and no file of the template sets, in branches that nobody may take too."""
    trees = {file: tree for file, text in files.items() if (tree := tree_of(text)) is not None}
    set_here = {name.name for tree in trees.values() for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    known = {*context, *_ADDED, *set_here}
    offered = sorted(known - set_here)
    for file, tree in trees.items():
        first: dict[str, int] = {}  # name → the line on which it is read first
        for name in tree.find_all(nodes.Name):
            if name.ctx == "load":
                first.setdefault(name.name, name.lineno)
        paths = [guard.label(node) for node in tree.find_all(nodes.Getattr)]
        for missing in sorted(meta.find_undeclared_variables(tree) - known):
            message = f"there is no {missing!r}{_meant(paths, missing, offered)}"
            yield Found("L101", message, about=missing), Place(file, first.get(missing))


def _meant(paths: Sequence[str], missing: str, known: Collection[str]) -> str:
    """Return what may be meant by a name, as ` (…)`: what another tool calls so, by itself or with a part of it."""
    whole = [missing, *(path for path in paths if path.startswith(f"{missing}."))]
    return next(filter(None, map(foreign.hint, whole)), "") or suggestion(missing, known)


def of_others(files: Mapping[str, str]) -> Iterator[tuple[Found, Place]]:
    """Yield the tags of other tools in files of one's own, each once: Markdown makes something else of some."""
    for file, text in files.items():
        for tag in {each.text: each for each in reversed(list(foreign.left(text)))}.values():
            column = tag.start - (text.rfind("\n", 0, tag.start) + 1) + 1
            place = Place(file, text.count("\n", 0, tag.start) + 1, column)
            yield Found("L103", tag.sentence(), about=tag.text), place


def sheets_left_out(files: Mapping[str, str]) -> Iterator[tuple[Found, Place]]:
    """Yield style sheets in files of one's own: they are not read, and what they say is missing from the mail."""
    for file, text in files.items():
        for name, line in sheets_elsewhere(text):
            words = f"the style sheet {name!r} is not read, so the mail goes out without it"
            yield Found("L404", words, about=name, remedy="Put what is in it into <style>"), Place(file, line)


def sensitive(front: Mapping[str, str], fields: Collection[str]) -> Iterator[Found]:
    """Yield that the subject or preheader reads one of the sensitive fields."""
    for key, text in front.items():
        for path in fields_read({key: text}):
            name = path.removeprefix("attributes.").partition(".")[0]
            if name in fields:
                yield Found("L108", f"the {key} reads contact.{path}, which is declared sensitive", key=key, about=path)


def value(contact: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path of names, None where it leads nowhere."""
    found: Any = contact
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
