"""importers.register_pipeline: owners, companies and costs, once and again; what a contact leads to; undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mailflow.importers import ImportOptions, ImportResult, Noun, import_file
from mailflow.model import ImportState
from mailflow.store import Store, companies, contacts, costs, owners, undo
from mailflow.tokens import Keys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Bring = Callable[..., ImportResult]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "shop.db")


@pytest.fixture
def bring(store: Store, tmp_path: Path) -> Bring:
    """Return a function that writes text into a file and imports it."""
    keys = Keys.load_or_create(tmp_path / "keys.json")

    def run(text: str, name: str = "file.csv", **options: Any) -> ImportResult:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        chosen = {"currency": "EUR", "zone": ZoneInfo("Europe/Vienna")} | options
        result = import_file(store, tmp_path, keys, path, ImportOptions(**chosen), now=NOW)
        parts = result.inserted, result.updated, result.unchanged, result.merged, result.rejected
        assert result.rows == sum(parts)
        return result

    return run


def rows(store: Store, table: str, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in store.db.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id")]


def spent(store: Store) -> list[tuple[Any, ...]]:
    return rows(store, "costs", "spent_on", "channel", "campaign", "amount_minor", "currency")


OWNERS = """owner_id,name,email,phone,title
7,Ana Ruiz,ana@shop.example,+43 1 5550100,Account Manager
8,Ben O'Neil,Ben@Shop.example,,
"""


def test_owners_are_kept_with_what_stands_under_their_mail(store: Store, bring: Bring) -> None:
    result = bring(OWNERS, "owners.csv")
    assert (result.noun, result.inserted) == (Noun.OWNERS, 2)
    assert rows(store, "owners", "owner_id", "name", "email", "phone", "title") == [
        ("7", "Ana Ruiz", "ana@shop.example", "+43 1 5550100", "Account Manager"),
        ("8", "Ben O'Neil", "Ben@shop.example", None, None),
    ]


def test_a_register_imported_twice_is_unchanged_and_a_blank_says_nothing(store: Store, bring: Bring) -> None:
    bring(OWNERS, "owners.csv")
    assert bring(OWNERS, "owners.csv").unchanged == 2
    changed = bring("owner_id,name,email,title\n7,,ana@shop.example,Head of Tea\n", "owners.csv", noun=Noun.OWNERS)
    assert changed.updated == 1
    assert rows(store, "owners", "name", "title")[0] == ("Ana Ruiz", "Head of Tea")


def test_a_dry_run_names_what_would_change(bring: Bring, store: Store) -> None:
    bring(OWNERS, "owners.csv")
    result = bring(OWNERS.replace("Account Manager", "Head of Tea"), "owners.csv", dry_run=True)
    assert list(result.changes) == [
        {"line": 2, "owner": "Ana Ruiz", "field": "title", "old": "Account Manager", "new": "Head of Tea"}
    ]
    assert rows(store, "owners", "title")[0] == ("Account Manager",)


def test_rows_without_any_key_are_rejected_and_rows_of_one_id_are_one_owner(store: Store, bring: Bring) -> None:
    result = bring("id,name,e-mail,title\n1,Ana,,\n,,,Boss\n1,,ana@shop.example,\n", noun=Noun.OWNERS)
    assert (result.inserted, result.merged, result.rejected) == (1, 1, 1)
    assert rows(store, "owners", "owner_id", "name", "email") == [("1", "Ana", "ana@shop.example")]


def test_without_an_id_the_address_and_then_the_name_tells_owners_apart(store: Store, bring: Bring) -> None:
    text = "first name,last name,email\nAna,Ruiz,ANA@shop.example\nBen,O'Neil,\n"
    assert bring(text, noun=Noun.OWNERS).inserted == 2
    assert bring(text.replace("ANA", "ana"), noun=Noun.OWNERS).inserted == 0
    assert rows(store, "owners", "owner_id", "name") == [("ana@shop.example", "Ana Ruiz"), ("benoneil", "Ben O'Neil")]


def test_owners_are_told_from_contacts_by_their_header_or_the_files_name(bring: Bring) -> None:
    assert bring(OWNERS, "team.csv").noun is Noun.OWNERS
    assert bring("email,first name,last name,owner\nann@a.example,Ann,A,7\n", "people.csv").noun is Noun.CONTACTS


def test_companies_are_told_from_contacts(store: Store, bring: Bring) -> None:
    result = bring(
        "Record ID,Company name,Company Domain Name,Company owner,Industry,Number of Employees,Country/Region\n"
        "9001,Bluebay Ltd,bluebay.example,Ana Ruiz,Games,50,gb\n"
        "9002,Müller & Söhne,https://www.mueller.example/de/,,,,AT\n"
        "9003,Page only,facebook.com/pageonly,,,,\n"
    )
    assert (result.noun, result.inserted) == (Noun.COMPANIES, 3)
    assert rows(store, "companies", "company_id", "name", "domain", "industry", "size", "country", "owner") == [
        ("9001", "Bluebay Ltd", "bluebay.example", "Games", "50", "GB", "Ana Ruiz"),
        ("9002", "Müller & Söhne", "mueller.example", None, None, "AT", None),
        ("9003", "Page only", None, None, None, None, None),
    ]


def test_people_with_a_company_stay_contacts(bring: Bring) -> None:
    text = "email,first name,last name,company name,domain,industry\nann@a.example,Ann,A,Acme,acme.example,Tea\n"
    assert bring(text).noun is Noun.CONTACTS


def test_undo_takes_back_a_register(store: Store, bring: Bring) -> None:
    bring(OWNERS, "owners.csv")
    second = bring(OWNERS.replace("Manager", "Lead") + "9,Cleo,cleo@shop.example,,\n", "owners.csv")
    assert (second.inserted, second.updated) == (1, 1)
    undone = undo.take_back(store, second.id or 0, now=NOW, final=ImportState.UNDONE)
    assert (undone.owners, undone.kept_others) == (2, 0)
    assert rows(store, "owners", "name", "title") == [("Ana Ruiz", "Account Manager"), ("Ben O'Neil", None)]


def test_undo_keeps_what_a_later_import_changed(store: Store, bring: Bring) -> None:
    first = bring(OWNERS, "owners.csv")
    bring(OWNERS.replace("Manager", "Lead"), "owners.csv")
    undone = undo.take_back(store, first.id or 0, now=NOW, final=ImportState.UNDONE)
    assert (undone.owners, undone.kept_others) == (1, 1)
    assert rows(store, "owners", "name", "title") == [("Ana Ruiz", "Account Lead")]


COSTS = """date,channel,campaign,amount,currency,note
2026-11-01,flyers,autumn,50,EUR,print
2026-11-01,flyers,autumn,30,EUR,print
2026-11-03,radio,,"120,50",EUR,
"""


def test_costs_are_known_by_day_channel_and_campaign(store: Store, bring: Bring) -> None:
    result = bring(COSTS)
    assert (result.noun, result.inserted) == (Noun.COSTS, 3)
    assert bring(COSTS).unchanged == 3
    assert costs.totals(store.db, date(2026, 11, 1), date(2026, 11, 2)) == {("flyers", "EUR"): 8000}
    assert [(each.spent_on.day, each.amount_minor) for each in costs.by_day(store.db, date.min, date.max)] == [
        (1, 8000), (3, 12050),
    ]  # fmt: skip


def test_a_corrected_amount_takes_the_place_of_the_first(store: Store, bring: Bring) -> None:
    bring(COSTS)
    corrected = bring(COSTS.replace('"120,50"', '"99,00"'))
    assert (corrected.updated, corrected.unchanged) == (1, 2)
    assert sum(row[3] for row in spent(store)) == 17900


def test_costs_without_an_id_beside_others_with_one_are_all_kept(store: Store, bring: Bring) -> None:
    text = "cost_id,date,channel,amount\nA1,2026-11-01,radio,5\n,2026-11-01,radio,6\n,2026-11-01,radio,6\n"
    assert bring(text).inserted == 3
    assert bring(text).unchanged == 3


def test_orders_with_a_channel_stay_orders(bring: Bring) -> None:
    text = "order_id,date,email,total,channel,campaign\n1,2026-11-01,ann@a.example,10.00,web,spring\n"
    assert bring(text).noun is Noun.ORDERS


def test_costs_without_day_or_amount_are_rejected(bring: Bring) -> None:
    result = bring("date,channel,cost\n,radio,5\nx,radio,5\n2026-11-01,radio,\n2026-11-01,radio,many\n")
    assert [(row.line, row.field) for row in result.problems] == [(2, "date"), (3, "date"), (4, "cost"), (5, "cost")]


GOOGLE = """Day,Campaign,Ad group,Currency code,Cost,Impr.,Clicks
2026-11-01,Search - Brand,Brand terms,EUR,"1,004.20",800,60
2026-11-01,Search - Brand,Other,EUR,3.105,10,1
Total: Account,,,EUR,"1,007.31",,
"""


def test_google_ads_days_are_read_without_its_totals(store: Store, bring: Bring) -> None:
    result = bring(GOOGLE)
    assert (result.tool, result.inserted, result.merged, result.rejected) == ("google_ads", 2, 1, 0)
    assert spent(store) == [
        ("2026-11-01", "google_ads", "Search - Brand", 100420, "EUR"),
        ("2026-11-01", "google_ads", "Search - Brand", 311, "EUR"),  # fractions of a cent are rounded
    ]
    assert bring(GOOGLE).unchanged == 2


@pytest.mark.parametrize("period", ['"November 1, 2026 - November 2, 2026"', "Nov 1, 2026 - Nov 2, 2026", ""])
def test_a_report_may_begin_with_its_title_and_period(store: Store, bring: Bring, period: str) -> None:
    result = bring(f"Cost report\n{period}\n{GOOGLE}x,Brand,,EUR,1.00,1,1\n")
    assert (result.tool, result.inserted) == ("google_ads", 2)
    assert [row.line for row in result.problems] == [7]


def test_metas_header_names_the_currency_and_its_row_of_totals_is_left_out(store: Store, bring: Bring) -> None:
    result = bring(
        "Reporting starts,Reporting ends,Campaign name,Amount spent (USD),Reach\n"
        "2026-11-01,2026-11-02,,30.7,1\n"
        "2026-11-01,2026-11-01,Spring,10.35,100\n"
        "2026-11-02,2026-11-02,Spring,20.35,100\n"
    )
    assert (result.tool, result.inserted, result.merged) == ("meta_ads", 2, 1)
    assert spent(store) == [
        ("2026-11-01", "meta_ads", "Spring", 1035, "USD"),
        ("2026-11-02", "meta_ads", "Spring", 2035, "USD"),
    ]


@pytest.mark.parametrize(
    ("header", "currency"),
    [
        ("By Day,Campaign name,Ad group name,Ad name,Cost,Impressions,Clicks (destination)", "EUR"),
        ("Start Date (in UTC),Campaign Name,Currency,Total Spent,Impressions", "GBP"),
        ("Tag,Kampagne,Anzeigengruppe,Währungscode,Kosten,Klicks", "GBP"),
        ("Berichtsstart,Berichtsende,Kampagnenname,Ausgegebener Betrag (CHF),Reichweite", "CHF"),
        ("Inicio del informe,Nombre de la campaña,Importe gastado (USD)", "USD"),
        ("Time period,Campaign,Spend,VAT cost", "EUR"),
    ],
)
def test_other_ad_tools_are_read_by_their_headers(store: Store, bring: Bring, header: str, currency: str) -> None:
    cells = {"Currency": "GBP", "Währungscode": "GBP"}
    dates = (
        "By Day",
        "Start Date (in UTC)",
        "Tag",
        "Berichtsstart",
        "Berichtsende",
        "Inicio del informe",
        "Time period",
    )
    cells |= dict.fromkeys(dates, "2026-11-01")
    names = header.split(",")
    amounts = ("Cost", "Spend", "Total Spent", "Kosten")
    row = [cells.get(name, "12.30" if "(" in name or name in amounts else "Spring") for name in names]
    result = bring(f"{header}\n{','.join(row)}\n")
    assert (result.noun, result.inserted) == (Noun.COSTS, 1)
    assert [line[3:] for line in spent(store)] == [(1230, currency)]


def contact_of(store: Store, bring: Bring, **fields: str) -> int:
    """Import one contact with these fields and return its id."""
    said = {"email": "ann@bluebay.example", "company": "", "owner": "", **fields}
    bring(f"{','.join(said)}\n{','.join(said.values())}\n", "contacts.csv", noun=Noun.CONTACTS)
    return int(store.db.execute("SELECT max(id) FROM contacts").fetchone()[0])


COMPANIES = """company_id,company name,domain,industry,owner
1,Bluebay Ltd,bluebay.example,Games,ana@shop.example
2,Acme,acme.example,Tools,8
"""


@pytest.mark.parametrize("said", ["ANA@shop.example", "7", "ana  ruiz"])
def test_a_contact_leads_to_an_owner_by_address_id_or_name(store: Store, bring: Bring, said: str) -> None:
    bring(OWNERS, "owners.csv")
    found = owners.of_contact(store.db, contact_of(store, bring, owner=said))
    assert found is not None
    assert (found.name, found.title) == ("Ana Ruiz", "Account Manager")


def test_a_contact_without_an_owner_has_that_of_the_company(store: Store, bring: Bring) -> None:
    bring(OWNERS, "owners.csv")
    bring(COMPANIES, noun=Noun.COMPANIES)
    found = owners.of_contact(store.db, contact_of(store, bring))
    assert found is not None
    assert found.name == "Ana Ruiz"


def test_an_owner_whom_two_people_share_a_name_with_is_nobody(store: Store, bring: Bring) -> None:
    bring("name,email\nAna,ana@shop.example\nAna,other@shop.example\n", noun=Noun.OWNERS)
    assert owners.find(store.db, "Ana") is None
    assert owners.find(store.db, "nobody") is None


@pytest.mark.parametrize(
    ("fields", "company"),
    [
        ({}, "Bluebay Ltd"),
        ({"company": "Bluebay"}, "Bluebay Ltd"),
        ({"company": "ACME"}, "Acme"),
        ({"company": "Somebody else"}, None),
        ({"email": "ann@elsewhere.example", "company": "acme."}, "Acme"),
        ({"email": "ann@elsewhere.example"}, None),
    ],
    ids=str,
)
def test_a_contact_leads_to_a_company(store: Store, bring: Bring, fields: dict[str, str], company: str | None) -> None:
    bring(COMPANIES, noun=Noun.COMPANIES)
    found = companies.of_contact(store.db, contact_of(store, bring, **fields))
    assert (found and found.name) == company


def test_a_free_mail_domain_is_nobodys_company(store: Store, bring: Bring) -> None:
    bring("name,domain\nBakery,gmx.de\n", noun=Noun.COMPANIES)
    assert companies.of_contact(store.db, contact_of(store, bring, email="ann@gmx.de")) is None
    assert companies.is_free_mail("GMAIL.com")


def test_a_domain_that_two_companies_have_is_neithers(store: Store, bring: Bring) -> None:
    bring("company_id,name,domain\n1,North,group.example\n2,South,group.example\n", noun=Noun.COMPANIES)
    assert companies.of_contact(store.db, contact_of(store, bring, email="ann@group.example")) is None
    both = contact_of(store, bring, email="bea@group.example", company="South")
    found = companies.of_contact(store.db, both)
    assert found is not None
    assert found.company_id == "2"
    assert contacts.get(store.db, both) is not None


def test_rows_of_one_owner_fill_each_others_further_columns(store: Store, bring: Bring) -> None:
    text = "owner_id,name,calendar,motto\n7,Ana Ruiz,cal.example/ana,\n7,,,Always here\n7,,cal.example/new,\n"
    result = bring(text, noun=Noun.OWNERS)
    assert (result.inserted, result.merged) == (1, 2)
    (owner,) = owners.all_of_them(store.db)
    assert owner.attributes == {"calendar": "cal.example/new", "motto": "Always here"}
    again = bring(f"{text}\n", noun=Noun.OWNERS)  # other bytes, the same words
    assert (again.updated, again.unchanged) == (0, 1)
