"""The sample shop is believable, the same for equal arguments, and mails nobody: its addresses cannot exist."""

from __future__ import annotations

import csv
import time
import unicodedata
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from mailflow.samples import CONTACTS, Shop, make_shop, write_shop

UNTIL = date(2026, 11, 21)
DAYS = (UNTIL, date(2024, 2, 29), date(2027, 7, 15))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(until=UNTIL)


def test_equal_arguments_give_equal_files(tmp_path: Path, shop: Shop) -> None:
    again = write_shop(tmp_path / "a", make_shop(until=UNTIL)), write_shop(tmp_path / "b", shop)
    assert [path.read_bytes() for path in again[0]] == [path.read_bytes() for path in again[1]]


def test_another_seed_gives_other_people_and_another_day_the_same_ones(shop: Shop) -> None:
    assert make_shop(until=UNTIL, seed=1).contacts != shop.contacts
    later = make_shop(until=UNTIL + timedelta(days=100))
    assert [(c.email, c.first_name) for c in later.contacts] == [(c.email, c.first_name) for c in shop.contacts]


def test_the_shop_is_made_and_written_within_a_second_or_so(tmp_path: Path) -> None:
    started = time.process_time()
    write_shop(tmp_path, make_shop(until=UNTIL))
    assert time.process_time() - started < 4  # 0.5 s on an idle machine; the margin is for a busy one


@pytest.mark.parametrize("until", DAYS)
def test_orders_fill_two_years_up_to_the_given_day(until: date) -> None:
    orders = make_shop(until=until).orders
    days = [datetime.fromisoformat(order.placed_at).date() for order in orders]
    assert 8_500 <= len(orders) <= 10_000
    assert days == sorted(days)
    assert until - timedelta(days=735) < days[0] < until - timedelta(days=715)
    assert until - timedelta(days=3) <= days[-1] <= until
    assert all(not order.refunded_at or order.refunded_at[:10] <= until.isoformat() for order in orders)


def test_addresses_are_only_in_domains_reserved_for_examples(shop: Shop) -> None:
    domains = {contact.email.partition("@")[2] for contact in shop.contacts if contact.email}
    assert domains
    assert all(d in {"example.com", "example.net", "example.org"} or d.endswith(".example") for d in domains)


def test_addresses_and_customer_ids_are_unique_and_plain(shop: Shop) -> None:
    addresses = [contact.email for contact in shop.contacts if contact.email]
    assert len(set(addresses)) == len(addresses)
    assert all(
        address.isascii() and not address.startswith(("@", ".")) and ".@" not in address for address in addresses
    )
    assert len({contact.customer_id for contact in shop.contacts}) == len(shop.contacts) == CONTACTS


def test_names_come_in_many_languages_and_shapes(shop: Shop) -> None:
    languages = Counter(contact.language for contact in shop.contacts)
    assert set(languages) == {"de", "en", "fr", "es", "pl", "tr", "vi", "nb", "ja", "ar"}
    names = [f"{contact.first_name} {contact.last_name}".strip() for contact in shop.contacts]
    scripts = {unicodedata.name(letter).split()[0] for name in names for letter in name if letter.isalpha()}
    assert {"LATIN", "CJK", "HIRAGANA", "ARABIC"} <= scripts
    assert any("'" in name for name in names)
    assert any("-" in name for name in names)
    assert sum(bool(contact.first_name) and not contact.last_name for contact in shop.contacts) >= 20
    assert 100 <= sum(not contact.first_name for contact in shop.contacts) <= 300


def test_consent_is_yes_no_or_unknown_and_dated_where_it_was_given(shop: Shop) -> None:
    said = Counter(contact.accepts_marketing for contact in shop.contacts)
    assert {answer: round(count / CONTACTS, 1) for answer, count in said.items()} == {"yes": 0.6, "no": 0.2, "": 0.2}
    assert all(bool(contact.consent_at) == bool(contact.accepts_marketing) for contact in shop.contacts)
    assert 80 <= sum(not contact.email for contact in shop.contacts) <= 160


def test_buyers_are_one_timers_regulars_and_some_never_buy(shop: Shop) -> None:
    addresses = {contact.customer_id: contact.email for contact in shop.contacts}
    counts = Counter(order.email or order.customer_id for order in shop.orders)
    silent = [key for key, email in addresses.items() if (email or key) not in counts]
    assert 0.08 < len(silent) / CONTACTS < 0.25
    assert 0.35 < sum(count == 1 for count in counts.values()) / len(counts) < 0.55
    assert max(counts.values()) > 15


def test_some_orders_are_refunded_cancelled_open_or_free(shop: Shop) -> None:
    statuses = Counter(order.status for order in shop.orders)
    assert set(statuses) == {"paid", "open", "cancelled", "failed"}
    assert statuses["paid"] > 0.9 * len(shop.orders)
    refunded = [order for order in shop.orders if order.refunded]
    assert all(Decimal(order.refunded) <= Decimal(order.total) for order in refunded)
    assert any(order.refunded == order.total for order in refunded)
    assert any(order.refunded != order.total for order in refunded)
    assert any(Decimal(order.total) == 0 for order in shop.orders)


def test_whatever_was_bought_is_in_the_catalogue_with_a_page_and_a_price(tmp_path: Path, shop: Shop) -> None:
    with write_shop(tmp_path, shop)[1].open(encoding="utf-8", newline="") as file:
        goods = list(csv.DictReader(file))
    assert all(row["url"].startswith("https://") and Decimal(row["price"]) > 0 for row in goods)
    bought = {item.partition(" x ")[2] for order in shop.orders for item in order.items.split("; ")}
    assert bought - {row["title"] for row in goods} == {"Replacement, broken in the post"}


def test_december_is_busier_than_july(shop: Shop) -> None:
    months = Counter(order.placed_at[:7] for order in shop.orders)
    assert months["2025-12"] > 1.5 * months["2025-07"]


def test_files_are_plain_utf8_csv_with_one_line_a_row(tmp_path: Path, shop: Shop) -> None:
    contacts, _, orders = write_shop(tmp_path, shop)
    with contacts.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == CONTACTS
    assert orders.read_text(encoding="utf-8").count("\n") == len(shop.orders) + 1


def test_some_took_part_in_a_survey() -> None:
    answers = [person.values for person in make_shop(until=UNTIL, contacts=600).contacts]
    ticked = [value for answer in answers for value in answer.split("; ") if value]
    assert set(ticked) == {"organic", "fair trade", "from nearby", "a low price"}
    assert 60 < sum(map(bool, answers)) < 140
