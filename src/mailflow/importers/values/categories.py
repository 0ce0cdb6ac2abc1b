"""Read cells that name the categories of a product. Their columns: words_shop; what they fill: store.products_bulk."""

from __future__ import annotations

import re
from functools import lru_cache

# A path such as `Clothing > Hoodies` is in all of its categories; a bar or semicolon parts one path from the next.
_PATHS = re.compile(r"\s*[>|;\n»]\s*")
_LISTS = re.compile(r"\s*[,>|;\n»]\s*")
_MAX_LENGTH = 200


@lru_cache(maxsize=20_000)
def categories_in(cell: str, *, commas: bool = False) -> tuple[str, ...]:
    """Return the categories that a cell names, each once. Without `commas` a comma is part of a name."""
    found = (_LISTS if commas else _PATHS).split(cell.strip())
    return tuple(dict.fromkeys(name[:_MAX_LENGTH] for part in found if (name := part.strip())))
