"""importers.recognise: what a file is, told by its header alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailflow.errors import QuestionError
from mailflow.importers.nouns import Noun
from mailflow.importers.recognise import Recognised, recognise
from mailflow.importers.source import Source, inspect


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
        ("exports/klaviyo_profiles_export.csv", "contacts", "plain"),
        ("exports/woocommerce_advanced_order_export.csv", "orders", "plain"),
        ("exports/stripe_payments.csv", "orders", "plain"),
        ("exports/hubspot_contacts.csv", "contacts", "plain"),
        ("exports/etsy_sold_orders.csv", "orders", "plain"),
        ("orders/cdnow_sample.csv", "orders", "plain"),
        ("orders/rfm_orders.csv", "orders", "plain"),
    ],
)
def test_real_files_are_recognised(shared_data: Path, file: str, noun: str, tool: str) -> None:
    recognised = recognise(inspect(shared_data / file), noun=None, tool=None, mapping={})
    assert (recognised.noun, recognised.tool) == (noun, tool)


def test_the_surer_of_two_columns_is_taken_and_the_other_named() -> None:
    recognised = read("Order ID", "Sale Date", "Order Value", "Order Total", "Buyer User ID")
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
