"""The first real send waits until everything is there that the law and the readers need."""

from __future__ import annotations

from typing import Any

import pytest

from mailflow.campaigns import gate
from mailflow.config import Settings
from mailflow.errors import ConfigError

READY: dict[str, Any] = {
    "name": "Quitte & Kanne",
    "sender": {"name": "Quitte & Kanne", "email": "hello@quitte-kanne.at"},
    "address": "Musterweg 4, 8010 Graz",
    "currency": "EUR",
    "timezone": "UTC",
    "unsubscribe": {"mailto": "stop@quitte-kanne.at"},
    "relay": {"host": "smtp.quitte-kanne.at"},
}


def _settings(**changes: object) -> Settings:
    return Settings.model_validate({**READY, **changes})


def _sender(email: str) -> dict[str, str]:
    return {"name": "Quitte & Kanne", "email": email}


def test_with_everything_there_it_opens() -> None:
    gate.check(_settings(), tested=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": " "}, "postal address"),
        ({"unsubscribe": {}}, "how to unsubscribe"),
        ({"sender": _sender("quittekanne@gmail.com")}, "domain of your own"),
        ({"sender": _sender("hello@example.com")}, "sender.email"),
        ({"sender": _sender("hello@mail.shop.example")}, "sender.email"),
        ({"unsubscribe": {"mailto": "hello@example.com"}}, "unsubscribe.mailto"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        gate.check(_settings(**changes), tested=True)


def test_a_test_must_have_been_seen() -> None:
    with pytest.raises(ConfigError, match="--test-to"):
        gate.check(_settings(), tested=False)


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        gate.check(_settings(address="", unsubscribe={}, sender=_sender("a@gmail.com")), tested=False)
    assert [line[:4] for line in str(caught.value).splitlines()[1:]] == ["  1.", "  2.", "  3.", "  4."]


def test_a_relay_on_this_machine_may_be_tried_with_example_addresses() -> None:
    relay = {"host": "127.0.0.1", "port": 2525, "tls": "none"}
    gate.check(_settings(relay=relay, sender=_sender("hello@shop.example")), tested=True)


def test_a_domain_that_only_looks_like_an_example_is_ones_own() -> None:
    gate.check(_settings(sender=_sender("hello@myexample.com")), tested=True)
