"""Append what a file says about single topics to the ledger: the lists of an old tool. All marketing: consents_bulk.

A topic that somebody left is a no to that topic alone. Whoever said no to everything gets no topic back by a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mailflow.model import ConsentState
from mailflow.store import consents_bulk
from mailflow.store.connection import Connection
from mailflow.store.contacts_bulk import CONTACT_OF
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging

_SLICE = 20_000  # rows compared in one statement: while it reads, the web door cannot write
_TABLES = """
CREATE TABLE IF NOT EXISTS stage.topics (n INTEGER, topic TEXT, state TEXT, evidence TEXT, at INTEGER);
CREATE TABLE IF NOT EXISTS stage.topic_news (
  rank INTEGER PRIMARY KEY, target INTEGER, topic TEXT, state TEXT, n INTEGER, evidence TEXT, at INTEGER
)"""
# Nothing new: the topic was left already (by more than a merge, whose no goes when people are parted), or it is a yes
# after any word about it or a no to everything.
_KNOWN = """target < 0 AND EXISTS (
  SELECT 1 FROM main.consent_states AS s WHERE s.contact_id = -topic_news.target AND s.channel = 'email' AND (
    (s.topic = topic_news.topic AND ((s.state = 'unsubscribed' AND (topic_news.state = 'subscribed'
        OR (SELECT n.source FROM main.consents AS n WHERE n.id = s.consent_id) <> 'merge'))
      OR (s.state = 'subscribed' AND topic_news.state = 'subscribed')))
    OR (s.topic = '' AND s.state = 'unsubscribed' AND topic_news.state = 'subscribed')))"""


class TopicSaying(NamedTuple):
    """What a card says about one topic, when (in ms), and in which words."""

    n: int
    topic: str
    state: ConsentState
    evidence: str
    at: int | None


def stage(staging: Staging, sayings: Iterable[TopicSaying]) -> None:
    """Keep what cards say about topics."""
    prepare(staging.db)
    staging.db.executemany("INSERT INTO stage.topics (n, topic, state, evidence, at) VALUES (?, ?, ?, ?, ?)", sayings)


def compare(db: Connection) -> int:
    """Collect what is news into stage.topic_news; return how many known contacts it is about. After contacts_bulk."""
    prepare(db)
    # Of what several cards say a no counts: the word `unsubscribed` is behind `subscribed`.
    db.execute(
        """INSERT INTO stage.topic_news (target, topic, state, n, evidence, at)
           SELECT p.target, t.topic, max(t.state), min(t.n), max(t.evidence), max(t.at)
           FROM stage.topics AS t JOIN stage.people AS p ON p.p = t.n JOIN stage.merged AS m ON m.target = p.target
           WHERE t.state = 'unsubscribed' OR (m.consent = 'subscribed' AND m.basis <> 'unknown' AND m.email IS NOT NULL)
           GROUP BY p.target, t.topic"""
    )
    last = int(db.execute("SELECT coalesce(max(rank), 0) FROM stage.topic_news").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        ends = {"first": first, "last": first + _SLICE - 1}
        db.execute(f"DELETE FROM stage.topic_news WHERE rank BETWEEN :first AND :last AND {_KNOWN}", ends)
    db.execute("UPDATE stage.merged SET changed = changed | 4 WHERE target IN (SELECT target FROM stage.topic_news)")
    return int(db.execute("SELECT count(DISTINCT target) FROM stage.topic_news WHERE target < 0").fetchone()[0])


def append(pace: Pace, import_id: int, source: str, now_ms: int) -> None:
    """Write the news; the contacts and what they say about everything must be written by now."""
    for first, last in pace.ranks("topic_news"):
        with pace.transaction() as tx:
            known = consents_bulk.last_entry(tx)
            tx.execute(
                _APPEND,
                {"import": import_id, "source": source, "now": now_ms, "first": first, "last": last},
            )
            consents_bulk.settle(tx, known)


def prepare(db: Connection) -> None:
    """Make the staging tables of topics, where they are not there yet."""
    for statement in _TABLES.split(";"):
        db.execute(statement)


_CONTACT = CONTACT_OF.format("t.target")
_APPEND = f"""INSERT INTO main.consents (contact_id, channel, topic, state, basis, address, occurred_at, recorded_at,
                                         source, evidence, import_id)
    SELECT {_CONTACT}, 'email', t.topic, t.state, iif(t.state = 'unsubscribed', 'express', m.basis), m.email,
           coalesce(t.at, :now), :now, coalesce(m.consent_source, :source), t.evidence, :import
    FROM stage.topic_news AS t JOIN stage.merged AS m ON m.target = t.target
    WHERE t.rank BETWEEN :first AND :last
      AND (t.state = 'unsubscribed' OR NOT EXISTS (
        SELECT 1 FROM main.consent_states AS s WHERE s.contact_id = {_CONTACT} AND s.channel = 'email'
          AND s.topic IN ('', t.topic) AND s.state = 'unsubscribed'))
    ORDER BY t.rank"""
