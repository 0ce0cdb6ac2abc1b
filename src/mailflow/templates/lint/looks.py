"""Checks of a whole page: whether its text can be read in light and dark, its language, its title, its dark mode.

Contrast is that of WCAG 2.2, 1.4.3: 4.5, or 3 for text from 24 px, or from 18.66 px where it is bold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor

from mailflow.config import colours
from mailflow.templates.lint import styles
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.styles import Element, Rule
from mailflow.templates.markup import VOID, Reader

_NOT_SHOWN = frozenset("head style script title template".split())
_LARGE, _LARGE_BOLD = 24.0, 18.66
_LARGE_CONTRAST = 3.0
_UNSEEN = 1.0  # pixels; cells around text often have a size of 0, and the text in them one of its own
_HEADINGS = {"h1": 32.0, "h2": 24.0, "h3": 18.72, "h4": 16.0, "h5": 13.28, "h6": 10.72}
_MOST_RULES = 300  # for dark mode, the strongest: each is held against each element
_SIZE = re.compile(r"(?<![\w.])(?:(\d*\.?\d+)(px|pt|em|rem|%)|0(?![\w.]))")  # the first: `700 24px/1.5 Arial`
_LINK_INK = "#0000ee"
_WAY_OUT = re.compile(r"/v1\.[\w-]+\.u\.")  # with a token to unsubscribe, of tokens.py


@dataclass(frozen=True, slots=True)
class _Look:
    """How text looks in one place. A ground of None is a picture, of which nothing is known."""

    ink: str = "#050505"
    ground: str | None = "#fffffe"
    dark_ink: str = "#ffffff"
    dark_ground: str | None = "#121212"
    size: float = 16.0
    bold: bool = False
    shown: bool = True
    in_dark: bool = True  # whether it shows in dark mode

    @property
    def wanted(self) -> float:
        """The contrast it needs."""
        is_large = self.size >= _LARGE or (self.bold and self.size >= _LARGE_BOLD)
        return _LARGE_CONTRAST if is_large else colours.READABLE


def check(html: str) -> list[Found]:
    """Return what is wrong with a page; `near` is the text that cannot be read."""
    page = _Page(html)
    page.feed(html)
    page.close()
    return [*_head(page), *_unreadable(page), *_hidden_way_out(page)]


def _head(page: _Page) -> Iterator[Found]:
    if not page.language:
        yield Found("L411", "the page does not say its language", ("<html", "<mjml"))
    if not page.title.strip():
        yield Found("L412", "the page has no title", ("<head", "<mj-head", "<html"))
    if not page.knows_dark:
        yield Found("L413", "the page does not say that it knows dark mode", ("<head", "<mj-head", "<html"))


def _hidden_way_out(page: _Page) -> Iterator[Found]:
    if page.ways_out and not any(page.ways_out):
        yield Found("L512", "the link to unsubscribe is there, and nothing of it can be seen", ("unsubscribe_url",))


def _unreadable(page: _Page) -> Iterator[Found]:
    told: set[tuple[str, str, str]] = set()
    for look, text in page.texts:
        pairs = [("L414", look.ink, look.ground)]
        if page.knows_dark and look.in_dark:
            pairs.append(("L415", look.dark_ink, look.dark_ground))
        for code, ink, ground in pairs:
            if ground is None or not told.isdisjoint({(code, ink, ground), ("L414", ink, ground)}):
                continue  # what is told of light mode need not be told of dark mode again
            contrast = colours.contrast(ink, ground)
            if contrast < look.wanted:
                told.add((code, ink, ground))
                where = "" if code == "L414" else " in dark mode"
                shown = floor(contrast * 10) / 10  # 4.48 is not 4.5
                words = f"{_short(text)!r} is {ink} on {ground}{where}: a contrast of {shown}, not {look.wanted:g}"
                yield Found(code, words, (text, ink))
        if {look.ink, look.ground} == {"#000000", "#ffffff"} and ("L416", "", "") not in told:
            told.add(("L416", "", ""))
            yield Found("L416", f"{_short(text)!r} is pure {look.ink} on pure {look.ground}", (text,))


class _Page(Reader):
    """Reads a page and keeps how each piece of its text looks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        plain = re.sub(r"<!--.*?(?:-->|\Z)", "", html, flags=re.DOTALL)
        sheets = "\n".join(re.findall(r"<style\b[^<>]*>(.*?)(?:</style|\Z)", plain, re.DOTALL | re.IGNORECASE))
        self.language = self.title = ""
        self.knows_dark = bool(re.search(r"color-scheme", plain))
        self.texts: list[tuple[_Look, str]] = []
        self._rules = styles.dark_rules(sheets)[-_MOST_RULES:]
        self._path: list[Element] = []
        self._looks: list[_Look] = [_Look()]
        self._in_title = False
        self.ways_out: list[bool] = []  # whether something is to be seen of each link to unsubscribe
        self._in_way_out = False

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attributes}
        if name == "html":
            self.language = values.get("lang", "").strip()
        if name == "title":
            self._in_title = True
        if name == "a":
            self._in_way_out = _WAY_OUT.search(values.get("href", "")) is not None
            self.ways_out += [False] if self._in_way_out else []
        if name in VOID:
            if name == "img":
                self._see()
            return
        element = Element(name, frozenset(values.get("class", "").split()), values.get("id", ""))
        self._path.append(element)
        self._looks.append(_dark(_light(self._looks[-1], name, values), values, self._path, self._rules))

    def handle_endtag(self, name: str) -> None:
        self._in_title = self._in_title and name != "title"
        self._in_way_out = self._in_way_out and name != "a"
        if any(element.name == name for element in self._path):
            while self._path.pop().name != name:
                self._looks.pop()
            self._looks.pop()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif data.strip() and self._looks[-1].shown and self._looks[-1].size > _UNSEEN:
            self.texts.append((self._looks[-1], " ".join(data.split())))
            self._see()

    def _see(self) -> None:
        """Take note that something is to be seen here, which is of a link to unsubscribe inside of one."""
        if self._in_way_out and self._looks[-1].shown:
            self.ways_out[-1] = True


def _light(look: _Look, name: str, values: Mapping[str, str]) -> _Look:
    """Return how text looks inside an element, by its own style."""
    said = styles.declarations(values.get("style", ""))
    if name in _NOT_SHOWN or _is_hidden(said):
        return replace(look, shown=False)
    ink = styles.colour(said.get("color", "")) or (styles.colour(values.get("color", "")) if name == "font" else None)
    if ink is None and name == "a" and "href" in values and "color" not in said:
        ink = _LINK_INK if look.ground is None or colours.contrast(_LINK_INK, look.ground) >= 3 else None
    ground = styles.colour(said.get("background-color", "") or said.get("background", "") or values.get("bgcolor", ""))
    has_picture = "url(" in said.get("background", "") + said.get("background-image", "") or "background" in values
    written = _size(said.get("font-size") or said.get("font", ""), look.size)
    size = _HEADINGS.get(name, look.size) if written is None else written
    weight = said.get("font-weight", "")
    bold = (
        weight in ("bold", "bolder", "600", "700", "800", "900")
        if weight
        else look.bold or name in ("b", "strong", *_HEADINGS)
    )
    return replace(
        look,
        ink=ink or look.ink,
        ground=None if has_picture else ground or look.ground,
        dark_ink=ink if ink and ink != _LINK_INK else look.dark_ink,
        dark_ground=None if has_picture else ground or look.dark_ground,
        size=size,
        bold=bold,
    )


def _dark(look: _Look, values: Mapping[str, str], path: Sequence[Element], rules: Sequence[Rule]) -> _Look:
    """Return how text looks inside an element in dark mode: rules of the sheet over its own style."""
    said: dict[str, str] = {}
    own = styles.declarations(values.get("style", ""))
    for rule in rules:
        if rule.matches(path):
            said |= {name: value for name, value in rule.declared.items() if "!important" in value or name not in own}
    if not said:
        return look
    ground = styles.colour(said.get("background-color", "") or said.get("background", ""))
    return replace(
        look,
        dark_ink=styles.colour(said.get("color", "")) or look.dark_ink,
        dark_ground=ground or look.dark_ground,
        in_dark=look.in_dark and not said.get("display", "").startswith("none"),
    )


def _is_hidden(said: Mapping[str, str]) -> bool:
    return (
        said.get("display", "").startswith("none")
        or said.get("max-height", "").startswith("0")
        or said.get("opacity", "1") in ("0", "0.0")
    )


def _size(text: str, around: float) -> float | None:
    """Return a font size in pixels, seen from that around it."""
    match = _SIZE.search(text)
    if match is None:
        return None
    factor = {"px": 1.0, "pt": 4 / 3, "em": around, "rem": 16.0, "%": around / 100, None: 0.0}[match[2]]
    return float(match[1] or 0) * factor


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
