"""Checks of words that people read: what is left over, missing, banned or garbled; subject and preheader."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from mailflow.templates import foreign
from mailflow.templates.headers import safe_header
from mailflow.templates.lint import hints
from mailflow.templates.lint.checks import Found

SUBJECT_SHOWN = 60
PREHEADER_LEAST, PREHEADER_MOST = 30, 130
_SNIPPET = 60

_TAGS = re.compile(
    r"\{\{|\}\}|\{%|%\}|\*?\|[A-Z][A-Z_:0-9]+\|\*?|%%[\w.]{2,40}%%|\[\[[\w. ]{2,40}\]\]|<%|%>|\{[a-z]+(?:[_.][a-z]+)+\}"
    r"|&(?:amp|nbsp|lt|gt|quot|#\d{2,5}|[aeiouAEIOU](?:uml|acute|grave|circ)|szlig);|</?(?:b|br|p|a|i|strong|em|span)\b[^>]*>"
)
_WORDS = re.compile(
    r"(?<![\w.])(?:None(?!(?:\s+|%20)of\b)|NaN|nan|NaT|null|NULL|undefined|NoneType|\[object Object\])(?!\w)"
)
_GREETING = (
    "hi|hello|hey|dear|hallo|liebe[rs]?|guten tag|servus|bonjour|salut|cher|chère|hola|querid[oa]|ciao|car[oa]|hej"
)
_GAP = re.compile(
    r"(?<=[^\W\d_])[ \xa0]+,(?=\s|\Z)"  # Hi ,
    r"|(?<=,)[ \xa0]+[,;!?.](?=\s|\Z)"  # Welcome, !
    r"|\b(?:mrs?|ms|dr|prof|hr|fr)\.[ \xa0]+,(?=\s|\Z)"  # Dear Dr. ,
    rf"|(?:^|(?<=\n))(?:{_GREETING})[ \xa0]+[!.:](?=\s|\Z)"  # Hi !
    r"|(?:^|(?<=\n))(?:dear|liebe[rs]?|cher|chère|querid[oa]|sehr geehrte[rs]?(?: (?:frau|herr))?)"
    r"[ \xa0]*[,!:](?=\s|\Z)"
    r"|(?:^|(?<=\n))[ \xa0]*[,;](?=\s)"  # , how are you?
    r"|\([ \xa0]*\)|„[ \xa0]*[“”]|“[ \xa0]*”|«[ \xa0]*»",
    re.IGNORECASE,
)
_FRENCH = re.compile(r"(?:bonjour|salut)[ \xa0]+[!:]", re.IGNORECASE)
# UTF-8 that was read as Latin-1 or cp1252, and signs that stand for a letter that was lost.
_GARBLED = re.compile(r"[ÃÂ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\x80-\x9f™œ“”˜¦]|\ufffd")
_PRESSURE = re.compile(
    r"\b(?:hurry(?: up)?|act now|don['’]t miss out|before it['’]s too late|while (?:stocks?|supplies) lasts?"
    r"|running out|only a few (?:hours|left)|(?:a few|\d+|last) hours? left|final call|countdown|now or never"
    r"|(?:ends|ending) (?:soon|in \d+ (?:hours?|minutes?))|time is running"
    r"|beeil(?:e|en sie) (?:dich|sich)|jetzt zugreifen|nur solange (?:der )?vorrat|schnell sein|jetzt oder nie"
    r"|nur noch wenige (?:stunden|tage|stück)|letzte gelegenheit|endet (?:bald|in \d+ (?:stunden?|minuten?))"
    r"|nicht verpassen|dépêchez-vous|ne tardez pas|date prisa|no te lo pierdas|affrettati|wees er snel bij)\b",
    re.IGNORECASE,
)
_NO_HURRY = re.compile(
    r"(?:\b(?:no|not|never|without|kein(?:e|en)?|nicht|ohne)|n['’]t)\s(?:\w+\s){0,2}\Z", re.IGNORECASE
)
_REPLY = re.compile(r"\s*(?:re|fwd?|aw|wg|antw|sv|vs|tr|rv|i|r)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_WHITE = re.compile(r"\s+")
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}|[\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23fa]"
    "[\ufe0f\U0001f3fb-\U0001f3ff]?(?:\u200d[\U0001f300-\U0001faff\u2600-\u27bf]\ufe0f?)*"
)
_JOINS = frozenset("\u200d\ufe0e\ufe0f")


class Wording:
    """Checks texts against the words that one brand bans and those that a template says itself."""

    def __init__(self, banned: Sequence[str], own_words: str) -> None:
        self._files = own_words
        # `None of us` is the author's, not a program's: but not in `Hi None` for somebody who is called so.
        self._own = frozenset(_WORDS.findall(own_words))
        said = re.sub(r"<[^<>]*>", "", own_words)
        self._own_pairs = frozenset(pair for match in _WORDS.finditer(said) for pair in _pairs(said, match))
        self._banned = _any_of(banned)
        self._banned_words = frozenset(word for text in banned for word in hints.words(text))
        self._has_signs = any(not hints.words(text) for text in banned)  # such as `100 %`, which has no word

    def text(self, text: str) -> list[Found]:
        """Return what is wrong with a text that people read; `near` is what stands around it."""
        words = hints.words(text)
        found = [*self._leftovers(text, words)]
        if self._banned is not None and (self._has_signs or not words.isdisjoint(self._banned_words)):
            for match in self._banned.finditer(text):
                said = " ".join(match[0].split())
                near = (match[0], _around(text, match))
                found.append(Found("L106", f"says {said!r}, which brand.yaml bans", near, about=said.lower()))
        return found

    def has_nothing_to_say(self, text: str) -> bool:
        """Whether a text has no word in it with which anything could be wrong, wherever it stands."""
        words = hints.words(text)
        return not self._has_signs and words.isdisjoint(self._banned_words) and not hints.telling(words)

    def _leftovers(self, text: str, words: AbstractSet[str]) -> Iterator[Found]:
        if hints.tag(text):
            yield from self._tags(text)
        if hints.left_over(words):
            for match in _WORDS.finditer(text):
                if not self._is_own(text, match):
                    yield Found("L104", f"says {_snippet(text, match)!r}", (_around(text, match),))
                    break
        if hints.gap(text, words):
            for match in _GAP.finditer(text):
                if not _FRENCH.match(match[0]):
                    message = f"says {_snippet(text, match)!r}: something is missing"
                    yield Found("L105", message, (_around(text, match),))
                    break
        if hints.garbled(text) and (odd := _GARBLED.search(text)):
            yield Found("L107", f"says {_snippet(text, odd)!r}", (_around(text, odd),))

    def _is_own(self, text: str, match: re.Match[str]) -> bool:
        """Whether a word is one that the files say themselves, beside one of the same words as there."""
        pairs = _pairs(text, match)
        return match[0] in self._own and (not pairs or not self._own_pairs.isdisjoint(pairs))

    def _tags(self, text: str) -> Iterator[Found]:
        """Yield the tags left in a text: those that files hold as well as those that came with data."""
        of_others = list(foreign.left(text))
        match = None if of_others else _TAGS.search(text)
        if match and (whole := f"*{match[0].strip('*')}*") in self._files:  # Markdown took its stars for emphasis
            of_others = list(foreign.left(whole))
        for tag in of_others:
            yield Found("L103", tag.sentence(), (tag.text,), about=tag.text)
        if match and not of_others:
            yield Found("L103", f"{_snippet(text, match)!r} is left in what people read", (_around(text, match),))

    def line(self, text: str, key: str) -> Iterator[Found]:
        """Yield what is wrong with the words of a subject or preheader."""
        for found in self.text(text):
            if found.code == "L103" and found.about and found.about in self._files:
                yield found  # told where it stands, as fields.py does
                continue
            words = found.message if found.code == "L103" else f"the {key} {found.message}"
            yield Found(found.code, words, key=key, about=found.about)


def pressure(text: str) -> Iterator[Found]:
    """Yield words that hurry people, for a mail without an offer that ends; `no need to hurry` does not."""
    for match in _PRESSURE.finditer(text):
        if not _NO_HURRY.search(text, max(0, match.start() - 30), match.start()):
            yield Found("L604", f"says {match[0]!r}, and nothing ends", (match[0], _around(text, match)))


@lru_cache(maxsize=4096)
def subject(text: str) -> tuple[Found, ...]:
    """Return what is wrong with the form of a subject."""
    return tuple(_subject(text))


def _subject(text: str) -> Iterator[Found]:
    length = visible(text)
    if length > SUBJECT_SHOWN:
        yield Found("L201", f"the subject has {length} characters: {_short(text)!r}", key="subject")
    emoji = [match.start() for match in _EMOJI.finditer(text)] if not text.isascii() else []
    if len(emoji) > 1 or emoji[:1] == [0]:
        how = "begins with an emoji" if len(emoji) == 1 else f"has {len(emoji)} emoji"
        yield Found("L202", f"the subject {how}: {_short(text)!r}", key="subject")
    odd = [sign for sign in text if _is_odd(sign)] if not text.isascii() or not text.isprintable() else []
    if odd or (emoji == [] and safe_header(text) != text.strip()):
        sign = f"U+{ord(odd[0]):04X}" if odd else "a sign that no header takes"
        yield Found("L203", f"the subject has {sign}: {_short(text)!r}", key="subject")
    if match := _REPLY.match(text):
        yield Found("L204", f"the subject begins with {match[0].strip()!r}, and is no answer", key="subject")
    letters = [sign for sign in text if sign.isalpha()]
    capitals = sum(sign.isupper() for sign in letters)
    if (len(letters) >= 10 and capitals >= 0.8 * len(letters)) or re.search(r"!\s*!|\?!|!\?", text):
        yield Found("L205", f"the subject shouts: {_short(text)!r}", key="subject")


@lru_cache(maxsize=4096)
def preheader(text: str, title: str) -> tuple[Found, ...]:
    """Return what is wrong with a preheader beside its subject."""
    if not text:
        return (Found("L211", "there is no preheader", key="subject"),)
    if _plain(text) == _plain(title) or (len(_plain(title)) > 15 and _plain(text).startswith(_plain(title))):
        return (Found("L213", f"the preheader repeats the subject: {_short(text)!r}", key="preheader"),)
    length = visible(text)
    if not PREHEADER_LEAST <= length <= PREHEADER_MOST:
        return (Found("L212", f"the preheader has {length} characters: {_short(text)!r}", key="preheader"),)
    return ()


def visible(text: str) -> int:
    """Return how many signs of a text one sees: an emoji of several parts is one, a combined letter too."""
    if text.isascii():
        return len(text)
    text = _EMOJI.sub("x", text)
    return sum(not unicodedata.combining(sign) and sign not in _JOINS for sign in text)


def own_words(texts: Sequence[str]) -> str:
    """Return what the files of a template say themselves, without their tags."""
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", "\n".join(texts), flags=re.DOTALL)


def _pairs(text: str, match: re.Match[str]) -> list[tuple[str, str]]:
    """Return a word with the one before it and with the one behind it, as far as its line goes."""
    before = re.search(r"(\w+)\W{1,3}\Z", text[max(0, match.start() - 40) : match.start()].rpartition("\n")[2])
    behind = re.match(r"\W{1,3}?(\w+)", text[match.end() : match.end() + 40].partition("\n")[0])
    return [*([(before[1], match[0])] if before else []), *([(match[0], behind[1])] if behind else [])]


def _any_of(words: Sequence[str]) -> re.Pattern[str] | None:
    if not words:
        return None
    longest = sorted(words, key=len, reverse=True)
    found = "|".join(_WHITE.sub(r"\\s+", re.escape(word).replace(r"\ ", " ")) for word in longest)
    return re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE)


def _is_odd(sign: str) -> bool:
    return sign not in _JOINS and unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cn", "Cs")


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _around(text: str, match: re.Match[str]) -> str:
    """Return the line of a text that a match stands in, for looking it up in the sources."""
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    return text[max(start, match.start() - 200) : match.end() + 200 if end < 0 else min(end, match.end() + 200)].strip()


def _snippet(text: str, match: re.Match[str]) -> str:
    """Return a match with a few words around it, on one line."""
    start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 25)
    end = text.find("\n", match.end())
    return _short(text[start : match.end() + 25 if end < 0 else min(end, match.end() + 25)].strip())


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SNIPPET else f"{text[: _SNIPPET - 1]}…"
