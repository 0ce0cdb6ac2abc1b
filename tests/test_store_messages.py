"""Messages in the store: every change of state is one that the model allows, and frozen bytes stay what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailflow import clock
from mailflow.model import MESSAGE_TRANSITIONS, ConsentState, MessageClass
from mailflow.model import MessageState as S
from mailflow.store import Connection, Store, contents, messages
from mailflow.store.contents import Content
from mailflow.store.messages import NewMessage, Outcome
from people import add_contact, add_message
from posting import NOW

AT = clock.to_ms(NOW)
DAY = 86_400_000
SCOPE = "campaign:spring"
BYTES = b"Message-ID: <1@shop.example>\r\n\r\n" + bytes(range(256)) + b"\r\n.\r\n..\r\nend"

Act = Callable[[Connection, int], object]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as made:
        yield made


def new_message(tx: Connection, state: S = S.PLANNED, *, name: str = "anna", **options: object) -> int:
    email = f"{name}@example.com"
    contact = add_contact(tx, email, now=NOW, consent=ConsentState.SUBSCRIBED)
    return add_message(tx, contact, email, now=NOW, state=state, **options)  # type: ignore[arg-type]


def content_of(message_id: int, data: bytes = BYTES) -> Content:
    return Content(message_id, "shop@shop.example", "anna@example.com", "Hello", data)


def freeze(tx: Connection, rendered: list[Content]) -> None:
    contents.keep(tx, rendered, at=AT)
    messages.make_ready(tx, [content.message_id for content in rendered])


def state_of(db: Connection, message_id: int) -> S:
    return S(db.execute("SELECT state FROM messages WHERE id = ?", (message_id,)).fetchone()[0])


def insert_again(tx: Connection, message_id: int, state: S) -> object:
    row = messages.get(tx, message_id)
    assert row is not None
    again = NewMessage(row["contact_id"], state, "why", AT, AT + DAY, "new@example.com", f"new {state}")
    tx.execute("UPDATE messages SET step = '', occurrence = '' WHERE id = ?", (message_id,))
    return messages.insert(tx, SCOPE, [again], rehearsal=False, kind="promo", at=AT)


ACTS: dict[str, Act] = {
    **{f"insert {s}": lambda tx, n, s=s: insert_again(tx, n, s) for s in (S.PLANNED, S.SKIPPED, S.HELD_OUT)},
    "freeze": lambda tx, n: freeze(tx, [content_of(n)]),
    "arm": lambda tx, n: messages.arm(tx, [n], runner="test", at=AT),
    **{
        f"settle {s}": lambda tx, n, s=s: messages.settle(tx, [Outcome(n, s, "reply", "why", next_at=AT)], at=AT)
        for s in (S.ACCEPTED, S.DEFERRED, S.FAILED, S.IN_DOUBT)
    },
    "refuse": lambda tx, n: messages.refuse(tx, [(n, "cap_day")], at=AT, again_at=AT + 1),
    "recover": lambda tx, _: messages.recover(tx, at=AT),
    "recover a week later": lambda tx, _: messages.recover(tx, at=AT + 8 * DAY),
    "expire": lambda tx, _: messages.expire(tx, at=AT + 2 * DAY),
    "thaw": lambda tx, _: messages.thaw(tx, SCOPE),
    "cancel": lambda tx, _: messages.cancel(tx, SCOPE, reason="why", at=AT),
    "hold out": lambda tx, n: messages.hold_out(tx, [n], reason="held_out", at=AT),
    "replan": lambda tx, n: messages.replan(tx, [n], at=AT),
    "look again": lambda tx, n: messages.look_again(tx, [(n, "cap_week")], again_at=AT + 1),
    "forget bytes": lambda tx, _: contents.forget(tx, older_than=AT + 99 * DAY),
}

# What each does where it does anything at all, written down by hand.
MOVES: dict[str, dict[S, S]] = {
    "insert planned": {S.SKIPPED: S.PLANNED},
    "insert skipped": {},
    "insert held_out": {S.SKIPPED: S.HELD_OUT},
    "freeze": {S.PLANNED: S.READY},
    "arm": {S.READY: S.ARMED, S.DEFERRED: S.ARMED},
    "settle accepted": {S.ARMED: S.ACCEPTED},
    "settle deferred": {S.ARMED: S.DEFERRED, S.READY: S.DEFERRED},
    "settle failed": {S.ARMED: S.FAILED, S.READY: S.FAILED, S.DEFERRED: S.FAILED, S.PLANNED: S.FAILED},
    "settle in_doubt": {S.ARMED: S.IN_DOUBT},
    "refuse": {S.PLANNED: S.SKIPPED, S.READY: S.SKIPPED, S.DEFERRED: S.SKIPPED},
    "recover": {S.ARMED: S.IN_DOUBT},
    "recover a week later": {S.ARMED: S.IN_DOUBT, S.IN_DOUBT: S.ASSUMED_SENT},
    "expire": {S.PLANNED: S.EXPIRED, S.READY: S.EXPIRED, S.DEFERRED: S.EXPIRED},
    "thaw": {S.READY: S.PLANNED, S.DEFERRED: S.PLANNED},
    "cancel": {S.PLANNED: S.CANCELLED, S.READY: S.CANCELLED, S.DEFERRED: S.CANCELLED},
    "hold out": {S.SKIPPED: S.HELD_OUT},
    "replan": {S.SKIPPED: S.PLANNED},
    "look again": {},
    "forget bytes": {},
}


@pytest.mark.parametrize("act", ACTS)
def test_every_change_of_state_is_one_that_the_model_allows(act: str, store: Store) -> None:
    for state in S:
        with store.transaction() as tx:
            message_id = new_message(tx, state, name=f"someone-{state}", settled=timedelta())
            ACTS[act](tx, message_id)
            after = state_of(tx, message_id)
            assert after is MOVES[act].get(state, state), state
            assert after is state or after in MESSAGE_TRANSITIONS[state]
            tx.execute("UPDATE messages SET scope = 'elsewhere', state = 'cancelled'")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=25), st.sampled_from(list(MessageClass)))
def test_no_history_leaves_the_model(store: Store, history: list[str], kind: MessageClass) -> None:
    store.db.execute("BEGIN")
    try:
        message_id = new_message(store.db, message_class=kind, name="anna")
        before = S.PLANNED
        armed = 0
        for act in history:
            ACTS[act](store.db, message_id)
            after = state_of(store.db, message_id)
            # `recover` may take two steps at once for a doubt of its own that is a week old already.
            assert after is before or after in MESSAGE_TRANSITIONS[before], (act, before, after)
            armed += after is S.ARMED and before is not S.ARMED
            before = after
        attempts = list(messages.attempts(store.db, message_id))
        assert len(attempts) == armed
        assert sum(row["ended_at"] is None for row in attempts) == (before is S.ARMED)
        doubts = sum(row["outcome"] == "in_doubt" for row in attempts)
        assert doubts <= (2 if kind is MessageClass.ESSENTIAL else 1)
    finally:
        store.db.execute("ROLLBACK")


# --- bytes -----------------------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.binary(max_size=5000))
def test_frozen_bytes_come_back_byte_for_byte(store: Store, data: bytes) -> None:
    store.db.execute("BEGIN")
    try:
        message_id = new_message(store.db)
        freeze(store.db, [content_of(message_id, data)])
        assert contents.get(store.db, message_id) == content_of(message_id, data)
    finally:
        store.db.execute("ROLLBACK")


def test_frozen_bytes_are_not_frozen_anew(store: Store) -> None:
    with store.transaction() as tx:
        message_id = new_message(tx)
        freeze(tx, [content_of(message_id)])
        freeze(tx, [content_of(message_id, b"other")])
    assert contents.get(store.db, message_id) == content_of(message_id)


def test_contents_are_read_in_one_go_and_absent_ones_left_out(store: Store) -> None:
    with store.transaction() as tx:
        ids = [new_message(tx, name=f"p{number}") for number in range(3)]
        freeze(tx, [content_of(ids[0]), content_of(ids[2], b"two")])
    assert contents.many(store.db, ids) == {ids[0]: content_of(ids[0]), ids[2]: content_of(ids[2], b"two")}


def test_a_skip_before_arming_drops_the_bytes_so_that_a_new_plan_renders_anew(store: Store) -> None:
    with store.transaction() as tx:
        message_id = new_message(tx)
        freeze(tx, [content_of(message_id)])
        messages.refuse(tx, [(message_id, "cap_day")], at=AT, again_at=AT)
        messages.replan(tx, [message_id], at=AT)
        assert contents.get(tx, message_id) is None
        freeze(tx, [content_of(message_id, b"of today")])
    assert contents.get(store.db, message_id) == content_of(message_id, b"of today")


def test_bytes_that_a_relay_may_know_stay_and_so_does_their_address(store: Store) -> None:
    with store.transaction() as tx:
        message_id = new_message(tx)
        freeze(tx, [content_of(message_id)])
        messages.arm(tx, [message_id], runner="test", at=AT)
        messages.settle(tx, [Outcome(message_id, S.DEFERRED, "451 later", "not_now", next_at=AT)], at=AT)
        messages.refuse(tx, [(message_id, "cap_day")], at=AT, again_at=AT)
        insert_again(tx, message_id, S.PLANNED)
        freeze(tx, [content_of(message_id, b"other")])
    assert contents.get(store.db, message_id) == content_of(message_id)
    row = messages.get(store.db, message_id)
    assert row is not None
    assert (row["state"], row["address"]) == ("ready", "anna@example.com")


def test_bytes_are_forgotten_and_their_hash_is_not(store: Store) -> None:
    with store.transaction() as tx:
        settled = new_message(tx, name="old")
        open_one = new_message(tx, name="open")
        freeze(tx, [content_of(settled), content_of(open_one)])
        messages.arm(tx, [settled], runner="test", at=AT)
        messages.settle(tx, [Outcome(settled, S.ACCEPTED, "250 ok")], at=AT)
        before = messages.get(tx, settled)
        assert contents.forget(tx, older_than=AT) == 0
        assert contents.forget(tx, older_than=AT + 1) == 1
        assert contents.forget(tx, older_than=AT + 1) == 0
    after = messages.get(store.db, settled)
    assert before is not None
    assert after is not None
    assert (after["sha256"], after["size"]) == (before["sha256"], len(BYTES))
    assert contents.get(store.db, settled) is None
    assert contents.get(store.db, open_one) == content_of(open_one)


# --- arming, outcomes, recovery --------------------------------------------------------------------------------------


def test_arming_says_which_messages_it_armed(store: Store) -> None:
    with store.transaction() as tx:
        ids = {state: new_message(tx, state, name=f"a-{state}") for state in S}
        armed = messages.arm(tx, list(ids.values()), runner="test", at=AT)
        assert armed == {ids[S.READY], ids[S.DEFERRED]}
        assert [row["message_id"] for row in tx.execute("SELECT message_id FROM attempts")] == sorted(armed)


def test_recovery_reads_only_what_is_unsettled(store: Store) -> None:
    said: list[str] = []
    with store.transaction() as tx:
        tx.set_trace_callback(said.append)
        messages.recover(tx, at=AT)
        tx.set_trace_callback(None)
        plans = [row["detail"] for statement in said for row in tx.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert len(said) == 4
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def test_a_second_outcome_changes_nothing(store: Store) -> None:
    with store.transaction() as tx:
        message_id = new_message(tx, S.READY)
        messages.arm(tx, [message_id], runner="test", at=AT)
        messages.settle(tx, [Outcome(message_id, S.ACCEPTED, "250 first")], at=AT)
        before = tuple(messages.get(tx, message_id) or ())
        for state in (S.FAILED, S.DEFERRED, S.IN_DOUBT, S.ACCEPTED):
            messages.settle(tx, [Outcome(message_id, state, "second", "why")], at=AT + 5)
        assert tuple(messages.get(tx, message_id) or ()) == before
        (attempt,) = messages.attempts(tx, message_id)
        assert (attempt["outcome"], attempt["reply"], attempt["ended_at"]) == ("accepted", "250 first", AT)


def test_marketing_in_doubt_is_never_sent_again(store: Store) -> None:
    with store.transaction() as tx:
        message_id = new_message(tx, S.READY)
        messages.arm(tx, [message_id], runner="test", at=AT)
        assert messages.recover(tx, at=AT + 5) == {S.READY: 0, S.IN_DOUBT: 1, S.ASSUMED_SENT: 0}
        assert messages.recover(tx, at=AT + 6) == {S.READY: 0, S.IN_DOUBT: 0, S.ASSUMED_SENT: 0}
        row = messages.get(tx, message_id)
        assert row is not None
        assert (row["state"], row["reason"], row["settled_at"]) == ("in_doubt", "interrupted", AT + 5)
        assert messages.recover(tx, at=AT + 5 + messages.DOUBT_LASTS_MS)[S.ASSUMED_SENT] == 1
        assert messages.arm(tx, [message_id], runner="test", at=AT) == set()


@pytest.mark.parametrize("how", ["killed", "no reply"])
def test_essential_mail_goes_out_at_most_twice(store: Store, how: str) -> None:
    with store.transaction() as tx:
        message_id = new_message(tx, S.READY, message_class=MessageClass.ESSENTIAL)
        copies = 0
        for _ in range(5):
            if messages.arm(tx, [message_id], runner="test", at=AT):
                copies += 1
                if how == "no reply":
                    outcome = Outcome(message_id, S.IN_DOUBT, "the connection was lost", "no_readable_reply")
                    messages.settle(tx, [outcome], at=AT)
            messages.recover(tx, at=AT)
        assert copies == 2
        assert state_of(tx, message_id) is S.IN_DOUBT


def test_essential_mail_whose_time_is_over_stays_in_doubt(store: Store) -> None:
    with store.transaction() as tx:
        message_id = new_message(tx, S.READY, message_class=MessageClass.ESSENTIAL)
        messages.arm(tx, [message_id], runner="test", at=AT)
        messages.recover(tx, at=AT + DAY)
        assert state_of(tx, message_id) is S.IN_DOUBT


# --- reading ---------------------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(list(S)), st.integers(0, 5)), max_size=30), st.integers(1, 7), st.integers(0, 5)
)
def test_paging_gives_every_due_message_once_and_in_order(
    store: Store, made: list[tuple[S, int]], page: int, by: int
) -> None:
    store.db.execute("BEGIN")
    try:
        wanted = []
        for number, (state, next_at) in enumerate(made):
            message_id = new_message(store.db, state, name=f"p{number}")
            store.db.execute("UPDATE messages SET next_at = ? WHERE id = ?", (next_at, message_id))
            if state in {S.PLANNED, S.READY, S.DEFERRED} and next_at <= by:
                wanted.append((next_at, message_id))
        got: list[tuple[int, int]] = []
        after = (-1, -1)
        while batch := messages.due(store.db, by=by, after=after, limit=page):
            assert len(batch) <= page
            got += [(due.next_at, due.id) for due in batch]
            after = got[-1]
        assert got == sorted(wanted)
    finally:
        store.db.execute("ROLLBACK")


def test_a_page_is_read_from_the_index_of_open_messages(store: Store) -> None:
    plan = store.db.execute(
        "EXPLAIN QUERY PLAN SELECT id FROM messages INDEXED BY messages_open WHERE state IN"
        " ('planned', 'ready', 'deferred') AND next_at <= 5 AND (next_at, id) > (1, 1) ORDER BY next_at, id LIMIT 5"
    ).fetchall()
    assert not any("TEMP B-TREE" in row["detail"] for row in plan)


def test_who_has_a_row_keeps_it(store: Store) -> None:
    with store.transaction() as tx:
        contact = add_contact(tx, "anna@example.com", now=NOW)
        new = NewMessage(contact, S.PLANNED, None, AT, AT + DAY, "anna@example.com", "token 1")
        again = NewMessage(contact, S.PLANNED, None, AT, AT + DAY, "anna@example.com", "token 2")
        assert messages.insert(tx, SCOPE, [new], rehearsal=False, kind="promo", at=AT) == 1
        messages.insert(tx, SCOPE, [again], rehearsal=False, kind="promo", at=AT)
        (row,) = tx.execute("SELECT token, state FROM messages").fetchall()
        assert tuple(row) == ("token 1", "planned")


def test_a_message_that_is_planned_anew_is_of_the_kind_that_its_campaign_is_now(store: Store) -> None:
    with store.transaction() as tx:
        ids = [new_message(tx, S.PLANNED, name="anna"), new_message(tx, S.PLANNED, name="ben")]
        messages.refuse(tx, [(ids[1], "promo_limit")], at=AT, again_at=AT + 1)
        for number in ids:
            row = messages.get(tx, number)
            assert row is not None
            again = NewMessage(row["contact_id"], S.PLANNED, None, AT, AT + DAY, row["address"], f"new {number}")
            tx.execute("UPDATE messages SET step = '', occurrence = '' WHERE id = ?", (number,))
            assert messages.insert(tx, SCOPE, [again], rehearsal=False, kind="value", at=AT) == 1
    rows = store.db.execute("SELECT kind, state, settled_at FROM messages ORDER BY id").fetchall()
    assert [tuple(row) for row in rows] == [("value", "planned", None)] * 2
