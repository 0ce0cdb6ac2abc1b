"""Read headers of several words by their cells too: `Inscrit à la newsletter`, `E-Mail (geschäftlich)`, `SMS opt-in`.

What a word alone means: words, headers. A yes is only read where the header speaks of it clearly, a no wherever it may
be one. What is read so is said aloud.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from mailflow.errors import MailflowError, QuestionError
from mailflow.importers.reading.source import Source, blocks
from mailflow.importers.values.consent import DOUBTFUL
from mailflow.importers.wording.consent_words import (
    CONSENT_IMPLIED,
    CONSENT_PENDING,
    CONSENT_SILENT,
    CONSENT_YES,
    OPTED_OUT,
    PLAIN_NO,
    SUPPRESSED,
    word_of,
)
from mailflow.importers.wording.words import fold

_LOOKED_AT = 100_000  # characters of a file whose cells are looked at
_ADDRESS = re.compile(r"\s*(?:mailto:)?[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+\s*\Z")
_MOSTLY = 0.8  # of the filled cells of a column of addresses are some

_E_MAIL = re.compile(r"\be[\s_.-]?(mail|post)", re.IGNORECASE)
_BETWEEN = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_SAYS_ADDRESS = re.compile(r"mail|epost|correo|courriel|sahkoposti|メール|邮")
# Of the shop, or of somebody else than the person of the row.
_OF_OTHERS = re.compile(
    r"owner|manager|agent|assign|staff|referr|friend|recipient|emergenc|supplier|organi[sz]er|host|instructor|teacher|coach"
    r"|salesrep|betreuer|berater|creat|modif|repl[yi]|sender|absender|mailing|notfall|arzt|doctor|billingcontact|partner"
)
_FIRST = re.compile(r"primary|main|principal|haupt|prefer|default|standard|hoved|huvud|(?<!\d)1\Z")

_BY_E_MAIL = re.compile(
    r"email|epost|correo|courriel|\Amail(?!ing)|mailen\Z|mailing(?:list|permission|consent|opt|ok|allow)|verteiler|diffusion"
)
_NEWS = re.compile(
    r"news(?!tudent)|nyhetsbr|nyhedsbr|nieuwsbr|boletin|infolettre|bulletin|uutiskirj|rundbrief|rundmail|circular|marketing"
    r"|werb(?:ung|e)|publici(?:dad|te|ta)|reklam|biuletyn|promotion"
)
_OF_ADS = re.compile(
    r"offers|angebote|ofertas|offres|offerte|promo|advertis|updates|novidades|novedades|novita|nouveautes|neuigkeiten|erbjudand|tilbud|aanbieding|comercial|commercial"
)
_YES = re.compile(
    r"subscri|suscri|inscri|iscri|abonn|optin|optedin|consen|permi(?:ssion|so)|agree|accept|acept|aceit|receb|accett|akzept|receive(?!d)"
    r"|recib|recevoir|recoit|ricev|want|wish|wunsch|souhait|desea|quier|vuole|einwillig|zustimm|erlaub|gestatt|anmeld|angemeld"
    r"|signup|signedup|registr|einverstand|prenumer|tilmeld|pamel|anmal|ingeschrev|inschrij|aangemeld|aanmeld|toestem"
    r"|samty[ck]k|zgoda|souhlas|suhlas|zapis|hyvaks|tilaa|autori[sz]|allow|erhalten|empfang"
)
_MAY_YES = re.compile(r"\Asend|contact|kontakt|communica|comunica")  # as in `Send Email`
_YES_WORDS = frozenset("ok yes ja oui si sim tak member may on darf mag puede peut puo".split())
_NOT = frozenset(
    """no not dont doesnt never without kein keine keinen nicht ohne ne pas sans sin non ikke inte ingen geen
    niet""".split()
)
# Neither a yes nor a no to mail: when, how often, where from, in which words, or something else altogether.
_ASIDE = re.compile(
    r"(?<!con)sent|gesendet|versendet|verschickt|envoye|enviad|inviat|skickad|verzonden|bounce|count|number|anzahl|numero|quant|antal"
    r"|aantal|last|letzte|dernier|ultim|senaste|laatste|open|geoffnet|ouvert|abiert|apert|click|klick|clic|(?<!up)dat[eu]|fecha"
    r"|stamp|zeit|quelle|source|origen|fuente|fonte|herkunft|kanal|channel|version|wording|campaign|kampagn|template|link|url"
    r"|language|sprach|frequen|haufigkeit|topic|thema|reason|grund|(?<!in)format|score|method|received|deliver|zugestellt|valid|verif"
    r"|error|owner|budget|cost|spen[dt]|since|seit|depuis|desde|preferen|interes|third|dritt|partner|tiers|terz[io]|tercer|group"
)
_ASIDE_WORDS = frozenset("at am ip by id type typ name rate time when wann quand n nb nr anz qty".split())
_OTHER_MAIL = re.compile(r"sms|push|whatsapp|viber|phone|telefon|anruf|postal|courrier|messenger|telegram")
# Mail on paper, or that somebody who buys may get without wanting any other: its yes is none to marketing.
_OF_PURCHASES = re.compile(
    r"mailing(?!list)|review|abandon|invoice|rechnung|factur|fattur|receipt|beleg|remind|erinner|transac|notific|benachrichtig|alert|order"
)
_OTHER_MAIL_WORDS = frozenset("text texts call calls post brief print fax mobile mobil".split())

_PLAIN_YES = frozenset("yes y true 1 x on ja si sim oui wahr vero verdadero vrai kylla tak".split())
_ANSWERS = CONSENT_YES | PLAIN_NO | OPTED_OUT | CONSENT_PENDING | CONSENT_IMPLIED | frozenset(SUPPRESSED)
_KNOWN = _ANSWERS | CONSENT_SILENT
_CLEAR = _ANSWERS - _PLAIN_YES - PLAIN_NO  # words that speak of consent themselves: `subscribed`

# Words that nobody writes of anything but mail: a column of any name that has some tells who left.
_LEFT = frozenset(
    word
    for word in OPTED_OUT
    if re.search("unsub|opt(?:ed)?out|abgemeld|desabonn|desinscri|desuscri|disiscri|gemeld", word)
)


class Sample:
    """The cells of a file's first rows, read when they are first asked for."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rows: Sequence[Sequence[str]] | None = None

    def cells(self, place: int) -> list[str]:
        """Return the filled cells of a column."""
        return [cell for cell in self.column(place) if cell]

    def column(self, place: int) -> list[str]:
        """Return the cells of a column; none where the file cannot be read, which its import will tell."""
        if self._rows is None:
            try:
                first = next(iter(blocks(self._source, _LOOKED_AT)), None)
            except (OSError, MailflowError):
                first = None
            self._rows = first.rows if first is not None else ()
        return [row[place].strip() for row in self._rows]

    def holds_addresses(self, place: int) -> bool:
        """Return whether most filled cells of a column are e-mail addresses."""
        cells = self.cells(place)
        return bool(cells) and sum(map(bool, map(_ADDRESS.match, cells))) >= _MOSTLY * len(cells)


@dataclass(slots=True)
class Reading:
    """What columns mean by their phrases: place → field; and a sentence for each that tells the user so."""

    fields: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def by_header(self, source: Source) -> dict[str, str]:
        """Return header → field."""
        return {source.header[place]: name for place, name in self.fields.items()}

    def only(self, fields: Collection[str]) -> Reading:
        """Return what was read without columns of fields that a kind of file does not have."""
        kept = {place: name for place, name in self.fields.items() if name in fields}
        return Reading(kept, self.notes if len(kept) == len(self.fields) else [])

    def add(self, other: Reading) -> None:
        """Add what else was read."""
        self.fields |= other.fields
        self.notes += other.notes


def address_columns(source: Source, sample: Sample, *, ask: bool) -> Reading:
    """Find the e-mail column of a file where no header is plainly that: the only one, or the one that says it is first.

    `QuestionError` where several may be it, if the user is to be asked.
    """
    found = [place for place, header in enumerate(source.header) if _may_be_address(header, sample, place)]
    first = found if len(found) == 1 else [place for place in found if _FIRST.search(fold(source.header[place]))]
    if len(first) == 1:
        said = [f"Column {source.header[first[0]]!r} was read as the e-mail address."]
        others = {place: "other_emails" for place in found if place != first[0]}
        return Reading({first[0]: "email", **others}, said)
    if found and ask:
        names = [source.header[place] for place in found]
        raise QuestionError(
            f"{source.path}: several columns may be the e-mail address: {', '.join(map(repr, names))}",
            option="--map",
            choices={name: f"{name}=email" for name in names},
            how="--map 'column=email'",
        )
    return Reading()


def _may_be_address(header: str, sample: Sample, place: int) -> bool:
    whole = fold(header)
    if not _SAYS_ADDRESS.search(whole) or _OF_OTHERS.search(whole) or _YES.search(whole):
        return False
    if sample.cells(place):
        return sample.holds_addresses(place)
    return not (_ASIDE.search(whole) or _NEWS.search(whole))


def consent_columns(source: Source, places: Collection[int], sample: Sample) -> Reading:
    """Find which of some columns, whose headers are no word that is known, say yes or no to mail."""
    reading = Reading()
    for place in places:
        header = source.header[place]
        meaning = _consent_meaning(header, place, sample)
        if meaning is None:
            continue
        reading.fields[place] = meaning
        if meaning == DOUBTFUL:
            reading.notes.append(
                f"Column {header!r} may be about something else than e-mail marketing: a no in it counts as an opt-out,"
                f" a yes as nothing. If its yes is a yes to your mail, say --map '{header}=consent'."
            )
        else:
            read_as = "consent" if meaning == "consent" else "an opt-out"
            reading.notes.append(
                f"Column {header!r} was read as {read_as}. If it is not, say --map '{header}=attribute'."
            )
    return reading


def _consent_meaning(header: str, place: int, sample: Sample) -> str | None:
    """Return what a header with some words about mail means, seen its cells."""
    whole = fold(header)
    tokens = frozenset(map(fold, _BETWEEN.split(_E_MAIL.sub(r"e\1", header))))
    words = set(map(word_of, sample.cells(place)))
    is_other = _OTHER_MAIL.search(whole) or _OTHER_MAIL_WORDS & tokens
    if words & _LEFT and not is_other and not _speaks_of_mail(whole):
        return DOUBTFUL
    by_mail, news = _BY_E_MAIL.search(whole), _NEWS.search(whole)
    if not _speaks_of_mail(whole) or _ASIDE.search(whole) or _ASIDE_WORDS & tokens:
        return None
    if any(word.isdigit() and word not in _KNOWN for word in words) or (words and not words & _KNOWN):
        return None
    speaks = bool(_YES.search(whole)) or bool(_YES_WORDS & tokens) or bool(words & _CLEAR)
    if is_other or _OF_PURCHASES.search(whole):
        return DOUBTFUL if speaks and by_mail else None
    if _NOT & tokens and (speaks or news):
        return "opt_out"
    if speaks:
        return "consent"
    if not (news or _MAY_YES.search(whole)):
        return None
    return DOUBTFUL if words and words <= _KNOWN else None


def _speaks_of_mail(whole: str) -> bool:
    return any(words.search(whole) for words in (_BY_E_MAIL, _NEWS, _OF_ADS))
