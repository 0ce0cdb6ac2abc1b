"""The further addresses of people in a staged file: whose they are, and what somebody said under one of them.

A file that says several addresses belong to one person makes them one where they are new or known to one contact. Two
contacts stay two (merging them is proposed elsewhere), but a no under any of the addresses is a no of them all.
"""

from __future__ import annotations

from mailflow.store.connection import Connection

# The contact (as a target) who has a further address of a card.
_OWNERS = """stage.aliases AS a CROSS JOIN main.identities AS i CROSS JOIN main.contacts AS c
  WHERE i.kind = 'email' AND i.source = '' AND i.value = a.email_key AND c.id = i.contact_id"""
_SAID_NO = """EXISTS (SELECT 1 FROM main.consent_states AS s
  WHERE s.contact_id = -{0} AND s.channel = 'email' AND s.topic = '' AND s.state = 'unsubscribed')"""


def there_are(db: Connection) -> bool:
    """Return whether any card has a further address; most files have none and pay nothing."""
    return db.execute("SELECT 1 FROM stage.aliases LIMIT 1").fetchone() is not None


def look_up(db: Connection) -> None:
    """Give people whom nothing else tells the contact who has one of their further addresses."""
    db.execute(
        f"""UPDATE stage.people AS q SET target = o.target
            FROM (SELECT a.n, max(-coalesce(c.merged_into, c.id)) AS target FROM {_OWNERS} GROUP BY a.n) AS o
            WHERE q.p = o.n AND q.target > 0"""
    )


def spread(db: Connection) -> int:
    """Let people of a file who share an address, whoever of them has it first, be one; return how many changed."""
    return db.execute(
        """UPDATE stage.people AS q SET target = s.least
           FROM (SELECT p, min(target) AS least FROM (
                   SELECT a.n AS p, o.target FROM stage.aliases AS a JOIN stage.people AS o ON o.email_key = a.email_key
                   UNION ALL
                   SELECT o.p, w.target FROM stage.aliases AS a JOIN stage.people AS o ON o.email_key = a.email_key
                     JOIN stage.people AS w ON w.p = a.n
                   UNION ALL
                   SELECT a.n, w.target FROM stage.aliases AS a JOIN stage.aliases AS b ON b.email_key = a.email_key
                     JOIN stage.people AS w ON w.p = b.n
                 ) GROUP BY p) AS s
           WHERE q.p = s.p AND q.target > 0 AND q.target > s.least"""
    ).rowcount


def find_new(db: Connection) -> None:
    """Collect into stage.found the further addresses that nobody has yet, in the file or before it."""
    db.execute(
        """INSERT INTO stage.found (kind, source, value, target)
           SELECT 'email', '', a.email_key, min(p.target) FROM stage.aliases AS a JOIN stage.people AS p ON p.p = a.n
           WHERE NOT EXISTS (SELECT 1 FROM main.identities AS i
                             WHERE i.kind = 'email' AND i.source = '' AND i.value = a.email_key)
             AND a.email_key NOT IN (SELECT email_key FROM stage.people)
           GROUP BY a.email_key"""
    )


def keep_agreed_addresses(db: Connection) -> None:
    """Leave the address that a contact agreed to be mailed at, where a file that says no yes puts another one first."""
    db.execute(
        """UPDATE stage.merged SET email_is_new = 0
           WHERE target < 0 AND email_is_new AND consent IS NOT 'subscribed'
             AND target IN (SELECT p.target FROM stage.aliases AS a JOIN stage.people AS p ON p.p = a.n)
             AND EXISTS (SELECT 1 FROM main.consent_states AS s
                         WHERE s.contact_id = -merged.target AND s.channel = 'email' AND s.topic = ''
                           AND s.state = 'subscribed')"""
    )


def spread_noes(db: Connection) -> None:
    """Let a no of one of two contacts whom a file says to be one person be a no of both."""
    db.execute(
        f"""CREATE TABLE stage.kin AS
            SELECT DISTINCT p.target AS one, -coalesce(c.merged_into, c.id) AS other
            FROM {_OWNERS.replace("WHERE", "CROSS JOIN stage.people AS p WHERE p.p = a.n AND", 1)}
              AND p.target <> -coalesce(c.merged_into, c.id)"""
    )
    db.execute(
        f"""UPDATE stage.merged SET {_NO}
            WHERE consent IS NOT 'unsubscribed'
              AND target IN (SELECT one FROM stage.kin WHERE {_SAID_NO.format("other")})"""
    )
    db.execute(
        f"""INSERT INTO stage.merged (target, cards, mixed, email, consent, basis, evidence)
            SELECT DISTINCT k.other, 0, 0, (SELECT email FROM main.contacts WHERE id = -k.other), {_ITS_VALUES}
            FROM stage.kin AS k
            WHERE (one < 0 AND {_SAID_NO.format("one")})
              OR one IN (SELECT target FROM stage.merged WHERE consent = 'unsubscribed')
            ON CONFLICT (target) DO UPDATE SET {_NO} WHERE consent IS NOT 'unsubscribed'"""
    )


_ITS_VALUES = "'unsubscribed', 'express', 'said no under another of their addresses'"
_NO = f"""(consent, basis, evidence) = ({_ITS_VALUES}),
  consent_at = NULL, consent_source = NULL, wording = NULL"""
