"""Who the contact of a row is now, in SQL: of one who was merged into another, that other."""

from __future__ import annotations


def person_of(column: str) -> str:
    """Return the expression for who a column of contact ids leads to; NULL stays NULL.

    One step is enough: nobody is merged into somebody who is merged themselves (store/merges).
    """
    return f"coalesce((SELECT who.merged_into FROM contacts AS who WHERE who.id = {column}), {column})"
