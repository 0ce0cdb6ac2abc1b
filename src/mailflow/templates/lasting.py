"""How long something is still to be had: the days to its real last day, where the reader lives, as they say it.

Light to import, for what makes contexts. The filter: countdown.py. Whether a mail tells the truth: offers/deadlines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Date
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.errors import UsageError
from mailflow.templates.languages import nearest, primary

CLOCK = "__clock__"  # the key in a context of its `Moment`; no template can speak it
FILTERS = ("countdown", "days_left")  # what makes a text that is not true for ever

# language: on the last day, on the day before, and earlier. A language with several plurals has a form for each class
# of numbers that CLDR has, parted by bars.
_WORDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "en": ("ends today", "ends tomorrow", "{} days left"),
        "de": ("endet heute", "endet morgen", "noch {} Tage"),
        "fr": ("se termine aujourd’hui", "se termine demain", "encore {} jours"),
        "es": ("termina hoy", "termina mañana", "quedan {} días"),
        "it": ("termina oggi", "termina domani", "ancora {} giorni"),
        "pt": ("termina hoje", "termina amanhã", "faltam {} dias"),
        "nl": ("eindigt vandaag", "eindigt morgen", "nog {} dagen"),
        "pl": ("kończy się dzisiaj", "kończy się jutro", "few:zostały {} dni|many:zostało {} dni"),
        "cs": ("končí dnes", "končí zítra", "few:zbývají {} dny|other:zbývá {} dní"),
        "da": ("slutter i dag", "slutter i morgen", "{} dage tilbage"),
        "sv": ("slutar i dag", "slutar i morgon", "{} dagar kvar"),
        "nb": ("slutter i dag", "slutter i morgen", "{} dager igjen"),
        "fi": ("päättyy tänään", "päättyy huomenna", "{} päivää jäljellä"),
        "tr": ("bugün bitiyor", "yarın bitiyor", "{} gün kaldı"),
        "ru": (
            "заканчивается сегодня", "заканчивается завтра",
            "one:остался {} день|few:осталось {} дня|many:осталось {} дней",
        ),
        "uk": (
            "закінчується сьогодні", "закінчується завтра",
            "one:залишився {} день|few:залишилося {} дні|many:залишилося {} днів",
        ),
        "ja": ("本日まで", "明日まで", "残り{}日"),
        "zh": ("今天截止", "明天截止", "还剩{}天"),
        "zh-hant": ("今天截止", "明天截止", "還剩{}天"),
        "ar": ("ينتهي اليوم", "ينتهي غدًا", "two:بقي يومان ({})|few:بقيت {} أيام|many:بقي {} يومًا|other:بقي {} يوم"),
        "he": ("מסתיים היום", "מסתיים מחר", "נותרו {} ימים"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """When a message is made, and the zone of days that the shop names."""

    now: datetime
    zone: ZoneInfo


def days_left(value: Date | datetime, moment: Moment, own_zone: str | None) -> int:
    """Return the days from a reader's today to a last day: 0 on the day itself, negative when it is over.

    A day is one of the shop's and ends at its midnight. For who lives west of it the last day is the one on which that
    midnight falls; nobody is promised a day after the one that is named.
    """
    zone = _zone(own_zone) or moment.zone
    if isinstance(value, datetime):
        last = clock.local_date(value - timedelta(milliseconds=1), zone)
    else:
        last = min(value, clock.local_date(clock.end_of_day(value, moment.zone) - timedelta(milliseconds=1), zone))
    return (last - today(moment, own_zone)).days


def today(moment: Moment, own_zone: str | None) -> Date:
    """Return which day it is for a reader; a zone that is none is the shop's."""
    return clock.local_date(moment.now, _zone(own_zone) or moment.zone)


def true_until(moment: Moment, own_zone: str | None) -> datetime:
    """Return the first instant at which days that are counted now are wrong: the next midnight, theirs or ours."""
    zones = {moment.zone, _zone(own_zone) or moment.zone}
    return min(clock.end_of_day(clock.local_date(moment.now, zone), zone) for zone in zones)


@lru_cache(1024)
def words(left: int, language: str) -> str:
    """Return the words for so many days in a language such as `de-AT`; in English where we have none for it."""
    if left < 0:
        return ""
    on_the_day, before, later = nearest(_WORDS, language)
    return (on_the_day, before)[left] if left < 2 else _of_number(later, left, primary(language)).format(left)


def _of_number(forms: str, number: int, language: str) -> str:
    """Return the form for a number, of those that a language has."""
    if "|" not in forms:
        return forms
    from babel import Locale  # 50 ms to import

    by_class = dict(form.split(":", 1) for form in forms.split("|"))
    return by_class[Locale.parse(language).plural_form(number)]


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return clock.zone(name) if name else None
    except UsageError:
        return None
