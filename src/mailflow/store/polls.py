"""Polls: who was asked in which message, and whose answer counts. Answers are events; taking them: tracking/polls.

A person is a contact with everybody who was merged into them; of several answers the last one counts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mailflow.store.connection import Connection

ANSWERED = "poll_answered"

_PERSON = "coalesce(c.merged_into, c.id)"
# The answer of each person that counts at an instant.
_COUNTED = f"""SELECT {_PERSON} AS person, e.properties ->> '$.poll' AS poll, e.properties ->> '$.answer' AS answer,
      row_number() OVER (PARTITION BY {_PERSON}, e.properties ->> '$.poll' ORDER BY e.occurred_at DESC, e.id DESC)
      AS place
    FROM events AS e JOIN contacts AS c ON c.id = e.contact_id WHERE e.name = '{ANSWERED}'"""
_SENT = "m.state IN ('accepted', 'assumed_sent') AND NOT m.rehearsal AND substr(m.scope, 1, 5) <> 'test:'"


@dataclass(frozen=True, slots=True)
class Asked:
    """The message that a link stood in: whose it is now, and whether it went out in earnest."""

    message_id: int
    contact_id: int
    scope: str
    is_rehearsal: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """One poll in numbers of people: who was asked, who of them answered, and all whose answer counts, by its key."""

    asked: int
    asked_and_answered: int
    answers: Mapping[str, int]


def note_asked(tx: Connection, rows: Iterable[tuple[str, int]]) -> None:
    """Note which polls stand in which messages: (poll, message id) each."""
    tx.executemany("INSERT OR IGNORE INTO polls_asked (poll, message_id) VALUES (?, ?)", rows)


def asked_in(db: Connection, token: str) -> Asked | None:
    """Return the message of a token, or None."""
    row = db.execute(
        f"""SELECT m.id, m.scope, m.rehearsal, {_PERSON} AS person FROM messages AS m
            JOIN contacts AS c ON c.id = m.contact_id WHERE m.token = ?""",
        (token,),
    ).fetchone()
    return None if row is None else Asked(row["id"], row["person"], row["scope"], bool(row["rehearsal"]))


def answer_at(db: Connection, contact_id: int, poll: str, *, at: int) -> str | None:
    """Return the answer of a person that counted at an instant (ms), its key."""
    row = db.execute(
        f"""SELECT e.properties ->> '$.answer' AS answer FROM events AS e
            WHERE e.name = '{ANSWERED}' AND e.properties ->> '$.poll' = :poll AND e.occurred_at <= :at
              AND e.contact_id IN (SELECT id FROM contacts WHERE id = :person OR merged_into = :person)
            ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1""",
        {"poll": poll, "person": contact_id, "at": at},
    ).fetchone()
    return None if row is None or row["answer"] is None else str(row["answer"])


def is_last(db: Connection, contact_id: int, poll: str, *, at: int) -> bool:
    """Say whether a person has given no answer after an instant (ms)."""
    later = db.execute(
        f"""SELECT EXISTS (SELECT 1 FROM events AS e
            WHERE e.name = '{ANSWERED}' AND e.properties ->> '$.poll' = :poll AND e.occurred_at > :at
              AND e.contact_id IN (SELECT id FROM contacts WHERE id = :person OR merged_into = :person))""",
        {"poll": poll, "person": contact_id, "at": at},
    ).fetchone()
    return not later[0]


def answers_of(db: Connection, contact_ids: Collection[int], polls: Collection[str]) -> dict[int, dict[str, str]]:
    """Return contact id → name of a poll → key of their answer that counts, of those who answered."""
    rows = db.execute(
        f"""SELECT person, poll, answer FROM ({_COUNTED}
              AND e.contact_id IN (SELECT id FROM contacts WHERE id IN (SELECT value FROM json_each(:ids))
                UNION ALL SELECT id FROM contacts
                WHERE merged_into IS NOT NULL AND merged_into IN (SELECT value FROM json_each(:ids)))
              AND e.properties ->> '$.poll' IN (SELECT value FROM json_each(:polls)))
            WHERE place = 1 AND answer IS NOT NULL""",
        {"ids": json.dumps(list(contact_ids)), "polls": json.dumps(list(polls))},
    )
    found: dict[int, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["person"], {})[row["poll"]] = str(row["answer"])
    return found


def names(db: Connection) -> list[str]:
    """Return the polls that somebody was asked or answered."""
    rows = db.execute(
        f"""SELECT poll AS name FROM polls_asked
            UNION SELECT properties ->> '$.poll' FROM events WHERE name = '{ANSWERED}' ORDER BY 1"""
    )
    return [str(row["name"]) for row in rows if row["name"] is not None]


def tally(db: Connection, poll: str, *, until: int | None) -> Tally:
    """Count a poll; answers from `until` on (ms) came too late. Tests and rehearsals asked nobody."""
    asked = f"""SELECT {_PERSON} AS person FROM polls_asked AS a JOIN messages AS m ON m.id = a.message_id
        JOIN contacts AS c ON c.id = m.contact_id WHERE a.poll = :poll AND {_SENT}"""
    counted = f"""SELECT person, answer FROM ({_COUNTED} AND e.properties ->> '$.poll' = :poll
        AND (:until IS NULL OR e.occurred_at < :until)) WHERE place = 1 AND answer IS NOT NULL"""
    parameters = {"poll": poll, "until": until}
    row = db.execute(
        f"""WITH asked (person) AS ({asked}), counted (person, answer) AS ({counted})
            SELECT (SELECT count(DISTINCT person) FROM asked) AS asked,
                   (SELECT count(*) FROM counted WHERE person IN (SELECT person FROM asked)) AS both""",
        parameters,
    ).fetchone()
    answers = db.execute(f"SELECT answer, count(*) AS people FROM ({counted}) GROUP BY answer", parameters)
    return Tally(row["asked"], row["both"], {str(each["answer"]): each["people"] for each in answers})
