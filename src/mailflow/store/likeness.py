"""Names, numbers and mailboxes as they are compared to find duplicates. Pure; what follows from them: evidence."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from mailflow.addresses.flags import of_domain

_WORDS = re.compile(r"[^\W\d_]+")
_NO_DIGITS = re.compile(r"\D+")
_BETWEEN_DIGITS = str.maketrans(
    "", "", " -/.()+"
)  # what nearly all numbers have beside digits: faster than the pattern
_TITLES = frozenset("dr prof mag ing dipl di ba ma bsc msc phd frau herr mr mrs ms miss mme".split())
# Müller and Mueller, Søren and Soeren are the same name.
_SPELLINGS = str.maketrans({"ø": "o", "œ": "oe", "æ": "ae", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
_UMLAUTS = re.compile(r"([aou])e")
_TAIL = 8  # digits of a phone number that tell people apart, whatever stands before them
_FEWEST_LETTERS = 5  # before an @, for a slip to be told from another word
_GMAIL = frozenset({"gmail.com", "googlemail.com"})


@lru_cache(maxsize=100_000)
def words(text: str) -> tuple[str, ...]:
    """Return the words of a name as they are compared: no case, marks or titles, one spelling of umlauts."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold().translate(_SPELLINGS))
        text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return tuple(_UMLAUTS.sub(r"\1", word) for word in _WORDS.findall(text.lower()) if word not in _TITLES)


def name(first: str | None, last: str | None) -> str:
    """Return a whole name for comparison, its words in order of the alphabet; blank where a part of it is missing."""
    found = sorted({*words(first or ""), *words(last or "")})
    return " ".join(found) if len(found) > 1 and (first or last) else ""


def agree(one: tuple[str | None, str | None], other: tuple[str | None, str | None]) -> bool:
    """Return whether two (first, last) names may be of one person: what is blank or an initial contradicts nothing."""
    a, b = ({*words(first or ""), *words(last or "")} for first, last in (one, other))
    if not a or not b:
        return True
    return _are_within(a, b) or _are_within(b, a)


def _are_within(some: set[str], others: set[str]) -> bool:
    return all(word in others or (len(word) == 1 and any(o.startswith(word) for o in others)) for word in some)


def digits(phone: str | None) -> str:
    """Return a phone number's digits with its + where it is international, '' for what tells nobody apart."""
    if not phone:
        return ""
    plain = phone.replace("(0)", "").strip()
    number = plain.translate(_BETWEEN_DIGITS)
    if not number.isdecimal():
        number = _NO_DIGITS.sub("", number)
    if plain.startswith("00"):
        plain, number = "+", number[2:]
    if len(number) < _TAIL or len(set(number)) < 4:  # 0000000, 111 222 111
        return ""
    return f"+{number}" if plain.startswith("+") else number


def tail(number: str) -> str:
    """Return the end of a phone number, by which those that may be equal are found."""
    return number[-_TAIL:]


def same_number(one: str, other: str) -> bool:
    """Return whether two numbers are equal, or one is the other as it is dialled at home: +43 664 … and 0664 …."""
    if one == other:
        return True
    abroad, home = sorted((one, other), key=lambda number: not number.startswith("+"))
    return abroad.startswith("+") and not home.startswith("+") and abroad.endswith(home.lstrip("0"))


def mailbox(email: str) -> str:
    """Return the mailbox that an address probably means: slips of the domain mended, no +tag, at Gmail no dots.

    It is evidence and nothing more: mail goes to addresses as they are written.
    """
    local, _, domain = email.lower().rpartition("@")
    domain = of_domain(domain).intended or domain
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def is_one_provider(one: str, other: str) -> bool:
    """Return whether two domains are of the same mailboxes: equal, or Gmail by both its names."""
    return one == other or {one, other} == _GMAIL


def own_part(email: str, first: str | None, last: str | None) -> str:
    """Return what stands before the @ where it says more than the name does (`sunny77`), else ''."""
    local = email.lower().rpartition("@")[0].partition("+")[0]
    rest = local
    for word in sorted({*words(first or ""), *words(last or "")}, key=len, reverse=True):
        rest = rest.replace(word, "")
    signs = [sign for sign in rest if sign.isalnum()]
    return local if len(signs) > 3 else ""


def is_one_letter_off(one: str, other: str) -> bool:
    """Return whether two texts differ by one letter, swapped, left out, added or another.

    A digit is no slip, and short texts are all alike.
    """
    if one == other or abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < _FEWEST_LETTERS:
        return False
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    if len(a) < len(b):
        a, b = b, a
    wrong = a[:1] if len(a) > len(b) else a[:1] + b[:1]
    is_swapped = len(a) == len(b) and a[:2] == b[1::-1] and a[2:] == b[2:]
    return is_swapped or (wrong.isalpha() and a[1:] == (b if len(a) > len(b) else b[1:]))
