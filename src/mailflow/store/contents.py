"""The bytes of messages as they go out: kept when a message is rendered, never made again, dropped after a while."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mailflow.store.connection import Connection

_COMPRESSION = 1  # 10 KB of quoted-printable to a third in 0.1 ms; higher levels cost more than they save


@dataclass(frozen=True, slots=True)
class Content:
    """A rendered message, frozen: the bytes that go out, now and at every later attempt.

    To be stored with it, and not with one that is read back: `links` are its counted links by id, `polls` those that it
    asks about; from `true_until` on (ms) it says something that is no longer so; `articles` are the addresses of those
    in it.
    """

    message_id: int
    mail_from: str
    rcpt_to: str
    subject: str
    data: bytes
    links: Mapping[str, str] = field(default_factory=dict)
    polls: tuple[str, ...] = ()
    true_until: int | None = None
    articles: tuple[str, ...] = ()


def keep(tx: Connection, contents: Iterable[Content], *, at: int) -> None:
    """Store rendered messages. Bytes that are stored stay as they are."""
    tx.executemany(
        "INSERT INTO message_contents (message_id, mail_from, rcpt_to, subject, frozen_at, size, sha256, bytes,"
        " true_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
        (
            (
                content.message_id,
                content.mail_from,
                content.rcpt_to,
                content.subject,
                at,
                len(content.data),
                hashlib.sha256(content.data).hexdigest(),
                zlib.compress(content.data, _COMPRESSION),
                content.true_until,
            )
            for content in contents
        ),
    )


def get(db: Connection, message_id: int) -> Content | None:
    """Return the frozen bytes of a message, or None where there are none (any more)."""
    return many(db, [message_id]).get(message_id)


def many(db: Connection, message_ids: Iterable[int]) -> dict[int, Content]:
    """Return message id → frozen bytes; a message that has none (any more) is left out."""
    rows = db.execute(
        "SELECT message_id, mail_from, rcpt_to, subject, bytes FROM message_contents"
        " WHERE message_id IN (SELECT value FROM json_each(?)) AND bytes IS NOT NULL",
        (json.dumps(list(message_ids)),),
    )
    return {
        row["message_id"]: Content(
            row["message_id"], row["mail_from"], row["rcpt_to"], row["subject"], zlib.decompress(row["bytes"])
        )
        for row in rows
    }


def thaw_untrue(tx: Connection, *, at: int, limit: int = 500) -> int:
    """Throw away bytes that say something which is no longer so, to be made anew; return of how many messages.

    Of messages that are due and whose dot never went out: no relay knows these bytes.
    """
    ids = [
        (row["id"],)
        for row in tx.execute(
            "SELECT m.id FROM messages AS m INDEXED BY messages_open JOIN message_contents AS n ON n.message_id = m.id"
            " WHERE m.state IN ('planned', 'ready', 'deferred') AND m.next_at <= :at AND n.true_until <= :at"
            " AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.message_id = m.id) LIMIT :limit",
            {"at": at, "limit": limit},
        )
    ]
    tx.executemany("DELETE FROM message_contents WHERE message_id = ?", ids)
    tx.executemany("UPDATE messages SET state = 'planned' WHERE id = ?", ids)
    return len(ids)


def forget(tx: Connection, *, older_than: int, limit: int = 500) -> int:
    """Drop the bytes of messages settled before an instant, keeping their hash; return how many."""
    return tx.execute(
        "UPDATE message_contents SET bytes = NULL WHERE message_id IN (SELECT message_id FROM message_contents"
        " INDEXED BY message_contents_kept"
        " JOIN messages ON messages.id = message_id WHERE bytes IS NOT NULL AND frozen_at < :old AND settled_at < :old"
        " AND state NOT IN ('planned', 'ready', 'deferred', 'armed', 'in_doubt') LIMIT :limit)",
        {"old": older_than, "limit": limit},
    ).rowcount
