"""Find out who the cards of a staged file are: contacts we know, or people who are new. Read-only on the database.

The rule: by e-mail, else by customer id, else (where a row has neither) by phone. A customer id that is written like a
name tells nobody apart from a namesake, so it matches only rows without an e-mail.

A *target* is a contact id as a negative number, or for somebody new the number of their first card.
"""

from __future__ import annotations

from mailflow.store import aliases
from mailflow.store.connection import Connection
from mailflow.store.contacts import CUSTOMER_ID, EMAIL, PHONE

_SLICE = 20_000  # rows compared in one statement: while it reads, the web door cannot write

# Who each card is of; `p` is the number of the card. `named`: the customer id is written like a name; `met`: a contact
# has the e-mail address already.
_PEOPLE = """
CREATE TABLE stage.people (
  p INTEGER PRIMARY KEY, email_key TEXT, customer_id TEXT, phone_key TEXT, target INTEGER, named INTEGER,
  met INTEGER NOT NULL DEFAULT 0
)"""
# The same the other way round: who has these keys.
_BUYERS = """
CREATE TABLE IF NOT EXISTS stage.buyers (
  email_key TEXT, customer_id TEXT, phone_key TEXT, target INTEGER, PRIMARY KEY (email_key, customer_id, phone_key)
) WITHOUT ROWID"""


def match_people(db: Connection, source: str) -> None:
    """Fill stage.people: the target of every card. `source` is the shop of the customer ids."""
    db.execute(_PEOPLE)
    db.execute(
        """INSERT INTO stage.people (p, email_key, customer_id, phone_key, target, named)
           SELECT n, email_key, customer_id, iif(email_key = '' AND customer_id = '', phone_key, ''), n,
                  instr(customer_id, ' ') > 0
           FROM stage.cards"""
    )
    last = int(db.execute("SELECT coalesce(max(p), 0) FROM stage.people").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        _look_up(db, source, first, first + _SLICE - 1)
    has_aliases = aliases.there_are(db)
    if has_aliases:
        aliases.look_up(db)
    _link_new(db, has_aliases=has_aliases)


def index_buyers(db: Connection) -> None:
    """Fill stage.buyers, so that the many orders of a person find them by their keys."""
    db.execute(_BUYERS)
    db.execute(
        """INSERT OR IGNORE INTO stage.buyers (email_key, customer_id, phone_key, target)
           SELECT email_key, customer_id, phone_key, target FROM stage.people ORDER BY 1, 2, 3"""
    )


def _look_up(db: Connection, source: str, first: int, last: int) -> None:
    """Give the people that the database knows their contact."""
    for kind, where, column, condition in (
        (EMAIL, "", "email_key", "email_key <> ''"),
        (CUSTOMER_ID, source, "customer_id", "customer_id <> '' AND (email_key = '' OR NOT named)"),
        (PHONE, "", "phone_key", "phone_key <> ''"),
    ):
        db.execute(
            f"""UPDATE stage.people AS q SET target = -coalesce(c.merged_into, c.id), met = met OR i.kind = 'email'
                FROM main.identities AS i CROSS JOIN main.contacts AS c
                WHERE q.p BETWEEN :first AND :last AND q.target > 0 AND {condition}
                  AND i.kind = :kind AND i.source = :source AND i.value = q.{column} AND c.id = i.contact_id""",
            {"kind": kind, "source": where, "first": first, "last": last},
        )


def _link_new(db: Connection, *, has_aliases: bool) -> None:
    """Let people of a file who share a key be one person; known ones lend their contact."""
    by_id = "customer_id <> '' AND (email_key = '' OR NOT named)"
    has_ids = db.execute(f"SELECT 1 FROM stage.people WHERE {by_id} LIMIT 1").fetchone() is not None
    while True:
        changed = _spread(db, "email_key", "email_key <> ''")
        changed += _spread(db, "customer_id", by_id) if has_ids else 0
        changed += aliases.spread(db) if has_aliases else 0
        if not changed:
            break
    _link_phones(db)


def _link_phones(db: Connection) -> None:
    """Let who is known by a phone alone be whoever of the file has that phone, when nobody in the database has."""
    if db.execute("SELECT 1 FROM stage.people WHERE phone_key <> '' AND target > 0 LIMIT 1").fetchone() is None:
        return
    db.execute("CREATE INDEX stage.cards_by_phone ON cards (phone_key) WHERE phone_key <> ''")
    db.execute(
        """UPDATE stage.people AS q SET target = coalesce(
             (SELECT min(o.target) FROM stage.cards AS c JOIN stage.people AS o ON o.p = c.n
              WHERE c.phone_key = q.phone_key AND c.phone_key <> ''), target)
           WHERE phone_key <> '' AND target > 0"""
    )


def _spread(db: Connection, column: str, condition: str) -> int:
    """Let new people with an equal key take the smallest target among them; return how many changed."""
    return db.execute(
        f"""UPDATE stage.people AS q SET target = s.least
            FROM (SELECT {column} AS value, min(target) AS least FROM stage.people WHERE {condition}
                  GROUP BY {column} HAVING min(target) < max(target)) AS s
            WHERE q.{column} = s.value AND q.target > 0 AND q.target > s.least AND ({condition})"""
    ).rowcount
