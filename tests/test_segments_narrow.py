"""Looking again only at those whom something came about: the members are those of everybody asked anew, for less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from import_shop import ImportShop
from mailflow.config import Settings
from mailflow.model import Basis, ConsentState, ImportState, MessageState
from mailflow.scoring import lifecycle as stages
from mailflow.segments import Segments, keep
from mailflow.segments.narrow import Narrow
from mailflow.store import consents, events, marks, membership, merges, statements, undo
from mailflow.store.consents import ConsentEntry
from mailflow.store.events import Event
from mailflow.store.marks import Mark
from mailflow.store.statements import Statement
from people import add_contact, add_message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "name": "Shop",
        "sender": {"name": "Shop", "email": "shop@example.com"},
        "timezone": "Europe/Vienna",
        "currency": "EUR",
        "fields": {"nick": {}, "size": {"type": "number"}},
    }
)
RULES = {
    "germans": 'country == "DE"',
    "named": 'nick == "bee" or size >= 2',
    "buyers": "orders.count >= 1",
    "lately": "orders.last_at >= now - 30d",
    "often": "bought(at_least=2, within=400d)",
    "dear": "orders.revenue >= 50",
    "dear_lines": "bought(where=price >= 10)",
    "tea": 'bought(category="tea")',
    "oolong": 'bought("Oolong")',
    "mostly_tea": 'favourite.category == "tea"',
    "viewed_tea": 'viewed(category="tea")',
    "viewed": "viewed(within=90d)",
    "viewed_mug": 'viewed("Mug")',
    "not_viewed": "not viewed()",
    "subscribed": 'consent.email == "subscribed"',
    "topics": 'topics contains "tea"',
    "mailed": "received(within=10d)",
    "unmailed": "orders.count >= 1 and not received()",
    "leads": 'lifecycle == "lead"',
    "loyal": 'lifecycle in ("loyal", "new")',
    "known_long": "created_at < now - 60d",
    "nested": 'segment("germans") and segment("buyers")',
    "everybody": "true",
}
HEADER = "order id,email,date,product,category,quantity,price,currency,status\n"
PEOPLE = [f"p{number}@example.com" for number in range(1, 9)]


class Shop(ImportShop):
    """A shop whose people and orders come in files, and everything else by itself; `dice` decides what comes."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        super().__init__(folder)
        self.dice = Random(seed)
        self.taken: list[int] = []
        rules = "".join(f"{name}: {rule}\n" for name, rule in RULES.items())
        (folder / "segments.yaml").write_text(rules, encoding="utf-8")
        (folder / "rates.csv").write_text("date,from,to,rate\n2020-01-01,USD,EUR,0.5\n", encoding="utf-8")

    def refresh(self) -> keep.Changes:
        """Bring all members up to date as of one instant, so that nobody moves by the clock."""
        known = {**marks.now(self.db), Mark.FILES: "1"}
        stages.refresh(self.store, SETTINGS, marks=known, now=NOW)
        known = {**marks.now(self.db), Mark.FILES: "1"}
        return keep.refresh(self.store, self.segments(), marks=known, now=NOW)

    def segments(self) -> Segments:
        return Segments.open(self.folder, SETTINGS)

    def kept(self) -> dict[str, list[int]]:
        found = membership.kept(self.db)
        return {name: sorted(membership.present(self.db, found[name].id)) for name in RULES}

    def meant(self) -> dict[str, list[int]]:
        """Return whom the rules mean, everybody asked anew."""
        known = self.segments()
        return {name: list(known.members(self.store, known.named(name), now=NOW)) for name in RULES}

    def contact_ids(self) -> list[int]:
        return [row[0] for row in self.rows("SELECT id FROM contacts WHERE merged_into IS NULL")]

    def somebody(self) -> int:
        """Return a contact, who may be somebody else by now: an old link is still theirs."""
        return int(self.dice.choice(self.rows("SELECT id FROM contacts"))[0])

    def bring(self, content: str) -> None:
        result = self.take(content, name=f"{len(self.taken)}.csv")
        assert result.id is not None
        self.taken.append(result.id)

    # What may come, each from a file or from one row -----------------------------------------------------------

    def people_come(self) -> None:
        who = self.dice.sample(PEOPLE, 2)
        lines = [f"{each},{self.dice.choice(['DE', 'AT'])},{self.dice.choice(['bee', 'ant'])}" for each in who]
        self.bring("email,country,nick\n" + "\n".join(lines) + "\n")

    def orders_come(self) -> None:
        rows = []
        for _ in range(self.dice.randint(1, 2)):
            number, who = self.dice.randint(1, 12), self.dice.choice([*PEOPLE, ""])
            day = f"2026-{self.dice.randint(1, 11):02d}-{self.dice.randint(1, 20):02d}"
            product, category = self.dice.choice([("Oolong", "tea"), ("Mug", "mugs"), ("Cup", "")])
            status = self.dice.choice(["paid", "paid", "cancelled"])
            money = self.dice.choice(["EUR", "EUR", "EUR", "USD"])
            rows.append(f"{number},{who},{day},{product},{category},1,{self.dice.randint(1, 60)}.00,{money},{status}\n")
        self.bring(HEADER + "".join(rows))

    def views_come(self) -> None:
        visitor = self.dice.choice(["v1", "v2", "v3"])
        who = self.dice.choice([*PEOPLE, ""])
        self.bring(
            "event,visitor id,email,timestamp,product\n"
            f"product_viewed,{visitor},{who},2026-11-{self.dice.randint(1, 20)} 10:{self.dice.randint(10, 59)},"
            f"{self.dice.choice(['Oolong', 'Mug'])}\n"
        )

    def products_come(self) -> None:
        name, category = self.dice.choice([("Oolong", "tea"), ("Oolong", "gifts"), ("Mug", "tea"), ("Cup", "mugs")])
        self.bring(f"product id,title,category\n{name},{name},{category}\n")

    def somebody_speaks(self) -> None:
        who, said = self.dice.choice(self.contact_ids()), self.dice.choice(list(ConsentState)[:3])
        topic = self.dice.choice(["", "tea"])
        with self.store.transaction() as tx:
            entry = ConsentEntry(who, said, Basis.EXPRESS, None, NOW, NOW, "test", topic=topic, lifts=True)
            consents.append(tx, entry)

    def somebody_clicks(self) -> None:
        with self.store.transaction() as tx:
            number = tx.execute("SELECT count(*) FROM events").fetchone()[0]
            events.insert(
                tx, Event("product_viewed", "test", f"click-{number}", NOW, NOW, self.somebody(), {"title": "Mug"})
            )

    def somebody_answers(self) -> None:
        who, size = self.dice.choice(self.contact_ids()), self.dice.randint(1, 3)
        with self.store.transaction() as tx:
            statements.state(tx, Statement(who, "size", str(size), "", 0, "test"))
            statements.fill(tx, who, "size", size, at=0)

    def mail_goes_out(self) -> None:
        with self.store.transaction() as tx:
            state = self.dice.choice([MessageState.ACCEPTED, MessageState.ARMED, MessageState.FAILED])
            scope = f"campaign:{tx.execute('SELECT count(*) FROM messages').fetchone()[0]}"
            hour = timedelta(hours=1)
            add_message(tx, self.somebody(), "", now=NOW, state=state, settled=hour, armed=hour, scope=scope)

    def mail_arrives(self) -> None:
        with self.store.transaction() as tx:
            tx.execute("UPDATE messages SET state = 'accepted', settled_at = 1 WHERE state = 'armed'")

    def two_are_one(self) -> None:
        if len(self.contact_ids()) > 4:
            kept, merged = self.dice.sample(self.contact_ids(), 2)
            with self.store.transaction() as tx:
                merges.merge(tx, kept, merged, evidence="test", now=NOW)

    def two_are_two_again(self) -> None:
        rows = self.rows("SELECT id FROM merges WHERE undone_at IS NULL ORDER BY id DESC LIMIT 1")
        if rows:
            with self.store.transaction() as tx:
                merges.take_back(tx, rows[0][0], now=NOW)

    def a_file_goes_back(self) -> None:
        if self.taken:
            undo.take_back(self.store, self.taken.pop(), now=NOW, final=ImportState.UNDONE)


STEPS: tuple[Callable[[Shop], None], ...] = (
    Shop.people_come, Shop.orders_come, Shop.orders_come, Shop.views_come, Shop.products_come, Shop.somebody_speaks,
    Shop.somebody_clicks, Shop.somebody_answers, Shop.mail_goes_out, Shop.mail_arrives, Shop.two_are_one,
    Shop.two_are_two_again, Shop.a_file_goes_back,
)  # fmt: skip


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int | None]]:
    """Return a list that grows with (segment, how many people were looked at, None for everybody) in each round."""
    found: list[tuple[str, int | None]] = []
    whom = Narrow.whom

    def noted(self: Narrow, old: membership.Kept, hash_: str, rule: keep.Rule) -> frozenset[int] | None:
        people = whom(self, old, hash_, rule)
        found.append((old.name, None if people is None else len(people)))
        return people

    monkeypatch.setattr(Narrow, "whom", noted)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_after_whatever_comes_the_members_are_those_of_everybody_asked_anew(
    tmp_path: Path, seed: int, looked_at: list[tuple[str, int | None]]
) -> None:
    shop = Shop(tmp_path, seed)
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
def shop(tmp_path: Path) -> Shop:
    """A shop in which everybody ordered once."""
    made = Shop(tmp_path)
    made.bring("email\n" + "".join(f"{each}\n" for each in PEOPLE))
    lines = (f"{number},{who},2026-10-01,Mug,mugs,1,5.00,EUR,paid\n" for number, who in enumerate(PEOPLE, 100))
    made.bring(HEADER + "".join(lines))
    made.refresh()
    return made


def test_after_one_order_only_who_ordered_is_looked_at(shop: Shop, looked_at: list[tuple[str, int | None]]) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    changes = shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES, 1)
    assert +changes.entered == {"lately": 1, "often": 1, "dear": 1, "dear_lines": 1}
    assert shop.kept() == shop.meant()


def test_what_a_merged_contact_does_is_done_by_who_they_are_now(shop: Shop) -> None:
    with shop.store.transaction() as tx:
        merges.merge(tx, 1, 2, evidence="test", now=NOW)
    shop.refresh()
    with shop.store.transaction() as tx:
        events.insert(tx, Event("product_viewed", "test", "old link", NOW, NOW, 2, {"title": "Mug"}))
    assert +shop.refresh().entered == {"viewed": 1, "viewed_mug": 1}
    assert shop.kept()["viewed"] == [1]


def test_nobody_is_looked_at_for_an_order_of_a_stranger(shop: Shop, looked_at: list[tuple[str, int | None]]) -> None:
    shop.bring(f"{HEADER}1,,2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES, 0)


def test_the_first_order_in_another_currency_makes_all_amounts_others(
    shop: Shop, looked_at: list[tuple[str, int | None]]
) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,USD,paid\n")
    shop.refresh()
    assert {name for name, people in looked_at if people is None} == {"dear", "dear_lines"}


def test_what_is_said_of_an_old_product_concerns_whoever_bought_or_saw_it(
    shop: Shop, looked_at: list[tuple[str, int | None]]
) -> None:
    shop.bring("product id,title,category\nMug,Mug,tea\n")
    shop.refresh()
    everybody = {name for name, people in looked_at if people is None}
    assert everybody == {"dear_lines", "tea", "oolong", "mostly_tea", "viewed_tea", "viewed_mug"}
    assert shop.kept() == shop.meant()
    assert len(shop.kept()["mostly_tea"]) == len(PEOPLE)


def test_an_order_of_a_new_product_leaves_earlier_orders_as_they_are(
    shop: Shop, looked_at: list[tuple[str, int | None]]
) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Bowl,,1,8.00,EUR,paid\n")
    shop.refresh()
    assert {name for name, people in looked_at if people is None} == {"viewed_tea", "viewed_mug"}


def test_after_an_undo_everybody_is_looked_at(shop: Shop, looked_at: list[tuple[str, int | None]]) -> None:
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    shop.a_file_goes_back()
    shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES)
    assert shop.kept() == shop.meant()


def test_many_changes_at_once_are_as_good_as_all(shop: Shop, looked_at: list[tuple[str, int | None]]) -> None:
    with shop.store.transaction() as tx:
        for number in range(51):
            add_contact(tx, f"n{number}@example.com", now=NOW)
    shop.refresh()
    assert dict(looked_at) == dict.fromkeys(RULES)
    assert len(shop.kept()["everybody"]) == len(PEOPLE) + 51


def test_a_look_at_a_few_puts_no_look_at_all_off(shop: Shop) -> None:
    due = {name: kept.due_at for name, kept in membership.kept(shop.db).items()}
    shop.now = NOW
    shop.bring(f"{HEADER}1,{PEOPLE[0]},2026-11-20,Mug,mugs,1,80.00,EUR,paid\n")
    known = {**marks.now(shop.db), Mark.FILES: "1"}
    keep.refresh(shop.store, shop.segments(), marks=known, now=NOW + timedelta(minutes=4))
    assert {name: kept.due_at for name, kept in membership.kept(shop.db).items()} == due


def test_scores_are_of_all_people_together(shop: Shop, looked_at: list[tuple[str, int | None]]) -> None:
    (shop.folder / "segments.yaml").write_text("best: rfm.r == 5\nseen: viewed()\n", encoding="utf-8")
    known = {**marks.now(shop.db), Mark.FILES: "1"}
    keep.refresh(shop.store, shop.segments(), marks=known, now=NOW)
    keep.refresh(shop.store, shop.segments(), marks={**known, Mark.SCORES: "7", Mark.CONSENT: "0"}, now=NOW)
    assert looked_at == [("best", None)]
