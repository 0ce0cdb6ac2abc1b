"""Find out which fields of a person a template reads, from the syntax trees of its files. Rendering: compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from mailflow.templates.environment import HTML

PERSON = "contact"
OWNER = "owner"  # who looks after the person: found by their field of this name
_LONGEST = 3  # names in a path that matter: contact.attributes.x


def fields_read(files: Mapping[str, str]) -> dict[str, list[tuple[str, int]]]:
    """Return what the files of one template read of `contact`: path → the (file, line) places where it stands.

    `{{ contact.orders.count }}` reads `orders.count`, `contact["city"]` reads `city`, and a name for the whole person
    (`{% set who = contact %}`) is followed. Files that cannot be parsed read nothing: compiling tells why.
    """
    found: dict[str, list[tuple[str, int]]] = {}
    for file, tree in _trees(files):
        people = _names_of_person(tree)
        for node in _outermost(tree):
            root, path = _path(node)
            if root in people and path:
                found.setdefault(".".join(path[:_LONGEST]), []).append((file, node.lineno))
            elif root == OWNER:
                found.setdefault(OWNER, []).append((file, node.lineno))
    return found


def read_of(files: Mapping[str, str], root: str) -> dict[str, list[tuple[str, int]]]:
    """Return what the files of one template read of a name such as `polls`, as `fields_read` does of the person."""
    found: dict[str, list[tuple[str, int]]] = {}
    for file, tree in _trees(files):
        for node in _outermost(tree):
            name, path = _path(node)
            if name == root and path and not _is_computed(node):
                found.setdefault(".".join(path[:_LONGEST]), []).append((file, node.lineno))
    return found


def _trees(files: Mapping[str, str]) -> Iterator[tuple[str, nodes.Template]]:
    """Yield the files that can be parsed."""
    for file, text in files.items():
        if (tree := tree_of(text)) is not None:
            yield file, tree


@lru_cache(maxsize=16)
def tree_of(text: str) -> nodes.Template | None:
    """Return the syntax tree of a file, to read and not to change; None where it has none: compiling tells why.

    Lint asks the same few files four questions, one after the other.
    """
    try:
        return HTML.parse(text)
    except TemplateSyntaxError:
        return None


def _names_of_person(tree: nodes.Template) -> set[str]:
    """Return the names that mean the person in one file."""
    names = {PERSON}
    for target, value in _assignments(tree):
        if isinstance(target, nodes.Name) and isinstance(value, nodes.Name) and value.name in names:
            names.add(target.name)
    return names


def _assignments(tree: nodes.Template) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    for assign in tree.find_all(nodes.Assign):
        yield assign.target, assign.node
    for block in tree.find_all(nodes.With):
        yield from zip(block.targets, block.values, strict=True)


def _outermost(tree: nodes.Template) -> list[nodes.Getattr | nodes.Getitem]:
    """Return `a.b.c` once, and neither `a.b` nor `a` inside it."""
    steps: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    inner = {id(step.node) for step in steps}
    return [step for step in steps if id(step) not in inner]


def _is_computed(node: nodes.Node) -> bool:
    """Return whether a part of a path is only known when a message is rendered: `polls[name].question`."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
            return True
        node = node.node
    return False


def _path(node: nodes.Node) -> tuple[str, list[str]]:
    """Return the name that a path begins with, and the names behind it: `contact`, [`orders`, `count`]."""
    if isinstance(node, nodes.Name):
        return node.name, []
    if isinstance(node, nodes.Getattr):
        root, path = _path(node.node)
        return root, [*path, node.attr]
    if isinstance(node, nodes.Getitem):
        root, path = _path(node.node)
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return root, [*path, key] if isinstance(key, str) else path
    return "", []
