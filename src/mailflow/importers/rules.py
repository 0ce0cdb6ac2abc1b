"""Rules that the tables of tools name, for what a table cannot say: functions over the cells of one row.

A rule reads cells and gives cells: it becomes columns of the file (shape), which later code reads like any others.
`@rule(reads=…, gives=…)` registers a function under its own name. It gets the text of each column that it `reads` (a
field such as `status`, else a header; blank where the file lacks it) and returns one text, or a tuple of texts, for the
fields that it `gives` (`total`, `attribute:tags`). It replaces what these fields had, so a rule that has nothing to
change returns what it read. A rule none of whose columns is in the file is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass

RowFunction = Callable[..., str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule: what it reads, what it gives, and the function between."""

    name: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    read: RowFunction
    about: str


RULES: dict[str, Rule] = {}


def rule(*, reads: tuple[str, ...], gives: tuple[str, ...]) -> Callable[[RowFunction], RowFunction]:
    """Register a function as a rule of its name; its docstring says what it does."""

    def register(function: RowFunction) -> RowFunction:
        about = " ".join((function.__doc__ or "").split())
        RULES[function.__name__] = Rule(function.__name__, reads, gives, function, about)
        return function

    return register


def items(cell: str, separator: str = ",") -> list[str]:
    """Return the items of a list in a cell, quoted or not: `"Member","2025 waiver"` are two."""
    try:
        rows = list(csv.reader([cell], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return [cell.strip()]
    return [item.strip() for row in rows for item in row if item.strip()]


@rule(reads=("TAGS",), gives=("attribute:tags",))
def quoted_list_tags(tags: str) -> str:
    """Mailchimp's TAGS, `"Member","2025 waiver"` in one cell: the tags, parted by commas."""
    return ", ".join(items(tags))


@rule(reads=("email",), gives=("email", "attribute:other_emails"))
def several_emails_in_a_cell(email: str) -> tuple[str, str]:
    """Google's `a@x.example ::: b@x.example`: the first address is the one to write to, the others are kept."""
    first, *others = [one.strip() for one in email.split(":::")]
    return first, ", ".join(one for one in others if one)


@rule(reads=("phone",), gives=("phone", "attribute:other_phones"))
def several_phones_in_a_cell(phone: str) -> tuple[str, str]:
    """Google's `+47 … ::: +47 …`: the first number counts, the others are kept."""
    first, *others = [one.strip() for one in phone.split(":::")]
    return first, ", ".join(one for one in others if one)
