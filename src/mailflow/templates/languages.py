"""Tags of languages, `de-AT`: what suits a reader whose language is known, and which way a text is written.

Light to import. The files of a message in several languages: translations.py. Figures and days: formats.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

ENGLISH = "en"

_TAG = re.compile(r"[a-zA-Z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*\Z")
_MOST_PARTS = 6  # of a tag: language, script, region and what few have
# Tags of one language, and written Norwegian: CLDR's language aliases and parents of locales.
_ALSO = {
    "no": ("nb",), "nb": ("no",), "nn": ("no", "nb"), "he": ("iw",), "iw": ("he",), "id": ("in",), "in": ("id",),
    "fil": ("tl",), "tl": ("fil",), "yi": ("ji",), "ji": ("yi",),
}  # fmt: skip
# Chinese is written in two ways, told by script or by region: CLDR's likely subtags.
_CHINESE = (("zh-hant", "zh-tw", "zh-hk", "zh-mo"), ("zh-hans", "zh-cn", "zh-sg", "zh-my"))
# Written from right to left, where the tag does not say a script; and scripts that are. CLDR's characterOrder.
_LEFTWARDS = frozenset(
    "apc ar arc bal bgn ckb dv fa glk he iw ji ks lrc mzn nqo pnb ps rhg sd sdh skr syr trw ug ur yi".split()
)
_LEFTWARD_SCRIPTS = frozenset("adlm arab hebr mand nkoo rohg samr syrc thaa".split())


_WRITING: Mapping[str, Mapping[str, str]] = {
    "ltr": {"direction": "ltr", "start": "left", "end": "right"},
    "rtl": {"direction": "rtl", "start": "right", "end": "left"},
}


def is_tag(text: str) -> bool:
    """Whether a text has the form of a tag, `de`, `de-AT` or `zh_Hant_TW`."""
    return _TAG.match(text) is not None


def plain(tag: str) -> str:
    """Return a tag as tags are compared: `de-at` for `de_AT`."""
    return tag.strip().replace("_", "-").lower()


def primary(language: str) -> str:
    """Return a language without region and script: `de` of `de-AT`."""
    return plain(language).partition("-")[0]


@lru_cache(1024)
def chain(language: str | None) -> tuple[str, ...]:
    """Return the tags that suit a reader, the nearest first.

    >>> chain("de_AT")
    ('de-at', 'de')
    >>> chain("zh-HK")
    ('zh-hk', 'zh-hant', 'zh-tw', 'zh-mo', 'zh')
    """
    parts = plain(language or "").split("-", _MOST_PARTS)[:_MOST_PARTS]
    if not parts[0]:
        return ()
    tags = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return tuple(dict.fromkeys([tags[0], *tags[1:-1], *_alike(parts), tags[-1], *_ALSO.get(parts[0], ())]))


def nearest(known: Mapping[str, T], language: str) -> T:
    """Return what is known for the tag that suits a reader best, else for English."""
    return next((known[tag] for tag in chain(language) if tag in known), known[ENGLISH])


def direction(language: str) -> str:
    """Return `rtl` for a language that is written from right to left, else `ltr`."""
    first, *others = plain(language).split("-")
    script = next((part for part in others if len(part) == 4 and part.isalpha()), None)
    leftwards = script in _LEFTWARD_SCRIPTS if script else first in _LEFTWARDS
    return "rtl" if leftwards else "ltr"


def writing(language: str) -> Mapping[str, str]:
    """Return what layouts know as `writing`: the direction of a text, and on which side its lines begin and end."""
    return _WRITING[direction(language)]


def _alike(parts: list[str]) -> tuple[str, ...]:
    """Return the tags of the same way of writing Chinese; the simplified one where a tag says none."""
    if parts[0] != "zh":
        return ()
    said = {f"zh-{part}" for part in parts[1:]}
    traditional, simplified = _CHINESE
    if "zh-hans" in said:
        return simplified
    return traditional if said.intersection(traditional) else simplified
