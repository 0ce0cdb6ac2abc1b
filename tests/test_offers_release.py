"""A code goes back into its list only when certainly nobody can have seen it, and only when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mail_shop import mailflow
from mailflow.model import MessageState
from mailflow.store import codes
from mailflow.workspace import Workspace
from offer_shop import POOL, frozen, given, offer_shop, pool, shown, write_codes
from sink import Fault, Sink

Sinks = Callable[..., Sink]
LATER = 1 << 60


def second(shop: Workspace, who: str) -> None:
    """Write another campaign with the same offer, to one person."""
    text = f'audience: email == "{who}"\ntemplate: back\noffer: comeback\n'
    (shop.root / "campaigns" / "second.yaml").write_text(text, encoding="utf-8")


def free(shop: Workspace) -> int:
    return int(shop.store.db.execute("SELECT count(*) FROM codes WHERE message_id IS NULL").fetchone()[0])


def test_a_refused_addresss_code_goes_to_somebody_else_when_the_list_is_short(mail_sink: Sinks, tmp_path: Path) -> None:
    sink = mail_sink(Fault(at="RCPT", action="reply", text="554 5.7.1 no", match="p2@", times=1), keep_bodies=True)
    shop = offer_shop(tmp_path / "shop", sink.port, 2, codes=pool(2))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 1
    had = given(shop)
    assert free(shop) == 0
    second(shop, "p1@example.com")
    assert mailflow(shop, "send", "second", "--yes", "--quiet") == 0
    assert sorted(shown(sink)) == sorted(had.values())  # both codes have been seen now, each once
    assert set(given(shop)) == {"p1@example.com"}
    assert sorted(frozen(shop).values()) == sorted(had.values())


def test_while_there_are_others_a_code_stays_with_its_message(mail_sink: Sinks, tmp_path: Path) -> None:
    sink = mail_sink(Fault(at="RCPT", action="reply", text="554 5.7.1 no", match="p2@", times=1))
    shop = offer_shop(tmp_path / "shop", sink.port, 2, codes=pool(3))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 1
    second(shop, "p1@example.com")
    assert mailflow(shop, "send", "second", "--yes", "--quiet") == 0
    assert set(given(shop)) == {"p1@example.com", "p2@example.com"}


@pytest.mark.parametrize("reply", ["", "garbage"])
def test_a_code_in_doubt_is_nobody_elses(mail_sink: Sinks, tmp_path: Path, reply: str) -> None:
    sink = mail_sink(Fault(at="DOT", action=reply or "drop", match="p2@", times=1, keep=True))
    shop = offer_shop(tmp_path / "shop", sink.port, 2, codes=pool(2), connections=1)
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 1
    second(shop, "p1@example.com")
    assert mailflow(shop, "send", "second", "--yes", "--quiet") == 78
    assert len(given(shop)) == 2


def test_a_code_that_a_relay_refused_after_the_dot_is_nobody_elses(mail_sink: Sinks, tmp_path: Path) -> None:
    sink = mail_sink(Fault(at="DOT", action="reply", text="554 5.7.1 spam", match="p2@", times=1))
    shop = offer_shop(tmp_path / "shop", sink.port, 2, codes=pool(2))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 1
    second(shop, "p1@example.com")
    assert mailflow(shop, "send", "second", "--yes", "--quiet") == 78


def test_per_person_does_not_count_what_never_went(mail_sink: Sinks, tmp_path: Path) -> None:
    sink = mail_sink(Fault(at="RCPT", action="reply", text="554 5.7.1 no", match="p2@", times=1))
    shop = offer_shop(tmp_path / "shop", sink.port, 2, offers=POOL + "  per_person: 1\n", codes=pool(9))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 1
    second(shop, "p2@example.com")
    assert mailflow(shop, "send", "second", "--yes", "--quiet") == 0
    assert len(sink.accepted()) == 2


RELEASED = {MessageState.CANCELLED, MessageState.EXPIRED, MessageState.FAILED, MessageState.HELD_OUT}


@pytest.fixture
def mailed(tmp_path: Path, mail_sink: Sinks) -> Workspace:
    """A shop whose one message has its code; the tests below say what became of it."""
    shop = offer_shop(tmp_path / "shop", mail_sink().port, 1, codes=pool(1))
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    return shop


def test_of_all_states_only_those_that_are_over_and_never_armed_give_a_code_back(mailed: Workspace) -> None:
    (offer,) = codes.every(mailed.store.db)
    for state in MessageState:
        for armed in (True, False):
            for not_after, over in ((0, True), (LATER, False)):
                tx = mailed.store.begin()
                tx.execute("UPDATE messages SET state = ?, not_after = ?", (state, not_after))
                if not armed:
                    tx.execute("DELETE FROM attempts")
                wanted = not armed and (state in RELEASED or (state is MessageState.SKIPPED and over))
                assert codes.release(tx, offer.id, now=1) == int(wanted), (state, armed, over)
                kept = tx.execute("SELECT count(*) FROM message_contents").fetchone()[0]
                assert kept == int(not wanted)
                mailed.store.rollback()


def test_a_kill_in_the_midst_leaves_every_code_where_it_was(mailed: Workspace) -> None:
    (offer,) = codes.every(mailed.store.db)
    with mailed.store.transaction() as tx:
        tx.execute("UPDATE messages SET state = 'expired'")
        tx.execute("DELETE FROM attempts")
    before = given(mailed)
    killed = mailed.store.again()
    assert codes.release(killed.begin(), offer.id, now=1) == 1
    killed.close()  # what a kill leaves: a transaction that was never committed
    assert given(mailed) == before
    assert len(frozen(mailed)) == 1
    with mailed.store.transaction() as tx:
        assert codes.release(tx, offer.id, now=1) == 1
    assert (given(mailed), frozen(mailed), free(mailed)) == ({}, {}, 1)


def test_a_shared_code_is_not_taken_back(tmp_path: Path, mail_sink: Sinks) -> None:
    shop = offer_shop(tmp_path / "shop", mail_sink().port, 1, offers="comeback:\n  code: SPRING\n")
    write_codes(shop.root, [])
    (shop.root / "templates" / "back.md").write_text("---\nsubject: S\n---\nYour code: {{ offer.code }}.\n", "utf-8")
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    (offer,) = codes.every(shop.store.db)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE messages SET state = 'expired'")
        tx.execute("DELETE FROM attempts")
        assert codes.release(tx, offer.id, now=1) == 0
