"""What people care about, by categories of what they bought and links they followed; which articles they got."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from mailflow.store.connection import Connection
from mailflow.store.frames import COUNTED

_PEOPLE = """people (id, root) AS (
    SELECT id, coalesce(merged_into, id) FROM contacts WHERE id IN (SELECT value FROM json_each(:ids))
    UNION SELECT id, merged_into FROM contacts WHERE merged_into IN (SELECT value FROM json_each(:ids)))"""


def categories(db: Connection, contact_ids: Collection[int], *, until: int) -> list[tuple[int, str, int]]:
    """Return (contact, category, how many products of it they bought before `until`)."""
    rows = db.execute(
        f"""WITH {_PEOPLE}, goods (root, product_id) AS (
              SELECT DISTINCT p.root, coalesce(g.parent_id, g.id)
              FROM people AS p JOIN orders AS o ON o.contact_id = p.id JOIN order_lines AS l ON l.order_id = o.id
                JOIN products AS g ON g.id = l.product_id
              WHERE o.status IN {COUNTED} AND o.placed_at < :until AND l.quantity > 0)
            SELECT b.root, k.category, count(*) AS products
            FROM goods AS b JOIN product_categories AS k ON k.product_id = b.product_id GROUP BY 1, 2""",
        {"ids": json.dumps(list(contact_ids)), "until": until},
    )
    return [(row["root"], row["category"], row["products"]) for row in rows]


def links(db: Connection, contact_ids: Collection[int], *, until: int) -> list[tuple[int, str]]:
    """Return (contact, URL) of the links they followed and the pages they looked at; not what machines did."""
    rows = db.execute(
        f"""WITH {_PEOPLE}
            SELECT DISTINCT p.root, e.properties ->> 'url' AS url
            FROM people AS p JOIN events AS e ON e.contact_id = p.id
            WHERE e.name IN ('clicked', 'page_viewed') AND e.occurred_at <= :until AND url IS NOT NULL
              AND coalesce(json_extract(e.properties, '$.machine'), 0) = 0""",
        {"ids": json.dumps(list(contact_ids)), "until": until},
    )
    return [(row["root"], str(row["url"])) for row in rows]


def shown(db: Connection, contact_ids: Collection[int], *, rehearsal: bool) -> list[tuple[int, str]]:
    """Return (contact, URL) of the articles in messages that went or may still go: rehearsed ones, or real ones."""
    rows = db.execute(
        f"""WITH {_PEOPLE}
            SELECT DISTINCT p.root, s.url FROM people AS p JOIN articles_shown AS s ON s.contact_id = p.id
              JOIN messages AS m ON m.id = s.message_id
            WHERE m.rehearsal = :rehearsal
              AND m.state NOT IN ('skipped', 'failed', 'expired', 'cancelled', 'held_out')""",
        {"ids": json.dumps(list(contact_ids)), "rehearsal": int(rehearsal)},
    )
    return [(row["root"], row["url"]) for row in rows]


def note(tx: Connection, rows: Iterable[tuple[str, int]]) -> None:
    """Record (URL, message): which articles a message has. It is forgotten with bytes that are thrown away."""
    tx.executemany(
        "INSERT OR IGNORE INTO articles_shown (contact_id, url, message_id) SELECT contact_id, ?, id FROM messages"
        " WHERE id = ?",
        rows,
    )
