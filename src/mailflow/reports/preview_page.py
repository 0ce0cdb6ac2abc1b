"""Render previews as a page of its own: each message wide, as on a phone, dark, as text, as source; with its links.

The page loads nothing from anywhere and runs no script; the messages lie in it as frames that may do nothing at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mailflow.errors import MailflowError, ProblemsError
from mailflow.reports import pages
from mailflow.templates.markup import Reader

LIMIT = 102_000  # bytes of HTML: Gmail cuts off what is beyond, and hides the footer with it
_MOST_SOURCE = 300_000
_STYLED = re.compile(r"<style\b.*?</style\s*>|<[a-zA-Z](?:[^\"'>]|\"[^\"]*\"|'[^']*')*>", re.DOTALL | re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_KNOWS_DARK = re.compile(r"<meta\b[^>]*\bcolor-scheme\b[^>]*\bdark\b|(?<!prefers-)color-scheme\s*:[^;}]*\bdark\b", re.I)
_HOLDS, _FAILS = "(min-width: 0)", "(max-width: 0)"
_NO_CLICKS = "<style>a, area { pointer-events: none }</style>"  # a frame that follows a link shows nothing any more


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the page. `people` get it and `told` says why, where it is a variant; None and nothing else.

    `is_page` where it is no mail, but what is read in a browser. `shown` is the HTML with the pictures inside it that
    travel in the mail, where there are any.
    """

    people: int | None
    told: Sequence[str]
    email: str
    is_sample: bool
    from_header: str
    subject: str
    preheader: str
    html: str
    text: str
    data: bytes
    problems: Sequence[str] = ()
    is_page: bool = False
    shown: str = ""

    @property
    def label(self) -> str:
        """What it is called beside others."""
        if self.people is None:
            return "page" if self.is_page else "mail"
        return f"{self.people:,}" if self.people else "nobody"


@dataclass(frozen=True, slots=True)
class Link:
    """One address that a message links to: the words of its first link, and how many links lead there."""

    address: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class _Shown:
    """A message with all that the page says of it worked out."""

    letter: Letter
    light: str
    dark: str
    has_dark: bool
    links: Sequence[Link]
    pictures: int
    size: int
    source: str
    is_cut: bool

    @property
    def sender(self) -> str:
        """The name that an inbox shows."""
        return self.letter.from_header.rpartition(" <")[0]

    @property
    def snippet(self) -> str:
        """What an inbox shows behind the subject: the preheader, else how the text begins."""
        return self.letter.preheader or " ".join(self.letter.text.split())[:150]


def render(name: str, letters: Sequence[Letter], *, remarks: Sequence[str] = (), pictures: bool = False) -> str:
    """Return the page of a template's previews; `remarks` are sentences about all of them.

    With `pictures` the page may load those of the web, which tells their servers that somebody looked.
    """
    return pages.template("preview_page.html").render(
        name=name,
        shown=[_shown(letter) for letter in letters],
        remarks=remarks,
        pictures=pictures,
        limit=LIMIT,
        kilobytes=_kilobytes,
    )


def render_error(name: str, error: MailflowError) -> str:
    """Return the page that says why there is no preview; mistakes in files with their places."""
    problems = list(map(str, error.problems)) if isinstance(error, ProblemsError) else str(error).splitlines()
    return pages.template("preview_error.html").render(name=name, problems=problems)


def in_scheme(html: str, scheme: str) -> str:
    """Return a message as a reader in `dark` or `light` mode gets it, whatever mode the page itself is looked at in.

    Its own rules for that mode are made to hold, those for the other not to. One that does not say that it knows dark
    mode is left light, as browsers leave it.
    """

    def rule(match: re.Match[str]) -> str:
        return _HOLDS if match[1].lower() == scheme else _FAILS

    chosen = scheme if any(_KNOWS_DARK.search(styled) for styled in _STYLED.findall(html)) else "light"
    html = _STYLED.sub(lambda styled: _SCHEME.sub(rule, styled[0]), html)
    return f"{html}<style>:root {{ color-scheme: {chosen} !important }}</style>{_NO_CLICKS}"


def links(html: str) -> list[Link]:
    """Return the addresses that a message links to, in the order of their first link."""
    reader = _Links()
    reader.feed(html)
    reader.close()
    counts = Counter(address for address, _ in reader.found)
    words: dict[str, str] = {}
    for address, text in reader.found:
        words[address] = words.get(address) or text
    return [Link(address, text, counts[address]) for address, text in words.items()]


class _Links(Reader):
    """Collects addresses with the words, or the picture, that lead there."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.pictures: set[str] = set()
        self._address: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self._finish()
            self._address = values["href"]
        elif tag == "area" and values.get("href"):
            self.found.append((values["href"] or "", values.get("alt") or ""))
        elif tag == "img":
            self._words.append(values.get("alt") or "picture")
            if (values.get("src") or "").startswith(("http:", "https:", "//")):
                self.pictures.add(values["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._finish()

    def handle_data(self, data: str) -> None:
        if self._address is not None:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        self._finish()

    def _finish(self) -> None:
        if self._address is not None:
            self.found.append((self._address, " ".join(" ".join(self._words).split())))
        self._address, self._words = None, []


def _shown(letter: Letter) -> _Shown:
    source = letter.data.decode("utf-8", "replace").replace("\r\n", "\n")
    reader = _Links()
    reader.feed(letter.html)
    return _Shown(
        letter=letter,
        light=in_scheme(letter.shown or letter.html, "light"),
        dark=in_scheme(letter.shown or letter.html, "dark"),
        has_dark=any(match[1].lower() == "dark" for match in _SCHEME.finditer(letter.html)),
        links=links(letter.html),
        pictures=len(reader.pictures),
        size=len(letter.html.encode("utf-8", "replace")),
        source=source[:_MOST_SOURCE],
        is_cut=len(source) > _MOST_SOURCE,
    )


def _kilobytes(size: int) -> str:
    return f"{size / 1000:.1f} KB"
