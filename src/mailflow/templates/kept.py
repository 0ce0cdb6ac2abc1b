"""What was made of texts that come again and again: links of the shop, titles of products, codes that stand twice."""

from __future__ import annotations

_MOST, _LONGEST = 4096, 512  # texts that are kept, and their characters


class Kept(dict[str, str]):
    """What a function that depends on nothing else made of texts; only what it refused none of."""

    def keep(self, text: str, made: str) -> str:
        """Keep what was made of a text, and return it."""
        if len(text) <= _LONGEST:
            if len(self) >= _MOST:  # by then most are values of one person each
                self.clear()
            self[text] = made
        return made
