"""Choose who is held out: the same contact, salt and share always give the same answer, on every machine."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from fractions import Fraction

_SCALE = 1 << 64


def position(key: str, *, salt: str) -> int:
    """Return where a contact stands for this salt: uniform over 0 … 2^64 - 1, independent between salts.

    The first eight bytes of SHA-256 over the salt's and the key's lengths and texts, so that no two pairs run together.
    """
    salted = salt.encode()
    digest = hashlib.sha256(b"%d:%s%s" % (len(salted), salted, key.encode())).digest()
    return int.from_bytes(digest[:8], "big")


def holds_out(key: str, *, salt: str, share: Decimal | float) -> bool:
    """Say whether a contact is held out, where `share` (0 to 1) of all are.

    A contact that is held out at one share is held out at every larger one.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    return share > 0 and position(key, salt=salt) < Fraction(share) * _SCALE
