"""Merges, partings, imports and their undoing in any order: figures are a recount's, and nobody's no is lost."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mail_shop import NOW, mailflow, make_shop
from mailflow.addresses import normalise
from mailflow.errors import BusyError, UsageError
from mailflow.jobs import people
from mailflow.model import ConsentState, ImportState
from mailflow.store import consents, contacts, facts, imports, merges
from mailflow.workspace import Workspace

EMAILS = [f"p{number}@example.com" for number in range(8)]


@dataclass
class Life:
    """A shop in which things happen by chance, and what has to hold of it."""

    shop: Workspace
    folder: Path
    dice: random.Random
    said_no: set[str] = field(default_factory=set)
    files: int = 0

    def step(self) -> None:
        often = [self.order, self.merge]
        self.dice.choice([*often, *often, self.contacts, self.part, self.undo, self.leave])()

    def order(self) -> None:
        rows = []
        for number in range(self.dice.randint(1, 5)):
            day, status = f"2026-0{self.dice.randint(1, 3)}-05", self.dice.choice(["paid", "paid", "cancelled"])
            rows.append(
                f"{self.files}-{number},{self.dice.choice(EMAILS)},{day},{self.dice.randint(1, 99)}.50,{status}"
            )
        if self.dice.random() < 0.3:  # an order that comes again, changed, perhaps of somebody else
            rows.append(f"again,{self.dice.choice(EMAILS)},2026-01-05,{self.dice.randint(1, 99)}.00,paid")
        self._import(["Order ID,Email,Date,Total,Status", *rows])

    def contacts(self) -> None:
        rows = []
        for email in self.dice.sample(EMAILS, 3):
            word = self.dice.choice(["subscribed", "unsubscribed", ""])
            self.said_no |= {email} if word == "unsubscribed" else set()
            rows.append(f"{email},{self.dice.choice(['Anna', 'Eva', ''])},{word}")
        self._import(["Email,First name,Consent", *rows])

    def merge(self) -> None:
        one, other = self.dice.sample(EMAILS, 2)
        try:
            people.merge(self.shop, people.look(self.shop, one, other), now=NOW)
        except UsageError:
            return  # nobody yet, or one person already

    def part(self) -> None:
        standing = [each.merge.id for each in people.listing(self.shop) if each.merge.undone_at is None]
        if standing:
            people.part(self.shop, self.dice.choice(standing), now=NOW)

    def undo(self) -> None:
        done = [each.id for each in imports.all_of_them(self.shop.store.db) if each.state is ImportState.DONE]
        if done:
            assert mailflow(self.shop, "import", "--undo", str(self.dice.choice(done)), "--quiet", now=NOW) == 0

    def leave(self) -> None:
        email = self.dice.choice(EMAILS)
        self.said_no.add(email)
        assert mailflow(self.shop, "contact", "unsubscribe", email, "--quiet", now=NOW) == 0

    def _import(self, lines: list[str]) -> None:
        self.files += 1
        file = self.folder / f"{self.files}.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        assert mailflow(self.shop, "import", str(file), "--source", "shop", "--quiet", now=NOW) == 0

    def check(self) -> None:
        db = self.shop.store.db
        kept = facts.kept(db)
        assert kept == facts.counted(db)
        paid = "SELECT coalesce(sum(total_minor), 0) FROM orders WHERE status = 'paid' AND contact_id IS NOT NULL"
        assert sum(kept.revenue.values()) == db.execute(paid).fetchone()[0]
        assert merges.is_whole(db)
        for email in self.said_no:
            owner = contacts.owner_of(db, normalise(email))
            assert owner is not None
            for contact in (owner, contacts.whole(db, owner)[0]):
                assert consents.state_of(db, contact) is ConsentState.UNSUBSCRIBED, (email, contact)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_in_whatever_order(tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    life = Life(make_shop(tmp_path / "shop", people=0), tmp_path, random.Random(seed))
    for _ in range(25):
        life.step()
        life.check()
    for listed in people.listing(life.shop):
        if listed.merge.undone_at is None:
            people.part(life.shop, listed.merge.id, now=NOW)
            life.check()
    assert life.shop.store.db.execute("SELECT count(*) FROM contacts WHERE merged_into IS NOT NULL").fetchone()[0] == 0


def test_merging_waits_for_nobody(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", people=2)
    pair = people.look(shop, "p1@example.com", "p2@example.com")
    with shop.lock(), pytest.raises(BusyError):
        people.merge(shop, pair, now=NOW)
    number = people.merge(shop, pair, now=NOW)
    with pytest.raises(UsageError, match="somebody was quicker"):
        people.merge(shop, pair, now=NOW)
    people.part(shop, number, now=NOW)
    with pytest.raises(UsageError, match="taken back already"):
        people.part(shop, number, now=NOW)
