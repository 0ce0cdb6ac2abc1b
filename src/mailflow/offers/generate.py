"""Make codes that nobody can guess and everybody can type. Whether one is taken: store/codes.py."""

from __future__ import annotations

from collections.abc import Callable

from mailflow.offers.spec import SAMPLE_PREFIX, GenerateSpec

# No vowels, so that no code is a word; nothing that looks like something else: 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U V Y.
ALPHABET = "CDFGHJKMNPRTWX34679"
_SAMPLE_LENGTH = 8

Bytes = Callable[[str], bytes]  # keyed: the same text gives the same 32 bytes, and nobody without the key knows them


def code_for(subject: str, how: GenerateSpec, keyed: Bytes, *, attempt: int = 0) -> str:
    """Return the code for a subject such as a message's token. Another `attempt` gives another one.

    A letter is 4.25 bits: the shortest code (6 letters) is one of 47 million, the usual one (8) of 17,000 million.
    """
    return how.prefix + _letters(keyed(f"{subject}\0{attempt}"), how.length)


def sample_for(subject: str, keyed: Bytes) -> str:
    """Return the code that a test, a preview or a rehearsal shows in place of a real one."""
    return SAMPLE_PREFIX + _letters(keyed(f"sample\0{subject}"), _SAMPLE_LENGTH)


def _letters(digest: bytes, length: int) -> str:
    """Return letters of the alphabet, each as likely as any other but for one part in 2**80."""
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)
