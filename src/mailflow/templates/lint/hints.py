"""Whether anything of a kind may be in a text, told in a fraction of the time of looking for it.

Most texts that one person gets and nobody else have nothing wrong with them. Each function is true wherever the
expressions in wording.py and offers/deadlines match, and sometimes where they do not: tests hold the first half.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

_WORD = re.compile(r"[^\W\d_]+")
_TAG_SIGN = re.compile(r"[{}<&|%\[]")
_TAG = re.compile(r"[{}<&|]|%[%>A-Zr]|\[(?:\[|\w{1,40},\s*fallback|[\w’' -]{3,40}\])")
_LEFT_OVER = frozenset("none nonetype nan nat null undefined object".split())
_BLANK_BEFORE = re.compile(r"[ \xa0][,;!?.:]")
_OPENING = re.compile(r"[(„“«]")
_EMPTY = re.compile(r"\([ \xa0]*\)|[„“«][ \xa0]*[“”»]")
_LINE_OF_COMMA = re.compile(r"\n[ \xa0]*[,;]")
_GREETINGS = frozenset("dear liebe lieber liebes cher chère querido querida geehrte geehrter geehrtes".split())
_BARE_GREETING = re.compile(
    r"(?:dear|lieb|che|chè|querid|geehrte)[a-zè]{0,2}(?: (?:frau|herr))?[ \xa0]*[,!:]", re.IGNORECASE
)
_GARBLED = re.compile(r"[ÃÂâ\ufffd]")
# Words of which one is in all that hurries people (`ends soon`); in what does so with a date (`until 24 December`); in
# what does so with a number (`only 3 days`), which has one of the units too.
_PRESSING = frozenset(
    (
        "today tonight tomorrow day chance hours heute tag morgen hoy día dia mañana oportunidad hui jour demain oggi "
        "domani giorno occasione vandaag dag kans hurry act miss late stock stocks supplies running few left final "
        "countdown never ends ending beeile beeilen zugreifen vorrat schnell nie wenige gelegenheit endet verpassen "
        "dépêchez tardez prisa pierdas affrettati snel midnight mitternacht minuit medianoche mezzanotte "
        "middernacht weekend week wochenende woche remaining available almost nearly selling looking viewing watching "
        "ausverkauft vergriffen lager stück stücke vorrätig verfügbar übrig sehen schauen disponible disponibles "
        "épuisé épuisée épuisés épuisées queda quedan agotado agotada agotados agotadas existencias unidades "
        "pezzi rimasti disponibili esaurito esaurita esauriti esaurite scorte voorraad beschikbaar uitverkocht"
    ).split()
)
_DATED = frozenset(
    (
        "until till by through thru before end ends expire expires deadline bis gültig endet hasta termina caduca "
        "jusqu avant fino entro scade tot geldig"
    ).split()
)
# Monday first, each as six languages say it: a deadline together with one of `_DATED`.
WEEKDAYS = (
    "monday montag lundi lunes lunedì maandag",
    "tuesday dienstag mardi martes martedì dinsdag",
    "wednesday mittwoch mercredi miércoles mercoledì woensdag",
    "thursday donnerstag jeudi jueves giovedì donderdag",
    "friday freitag vendredi viernes venerdì vrijdag",
    "saturday samstag sonnabend samedi sábado sabato zaterdag",
    "sunday sonntag dimanche domingo domenica zondag",
)
_WEEKDAYS = frozenset(" ".join(WEEKDAYS).split())
_COUNTED = frozenset(
    "only just nur solo sólo seulement alleen noch encore queda quedan ancora nog next nächsten lang".split()
)
_UNITS = frozenset(
    (
        "hour hours stunde stunden hora horas heure heures ore uur day days tag tage tagn tagen día días dia dias jour "
        "jours giorni dagen"
    ).split()
)
_NUMBER = re.compile(r"\d")


def words(text: str) -> AbstractSet[str]:
    """Return the words of a text as comparisons without regard to case see them."""
    return set(_WORD.findall(folded(text)))


def folded(text: str) -> str:
    """Return a text without regard to case, the Turkish i among the others as in regular expressions."""
    return text.lower() if text.isascii() else text.casefold().replace("ı", "i")


def tag(text: str) -> bool:
    """Whether a tag may be left in a text."""
    return _TAG_SIGN.search(text) is not None and _TAG.search(text) is not None


def left_over(words: AbstractSet[str]) -> bool:
    """Whether one of the words is one that programs leave."""
    return not words.isdisjoint(_LEFT_OVER)


def telling(words: AbstractSet[str]) -> bool:
    """Whether one of the words is one that programs leave, or one behind which a name is missed."""
    return left_over(words) or not words.isdisjoint(_GREETINGS)


def gap(text: str, words: AbstractSet[str]) -> bool:
    """Whether something may be missing in the middle of a text."""
    return (
        _BLANK_BEFORE.search(text) is not None
        or text.lstrip(" \xa0")[:1] in (",", ";")
        or ("\n" in text and _LINE_OF_COMMA.search(text) is not None)
        or (_OPENING.search(text) is not None and _EMPTY.search(text) is not None)
        or (not words.isdisjoint(_GREETINGS) and _BARE_GREETING.search(text) is not None)
    )


def pressing(text: str) -> bool:
    """Whether a text may speak of a deadline, or hurry people."""
    said = words(text)
    if not said.isdisjoint(_PRESSING):
        return True
    may_count = not (said.isdisjoint(_COUNTED) or said.isdisjoint(_UNITS))
    is_dated = not said.isdisjoint(_DATED)
    return (may_count or is_dated) and (_NUMBER.search(text) is not None or not said.isdisjoint(_WEEKDAYS))


def may_press(text: str) -> bool:
    """Whether a text may do so together with what stands around it."""
    return not words(text).isdisjoint(_PRESSING | _DATED | _WEEKDAYS | _COUNTED | _UNITS)


def garbled(text: str) -> bool:
    """Whether letters of a text may have come through two encodings."""
    return not text.isascii() and _GARBLED.search(text) is not None
