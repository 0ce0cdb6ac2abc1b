"""Money: integer minor units beside an ISO 4217 currency, read from the ways shops write amounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

# Currencies of ISO 4217 and those before, so that old orders stay readable: those of Unicode CLDR as Babel
# 2.18 has them, and XAD, which is newer; without XTS and XXX, which are no money. Babel itself takes 80 ms to load, and
# the settings of every command are checked by this.
_CODES = frozenset(
    """
    ADP AED AFA AFN ALK ALL AMD ANG AOA AOK AON AOR ARA ARL ARM ARP ARS ATS AUD AWG AZM AZN BAD BAM BAN BBD BDT BEC
    BEF BEL BGL BGM BGN BGO BHD BIF BMD BND BOB BOL BOP BOV BRB BRC BRE BRL BRN BRR BRZ BSD BTN BUK BWP BYB BYN BYR
    BZD CAD CDF CHE CHF CHW CLE CLF CLP CNH CNX CNY COP COU CRC CSD CSK CUC CUP CVE CYP CZK DDM DEM DJF DKK DOP DZD
    ECS ECV EEK EGP ERN ESA ESB ESP ETB EUR FIM FJD FKP FRF GBP GEK GEL GHC GHS GIP GMD GNF GNS GQE GRD GTQ GWE GWP
    GYD HKD HNL HRD HRK HTG HUF IDR IEP ILP ILR ILS INR IQD IRR ISJ ISK ITL JMD JOD JPY KES KGS KHR KMF KPW KRH KRO
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LTL LTT LUC LUF LUL LVL LVR LYD MAD MAF MCF MDC MDL MGA MGF MKD MKN MLF MMK
    MNT MOP MRO MRU MTL MTP MUR MVP MVR MWK MXN MXP MXV MYR MZE MZM MZN NAD NGN NIC NIO NLG NOK NPR NZD OMR PAB PEI
    PEN PES PGK PHP PKR PLN PLZ PTE PYG QAR RHD ROL RON RSD RUB RUR RWF SAR SBD SCR SDD SDG SDP SEK SGD SHP SIT SKK
    SLE SLL SOS SRD SRG SSP STD STN SUR SVC SYP SZL THB TJR TJS TMM TMT TND TOP TPE TRL TRY TTD TWD TZS UAH UAK UGS
    UGX USD USN USS UYI UYP UYU UYW UZS VEB VED VEF VES VND VNN VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR
    XEU XFO XFU XOF XPD XPF XPT XRE XSU XUA YDD YER YUD YUM YUN YUR ZAL ZAR ZMK ZMW ZRN ZRZ ZWD ZWG ZWL ZWR
    """.split()
)
# What people write instead, and which currencies they mostly mean.
_MEANT = {
    "€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP", "UKP": "GBP", "STG": "GBP", "¥": "JPY", "RMB": "CNY",
    "NTD": "TWD", "SFR": "CHF", "FR": "CHF", "KR": "SEK", "ZŁ": "PLN", "KČ": "CZK", "R$": "BRL", "US$": "USD",
    "₹": "INR",
}  # fmt: skip
_COMMON = "EUR USD GBP CHF JPY CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY CNY INR BRL MXN ZAR".split()
# ISO 4217 minor units; every currency not named here has two digits.
_DIGITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
# With nine digits before the point an amount of any currency is believable: see _UNBELIEVABLE.
_PLAIN = re.compile(r"-?\d{1,9}(?:\.\d{1,2})?\Z", re.ASCII)
_CENTS = re.compile(r"\d{1,9}\.\d\d(?:\n\d{1,9}\.\d\d)*\Z", re.ASCII)
# Around the digits only what is written around money: spaces, an ISO code, a sign such as € or kr.
_SYMBOL = r"(?:[^\W\d_]{1,4}\.?|[^\w\s.,'()+-])?"
_WRITTEN = re.compile(
    rf"\s*(?P<open>\()?\s*(?P<minus>[-\u2212+])?\s*{_SYMBOL}\s*(?(minus)|(?P<inner>[-\u2212])?)\s*"
    rf"(?P<number>[0-9][0-9.,'\u2019\s]*|[.,][0-9]+)\s*(?P<after>[-\u2212])?\s*{_SYMBOL}\s*(?(open)\))\s*\Z"
)
# As dataframes write what is next to nothing: 4.440892e-16.
_SCIENTIFIC = re.compile(r"\s*[-+]?\d(?:\.\d{1,17})?[eE]-\d{1,2}\s*\Z", re.ASCII)
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'\u2019]")
_GROUPED = {
    ",": re.compile(r"\d{1,3}(?:,\d{3})+\Z", re.ASCII),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+\Z", re.ASCII),
}
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}\Z", re.ASCII)
# Spreadsheets and dataframes write 19.99 as 19.989999999999998: what is so near a whole minor unit is meant to be one.
# Minor units: 900,000 of the largest amounts still add up in SQLite's 64 bits.
_UNBELIEVABLE = 10**13
_NOISE = Decimal("0.0001")


def digits(currency: str) -> int:
    """Return how many decimal digits a currency has: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _DIGITS.get(currency, 2)


def currency_code(text: str) -> str:
    """Read a code of ISO 4217 such as `eur`, former ones too; `ValueError` for anything else, with what was meant."""
    code = text.strip().upper()
    if code in _CODES:
        return code
    meant = _meant(code)
    hint = f"did you mean {meant}?" if meant else "an ISO 4217 code such as EUR is needed"
    raise ValueError(f"{text!r} is not a currency: {hint}")


@lru_cache(maxsize=1000)  # a column may hold the same slip a million times
def _meant(code: str) -> str | None:
    from difflib import get_close_matches  # here: nearly no command needs it

    if code in _MEANT:
        return _MEANT[code]
    near = get_close_matches(code, _COMMON, 1, 0.6) if len(code) < 5 else []
    return near[0] if near else None


def to_text(minor: int, currency: str) -> str:
    """Return minor units as a decimal string: 123456 EUR is `1234.56`, 500 JPY is `500`."""
    places = digits(currency)
    if places == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**places)
    return f"{sign}{whole}.{part:0{places}d}"


def labelled(minor: int | None, currency: str | None) -> str | None:
    """Return minor units for people: 123456 EUR is `1234.56 EUR`; None for None."""
    if minor is None:
        return None
    return str(minor) if currency is None else f"{to_text(minor, currency)} {currency}"


class MarkEvidence:
    """Looks at the cells of one column of amounts until one of them shows its decimal mark.

    `1.234,56` and `12,5` show a comma; `29.33`, `0.125` and `1,022.50` a point; `1.234.567` groups with points, so its
    decimals would follow a comma. `1.234` alone shows nothing and leaves the column `doubtful`.
    """

    def __init__(self) -> None:
        self.mark: str | None = None
        self.doubtful = False

    @property
    def is_shown(self) -> bool:
        """Whether a cell has shown it, so that no other is to be looked at."""
        return self.mark is not None

    @property
    def is_open(self) -> bool:
        """Whether there are cells that could be read either way, and none that showed which."""
        return self.mark is None and self.doubtful

    def look(self, cells: Iterable[str]) -> None:
        """Take more cells into account."""
        for cell in cells:
            written = _WRITTEN.match(cell)
            number = _SPACES.sub("", written["number"]) if written else ""
            if "." in number or "," in number:
                self.mark = shown_mark(number)
                if self.mark is not None:
                    return
                self.doubtful = True


def parse(text: str, currency: str, mark: str | None = None) -> int:
    """Read an amount such as `66.70`, `$1,022.50`, `1.234,56 €`, `-$12.96` or `(5.00)` as minor units.

    `mark` is the decimal mark of the column, where it is known. More digits than the currency has are refused unless
    they are zeros or the noise of a binary fraction. `ValueError` with a reason.
    """
    if mark != "," and _PLAIN.match(text):  # most rows, without a Decimal
        whole, _, part = text.partition(".")
        places = digits(currency)
        if len(part) <= places:
            return int(whole + part.ljust(places, "0"))
    return to_minor(parse_number(text, currency, mark), currency, text)


def parse_column(cells: Sequence[str], currency: str, mark: str | None = None) -> list[int]:
    """Read many amounts of one currency at once, as `parse` does but faster where they are written like 29.33."""
    column = "\n".join(cells)
    if mark != "," and digits(currency) == 2 and _CENTS.match(column):  # one match and one split for all of them
        return list(map(int, column.replace(".", "").split("\n")))
    return [parse(cell, currency, mark) for cell in cells]


def parse_number(text: str, currency: str, mark: str | None = None) -> Decimal:
    """Read a written number exactly. Without a `mark`, a single point or comma groups thousands if it can.

    It can before exactly three digits, unless the currency itself has three (then a point is the decimal mark).
    """
    if _SCIENTIFIC.match(text):
        return Decimal(text.strip())
    written = _WRITTEN.match(text)
    if written is None:
        raise ValueError(f"{text!r} is not an amount" if text.strip() else "the amount is blank")
    number = _SPACES.sub("", written["number"])
    try:
        value = Decimal(with_point(number, mark or _likely_mark(number, currency)))
    except (InvalidOperation, ValueError):
        raise ValueError(f"{text!r} is not an amount as the column writes them") from None
    negative = written["open"] or written["minus"] in ("-", "\u2212") or written["inner"] or written["after"]
    return -value if negative else value


def to_minor(value: Decimal, currency: str, text: str | None = None) -> int:
    """Return an exact amount in minor units; `ValueError` where it has more decimals than its currency."""
    minor = value.scaleb(digits(currency))
    whole = minor.to_integral_value()
    if abs(minor - whole) > _NOISE:
        raise ValueError(f"{text or str(value)!r} has more decimals than {currency} has")
    return _believable(whole)


def rounded(value: Decimal, currency: str) -> int:
    """Return an exact amount in minor units, rounded half up: for prices with more decimals than money has."""
    return _believable(value.scaleb(digits(currency)).to_integral_value(ROUND_HALF_UP))


def _believable(minor: Decimal) -> int:
    if not abs(minor) < _UNBELIEVABLE:
        raise ValueError(f"{minor:.3g} is not a believable amount")
    return int(minor)


def shown_mark(number: str) -> str | None:
    """Return the decimal mark that a number with a point or comma shows by itself, None where it could be either."""
    mark, other = (".", ",") if number.rfind(".") > number.rfind(",") else (",", ".")
    if other in number:
        return mark
    if number.count(mark) > 1:
        return other
    whole, _, part = number.partition(mark)
    return mark if len(part) != 3 or len(whole) > 3 or whole in ("", "0") else None


def _likely_mark(number: str, currency: str) -> str:
    found = shown_mark(number) if "." in number or "," in number else None
    if found is not None:
        return found
    if digits(currency) == 3:
        return "."
    return "." if "," in number else ","


def with_point(number: str, mark: str) -> str:
    """Return a number written with this decimal mark with a point for it, and without thousands separators.

    `ValueError` where it is none.
    """
    grouping = "," if mark == "." else "."
    whole, found, part = number.partition(mark)
    if grouping in part or mark in part:
        raise ValueError(number)
    if grouping in whole:
        if not _GROUPED[grouping].match(whole) and not (grouping == "," and _INDIAN.match(whole)):
            raise ValueError(number)
        whole = whole.replace(grouping, "")
    return f"{whole or '0'}.{part or '0'}" if found else whole
