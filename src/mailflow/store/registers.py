"""The registers: owners, companies and costs, one table each of things with an id. Files of them: registers_bulk."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

ROW = "row-"  # begins the key of a thing that has no id but a hash of what its row says
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Register:
    """One table of things that are unique by (source, `key`), with its columns; `attributes` holds the rest."""

    one: str  # what one of them is called
    table: str
    key: str
    columns: tuple[str, ...]


OWNERS = Register("owner", "owners", "owner_id", ("name", "email", "phone", "title"))
COMPANIES = Register(
    "company", "companies", "company_id", ("name", "name_key", "domain", "industry", "size", "country", "owner")
)
COSTS = Register("cost", "costs", "cost_id", ("spent_on", "channel", "campaign", "amount_minor", "currency", "note"))
REGISTERS = (OWNERS, COMPANIES, COSTS)


def name_key(name: str) -> str:
    """Return a name for comparison, letters and digits alone: `Acme, Inc.` and `ACME Inc` are `acmeinc`."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return _NOT_WORD.sub("", "".join(char for char in decomposed if not unicodedata.combining(char)))
