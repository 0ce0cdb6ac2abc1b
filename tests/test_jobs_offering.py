"""Codes in real campaigns: everybody gets one of their own, a pool that is short blocks, tests use none up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mail_shop import mailflow
from mailflow import clock
from mailflow.jobs.approved import Approved
from mailflow.store import messages
from mailflow.workspace import Workspace
from offer_shop import POOL, frozen, given, offer_shop, pool, shown, write_codes
from sink import Fault, Sink

Sinks = Callable[..., Sink]


def of_state(shop: Workspace, state: str) -> int:
    return int(shop.store.db.execute("SELECT count(*) FROM messages WHERE state = ?", (state,)).fetchone()[0])


def codes_held(shop: Workspace) -> int:
    return int(shop.store.db.execute("SELECT count(*) FROM codes WHERE message_id IS NOT NULL").fetchone()[0])


def test_everybody_gets_a_code_of_their_own_and_the_mail_shows_it(mail_sink: Sinks, tmp_path: Path) -> None:
    sink = mail_sink(keep_bodies=True)
    shop = offer_shop(tmp_path / "shop", sink.port, 120, codes=pool(130))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    assert sorted(shown(sink)) == sorted(given(shop).values())
    assert len(set(given(shop).values())) == 120
    assert set(given(shop).values()) <= set(pool(130))


@pytest.mark.parametrize("command", [["plan", "back"], ["send", "back", "--yes"]])
def test_a_pool_that_is_too_small_blocks_and_says_how_many_are_missing(
    command: list[str], mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink()
    shop = offer_shop(tmp_path / "shop", sink.port, 12, codes=pool(9))
    capsys.readouterr()
    assert mailflow(shop, *command) == 78
    said = capsys.readouterr().err
    assert "offers.yaml:3:10: 12 people are to get a code by back, 9 codes are left: add 3 or more to codes.csv" in said
    assert sink.accepted() == []
    assert codes_held(shop) == 0
    write_codes(shop.root, pool(12))
    assert mailflow(shop, *command, "--quiet") == 0


def test_a_rehearsal_is_blocked_too_but_uses_no_code_up(tmp_path: Path) -> None:
    shop = offer_shop(tmp_path / "shop", None, 5, codes=pool(4))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 78
    write_codes(shop.root, pool(5))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    samples = list(frozen(shop).values())
    assert len(set(samples)) == 5
    assert all(code.startswith("SAMPLE-") for code in samples)
    assert codes_held(shop) == 0


def test_tests_previews_and_dry_runs_show_a_sample_and_use_no_code_up(
    mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink(keep_bodies=True)
    shop = offer_shop(tmp_path / "shop", sink.port, 3, codes=pool(3))
    assert mailflow(shop, "send", "back", "--test-to", "p1@example.com", "--quiet") == 0
    assert mailflow(shop, "send", "back", "--dry-run", "--out", str(tmp_path / "out"), "--quiet") == 0
    capsys.readouterr()
    assert mailflow(shop, "preview", "back", "--for", "p2@example.com", "--eml") == 0
    texts = [*shown(sink), capsys.readouterr().out, *(path.read_text() for path in (tmp_path / "out").iterdir())]
    assert len(texts) == 5
    assert all("SAMPLE-" in text and "POOL-" not in text for text in texts)
    assert codes_held(shop) == 0


def test_a_message_that_is_rendered_again_keeps_its_code(mail_sink: Sinks, tmp_path: Path) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="451 4.3.0 not now", times=1), keep_bodies=True)
    shop = offer_shop(tmp_path / "shop", sink.port, 1, codes=pool(5), connections=1)
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    before = given(shop)
    assert before == {"p1@example.com": "POOL-00000"}
    with shop.store.transaction() as tx:  # as arming does when a cap is met: the bytes are thrown away
        messages.refuse(tx, [(1, "cap_day")], at=0, again_at=0)
    template = shop.templates / "back.md"
    template.write_text(template.read_text(encoding="utf-8") + "\nNew words.\n", encoding="utf-8")
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    assert b"New words" in sink.bodies()[0]
    assert shown(sink) == ["POOL-00000"]
    assert given(shop) == before


def test_a_campaign_whose_codes_went_to_another_is_blocked_and_nobody_is_skipped(
    mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink()
    shop = offer_shop(tmp_path / "shop", sink.port, 6, codes=pool(6))
    (shop.root / "campaigns" / "second.yaml").write_text("audience: everyone\ntemplate: back\noffer: comeback\n")
    assert mailflow(shop, "send", "second", "--yes", "--quiet") == 0
    capsys.readouterr()
    assert mailflow(shop, "send", "back", "--yes") == 78
    assert "6 people are to get a code by back, 0 codes are left: add 6 or more" in capsys.readouterr().err
    assert of_state(shop, "skipped") == 0


def test_a_tick_holds_a_campaign_that_is_due_until_there_are_codes(
    mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="451 4.3.0 not now", times=1), keep_bodies=True)
    shop = offer_shop(tmp_path / "shop", sink.port, 4, codes=pool(4), connections=1)
    assert mailflow(shop, "send", "back", "--yes", "--limit", "1", "--quiet") == 0
    plan_the_rest(shop)
    write_codes(shop.root, pool(3))  # the shop took one of them back
    capsys.readouterr()
    assert mailflow(shop, "run") == 1
    assert (
        "back is held: offers.yaml:3:10: 3 people are to get a code by back, 2 codes are left"
        in capsys.readouterr().err
    )
    assert mailflow(shop, "status") == 0
    assert "held by the last run: back: offers.yaml:3:10: 3 people" in capsys.readouterr().err
    assert (of_state(shop, "planned"), of_state(shop, "skipped")) == (3, 0)
    write_codes(shop.root, pool(9))
    assert mailflow(shop, "run", "--quiet") == 0
    assert len(set(given(shop).values())) == 4
    assert mailflow(shop, "status") == 0
    assert "held" not in capsys.readouterr().err


def plan_the_rest(shop: Workspace) -> None:
    """Put everybody's message into the outbox, as a run does that is killed before it renders."""
    with shop.store.transaction() as tx:
        row = tx.execute("SELECT * FROM messages").fetchone()
        now = clock.to_ms(clock.now())
        for contact in tx.execute("SELECT id, email FROM contacts WHERE id <> ?", (row["contact_id"],)).fetchall():
            new = messages.NewMessage(
                contact["id"], messages.S.PLANNED, None, now, row["not_after"], contact["email"], f"t{contact['id']}"
            )
            messages.insert(tx, row["scope"], [new], rehearsal=False, kind="promo", at=now)


def write_back(shop: Workspace, more: str = "") -> None:
    text = f"audience: everyone\ntemplate: back\noffer: comeback\n{more}"
    (shop.root / "campaigns" / "back.yaml").write_text(text, encoding="utf-8")


def test_two_campaigns_that_are_planned_share_what_is_left(
    mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="451 4.3.0 not now"))
    shop = offer_shop(tmp_path / "shop", sink.port, 4, codes=pool(7), connections=1)
    (shop.root / "campaigns" / "second.yaml").write_text("audience: everyone\ntemplate: back\noffer: comeback\n")
    assert mailflow(shop, "send", "back", "--yes", "--limit", "1", "--quiet") == 0
    plan_the_rest(shop)  # three more, promised and not given yet
    capsys.readouterr()
    assert mailflow(shop, "plan", "second") == 78
    said = capsys.readouterr().err
    assert "4 people are to get a code by second, 3 codes are left (3 more are promised to others)" in said


def test_an_offer_that_is_over_before_the_send_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    offers = "comeback:\n  code: XMAS26\n  expires: 2026-12-24\n"
    shop = offer_shop(tmp_path / "shop", None, 2, offers=offers)
    (shop.root / "campaigns" / "back.yaml").write_text(
        "audience: everyone\ntemplate: back\noffer: comeback\nsend_at: 2026-12-25 09:00\n", encoding="utf-8"
    )
    when = clock.parse_instant("2026-12-20T08:00Z", shop.settings.zone)
    capsys.readouterr()
    assert mailflow(shop, "plan", "back", now=when) == 78
    said = capsys.readouterr().err
    assert "offers.yaml:3:12: comeback is worth something until 2026-12-24, but back is to go out at 2026-12-25" in said


def test_no_message_goes_out_after_the_end_of_its_offer(mail_sink: Sinks, tmp_path: Path) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="451 4.3.0 not now"))
    shop = offer_shop(tmp_path / "shop", sink.port, 1, offers=POOL + "  expires: 1d\n", codes=pool(1))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    assert of_state(shop, "deferred") == 1
    with shop.store.transaction() as tx:
        tx.execute("UPDATE codes SET expires_at = 1")
        tx.execute("UPDATE messages SET next_at = 0")
    sink.stop()
    second = mail_sink()
    settings = shop.root / "mailflow.yaml"
    settings.write_text(settings.read_text().replace(str(sink.port), str(second.port)))
    assert mailflow(shop.root, "run", "--quiet") == 0
    row = shop.store.db.execute("SELECT state, reason FROM messages").fetchone()
    assert tuple(row) == ("skipped", "offer_expired")
    assert second.accepted() == []


def test_somebody_who_had_it_is_left_out_for_as_long_as_per_person_says(
    mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink()
    shop = offer_shop(tmp_path / "shop", sink.port, 3, offers=POOL + "  per_person: 1 per 90d\n", codes=pool(9))
    assert mailflow(shop, "send", "back", "--yes", "--limit", "2", "--quiet") == 0
    (shop.root / "campaigns" / "second.yaml").write_text("audience: everyone\ntemplate: back\noffer: comeback\n")
    capsys.readouterr()
    assert mailflow(shop, "plan", "second", "--format", "json") == 0
    lines = json.loads(capsys.readouterr().out)["messages"]
    assert sorted((line["decision"], line["reason"]) for line in lines) == [
        ("send", None), ("skip", "offer_limit"), ("skip", "offer_limit"),
    ]  # fmt: skip
    with shop.store.transaction() as tx:
        tx.execute("UPDATE codes SET given_at = given_at - 91 * 86400000 WHERE message_id IS NOT NULL")
    assert mailflow(shop, "plan", "second", "--format", "json") == 0
    assert {line["decision"] for line in json.loads(capsys.readouterr().out)["messages"]} == {"send"}


def test_an_edit_of_the_offer_holds_the_campaign_and_an_edit_of_another_does_not(
    mail_sink: Sinks, tmp_path: Path
) -> None:
    sink = mail_sink()
    shop = offer_shop(tmp_path / "shop", sink.port, 1, codes=pool(2))
    write_back(shop, "send_at: 2099-01-01T09:00:00Z\n")
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    offers = shop.root / "offers.yaml"
    offers.write_text(POOL + "other:\n  code: HELLO\n")
    assert mailflow(shop, "run", "--quiet") == 0
    assert Approved(Workspace.at(shop.root)).get("campaign:back") is not None
    offers.write_text(POOL.replace("10%", "20%"))
    assert Approved(Workspace.at(shop.root)).get("campaign:back") is None


@pytest.mark.parametrize(
    ("campaign", "template", "says"),
    [
        ("offer: comback\n", "Your code: {{ offer.code }}.", "campaigns/back.yaml:3:8: there is no offer 'comback' in"),
        ("offer: comeback\n", "No code here.", "campaigns/back.yaml:3:8: templates/back.md does not show its code"),
    ],
)
def test_what_is_wrong_with_an_offer_of_a_campaign_is_told_with_its_place(
    campaign: str, template: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = offer_shop(tmp_path / "shop", None, 1, codes=pool(1))
    (shop.root / "campaigns" / "back.yaml").write_text(f"audience: everyone\ntemplate: back\n{campaign}")
    (shop.templates / "back.md").write_text(f"---\nsubject: For you\n---\n{template}\n", encoding="utf-8")
    capsys.readouterr()
    assert mailflow(shop, "plan", "back") == 78
    assert says in capsys.readouterr().err


def test_essential_mail_carries_no_offer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = offer_shop(tmp_path / "shop", None, 1, codes=pool(1))
    (shop.root / "campaigns" / "back.yaml").write_text("audience: everyone\ntemplate: back\n")
    text = "---\nsubject: For you\nclass: essential\noffer: comeback\n---\nYour code: {{ offer.code }}.\n"
    (shop.templates / "back.md").write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert mailflow(shop, "plan", "back") == 78
    assert (
        "templates/back.md:4:8: templates/back.md is essential mail, which carries no offer" in capsys.readouterr().err
    )


def test_a_template_may_ask_whether_there_is_an_offer(tmp_path: Path) -> None:
    shop = offer_shop(tmp_path / "shop", None, 1, codes=pool(1))
    text = "---\nsubject: Hello\n---\n{% if offer %}Your code: {{ offer.code }}.{% else %}No code.{% endif %}\n"
    (shop.templates / "back.md").write_text(text, encoding="utf-8")
    (shop.root / "campaigns" / "plain.yaml").write_text("audience: everyone\ntemplate: back\n")
    assert mailflow(shop, "send", "plain", "--yes", "--quiet") == 0
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    letters = [path.read_text() for path in (shop.maildir / "new").iterdir()]
    assert sorted("No code." in letter for letter in letters) == [False, True]
    assert sorted("SAMPLE-" in letter for letter in letters) == [False, True]


def test_a_plan_of_the_next_runs_tells_which_campaign_will_be_held(
    mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = offer_shop(tmp_path / "shop", mail_sink().port, 3, codes=pool(3))
    write_back(shop, "send_at: 2099-01-01T09:00:00Z\n")
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    write_codes(shop.root, pool(1))
    capsys.readouterr()
    assert mailflow(shop, "plan", "--until", "36500d") == 0
    assert (
        "back is held: offers.yaml:3:10: 3 people are to get a code by back, 1 code is left" in capsys.readouterr().err
    )


def test_a_campaign_whose_time_has_come_is_held_when_codes_are_missing_and_nobody_is_planned(
    mail_sink: Sinks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink()
    shop = offer_shop(tmp_path / "shop", sink.port, 3, codes=pool(3))
    write_back(shop, "send_at: 2099-01-01T09:00:00Z\n")
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    with shop.store.transaction() as tx:  # its time has come
        tx.execute("UPDATE occurrences SET due_at = 0")
    write_codes(shop.root, pool(2))
    capsys.readouterr()
    assert mailflow(shop, "run") == 1
    assert (
        "back is held: offers.yaml:3:10: 3 people are to get a code by back, 2 codes are left"
        in capsys.readouterr().err
    )
    assert shop.store.db.execute("SELECT count(*) FROM messages").fetchone()[0] == 0
    assert sink.accepted() == []
