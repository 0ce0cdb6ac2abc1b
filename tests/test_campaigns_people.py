"""The people of a plan: compact, and read again from the store when they are looked at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mail_shop import make_shop
from mailflow.campaigns.people import Decision, People, Verdict
from mailflow.store import audience
from mailflow.workspace import Workspace

SEND = Decision(Verdict.SEND, None, 1_000, 9_000)
LATER = Decision(Verdict.SEND, None, 5_000, 9_000, delay="quiet_hours")
SKIP = Decision(Verdict.SKIP, "unsubscribed", 8_000, 9_000)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_shop(tmp_path / "shop", people=5)


def people(shop: Workspace) -> People:
    return People.of(shop.store.db, zip(range(1, 6), (SEND, SKIP, SEND, LATER, SKIP), strict=True))


def test_each_comes_with_key_address_and_decision(shop: Workspace) -> None:
    found = list(people(shop))
    assert [person.email for person in found] == [f"p{number}@example.com" for number in range(1, 6)]
    assert [person.verdict for person in found] == ["send", "skip", "send", "send", "skip"]
    assert (found[3].due_at, found[3].delay, found[1].reason) == (5_000, "quiet_hours", "unsubscribed")
    assert all(person.key for person in found)


def test_decisions_are_counted_without_reading_anybody(shop: Workspace) -> None:
    assert people(shop).counts() == {SEND: 2, LATER: 1, SKIP: 2}
    assert people(shop).last_due == 8_000


def test_some_of_them_are_people_too(shop: Workspace) -> None:
    sent = people(shop).where(lambda _, said: said.verdict is Verdict.SEND)
    assert (list(sent.ids), sent.last_due) == ([1, 3, 4], 5_000)
    assert list(sent.at([0, 2]).decided) == [(1, SEND), (4, LATER)]
    nobody = sent.where(lambda *_: False)
    assert (len(nobody), nobody.last_due, list(nobody)) == (0, None, [])


def test_an_address_is_the_one_of_now_and_who_is_gone_is_left_out(shop: Workspace) -> None:
    found = People.of(shop.store.db, [(1, SEND), (2, SEND), (99, SEND)])
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET email = 'new@example.com' WHERE id = 2")
    assert [person.email for person in found] == ["p1@example.com", "new@example.com"]


@pytest.mark.parametrize("few", [0, 20_000])
def test_they_come_in_the_order_of_their_keys(shop: Workspace, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(audience, "_FEW", few)
    some = people(shop).at([1, 3, 4])
    wanted = sorted((person.key, person.contact_id) for person in some)
    assert list(audience.by_key(shop.store.db, some.ids)) == wanted
    assert [said for _, said in some.by_key()] == [{2: SKIP, 4: LATER, 5: SKIP}[contact_id] for _, contact_id in wanted]


def test_a_person_takes_twelve_bytes(shop: Workspace) -> None:
    found = People.of(shop.store.db, ((number, SEND) for number in range(100_000)))
    assert sum(map(sys.getsizeof, (found.ids, found._which))) < 15 * 100_000
