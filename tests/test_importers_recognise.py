"""importers.recognise: what a file is, told by its header alone."""

from __future__ import annotations

import contextlib
import csv
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mailflow.errors import QuestionError
from mailflow.importers.nouns import Noun
from mailflow.importers.reading.source import Source, inspect
from mailflow.importers.recognition.layouts import load_layouts
from mailflow.importers.recognition.recognise import Recognised, recognise
from mailflow.importers.recognition.vocabulary import VOCABULARY
from mailflow.importers.wording.words import fold


def read(*header: str, **said: object) -> Recognised:
    source = Source(Path("file.csv"), "", "utf-8", "strict", ",", header, 1)
    return recognise(source, **{"noun": None, "tool": None, "mapping": {}, **said})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "header",
    [
        "email",
        "E-Mail",
        "Email Address",
        "E-post",
        "correo",
        "Correo electrónico",
        "courriel",
        "E-MAIL-ADRESSE",
        "Mail",
    ],
)
def test_an_e_mail_column_is_known_in_many_languages(header: str) -> None:
    assert read("Namn", header).columns["email"] == (1,)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("First Name", "first_name"), ("Vorname", "first_name"), ("nombre", "first_name"), ("Prénom", "first_name"),
        ("Nachname", "last_name"), ("apellidos", "last_name"), ("Nom", "last_name"), ("Land", "country"),
        ("PLZ", "postcode"), ("Código Postal", "postcode"), ("Mobil", "phone"), ("Ort", "city"), ("Firma", "company"),
        ("Geburtsdatum", "birthday"), ("Newsletter", "consent"), ("unsubscribed", "opt_out"),
        ("Kundennummer", "customer_id"),
    ],
)  # fmt: skip
def test_columns_of_contacts_are_known_in_many_languages(header: str, field: str) -> None:
    assert read("email", header).columns[field] == (1,)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Bestellnummer", "order_id"), ("número de pedido", "order_id"), ("Ordrenummer", "order_id"),
        ("Zahlungsstatus", "status"), ("Währung", "currency"), ("Menge", "quantity"), ("Artikelnummer", "sku"),
    ],
)  # fmt: skip
def test_columns_of_orders_are_known_in_many_languages(header: str, field: str) -> None:
    assert read("Kundennummer", "Bestelldatum", "Gesamtbetrag", header).columns[field] == (3,)


def test_turnover_in_a_file_of_contacts_is_an_attribute() -> None:
    recognised = read("Name", "E-Mail", "Umsatz", "Letzter Kauf")
    assert recognised.noun is Noun.CONTACTS
    assert dict(recognised.attributes) == {"umsatz": 2, "letzter_kauf": 3}


@pytest.mark.parametrize(
    ("file", "noun", "tool"),
    [
        ("exports/shopify_customers_export.csv", "contacts", "shopify"),
        ("exports/shopify_orders_export.csv", "orders", "shopify"),
        ("exports/klaviyo_profiles_export.csv", "contacts", "klaviyo"),
        ("exports/mailchimp_cleaned_members_export.csv", "contacts", "mailchimp"),
        ("exports/woocommerce_advanced_order_export.csv", "orders", "woocommerce"),
        ("exports/stripe_payments.csv", "orders", "stripe"),
        ("exports/hubspot_contacts.csv", "contacts", "hubspot"),
        ("exports/etsy_sold_orders.csv", "orders", "etsy"),
        ("orders/cdnow_sample.csv", "orders", "plain"),
        ("orders/rfm_orders.csv", "orders", "plain"),
    ],
)
def test_real_files_are_recognised(shared_data: Path, file: str, noun: str, tool: str) -> None:
    recognised = recognise(inspect(shared_data / file), noun=None, tool=None, mapping={})
    assert (recognised.noun, recognised.tool) == (noun, tool)


# Each header of shared/data/exports/headers.json, and what it is.
EXPORTS = {
    "shopify_customers_import_template": "contacts", "shopify_customers_export": "contacts",
    "shopify_orders_export": "orders", "woocommerce_analytics_customers": "contacts",
    "woocommerce_analytics_orders": "orders", "woocommerce_advanced_order_export": "orders",
    "woocommerce_webtoffee_orders": "orders", "mailchimp_subscribed": "contacts", "mailchimp_unsubscribed": "contacts",
    "mailchimp_cleaned": "contacts", "klaviyo_profiles": "contacts", "square_transactions": "orders",
    "square_items": "orders", "square_customers_partial": "contacts", "stripe_payments": "orders",
    "stripe_customers": "contacts", "etsy_sold_orders": "orders", "etsy_sold_order_items": "orders",
    "hubspot_contacts": "contacts", "google_contacts": "contacts", "outlook_contacts_partial": "contacts",
    "brevo_contacts": "contacts", "constant_contact": "contacts", "ebay_orders_partial": "orders",
}  # fmt: skip


@pytest.fixture(scope="session")
def headers(shared_data: Path) -> Mapping[str, list[str]]:
    layouts = json.loads((shared_data / "exports" / "headers.json").read_text(encoding="utf-8"))
    return {name: layout["header"] for name, layout in layouts.items()}


def said_of(folder: Path, header: Sequence[str], rows: int = 0, delimiter: str = ",") -> tuple[str, str]:
    """Return (tool, noun) of a file with this header and some rows of made-up cells."""
    path = folder / "file.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([header, *[[f"x{number}" for number in range(len(header))]] * rows])
    recognised = recognise(inspect(path), noun=None, tool=None, mapping={})
    return recognised.tool, recognised.noun.value


def is_of(tool: str, export: str) -> bool:
    """Return whether an export is one of a tool, by their names: `square_items` is of `square`."""
    return export.replace("_", "").startswith(tool.replace("_", ""))


def test_every_known_header_is_listed(headers: Mapping[str, list[str]]) -> None:
    assert set(headers) == set(EXPORTS)


@pytest.mark.parametrize("export", EXPORTS)
def test_a_header_alone_shows_the_tool_and_the_kind(
    headers: Mapping[str, list[str]], tmp_path: Path, export: str
) -> None:
    header = headers[export]
    for rows, delimiter in ((0, ","), (1, ","), (1, ";"), (3, "\t")):
        tool, noun = said_of(tmp_path, header, rows, delimiter)
        assert is_of(tool, export)
        assert noun == EXPORTS[export]


@pytest.mark.parametrize("export", EXPORTS)
def test_a_header_is_known_again_shuffled_with_more_columns_and_in_capitals(
    headers: Mapping[str, list[str]], tmp_path: Path, export: str
) -> None:
    dice = random.Random(20261122)
    for more in ([], ["Favourite colour", "Custom 1", "loyalty_points"], ["Größe"]):
        header = [*headers[export], *more]
        dice.shuffle(header)
        for written in (header, [name.upper() for name in header]):
            tool, noun = said_of(tmp_path, written)
            assert is_of(tool, export)
            assert noun == EXPORTS[export]


@pytest.mark.parametrize("export", EXPORTS)
def test_a_header_is_known_without_columns_that_people_leave_out(
    headers: Mapping[str, list[str]], tmp_path: Path, export: str
) -> None:
    header = headers[export]
    source = inspect_header(tmp_path, header)
    recognised = recognise(source, noun=None, tool=None, mapping={})
    [layout] = [each for each in load_layouts() if (each.tool, each.name) == (recognised.tool, recognised.layout)]
    signs = frozenset().union(*layout.signs)
    assert len(layout.signs) <= max(4, len(header) // 2), "too many columns must be there"
    needed = {place for places in recognised.columns.values() for place in places}
    needed |= {place for step in recognised.steps for group in step.reads for place in group}
    optional = [name for place, name in enumerate(header) if fold(name) not in signs and place not in needed]
    for left_out in (optional[::2], optional[1::2], optional):
        tool, noun = said_of(tmp_path, [name for name in header if name not in left_out])
        assert is_of(tool, export)
        assert noun == EXPORTS[export]


def inspect_header(folder: Path, header: Sequence[str]) -> Source:
    said_of(folder, header)
    return inspect(folder / "file.csv")


def test_the_surer_of_two_columns_is_taken_and_the_other_named() -> None:
    recognised = read("Order ID", "Sale Date", "Order Value", "Order Total", "Customer No.")
    assert recognised.columns["total"] == (3,)
    assert recognised.ignored == ("Order Value",)


def test_what_the_user_maps_wins() -> None:
    recognised = read("email", "work mail", "x", mapping={"work mail": "email", "x": "ignore"})
    assert recognised.columns["email"] == (1,)
    assert dict(recognised.attributes) == {"email": 0}
    assert recognised.ignored == ("x",)


def test_attributes_of_equal_names_are_told_apart() -> None:
    assert list(read("email", "Note", "note", "").attributes) == ["note", "note_2", "column_4"]


def test_a_mended_reject_file_loses_its_two_columns() -> None:
    assert dict(read("email", "mailflow_line", "mailflow_reason").attributes) == {}


def test_orders_whose_date_nobody_knows_are_asked_about() -> None:
    with pytest.raises(QuestionError, match="no column is known as their date"):
        read("order_id", "E-Mail", "Tag", "Betrag")
    assert read("Kunde", "E-Mail", "Bestellt am", "Betrag", "Status").noun is Noun.ORDERS


@pytest.mark.parametrize(
    ("header", "noun"),
    [
        ("Vorname;Nachname;E-Mail;Newsletter;Geburtsdatum", "contacts"),
        ("email;name;signup date;plan", "contacts"),
        (
            "First Name;Email 1;Phone 1;Created At (UTC+0);Subscriber status;Last Activity Date (UTC+0)",
            "contacts",
        ),
        ("Invitee Email;User Email;Event Name;Start Date & Time;End Date & Time;Canceled", "bookings"),
        ("Bestellnummer;Datum;E-Mail;Betrag;Status", "orders"),
        ("Order ID;Buyer Email;Order Date;Order Total (inc tax);Order Status", "orders"),
        ("InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country", "orders"),
        ("sku;title;price;category", "products"),
        ("Artikelnummer;Bezeichnung;Preis;Kategorie", "products"),
        ("cart_id;email;updated_at;product_id;quantity;price;status", "carts"),
        ("event;email;time;url", "events"),
        ("event_name;event_timestamp;user_id;page_location;page_title", "events"),
        ("user_id;feature;used_at", "events"),
        ("email;campaign;event;timestamp", "engagement"),
        ("Ticket ID;Subject;Status;Priority;Requester email;Assignee;Created at;Solved at", "tickets"),
        ("Ticketnummer;Betreff;Status;E-Mail;Erstellt am", "tickets"),
        ("email;question;answer;submitted_at", "answers"),
        ("Timestamp;Email Address;How did you hear about us?;Would you recommend us to a friend?", "answers"),
        ("booking_id;email;service;starts_at;status", "bookings"),
        ("platform;handle;type;posted_at;text;email", "social"),
        ("owner_id;name;email;title", "owners"),
        ("company_id;name;domain;industry;owner", "companies"),
        ("date;channel;campaign;cost;currency", "costs"),
        ("Datum;Kanal;Kampagne;Kosten", "costs"),
        ("email;reason;date", "suppressions"),
    ],
)
def test_the_kind_of_a_plain_file_is_told_by_its_columns(header: str, noun: str) -> None:
    recognised = read(*header.split(";"))
    assert (recognised.noun.value, recognised.tool) == (noun, "plain")


@pytest.mark.parametrize(
    ("header", "option", "choice"),
    [
        ("email;created at;total", "--as", "orders"),
        ("Purchase Email;Purchase Date;Item Name", "--as", "contacts"),
        ("household_id;age;income", "--as", "contacts"),
        ("Ticket ID;Subject;Status;Email;Priority", "--map", "Priority=ticket_opened_at"),
        ("order_id;E-Mail;Tag;Betrag", "--map", "Tag=placed_at"),
        ("name;city", "--map", "name=email"),
    ],
)
def test_what_only_the_user_can_know_is_asked_and_the_answer_helps(header: str, option: str, choice: str) -> None:
    columns = header.split(";")
    with pytest.raises(QuestionError) as asked:
        read(*columns)
    assert asked.value.option == option
    assert choice in asked.value.choices.values()
    column, _, field = choice.partition("=")
    said = {"mapping": {column: field}} if field else {"noun": Noun(choice)}
    with contextlib.suppress(QuestionError):  # the next one
        assert read(*columns, **said).columns


def test_people_known_by_a_number_alone_are_contacts_when_the_user_says_so() -> None:
    recognised = read("household_id", "age", "income", noun=Noun.CONTACTS)
    assert dict(recognised.columns) == {"customer_id": (0,)}
    assert list(recognised.attributes) == ["age", "income"]


def test_a_header_that_says_more_than_its_word_is_known_where_no_other_is_surer() -> None:
    recognised = read("Order ID", "E-Mail (work)", "Order date (UTC)", "Total (gross)", "Order total in CHF", "Tax")
    assert recognised.header[recognised.columns["total"][0]] == "Order total in CHF"
    assert recognised.columns["placed_at"] == (2,)
    assert recognised.currency == "CHF"


def test_consent_for_something_else_in_brackets_is_not_consent_to_mail() -> None:
    recognised = read("email", "Accepts marketing (SMS)", "Newsletter (print)")
    assert "consent" not in recognised.columns
    assert list(recognised.attributes) == ["accepts_marketing_sms", "newsletter_print"]


def test_a_kind_in_the_name_of_the_file_settles_what_the_columns_leave_open() -> None:
    header = ("Company name", "Industry", "Email")
    with pytest.raises(QuestionError, match="of contacts"):
        recognise_named("file.csv", *header)
    assert recognise_named("Companies 2026.csv", *header).noun is Noun.COMPANIES


def recognise_named(name: str, *header: str) -> Recognised:
    source = Source(Path(name), "", "utf-8", "strict", ",", header, 1)
    return recognise(source, noun=None, tool=None, mapping={})


def test_any_header_is_recognised_or_asked_about() -> None:
    """Columns of all kinds and tools thrown together never end in anything but a question or a table."""
    dice = random.Random(3)
    words = [word for noun in VOCABULARY.values() for word in noun.words]
    words += [header for layout in load_layouts() for header in layout.columns]
    for _ in range(1_500):
        header = [dice.choice(words) for _ in range(dice.randint(1, 30))] + dice.choice([[], ["", "Größe"]])
        noun = dice.choice([None, None, *Noun])
        with contextlib.suppress(QuestionError):
            recognised = read(*header, noun=noun)
            assert noun in (None, recognised.noun)
            assert all(place < len(recognised.header) for places in recognised.columns.values() for place in places)
            assert recognised.header[: recognised.width] == tuple(header)


@pytest.mark.parametrize(
    "header",
    ["Unsubscribed from marketing", "email_disabled", "Opted out (all)", "Newsletter abbestellt", "Do not email me",
     "On blocklist", "has_opted_out_since", "No marketing", "Désabonné le"],
)  # fmt: skip
def test_a_column_about_people_who_left_is_believed_in_whatever_words(header: str) -> None:
    assert 1 in [place for name in ("opt_out", "opted_out_at") for place in read("email", header).columns.get(name, ())]


@pytest.mark.parametrize("header", ["SMS unsubscribed", "Unsubscribe link", "Laptop outlet", "Push opt-out", "Opt"])
def test_a_column_about_other_mail_or_a_link_is_no_no(header: str) -> None:
    assert "opt_out" not in read("email", header).columns
