"""Append what a file says about consent to the ledger. One entry: consents; the rule of both: policy.takes_effect.

A no is taken always, a yes never after a no, and what is already known is not said twice.
"""

from __future__ import annotations

from typing import Any

from mailflow.store import aliases
from mailflow.store.connection import Connection
from mailflow.store.contacts_bulk import CONTACT_OF, known_slices
from mailflow.store.pace import Pace

# A yes needs a basis that is known and an address to be for.
_COUNTS = "m.consent IS NOT NULL AND (m.consent <> 'subscribed' OR (m.basis <> 'unknown' AND m.email IS NOT NULL))"
# What the ledger says now (s; n is the entry that decided it) says which sayings of the file (m) are news.
_IS_NEWS = """CASE m.consent
  WHEN 'unsubscribed' THEN s.state IS NOT 'unsubscribed' OR n.source = 'merge' -- which goes when they are parted
  WHEN 'subscribed' THEN (
    s.state IS NULL OR s.state IN ('never', 'pending')
    OR (s.state = 'subscribed' AND CASE WHEN lower(n.address) IS lower(m.email)
        THEN instr('implied purchase express', m.basis) > instr('implied purchase express', s.basis)
        ELSE m.email_is_new  -- else the yes for the address that is written to stands
          OR lower(n.address) IS NOT (SELECT lower(email) FROM main.contacts WHERE id = -m.target) END))
  WHEN 'pending' THEN s.state IS NULL OR s.state = 'never'
  ELSE 0 END"""
_KNOWN = """LEFT JOIN main.consent_states AS s ON s.contact_id = -m.target AND s.channel = 'email' AND s.topic = ''
  LEFT JOIN main.consents AS n ON n.id = s.consent_id"""


def compare(db: Connection) -> int:
    """Collect what is news into stage.sayings, opt-outs first; return how many a yes meets an earlier no."""
    if aliases.there_are(db):
        aliases.spread_noes(db)
    db.execute("CREATE TABLE stage.news (target INTEGER PRIMARY KEY, is_no INTEGER)")
    db.execute("CREATE TABLE stage.sayings (rank INTEGER PRIMARY KEY, target INTEGER UNIQUE, is_no INTEGER)")
    db.execute(f"INSERT INTO stage.news SELECT target, 0 FROM stage.merged AS m WHERE m.target > 0 AND {_COUNTS}")
    refused = 0
    for targets in known_slices(db):
        db.execute(
            f"""INSERT INTO stage.news SELECT m.target, m.consent = 'unsubscribed' FROM stage.merged AS m {_KNOWN}
                WHERE m.target BETWEEN :least AND :most AND {_COUNTS} AND {_IS_NEWS}""",
            targets,
        )
        refused += db.execute(
            f"""SELECT count(*) FROM stage.merged AS m {_KNOWN}
                WHERE m.target BETWEEN :least AND :most AND m.consent = 'subscribed' AND s.state = 'unsubscribed'""",
            targets,
        ).fetchone()[0]
    db.execute(
        "INSERT INTO stage.sayings (target, is_no) SELECT target, is_no FROM stage.news ORDER BY is_no DESC, target"
    )
    return refused


def differences(db: Connection, limit: int) -> list[dict[str, Any]]:
    """Return a sample of the known contacts whose consent would change, `{line, contact, field, old, new}`."""
    rows = db.execute(
        f"""SELECT d.line, coalesce(c.email, m.email) AS contact, coalesce(s.state, 'never') AS old, m.consent AS new
            FROM stage.sayings AS y JOIN stage.merged AS m ON m.target = y.target JOIN stage.cards AS d ON d.n = m.n
            JOIN main.contacts AS c ON c.id = -m.target {_KNOWN}
            WHERE y.target < 0 AND s.state IS NOT m.consent ORDER BY y.rank LIMIT ?""",
        (limit,),
    )
    return [{"line": row["line"], "contact": row["contact"], "field": "consent", "old": row["old"], "new": row["new"]}
            for row in rows]  # fmt: skip


def changed_contacts(db: Connection) -> int:
    """Return how many known contacts change in nothing but their consent."""
    row = db.execute(
        """SELECT count(*) FROM stage.sayings AS y JOIN stage.merged AS m ON m.target = y.target
           WHERE y.target < 0 AND m.cards > 0 AND m.changed & 3 = 0"""
    ).fetchone()
    return int(row[0])


def marked_contacts(db: Connection) -> int:
    """Return how many known contacts change in nothing but a topic or a suppression of their address."""
    row = db.execute(
        """SELECT count(*) FROM stage.merged WHERE target < 0 AND changed & 3 = 0 AND changed & 12
             AND target NOT IN (SELECT target FROM stage.sayings)"""
    ).fetchone()
    return int(row[0])


def append(pace: Pace, import_id: int, source: str, now_ms: int, *, opt_outs_of_known: bool) -> None:
    """Write the sayings: the opt-outs of contacts we knew, or all the others (whose contacts must exist by now)."""
    row = pace.store.db.execute(
        "SELECT min(rank) AS first, max(rank) AS last FROM stage.sayings WHERE is_no = ?", (int(opt_outs_of_known),)
    ).fetchone()
    first = row["first"] or 0
    while row["last"] is not None and first <= row["last"]:
        last = min(row["last"], first + pace.rows - 1)
        with pace.transaction() as tx:
            _append_slice(tx, {"import": import_id, "source": source, "now": now_ms, "first": first, "last": last})
        first = last + 1


def _append_slice(tx: Connection, parameters: dict[str, int | str]) -> None:
    # The state is read again here: somebody may have said no on the web since the file was compared.
    known = last_entry(tx)
    contact = CONTACT_OF.format("y.target")
    tx.execute(
        f"""INSERT INTO main.consents (contact_id, channel, topic, state, basis, address, occurred_at, recorded_at,
                                       source, wording, evidence, import_id)
            SELECT {contact}, 'email', '', m.consent, m.basis, m.email, coalesce(m.consent_at, :now), :now,
                   coalesce(m.consent_source, :source), m.wording, m.evidence, :import
            FROM stage.sayings AS y JOIN stage.merged AS m ON m.target = y.target
            WHERE y.rank BETWEEN :first AND :last
              AND (m.consent = 'unsubscribed' OR NOT EXISTS (
                SELECT 1 FROM main.consent_states AS s
                WHERE s.contact_id = {contact} AND s.channel = 'email' AND s.topic = ''
                  AND (s.state = 'unsubscribed' OR (s.state = 'subscribed' AND m.consent = 'pending'))))
            ORDER BY y.rank""",
        parameters,
    )
    settle(tx, known)


def last_entry(tx: Connection) -> int:
    """Return the id of the latest entry of the ledger, 0 for none."""
    return int(tx.execute("SELECT coalesce(max(id), 0) FROM main.consents").fetchone()[0])


def settle(tx: Connection, known: int) -> None:
    """Let every entry after `known` decide the state of its contact and topic."""
    tx.execute(
        """INSERT INTO main.consent_states (contact_id, channel, topic, state, basis, since, consent_id)
           SELECT contact_id, channel, topic, state, basis, min(occurred_at, recorded_at), id
           FROM main.consents WHERE id > ? AND TRUE
           ON CONFLICT (contact_id, channel, topic) DO UPDATE SET
             since = iif(state = excluded.state, since, excluded.since),
             state = excluded.state, basis = excluded.basis, consent_id = excluded.consent_id""",
        (known,),
    )
