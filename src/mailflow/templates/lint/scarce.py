"""Find what a mail says of little that is left, in six languages, and whether a stock bears it out.

Deadlines: offers/deadlines. The stock of the products that a mail names: jobs/lint/people.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mailflow.templates.lint.checks import Found

FEW, MOST = 10, 999  # what `almost sold out` may mean at most; the largest number that is read
_CLAIMS = re.compile(
    r"\b(?:only (?P<en>\d{1,3}) (?:left|remaining|in stock|available)|(?P<en2>\d{1,3}) left in stock"
    r"|(?:almost|nearly) (?:gone|sold out|out of stock)|selling (?:out )?fast|(?:limited|low) stock|low in stock"
    r"|\d+ (?:people|others|customers|shoppers) (?:are )?(?:currently )?(?:looking at|viewing|watching)"
    r"|nur noch (?P<de>\d{1,3}) (?:stück|auf lager|vorrätig|verfügbar|übrig)"
    r"|fast (?:ausverkauft|vergriffen)|letzte stücke?"
    r"|\d+ (?:personen|leute|kunden) (?:sehen|schauen)"
    r"|plus que (?P<fr>\d{1,3}) (?:en stock|disponibles?)|stock limité|(?:bientôt|presque) épuisée?s?"
    r"|quedan? (?P<es>\d{1,3}) unidad(?:es)?|casi agotad[oa]s?|existencias limitadas|últimas unidades"
    r"|solo (?P<it>\d{1,3}) (?:pezzi|rimasti|disponibili)|quasi esaurit[oaie]|scorte limitate|ultimi pezzi"
    r"|nog maar (?P<nl>\d{1,3}) (?:op voorraad|beschikbaar)|bijna uitverkocht|beperkte voorraad)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Words that say that at most so many are left; `key` is that of the front matter which says it, if it does."""

    words: str
    most: int
    line: str
    key: str = ""

    def is_true(self, stocks: Collection[int]) -> bool:
        """Whether one of the stocks of what a mail shows is as small as it says."""
        return any(0 < stock <= self.most for stock in stocks)

    def found(self) -> Found:
        """Return the fault of one that no stock bears out."""
        words = f"says {self.words!r}, and nothing in it is so low in stock by your products file"
        near = () if self.key else (self.words, self.line)
        said = f"the {self.key} {words}" if self.key else words
        return Found("L606", said, near, key=self.key, about=self.words.lower())


def claims(text: str, key: str = "") -> Iterator[Claim]:
    """Yield what a text says of little that is left; how many people look at it is no stock, and true of none."""
    for match in _CLAIMS.finditer(text):
        number = next((value for value in match.groupdict().values() if value), None)
        is_of_people = number is None and match[0][0].isdigit()
        start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        line = text[start : end if end >= 0 else len(text)]
        yield Claim(match[0], 0 if is_of_people else int(number or FEW), line, key)
