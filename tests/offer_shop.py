"""A shop that mails codes, for tests of offers: people, offers.yaml, a file of codes, a campaign that shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from mailflow.store import contents
from mailflow.workspace import Workspace
from posting import make_shop
from sink import Sink

POOL = "comeback:\n  value: 10%\n  codes: codes.csv\n"
TEMPLATE = "---\nsubject: For you\n---\nYour code: {{ offer.code }}.\n"
CAMPAIGN = "audience: everyone\ntemplate: back\noffer: comeback\n"
_CODE = re.compile(r"Your code: (\S+)\.")


def offer_shop(
    root: Path, port: int | None, people: int, *, offers: str = POOL, codes: Iterable[str] = (), connections: int = 2
) -> Workspace:
    """Make a workspace with a campaign `back` whose offer is `comeback`; without a port every send is a rehearsal."""
    relay = "null" if port is None else f"{{host: 127.0.0.1, port: {port}, tls: none, connections: {connections}}}"
    shop = make_shop(root, relay, people)
    (root / "campaigns" / "back.yaml").write_text(CAMPAIGN, encoding="utf-8")
    (root / "templates" / "back.md").write_text(TEMPLATE, encoding="utf-8")
    (root / "offers.yaml").write_text(offers, encoding="utf-8")
    write_codes(root, codes)
    settings = root / "mailflow.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "limits: {per_day: null, per_week: null}\n")
    return shop


def write_codes(root: Path, codes: Iterable[str], name: str = "codes.csv") -> Path:
    """Write a file of codes, one a line."""
    path = root / name
    path.write_text("".join(f"{code}\n" for code in codes), encoding="utf-8")
    return path


def pool(number: int, prefix: str = "POOL") -> list[str]:
    """Return as many codes as a shop might make."""
    return [f"{prefix}-{each:05}" for each in range(number)]


def given(shop: Workspace) -> dict[str, str]:
    """Return address → the code that the database says they have."""
    rows = shop.store.db.execute(
        "SELECT h.email, c.code FROM codes AS c JOIN contacts AS h ON h.id = c.contact_id"
        " WHERE c.message_id IS NOT NULL"
    )
    return {row["email"]: row["code"] for row in rows}


def shown(sink: Sink) -> list[str]:
    """Return the code in every message that the sink took."""
    return [match[1] for body in sink.bodies() if (match := _CODE.search(_text(body)))]


def _text(message: bytes) -> str:
    """Return the text part of a message as it is read."""
    part = message_from_bytes(message, policy=default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def frozen(shop: Workspace) -> dict[int, str]:
    """Return message id → the code in its frozen bytes."""
    ids = [row["id"] for row in shop.store.db.execute("SELECT id FROM messages")]
    found = {}
    for message_id, content in contents.many(shop.store.db, ids).items():
        match = _CODE.search(_text(content.data))
        assert match is not None
        found[message_id] = match[1]
    return found
