"""Rules that the tables of tools name, for what a table cannot say: functions over the cells of one row.

A rule reads cells and gives cells: it becomes columns of the file (shape), which later code reads like any others.
`@rule(reads=…, gives=…)` registers a function under its own name. It gets the text of each column that it `reads` (a
field such as `status`, else a header; blank where the file lacks it) and returns one text, or a tuple of texts, for the
fields that it `gives` (`total`, `attribute:tags`). It replaces what these fields had, so a rule that has nothing to
change returns what it read; a `ValueError` rejects the row with its text. A rule none of whose columns is in the file
is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass

from mailflow.importers.wording.consent_words import CONSENT_YES, PLAIN_NO
from mailflow.importers.wording.words import fold

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


@rule(reads=("CONFIRM_TIME", "OPTIN_TIME"), gives=("consent",))
def subscribed_where_they_confirmed(confirmed: str, opted_in: str) -> str:
    """Mailchimp's members whose status the file's name does not tell: who never opted in has neither of the times."""
    return "subscribed" if confirmed.strip() or opted_in.strip() else "never subscribed"


@rule(reads=("opt_out",), gives=("consent",))
def subscribed_unless_blocklisted(blocklisted: str) -> str:
    """Brevo's contacts agreed, by its terms, unless the blocklist has them."""
    return "not on the blocklist" if fold(blocklisted) in PLAIN_NO else ""


@rule(reads=("DOUBLE_OPT-IN", "OPT_IN"), gives=("consent",))
def subscribed_if_double_opt_in(double: str, single: str) -> str:
    """Brevo's contacts without a blocklist column: only an opt-in says yes. Its DOUBLE_OPT-IN is yes, no, or 1, 2."""
    return "subscribed" if fold(double) in CONSENT_YES or fold(single) in CONSENT_YES else ""


@rule(
    reads=tuple(f"E-mail {number} - {part}" for number in (1, 2, 3) for part in ("Label", "Type", "Value")),
    gives=("email", "other_emails"),
)
def google_primary_address(*cells: str) -> tuple[str, str]:
    """Google's addresses, several of them in a cell (` ::: `): the one with a `*` in its label comes first."""
    labelled = [(label or kind, value) for label, kind, value in zip(cells[::3], cells[1::3], cells[2::3], strict=True)]
    labelled.sort(key=lambda pair: not pair[0].lstrip().startswith("*"))
    first, *others = [one.strip() for _, value in labelled for one in value.split(":::") if one.strip()] or [""]
    return first, " ::: ".join(others)


@rule(reads=("birthday",), gives=("birthday",))
def no_outlook_null_birthday(birthday: str) -> str:
    """Outlook writes `0/0/00` where there is no birthday."""
    return "" if not birthday.strip(" 0/.-") else birthday


@rule(reads=("status", "reason"), gives=("suppression_reason",))
def bounce_by_its_status(status: str, reason: str) -> str:
    """SendGrid's bounces: a status 4.x.x passes, any other says that the address cannot be reached."""
    return "soft_bounce" if (status.strip() or reason.strip()).startswith("4") else "hard_bounce"


@rule(reads=("code",), gives=("suppression_reason",))
def bounce_by_its_code(code: str) -> str:
    """Mailgun's bounces: an SMTP reply 4xx passes, any other says that the address cannot be reached."""
    return "soft_bounce" if code.strip().startswith("4") else "hard_bounce"


@rule(reads=("source",), gives=("source",))
def named_source(source: str) -> str:
    """Klaviyo's source is often a number that only Klaviyo can read: that says nothing."""
    return "" if source.strip().lstrip("-").isdigit() else source
