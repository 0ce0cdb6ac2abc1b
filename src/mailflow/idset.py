"""A set of contacts, a bit for each: a million people take an eighth of a megabyte, a set of numbers takes ninety."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set


class IdSet(Set[int]):
    """Ids of rows, which are numbered from one: it takes as many bits as the highest of them."""

    __slots__ = ("_bits", "_count")

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._bits = bytearray()
        self._count = 0
        for number in ids:
            self.add(number)

    def add(self, number: int) -> None:
        """Put an id in; one that is in already stays."""
        byte, bit = number >> 3, 1 << (number & 7)
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1 - len(self._bits) + len(self._bits) // 4))
        if not self._bits[byte] & bit:
            self._bits[byte] |= bit
            self._count += 1

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int) or number < 0:
            return False
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] >> (number & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        """Yield the ids, ascending."""
        for byte, bits in enumerate(self._bits):
            if bits:
                yield from (byte * 8 + bit for bit in range(8) if bits >> bit & 1)

    def __len__(self) -> int:
        return self._count
