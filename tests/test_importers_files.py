"""importers.files: what a file does to the database, exactly; twice is once; a no stays a no."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from import_shop import ImportShop
from mailflow import clock
from mailflow.errors import QuestionError, UsageError
from mailflow.importers import ImportOptions, Noun, recover
from mailflow.model import Basis, ConsentState
from mailflow.store import consents, contacts_bulk, facts, imports, orders_bulk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Shop(ImportShop):
    """A shop that speaks itself."""

    def say(self, email: str, state: ConsentState, *, lifts: bool = False) -> None:
        """Record consent as the web page or the owner does."""
        contact = self.contact(email)
        with self.store.transaction() as tx:
            consents.append(
                tx,
                consents.ConsentEntry(
                    contact.id, state, Basis.EXPRESS, contact.email, self.now, self.now, "test", lifts=lifts
                ),
            )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


# What the shared files hold -----------------------------------------------------------------------------------


def test_shopify_customers_are_what_expected_json_says(shop: Shop, shared_data: Path) -> None:
    expected = json.loads((shared_data / "exports" / "expected.json").read_text())["shopify_customers_export.csv"]
    result = shop.take(shared_data / "exports" / "shopify_customers_export.csv")
    assert (result.tool, result.noun, result.inserted) == ("shopify", Noun.CONTACTS, expected["rows"])
    assert shop.one("SELECT count(*) FROM contacts WHERE email IS NOT NULL") == (expected["contacts_with_email"],)
    assert [shop.state(email) for email in expected["email_opt_in"]] == [ConsentState.SUBSCRIBED] * 2
    assert [shop.state(email) for email in expected["email_not_opted_in"]] == [ConsentState.UNSUBSCRIBED]
    jose = shop.contact("jose.munoz@example.com")
    assert (jose.fields["first_name"], jose.fields["last_name"]) == ("José", "O'Neill-Muñoz")
    assert (jose.fields["postcode"], jose.fields["phone"]) == ("28013", "+34600000000")
    assert jose.attributes["note"] == 'Called twice.\nPrefers "formal" address'
    assert shop.contact("formula@example.com").fields["first_name"] == "=cmd|' /C calc'!A0"
    assert ("customer_id", "shopify", "7210448301003") in shop.rows("SELECT kind, source, value FROM identities")
    evidence = shop.one("SELECT evidence, basis FROM consents WHERE state = 'subscribed' LIMIT 1")
    assert evidence == ("shopify_customers_export.csv: Accepts Email Marketing = yes", "express")


def test_shopify_orders_are_what_expected_json_says(shop: Shop, shared_data: Path) -> None:
    expected = json.loads((shared_data / "exports" / "expected.json").read_text())["shopify_orders_export.csv"]
    shop.take(shared_data / "exports" / "shopify_customers_export.csv")
    result = shop.take(shared_data / "exports" / "shopify_orders_export.csv")
    assert (result.rows, result.inserted, result.merged) == (expected["rows"], expected["orders"], 1)
    assert shop.one("SELECT count(*) FROM order_lines") == (expected["line_items"],)
    assert shop.one("SELECT sum(total_minor), min(currency) FROM orders") == (21370, "EUR")
    assert shop.one("SELECT sum(revenue_minor) FROM contact_revenue") == (17670,)
    placed = dict(shop.rows("SELECT order_id, placed_at FROM orders"))
    for order, instant in expected["created_at_utc"].items():
        assert clock.iso(clock.from_ms(placed[order])) == instant
    assert shop.rows("SELECT status, count(*) FROM orders GROUP BY 1 ORDER BY 1") == [("cancelled", 1), ("paid", 3)]
    assert shop.rows(
        "SELECT amount_minor, refunded_at = placed_at FROM refunds JOIN orders ON orders.id = refunds.order_id"
    ) == [(2500, 1)]
    guest = shop.one(
        "SELECT value FROM identities JOIN orders USING (contact_id) WHERE order_id = '#2003' AND kind = 'customer_id'"
    )
    assert guest == ("7210448301003",)  # the order without an e-mail is found by its phone


@pytest.mark.parametrize(("name", "rows", "people"), [("cdnow_sample", 6919, 2357), ("rfm_orders", 4906, 995)])
def test_real_orders_import_without_any_option(
    shop: Shop, shared_data: Path, name: str, rows: int, people: int
) -> None:
    result = shop.take(shared_data / "orders" / f"{name}.csv")
    assert (result.inserted, result.rejected) == (rows, 0)
    assert shop.one("SELECT count(*) FROM contacts") == (people,)
    before = shop.everything()
    again = shop.take(shared_data / "orders" / f"{name}.csv")
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, rows)
    assert shop.everything() == before


def test_ids_keep_their_zeros_and_cds_is_no_amount(shop: Shop, shared_data: Path) -> None:
    shop.take(shared_data / "orders" / "cdnow_sample.csv")
    (total,) = shop.one(
        """SELECT sum(total_minor) FROM orders JOIN identities USING (contact_id)
           WHERE kind = 'customer_id' AND value = '0001'"""
    )
    assert total == 2933 + 2973 + 1496 + 2648
    (placed,) = shop.one("SELECT min(placed_at) FROM orders")
    assert clock.iso(clock.from_ms(placed)) == "1996-12-31T23:00:00Z"  # midnight in the account's zone


# Twice is once ------------------------------------------------------------------------------------------------

CONTACTS = """email,first_name,last_name,country,tags
ann@example.com,Ann,Lo,no,vip
bob@example.com,Bob,,AT,
,,,,
not an address,Eve,,,
"""


def test_every_row_is_counted_and_a_bad_one_rejected_with_line_and_reason(shop: Shop) -> None:
    result = shop.take(CONTACTS)
    assert (result.inserted, result.rejected) == (2, 2)
    assert [(problem.line, problem.field) for problem in result.problems] == [(4, "email"), (5, "email")]
    assert result.reject_file is not None
    assert result.reject_file.stat().st_mode & 0o777 == 0o600
    with result.reject_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["mailflow_line"], row["first_name"]) for row in rows] == [("4", ""), ("5", "Eve")]
    assert imports.problems(shop.db, result.id or 0)[1][0] == 5


def test_a_mended_reject_file_is_imported_without_its_two_extra_columns(shop: Shop) -> None:
    result = shop.take(CONTACTS)
    assert result.reject_file is not None
    mended = (
        result.reject_file.read_text()
        .replace("not an address", "eve@example.com")
        .replace(",,,,,4,", "x@example.com,,,,,4,")
    )
    again = shop.take(mended)
    assert again.inserted == 2
    assert shop.contact("eve@example.com").attributes == {}


def test_the_same_contacts_again_change_nothing(shop: Shop) -> None:
    shop.take(CONTACTS)
    before = shop.everything()
    again = shop.take(CONTACTS)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 2)
    assert shop.everything() == before
    assert shop.one("SELECT count(*) FROM import_changes WHERE import_id = ?", again.id) == (0,)


def test_a_blank_cell_says_nothing_and_a_new_word_wins(shop: Shop) -> None:
    shop.take(CONTACTS)
    result = shop.take("email,first_name,country,shoe size\nANN@example.com,,AT,38\nbob@example.com,Bob,AT,\n")
    assert (result.updated, result.unchanged) == (1, 1)
    ann = shop.contact("ann@example.com")
    assert (ann.email, ann.fields["first_name"], ann.fields["country"]) == ("ann@example.com", "Ann", "AT")
    assert ann.attributes == {"tags": ["vip"], "shoe_size": "38"}


def test_the_first_source_stays(shop: Shop) -> None:
    shop.take(CONTACTS, source="old")
    shop.take("email,first_name\nann@example.com,Anna\n", source="new")
    assert shop.contact("ann@example.com").source == "old"


def test_a_dry_run_writes_nothing_and_shows_what_would_change(shop: Shop) -> None:
    shop.take(CONTACTS)
    before = shop.everything()
    result = shop.take("email,first_name\nann@example.com,Anna\nnew@example.com,N\n", dry_run=True)
    assert (result.id, result.inserted, result.updated, result.reject_file) == (None, 1, 1, None)
    assert result.changes == [
        {"line": 2, "contact": "ann@example.com", "field": "first_name", "old": "Ann", "new": "Anna"}
    ]
    assert shop.everything() == before
    assert len(imports.all_of_them(shop.db)) == 1


def test_several_rows_about_one_person_are_read_as_one(shop: Shop) -> None:
    text = "email,first_name,city\nann@example.com,Ann,Oslo\nAnn@Example.com,,Bergen\nann@example.com,Anna,\n"
    result = shop.take(text)
    assert (result.inserted, result.unchanged) == (1, 2)
    ann = shop.contact("ann@example.com")
    assert (ann.fields["first_name"], ann.fields["city"]) == ("Anna", "Bergen")
    assert shop.take(text).unchanged == 3


# Who is who ---------------------------------------------------------------------------------------------------


def test_a_customer_id_finds_whoever_has_it_and_a_new_address_becomes_theirs(shop: Shop) -> None:
    shop.take("email,customer id,first_name\nann@example.com,'0007,Ann\n")
    result = shop.take("email,customer id\nann@new.example,0007\n")
    assert result.updated == 1
    assert shop.contact("ann@example.com").id == shop.contact("ann@new.example").id
    assert shop.contact("ann@example.com").email == "ann@new.example"
    assert shop.take("email,customer id\nann@new.example,0007\n").unchanged == 1


def test_ids_of_two_shops_are_two_people(shop: Shop) -> None:
    shop.take("email,customer id\nann@example.com,1\n", source="north")
    shop.take("email,customer id\nbob@example.com,1\n", source="south")
    assert shop.one("SELECT count(*) FROM contacts") == (2,)


def test_namesakes_with_two_addresses_are_two_people(shop: Shop) -> None:
    shop.take(
        "customer_id,order_date,revenue,email\nJo O'Reilly,2026-01-02,10,jo@example.com\n"
        "Jo O'Reilly,2026-01-03,20,joan@example.com\n"
    )
    assert shop.one("SELECT count(*) FROM contacts") == (2,)


def test_a_phone_counts_only_where_there_is_no_better_key(shop: Shop) -> None:
    shop.take("email,phone\nann@example.com,+43 1 2345678\n")
    shop.take(
        "order id,date,total,email,phone\n1,2026-01-01,5,,0043 1 234 56 78\n"
        "2,2026-01-01,5,bob@example.com,+4312345678\n"
    )
    assert shop.one("SELECT contact_id FROM orders WHERE order_id = '1'") == (shop.contact("ann@example.com").id,)
    assert shop.contact("bob@example.com").id != shop.contact("ann@example.com").id


def test_an_order_without_any_key_is_kept_and_counts_for_nobody(shop: Shop) -> None:
    result = shop.take("order id,date,total,email\n1,2026-01-01,5,\n")
    assert result.inserted == 1
    assert "1 order names no customer" in " ".join(result.warnings)
    assert shop.one("SELECT contact_id FROM orders") == (None,)


def test_orders_fill_blank_fields_and_change_none(shop: Shop) -> None:
    shop.take("email,first_name\nann@example.com,Ann\n")
    shop.take("order id,date,total,email,first name,city\n1,2026-01-01,5,ann@example.com,A.,Oslo\n")
    ann = shop.contact("ann@example.com")
    assert (ann.fields["first_name"], ann.fields["city"]) == ("Ann", "Oslo")


# Consent ------------------------------------------------------------------------------------------------------


def test_a_known_opt_out_is_never_lifted_by_a_file(shop: Shop) -> None:
    shop.take("email\nann@example.com\n")
    shop.say("ann@example.com", ConsentState.UNSUBSCRIBED)
    for text, options in [
        ("email,newsletter\nann@example.com,yes\n", {}),
        ("email\nann@example.com\n", {"basis": Basis.EXPRESS, "evidence": "list"}),
        ("order id,date,total,email,accepts marketing\n1,2027-01-01,5,ann@example.com,yes\n", {}),
    ]:
        result = shop.take(text, **options)
        assert shop.state("ann@example.com") is ConsentState.UNSUBSCRIBED
        assert "1 person said no earlier" in " ".join(result.warnings)


def test_unknown_consent_is_not_consent(shop: Shop) -> None:
    result = shop.take("email\nann@example.com\n")
    assert shop.state("ann@example.com") is ConsentState.NEVER
    assert "says nothing about consent" in " ".join(result.warnings)
    assert shop.one("SELECT count(*) FROM consents") == (0,)


def test_the_owner_can_say_what_a_plain_file_does_not(shop: Shop) -> None:
    shop.take("email\nann@example.com\n", basis=Basis.IMPLIED, evidence="fair 2026")
    assert shop.state("ann@example.com") is ConsentState.SUBSCRIBED
    assert shop.one("SELECT basis, evidence, address, import_id FROM consents") == (
        "implied",
        "fair 2026",
        "ann@example.com",
        1,
    )
    again = shop.take("email\nann@example.com\n", basis=Basis.IMPLIED, evidence="fair 2026")
    assert again.unchanged == 1
    assert shop.one("SELECT count(*) FROM consents") == (1,)


def test_consent_without_evidence_is_refused() -> None:
    with pytest.raises(UsageError, match="--evidence"):
        ImportOptions("EUR", ZoneInfo("UTC"), basis=Basis.EXPRESS)


@pytest.mark.parametrize(
    ("header", "word", "state"),
    [
        ("newsletter", "Ja", "subscribed"),
        ("opt-in", "TRUE", "subscribed"),
        ("status", "unsubscribed", "unsubscribed"),
        ("status", "VIP", "never"),
        ("Email permission status", "Implied", "subscribed"),
        ("subscribed", "n", "unsubscribed"),
        ("subscribed", "", "never"),
        ("status", "pending", "pending"),
        ("status", "never_subscribed", "never"),
        ("EMAIL_BLACKLISTED", "Yes", "unsubscribed"),
        ("EMAIL_BLACKLISTED", "No", "never"),
        ("unsubscribed", "2026-01-02", "unsubscribed"),
        ("UNSUB_TIME", "2026-01-02 10:00:00", "unsubscribed"),
        ("Email Suppressions", "[]", "never"),
        ("Email Suppressions", '"[""HARD_BOUNCE""]"', "never"),
        ("Email Suppressions", '"[""HARD_BOUNCE"", ""UNSUBSCRIBE""]"', "unsubscribed"),
        ("Email Suppressions", '"[""SPAM_COMPLAINT""]"', "unsubscribed"),
    ],
)
def test_words_about_consent_are_translated(shop: Shop, header: str, word: str, state: str) -> None:
    result = shop.take(f"email,{header}\nann@example.com,{word}\n")
    assert shop.state("ann@example.com") == state
    assert ("'status: VIP'" in " ".join(result.warnings)) is (word == "VIP")


def test_a_no_beats_a_yes_in_the_same_file(shop: Shop) -> None:
    shop.take("email,newsletter\nann@example.com,yes\nann@example.com,no\nann@example.com,yes\n")
    assert shop.state("ann@example.com") is ConsentState.UNSUBSCRIBED


def test_an_unticked_box_at_a_checkout_withdraws_nothing(shop: Shop) -> None:
    shop.take("email,newsletter\nann@example.com,yes\n")
    shop.take("order id,date,total,email,accepts marketing\n1,2026-01-01,5,ann@example.com,no\n")
    assert shop.state("ann@example.com") is ConsentState.SUBSCRIBED


def test_a_ticked_box_counts_from_the_order_on(shop: Shop) -> None:
    shop.take("order id,date,total,email,accepts marketing\n1,2026-01-01 10:00,5,ann@example.com,yes\n")
    standing = consents.standing(shop.db, shop.contact("ann@example.com").id)
    assert standing is not None
    assert clock.iso(standing.since) == "2026-01-01T09:00:00Z"


# Orders -------------------------------------------------------------------------------------------------------

HEADER = "order id,email,date,total,status,refunded\n"


def test_changed_orders_are_updated_and_facts_follow(shop: Shop) -> None:
    shop.take(HEADER + "1,ann@example.com,2026-01-01,100.00,open,\n2,ann@example.com,2026-02-01,50.00,paid,\n")
    result = shop.take(
        HEADER + "1,ann@example.com,2026-01-01,100.00,paid,30\n2,bob@example.com,2026-02-01,50.00,cancelled,\n"
    )
    assert (result.updated, result.unchanged) == (2, 0)
    assert shop.rows("SELECT contact_id, revenue_minor FROM contact_revenue") == [
        (shop.contact("ann@example.com").id, 7000)
    ]


def test_orders_without_an_id_are_counted_among_equals(shop: Shop) -> None:
    row = "ann@example.com,2026-01-01,9.50\n"
    shop.take("email,order date,amount\n" + row * 3)
    assert shop.one("SELECT count(*), count(DISTINCT order_id) FROM orders") == (3, 3)
    result = shop.take("email,order date,amount\n" + row * 4)
    assert (result.inserted, result.unchanged) == (1, 3)


def test_lines_without_a_total_are_added_up(shop: Shop, shared_data: Path) -> None:
    text = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850.0,United Kingdom
536366,22633,WARMER,6,2010-12-01 08:28:00,1.85,17850.0,United Kingdom
C536379,D,Discount,-1,2010-12-01 09:41:00,27.50,14527.0,United Kingdom
"""
    result = shop.take(text)
    assert (result.inserted, result.merged, result.rejected) == (2, 1, 1)
    assert "no earlier order" in result.problems[0].reason
    assert shop.rows("SELECT order_id, total_minor FROM orders ORDER BY 1") == [("536365", 3564), ("536366", 1110)]
    assert ("customer_id", "17850") in shop.rows("SELECT kind, value FROM identities")
    assert shop.take(text).unchanged == 2


def test_lines_of_an_order_need_not_stand_together(shop: Shop) -> None:
    text = """order id,email,date,quantity,price,product
2,a@example.com,2026-01-02,1,5,Tea
1,a@example.com,2026-01-01,2,3,Pot
2,a@example.com,2026-01-02,1,7,Cup
"""
    result = shop.take(text)
    assert (result.inserted, result.merged) == (2, 1)
    assert shop.rows("SELECT order_id, total_minor FROM orders ORDER BY 1") == [("1", 600), ("2", 1200)]
    assert shop.one("SELECT count(*) FROM order_lines") == (3,)
    assert shop.take(text).unchanged == 2


def test_a_currency_that_is_none_rejects_every_row_that_has_it(shop: Shop) -> None:
    rows = "".join(f"{number},a@example.com,2026-01-01,1.00,€\n" for number in range(5))
    assert shop.take("order id,email,date,total,currency\n" + rows).rejected == 5


def test_who_is_met_only_in_rejected_rows_is_not_added(shop: Shop) -> None:
    rows = ["1,bad@example.com,2026-01-01,x", "2,late@example.com,2026-01-01,x", "3,good@example.com,2026-01-01,5"]
    rows += ["4,good@example.com,2026-01-02,5"] * 6000 + ["5,late@example.com,2026-01-03,5"]
    shop.take("order id,email,date,total\n" + "\n".join(rows) + "\n")
    assert shop.rows("SELECT email FROM contacts ORDER BY 1") == [("good@example.com",), ("late@example.com",)]
    assert shop.one("SELECT count(*) FROM orders WHERE contact_id IS NULL") == (0,)


def test_a_bad_line_rejects_its_whole_order(shop: Shop) -> None:
    result = shop.take(
        "order id,email,date,quantity,price,product\n1,a@example.com,2026-01-01,1,5,Tea\n"
        "1,a@example.com,2026-01-01,x,5,Pot\n"
        "2,a@example.com,2026-01-01,1,5,Tea\n"
    )
    assert (result.inserted, result.rejected) == (1, 2)
    assert [problem.line for problem in result.problems] == [2, 3]


def test_a_day_and_month_that_nothing_tells_apart_are_asked_for(shop: Shop) -> None:
    text = "order id,email,date,total\n1,a@example.com,03/04/2026,5\n"
    with pytest.raises(QuestionError, match="--date-format"):
        shop.take(text)
    shop.take(text, date_format="DD/MM/YYYY")
    assert clock.iso(clock.from_ms(shop.one("SELECT placed_at FROM orders")[0])) == "2026-04-02T22:00:00Z"


def test_the_whole_column_decides(shop: Shop) -> None:
    rows = "".join(f"{n},a@example.com,03/04/2026,1.234\n" for n in range(6000))
    shop.take(f'order id,email,date,total\n{rows}6000,a@example.com,03/14/2026,"12,50"\n'.replace("1.234", '"1.234"'))
    assert shop.one("SELECT total_minor FROM orders WHERE order_id = '0'") == (123400,)
    assert clock.iso(clock.from_ms(shop.one("SELECT min(placed_at) FROM orders")[0])) == "2026-03-03T23:00:00Z"


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("name,city\nAnn,Oslo\n", {}, "neither a file of contacts"),
        ("name,city\nAnn,Oslo\n", {"noun": Noun.CONTACTS}, "needs an e-mail column"),
        ("order id,date,total\n1,2026-01-01,5\n", {}, "tells the customer"),
        ("order id,email,total\n1,a@example.com,5\n", {"noun": Noun.ORDERS}, "needs a date"),
        ("email,order date\na@example.com,2026-01-01\n", {"noun": Noun.ORDERS}, "needs an amount"),
        ("email,created at,total\na@example.com,2026-01-01,5\n", {}, "--as contacts or --as orders"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(shop: Shop, text: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        shop.take(text, **options)


def test_a_file_unlike_the_tool_that_is_named_is_read_by_its_words_and_says_so(shop: Shop) -> None:
    result = shop.take("email\na@example.com\n", tool="shopify")
    assert (result.tool, result.inserted) == ("shopify", 1)
    assert any("none that exports of shopify" in warning for warning in result.warnings)


def test_columns_can_be_named(shop: Shop) -> None:
    shop.take("wer,Vorname,x\nann@example.com,Ann,y\n", noun=Noun.CONTACTS, mapping={"wer": "email", "x": "shoe"})
    assert shop.contact("ann@example.com").attributes == {"shoe": "y"}
    with pytest.raises(UsageError, match="did you mean 'Vorname'"):
        shop.take("email,Vorname\nann@example.com,Ann\n", mapping={"Vornam": "first_name"})
    with pytest.raises(UsageError, match="did you mean 'total'"):
        shop.take("email,date,sum\na@example.com,2026-01-01,1\n", noun=Noun.ORDERS, mapping={"sum": "totl"})


# Undo and crashes ---------------------------------------------------------------------------------------------


def test_undo_takes_back_exactly_what_an_import_did(shop: Shop) -> None:
    shop.take(CONTACTS + "cat@example.com,Cat,,,\n")
    shop.take(HEADER + "1,ann@example.com,2026-01-01,100.00,open,\n")
    before = shop.everything()
    changed = shop.take("email,first_name,customer id,tags\nann@example.com,Anna,77,x\nnew@example.com,New,78,\n")
    orders = shop.take(HEADER + "1,bob@example.com,2026-01-05,90.00,paid,10\n2,dan@example.com,2026-02-01,5,paid,\n")
    assert shop.undo(orders).orders == 2
    shop.undo(changed)
    assert shop.everything() == before


def test_undo_leaves_what_something_newer_changed(shop: Shop) -> None:
    shop.take(CONTACTS)
    older = shop.take("email,first_name\nann@example.com,Anna\n")
    shop.take("email,first_name\nann@example.com,Annika\n")
    assert shop.undo(older).kept_contacts == 1
    assert shop.contact("ann@example.com").fields["first_name"] == "Annika"


def test_undo_takes_a_yes_back_and_keeps_every_no(shop: Shop) -> None:
    result = shop.take("email,newsletter\nann@example.com,yes\nbob@example.com,no\n")
    undone = shop.undo(result)
    assert (undone.kept_opt_outs, undone.kept_contacts) == (1, 2)
    assert shop.state("ann@example.com") is ConsentState.NEVER
    assert shop.state("bob@example.com") is ConsentState.UNSUBSCRIBED
    assert shop.one("SELECT count(*) FROM consents") == (3,)


def test_undo_gives_back_the_yes_that_was_there_before(shop: Shop) -> None:
    shop.take("email\nann@example.com\n", basis=Basis.IMPLIED, evidence="shop")
    result = shop.take("email\nann@example.com\n", basis=Basis.EXPRESS, evidence="form")
    shop.undo(result)
    standing = consents.standing(shop.db, shop.contact("ann@example.com").id)
    assert standing is not None
    assert (standing.state, standing.basis) == (ConsentState.SUBSCRIBED, Basis.IMPLIED)


def test_undo_does_not_lift_a_no_that_came_later(shop: Shop) -> None:
    result = shop.take("email,newsletter\nann@example.com,yes\n")
    shop.say("ann@example.com", ConsentState.UNSUBSCRIBED)
    shop.undo(result)
    assert shop.state("ann@example.com") is ConsentState.UNSUBSCRIBED


class Killed(BaseException):
    """What a process feels that is killed: nobody cleans up after it."""


@pytest.mark.parametrize(
    ("module", "function"),
    [(contacts_bulk, "alter_known"), (orders_bulk, "add_new"), (orders_bulk, "revise_known"), (imports, "finish")],
)
def test_an_interrupted_import_is_rolled_back_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, module: Any, function: str
) -> None:
    shop.take("email,newsletter\nann@example.com,yes\n")
    shop.take(HEADER + "1,ann@example.com,2026-01-01,100.00,open,\n")
    before = shop.everything()
    original: Callable[..., Any] = getattr(module, function)

    def die(*args: Any, **options: Any) -> None:
        if function == "revise_known":
            original(*args, **options)
        raise Killed

    monkeypatch.setattr(module, function, die)
    text = "order id,email,date,total,status,accepts marketing,product,city\n"
    text += (
        "1,ann@example.com,2026-01-01,90.00,paid,yes,Tea,Oslo\n2,bob@example.com,2026-01-01,9.00,paid,yes,Pot,Wien\n"
    )
    with pytest.raises(Killed):
        shop.take(text)
    monkeypatch.undo()
    assert imports.interrupted(shop.db)
    assert recover(shop.store, shop.private, now=NOW) == [3]
    assert shop.everything() == before
    assert facts.kept(shop.db) == facts.counted(shop.db)
    assert shop.take(text).inserted == 1


def test_a_failure_while_writing_leaves_nothing_behind(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.take(CONTACTS)
    before = shop.everything()

    def fail(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(contacts_bulk, "alter_known", fail)
    with pytest.raises(OSError, match="No space"):
        shop.take("email,first_name\nann@example.com,Anna\nnew@example.com,New\n")
    assert shop.everything() == before
    assert not list((shop.private / "spool").iterdir())


@pytest.mark.parametrize("header", ["email,first_name\n", "order id,email,date,total\n"])
def test_a_file_with_a_header_alone_is_an_import_of_nothing(shop: Shop, header: str) -> None:
    result = shop.take(header)
    assert (result.rows, result.inserted, result.rejected) == (0, 0, 0)


def test_rows_of_orders_may_differ_about_a_person(shop: Shop) -> None:
    shop.take(
        "order id,date,total,email,first name,city\n1,2026-01-01,5,ann@example.com,Ann,\n"
        "2,2026-01-02,5,Ann@Example.com,Anna,Oslo\n3,2026-01-03,5,ann@example.com,,Oslo\n"
    )
    ann = shop.contact("ann@example.com")
    assert (ann.email, ann.fields["first_name"], ann.fields["city"]) == ("ann@example.com", "Ann", "Oslo")


def test_the_data_version_grows_only_when_something_changed(shop: Shop) -> None:
    shop.take(CONTACTS)
    version = imports.data_version(shop.db)
    shop.take(CONTACTS)
    assert imports.data_version(shop.db) == version
    shop.take("email\nnew@example.com\n")
    assert imports.data_version(shop.db) == version + 1


# The very same file again -------------------------------------------------------------------------------------

KNOWN = "email,first_name,newsletter\nann@example.com,Ann,yes\nbob@example.com,Bob,no\n"


def test_the_very_same_file_is_known_again_while_nothing_changed(shop: Shop) -> None:
    first = shop.take(KNOWN)
    before = shop.everything()
    again = shop.take(KNOWN)
    assert (again.id, again.same_as, again.rows, again.unchanged) == (None, first.id, 2, 2)
    assert "import 1" in again.warnings[-1]
    assert shop.everything() == before
    assert shop.one("SELECT count(*) FROM imports") == (1,)


def test_a_known_file_counts_lines_of_orders_as_before(shop: Shop) -> None:
    text = "order id,email,date,total,product\n1,a@example.com,2026-01-01,5,Tea\n1,a@example.com,2026-01-01,5,Pot\n"
    shop.take(text)
    again = shop.take(text)
    assert (again.same_as, again.rows, again.unchanged, again.merged) == (1, 2, 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda shop: shop.take("email,first_name\nann@example.com,Anna\n"),
        lambda shop: shop.say("ann@example.com", ConsentState.UNSUBSCRIBED),
        lambda shop: shop.undo(shop.take("email\nnew@example.com\n")),
    ],
)
def test_a_file_is_read_again_when_anything_changed(shop: Shop, change: Callable[[Shop], object]) -> None:
    shop.take(KNOWN)
    change(shop)
    assert shop.take(KNOWN).same_as is None


def test_a_file_is_read_again_with_other_options_or_other_bytes_or_after_rejects(shop: Shop) -> None:
    shop.take(KNOWN)
    assert shop.take(KNOWN, mapping={"newsletter": "ignore"}).same_as is None
    assert shop.take(KNOWN + "eve@example.com,Eve,\n").same_as is None
    shop.take(CONTACTS)
    assert shop.take(CONTACTS).same_as is None


def test_an_undone_import_is_not_known(shop: Shop) -> None:
    shop.undo(shop.take(KNOWN))
    assert shop.take(KNOWN).inserted + shop.take(KNOWN).unchanged == 2


def test_a_bare_id_in_a_file_of_orders_is_that_of_the_order(shop: Shop) -> None:
    shop.take("id,email,date,total\n7,ann@example.com,2026-01-05,12.00\n")
    again = shop.take("id,email,date,total\n7,ann@example.com,2026-01-05,15.00\n")
    assert (again.inserted, again.updated) == (0, 1)
    assert shop.rows("SELECT order_id, total_minor FROM orders") == [("7", 1500)]


def test_lines_in_another_sequence_are_the_same_order(shop: Shop) -> None:
    head = "order_id,email,date,sku,quantity,unit_price\n"
    lines = ["1,ann@example.com,2026-01-05,A,1,2.00\n", "1,ann@example.com,2026-01-05,B,3,1.00\n"]
    shop.take(head + "".join(lines))
    assert shop.take(head + "".join(reversed(lines))).unchanged == 1
