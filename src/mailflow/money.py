"""Money: integer minor units beside an ISO 4217 currency, read from the ways shops write amounts."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

# ISO 4217 minor units; every currency not named here has two digits.
_DIGITS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_PLAIN = re.compile(r"-?\d+(?:\.\d{1,2})?\Z")
_SIGNS = re.compile(r"[^\d.,'\-()\u2212]+")
_GROUPED = {
    ",": re.compile(r"\d{1,3}(?:,\d{3})+\Z"),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+\Z"),
}


def digits(currency: str) -> int:
    """Return how many decimal digits a currency has: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _DIGITS.get(currency, 2)


def to_text(minor: int, currency: str) -> str:
    """Return minor units as a decimal string: 123456 EUR is `1234.56`, 500 JPY is `500`."""
    places = digits(currency)
    if places == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**places)
    return f"{sign}{whole}.{part:0{places}d}"


def parse(text: str, currency: str) -> int:
    """Read an amount such as `66.70`, `$1,022.50`, `1.234,56 €`, `-$12.96` or `(5.00)` as minor units.

    The rule: what is not a digit, sign, point or comma is dropped; the last of point and comma is the decimal mark
    if both occur; a single mark before exactly three digits groups thousands when it repeats, and is refused as
    ambiguous only for currencies where both readings are whole amounts. More digits than the currency has are
    refused unless they are zeros. Raises `ValueError` with a reason.
    """
    if _PLAIN.match(text):  # most rows, without a Decimal
        whole, _, part = text.partition(".")
        places = digits(currency)
        if len(part) <= places:
            return int(whole + part.ljust(places, "0"))
    return _parse_written(text, currency)


def _parse_written(text: str, currency: str) -> int:
    cleaned = _SIGNS.sub("", text).replace("\u2212", "-").replace("'", "")
    negative = cleaned.startswith("-") or cleaned.endswith("-") or (cleaned.startswith("(") and cleaned.endswith(")"))
    cleaned = cleaned.strip("-()")
    if not cleaned or any(sign in cleaned for sign in "-()"):
        raise ValueError(f"{text!r} is not an amount")
    cleaned = _with_point(cleaned)
    try:
        value = Decimal(cleaned).scaleb(digits(currency))
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None
    if value != value.to_integral_value():
        raise ValueError(f"{text!r} has more decimals than {currency} has")
    return -int(value) if negative else int(value)


def _with_point(number: str) -> str:
    """Return a written number with a point as its decimal mark and without thousands separators."""
    point, comma = number.rfind("."), number.rfind(",")
    if point >= 0 and comma >= 0:
        thousands = "," if point > comma else "."
        return number.replace(thousands, "").replace(",", ".")
    mark = "," if comma >= 0 else "."
    if number.count(mark) > 1:
        if not _GROUPED[mark].match(number):
            raise ValueError(f"{number!r} is not an amount")
        return number.replace(mark, "")
    if mark == "," and _GROUPED[","].match(number):
        return number.replace(",", "")
    return number.replace(",", ".")
