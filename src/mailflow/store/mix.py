"""How many promotions are in what people got: real marketing mail of a window, accepted or perhaps arrived.

What one message may add to it is decided by policy, from the facts that candidates reads. Both count alike: by the
time that a relay took a message, for the person that a contact was merged into, and no rehearsal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from mailflow.idset import IdSet
from mailflow.store.connection import Connection

# As the index messages_mixed has it: what is read are the messages of the window, however many there were before.
_GOT = """got (contact_id, messages, promo) AS (
    SELECT coalesce(c.merged_into, c.id), count(*), sum(m.kind = 'promo')
    FROM messages AS m JOIN contacts AS c ON c.id = m.contact_id
    WHERE m.settled_at > :since AND m.settled_at <= :until
      AND m.state IN ('accepted', 'in_doubt') AND m.class = 'marketing' AND m.rehearsal = 0
    GROUP BY 1)"""


@dataclass(frozen=True, slots=True)
class Got:
    """What one person got in a window: `contact` is the stable key."""

    contact: str
    email: str | None
    messages: int
    promo: int


def counts(db: Connection, *, since: int, until: int) -> list[tuple[int, int, int]]:
    """Return (messages, promotions among them, how many people got so many) of a window (ms)."""
    rows = db.execute(
        f"WITH {_GOT} SELECT messages, promo, count(*) FROM got GROUP BY 1, 2 ORDER BY 1, 2",
        {"since": since, "until": until},
    )
    return [(row[0], row[1], row[2]) for row in rows]


def people(db: Connection, *, since: int, until: int, least: int) -> Iterator[Got]:
    """Yield who got at least so many messages in a window, the greatest share of promotions first, then the most."""
    rows = db.execute(
        f"""WITH {_GOT} SELECT c.key, c.email, g.messages, g.promo
            FROM got AS g JOIN contacts AS c ON c.id = g.contact_id
            WHERE g.messages >= :least ORDER BY 1.0 * g.promo / g.messages DESC, g.messages DESC, c.key""",
        {"since": since, "until": until, "least": least},
    )
    return (Got(row["key"], row["email"], row["messages"], row["promo"]) for row in rows)


def lifted(db: Connection, *, since: int, until: int, least: int, at_most: Decimal) -> IdSet:
    """Return who got something, and of whose `least` messages or more too many would be promotions after one more."""
    rows = db.execute(
        f"""WITH {_GOT} SELECT contact_id FROM got
            WHERE messages + 1 >= :least AND (promo + 1) * 1000000 > :millionths * (messages + 1)""",
        {"since": since, "until": until, "least": least, "millionths": int(at_most * 1_000_000)},
    )
    return IdSet(row["contact_id"] for row in rows)
