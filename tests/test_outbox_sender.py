"""A message from who looks after the reader: their address only at the shop's own domain, else their name alone."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mail_shop import mailflow, make_shop, write_campaign
from mailflow import templates
from mailflow.config import Settings
from mailflow.outbox.render import Renderer
from mailflow.templates import context
from mailflow.tokens import Keys

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
OWNER = {"name": "Otto Owner", "email": "otto@shop.example", "phone": None, "title": None}
FRONT = "subject: Hi\nfrom_owner: true\n"


def settings(**sender: Any) -> Settings:
    told = {"name": "Tea Room", "email": "hello@shop.example", "reply_to": "answers@shop.example", **sender}
    return Settings.model_validate({
        "name": "Tea Room", "sender": told, "currency": "EUR", "timezone": "Europe/Vienna", "address": "1 Tea Lane",
        "unsubscribe": {"mailto": "out@shop.example"},
    })  # fmt: skip


def sent(folder: Path, owner: dict[str, Any] | None, front: str = FRONT, **sender: Any) -> EmailMessage:
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / "hi.md").write_text(f"---\n{front}---\nHello.\n", encoding="utf-8")
    shop = settings(**sender)
    keys = Keys.load_or_create(folder / "keys.json")
    renderer = Renderer(shop, keys, templates.load(folder / "templates", "hi"), "hi", "hi")
    known = {**context.sample(), "owner": owner}
    known["shop"]["address"] = "1 Tea Lane"
    made = renderer.content(1, address="anna@example.com", token="t" * 8, context=known, now=NOW, checked=True)
    message = message_from_bytes(made.data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert made.mail_from == "hello@shop.example"  # bounces come to the shop, whoever writes
    return message


def test_an_owner_at_the_shops_domain_writes_under_their_own_address(tmp_path: Path) -> None:
    message = sent(tmp_path, OWNER)
    assert message["From"] == "Otto Owner <otto@shop.example>"
    assert message["Reply-To"] == "otto@shop.example"


@pytest.mark.parametrize("email", ["otto@gmail.example", "otto@sub.shop.example", "otto@shop.example.evil.example"])
def test_an_address_elsewhere_is_only_for_answers(tmp_path: Path, email: str) -> None:
    message = sent(tmp_path, {**OWNER, "email": email})
    assert message["From"] == "Otto Owner <hello@shop.example>"
    assert message["Reply-To"] == email


def test_a_listed_domain_is_the_shops_own(tmp_path: Path) -> None:
    message = sent(tmp_path, {**OWNER, "email": "Otto@Second.example"}, domains=["second.example"])
    assert message["From"] == "Otto Owner <Otto@Second.example>"


@pytest.mark.parametrize("email", [None, "", "otto", "otto@shop.example\nBcc: x@example.com", "ötto@shop.example"])
def test_an_owner_without_a_usable_address_signs_with_their_name(tmp_path: Path, email: str | None) -> None:
    message = sent(tmp_path, {**OWNER, "email": email})
    assert message["From"] == "Otto Owner <hello@shop.example>"
    assert message["Reply-To"] == "answers@shop.example"
    assert message["Bcc"] is None


def test_who_has_no_owner_hears_from_the_shop(tmp_path: Path) -> None:
    message = sent(tmp_path, None)
    assert message["From"] == "Tea Room <hello@shop.example>"
    assert message["Reply-To"] == "answers@shop.example"


def test_a_campaigns_file_goes_before_its_template(tmp_path: Path) -> None:
    """As a shop has it: owners and contacts in the database, the word in the campaign's file alone."""
    shop = make_shop(tmp_path / "shop", 3)
    with shop.store.transaction() as tx:
        for name, address in (("Otto", "otto@quitte.example"), ("Petra", "petra@elsewhere.example")):
            tx.execute(
                "INSERT INTO owners (source, owner_id, name, email) VALUES ('crm', ?, ?, ?)", (address, name, address)
            )
        tx.execute("UPDATE contacts SET owner = 'otto@quitte.example' WHERE id = 1")
        tx.execute("UPDATE contacts SET owner = 'petra@elsewhere.example' WHERE id = 2")
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nfrom_owner: true\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    letters = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in shop.maildir.rglob("*.eml")]
    assert {letter["To"]: (letter["From"], letter["Reply-To"]) for letter in letters} == {
        "p1@example.com": ("Otto <otto@quitte.example>", "otto@quitte.example"),
        "p2@example.com": ("Petra <hello@quitte.example>", "petra@elsewhere.example"),
        "p3@example.com": ("Quitte <hello@quitte.example>", None),
    }


def test_a_template_that_does_not_ask_for_it_comes_from_the_shop(tmp_path: Path) -> None:
    assert sent(tmp_path, OWNER, "subject: Hi\n")["From"] == "Tea Room <hello@shop.example>"


def test_the_name_in_from_goes_before_the_owners(tmp_path: Path) -> None:
    front = FRONT + 'from: "{{ owner.name | default(shop.name) }} of the Tea Room"\n'
    assert sent(tmp_path, OWNER, front)["From"] == "Otto Owner of the Tea Room <otto@shop.example>"


def test_a_domain_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        settings(domains=["not a domain"])
