"""What people buy most: the category that is in most of somebody's orders. What they say they like: their topics.

An order counts once for a category, whatever it holds of it; of two the one bought later wins, then the first by name.
Found here for a few people from their orders. Of everybody it is kept, as scoring/favourites.py finds it; those whom
something came about since then are looked at anew, so that the kept ones are never out of date.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from mailflow import clock
from mailflow.rules.types import Context
from mailflow.store import contacts, marks, scores
from mailflow.store.changed import Changes
from mailflow.store.connection import Connection
from mailflow.store.marks import Mark

FAVOURITES = "favourites"  # the name of its runs
VERSION = 1  # goes up when the same data give others
UNTIL = "until"  # among the inputs of a run: from when on no order counted
# One person in so many may be looked at anew, before the kept ones are of no use.
_SHARE, _FEWEST = 200, 50

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


@dataclass(frozen=True, slots=True)
class Standing:
    """The kept favourites as of an instant hold for everybody but these contacts."""

    run_id: int
    but: frozenset[int]


def standing(db: Connection, *, until: int) -> Standing | None:
    """Say for whom the kept favourites hold, without orders from `until` on; None where they are of little use."""
    run = scores.latest(db, FAVOURITES)
    if run is None or run.version != VERSION:
        return None
    most = max(_FEWEST, contacts.highest_id(db) // _SHARE)
    changed = Changes(db, {Mark.PEOPLE: marks.people(db)}, most=most).since(run.inputs, [Mark.PEOPLE])
    if changed is None or changed.goods:
        return None
    people = changed.people
    if until != run.inputs[UNTIL]:
        rows = db.execute(_LATE, {"since": min(until, run.inputs[UNTIL]), "most": most + 1})
        people |= {row[0] for row in rows}
    return Standing(run.id, people) if len(people) <= most else None


# The kept favourite of `contacts AS c`.
KEPT = "(SELECT v.category FROM contact_favourites AS v WHERE v.contact_id = c.id)"
# Who has an order that counted then and does not now, or the other way round.
_LATE = "SELECT contact_id FROM main.contact_facts WHERE last_order_at >= :since LIMIT :most"


def kept(db: Connection) -> Iterator[tuple[int, str]]:
    """Yield the kept favourites, ascending by contact."""
    cursor = db.cursor()
    cursor.row_factory = None
    yield from cursor.execute("SELECT contact_id, category FROM contact_favourites ORDER BY contact_id")


def is_ours(db: Connection, run_id: int) -> bool:
    """Say whether no later run has begun, which then writes what this one would."""
    row = db.execute("SELECT max(id) FROM score_runs WHERE name = ?", (FAVOURITES,)).fetchone()
    return bool(row[0] == run_id)


def put(tx: Connection, rows: Iterable[tuple[int, str | None]]) -> None:
    """Keep the favourites of contacts; None for who has none."""
    known = list(rows)
    without = ((contact_id,) for contact_id, category in known if category is None)
    tx.executemany("DELETE FROM contact_favourites WHERE contact_id = ?", without)
    tx.executemany(
        """INSERT INTO contact_favourites (contact_id, category) VALUES (?, ?)
           ON CONFLICT (contact_id) DO UPDATE SET category = excluded.category""",
        (row for row in known if row[1] is not None),
    )


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
            WHERE c.merged_into IS NULL AND c.id IN (SELECT value FROM json_each(:ids))""",
        {"ids": json.dumps(list(contact_ids)), "until": until},
    )
    return {row["id"]: row["category"] for row in rows if row["category"] is not None}
