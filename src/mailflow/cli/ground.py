"""On what ground people agreed, as the options of `import` and `contact subscribe` say it: model.Basis, but unknown."""

from __future__ import annotations

from enum import StrEnum

from mailflow.model import Basis


class Ground(StrEnum):
    """The bases that count as consent; `unknown` cannot be said here."""

    EXPRESS = Basis.EXPRESS.value
    IMPLIED = Basis.IMPLIED.value
    PURCHASE = Basis.PURCHASE.value
