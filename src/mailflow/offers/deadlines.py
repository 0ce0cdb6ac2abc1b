"""Find what a mail says about deadlines, and whether it is true: for lint, which reads the rendered text.

Only what is said as a deadline is read: "until 24 December", "ends tonight", "today only", in six languages. A date
by itself is none. What a deadline really is: Offer.expires_on, kept with each code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from mailflow.templates.lint import hints

_MONTHS: dict[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "january jan januar jänner enero janvier gennaio januari",
            "february feb februar febrero février febbraio februari",
            "march mar märz marzo mars maart", "april apr abril avril aprile", "may mai mayo maggio mei",
            "june jun juni junio juin giugno", "july jul juli julio juillet luglio",
            "august aug agosto août augustus", "september sept sep septiembre septembre settembre",
            "october oct oktober okt octubre octobre ottobre", "november nov noviembre novembre",
            "december dec dezember dez diciembre décembre dicembre",
        ),
        start=1,
    )
    for word in words.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
# Behind two numbers these say that they are a time, a sum or a measure.
_NO_DATE = r"""(?!\d|\s*(?:[%‰€$£°]|(?:per\s?cent|prozent|uhr|o['’]clock|am|pm|[ap]\.m|h|hours?|heures?|horas?|ore|uur
    |million|millionen|mio|thousand|tausend|times|x|mm|cm|m|km|g|kg|ml|l|eur|euros?|usd|gbp|chf)\b))"""
_DATE = rf"""(?:
      (?P<iso>\d{{4}}-\d\d-\d\d)
    | (?P<day>\d{{1,2}})(?:st|nd|rd|th|\.|er|º)?\s*(?:of\s+|de\s+|di\s+)?(?P<month>{_MONTH})\b\.?,?
      (?:\s*(?:de\s+)?(?P<year>\d{{4}}))?
    | (?P<month2>{_MONTH})\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s*(?P<year2>\d{{4}}))?
    | (?P<first>\d{{1,2}})[./](?P<second>\d{{1,2}}){_NO_DATE}[./]?(?P<third>\d{{4}}|\d\d)?
    )"""
# What makes a date a deadline.
_UNTIL = r"""(?:until|till|by|through|thru|before|ends?(?:\s+on)?|expires?(?:\s+on)?|deadline:?
    |bis(?:\s+zum)?|gültig\s+bis|endet(?:\s+am)?|hasta(?:\s+el)?|termina(?:\s+el)?|caduca(?:\s+el)?|jusqu['’]au|avant\s+le
    |expire\s+le|fino\s+al|entro\s+il|scade\s+il|tot(?:\s+en\s+met)?|geldig\s+tot)"""
_DATED = re.compile(
    rf"\b{_UNTIL}\s+(?:\w+day,?\s+|\w+tag,?\s+(?:den\s+)?)?(?:the\s+|le\s+|el\s+|il\s+)?{_DATE}",
    re.IGNORECASE | re.VERBOSE,
)
_SOON = {
    0: r"""only\s+today|today\s+only|(?:ends?|expires?)\s+(?:today|tonight)|last\s+day|final\s+hours|last\s+chance
        |nur\s+(?:noch\s+)?heute|endet\s+heute|letzter\s+tag|letzte\s+chance
        |s[oó]lo\s+hoy|último\s+d[ií]a|última\s+oportunidad
        |se\s+termine\s+aujourd['’]hui|termina\s+hoy|termina\s+oggi|eindigt\s+vandaag
        |aujourd['’]hui\s+seulement|dernier\s+jour|dernière\s+chance|solo\s+oggi|ultimo\s+giorno|ultima\s+occasione
        |alleen\s+vandaag|laatste\s+(?:dag|kans)
        |(?:until|till|ends?\s+at|by)\s+midnight|(?:bis|endet\s+um)\s+mitternacht|jusqu['’]à\s+minuit
        |hasta\s+(?:la\s+)?medianoche|fino\s+a\s+mezzanotte|tot\s+middernacht""",
    1: r"""(?:until|ends?|expires?)\s+tomorrow|(?:nur\s+(?:noch\s+)?)?bis\s+morgen|endet\s+morgen
        |se\s+termine\s+demain|termina\s+mañana|termina\s+domani|eindigt\s+morgen
        |hasta\s+mañana|jusqu['’]à\s+demain|fino\s+a\s+domani|tot\s+morgen""",
}  # fmt: skip
_NEAR = {days: re.compile(rf"\b(?:{words})\b", re.IGNORECASE | re.VERBOSE) for days, words in _SOON.items()}
_TIME_UNIT = "hours?|stunden?|horas?|heures?|ore|uur|days?|tage?n?|d[ií]as?|jours?|giorni|dagen"
_LASTS = re.compile(
    r"\b(?:(?:only|just|nur(?:\s+noch)?|s[oó]lo|seulement|solo|alleen|for\s+(?:only\s+)?the\s+next|in\s+den\s+nächsten)"
    rf"\s+(?P<number>\d{{1,3}})\s*(?P<unit>{_TIME_UNIT})"
    rf"|(?P<number2>\d{{1,3}})[\s-](?P<unit2>{_TIME_UNIT})\s+(?:only|lang|seulement))\b",
    re.IGNORECASE,
)
# What a countdown says (templates/lasting): a deadline beside an offer, and in other mail too often none.
_LEFT = re.compile(
    r"\b(?:(?P<before>\d{1,3})\s+(?:more\s+)?days?\s+left"
    r"|(?:noch|encore|quedan?|ancora|nog)\s+(?P<after>\d{1,3})\s+(?:tage?|jours?|d[ií]as?|giorni|dagen))\b",
    re.IGNORECASE,
)
_WEEKDAYS = {word: number for number, words in enumerate(hints.WEEKDAYS) for word in words.split()}
_WEEKDAY = re.compile(
    rf"\b(?:{_UNTIL}|jusqu['’]à|entro|fino\s+a)\s+(?:this\s+|diesen\s+|ce\s+|el\s+|este\s+|a\s+)?(?P<weekday>{'|'.join(_WEEKDAYS)})\b"
    r"(?!,?\s+(?:the\s+|den\s+|le\s+|el\s+|il\s+)?\d)",
    re.IGNORECASE | re.VERBOSE,
)
_WEEK = re.compile(
    r"\b(?:(?:only\s+this|this)\s+(?:weekend|week)\s+only|only\s+this\s+week(?:end)?"
    r"|nur\s+(?:noch\s+)?(?:diese\s+woche|dieses\s+wochenende|am\s+wochenende))\b",
    re.IGNORECASE,
)
# A sentence of the shop's hours or of when a parcel comes: its day is not that of the offer.
_OF_SOMETHING_ELSE = re.compile(
    r"\b(?:closed|(?:we['’]?re|we\s+are|is|are|stays?)\s+(?:\w+\s+)?open|opening\s+hours|on\s+holiday|"
    r"(?:delivered|arrives?|there|with\s+you)\s+(?:by|before)|in\s+time\s+for|geschlossen|geöffnet|öffnungszeiten|"
    r"urlaub|betriebsferien|geliefert|rechtzeitig|fermée?s?|ouverte?s?|livrée?s?|cerrad[oa]s?|abiert[oa]s?|"
    r"chius[oaie]|apert[oaie]|gesloten|geopend)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<!\d)[.!?](?=\s)|\n\n")
_HOURS = ("hour", "stunde", "hora", "heure", "ore", "uur")


NEVER = date.max  # the last day of an offer that has none


@dataclass(frozen=True, slots=True)
class FalseDeadline:
    """Words of a mail that say another deadline than the real one. `start` is where they stand in the text."""

    start: int
    words: str
    says: tuple[date, ...]  # every day that the words may mean
    really: date | None  # None: there is no deadline at all; NEVER: there is an offer, and it does not end

    @property
    def sentence(self) -> str:
        """What is wrong, as a sentence."""
        really = "there is no deadline" if self.really is None else f"the deadline is {self.really}"
        if self.really == NEVER:
            return f"{self.words!r} is not true: its offer does not end. Give it expires: in offers.yaml"
        return f"{self.words!r} is not true: {really}. Write {{{{ offer.expires_on | date }}}} for the real one"


def false_deadlines(text: str, *, today: date, ends: date | None) -> list[FalseDeadline]:
    """Return every deadline in a rendered text that is not the last day of its offer, in the order of the text.

    `today` is the day on which it is read; `ends` is `offer.expires_on`, NEVER where the offer has none, None where the
    mail has no offer. A day that a sentence about the shop's hours or a delivery names is no deadline of it. A date
    that can be read in two ways (03/04) is true if one of them is.
    """
    found = [
        FalseDeadline(start, " ".join(words.split()), days, ends)
        for start, words, days in (*_deadlines(text, today), *(_of_offers(text, today) if ends else ()))
        if days and ends not in days and not _OF_SOMETHING_ELSE.search(_sentence(text, start))
    ]
    return sorted(found, key=lambda each: each.start)


def _deadlines(text: str, today: date) -> Iterator[tuple[int, str, tuple[date, ...]]]:
    for match in _DATED.finditer(text):
        yield match.start(), match[0], tuple(_days(match, today))
    for days, pattern in _NEAR.items():
        for match in pattern.finditer(text):
            yield match.start(), match[0], (today + timedelta(days=days),)
    for match in _LASTS.finditer(text):
        yield match.start(), match[0], _lasting(match, today)


def _sentence(text: str, at: int) -> str:
    """Return the sentence of a text that stands around a place."""
    start, end = 0, len(text)
    for match in _SENTENCE_END.finditer(text):
        if match.end() > at:
            end = match.end()
            break
        start = match.end()
    return text[start:end]


def _of_offers(text: str, today: date) -> Iterator[tuple[int, str, tuple[date, ...]]]:
    """Yield what is a deadline beside an offer, and in other mail may be anything: weekdays, weeks, countdowns."""
    yield from _countdowns(text, today)
    for match in _WEEKDAY.finditer(text):
        if _sentence(text, match.start()).strip(" \n!.,") == match[0]:
            continue  # `Until Friday!` says goodbye
        ahead = (_WEEKDAYS[match["weekday"].lower()] - today.weekday()) % 7
        yield match.start(), match[0], (today + timedelta(days=ahead), today + timedelta(days=ahead + 7))
    for match in _WEEK.finditer(text):
        sunday = today + timedelta(days=6 - today.weekday())
        yield match.start(), match[0], (sunday, sunday - timedelta(days=1), sunday - timedelta(days=2))


def _countdowns(text: str, today: date) -> Iterator[tuple[int, str, tuple[date, ...]]]:
    """Yield days that are counted down: with 0 left it is the last day."""
    read = {
        match.start("number" if match["number"] else "number2") for match in _LASTS.finditer(text)
    }  # `only 3 days left` is read as what lasts
    for match in _LEFT.finditer(text):
        number = "before" if match["before"] else "after"
        if match.start(number) not in read:
            yield match.start(), match[0], (today + timedelta(days=int(match[number])),)


def _lasting(match: re.Match[str], today: date) -> tuple[date, ...]:
    """Return the days on which so many hours or days from some time of today end."""
    number = int(match["number"] or match["number2"])
    if (match["unit"] or match["unit2"]).lower().startswith(_HOURS):
        return tuple(today + timedelta(days=days) for days in {number // 24, number // 24 + 1})
    return tuple(today + timedelta(days=days) for days in (number - 1, number) if days >= 0)


def _days(match: re.Match[str], today: date) -> Iterator[date]:
    """Yield the days that a written date may mean; one without a year is of this year or the next."""
    if match["iso"]:
        yield from _day(match["iso"][:4], match["iso"][5:7], match["iso"][8:], today)
    elif match["month"] or match["month2"]:
        month = _MONTHS[(match["month"] or match["month2"]).lower()]
        yield from _day(match["year"] or match["year2"], month, match["day"] or match["day2"], today)
    else:
        first, second, year = match["first"], match["second"], match["third"]
        yield from _day(year, second, first, today)
        yield from _day(year, first, second, today)


def _day(year: str | None, month: str | int, day: str, today: date) -> Iterator[date]:
    years = [today.year, today.year + 1] if year is None else [int(year) + (2000 if len(year) == 2 else 0)]
    for each in years:
        try:
            yield date(each, int(month), int(day))
        except ValueError:
            continue
