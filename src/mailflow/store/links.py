"""Where counted links lead, by campaign: a message's link is an id, never an address. How one is made: templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailflow.store.connection import Connection


def keep(tx: Connection, found: Iterable[tuple[int, Mapping[str, str]]]) -> None:
    """Store the links of messages, given as (message id, link id → URL).

    `message_id` stays with a link that only one message has: it may say something of that person.
    """
    tx.executemany(
        "INSERT INTO links (scope, link, url, message_id) SELECT scope, :link, :url, id FROM messages"
        " WHERE id = :message_id ON CONFLICT (scope, link) DO UPDATE SET message_id = NULL"
        " WHERE message_id <> excluded.message_id",
        (
            {"message_id": message_id, "link": link, "url": url}
            for message_id, links in found
            for link, url in links.items()
        ),
    )


def url_of(db: Connection, token: str, link: str) -> str | None:
    """Return where a link of the message with this token leads; None where its campaign has no such link."""
    row = db.execute(
        "SELECT links.url FROM messages JOIN links ON links.scope = messages.scope"
        " WHERE messages.token = ? AND links.link = ?",
        (token, link),
    ).fetchone()
    return None if row is None else row["url"]
