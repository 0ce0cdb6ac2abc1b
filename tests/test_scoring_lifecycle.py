"""Lifecycle stages: exactly one for everybody, as docs/segments.md defines them, with causes and history."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median_low

import pytest
from pydantic import ValidationError

from mailflow import clock
from mailflow.config.settings import LifecycleSettings
from mailflow.jobs import keep, members
from mailflow.jobs.init import Brand, init
from mailflow.model import Stage
from mailflow.store import imports, lifecycle, timeline
from mailflow.workspace import Workspace
from people import add_contact
from shop import Order, at, keep_orders

ZONE = clock.zone("Europe/Vienna")
DAY = timedelta(days=1)
NOW = at("2026-03-30", ZONE)
END = clock.end_of_day(clock.local_date(NOW, ZONE), ZONE)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = init(tmp_path / "shop", Brand(timezone="Europe/Vienna")).workspace
    (made.root / "segments.yaml").unlink()  # so that no rule wants RFM scores, which take a second each time
    return made


def buy(shop: Workspace, orders: dict[str, list[float]]) -> dict[str, int]:
    """Write orders, each so many days before the end of today."""
    found = [Order(who, END - ago * DAY, 1000) for who, days in orders.items() for ago in days]
    return keep_orders(shop.store, found)


def settle(shop: Workspace, **settings: object) -> None:
    text = (shop.root / "mailflow.yaml").read_text(encoding="utf-8")
    (shop.root / "mailflow.yaml").write_text(f"{text}\nlifecycle: {json.dumps(settings)}\n", encoding="utf-8")


def stages(shop: Workspace, now: datetime = NOW) -> dict[int, str]:
    keep.keep(Workspace.at(shop.root), now=now, is_real_clock=True)
    return dict(shop.store.db.execute("SELECT contact_id, stage FROM lifecycle_now").fetchall())


def by_hand(days: list[float], typical: float) -> str:
    """Return the stage as docs/segments.md puts it; `days` are how long each order is ago."""
    if not days:
        return "lead"
    gap = max(1, (max(days) - min(days) + typical) / len(days))
    gaps = min(days) / gap
    if gaps >= 1.5:
        return "lost" if gaps >= 6 else "lapsed" if gaps >= 3 else "at_risk"
    if len(days) >= 4:
        return "loyal"
    return "new" if len(days) == 1 and min(days) <= 30 else "active"


def test_everybody_has_the_stage_of_the_definition(shop: Workspace) -> None:
    dice = random.Random(7)
    orders = {
        f"p{n}": [dice.randint(1, 900) + 0.25 for _ in range(dice.choice([1, 1, 1, 2, 3, 4, 7]))] for n in range(400)
    }
    ids = buy(shop, orders)
    with shop.store.transaction() as tx:
        lead = add_contact(tx, "lead@example.com", now=NOW)
    typical = median_low(
        [(max(days) - min(days)) / (len(days) - 1) for days in orders.values() if len(set(days)) > 1 or len(days) > 1]
    )
    found = stages(shop)
    assert found == {**{ids[who]: by_hand(days, max(1, typical)) for who, days in orders.items()}, lead: "lead"}
    assert set(found.values()) == set(Stage)


def test_two_orders_in_one_week_make_nobody_a_weekly_customer(shop: Workspace) -> None:
    settle(shop, typical_gap="60d")
    ids = buy(shop, {"quick": [24, 21], "weekly": [63, 56, 49, 42, 35, 28, 21]})
    assert stages(shop) == {ids["quick"]: "active", ids["weekly"]: "loyal"}
    assert stages(shop, NOW + 14 * DAY) == {ids["quick"]: "active", ids["weekly"]: "at_risk"}


def test_bounds_in_days_are_the_same_for_everybody(shop: Workspace) -> None:
    settle(shop, at_risk="90d", lapsed="26w", lost="365d", new="10d", loyal=2)
    ids = buy(shop, {"a": [9], "b": [11], "c": [90], "d": [182], "e": [365], "f": [400, 89], "g": [89.9]})
    assert stages(shop) == {
        ids["a"]: "new", ids["b"]: "active", ids["c"]: "at_risk", ids["d"]: "lapsed", ids["e"]: "lost",
        ids["f"]: "loyal", ids["g"]: "active",
    }  # fmt: skip


def test_a_change_of_stage_is_dated_with_its_cause_and_told_in_the_life_of_a_person(shop: Workspace) -> None:
    settle(shop, typical_gap="20d")
    ids = buy(shop, {"ada": [1]})
    assert stages(shop) == {ids["ada"]: "new"}
    later = NOW + 40 * DAY
    assert stages(shop, later) == {ids["ada"]: "at_risk"}
    known = lifecycle.of_contact(shop.store.db, ids["ada"])
    assert known is not None
    assert (known.stage, known.previous, known.entered_at) == ("at_risk", "new", clock.to_ms(later))
    assert (known.orders, known.gap_days) == (1, 20)
    assert known.silence_days in (40, 41)  # a day in spring has 23 hours
    told = [moment.text for moment in timeline.of_person(shop.store.db, shop.keys, [ids["ada"]])]
    assert any(text.startswith("lifecycle new → at_risk (4") for text in told)
    runs = shop.store.db.execute("SELECT as_of, inputs FROM score_runs WHERE name = 'lifecycle'").fetchall()
    assert [row["as_of"] for row in runs] == ["2026-03-30", "2026-05-09"]
    assert json.loads(runs[1]["inputs"])["bounds"]["typical_gap"] == 20 * lifecycle.DAY_MS


def test_an_order_brings_somebody_back(shop: Workspace) -> None:
    settle(shop, typical_gap="20d")
    ids = buy(shop, {"ada": [200]})
    assert stages(shop) == {ids["ada"]: "lost"}
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contact_facts SET order_count = 2, last_order_at = ?", (clock.to_ms(NOW),))
        imports.data_changed(tx)
    assert stages(shop, NOW + timedelta(minutes=1)) == {ids["ada"]: "active"}
    history = shop.store.db.execute("SELECT stage, left_at IS NULL FROM lifecycle_stages ORDER BY id").fetchall()
    assert [tuple(row) for row in history] == [("lost", 0), ("active", 1)]


def test_a_merged_contact_has_no_stage_of_its_own(shop: Workspace) -> None:
    with shop.store.transaction() as tx:
        add_contact(tx, "a@example.com", now=NOW)
        add_contact(tx, "b@example.com", now=NOW)
    assert stages(shop) == {1: "lead", 2: "lead"}
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET merged_into = 1 WHERE id = 2")
        imports.data_changed(tx)
    assert stages(shop, NOW + timedelta(minutes=1)) == {1: "lead"}


def test_a_rule_asks_for_stages_of_today_even_before_anything_kept_them(shop: Workspace) -> None:
    settle(shop, typical_gap="20d")
    ids = buy(shop, {"ada": [1], "bob": [200]})
    asked = members.written(shop, 'lifecycle == "lost"')
    assert list(members.found(shop, asked, now=NOW).contact_ids) == [ids["bob"]]
    assert list(asked.known.members(shop.store, asked.rule, now=NOW)) == [ids["bob"]]
    assert shop.store.db.execute("SELECT count(*) FROM lifecycle_stages").fetchone()[0] == 0  # asking writes nothing
    then = clock.local_date(NOW - 190 * DAY, ZONE)
    new = members.written(shop, 'lifecycle == "new"')
    assert list(members.found(shop, new, now=NOW, as_of=then).contact_ids) == [ids["bob"]]
    lead = members.written(shop, 'lifecycle == "lead"')
    assert list(members.found(shop, lead, now=NOW, as_of=then).contact_ids) == [ids["ada"]]


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"at_risk": "90d"}, "all in days"),
        ({"at_risk": 3, "lapsed": 2}, "must ascend"),
        ({"at_risk": "12h", "lapsed": "5d", "lost": "9d"}, "shorter than a day"),
        ({"at_risk": 0}, "above 0"),
        ({"typical_gap": "soon"}, "is not a duration"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(settings: dict[str, object], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        LifecycleSettings.model_validate(settings)
