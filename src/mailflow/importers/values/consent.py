"""What the cells of a file say about consent and suppression. A word that nobody knows says nothing, and is listed.

The words: consent_words. Several sayings of one row become one here; what that changes: store/consents_bulk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mailflow.importers.values.memo import Memo
from mailflow.importers.wording.consent_words import (
    CONSENT_IMPLIED,
    CONSENT_PENDING,
    CONSENT_SILENT,
    CONSENT_YES,
    OPTED_OUT,
    PLAIN_NO,
    SOFT_BOUNCE,
    SUPPRESSED,
    word_of,
    words_of,
)
from mailflow.model import Basis, ConsentState, SuppressionReason

_SHOWN = 200  # of a cell, as evidence


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an address is to get nothing at all, and the words of the file that say it."""

    reason: SuppressionReason
    evidence: str


@dataclass(frozen=True, slots=True)
class Saying:
    """What a file says about one person's consent, and the words it says it with.

    `state` is None where it says nothing of consent, only that the address is suppressed.
    """

    state: ConsentState | None
    basis: Basis
    evidence: str
    refusals: tuple[Refusal, ...] = ()


# The fields that may say no, and what their yes (or a date, or a reason that nobody knows) means.
REFUSAL_FIELDS: Mapping[str, SuppressionReason | None] = MappingProxyType(
    {
        "opt_out": None,
        "hard_bounced": SuppressionReason.HARD_BOUNCE,
        "complained": SuppressionReason.COMPLAINT,
        "suppressed": SuppressionReason.MANUAL,
    }
)
# A column that may be about something else than e-mail: a no in it counts, a yes does not.
DOUBTFUL = "doubtful_consent"
# Whether they confirmed their address: a no is a yes that waits for it.
UNCONFIRMED = "unconfirmed"
CONSENT_FIELDS = ("consent", DOUBTFUL, UNCONFIRMED, *REFUSAL_FIELDS)
_LOUDEST_FIRST = (ConsentState.UNSUBSCRIBED, None, ConsentState.PENDING, ConsentState.SUBSCRIBED)


class ConsentReader:
    """Reads the consent columns of one file, with what speaks for rows that say nothing themselves.

    `given` is what `--consent` says, or that a sign-up form waits for a confirmation.
    """

    def __init__(self, file: str, basis: Basis | None, evidence: str | None, given: Saying | None = None) -> None:
        self._file = file
        said = Saying(ConsentState.SUBSCRIBED, basis, evidence or "") if basis is not None else None
        self._given = said or given
        self._memo: Memo[tuple[str, ...], Saying | None] = Memo(self._read)
        self._read_cell: list[Callable[[str], Saying | None]] = []
        self._yes: list[int] = []
        self.unknown: Counter[str] = Counter()

    @property
    def given(self) -> bool:
        """Whether something speaks for rows that say nothing themselves."""
        return self._given is not None

    def name_columns(self, consent: Sequence[str], opt_out: Sequence[str] = ()) -> None:
        """Say what the columns are called that `say` will get the cells of: of consent, then of opt-outs."""
        self.expect([*(("consent", name) for name in consent), *(("opt_out", name) for name in opt_out)])

    def expect(self, columns: Sequence[tuple[str, str]]) -> None:
        """Say which columns `say_row` will get the cells of: (one of CONSENT_FIELDS, header)."""
        self._yes = [place for place, (field, _) in enumerate(columns) if field == "consent"]
        self._read_cell = [self._reader(field, header) for field, header in columns]

    def say(self, consent: tuple[str, ...], opt_out: tuple[str, ...] = ()) -> Saying | None:
        """Return what a row of the columns of `name_columns` says."""
        return self.say_row((*consent, *opt_out))

    def say_row(self, cells: tuple[str, ...]) -> Saying | None:
        """Return what a row says: any no is a no, else any yes is a yes. A blank cell says nothing."""
        return self._memo[cells]

    def _read(self, cells: tuple[str, ...]) -> Saying | None:
        said = [saying for read, cell in zip(self._read_cell, cells, strict=True) if (saying := read(cell)) is not None]
        if said:
            loudest = min(said, key=lambda saying: _LOUDEST_FIRST.index(saying.state))
            refusals = {refusal.reason: refusal for saying in said for refusal in saying.refusals}
            return Saying(loudest.state, loudest.basis, loudest.evidence, tuple(refusals.values()))
        return None if any(cells[place].strip() for place in self._yes) else self._given

    def _reader(self, field: str, header: str) -> Callable[[str], Saying | None]:
        if field == "consent":
            return lambda cell: self._consent_cell(header, cell)
        if field == DOUBTFUL:
            return lambda cell: self._doubtful_cell(header, cell)
        if field == UNCONFIRMED:
            return lambda cell: self._unconfirmed_cell(header, cell)
        return lambda cell: self._refusal_cell(header, cell, REFUSAL_FIELDS[field])

    def _consent_cell(self, header: str, cell: str) -> Saying | None:
        word = _word(cell)
        evidence = self._evidence(header, cell)
        if word in CONSENT_SILENT:
            return None
        if word in PLAIN_NO or word in OPTED_OUT or word in SUPPRESSED:
            return _refused(evidence, [SUPPRESSED[word]] if word in SUPPRESSED else [None])
        if word in CONSENT_IMPLIED:
            return Saying(ConsentState.SUBSCRIBED, Basis.IMPLIED, evidence)
        if word in CONSENT_YES:
            return Saying(ConsentState.SUBSCRIBED, Basis.EXPRESS, evidence)
        if word in CONSENT_PENDING:
            return Saying(ConsentState.PENDING, Basis.UNKNOWN, evidence)
        if word not in SOFT_BOUNCE:
            self.unknown[f"{header}: {cell.strip()[:60]}"] += 1
        return None

    def _doubtful_cell(self, header: str, cell: str) -> Saying | None:
        word = _word(cell)
        if word in PLAIN_NO or word in OPTED_OUT or word in SUPPRESSED:
            return _refused(self._evidence(header, cell), [SUPPRESSED.get(word)])
        return None

    def _unconfirmed_cell(self, header: str, cell: str) -> Saying | None:
        if _word(cell) in PLAIN_NO:
            return Saying(ConsentState.PENDING, Basis.UNKNOWN, self._evidence(header, cell))
        return None

    def _refusal_cell(self, header: str, cell: str, meant: SuppressionReason | None) -> Saying | None:
        """Read a column whose yes means no. Its no is not a yes: who has not left has not thereby come.

        Whatever else stands there (a date, a reason) was put there for somebody who left: that is a no too.
        """
        reasons = _reasons(cell, meant)
        return _refused(self._evidence(header, cell), reasons) if reasons else None

    def _evidence(self, header: str, cell: str) -> str:
        return f"{self._file}: {header} = {cell.strip()[:_SHOWN]}"


def _reasons(cell: str, meant: SuppressionReason | None) -> Sequence[SuppressionReason | None]:
    """Return what a cell says: reasons to suppress the address, None for a no to marketing.

    Words that nobody knows count only where there is none that somebody does; then they are what the column means.
    """
    words = words_of(cell) or ([cell] if cell.strip() in CONSENT_YES else [])
    known = [SUPPRESSED.get(word) for word in words if word in SUPPRESSED or word in OPTED_OUT]
    if known:
        return known
    return [meant] if any(_says_something(word) for word in words) else []


def _says_something(word: str) -> bool:
    """Return whether a word in a column of refusals is one; 0000-00-00 is the date that MySQL writes for none."""
    return word not in CONSENT_SILENT and word not in PLAIN_NO and word not in SOFT_BOUNCE and bool(word.strip("0"))


def _refused(evidence: str, reasons: Sequence[SuppressionReason | None]) -> Saying:
    """Return a no. An address that bounced says nothing about what the person wants: all else is a no to marketing."""
    refusals = tuple(Refusal(reason, evidence) for reason in dict.fromkeys(reasons) if reason is not None)
    said_no = any(reason is not SuppressionReason.HARD_BOUNCE for reason in reasons)
    return Saying(ConsentState.UNSUBSCRIBED if said_no else None, Basis.EXPRESS, evidence, refusals)


def _word(cell: str) -> str:
    cell = cell.strip()
    return word_of(cell) or (cell if cell in CONSENT_YES else "")


def consent_warnings(consent: ConsentReader) -> list[str]:
    """Return a sentence about words that nobody knows."""
    if not consent.unknown:
        return []
    commonest = ", ".join(f"{word!r} ({count})" for word, count in consent.unknown.most_common(8))
    return [
        f"Words about consent that nobody knows count as no consent: {commonest}."
        " If they mean yes, import these rows with --consent and --evidence"
    ]
