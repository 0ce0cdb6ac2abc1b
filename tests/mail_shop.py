"""A small shop with people who agreed to mail and a campaign to them, for tests of planning and sending."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mailflow.cli.main import run
from mailflow.model import ConsentState
from mailflow.workspace import Workspace
from people import add_contact

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
CAMPAIGN = "audience: everyone\ntemplate: hello\n"
TEMPLATE = "---\nsubject: Hello {{ contact.first_name | default('you') }}\n---\nHello there.\n"
SETTINGS = """\
name: Quitte
sender: {name: Quitte, email: hello@quitte.example}
address: 1 Long Lane, Springfield
currency: EUR
timezone: Europe/Vienna
unsubscribe: {mailto: out@quitte.example}
"""


def make_shop(root: Path, people: int = 3, *, extra: str = "") -> Workspace:
    """Make a workspace without a relay, with `people` who agreed to mail: p1@example.com and so on."""
    assert run(["init", str(root), "--quiet"]) == 0
    (root / "mailflow.yaml").write_text(SETTINGS + extra, encoding="utf-8")
    for path in (root / "campaigns").iterdir():
        path.unlink()
    write_campaign(root, "hello", CAMPAIGN)
    (root / "templates" / "hello.md").write_text(TEMPLATE, encoding="utf-8")
    shop = Workspace.at(root)
    add_people(shop, (f"p{number}@example.com" for number in range(1, people + 1)))
    return shop


def add_people(
    shop: Workspace, emails: Iterable[str | None], consent: ConsentState | None = ConsentState.SUBSCRIBED
) -> list[int]:
    """Write contacts with what they said, and return their ids."""
    with shop.store.transaction() as tx:
        return [add_contact(tx, email, now=NOW, consent=consent) for email in emails]


def write_campaign(root: Path, name: str, text: str) -> Path:
    """Write a file of campaigns/."""
    path = root / "campaigns" / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def with_relay(root: Path, port: int, extra: str = "") -> None:
    """Give a workspace a relay on loopback."""
    relay = f"relay: {{host: 127.0.0.1, port: {port}, tls: none, timeout: 5}}\n"
    (root / "mailflow.yaml").write_text(SETTINGS + relay + extra, encoding="utf-8")


def mailflow(shop: Workspace | Path, *words: str, now: datetime | None = None) -> int:
    """Run a command in a workspace, at an instant where one is given; return its exit code."""
    root = shop.root if isinstance(shop, Workspace) else shop
    clock = [] if now is None else ["--now", now.isoformat()]
    return run([*words, "--workspace", str(root), *clock])


def states(shop: Workspace) -> dict[str, int]:
    """Return state → messages, of all scopes."""
    rows = shop.store.db.execute("SELECT state, count(*) FROM messages GROUP BY state")
    return {row[0]: row[1] for row in rows}


def letters(shop: Workspace) -> list[str]:
    """Return who the messages in the rehearsal's Maildir are for, in order; copies count."""
    folder = shop.maildir / "new"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.eml"))] if folder.exists() else []
    return sorted(re.sub(r".*<|>", "", line.partition(":")[2]).strip() for text in texts for line in _to_lines(text))


def twice(addresses: Sequence[str]) -> list[str]:
    """Return the addresses that occur more than once."""
    return [address for address, times in Counter(addresses).items() if times > 1]


def _to_lines(text: str) -> list[str]:
    return [line for line in text.split("\n\n")[0].splitlines() if line.startswith("To:")][:1]
