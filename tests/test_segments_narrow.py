"""Looking again only at those whom something came about: the members are those of everybody asked anew, for less."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from changing_shop import HEADER, NOW, PEOPLE, RULES, STEPS, ChangingShop
from mailflow.rules import Rule
from mailflow.segments import keep
from mailflow.segments.narrow import Narrow
from mailflow.store import events, marks, membership, merges
from mailflow.store.events import Event
from mailflow.store.marks import Mark
from people import add_contact

Looks = list[tuple[str, int | None]]  # (segment, how many people were looked at, None for everybody)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Return a list that grows with every look."""
    found: Looks = []
    whom = Narrow.whom

    def noted(self: Narrow, old: membership.Kept, hash_: str, rule: Rule) -> frozenset[int] | None:
        people = whom(self, old, hash_, rule)
        found.append((old.name, None if people is None else len(people)))
        return people

    monkeypatch.setattr(Narrow, "whom", noted)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_after_whatever_comes_the_members_are_those_of_everybody_asked_anew(
    tmp_path: Path, seed: int, looked_at: Looks
) -> None:
    shop = ChangingShop(tmp_path, seed)
    shop.bring("email\n" + "".join(f"{each}\n" for each in PEOPLE))
    shop.refresh()
    done = []
    for _ in range(14):
        step = shop.dice.choice(STEPS)
        step(shop)
        done.append(step.__name__)
        changes = shop.refresh()
        assert changes.wrong == {}
        assert shop.kept() == shop.meant(), done
    assert len([1 for _, people in looked_at if people is not None]) > len(RULES)  # not everybody each time


@pytest.fixture
def shop(tmp_path: Path) -> ChangingShop:
    """A shop in which everybody ordered once."""
    made = ChangingShop(tmp_path)
    made.bring("email\n" + "".join(f"{each}\n" for each in PEOPLE))
    lines = (f"{number},{who},2026-10-01,Mug,mugs,1,5.00,EUR,paid\n" for number, who in enumerate(PEOPLE, 100))
    made.bring(HEADER + "".join(lines))
    made.refresh()
    return made


def test_after_one_order_only_who_ordered_is_looked_at(shop: ChangingShop, looked_at: Looks) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    changes = shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES, 1)
    assert +changes.entered == {"lately": 1, "often": 1, "dear": 1, "dear_lines": 1}
    assert shop.kept() == shop.meant()


def test_what_a_merged_contact_does_is_done_by_who_they_are_now(shop: ChangingShop) -> None:
    with shop.store.transaction() as tx:
        merges.merge(tx, 1, 2, evidence="test", now=NOW)
    shop.refresh()
    with shop.store.transaction() as tx:
        events.insert(tx, Event("product_viewed", "test", "old link", NOW, NOW, 2, {"title": "Mug"}))
    assert +shop.refresh().entered == {"viewed": 1, "viewed_mug": 1}
    assert shop.kept()["viewed"] == [1]


def test_nobody_is_looked_at_for_an_order_of_a_stranger(shop: ChangingShop, looked_at: Looks) -> None:
    shop.bring(f"{HEADER}1,,2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES, 0)


def test_the_first_order_in_another_currency_makes_all_amounts_others(shop: ChangingShop, looked_at: Looks) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,USD,paid\n")
    shop.refresh()
    assert {name for name, people in looked_at if people is None} == {"dear", "dear_lines"}


def test_what_is_said_of_an_old_product_concerns_whoever_bought_or_saw_it(shop: ChangingShop, looked_at: Looks) -> None:
    shop.bring("product id,title,category\nMug,Mug,tea\n")
    shop.refresh()
    everybody = {name for name, people in looked_at if people is None}
    assert everybody == {"dear_lines", "tea", "oolong", "mostly_tea", "viewed_tea", "viewed_mug"}
    assert shop.kept() == shop.meant()
    assert len(shop.kept()["mostly_tea"]) == len(PEOPLE)


def test_an_order_of_a_new_product_leaves_earlier_orders_as_they_are(shop: ChangingShop, looked_at: Looks) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Bowl,,1,8.00,EUR,paid\n")
    shop.refresh()
    assert {name for name, people in looked_at if people is None} == {"viewed_tea", "viewed_mug"}


def test_after_an_undo_everybody_is_looked_at(shop: ChangingShop, looked_at: Looks) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    shop.a_file_goes_back()
    shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES)
    assert shop.kept() == shop.meant()


def test_many_changes_at_once_are_as_good_as_all(shop: ChangingShop, looked_at: Looks) -> None:
    with shop.store.transaction() as tx:
        for number in range(51):
            add_contact(tx, f"n{number}@example.com", now=NOW)
    shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES)
    assert len(shop.kept()["everybody"]) == len(PEOPLE) + 51


def test_a_look_at_a_few_puts_no_look_at_all_off(shop: ChangingShop) -> None:
    due = {name: kept.due_at for name, kept in membership.kept(shop.db).items()}
    shop.now = NOW
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    known = {**marks.now(shop.db), Mark.FILES: "1"}
    keep.refresh(shop.store, shop.segments(), marks=known, now=NOW + timedelta(minutes=4))
    assert {name: kept.due_at for name, kept in membership.kept(shop.db).items()} == due


def test_scores_are_of_all_people_together(shop: ChangingShop, looked_at: Looks) -> None:
    (shop.folder / "segments.yaml").write_text("best: rfm.r == 5\nseen: viewed()\n", encoding="utf-8")
    known = {**marks.now(shop.db), Mark.FILES: "1"}
    keep.refresh(shop.store, shop.segments(), marks=known, now=NOW)
    keep.refresh(shop.store, shop.segments(), marks={**known, Mark.SCORES: "7", Mark.CONSENT: "0"}, now=NOW)
    assert looked_at == [("best", None)]
