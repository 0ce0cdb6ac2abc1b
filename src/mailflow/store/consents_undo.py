"""Take back what an import said about consent: by entries of its own, or as if it had never been there. The rest: undo.

The ledger is never rewritten for a finished import, and no no is ever taken back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from mailflow import clock
from mailflow.store.pace import Pace


def compensate(pace: Pace, import_id: int, now: datetime) -> int:
    """Take each yes back that still decides, by an entry that says so; return how many."""
    count = 0
    for ids in _consent_ids(pace, import_id, "state <> 'unsubscribed'"):
        with pace.transaction() as tx:
            last = tx.execute("SELECT coalesce(max(id), 0) FROM consents").fetchone()[0]
            tx.execute(
                f"""INSERT INTO consents (contact_id, channel, topic, state, basis, address, occurred_at, recorded_at,
                                         source, evidence, lifts, import_id)
                   SELECT n.contact_id, n.channel, n.topic,
                          coalesce(o.state, 'never'), coalesce(o.basis, 'unknown'), coalesce(o.address, n.address),
                          :now, :now, 'undo', 'undo of import ' || n.import_id, 1, n.import_id
                   FROM consents AS n
                   JOIN consent_states AS s
                     ON s.contact_id = n.contact_id AND s.channel = n.channel AND s.topic = n.topic
                     AND s.consent_id = n.id
                   LEFT JOIN consents AS o ON o.id = {_BEFORE.format("e.state <> 'pending'")}
                   WHERE n.id IN (SELECT value FROM json_each(:ids))""",
                {"ids": json.dumps(ids), "now": clock.to_ms(now)},
            )
            count += tx.execute("SELECT count(*) FROM consents WHERE id > ?", (last,)).fetchone()[0]
            tx.execute(
                """UPDATE consent_states SET state = n.state, basis = n.basis, since = n.occurred_at, consent_id = n.id
                   FROM consents AS n WHERE n.id > ? AND n.contact_id = consent_states.contact_id
                     AND n.channel = consent_states.channel AND n.topic = consent_states.topic""",
                (last,),
            )
    return count


def drop(pace: Pace, import_id: int) -> None:
    """Remove what an interrupted import wrote into the ledger, except a no of a contact who stays."""
    fresh = """contact_id IN (
               SELECT c.id FROM import_changes AS j JOIN contacts AS c ON c.id BETWEEN j.first_id AND j.last_id
               WHERE j.import_id = :import AND j.noun = 'contacts' AND j.before IS NULL)"""
    for ids in _consent_ids(pace, import_id, f"(state <> 'unsubscribed' OR {fresh})"):
        with pace.transaction() as tx:
            among = {"ids": json.dumps(ids)}
            tx.execute(
                """DELETE FROM consent_states WHERE consent_id IN (SELECT value FROM json_each(:ids))""",
                among,
            )
            tx.execute(
                f"""INSERT INTO consent_states (contact_id, channel, topic, state, basis, since, consent_id)
                    SELECT o.contact_id, o.channel, o.topic, o.state, o.basis, min(o.occurred_at, o.recorded_at), o.id
                    FROM consents AS n JOIN consents AS o ON o.id = {_BEFORE.format("TRUE")}
                    WHERE n.id IN (SELECT value FROM json_each(:ids)) ON CONFLICT DO NOTHING""",
                among,
            )
            tx.execute("DELETE FROM consents WHERE id IN (SELECT value FROM json_each(:ids))", among)


def _consent_ids(pace: Pace, import_id: int, condition: str) -> Iterator[Sequence[int]]:
    ids = [
        row[0]
        for row in pace.store.db.execute(
            f"SELECT id FROM consents WHERE import_id = :import AND source <> 'undo' AND {condition} ORDER BY id",
            {"import": import_id},
        )
    ]
    return pace.slices(ids)


# The entry that decided before an import's (n), which itself is no answer to a no: the last that counts and that was
# not taken back since. One that asks for a confirmation yields to any other.
_BEFORE = """(SELECT e.id FROM consents AS e LEFT JOIN imports AS i ON i.id = e.import_id
    WHERE e.contact_id = n.contact_id AND e.channel = n.channel AND e.topic = n.topic AND e.id < n.id
      AND (e.state <> 'subscribed' OR e.basis <> 'unknown') AND (e.state <> 'never' OR e.lifts) AND {}
      AND (e.state = 'unsubscribed' OR i.state IS NULL OR i.state NOT IN ('undone', 'undoing'))
    ORDER BY e.state = 'pending', e.id DESC LIMIT 1)"""
