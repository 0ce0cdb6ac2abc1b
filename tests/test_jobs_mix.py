"""How much of people's mail is promotion: counted for the report, told by a plan, kept by the sending."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mail_shop import NOW, SETTINGS, mailflow, make_shop, write_campaign
from mailflow import policy
from mailflow.config.mix import MixSettings
from mailflow.model import MessageClass, MessageKind, MessageState
from mailflow.policy import Limits
from mailflow.store import candidates, messages, mix
from mailflow.workspace import Workspace
from people import add_message

RELAY = "relay: {host: 127.0.0.1, port: 9, tls: none}\n"
ACCEPTED = MessageState.ACCEPTED


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A shop with four people, of whom p4 got nothing yet; `give` writes what the others got."""
    return make_shop(tmp_path / "shop", 4)


def give(shop: Workspace, person: int, kinds: str, *, days_ago: float = 10, now: datetime = NOW) -> None:
    """Write what somebody got: `ppv` is two promotions and a message of value."""
    with shop.store.transaction() as tx:
        for kind in kinds:
            message = add_message(
                tx, person, f"p{person}@example.com", now=now, state=ACCEPTED, settled=timedelta(days=days_ago)
            )
            tx.execute("UPDATE messages SET kind = ? WHERE id = ?", ("promo" if kind == "p" else "value", message))


def report(shop: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    capsys.readouterr()
    assert mailflow(shop, "report", "mix", *words, "--format", "json", now=NOW) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_people_are_counted_by_the_share_of_promotions(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    give(shop, 1, "pppp")
    give(shop, 2, "ppvv")
    give(shop, 3, "p")
    bands = {row["share"]: row for row in report(shop, capsys)}
    assert {name: row["people"] for name, row in bands.items()} == {
        "0%": 0, "1-25%": 0, "26-50%": 1, "51-75%": 0, "76-99%": 0, "100%": 1, "too few": 1,
    }  # fmt: skip
    assert (bands["100%"]["over_limit"], bands["too few"]["over_limit"]) == (1, 0)


def test_only_real_marketing_mail_of_the_last_30_days_counts(shop: Workspace) -> None:
    give(shop, 1, "pp", days_ago=29.9)
    give(shop, 1, "v", days_ago=30.1)
    with shop.store.transaction() as tx:
        for state, rehearsal, of_class in (
            (ACCEPTED, True, MessageClass.MARKETING),
            (ACCEPTED, False, MessageClass.ESSENTIAL),
            (MessageState.FAILED, False, MessageClass.MARKETING),
        ):
            add_message(
                tx, 1, "p1@example.com", now=NOW, state=state, rehearsal=rehearsal, message_class=of_class,
                settled=timedelta(days=1),
            )  # fmt: skip
    since = int((NOW - timedelta(days=30)).timestamp() * 1000)
    assert mix.counts(shop.store.db, since=since, until=since + 30 * 86_400_000) == [(2, 2, 1)]


def test_what_a_merged_contact_got_counts_for_the_person(shop: Workspace) -> None:
    give(shop, 1, "pp")
    give(shop, 2, "v")
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET merged_into = 2 WHERE id = 1")
    assert mix.counts(shop.store.db, since=0, until=1 << 60) == [(3, 2, 1)]


def test_only_the_messages_of_the_window_are_read(shop: Workspace) -> None:
    asked = f"EXPLAIN QUERY PLAN WITH {mix._GOT} SELECT count(*) FROM got"
    steps = " ".join(row[3] for row in shop.store.db.execute(asked, {"since": 0, "until": 1}))
    assert "USING INDEX messages_mixed (settled_at>?" in steps


def test_the_most_one_sided_are_named_first(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    give(shop, 1, "ppv")
    give(shop, 2, "pppp")
    give(shop, 3, "ppp")
    rows = report(shop, capsys, "--contacts")
    assert [(row["email"], row["promo_share"], row["over_limit"]) for row in rows] == [
        ("p2@example.com", 1.0, True), ("p3@example.com", 1.0, True), ("p1@example.com", 0.6667, False),
    ]  # fmt: skip


def test_the_table_warns_and_an_empty_one_says_why(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "report", "mix", now=NOW) == 0
    assert "Rehearsals do not count" in capsys.readouterr().out
    give(shop, 1, "ppp")
    assert mailflow(shop, "report", "mix", now=NOW) == 0
    assert "warning: the mail of 1 person is more than 80 % promotion" in capsys.readouterr().err


def test_the_page_shows_the_figures(shop: Workspace, tmp_path: Path) -> None:
    give(shop, 1, "ppp")
    page = tmp_path / "mix.html"
    assert mailflow(shop, "report", "mix", "--html", str(page), now=NOW) == 0
    assert "above the limit of 80.0 %" in page.read_text(encoding="utf-8")


def test_options_of_another_report_are_refused(shop: Workspace) -> None:
    assert mailflow(shop, "report", "mix", "--for", "p1@example.com") == 2
    assert mailflow(shop, "report", "recommendations", "--contacts") == 2
    assert mailflow(shop, "report", "mix", "--contacts", "--html", "x.html") == 2


def test_a_plan_says_for_how_many_a_promotion_is_one_too_many(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.root / "mailflow.yaml").write_text(SETTINGS + RELAY, encoding="utf-8")
    give(shop, 1, "pppp")  # 5 of 5
    give(shop, 2, "vpppp")  # 5 of 6: 83 %
    give(shop, 3, "vvpp")  # 3 of 5
    assert mailflow(shop, "plan", "hello", "--format", "json", now=NOW) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["over_mix"] == 2
    assert "more than 80 % of the mail that 2 of them got" in told.err
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nkind: value\n")
    assert mailflow(shop, "plan", "hello", "--format", "json", now=NOW) == 0
    assert "over_mix" not in json.loads(capsys.readouterr().out)


def test_above_skip_leaves_them_out_and_why_says_so(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    settings = SETTINGS + RELAY + "mix: {above: skip}\nlimits: {per_day: null, per_week: null}\n"
    (shop.root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    give(shop, 1, "pppp")
    give(shop, 2, "vvpp")
    assert mailflow(shop, "plan", "hello", "--format", "json", now=NOW) == 0
    lines = {line["email"]: line["reason"] for line in json.loads(capsys.readouterr().out)["messages"]}
    assert lines == {
        "p1@example.com": "promo_limit", "p2@example.com": None, "p3@example.com": None, "p4@example.com": None,
    }  # fmt: skip
    assert mailflow(shop, "why", "p1@example.com", "hello", now=NOW) == 0
    assert "mix.promo_at_most" in " ".join(capsys.readouterr().out.split())


def test_the_limit_holds_when_a_message_is_armed(shop: Workspace) -> None:
    give(shop, 1, "pp")
    with shop.store.transaction() as tx:
        waiting = [add_message(tx, 1, "p1@example.com", now=NOW, scope=f"campaign:{name}") for name in "ab"]
    limits = Limits(mix=MixSettings())
    found = candidates.for_messages(shop.store.db, shop.keys, waiting, now=NOW, month=True)
    assert [each.code for each in policy.decide_all(found, limits, NOW)] == ["promo_limit"] * 2
    with shop.store.transaction() as tx:
        tx.execute("UPDATE messages SET kind = 'value' WHERE id = ?", (waiting[0],))
    found = candidates.for_messages(shop.store.db, shop.keys, waiting, now=NOW, month=True)
    # Three of four would be promotions, 75 %, as the message of value goes first.
    assert [each.code for each in policy.decide_all(found, limits, NOW)] == ["", ""]


@pytest.mark.parametrize(
    ("of_template", "of_campaign", "kind"),
    [("", "", "promo"), ("value", "", "value"), ("value", "promo", "promo"), ("", "value", "value")],
)
def test_the_campaigns_file_says_the_kind_else_its_template(
    shop: Workspace, of_template: str, of_campaign: str, kind: str
) -> None:
    front = f"kind: {of_template}\n" if of_template else ""
    (shop.root / "templates" / "hello.md").write_text(f"---\nsubject: Hello\n{front}---\nHello.\n", encoding="utf-8")
    said = f"kind: {of_campaign}\n" if of_campaign else ""
    write_campaign(shop.root, "hello", f"audience: everyone\ntemplate: hello\n{said}")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert {row["kind"] for row in messages.listing(shop.store.db)} == {MessageKind(kind)}
    letter = next((shop.maildir / "new").glob("*.eml")).read_text(encoding="utf-8")
    assert f"Feedback-ID: hello:{kind}:marketing:" in letter
