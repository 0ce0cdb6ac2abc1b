"""Take in what a sign-up form collected: people who asked for mail and have not confirmed it yet. Else as contacts."""

from __future__ import annotations

from dataclasses import replace

from mailflow.importers.people.contact_pipeline import ContactPipeline
from mailflow.importers.values.consent import ConsentReader, Saying
from mailflow.importers.wording.consent_words import PLAIN_NO
from mailflow.importers.wording.words import fold
from mailflow.model import Basis, ConsentState


class SignupPipeline(ContactPipeline):
    """A `Pipeline` for sign-ups: each is pending until it is confirmed, whatever box was ticked."""

    def _consent_reader(self) -> ConsentReader:
        options = self._task.options
        return _FormReader(self._task.source.path.name, options.basis, options.evidence)


class _FormReader(ConsentReader):
    """Reads the words of a form. With `--consent` the user says that the sign-ups were confirmed elsewhere."""

    def __init__(self, file: str, basis: Basis | None, evidence: str | None) -> None:
        pending = Saying(ConsentState.PENDING, Basis.UNKNOWN, f"{file}: signed up, not confirmed yet")
        super().__init__(file, basis, evidence, pending)
        self._confirmed = basis is not None

    def _read(self, cells: tuple[str, ...]) -> Saying | None:
        saying = super()._read(cells)
        if saying is None or self._confirmed:
            return saying
        if saying.state is ConsentState.SUBSCRIBED:
            return replace(saying, state=ConsentState.PENDING, basis=Basis.UNKNOWN)
        left_blank = all(fold(cell) in PLAIN_NO or not cell.strip() for cell in cells)
        return None if saying.state is ConsentState.UNSUBSCRIBED and left_blank else saying
