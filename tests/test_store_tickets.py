"""store.tickets: which questions are open, and the rule field that holds promotions while one is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailflow import clock
from mailflow.rules import parse
from mailflow.rules.types import Context, known_fields
from mailflow.store import members, merges, past, rules_sql, tickets
from test_importers_events import Shop

HEADER = "ticket_id,email,subject,status,created_at,updated_at\n"
FIELDS = known_fields({}, ["champions"])
ZONE = ZoneInfo("Europe/Vienna")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def may_be_promoted(shop: Shop, db: object = None) -> set[str]:
    context = Context(datetime(2026, 11, 22, tzinfo=UTC), ZONE, "EUR")
    where, parameters = rules_sql.compile(parse("tickets.open == 0", fields=FIELDS), context=context)
    asked = shop.store.db if db is None else db
    ids = list(members.found(asked, where, parameters))  # type: ignore[arg-type]
    return {row[0] for row in shop.rows("SELECT email, id FROM contacts") if row[1] in ids}


def test_an_open_ticket_holds_promotions_and_a_closed_one_lets_them_go(shop: Shop) -> None:
    shop.take("email\nanna@example.com\nbob@example.com\n")
    shop.take(HEADER + "1,anna@example.com,Broken cup,Open,2026-03-02 10:00,2026-03-02 10:00\n")
    assert may_be_promoted(shop) == {"bob@example.com"}
    closed = shop.take(HEADER + "1,anna@example.com,Broken cup,Solved,2026-03-02 10:00,2026-03-04 10:00\n")
    assert (closed.inserted, closed.updated) == (0, 1)
    assert may_be_promoted(shop) == {"anna@example.com", "bob@example.com"}
    shop.undo(closed)
    assert may_be_promoted(shop) == {"bob@example.com"}


def test_a_ticket_that_a_later_file_calls_open_again_is_open(shop: Shop) -> None:
    for status in ("open", "closed", "pending"):
        shop.take(HEADER + f"1,anna@example.com,Broken cup,{status},2026-03-02 10:00,\n", f"{status}.csv")
    assert tickets.count_open(shop.store.db, 1) == 1


def test_a_plain_id_is_that_of_the_ticket(shop: Shop) -> None:
    shop.take("id,requester_email,subject,status,priority,created_at\n7,anna@example.com,Cup,open,high,2026-03-02\n")
    (ticket,) = tickets.of_person(shop.store.db, [1])
    assert (ticket.ticket_id, ticket.is_open) == ("7", True)


def test_a_log_of_tickets_is_read_in_its_order(shop: Shop) -> None:
    header = "ticket_id,email,event,time\n"
    shop.take(header + "1,a@example.com,closed,2026-03-02 12:00\n1,a@example.com,created,2026-03-02 10:00\n")
    assert tickets.count_open(shop.store.db, 1) == 0
    shop.take(header + "1,a@example.com,reopened,2026-03-03 12:00\n", "later.csv")
    (ticket,) = tickets.of_person(shop.store.db, [1])
    assert ticket.is_open
    assert ticket.opened_at == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_opened_and_closed_at_one_instant_is_closed(shop: Shop) -> None:
    shop.take(HEADER + "1,anna@example.com,Hours?,done,2026-03-02,\n")
    (ticket,) = tickets.of_person(shop.store.db, [1])
    assert (ticket.is_open, ticket.subject, ticket.closed_at) == (False, "Hours?", datetime(2026, 3, 1, 23, tzinfo=UTC))


def test_a_word_that_nobody_knows_leaves_a_ticket_open(shop: Shop) -> None:
    result = shop.take(HEADER + "1,anna@example.com,Refund,Waiting on supplier,2026-03-02,\n")
    assert tickets.count_open(shop.store.db, 1) == 1
    assert any("Waiting on supplier" in warning for warning in result.warnings)


def test_tickets_of_a_merged_contact_count_for_who_they_are(shop: Shop) -> None:
    shop.take(HEADER + "1,anna@example.com,Cup,open,2026-03-02,\n2,anna@work.example,Pot,open,2026-03-02,\n")
    with shop.store.transaction() as tx:
        merges.merge(tx, 1, 2, evidence="she says so", now=shop.now)
    assert tickets.count_open(shop.store.db, 1) == 2


def test_a_past_day_knows_nothing_of_what_came_later(shop: Shop) -> None:
    shop.take(HEADER + "1,anna@example.com,Cup,solved,2026-03-02 10:00,2026-03-04 10:00\n")
    for day, free in (("2026-03-01", True), ("2026-03-03", False), ("2026-03-05", True)):
        until = clock.to_ms(clock.end_of_day(date.fromisoformat(day), ZONE))
        with past.seen(shop.store, until=until) as db:
            assert (may_be_promoted(shop, db) == {"anna@example.com"}) is free
