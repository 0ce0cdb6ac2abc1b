"""What people buy most: the category that is in most of somebody's orders. What they say they like: their topics.

An order counts once for a category, whatever it holds of it; of two the one bought later wins, then the first by name.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from mailflow import clock
from mailflow.rules.types import Context
from mailflow.store.connection import Connection

_OWN = "o.contact_id = c.id"
_PERSON = "o.contact_id IN (SELECT c.id UNION ALL SELECT w.id FROM contacts AS w WHERE w.merged_into = c.id)"
# Categories are compared as everywhere, A to Z like a to z; a variant is in those of the product it belongs to.
_CATEGORY = """(SELECT min(k.category) FROM orders AS o
    JOIN order_lines AS l ON l.order_id = o.id
    JOIN products AS p ON p.id = l.product_id
    JOIN product_categories AS k ON k.product_id IN (p.id, p.parent_id)
    WHERE {mine} AND o.status IN ('open', 'paid') AND o.placed_at < {until}
    GROUP BY k.category COLLATE NOCASE
    ORDER BY count(DISTINCT o.id) DESC, max(o.placed_at) DESC, lower(k.category) LIMIT 1)"""


def sql(until: str, *, merges: bool) -> str:
    """Return the SQL for the favourite category of `contacts AS c`; `until` is a parameter's name.

    Without `merges` no contact was ever merged into another.
    """
    return _CATEGORY.format(mine=_PERSON if merges else _OWN, until=until)


def until(context: Context) -> int:
    """Return the end of the day: an order that is dated after it has not happened yet."""
    return clock.to_ms(clock.end_of_day(clock.local_date(context.now, context.zone), context.zone))


def category(db: Connection, contact_id: int, *, until: int) -> str | None:
    """Return the favourite category of one person; None for who ordered nothing that has one."""
    return categories(db, [contact_id], until=until).get(contact_id)


def categories(db: Connection, contact_ids: Collection[int], *, until: int) -> dict[int, str]:
    """Return contact id → favourite category, of those of these contacts who have one."""
    rows = db.execute(
        f"""SELECT c.id, {sql(":until", merges=True)} AS category FROM contacts AS c
            WHERE c.id IN (SELECT value FROM json_each(:ids))""",
        {"ids": json.dumps(list(contact_ids)), "until": until},
    )
    return {row["id"]: row["category"] for row in rows if row["category"] is not None}
