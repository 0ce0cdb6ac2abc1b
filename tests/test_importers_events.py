"""importers.event_pipeline: what happened comes in once, finds its person, changes in place, and can be taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from import_shop import ImportShop
from mailflow.addresses import normalise
from mailflow.importers import Noun
from mailflow.model import ConsentState, SuppressionReason
from mailflow.store import suppressions

VISITS = (
    '{"event":"Viewed Product","ts":"2026-03-01T10:00:00Z","anonymous_id":"v1","properties":{"product_id":"0012"}}\n'
    '{"event":"page_view","ts":"2026-03-01T10:01:00Z","anonymous_id":"v1","properties":{"url":"/x","seconds":30}}\n'
)


class Shop(ImportShop):
    """A shop that looks at its events."""

    def events(self) -> list[tuple[str | None, str]]:
        """Return (whose, name) of all events in their order."""
        return self.rows(
            "SELECT c.email, e.name FROM events AS e LEFT JOIN contacts AS c ON c.id = e.contact_id"
            " ORDER BY e.occurred_at, e.name, e.id"
        )

    def properties(self, name: str) -> list[dict[str, Any]]:
        rows = self.store.db.execute("SELECT properties FROM events WHERE name = ? ORDER BY occurred_at, id", (name,))
        return [json.loads(row[0]) for row in rows]

    def suppressed(self, email: str) -> list[SuppressionReason]:
        held = suppressions.of_address(self.store.db, self.keys, normalise(email))
        return [one.reason for one in held]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


# Who it was -------------------------------------------------------------------------------------------------------


def test_a_visitor_stays_unknown_until_a_file_of_events_names_them(shop: Shop) -> None:
    shop.take(VISITS, "web.jsonl")
    assert shop.events() == [(None, "product_viewed"), (None, "page_viewed")]
    joined = shop.take("event,time,visitor_id,email\nlogin,2026-03-02 09:00,v1,anna@example.com\n", "more.csv")
    assert {who for who, _ in shop.events()} == {"anna@example.com"}
    shop.undo(joined)
    assert shop.events() == [(None, "product_viewed"), (None, "page_viewed")]
    assert shop.rows("SELECT * FROM identities") == []


@pytest.mark.parametrize(
    "content",
    [
        "email,first_name,visitor_id\nanna@example.com,Anna,v1\n",
        "order_id,email,order_date,total,visitor_id\n7,anna@example.com,2026-03-02,12.50,v1\n",
    ],
)
def test_contacts_and_orders_tell_who_a_visitor_was(shop: Shop, content: str) -> None:
    shop.take(VISITS, "web.jsonl")
    result = shop.take(content)
    assert {who for who, _ in shop.events()} == {"anna@example.com"}
    shop.undo(result)
    assert {who for who, _ in shop.events()} == {None}


def test_visits_that_come_later_are_known_at_once(shop: Shop) -> None:
    shop.take("email,visitor_id\nanna@example.com,v1\n")
    shop.take(VISITS, "web.jsonl")
    assert {who for who, _ in shop.events()} == {"anna@example.com"}


def test_a_shared_computer_keeps_its_first_person(shop: Shop) -> None:
    shop.take("event,time,visitor_id,email\nlogin,2026-03-02 09:00,v1,anna@example.com\n", "a.csv")
    shop.take("event,time,visitor_id,email\nlogin,2026-03-03 09:00,v1,bob@example.com\n", "b.csv")
    shop.take("event,time,visitor_id\npage_view,2026-03-04 09:00,v1\n", "c.csv")
    assert [who for who, _ in shop.events()] == ["anna@example.com", "bob@example.com", "anna@example.com"]


def test_a_new_person_of_an_event_has_no_consent_and_keeps_their_fields(shop: Shop) -> None:
    shop.take("email,first_name\nanna@example.com,Anna\n")
    shop.take(
        "event,time,email,first_name\nlogin,2026-03-02,anna@example.com,Hanna\nlogin,2026-03-02,bob@example.com,Bob\n"
    )
    assert shop.rows("SELECT email, first_name FROM contacts ORDER BY email") == [
        ("anna@example.com", "Anna"), ("bob@example.com", "Bob"),
    ]  # fmt: skip
    assert shop.state("bob@example.com") is ConsentState.NEVER


# Once -------------------------------------------------------------------------------------------------------------


def test_a_file_twice_is_once(shop: Shop) -> None:
    first = shop.take(VISITS, "web.jsonl")
    again = shop.take(VISITS + "\n", "web-again.jsonl")
    assert (first.inserted, again.inserted, again.updated, again.unchanged) == (2, 0, 0, 2)


def test_equal_lines_with_a_time_are_one_event_and_with_only_a_day_several(shop: Shop) -> None:
    timed = shop.take("event,time,email\n" + "login,2026-03-02 09:00:01,anna@example.com\n" * 3)
    assert (timed.inserted, timed.unchanged) == (1, 2)
    dated = shop.take("event,date,email\n" + "login,2026-03-02,bob@example.com\n" * 3)
    assert (dated.inserted, dated.unchanged) == (3, 0)
    assert shop.take("event,date,email\n" + "login,2026-03-02,bob@example.com\n" * 4, "later.csv").inserted == 1


def test_what_changes_under_an_id_is_updated_and_put_back_by_undo(shop: Shop) -> None:
    header = "event_id,event,time,email,plan\n"
    shop.take(header + "e1,plan_changed,2026-03-02 09:00,anna@example.com,basic\n")
    before = shop.rows("SELECT * FROM events")
    changed = shop.take(header + "e1,plan_changed,2026-03-02 09:05,anna@example.com,pro\n", "later.csv")
    assert (changed.inserted, changed.updated) == (0, 1)
    assert shop.properties("plan_changed") == [{"plan": "pro"}]
    dry = shop.take(header + "e1,plan_changed,2026-03-02 09:05,anna@example.com,team\n", "dry.csv", dry_run=True)
    assert {(c["field"], c["old"], c["new"]) for c in dry.changes} == {("plan", "pro", "team")}
    shop.undo(changed)
    assert shop.rows("SELECT * FROM events") == before


def test_undo_leaves_what_a_later_import_changed(shop: Shop) -> None:
    header = "event_id,event,time,email,plan\n"
    first = shop.take(header + "e1,plan_changed,2026-03-02,anna@example.com,a\ne2,login,2026-03-02,anna@example.com,\n")
    shop.take(header + "e1,plan_changed,2026-03-02,anna@example.com,b\n", "later.csv")
    shop.undo(first)
    assert [name for _, name in shop.events()] == ["plan_changed"]


# What it was ------------------------------------------------------------------------------------------------------


def test_ids_stay_text_and_numbers_become_numbers(shop: Shop) -> None:
    shop.take(
        "event,time,email,sku,Order No,tries,share,code,zip,phone_number,weird,flag,nothing\n"
        "login,2026-03-02,a@example.com,0012,17,3,-0.50,12,8010,0664,007,true,\n"
    )
    assert shop.properties("logged_in") == [
        {"sku": "0012", "order_no": "17", "tries": 3, "share": -0.5, "code": "12", "zip": "8010", "weird": "007",
         "flag": True, "said_as": "login"}
    ]  # fmt: skip


def test_nested_properties_of_json_lose_their_prefix(shop: Shop) -> None:
    shop.take(
        '{"event":"Signed Up","sent_at":1772443200123,"user":{"email":"a@example.com"},'
        '"properties":{"plan":"pro","colours":["red","blue"],"utm":{"source":"ad"}}}\n',
        "x.jsonl",
    )
    (found,) = shop.properties("signed_up")
    assert (found["plan"], found["colours"], found["utm_source"]) == ("pro", ["red", "blue"], "ad")
    assert shop.rows("SELECT occurred_at FROM events") == [(1772443200123,)]


def test_what_was_viewed_is_told_by_what_the_row_names(shop: Shop) -> None:
    shop.take(
        "action,timestamp,customer_id,page,product,category,time_on_page\n"
        "viewed,2026-03-02 10:00,c1,,Oolong,Tea,\n"
        "viewed,2026-03-02 10:01,c1,,,Tea,\n"
        "visited,2026-03-02 10:02,c1,/about,,,\n"
        "time-on-page,2026-03-02 10:03,c1,/about,,,95\n"
    )
    assert [name for _, name in shop.events()] == ["product_viewed", "category_viewed", "page_viewed", "page_viewed"]
    assert shop.properties("page_viewed")[1]["seconds"] == 95


def test_an_unknown_name_is_taken_as_it_is_and_said(shop: Shop) -> None:
    result = shop.take("event,time,email\nGift Card Redeemed,2026-03-02,a@example.com\n")
    assert [name for _, name in shop.events()] == ["gift_card_redeemed"]
    assert any("'Gift Card Redeemed' is gift_card_redeemed" in warning for warning in result.warnings)


def test_a_row_without_a_time_or_a_name_is_rejected(shop: Shop) -> None:
    result = shop.take("event,time,email\nlogin,,a@example.com\n,2026-03-02,a@example.com\nlogin,2026-03-02,a@\n")
    assert [(problem.line, problem.field) for problem in result.problems] == [(2, "time"), (3, "event"), (4, "email")]


# Mail of the old tool ---------------------------------------------------------------------------------------------

OLD_MAIL = (
    "Email Address,Action,Timestamp,Campaign\n"
    "anna@example.com,Opened Email,2025-03-02 10:00,Spring\n"
    "bob@example.com,hard bounce,2025-03-02 10:01,Spring\n"
    "cleo@example.com,unsub,2025-03-02 10:02,Spring\n"
    "dora@example.com,abuse,2025-03-02 10:03,Spring\n"
    "emma@example.com,soft bounce,2025-03-02 10:04,Spring\n"
)


def test_past_engagement_is_kept_with_its_origin_and_machines_unknown(shop: Shop) -> None:
    result = shop.take(OLD_MAIL, "activity.csv", source="oldtool")
    assert result.noun is Noun.ENGAGEMENT
    (opened,) = shop.properties("opened")
    assert (opened["origin"], opened["campaign"]) == ("plain", "Spring")
    assert opened["machine"] is None
    assert shop.rows("SELECT DISTINCT source FROM events") == [("oldtool",)]


def test_a_no_of_the_old_tool_is_never_lost(shop: Shop) -> None:
    shop.take("email,consent\n" + "".join(f"{name}@example.com,yes\n" for name in ("anna", "bob", "cleo", "dora")))
    result = shop.take(OLD_MAIL, "activity.csv")
    assert shop.state("anna@example.com") is ConsentState.SUBSCRIBED
    assert shop.state("cleo@example.com") is shop.state("dora@example.com") is ConsentState.UNSUBSCRIBED
    assert shop.suppressed("bob@example.com") == [SuppressionReason.HARD_BOUNCE]
    assert shop.suppressed("dora@example.com") == [SuppressionReason.COMPLAINT]
    assert shop.suppressed("emma@example.com") == []
    shop.undo(result)
    assert shop.state("cleo@example.com") is ConsentState.UNSUBSCRIBED
    assert shop.suppressed("bob@example.com") == [SuppressionReason.HARD_BOUNCE]


def test_a_row_a_campaign_becomes_an_event_for_each_of_its_times(shop: Shop) -> None:
    shop.take(
        "recipient,campaign,sent_at,opened_at,clicked,unsubscribed\n"
        "anna@example.com,Spring,2025-03-02 10:00,2025-03-02 11:00,0,no\n"
        "bob@example.com,Spring,2025-03-02 10:00,,,yes\n"
    )
    assert sorted(shop.events()) == [
        ("anna@example.com", "delivered"), ("anna@example.com", "opened"),
        ("bob@example.com", "delivered"), ("bob@example.com", "unsubscribed"),
    ]  # fmt: skip
    assert shop.state("bob@example.com") is ConsentState.UNSUBSCRIBED


# Social -----------------------------------------------------------------------------------------------------------


def test_a_handle_is_a_visitor_until_a_row_names_the_person(shop: Shop) -> None:
    header = "platform,handle,type,date,email\n"
    shop.take(header + "Instagram,@anna,follow,2025-03-02,\nInstagram,@anna,mention,2025-03-03,\n")
    assert [who for who, _ in shop.events()] == [None, None]
    shop.take(header + "instagram,Anna,like,2025-03-04,anna@example.com\n", "later.csv")
    assert shop.events() == [
        ("anna@example.com", "followed"), ("anna@example.com", "mentioned"), ("anna@example.com", "liked"),
    ]  # fmt: skip


# Large ------------------------------------------------------------------------------------------------------------


def test_an_interrupted_import_leaves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailflow.store import events_bulk

    def fail(*arguments: object) -> None:
        raise RuntimeError("the machine stops")

    monkeypatch.setattr(events_bulk, "revise_known", fail)
    with pytest.raises(RuntimeError):
        shop.take(
            VISITS + '{"event":"login","ts":"2026-03-02","email":"anna@example.com","anonymous_id":"v1"}\n', "x.jsonl"
        )
    for table in ("events", "contacts", "identities", "statements"):
        assert shop.rows(f"SELECT * FROM {table}") == []
