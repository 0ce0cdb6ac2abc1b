"""What the cells of a file say about consent. A word that nobody knows says nothing, and is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mailflow.importers.words import (
    CONSENT_IMPLIED,
    CONSENT_NO,
    CONSENT_PENDING,
    CONSENT_SILENT,
    CONSENT_YES,
    PLAIN_NO,
    fold,
)
from mailflow.model import Basis, ConsentState


@dataclass(frozen=True, slots=True)
class Saying:
    """What a file says about one person's consent, and the words it says it with."""

    state: ConsentState
    basis: Basis
    evidence: str


class ConsentReader:
    """Reads the consent columns of one file, with what `--consent` says for rows that say nothing themselves."""

    def __init__(self, file: str, basis: Basis | None, evidence: str | None) -> None:
        self._file = file
        self._given = Saying(ConsentState.SUBSCRIBED, basis, evidence or "") if basis is not None else None
        self._memo: dict[tuple[tuple[str, ...], tuple[str, ...]], Saying | None] = {}
        self._yes: Sequence[str] = ()
        self._no: Sequence[str] = ()
        self.unknown: Counter[str] = Counter()

    @property
    def given(self) -> bool:
        """Whether `--consent` speaks for rows that say nothing themselves."""
        return self._given is not None

    def name_columns(self, consent: Sequence[str], opt_out: Sequence[str]) -> None:
        """Say what the columns are called that `say` will get the cells of."""
        self._yes, self._no = consent, opt_out

    def say(self, consent: tuple[str, ...], opt_out: tuple[str, ...]) -> Saying | None:
        """Return what a row says: any no is a no, else any yes is a yes. A blank cell says nothing."""
        key = (consent, opt_out)
        if key not in self._memo:
            if len(self._memo) > 10_000:
                self._memo.clear()
            self._memo[key] = self._read(consent, opt_out)
        return self._memo[key]

    def _read(self, consent: tuple[str, ...], opt_out: tuple[str, ...]) -> Saying | None:
        sayings = [self._consent_cell(header, cell) for header, cell in zip(self._yes, consent, strict=True)]
        sayings += [self._opt_out_cell(header, cell) for header, cell in zip(self._no, opt_out, strict=True)]
        said = [saying for saying in sayings if saying is not None]
        for state in (ConsentState.UNSUBSCRIBED, ConsentState.PENDING, ConsentState.SUBSCRIBED):
            for saying in said:
                if saying.state is state:
                    return saying
        return None if any(cell.strip() for cell in consent) else self._given

    def _consent_cell(self, header: str, cell: str) -> Saying | None:
        word = _word(cell)
        evidence = f"{self._file}: {header} = {cell.strip()[:200]}"
        if word in CONSENT_NO:
            return Saying(ConsentState.UNSUBSCRIBED, Basis.EXPRESS, evidence)
        if word in CONSENT_IMPLIED:
            return Saying(ConsentState.SUBSCRIBED, Basis.IMPLIED, evidence)
        if word in CONSENT_YES:
            return Saying(ConsentState.SUBSCRIBED, Basis.EXPRESS, evidence)
        if word in CONSENT_PENDING:
            return Saying(ConsentState.PENDING, Basis.UNKNOWN, evidence)
        if word not in CONSENT_SILENT:
            self.unknown[f"{header}: {cell.strip()[:60]}"] += 1
        return None

    def _opt_out_cell(self, header: str, cell: str) -> Saying | None:
        """Read a column whose yes means no. Its no is not a yes: who has not left has not thereby come."""
        word = _word(cell)
        if word in CONSENT_SILENT or word in PLAIN_NO:
            return None
        # Whatever else stands there (a yes, a date, a reason) was put there for somebody who left: that is a no.
        return Saying(ConsentState.UNSUBSCRIBED, Basis.EXPRESS, f"{self._file}: {header} = {cell.strip()[:200]}")


def _word(cell: str) -> str:
    cell = cell.strip()
    return fold(cell) or (cell if cell in CONSENT_YES else "")
