"""Read a header that carries more than its word: `Order total (incl. tax)`, `Betrag in EUR`, `Created At (UTC+0)`.

The word alone is compared after all whole headers: words that stand there exactly are surer. Words: vocabulary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailflow.importers.recognition.noun_words import NounWords
from mailflow.importers.wording.words import fold

_CODES = """AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW MAD MXN
    MYR NGN NOK NZD PEN PHP PKR PLN QAR RON RSD SAR SEK SGD THB TRY TWD UAH USD UYU VND ZAR"""
_SIGNS: Mapping[str, str] = {"€": "EUR", "£": "GBP", "zł": "PLN"}  # a $ or kr may be several
_BRACKETS = re.compile(r"\s*[(\[{][^)\]}]*[)\]}]\s*")
_CODE = re.compile(rf"(?:(?<=[\s_(\[-])|(?<=\A))(?:in\s+)?(?P<code>{'|'.join(_CODES.split())}|[€£$]|zł)(?=[\s)\]]|\Z)")

_PREFIX = re.compile(r"\s*(?P<prefix>[^\W\d_][\w ]*?)(?:\s+-\s+|:\s*|\.|\s*/\s*)(?=\S)")
_SHARED_BY, _NEARLY_ALL = 3, 0.8  # columns at least, and of all columns, that must begin with the same words

# Said of something else as often as not when more stands beside them: `Accepts marketing (SMS)`, `Unsubscribed (push)`.
_WHOLE_ONLY = frozenset(
    "consent opt_out consent_at opted_out_at hard_bounced complained suppressed evidence wording lists status".split()
)
# A column that no word list knows but that speaks of people who left is believed: nobody who said no may be mailed.
_SAYS_NO = re.compile(
    r"unsub|opt(?:ed)?out|do(?:no|n)te?mail|do(?:no|n)t(?:contact|send|market)|no(?:e?mails?|marketing|newsletter)\Z"
    r"|blacklist|blocklist|suppress|e?maildisabled|abgemeld|abmeld|abbestellt|ausgetragen|austragung|widerruf|keinewerbung|keinnewsletter"
    r"|desabonn|desinscri|desuscri|disiscri|uitgeschr|uitschrij|afgemeld|avmeld|afmeld|avregistrer|avprenum|wypisa"
)
# Unless it is about other mail than e-mail, or about something else than a person's no.
_NOT_OF_MAIL = re.compile(
    r"sms|push|whatsapp|viber|phone|telefon|calls?\Z|print|postal|link|url|rate|count|total|campaign|title|id\Z"
)


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it is compared: whole, and by its word alone ('' where that is the same)."""

    whole: str
    word: str

    def field(self, words: NounWords) -> str | None:
        """Return the field that a header plainly means in files of a noun."""
        found = words.words.get(self.whole)
        if found is None and self.word and words.words.get(self.word) not in _WHOLE_ONLY:
            found = words.words.get(self.word)
        if found is None and "opt_out" in words.many and "opt_out" in words.fields and self.says_no:
            return "opt_out"
        return found

    @property
    def says_no(self) -> bool:
        """Whether the header speaks of people who want no mail, in whatever words."""
        return _SAYS_NO.search(self.whole) is not None and _NOT_OF_MAIL.search(self.whole) is None

    def rank(self, positions: Mapping[str, int]) -> int:
        """Return how sure that is, by the positions of all words: lower is surer."""
        position = positions.get(self.whole)
        return position if position is not None else len(positions) + positions.get(self.word, len(positions))


def read_header(text: str) -> Header:
    """Return a header for comparison."""
    whole = fold(text)
    word = fold(_CODE.sub(" ", _BRACKETS.sub(" ", text)))
    return Header(whole, word if word != whole else "")


def read_headers(texts: Sequence[str]) -> list[Header]:
    """Return the headers of a file, without what they all begin with: `Person - Name` among others is `Name`."""
    parts = [_PREFIX.match(text) for text in texts]
    shared = Counter(part["prefix"] for part in parts if part is not None).most_common(1)
    if not shared or shared[0][1] < max(_SHARED_BY, _NEARLY_ALL * len(texts)):
        return list(map(read_header, texts))
    return [
        read_header(text[part.end() :] if part is not None and part["prefix"] == shared[0][0] else text)
        for text, part in zip(texts, parts, strict=True)
    ]


def currency_of(texts: Sequence[str]) -> str | None:
    """Return the currency that the first of some headers of amounts names: `Betrag in EUR` is in EUR."""
    for text in texts:
        match = _CODE.search(text)
        if match is not None:
            code = match["code"]
            return _SIGNS.get(code, code if len(code) == 3 else None)
    return None
