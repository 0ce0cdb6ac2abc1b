"""What rules may speak of beside fields: the events and categories there are. What a rule is: rules/."""

from __future__ import annotations

from mailflow.store.connection import Connection

# The distinct values of an index's first column, a step each instead of a look at every row.
_DISTINCT = """WITH RECURSIVE found (name) AS (
      SELECT min({column}) FROM {table}
      UNION ALL
      SELECT (SELECT min({column}) FROM {table} WHERE {column} > found.name) FROM found WHERE found.name IS NOT NULL)
    SELECT name FROM found WHERE name IS NOT NULL"""


def events(db: Connection) -> frozenset[str]:
    """Return the names of the events there are."""
    return frozenset(row["name"] for row in db.execute(_DISTINCT.format(column="name", table="events")))


def categories(db: Connection) -> frozenset[str]:
    """Return the categories that products are in."""
    return frozenset(row["name"] for row in db.execute(_DISTINCT.format(column="category", table="product_categories")))
