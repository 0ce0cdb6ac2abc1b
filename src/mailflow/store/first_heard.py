"""When we first heard of somebody: what `created_at` means in rules, exports and on a person's page.

The earliest of when their row was written, what files told of (`known_since`), their first counted order, and the same
of everybody who was merged into them. When the row itself was written is `Contact.created_at`.
"""

from __future__ import annotations

from datetime import datetime

from mailflow import clock
from mailflow.store.connection import Connection

_ROW = "min({0}.created_at, coalesce({0}.known_since, {0}.created_at))"
_ORDER = "coalesce((SELECT f.first_order_at FROM contact_facts AS f WHERE f.contact_id = {0}.id), {0}.created_at)"
_MERGED = (
    "coalesce((SELECT min(" + _ROW.format("w") + ") FROM contacts AS w WHERE w.merged_into = {0}.id), {0}.created_at)"
)


def sql(alias: str, *, merges: bool = True) -> str:
    """Return the SQL for it, in milliseconds, of contacts with this alias.

    Without `merges` no contact was ever merged into another.
    """
    parts = [_ROW, _ORDER, *([_MERGED] if merges else [])]
    return f"min({', '.join(part.format(alias) for part in parts)})"


def of_contact(db: Connection, contact_id: int) -> datetime | None:
    """Return when we first heard of one person; None for an id that is unknown."""
    row = db.execute(f"SELECT {sql('c')} AS at FROM contacts AS c WHERE c.id = ?", (contact_id,)).fetchone()
    return None if row is None else clock.from_ms(row["at"])
