"""The little of CSS that contrast needs: colours, and the rules of dark mode with the elements they hold for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NAMED = {
    "black": "#000000", "white": "#ffffff", "red": "#ff0000", "green": "#008000", "blue": "#0000ff", "gray": "#808080",
    "grey": "#808080", "silver": "#c0c0c0", "maroon": "#800000", "navy": "#000080", "yellow": "#ffff00",
    "orange": "#ffa500", "purple": "#800080", "teal": "#008080", "lime": "#00ff00", "aqua": "#00ffff",
    "cyan": "#00ffff", "magenta": "#ff00ff", "fuchsia": "#ff00ff", "olive": "#808000", "pink": "#ffc0cb",
    "brown": "#a52a2a", "gold": "#ffd700", "tomato": "#ff6347", "coral": "#ff7f50", "beige": "#f5f5dc",
    "ivory": "#fffff0", "lightgray": "#d3d3d3", "lightgrey": "#d3d3d3", "darkgray": "#a9a9a9", "darkgrey": "#a9a9a9",
    "dimgray": "#696969", "whitesmoke": "#f5f5f5", "gainsboro": "#dcdcdc",
}  # fmt: skip
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:[\s,/]+([\d.]+%?))?\s*\)")
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})(?![0-9a-f])")
_DARK = re.compile(r"@media[^{}@]*prefers-color-scheme\s*:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}", re.IGNORECASE)
_RULE = re.compile(r"(?<![^{}])([^{}]+)\{([^{}]*)\}")
_COMPOUND = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<rest>(?:[.#][\w-]+)*)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Element:
    """What selectors ask of an element."""

    name: str
    classes: frozenset[str] = frozenset()
    id: str = ""


@dataclass(frozen=True, slots=True)
class _Compound:
    name: str
    classes: frozenset[str]
    id: str
    is_child: bool  # of what stands before it: `.a > .b`; else anywhere inside

    def matches(self, element: Element) -> bool:
        return self.name in ("", "*", element.name) and self.classes <= element.classes and self.id in ("", element.id)


@dataclass(frozen=True, slots=True)
class Rule:
    """One selector with its declarations; `weight` is its specificity and place, the greater wins."""

    parts: tuple[_Compound, ...]
    declared: dict[str, str]
    weight: tuple[int, int, int, int]

    def matches(self, path: Sequence[Element]) -> bool:
        """Whether it holds for the last element of a path from the root."""
        if not self.parts[-1].matches(path[-1]):
            return False
        places = [len(path) - 1]  # at which the part behind may stand, the innermost first
        for part, behind in zip(self.parts[-2::-1], self.parts[:0:-1], strict=True):
            above = [place - 1 for place in places if place] if behind.is_child else range(places[0] - 1, -1, -1)
            places = [place for place in above if part.matches(path[place])]
            if not places:
                return False
        return True


def colour(text: str) -> str | None:
    """Return the colour that a CSS value begins with, as `#rrggbb`; None where there is none, or a transparent one."""
    text = text.strip().lower()
    if match := _HEX.search(text):
        digits = match[0][1:]
        return match[0] if len(digits) == 6 else "#" + "".join(digit * 2 for digit in digits)
    if match := _RGB.search(text):
        if match[4] not in (None, "1", "1.0", "100%"):
            return None
        return "#" + "".join(f"{min(int(part), 255):02x}" for part in match.groups()[:3])
    return next((_NAMED[word] for word in re.findall(r"[a-z]+", text) if word in _NAMED), None)


def declarations(css: str) -> dict[str, str]:
    """Return what a style attribute declares: property → value."""
    pairs = (part.partition(":") for part in css.split(";"))
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def dark_rules(css: str) -> list[Rule]:
    """Return the rules of a style sheet for dark mode, the weakest first."""
    rules: list[Rule] = []
    for block in _DARK.finditer(re.sub(r"/\*.*?(?:\*/|\Z)", "", css, flags=re.DOTALL)):
        for match in _RULE.finditer(block[1]):
            declared = declarations(match[2])
            rules += [rule for one in match[1].split(",") for rule in _rule(one, declared, len(rules))]
    return sorted(rules, key=lambda rule: rule.weight)


def _rule(selector: str, declared: dict[str, str], number: int) -> Iterator[Rule]:
    """Yield the rule of one selector; one that asks for more than names, classes, ids and parents is passed over."""
    parts: list[_Compound] = []
    is_child = False
    for word in selector.replace(">", " > ").split():
        if word == ">" and parts and not is_child:
            is_child = True
            continue
        match = _COMPOUND.match(word)
        if match is None:
            return
        classes = frozenset(re.findall(r"\.([\w-]+)", match["rest"]))
        ids = re.findall(r"#([\w-]+)", match["rest"])
        parts.append(_Compound((match["tag"] or "").lower(), classes, ids[0] if ids else "", is_child))
        is_child = False
    if parts and not is_child:
        weight = (
            sum(bool(part.id) for part in parts),
            sum(len(part.classes) for part in parts),
            sum(part.name not in ("", "*") for part in parts),
            number,
        )
        yield Rule(tuple(parts), declared, weight)
