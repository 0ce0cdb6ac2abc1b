"""Who used what of a product and when, from its events. What that says about them: analytics/usage."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from mailflow import clock
from mailflow.store.connection import Connection

FEATURE_USED = "feature_used"


def activity(
    db: Connection, contact_ids: Sequence[int], *, since: datetime, until: datetime, without: Collection[str]
) -> list[tuple[datetime, str | None]]:
    """Return when the contacts that are one person were active and with which feature, the oldest first.

    Events whose names are in `without` are no use of a product. One with a name of the shop's own is a feature itself.
    """
    rows = db.execute(
        """SELECT occurred_at, CASE name WHEN 'feature_used' THEN properties ->> 'feature' WHEN 'logged_in' THEN NULL
                               ELSE name END AS feature
           FROM events
           WHERE contact_id IN (SELECT value FROM json_each(:ids)) AND occurred_at BETWEEN :since AND :until
             AND name NOT IN (SELECT value FROM json_each(:without))
           ORDER BY occurred_at, id""",
        {
            "ids": json.dumps(list(contact_ids)),
            "since": clock.to_ms(since),
            "until": clock.to_ms(until),
            "without": json.dumps(sorted(without)),
        },
    )
    return [(clock.from_ms(row["occurred_at"]), row["feature"]) for row in rows]


def has_any(db: Connection, contact_ids: Sequence[int], names: Collection[str]) -> bool:
    """Return whether an event with one of these names is of the contacts that are one person."""
    row = db.execute(
        """SELECT 1 FROM events WHERE name IN (SELECT value FROM json_each(:names))
             AND contact_id IN (SELECT value FROM json_each(:ids)) LIMIT 1""",
        {"names": json.dumps(sorted(names)), "ids": json.dumps(list(contact_ids))},
    ).fetchone()
    return row is not None


def last_active(
    db: Connection, contact_ids: Sequence[int], *, until: datetime, without: Collection[str]
) -> datetime | None:
    """Return when they were last active, None where never."""
    row = db.execute(
        """SELECT max(occurred_at) FROM events
           WHERE contact_id IN (SELECT value FROM json_each(:ids)) AND occurred_at <= :until
             AND name NOT IN (SELECT value FROM json_each(:without))""",
        {"ids": json.dumps(list(contact_ids)), "until": clock.to_ms(until), "without": json.dumps(sorted(without))},
    ).fetchone()
    return None if row[0] is None else clock.from_ms(row[0])


def features(db: Connection) -> list[str]:
    """Return every feature that anybody used, by name: an index is stepped through, however many events there are."""
    rows = db.execute(
        """WITH RECURSIVE known (feature) AS (
             SELECT min(properties ->> 'feature') FROM events WHERE name = 'feature_used'
             UNION ALL
             SELECT (SELECT min(e.properties ->> 'feature') FROM events AS e
                     WHERE e.name = 'feature_used' AND e.properties ->> 'feature' > k.feature)
             FROM known AS k WHERE k.feature IS NOT NULL)
           SELECT feature FROM known WHERE feature IS NOT NULL"""
    )
    return [str(row["feature"]) for row in rows]
