"""Say a condition of a template in an owner's words: `contact.country == "DE"` is "in Germany". Finding them: branches.

What has no words here is shown as it is written; a comment right behind a tag, `{% if contact.points > 99 %}{# gold
members #}`, goes before both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import nodes

from mailflow.config.countries import OTHERS, UNKNOWN
from mailflow.phrases import listed

_ENGLISH = "en"
_FLIPPED = {"lt": "gt", "gt": "lt", "lteq": "gteq", "gteq": "lteq", "eq": "eq", "ne": "ne"}
_OPPOSITE = {
    "lt": "gteq",
    "gt": "lteq",
    "lteq": "gt",
    "gteq": "lt",
    "eq": "ne",
    "ne": "eq",
    "in": "notin",
    "notin": "in",
}
_SIZES = {"lt": "less than", "gt": "more than", "lteq": "at most", "gteq": "at least"}
_SAME = frozenset({"default", "d", "lower", "upper", "trim", "list", "allowed", "string", "int", "float"})
_ROOTS = frozenset("contact owner shop campaign recommendations articles offer season day choices polls".split())

# Paths whose being there, or not, is said in words of its own.
_THERE: Mapping[str, tuple[str, str]] = {
    "contact.orders.count": ("with orders", "without orders"),
    "contact.rfm": ("with RFM scores", "without RFM scores"),
    "contact.segments": ("in a segment", "in no segment"),
    "contact.nearest_store": ("with a store near them", "without a store near them"),
    "contact.personalised": ("who want mail made for them", "who want no mail made for them"),
    "owner": ("with somebody who looks after them", "with nobody who looks after them"),
    "recommendations": ("with recommendations", "without recommendations"),
    "articles": ("with things to read", "without things to read"),
    "offer": ("with a code", "without a code"),
    "offer.expires_on": ("with a code that ends", "with a code that has no end"),
    "shop.footer": ("with lines of their country in the footer", "without lines of their country in the footer"),
    "shop.address": ("with a postal address", "without a postal address"),
    "unsubscribe_url": ("with a way to unsubscribe", "without a way to unsubscribe"),
    "view_url": ("with a page for the browser", "without a page for the browser"),
}
OF_COUNTRIES = frozenset(_THERE["shop.footer"] + _THERE["shop.address"])  # what `countries:` may make differ
# What is counted, and not measured: 3 orders.
_COUNTED: Mapping[str, str] = {
    "contact.orders.count": "orders",
    "recommendations": "recommendations",
    "articles": "things to read",
}
_NOUNS: Mapping[str, str] = {
    "contact.lifecycle": "stage",
    "contact.rfm.class": "RFM class",
    "contact.rfm.r": "recency score",
    "contact.rfm.f": "frequency score",
    "contact.rfm.m": "monetary score",
    "contact.orders.first_at": "first order",
    "contact.orders.last_at": "last order",
    "contact.orders.revenue": "revenue",
    "contact.orders.currency": "currency of orders",
    "contact.favourite_category": "favourite category",
    "campaign.deadline": "end of the campaign",
    "offer.expires_on": "end of the code",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """Says conditions; `types` are those of the shop's own fields, as `fields:` in mailflow.yaml declares them."""

    types: Mapping[str, str]

    def of(self, test: nodes.Node, *, holds: bool) -> str | None:
        """Return in words that a condition holds, or that it does not; None for one that has none."""
        match test := _bare(test):
            case nodes.Not():
                return self.of(test.node, holds=not holds)
            case nodes.And() | nodes.Or():
                return self._both(test, holds)
            case nodes.Compare():
                return self._compared(test, holds)
            case nodes.Test():
                return self._tested(test, holds)
            case nodes.Call():
                return None
        path = _path(test)
        return self._there(path, holds) if path is not None else None

    def _both(self, test: nodes.And | nodes.Or, holds: bool) -> str | None:
        left, right = self.of(test.left, holds=holds), self.of(test.right, holds=holds)
        if left is None or right is None:
            return None
        joined_by_and = isinstance(test, nodes.And) == holds
        is_mixed = any(isinstance(side, nodes.And | nodes.Or) for side in (test.left, test.right))
        return f"{left}{',' if is_mixed else ''} {'and' if joined_by_and else 'or'} {right}"

    def _tested(self, test: nodes.Test, holds: bool) -> str | None:
        path = _path(test.node)
        is_there = {"defined": True, "undefined": False, "none": False, "true": True, "false": False}.get(test.name)
        if path is None or is_there is None:
            return None
        return self._there(path, holds == is_there)

    def _compared(self, test: nodes.Compare, holds: bool) -> str | None:
        if len(test.ops) != 1:
            return None
        left, operator, right = test.expr, test.ops[0].op, test.ops[0].expr
        if operator not in _OPPOSITE:
            return None
        if _path(left) is None and operator in _FLIPPED:
            left, operator, right = right, _FLIPPED[operator], left
        said = operator if holds else _OPPOSITE[operator]
        if operator in ("in", "notin") and isinstance(left, nodes.Const):
            return _contained(left.value, _path(right), said == "in")
        path, values = _path(left), _values(right)
        return None if path is None or values is None else self._against(path, said, values)

    def _against(self, path: str, operator: str, values: Sequence[object]) -> str | None:
        """Return how what a path leads to compares with one value, or with several of a list."""
        if operator in _SIZES:
            return _measured(path, operator, values[0])
        holds = operator in ("eq", "in")
        first = values[0] if len(values) == 1 else ""
        if first is None or isinstance(first, bool) or (first == "" and len(values) == 1):
            return self._there(path, holds == bool(first))
        if path in _COUNTED:
            return self._there(path, not holds) if first == 0 else f"{'' if holds else 'not '}{first} {_COUNTED[path]}"
        if path in _PLACED:
            return ("" if holds else "not ") + listed([_PLACED[path](str(value)) for value in values], last="or")
        return f"{_noun(path)} is {'' if holds else 'not '}{listed([str(value) for value in values], last='or')}"

    def _there(self, path: str, is_there: bool) -> str:
        """Return that what a path leads to is there, or is not."""
        if path in _THERE:
            return _THERE[path][0 if is_there else 1]
        match path.split("."):
            case ["polls", name, "answer"]:
                return f"{'with an' if is_there else 'without an'} answer to the poll {name}"
            case ["polls", name, "is_open"]:
                return f"poll {name} is {'open' if is_there else 'closed'}"
        noun = _noun(path)
        match self.types.get(path.removeprefix("contact.").removeprefix("attributes.")):
            case "bool":
                return f"{noun}: {'yes' if is_there else 'no'}"
            case "number":
                return f"{'with' if is_there else 'without'} {noun}"
        return f"{noun} is {'' if is_there else 'not '}known"


def language_name(tag: str) -> str:
    """Return the language of a tag in words: `de-AT` is "German (Austria)"; the tag itself for what is no language."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(tag.strip().replace("-", "_")).get_display_name(_ENGLISH) or tag
    except (ValueError, UnknownLocaleError):
        return tag


def country_name(code: str) -> str:
    """Return the country of two letters in words, and what `countries:` calls unknown and others."""
    from babel import Locale

    said = {UNKNOWN: "an unknown country", OTHERS: "all other countries"}
    return said.get(code) or Locale(_ENGLISH).territories.get(code.strip().upper()) or code


_PLACED: Mapping[str, Callable[[str], str]] = {
    "contact.country": lambda code: f"in {country_name(code)}",
    "contact.language": lambda tag: f"reading {language_name(tag)}",
    "season": lambda season: f"in {season}",
    "contact.lifecycle": lambda stage: f"stage {stage}",
}


def _contained(value: object, path: str | None, holds: bool) -> str | None:
    """Return that a list of somebody's has a value in it."""
    if path == "contact.segments":
        return f"{'in' if holds else 'not in'} the segment {value}"
    if path == "never_show":
        return f"{value} {'must never' if holds else 'may'} be shown to them"
    return None if path is None else f"{value} is {'' if holds else 'not '}in {_noun(path)}"


def _measured(path: str, operator: str, value: object) -> str:
    noun = _COUNTED.get(path)
    if noun is None:
        return f"{_noun(path)} {_SIZES[operator]} {value}"
    if (operator, value) in (("gt", 0), ("gteq", 1)):
        return _THERE[path][0]
    if (operator, value) in (("lt", 1), ("lteq", 0)):
        return _THERE[path][1]
    return f"{'fewer than' if operator == 'lt' else _SIZES[operator]} {value} {noun}"


def _noun(path: str) -> str:
    """Return what a path is called: `contact.first_name` is the first name, `day.weather` the weather."""
    if path in _NOUNS:
        return _NOUNS[path]
    root, *parts = path.split(".")
    match root, parts:
        case _, [*_, "days_left"]:
            return f"days until {_noun(path.removesuffix('.days_left'))}"
        case "contact", ["traits", name]:
            return f"trait {name}"
        case "contact", ["attributes" | "impact", *names]:
            return _plain(names)
        case "polls", [name, "answer"]:
            return f"answer to the poll {name}"
        case "contact" | "day", [_, *_]:
            return _plain(parts)
        case "choices" | "polls", [name, *names]:
            return f"{_plain(names)} of {root.removesuffix('s')} {name}".strip()
        case _, [_, *_]:
            return f"{_plain(parts)} of the {root}"
    return _plain([root])


def _plain(names: Sequence[str]) -> str:
    return " ".join(names).replace("_", " ")


def _values(node: nodes.Node) -> list[object] | None:
    node = _bare(node)
    if isinstance(node, nodes.Const):
        return [node.value]
    if isinstance(node, nodes.List | nodes.Tuple) and node.items:
        found = [item.value for item in node.items if isinstance(item, nodes.Const)]
        return found if len(found) == len(node.items) else None
    return None


def _path(node: nodes.Node) -> str | None:
    """Return the names that an expression is made of: `contact.orders.count`; None for what is more than that.

    What only tidies a value is passed over, and so is a slice: of `recommendations[:2]` is said what is of all.
    """
    match _bare(node):
        case nodes.Name(name=name):
            return name if name in _ROOTS or name in _THERE or name == "never_show" else None
        case nodes.Getattr(node=owner, attr=name):
            return _longer(_path(owner), name)
        case nodes.Getitem(node=owner, arg=nodes.Slice()):
            return _path(owner)
        case nodes.Getitem(node=owner, arg=nodes.Const(value=str() as name)):
            return _longer(_path(owner), name)
        case nodes.Filter(node=nodes.Node() as value, name="length" | "count"):
            path = _path(value)
            return path if path in _COUNTED else None
        case nodes.Filter(node=nodes.Node() as value, name="days_left"):
            return _longer(_path(value), "days_left")
        case nodes.Filter(node=nodes.Node() as value, name=name) if name in _SAME:
            return _path(value)
    return None


def _bare(node: nodes.Node) -> nodes.Node:
    """Return an expression without the filters that guard.py put around it."""
    while isinstance(node, nodes.Filter) and node.name.startswith("__") and node.node is not None:
        node = node.node
    return node


def _longer(path: str | None, name: str) -> str | None:
    return None if path is None else f"{path}.{name}"
