"""What rules may speak of beside fields: events, categories, products and campaigns. What a rule is: rules/.

Of products there may be a hundred thousand: they are looked through only for a name that is not one of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from mailflow.store.connection import Connection

_ALIKE = 0.8  # how much alike two names must be for one to be a slip of the pen
_SHORTEST = 4  # letters of a name that can be told from a slip of another
# The distinct values of an index's first column, a step each instead of a look at every row.
_DISTINCT = """WITH RECURSIVE found (name) AS (
      SELECT min({column}) FROM {table}
      UNION ALL
      SELECT (SELECT min({column}) FROM {table} WHERE {column} > found.name) FROM found WHERE found.name IS NOT NULL)
    SELECT name FROM found WHERE name IS NOT NULL"""
_PRODUCT = """SELECT EXISTS (SELECT 1 FROM products WHERE product_id = :word COLLATE NOCASE
    OR sku = :word COLLATE NOCASE OR title = :word COLLATE NOCASE)"""
# Two slips leave one of three parts of a word as it was.
_PRODUCTS = " UNION ALL ".join(
    f"""SELECT {name} AS name FROM products WHERE length({name}) BETWEEN :least AND :most
        AND (instr(lower({name}), :first) OR instr(lower({name}), :second) OR instr(lower({name}), :third))"""
    for name in ("product_id", "sku", "title")
)
_IN_EVENTS = """SELECT EXISTS (SELECT 1 FROM events
    WHERE instr(lower(properties), lower(:word)))"""
_OLD_CAMPAIGNS = """SELECT DISTINCT properties ->> '$.campaign' AS name FROM events
    WHERE name IN ('delivered', 'opened', 'clicked') AND properties ->> '$.campaign' IS NOT NULL"""


def events(db: Connection) -> frozenset[str]:
    """Return the names of the events there are."""
    return frozenset(row["name"] for row in db.execute(_DISTINCT.format(column="name", table="events")))


def categories(db: Connection) -> frozenset[str]:
    """Return the categories that products are in."""
    return frozenset(row["name"] for row in db.execute(_DISTINCT.format(column="category", table="product_categories")))


def product_meant(db: Connection, word: str) -> str | None:
    """Return the one product that was probably meant by a name that nothing has; else None.

    Names are ids, SKUs and titles. What an event names is no slip, be it in no list of products.
    """
    if len(word) < _SHORTEST or db.execute(_PRODUCT, {"word": word}).fetchone()[0]:
        return None
    third = -(-len(word) // 3)
    parts = [word.lower()[start : start + third] for start in (0, third, 2 * third)]
    asked = {
        "least": int(len(word) * _ALIKE) - 1, "most": int(len(word) / _ALIKE) + 1,
        "first": parts[0], "second": parts[1] or parts[0], "third": parts[2] or parts[0],
    }  # fmt: skip
    meant = only_one_like(word, (row["name"] for row in db.execute(_PRODUCTS, asked)))
    return None if meant is None or _named_by_event(db, word) else meant


def campaign_meant(db: Connection, word: str, files: Collection[str] = ()) -> str | None:
    """Return the one campaign or flow that was probably meant by a name that none has; else None.

    Known are those that mail was planned for, `files` that are there, and what an old tool's events name.
    """
    scopes = (row["name"] for row in db.execute(_DISTINCT.format(column="scope", table="messages")))
    ours = {scope.partition(":")[2] for scope in scopes if scope.startswith(("campaign:", "flow:"))}
    if len(word) < _SHORTEST or _knows({*ours, *files}, word):
        return None
    olds = {str(row["name"]) for row in db.execute(_OLD_CAMPAIGNS)}
    return None if _knows(olds, word) else only_one_like(word, {*ours, *files, *olds})


def only_one_like(word: str, names: Iterable[str]) -> str | None:
    """Return the only one of some names that is nearly the same as a word; names that differ in a digit are others."""
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(word.lower())
    digits = _digits(word)
    found: dict[str, str] = {}
    for name in names:
        matcher.set_seq1(name.lower())
        if digits == _digits(name) and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE:
            found[name.lower()] = name
    return next(iter(found.values())) if len(found) == 1 else None


def _knows(names: Collection[str], word: str) -> bool:
    return word.lower() in {name.lower() for name in names}


def _digits(name: str) -> list[str]:
    return [letter for letter in name if letter.isdigit()]


def _named_by_event(db: Connection, word: str) -> bool:
    return bool(db.execute(_IN_EVENTS, {"word": word}).fetchone()[0])
