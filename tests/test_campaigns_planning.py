"""Who gets a campaign, who does not and why, and what a plan's id stands for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mail_shop import NOW, add_people, make_shop, write_campaign
from mailflow.campaigns import planning
from mailflow.campaigns.planning import CampaignPlan, Verdict
from mailflow.errors import ProblemsError
from mailflow.jobs.campaign import open_campaign
from mailflow.model import ConsentState
from mailflow.store import consents
from mailflow.store.consents import ConsentEntry
from mailflow.workspace import Workspace


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_shop(tmp_path / "shop", people=5)


def plan(shop: Workspace, name: str = "hello") -> CampaignPlan:
    return open_campaign(shop, name).plan(NOW)


def decisions(found: CampaignPlan) -> dict[str | None, str]:
    return {person.email: person.reason or str(person.verdict) for person in found.people}


def test_everybody_in_the_audience_has_a_decision_and_a_reason(shop: Workspace) -> None:
    add_people(shop, ["no@example.com"], ConsentState.UNSUBSCRIBED)
    add_people(shop, ["asked@example.com"], ConsentState.PENDING)
    add_people(shop, ["nothing@example.com", None], consent=None)
    found = decisions(plan(shop))
    assert found == {
        **{f"p{number}@example.com": "send" for number in range(1, 6)},
        "no@example.com": "unsubscribed",
        "asked@example.com": "pending",
        "nothing@example.com": "no_consent",
        None: "no_address",
    }


def test_planning_writes_no_messages(shop: Workspace) -> None:
    plan(shop)
    assert shop.store.db.execute("SELECT count(*) FROM messages").fetchone()[0] == 0


def test_the_audience_is_the_rule(shop: Workspace) -> None:
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET country = 'AT' WHERE email IN ('p1@example.com', 'p3@example.com')")
    write_campaign(shop.root, "hello", "audience: country == 'AT'\ntemplate: hello\n")
    assert sorted(decisions(plan(shop))) == ["p1@example.com", "p3@example.com"]


@pytest.mark.parametrize(
    ("audience", "place"),
    [
        ("contry == 'AT'", "1:11"),
        ("'contry == 1'", "1:12"),
        ("country == 'AT' and contry == 'DE'", "1:31"),
        ("country == 'AT' and", "1:30"),
        (">\n  country == 'AT'\n  and contry == 'DE'", "3:7"),
        ("|\n  country == 'AT'\n  and contry == 'DE'", "3:7"),
        ("country == 'AT'\n  and contry == 'DE'", "2:7"),
        ("\"country == 'AT' and contry == 'DE'\"", "1:32"),
        ("champoins", "1:11"),
        ("segment('none')", "1:"),
    ],
)
def test_a_mistake_in_the_audience_is_told_where_it_stands(shop: Workspace, audience: str, place: str) -> None:
    write_campaign(shop.root, "hello", f"audience: {audience}\ntemplate: hello\n")
    with pytest.raises(ProblemsError) as caught:
        plan(shop)
    assert str(caught.value).startswith(f"campaigns/hello.yaml:{place}"), str(caught.value)


def test_a_missing_template_is_told_where_it_is_named(shop: Workspace) -> None:
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: helo\n")
    with pytest.raises(ProblemsError, match=r"campaigns/hello\.yaml:2:11: .*helo.*did you mean 'hello'"):
        plan(shop)


def test_the_same_data_gives_the_same_id(shop: Workspace) -> None:
    first = plan(shop).id
    later = open_campaign(Workspace.at(shop.root), "hello").plan(NOW + timedelta(hours=3)).id
    assert first == later
    assert len(first) == 16


def test_whatever_changes_the_plan_changes_its_id(shop: Workspace) -> None:
    ids = [plan(shop).id]
    (shop.root / "templates" / "hello.md").write_text("---\nsubject: Hello\n---\nHello!\n", encoding="utf-8")
    ids.append(plan(shop).id)
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nname: Hello\n")
    ids.append(plan(shop).id)
    (newcomer,) = add_people(shop, ["new@example.com"])
    ids.append(plan(shop).id)
    with shop.store.transaction() as tx:
        entry = ConsentEntry(newcomer, ConsentState.UNSUBSCRIBED, "express", "new@example.com", NOW, NOW, "test")  # type: ignore[arg-type]
        consents.append(tx, entry)
    ids.append(plan(shop).id)
    assert len(set(ids)) == 5


def test_a_holdout_is_stable_and_near_its_share(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", people=1_000)
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nholdout: 10%\n")
    first = {person.key for person in plan(shop).people if person.verdict is Verdict.HOLD_OUT}
    assert 70 <= len(first) <= 130
    add_people(shop, (f"more{number}@example.com" for number in range(200)))
    again = {person.key for person in plan(shop).people if person.verdict is Verdict.HOLD_OUT}
    assert first <= again
    write_campaign(shop.root, "other", "audience: everyone\ntemplate: hello\nholdout: 10%\n")
    other = {person.key for person in plan(shop, "other").people if person.verdict is Verdict.HOLD_OUT}
    assert len(first & other) < 40  # another campaign holds out others


def test_each_is_due_at_their_own_time(shop: Workspace) -> None:
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET timezone = 'America/New_York' WHERE email = 'p1@example.com'")
        tx.execute("UPDATE contacts SET timezone = 'Mars/Olympus' WHERE email = 'p2@example.com'")
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nsend_at: 2026-03-21 09:00 local\n")
    due = {person.email: person.due_at for person in plan(shop).people}
    assert due["p1@example.com"] - due["p3@example.com"] == 5 * 3_600_000
    assert due["p2@example.com"] == due["p3@example.com"]  # an unknown zone counts as the account's


def test_who_would_get_it_too_late_does_not_get_it(shop: Workspace) -> None:
    write_campaign(
        shop.root, "hello", "audience: everyone\ntemplate: hello\nsend_at: 2026-03-19 09:00\nnot_after: 3h\n"
    )
    assert set(decisions(plan(shop)).values()) == {"expired"}


def test_a_limit_leaves_the_others_for_later(shop: Workspace) -> None:
    found = planning.limited(plan(shop), 2)
    assert list(decisions(found).values()) == ["send", "send", "over_limit", "over_limit", "over_limit"]
    assert found.id != plan(shop).id
    assert planning.limited(plan(shop), None).id == plan(shop).id
