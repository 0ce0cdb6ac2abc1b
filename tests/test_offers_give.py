"""Giving codes: never one twice, whoever renders at the same time and whenever one is killed; none can be guessed."""

from __future__ import annotations

import hmac
import math
import random
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailflow import clock
from mailflow.jobs import offering
from mailflow.model import MessageState
from mailflow.offers import generate, give, pool
from mailflow.offers.give import Asking
from mailflow.offers.offer import Offer
from mailflow.offers.spec import GenerateSpec
from mailflow.store import Store, codes, messages
from mailflow.store.codes import CodeKind
from mailflow.store.messages import NewMessage
from mailflow.workspace import Workspace
from offer_shop import POOL, offer_shop, write_codes
from offer_shop import pool as made_codes

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
SCOPE = "campaign:back"
KINDS = {
    "pool": POOL,
    "ahead": "comeback:\n  generate: {prefix: COME-, ahead: true}\n",
    "generated": "comeback:\n  generate: {prefix: COME-, length: 6}\n",
    "shared": "comeback:\n  code: SPRING\n",
}


def keyed(text: str) -> bytes:
    return hmac.digest(b"secret", text.encode(), "sha256")


def planned(shop: Workspace, people: int, scope: str = SCOPE) -> None:
    """Plan a message for everybody."""
    at = clock.to_ms(NOW)
    with shop.store.transaction() as tx:
        new = [
            NewMessage(contact, MessageState.PLANNED, None, at, at + 1, f"p{contact}@example.com", f"t{scope}{contact}")
            for contact in range(1, people + 1)
        ]
        messages.insert(tx, scope, new, rehearsal=False, kind="promo", at=at)


def shop_with(folder: Path, kind: str, people: int, spare: int = 0) -> tuple[Workspace, Offer]:
    shop = offer_shop(folder, None, people, offers=KINDS[kind], codes=made_codes(people + spare))
    offer = offering.offers(shop).get("comeback")
    if kind == "pool":
        pool.refresh(shop.store, shop.root, offer, at=0)
    if kind == "ahead":
        known = pool.known_or_new(shop.store, offer)
        with shop.store.transaction() as tx:
            codes.add(tx, known.id, CodeKind.GENERATED, made_codes(people + spare), reading=known.reading, at=0)
    planned(shop, people)
    return shop, offer


def render(store: Store, offer: Offer, dice: random.Random, *, dies: float = 0.0) -> bool:
    """Render some planned messages as a run does: choose, then give and freeze in one transaction. False: all done.

    With the chance `dies` it is killed in between, or in the middle of the transaction.
    """
    due = messages.due(store.db, by=clock.to_ms(NOW), after=(-1, -1), limit=dice.randint(1, 9))
    batch = [each for each in due if each.state is MessageState.PLANNED]
    if not batch:
        return bool(due)
    known = codes.known(store.db, "comeback") or pool.known_or_new(store, offer)
    asking = [Asking(each.id, each.contact_id, each.token, each.scope) for each in batch]
    choice = give.choose(store.db, known, offer, asking, keyed, now=NOW)
    assert not choice.refused
    if dice.random() < dies:
        return True
    tx = store.begin()
    try:
        lost = codes.give(tx, list(choice.gifts.values()))
        if dice.random() < dies:
            store.rollback()
            return True
        messages.make_ready(tx, [gift for gift in choice.gifts if gift not in lost])
    except BaseException:
        store.rollback()
        raise
    store.commit()
    with store.transaction() as tx:  # those are sent at once, so that `due` finds others
        tx.execute("UPDATE messages SET state = 'accepted' WHERE state = 'ready'")
    return True


def check(shop: Workspace, people: int, kind: str) -> None:
    rows = shop.store.db.execute(
        "SELECT m.id, count(c.id) AS codes FROM messages AS m LEFT JOIN codes AS c ON c.message_id = m.id GROUP BY m.id"
    ).fetchall()
    assert [row["codes"] for row in rows] == [1] * people
    held = Counter(row[0] for row in shop.store.db.execute("SELECT code_key FROM codes WHERE message_id IS NOT NULL"))
    if kind != "shared":
        assert set(held.values()) == {1}, "somebody else has the same code"
    else:
        assert held == {"spring": people}


@pytest.mark.parametrize("kind", KINDS)
def test_many_who_render_at_once_give_every_message_one_code_and_no_code_twice(kind: str, tmp_path: Path) -> None:
    people = 150
    shop, offer = shop_with(tmp_path / "shop", kind, people, spare=5)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        try:
            with shop.store.again() as store:
                while store.db.execute("SELECT 1 FROM messages WHERE state = 'planned'").fetchone():
                    render(store, offer, dice, dies=0.2)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not failures
    check(shop, people, kind)
    left = {"pool": 5, "ahead": 5, "generated": 0, "shared": 0}[kind]
    free = shop.store.db.execute("SELECT count(*) FROM codes WHERE message_id IS NULL").fetchone()[0]
    assert free == left, "a code was lost"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(sorted(KINDS)), dies=st.floats(0, 0.9))
def test_whatever_dies_when_the_books_agree_in_the_end(
    seed: int, kind: str, dies: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop, offer = shop_with(tmp_path_factory.mktemp("give") / "shop", kind, 12)
    dice = random.Random(seed)
    stores = [shop.store.again() for _ in range(3)]
    for _ in range(40):
        render(dice.choice(stores), offer, dice, dies=dies)
    while render(dice.choice(stores), offer, dice):
        if not shop.store.db.execute("SELECT 1 FROM messages WHERE state = 'planned'").fetchone():
            break
    for store in stores:
        store.close()
    check(shop, 12, kind)


def test_a_dry_pool_leaves_messages_as_they_are(tmp_path: Path) -> None:
    shop, offer = shop_with(tmp_path / "shop", "pool", 5)
    write_codes(shop.root, made_codes(2))
    pool.refresh(shop.store, shop.root, offer, at=1)
    known = pool.known_or_new(shop.store, offer)
    asking = [Asking(number, number, f"t{number}", SCOPE) for number in range(1, 6)]
    choice = give.choose(shop.store.db, known, offer, asking, keyed, now=NOW)
    assert (sorted(choice.gifts), choice.dry) == ([1, 2], [3, 4, 5])


def shown_codes(shop: Workspace) -> list[str]:
    rows = shop.store.db.execute("SELECT code FROM codes WHERE message_id IS NOT NULL ORDER BY message_id")
    return [row["code"] for row in rows]


def thaw(shop: Workspace) -> None:
    """Throw the rendered bytes away, as it is done when changed files are approved."""
    with shop.store.transaction() as tx:
        tx.execute("UPDATE messages SET state = 'planned'")


@pytest.mark.parametrize("kind", ["shared", "pool"])
def test_messages_made_anew_carry_the_codes_that_the_owner_put_right(kind: str, tmp_path: Path) -> None:
    shop, offer = shop_with(tmp_path / "shop", kind, 4)
    dice = random.Random(1)
    while render(shop.store, offer, dice) and "planned" in states(shop):
        pass
    wrong = shown_codes(shop)
    with shop.store.transaction() as tx:  # the first one's dot may have gone out: its reader may have the code
        tx.execute("INSERT INTO attempts (message_id, runner, armed_at) VALUES (1, 'x', 0)")
    thaw(shop)
    right = [f"RIGHT-{number}" for number in range(4)] if kind == "pool" else ["SUMMER"] * 4
    if kind == "pool":
        write_codes(shop.root, right)
        pool.refresh(shop.store, shop.root, offer, at=1)
    else:
        offer = replace(offer, shared="SUMMER")
    while render(shop.store, offer, dice) and "planned" in states(shop):
        pass
    assert shown_codes(shop) == [wrong[0], *right[:3]]


def states(shop: Workspace) -> set[str]:
    return {row["state"] for row in shop.store.db.execute("SELECT DISTINCT state FROM messages")}


def test_codes_are_made_of_letters_that_cannot_be_mistaken() -> None:
    assert not set(generate.ALPHABET) & set("0OQ1ILUVY2Z5S8BAE")
    code = generate.code_for("message", GenerateSpec(prefix="BDAY-", length=10), keyed)
    assert code.startswith("BDAY-")
    assert len(code) == 15
    assert set(code.removeprefix("BDAY-")) <= set(generate.ALPHABET)


def test_codes_follow_from_the_message_and_nothing_follows_from_a_code() -> None:
    how = GenerateSpec(length=8)
    made = [generate.code_for(str(number), how, keyed) for number in range(20_000)]
    assert made == [generate.code_for(str(number), how, keyed) for number in range(20_000)]
    assert len(set(made)) == 20_000
    other = [generate.code_for(str(number), how, lambda text: keyed(text + "!")) for number in range(20_000)]
    assert not set(made) & set(other)
    expected = 20_000 / len(generate.ALPHABET)  # each letter at each place as often as any other, within five sigma
    sigma = math.sqrt(expected)
    for place in range(8):
        counts = Counter(code[place] for code in made)
        assert all(abs(count - expected) < 5 * sigma for count in counts.values())
        assert set(counts) == set(generate.ALPHABET)


def test_a_code_that_is_taken_is_not_made_again(tmp_path: Path) -> None:
    shop, offer = shop_with(tmp_path / "shop", "generated", 1)
    first = give.make(shop.store.db, offer, ["a", "b"], keyed)
    known = pool.known_or_new(shop.store, offer)
    with shop.store.transaction() as tx:
        codes.add(tx, known.id, CodeKind.POOL, [first[0].code.lower()], reading=0, at=0)
    again = give.make(shop.store.db, offer, ["a", "b"], keyed)
    assert again[0].code != first[0].code
    assert again[1] == first[1]


def test_samples_are_told_from_codes_and_differ_from_person_to_person(tmp_path: Path) -> None:
    _, offer = shop_with(tmp_path / "shop", "pool", 1)
    samples = {give.sample(offer, f"p{number}", keyed, now=NOW)["code"] for number in range(50)}
    assert len(samples) == 50
    assert all(code.startswith("SAMPLE-") for code in samples)
