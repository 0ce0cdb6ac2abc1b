"""Amounts, numbers and days as readers write them, by CLDR's rules for their language and country.

Babel takes 50 ms to import and 30 µs for an amount: it is imported when a template first asks for one, and what many
readers share (a price, the day) is worked out once. The filters that templates write: filters.py.
"""

from __future__ import annotations

import re
from datetime import date as Date
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from mailflow import money

if TYPE_CHECKING:
    from babel import Locale

STYLES = ("short", "medium", "long", "full")
_KEPT = 1 << 14
_FALLBACK = "en"
_MOST_PLACES = 3  # of a number of which nobody says how many it has
_DAY_CODES = frozenset("de")

Told = tuple[str, str | None, str | None]  # of a message: its language, then the language and country of its reader


@lru_cache(1024)
def locale_of(language: str, reader: str | None, country: str | None) -> Locale:
    """Return whose rules a text in `language` follows for a reader, whose own language and country may be known.

    The region is that of the reader's language (`de-AT`) if it is the text's, else their country where the language is
    an official one: in Austria German follows Austrian rules, English those of English. English for what is no
    language.
    """
    from babel import Locale, UnknownLocaleError
    from babel.languages import get_official_languages

    primary = _primary(language)
    same = reader if reader and _primary(reader) == primary else None
    place = (country or "").strip().upper()
    home = f"{primary}_{place}" if place and primary in get_official_languages(place, de_facto=True) else None
    for tag in (same if same and _has_region(same) else None, home, language, primary, _FALLBACK):
        try:
            if tag:
                return Locale.parse(tag.strip().replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            continue
    raise AssertionError("babel knows English")


def _primary(tag: str) -> str:
    return re.split("[-_]", tag.strip().lower(), maxsplit=1)[0]


def _has_region(tag: str) -> bool:
    return bool(re.search(r"[-_](?:[A-Za-z]{2}|\d{3})(?:[-_]|\Z)", tag))


def amount(value: Decimal, currency: str, told: Told) -> str:
    """Return `€1,234.50`, `1.234,50 €` or `€ 1.234,50`; without a currency the number with two places."""
    from babel import numbers

    places = money.digits(currency) if currency else 2
    value = _rounded(value, places)
    if not currency:
        return numbers.format_decimal(value, f"#,##0.{'0' * places}", locale=locale_of(*told))
    return numbers.format_currency(value, currency, locale=locale_of(*told), currency_digits=True)


def _rounded(value: Decimal, places: int) -> Decimal:
    """Return a number rounded half up, as shops do; nothing has no sign."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) + 0


@lru_cache(_KEPT)
def number(value: Decimal, places: int | None, told: Told) -> str:
    """Return `1,234.5` or `1.234,5`: with so many places, rounded half up, or as many as it has, up to three."""
    from babel import numbers

    if places is None:
        return numbers.format_decimal(_rounded(value, _MOST_PLACES), locale=locale_of(*told))
    value = _rounded(value, places)
    return numbers.format_decimal(value, f"#,##0.{'0' * places}" if places else "#,##0", locale=locale_of(*told))


@lru_cache(_KEPT)
def percent(value: Decimal, places: int, told: Told) -> str:
    """Return a share such as 0.256 as `26%` or `26 %`."""
    from babel import numbers

    share, locale = _rounded(value, places + 2), locale_of(*told)
    digits = f"#,##0.{'0' * places}" if places else "#,##0"
    pattern = re.sub("[#,0.]+", digits, locale.percent_formats[None].pattern, count=1)
    return numbers.format_percent(share, pattern, locale)


@lru_cache(_KEPT)
def day(value: Date, style: str, told: Told) -> str:
    """Return a day in one of `STYLES`: `20.03.26`, `20.03.2026`, `20. März 2026`, `Freitag, 20. März 2026`."""
    from babel import dates

    return dates.format_date(value, style, locale=locale_of(*told))


def by_pattern(value: Date, pattern: str, told: Told) -> str:
    """Return a day or time by the codes of `strftime`; names of days and months in the language of the reader."""
    if not re.search("%[aAbBp]", pattern):
        return value.strftime(pattern.replace("%e", "%-d"))
    return _with_names(value, pattern, told)


@lru_cache(_KEPT)
def _with_names(value: Date, pattern: str, told: Told) -> str:
    from babel import dates

    # "20 марта" but "март 2026": beside a day many languages have another form of the month.
    form = "M" if _DAY_CODES & set(re.findall("%(.)", pattern)) else "L"
    locale = locale_of(*told)
    known = {"a": "EEE", "A": "EEEE", "b": form * 3, "B": form * 4}

    def written(match: re.Match[str]) -> str:
        code = match[1]
        if code == "p":
            return dates.format_time(value, "a", locale=locale) if isinstance(value, datetime) else ""
        if code in known:
            return dates.format_date(value, known[code], locale=locale)
        return value.strftime("%-d" if code == "e" else f"%{code}")

    return re.sub("%(.)", written, pattern)
