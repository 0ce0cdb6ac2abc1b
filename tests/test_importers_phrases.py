"""Headers that nobody has seen: shops, tills, clubs, clinics, course providers in six languages, and what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_shop import ImportShop
from mailflow.errors import QuestionError
from mailflow.importers.reading.source import inspect
from mailflow.importers.recognition.recognise import Recognised, recognise
from mailflow.model import ConsentState


def read(folder: Path, text: str) -> Recognised:
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    return recognise(inspect(path), noun=None, tool=None, mapping={})


def meanings(recognised: Recognised) -> dict[str, str]:
    """Return header → field of the columns that a file has itself."""
    return {recognised.header[place]: name for name, places in recognised.columns.items() for place in places}


@pytest.mark.parametrize(
    ("header", "yes", "field"),
    [
        ("Inscrit à la newsletter", "oui", "consent"),
        ("Newsletter abonniert", "ja", "consent"),
        ("Receives our newsletter", "yes", "consent"),
        ("Marketing emails opt-in", "1", "consent"),
        ("Subscribed to newsletter?", "Yes", "consent"),
        ("Acepta recibir el boletín", "sí", "consent"),
        ("Acepta comunicaciones comerciales", "Sí", "consent"),
        ("Accepte de recevoir des offres par e-mail", "Oui", "consent"),
        ("Aangemeld voor nieuwsbrief", "ja", "consent"),
        ("Prenumererar på nyhetsbrev", "Ja", "consent"),
        ("Consenso all'invio di email", "Sì", "consent"),
        ("Newsletter ja/nein", "ja", "consent"),
        ("Werbung erlaubt", "x", "consent"),
        ("Mag mailen", "ja", "consent"),
        ("Email marketing consent given", "yes", "consent"),
        ("Consentement marketing e-mail", "oui", "consent"),
        ("Consentement marketing SMS", "oui", None),
        ("Souhlas s newsletterem", "ano", "consent"),
        ("Aceita receber novidades", "Não", "consent"),
        ("Zgoda marketingowa", "Tak", "consent"),
        ("Mailing permission", "No", "doubtful_consent"),
        ("Austragung", "01.02.2024", "opt_out"),
        ("Einwilligung E-Mail", "ja", "consent"),
        ("Newsletter (main)", "subscribed", "consent"),
        ("Kein Newsletter", "x", "opt_out"),
        ("Does not want marketing emails", "yes", "opt_out"),
        ("Ne souhaite pas recevoir la newsletter", "oui", "opt_out"),
        ("Email Opt Out", "TRUE", "opt_out"),
        ("Unsubscribed from all email", "yes", "opt_out"),
        ("Abmeldedatum", "01.02.2024", "opted_out_at"),
        ("Newsletter DE", "ja", "doubtful_consent"),
        ("E-mail and SMS opt-in", "yes", "doubtful_consent"),
        ("Receive review and abandoned cart emails?", "Yes", "doubtful_consent"),
        ("Send Email", "Yes", "doubtful_consent"),
        ("Zustand", "unsubscribed", "doubtful_consent"),
        ("Newsletter sent", "yes", None),
        ("Newsletter bounced", "no", None),
        ("Number of newsletters", "3", None),
        ("Newsletter subscriptions", "7", None),
        ("SMS marketing", "yes", None),
        ("SMS opt-in", "no", None),
        ("Last newsletter", "2024-01-01", None),
        ("Newsletter sent on", "2024-01-01", None),
        ("Marketing source", "web", None),
        ("Mailing address", "Main Street 1", None),
        ("Email verified", "no", None),
        ("Partner offers", "yes", None),
        ("Would you like a call?", "Yes", None),
    ],
)
def test_a_column_of_consent_is_told_by_words_among_others_and_by_its_cells(
    tmp_path: Path, header: str, yes: str, field: str | None
) -> None:
    recognised = read(tmp_path, f"Email;{header}\nann@example.com;{yes}\nbo@example.com;\n")
    found = meanings(recognised).get(header)
    assert found == field
    assert found is not None or header in [recognised.header[place] for place in recognised.attributes.values()]


def test_a_doubtful_column_gives_noes_alone_and_stays_an_attribute(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path)
    result = shop.take("Email;Newsletter DE\nann@example.com;ja\nbo@example.com;nein\ncy@example.com;\n")
    assert shop.state("bo@example.com") is ConsentState.UNSUBSCRIBED
    assert shop.state("ann@example.com") is shop.state("cy@example.com")
    assert shop.state("ann@example.com") is not ConsentState.SUBSCRIBED
    assert shop.contact("ann@example.com").attributes["newsletter_de"] == "ja"
    assert any("--map 'Newsletter DE=consent'" in warning for warning in result.warnings)


def test_who_has_not_confirmed_waits(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path)
    shop.take("Email,Subscribed?,Confirmed?\nann@example.com,Yes,No\nbo@example.com,Yes,Yes\n")
    assert shop.state("ann@example.com") is ConsentState.PENDING
    assert shop.state("bo@example.com") is ConsentState.SUBSCRIBED


@pytest.mark.parametrize(
    "header",
    [
        "Email 1", "Primary Email", "Contact Email", "E-Mail (geschäftlich)", "Work email", "Student Email",
        "E-Mail-Adresse privat", "Courriel du client", "Correo del socio", "Person - Email - Work", "E-mail klienta",
    ],
)  # fmt: skip
def test_an_e_mail_column_may_have_other_words_beside(tmp_path: Path, header: str) -> None:
    recognised = read(tmp_path, f"Name;{header};Mailing City\nAnn Lee;ann@example.com;Oslo\n")
    assert meanings(recognised)[header] == "email"


def test_the_primary_of_several_addresses_is_taken_and_the_others_are_kept(tmp_path: Path) -> None:
    recognised = read(tmp_path, "Name,Home Email,Main Email\nAnn,a@home.example,ann@example.com\n")
    assert meanings(recognised) == {"Name": "full_name", "Home Email": "other_emails", "Main Email": "email"}
    assert recognised.notes == ("Column 'Main Email' was read as the e-mail address.",)


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("Name,Shop email,Private email\nAnn,ann@example.com,a@home.example\n", ["Shop email", "Private email"]),
        ("Name,Login,City\nAnn,ann@example.com,Oslo\n", ["Login"]),
    ],
)
def test_which_column_is_the_address_is_asked_among_those_that_hold_some(
    tmp_path: Path, text: str, choices: list[str]
) -> None:
    with pytest.raises(QuestionError) as asked:
        read(tmp_path, text)
    assert list(asked.value.choices) == choices
    assert asked.value.option == "--map"


def test_what_all_headers_begin_with_is_left_out(tmp_path: Path) -> None:
    recognised = read(tmp_path, "Contact - Email,Contact - First Name,Contact - City\nann@example.com,Ann,Oslo\n")
    assert set(recognised.columns) == {"email", "first_name", "city"}


@pytest.mark.parametrize(
    ("text", "noun", "fields"),
    [
        (
            "Kd-Nr;Vorname;Name;Telefon;E-Mail\n1;Ann;Lee;1;ann@example.com\n",
            "contacts", "customer_id first_name last_name phone email",
        ),
        (
            "Vorname;Name;E-Mail\nAnn;Ann Lee;ann@example.com\n",
            "contacts", "first_name email",
        ),
        (
            "Belegnr;Datum;Uhrzeit;Kundennr;Artikel;Menge;Summe\n1;01.02.2024;10:15;7;Tee;2;7,00\n",
            "orders", "order_id placed_at customer_id title quantity total",
        ),
        (
            "Réf. commande;Date de commande;Courriel du client;Montant TTC;État\nC1;15/02/2024;a@b.fr;12,50;Payée\n",
            "orders", "order_id placed_at email total status",
        ),
        (
            "Numero ordine;Data ordine;Nome;Cognome;E-mail;Totale\n1;15/02/2024;Ann;Lee;a@b.example;12,50\n",
            "orders", "order_id placed_at first_name last_name email total",
        ),
        (
            "Ordernr;Orderdatum;Kund;E-postadress;Summa;Valuta\n1;2024-02-15;Ann Lee;a@b.example;125,00;SEK\n",
            "orders", "order_id placed_at customer_id email total currency",
        ),
        (
            "Ordernummer;Besteldatum;Klantnaam;E-mailadres;Totaalbedrag\n1;15-02-2024;Ann Lee;a@b.example;12,50\n",
            "orders", "order_id placed_at full_name email total",
        ),
        (
            "Full Name,Email,Order Reference,Purchased On,Amount Paid,Refunded?\nAnn,a@b.example,R1,2024-02-15,5,No\n",
            "orders", "full_name email order_id placed_at total status",
        ),
        (
            "Kurs;Kursbeginn;Vorname;Nachname;E-Mail;Status\nYoga;01.02.2024 18:00;Ann;Lee;a@b.example;bezahlt\n",
            "bookings", "service starts_at first_name last_name email status",
        ),
        (
            "Guest Name,Guest Email,Check-in,Check-out,Booking Ref,Status\nAnn,a@b.at,2024-02-15,2024-02-17,B1,\n",
            "bookings", "full_name email starts_at ends_at booking_id status",
        ),
        (
            "Reservierungsnr;Datum;Uhrzeit;Gast;E-Mail;Personen;Status\n1;15.02.2024;19:00;Ann;a@b.at;2;erschienen\n",
            "bookings", "booking_id starts_at starts_time full_name email guests status",
        ),
        (
            "Customer Name,Email,Date Joined,Would you come to us again?\nAnn,a@b.example,2024-01-02,Yes\n",
            "contacts", "full_name email",
        ),
    ],
)  # fmt: skip
def test_files_of_many_trades_are_what_their_owners_expect(tmp_path: Path, text: str, noun: str, fields: str) -> None:
    recognised = read(tmp_path, text)
    assert recognised.noun == noun
    assert set(recognised.columns) == set(fields.split())


def test_a_date_and_a_time_of_day_are_one_time(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path)
    shop.take("Bon-Nr;Datum;Uhrzeit;Kundennr;Summe\n1;01.02.2024;10:15;7;7,00\n")
    assert shop.one("SELECT strftime('%H:%M', placed_at / 1000, 'unixepoch') FROM orders") == ("09:15",)


def test_a_mark_of_a_refund_takes_the_whole_order_back(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path)
    shop.take("Email,Order ID,Order Date,Total,Refunded\na@b.at,1,2024-02-15,5.00,Yes\na@b.at,2,2024-02-16,6.00,No\n")
    assert shop.rows("SELECT o.order_id, r.amount_minor FROM refunds AS r JOIN orders AS o ON o.id = r.order_id") == [
        ("1", 500)
    ]


def test_the_date_of_a_double_opt_in_is_a_yes_of_that_day(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path)
    rows = "ann@example.com;01.02.2024;\nbo@example.com;01.02.2024;15.03.2024\ncy@example.com;;\n"
    shop.take(f"Email;DOI bestätigt am;Abmeldung am\n{rows}")
    assert shop.state("ann@example.com") is ConsentState.SUBSCRIBED
    assert shop.state("bo@example.com") is ConsentState.UNSUBSCRIBED
    assert shop.state("cy@example.com") is not ConsentState.SUBSCRIBED
    assert shop.one("SELECT evidence FROM consents WHERE state = 'subscribed'") == (
        "file.csv: DOI bestätigt am = confirmed (01.02.2024)",
    )


def test_a_column_of_yeses_may_hold_their_dates(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path)
    shop.take("Email,Subscribed,Unsubscribed\nann@example.com,2024-01-01,\nbo@example.com,2024-01-01,2024-02-01\n")
    assert shop.state("ann@example.com") is ConsentState.SUBSCRIBED
    assert shop.state("bo@example.com") is ConsentState.UNSUBSCRIBED


@pytest.mark.parametrize("cells", [("nein", "ja"), ("", "2024-02-17"), ("0", "1")])
def test_a_mark_of_a_cancellation_is_read(tmp_path: Path, cells: tuple[str, str]) -> None:
    shop = ImportShop(tmp_path)
    shop.take(
        "E-Mail;Bestellnr;Bestelldatum;Summe;Storniert\n"
        f"a@b.at;1;2024-02-15;5;{cells[0]}\na@b.at;2;2024-02-16;6;{cells[1]}\n"
    )
    assert shop.rows("SELECT order_id, status FROM orders ORDER BY order_id") == [("1", "paid"), ("2", "cancelled")]
