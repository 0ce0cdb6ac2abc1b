"""A shop that asks its people something by mail, for tests of polls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mail_shop import NOW, make_shop, with_relay
from mailflow import clock
from mailflow.config.polls import Polls
from mailflow.jobs import personal
from mailflow.outbox.render import Renderer
from mailflow.store import contents, polls
from mailflow.store.contents import Content
from mailflow.templates import load
from mailflow.workspace import Workspace
from people import add_message

SETTINGS = """\
url: https://quitte.example
language: en
fields:
  tea: {type: text}
  cups: {type: number}
  likes: {type: text, multi: true}
"""
ONLINE = "tracking: {url: https://mail.quitte.example, clicks: on}\n"
POLLS = """\
spring:
  question: {en: Which tea shall we bring in?, de: Welchen Tee sollen wir holen?}
  answers:
    green: {en: A green one, de: Einen grünen}
    black: A black one & a cup
    none: {text: Neither, value: nothing}
  closes: 2026-04-15
  sets: tea
brew:
  question: How hot is the water for green tea?
  answers: {a: 100 °C, b: {text: 70 °C, correct: true}}
cups:
  question: How many cups a day?
  answers: {few: {text: One or two, value: 1}, many: {text: Five or more, value: 5}}
  sets: cups
likes:
  question: What shall we write about?
  answers: {tea: Tea, pots: Pots, places: Places}
  sets: likes
"""
TEMPLATE = """\
---
subject: "One question"
preheader: "It takes one click, and it decides what stands on the shelf."
---
Hello,

{% with poll=polls.spring %}{% include "mailflow/poll.html" %}{% endwith %}

{% with poll=polls.brew %}{% include "mailflow/poll.html" %}{% endwith %}
"""


def make(root: Path, people: int = 3, *, extra: str = "", template: str = TEMPLATE) -> Workspace:
    """Make a workspace with four polls and a template that asks two of them."""
    make_shop(root, people, extra=SETTINGS + extra)
    (root / "polls.yaml").write_text(POLLS, encoding="utf-8")
    (root / "templates" / "hello.md").write_text(template, encoding="utf-8")
    return Workspace.at(root)


def open_polls(shop: Workspace) -> Polls:
    return Polls.open(shop.root, shop.settings)


def ask(shop: Workspace, contact_id: int, *, now: datetime = NOW, scope: str = "campaign:hello") -> str:
    """Record a message that asked somebody about the spring tea, and return its token."""
    with shop.store.transaction() as tx:
        message = add_message(tx, contact_id, f"p{contact_id}@example.com", now=now, scope=scope)
        tx.execute("UPDATE messages SET state = 'accepted', settled_at = ? WHERE id = ?", (clock.to_ms(now), message))
        polls.note_asked(tx, [("spring", message)])
        row = tx.execute("SELECT token FROM messages WHERE id = ?", (message,)).fetchone()
    return str(row["token"])


def letter(shop: Workspace, contact_id: int = 1, *, token: str = "t0k-en_0123456789", now: datetime = NOW) -> Content:
    """Return the frozen message of the template `hello` for somebody."""
    template = load(shop.templates, "hello", None)
    known = personal.contexts(shop, template, [contact_id], now=now)[contact_id]
    renderer = Renderer(shop.settings, shop.keys, template, "hello", "hello")
    return renderer.content(7, address=f"p{contact_id}@example.com", token=token, context=known, now=now, checked=True)


def tokens(text: str) -> Sequence[str]:
    """Return the signed links of polls in a text, each once."""
    return list(dict.fromkeys(re.findall(r"v1\.[0-9a-f]+\.a\.[\w-]+\.[\w-]{22}", text)))


__all__ = ["NOW", "ask", "contents", "letter", "make", "open_polls", "tokens", "with_relay"]
