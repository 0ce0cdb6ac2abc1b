"""Remember what cells mean: the days, prices, products and words of a column come again and again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

SIZE = 20_000


class Memo(dict[_Key, _Value]):
    """A dict that reads what it does not hold, and forgets everything when it holds too much.

    Ask it as `memo[cell]`: a cell that is known costs no call of Python. What `read` raises is not remembered. For a
    large memo, `read` should not hold whoever holds the memo: in such a cycle it stays in memory while the collector is
    paused.
    """

    def __init__(self, read: Callable[[_Key], _Value], size: int = SIZE) -> None:
        super().__init__()
        self._read = read
        self._size = size

    def __missing__(self, key: _Key) -> _Value:
        value = self._read(key)
        if len(self) >= self._size:
            self.clear()
        self[key] = value
        return value
