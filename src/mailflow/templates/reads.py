"""Find out which fields of a person a template reads, from the syntax trees of its files. Rendering: compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jinja2 import TemplateSyntaxError, nodes

from mailflow.templates.environment import HTML

PERSON = "contact"
_LONGEST = 3  # names in a path that matter: contact.attributes.x


def fields_read(files: Mapping[str, str]) -> dict[str, list[tuple[str, int]]]:
    """Return what the files of one template read of `contact`: path → the (file, line) places where it stands.

    `{{ contact.orders.count }}` reads `orders.count`, `contact["city"]` reads `city`, and a name for the whole person
    (`{% set who = contact %}`) is followed. Files that cannot be parsed read nothing: compiling tells why.
    """
    found: dict[str, list[tuple[str, int]]] = {}
    for file, text in files.items():
        try:
            tree = HTML.parse(text)
        except TemplateSyntaxError:
            continue
        people = _names_of_person(tree)
        for node in _outermost(tree):
            root, path = _path(node)
            if root in people and path:
                found.setdefault(".".join(path[:_LONGEST]), []).append((file, node.lineno))
    return found


def _names_of_person(tree: nodes.Template) -> set[str]:
    """Return the names that mean the person in one file."""
    names = {PERSON}
    for node in tree.find_all((nodes.Assign, nodes.With)):
        pairs = (
            [(node.target, node.node)]
            if isinstance(node, nodes.Assign)
            else zip(node.targets, node.values, strict=True)
        )
        names |= {
            target.name
            for target, value in pairs
            if isinstance(target, nodes.Name) and isinstance(value, nodes.Name) and value.name in names
        }
    return names


def _outermost(tree: nodes.Template) -> Iterator[nodes.Getattr | nodes.Getitem]:
    """Yield `a.b.c` once, and neither `a.b` nor `a` inside it."""
    inner = {id(node.node) for node in tree.find_all((nodes.Getattr, nodes.Getitem))}
    yield from (node for node in tree.find_all((nodes.Getattr, nodes.Getitem)) if id(node) not in inner)


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
