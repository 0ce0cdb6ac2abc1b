"""`mailflow why`: a sentence for every message of a person, and for every campaign that has none for them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailflow.addresses import normalise
from mailflow.cli.main import run
from mailflow.model import ConsentState, MessageState, SuppressionReason
from mailflow.store import suppressions
from mailflow.workspace import Workspace
from people import add_contact, add_message

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ADA = "ada@example.com"
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    shop = Workspace.at(tmp_path / "shop")
    shutil.rmtree(shop.campaigns)
    shop.campaigns.mkdir()
    return shop


@pytest.fixture
def ada(shop: Workspace) -> int:
    with shop.store.transaction() as tx:
        return add_contact(tx, ADA, now=NOW, consent=ConsentState.SUBSCRIBED)


@pytest.fixture
def ask(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Ask:
    def why(*words: str, code: int = 0) -> list[dict[str, Any]]:
        capsys.readouterr()
        common = ["--workspace", str(shop.root), "--now", "2026-03-20T09:00Z", "--format", "json"]
        assert run(["why", *(words or [ADA]), *common]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if code == 0 else [{"error": said.err}]

    return why


def campaign(shop: Workspace, name: str, audience: str, **more: str) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in {"audience": audience, "template": "hello", **more}.items())
    (shop.campaigns / f"{name}.yaml").write_text(text, encoding="utf-8")
    (shop.templates / "hello.md").write_text("---\nsubject: Hello\n---\nHello there.\n", encoding="utf-8")


def test_the_first_answer_is_about_marketing_mail_in_general(shop: Workspace, ada: int, ask: Ask) -> None:
    (general,) = ask()
    assert (general["what"], general["decision"], general["reason"]) == ("marketing", "send", None)
    with shop.store.transaction() as tx:
        suppressions.suppress(tx, shop.keys, normalise(ADA), SuppressionReason.MANUAL, source="owner", now=NOW)
    (general,) = ask()
    assert (general["decision"], general["reason"]) == ("skip", "suppressed: manual")
    assert general["sentence"] == "The address is suppressed: the owner said so."


@pytest.mark.parametrize(
    ("state", "reason", "decision", "words"),
    [
        (MessageState.PLANNED, None, "send", "It is planned"),
        (MessageState.READY, None, "send", "rendered"),
        (MessageState.SKIPPED, "cap_day", "send", "limits.per_day"),
        (MessageState.SKIPPED, "no_consent", "send", "That has changed: it may go now."),
        (MessageState.HELD_OUT, "held_out", None, "chosen never to get it"),
        (MessageState.ACCEPTED, None, None, "They got it"),
        (MessageState.DEFERRED, None, "send", "tried again"),
        (MessageState.FAILED, "550 5.7.1 not welcome", None, "550 5.7.1 not welcome"),
        (MessageState.IN_DOUBT, "interrupted", None, "may or may not have arrived"),
        (MessageState.ASSUMED_SENT, None, None, "taken for sent"),
        (MessageState.EXPIRED, "too_late", None, "too late"),
        (MessageState.CANCELLED, None, None, "took it back"),
        (MessageState.ARMED, None, None, "on its way"),
    ],
)
def test_every_state_of_a_message_is_explained(
    shop: Workspace, ada: int, ask: Ask, state: MessageState, reason: str | None, decision: str | None, words: str
) -> None:
    with shop.store.transaction() as tx:
        add_message(tx, ada, ADA, now=NOW, state=state, reason=reason)
    message = ask()[1]
    assert (message["what"], message["state"], message["decision"]) == ("spring", state, decision)
    assert words in message["sentence"]


def test_a_message_that_would_be_refused_now_says_so(shop: Workspace, ada: int, ask: Ask) -> None:
    with shop.store.transaction() as tx:
        add_message(tx, ada, ADA, now=NOW, state=MessageState.READY)
    assert run(["contact", "unsubscribe", ADA, "--workspace", str(shop.root), "--quiet"]) == 0
    message = ask()[1]
    assert (message["decision"], message["reason"]) == ("skip", "unsubscribed")
    assert "But it would not go now: They said no" in message["sentence"]


def test_only_one_campaign_is_answered_for_when_it_is_named(shop: Workspace, ada: int, ask: Ask) -> None:
    campaign(shop, "autumn", "everyone")
    with shop.store.transaction() as tx:
        add_message(tx, ada, ADA, now=NOW, state=MessageState.ACCEPTED, settled=timedelta(hours=1))
    assert [answer["what"] for answer in ask(ADA, "spring")] == ["marketing", "spring"]
    assert [answer["what"] for answer in ask(ADA, "autumn")] == ["marketing", "autumn"]


def test_campaigns_without_a_message_say_what_they_would_do(shop: Workspace, ada: int, ask: Ask) -> None:
    campaign(shop, "all", "everyone")
    campaign(shop, "austria", 'country == "AT"')
    campaign(shop, "held", "everyone", holdout="99%")
    answers = {answer["what"]: answer for answer in ask()[1:]}
    assert (answers["all"]["decision"], answers["all"]["rehearsal"]) == ("send", True)
    assert answers["austria"]["reason"] == "not_in_audience"
    assert answers["held"]["decision"] == "hold_out"
    assert run(["contact", "unsubscribe", ADA, "--workspace", str(shop.root), "--quiet"]) == 0
    answers = {answer["what"]: answer for answer in ask()[1:]}
    assert (answers["all"]["decision"], answers["all"]["reason"]) == ("skip", "unsubscribed")


def test_a_broken_campaign_hides_nothing_of_the_others(shop: Workspace, ada: int, ask: Ask) -> None:
    campaign(shop, "all", "everyone")
    (shop.campaigns / "broken.yaml").write_text("audience: [\n", encoding="utf-8")
    answers = {answer["what"]: answer for answer in ask()}
    assert answers["all"]["decision"] == "send"
    assert "campaigns/broken.yaml" in answers["broken"]["sentence"]
    assert "campaigns/broken.yaml" in ask(ADA, "broken", code=78)[0]["error"]


def test_a_name_that_nothing_has_is_an_error(shop: Workspace, ada: int, ask: Ask) -> None:
    assert "nothing" in ask(ADA, "nothing", code=2)[0]["error"]


def test_somebody_unknown_is_said_to_be_unknown(shop: Workspace, ask: Ask) -> None:
    assert "nobody with this address is known" in ask("who@example.com", code=2)[0]["error"]


def test_the_page_is_for_people(shop: Workspace, ada: int, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.store.transaction() as tx:
        add_message(tx, ada, ADA, now=NOW, state=MessageState.ACCEPTED, settled=timedelta(hours=1))
    assert run(["why", ADA, "--workspace", str(shop.root), "--now", "2026-03-20T09:00Z"]) == 0
    page = capsys.readouterr().out
    assert "spring" in page
    assert "They got it: the relay took it." in page
