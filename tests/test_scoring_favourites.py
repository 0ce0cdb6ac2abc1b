"""What everybody buys most, as it is kept: the same as out of each one's orders, whatever came since."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from changing_shop import HEADER, NOW, PEOPLE, SETTINGS, STEPS, ChangingShop
from mailflow import clock
from mailflow.cli import main
from mailflow.jobs import favourites as job
from mailflow.jobs import keep
from mailflow.jobs.init import Brand, init
from mailflow.scoring import favourites as scoring
from mailflow.store import Store, favourites, frames_favourites, scores
from mailflow.workspace import Workspace
from rule_shop import NOW as RULE_NOW
from rule_shop import Maker

RULE = 'favourite.category == "tea"'
DAY = timedelta(days=1)


def kept(store: Store) -> dict[int, str]:
    return {contact_id: category.lower() for contact_id, category in favourites.kept(store.db)}


def live(store: Store, until: int) -> dict[int, str]:
    """Return what each one's orders say."""
    ids = [row[0] for row in store.db.execute("SELECT id FROM contacts")]
    return {who: category.lower() for who, category in favourites.categories(store.db, ids, until=until).items()}


def tomorrow(shop: ChangingShop, days: int = 0) -> int:
    return clock.to_ms(clock.end_of_day(clock.local_date(NOW + days * DAY, SETTINGS.zone), SETTINGS.zone))


def refresh(shop: ChangingShop, *, days: int = 0) -> int:
    return scoring.refresh(shop.store, SETTINGS, folder=shop.private, now=NOW + days * DAY)


@pytest.fixture
def shop(tmp_path: Path) -> ChangingShop:
    """A shop in which one buys tea, one mugs, and all others tea in one order and mugs in a later one."""
    made = ChangingShop(tmp_path)
    made.bring("email\n" + "".join(f"{each}\n" for each in PEOPLE))
    rows = [f"1,{PEOPLE[0]},2026-10-01,Oolong,tea", f"2,{PEOPLE[1]},2026-10-01,Mug,mugs"]
    for number, who in enumerate(PEOPLE[2:], 10):
        rows += [f"{number},{who},2026-09-01,Oolong,tea", f"{number + 50},{who},2026-10-01,Mug,mugs"]
    made.bring(HEADER + "".join(f"{row},1,5.00,EUR,paid\n" for row in rows))
    refresh(made)
    return made


def asked(shop: ChangingShop, *, days: int = 0) -> list[int]:
    known = shop.segments()
    return list(known.members(shop.store, known.parse(RULE), now=NOW + days * DAY))


@pytest.mark.parametrize("merges", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_for_all_at_once_is_what_each_ones_orders_say(
    tmp_path: Path, seed: int, merges: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_favourites, "AT_ONCE", 7)  # the orders of a person are in many windows
    monkeypatch.setattr(scoring, "_AT_ONCE", 20)  # and people on several piles
    with Store.create(tmp_path / "mailflow.db") as store:
        Maker(store.db, seed, merges=merges).shop(40)
        scoring.refresh(store, SETTINGS, folder=tmp_path, now=RULE_NOW)
        until = clock.to_ms(clock.end_of_day(clock.local_date(RULE_NOW, SETTINGS.zone), SETTINGS.zone))
        assert kept(store) == live(store, until)
        assert len(set(kept(store).values())) > 2


@pytest.mark.parametrize("seed", range(6))
def test_after_whatever_comes_nobody_has_an_old_favourite(tmp_path: Path, seed: int) -> None:
    shop = ChangingShop(tmp_path, seed)
    shop.bring("email\n" + "".join(f"{each}\n" for each in PEOPLE))
    done = []
    for number in range(14):
        step = shop.dice.choice([*STEPS, *[ChangingShop.orders_come] * 6])
        step(shop)
        done.append(step.__name__)
        bought = live(shop.store, tomorrow(shop))
        tea = [who for who, category in sorted(bought.items()) if category == "tea"]
        assert asked(shop) == tea, done  # on what was kept before
        if number % 3 == 0:
            refresh(shop)
            assert kept(shop.store) == bought, done


def test_after_one_order_only_who_ordered_is_looked_at_anew(shop: ChangingShop) -> None:
    assert asked(shop) == [1]
    lines = [f"{number},{PEOPLE[1]},2026-11-0{number % 10},Oolong,tea,1,5.00,EUR,paid\n" for number in (91, 92)]
    shop.bring(HEADER + "".join(lines))
    standing = favourites.standing(shop.db, until=tomorrow(shop))
    assert standing is not None
    assert standing.but == {2}
    assert asked(shop) == [1, 2]
    assert refresh(shop) == 1
    assert asked(shop) == [1, 2]


def test_the_kept_ones_are_what_a_rule_reads(shop: ChangingShop) -> None:
    with shop.store.transaction() as tx:
        favourites.put(tx, [(2, "tea"), (1, None)])  # a lie, so that one sees where the answer comes from
    assert asked(shop) == [2]


@pytest.mark.parametrize("step", ["a_file_goes_back", "products_come"])
def test_when_anybody_may_have_another_one_the_kept_ones_are_not_asked(shop: ChangingShop, step: str) -> None:
    getattr(shop, step)()
    assert favourites.standing(shop.db, until=tomorrow(shop)) is None
    refresh(shop)
    assert kept(shop.store) == live(shop.store, tomorrow(shop))


def test_an_order_of_tomorrow_counts_from_tomorrow_on(shop: ChangingShop) -> None:
    rows = [f"{number},{PEOPLE[1]},2026-11-23,Oolong,tea,1,5.00,EUR,paid\n" for number in (91, 92)]
    shop.bring(HEADER + "".join(rows))
    refresh(shop)
    assert (asked(shop), asked(shop, days=1)) == ([1], [1, 2])
    refresh(shop, days=1)
    assert (asked(shop), asked(shop, days=1)) == ([1], [1, 2])


def test_of_two_runs_at_once_the_later_one_goes_on_alone(tmp_path: Path) -> None:
    shop = ChangingShop(tmp_path)
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-10-01,Oolong,tea,1,5.00,EUR,paid\n")

    def another_begins(orders: int) -> None:
        with shop.store.transaction() as tx:
            scores.begin(tx, favourites.FAVOURITES, favourites.VERSION, as_of=NOW.date(), now=NOW, inputs={})

    assert scoring.refresh(shop.store, SETTINGS, folder=shop.private, now=NOW, advance=another_begins) == 0
    assert kept(shop.store) == {}
    assert scores.latest(shop.db, favourites.FAVOURITES) is None
    assert refresh(shop) == 1


def test_scores_bring_them_up_to_date_where_a_rule_asks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = init(tmp_path / "shop", Brand(timezone="Europe/Vienna")).workspace
    command = ["score", "--if-stale", "--workspace", str(shop.root), "--now", clock.iso(NOW)]
    assert main.run(command) == 0
    assert not job.are_due(Workspace.at(shop.root), now=NOW)
    assert scores.latest(shop.store.db, favourites.FAVOURITES) is None
    (shop.root / "segments.yaml").write_text(f"tea: {RULE}\n", encoding="utf-8")
    assert job.are_due(Workspace.at(shop.root), now=NOW)
    capsys.readouterr()
    assert main.run(command) == 0
    assert "found what people buy most" in capsys.readouterr().err
    assert not job.are_due(Workspace.at(shop.root), now=NOW)
    assert job.are_due(Workspace.at(shop.root), now=NOW + DAY)


def test_run_finds_them_for_a_new_rule_though_no_data_changed(tmp_path: Path) -> None:
    shop = init(tmp_path / "shop", Brand(timezone="Europe/Vienna", currency="EUR")).workspace
    file = shop.root / "orders.csv"
    file.write_text(f"{HEADER}1,{PEOPLE[0]},2026-10-01,Oolong,tea,1,5.00,EUR,paid\n", encoding="utf-8")
    assert main.run(["import", str(file), "--workspace", str(shop.root)]) == 0
    (shop.root / "segments.yaml").write_text("all: true\n", encoding="utf-8")
    keep.keep(Workspace.at(shop.root), now=NOW, is_real_clock=False)
    assert kept(shop.store) == {}
    (shop.root / "segments.yaml").write_text(f"tea: {RULE}\n", encoding="utf-8")
    report = keep.keep(Workspace.at(shop.root), now=NOW, is_real_clock=False)
    assert report is not None
    assert report.wrong == {}
    assert kept(shop.store) == {1: "tea"}
