"""`created_at` in rules is when we first heard of somebody, whatever day the file was imported on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from import_shop import NOW, ImportShop
from mailflow import clock
from mailflow.rules import Context, known_fields, matches, parse
from mailflow.store import first_heard, history, members, merges, rules_sql

ZONE = ZoneInfo("Europe/Vienna")
RECENT = "created_at within last 2w"


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path)


def found(shop: ImportShop, text: str) -> list[str | None]:
    """Return the addresses that a rule finds, which is what it says of each one alone, too."""
    context = Context(shop.now + timedelta(minutes=1), ZONE, "EUR")
    rule = parse(text, fields=known_fields({}, ()))
    where, parameters = rules_sql.compile(rule, context=context, merges=members.any_merged(shop.db))
    ids = list(members.found(shop.db, where, parameters))
    for (contact_id,) in shop.db.execute("SELECT id FROM contacts WHERE merged_into IS NULL").fetchall():
        facts = history.facts(shop.db, contact_id, context=context)
        assert facts is not None
        assert matches(rule, facts, context=context) == (contact_id in ids)
    return sorted(person.email for person in members.named(shop.db, ids))


def since(shop: ImportShop, email: str) -> str:
    """Return the day in Vienna on which we first heard of somebody."""
    (contact_id,) = shop.db.execute("SELECT id FROM contacts WHERE email = ?", (email,)).fetchone()
    heard = first_heard.of_contact(shop.db, contact_id)
    assert heard is not None
    return str(clock.local_date(heard, ZONE))


@pytest.mark.parametrize(
    ("header", "cell", "day"),
    [
        ("Created At", "2021-05-03T22:30:00Z", "2021-05-04"),
        ("Created At (UTC+0)", "2021-05-03 12:00:00", "2021-05-03"),
        ("Date added", "03.05.2021", "2021-05-03"),
        ("Kunde seit", "3.5.2021", "2021-05-03"),
        ("Mitglied seit", "2019", "2019-01-01"),
        ("Customer Since", "May 3, 2021 10:00:00 AM", "2021-05-03"),
        ("Cliente desde", "2021-05", "2021-05-01"),
        ("Client depuis", "2021-05-03", "2021-05-03"),
        ("First purchase date", "2021-05-03", "2021-05-03"),
    ],
)
def test_a_files_own_date_of_a_contact_is_when_we_first_heard_of_them(
    shop: ImportShop, header: str, cell: str, day: str
) -> None:
    shop.take(f'email,{header}\nada@example.com,"{cell}"\nbo@example.com,\n')
    assert since(shop, "ada@example.com") == day
    assert found(shop, RECENT) == ["bo@example.com"]


def test_the_column_stays_an_attribute(shop: ImportShop) -> None:
    shop.take("email,Kunde seit\nada@example.com,3.5.2021\n")
    assert found(shop, 'attributes.kunde_seit == "3.5.2021"') == ["ada@example.com"]


@pytest.mark.parametrize("cell", ["1970-01-01", "1900-01-01", "0000-00-00", "yes", "", "2199-01-01", "-"])
def test_what_is_no_day_or_is_still_to_come_says_nothing(shop: ImportShop, cell: str) -> None:
    result = shop.take(f"email,Created At\nada@example.com,{cell}\n")
    assert since(shop, "ada@example.com") == str(clock.local_date(shop.now, ZONE))
    assert not result.rejected


def test_days_that_may_be_either_way_round_are_as_the_files_other_dates(shop: ImportShop) -> None:
    shop.take(
        "email,Newsletter,Opt-in date,Date added\nada@example.com,yes,25/12/2020,03/04/2020\n"
        "bo@example.com,yes,01/02/2021,04/05/2020\n"
    )
    assert (since(shop, "ada@example.com"), since(shop, "bo@example.com")) == ("2020-04-03", "2020-05-04")


def test_nobody_is_asked_how_such_days_are_written(shop: ImportShop) -> None:
    shop.take("email,Date added\nada@example.com,03/04/2020\n")
    assert since(shop, "ada@example.com") == str(clock.local_date(NOW, ZONE))


def test_the_day_of_a_yes_a_no_or_an_opt_in_counts(shop: ImportShop) -> None:
    shop.take(
        "email,status,opted_in_at,unsubscribed_at\nada@example.com,subscribed,2020-01-02,\n"
        "bo@example.com,unsubscribed,2019-01-02,2021-06-01\n"
    )
    assert since(shop, "ada@example.com") == "2020-01-02"
    assert since(shop, "bo@example.com") == "2019-01-02"


def test_a_first_order_counts_and_a_refused_one_does_not(shop: ImportShop) -> None:
    shop.take(
        "order_id,email,date,total,status\n1,ada@example.com,2022-02-03,9.00,paid\n"
        "2,bo@example.com,2022-02-03,9.00,cancelled\n"
    )
    assert since(shop, "ada@example.com") == "2022-02-03"
    assert found(shop, RECENT) == ["bo@example.com"]


def test_the_earliest_of_several_files_holds_whatever_their_order(shop: ImportShop) -> None:
    files = [f"email,Created at\nada@example.com,{day}\n" for day in ("2020-03-01", "2019-03-01", "2021-03-01")]
    results = [shop.take(text, f"{number}.csv") for number, text in enumerate(files)]
    assert since(shop, "ada@example.com") == "2019-03-01"
    shop.undo(results[2])
    shop.undo(results[1])
    assert since(shop, "ada@example.com") == "2020-03-01"


def test_importing_again_changes_nothing(shop: ImportShop) -> None:
    shop.take("email,Created at\nada@example.com,2020-03-01\n")
    again = shop.take("email,Created at,City\nada@example.com,2020-03-01,\n", "again.csv")
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 1)


def test_a_dry_run_tells_the_earlier_day(shop: ImportShop) -> None:
    shop.take("email\nada@example.com\n")
    result = shop.take("email,Created at\nada@example.com,2020-03-01T00:00:00Z\n", "two.csv", dry_run=True)
    told = [change for change in result.changes if change["field"] == "known_since"]
    assert [change["new"] for change in told] == ["2020-03-01T00:00:00Z"]


def test_rows_about_one_person_tell_the_earliest_day(shop: ImportShop) -> None:
    shop.take("email,city,Created at\nada@example.com,Wien,2021-03-01\nada@example.com,Graz,2020-03-01\n")
    assert since(shop, "ada@example.com") == "2020-03-01"


def test_a_person_is_known_since_the_first_of_those_merged_into_one(shop: ImportShop) -> None:
    shop.take("email,Created at\nada@example.com,2021-03-01\nada@work.example,2018-03-01\n")
    ids = dict(shop.db.execute("SELECT email, id FROM contacts").fetchall())
    with shop.store.transaction() as tx:
        merge = merges.merge(
            tx,
            ids["ada@example.com"],
            ids["ada@work.example"],
            evidence="said so",
            now=datetime(2026, 11, 23, tzinfo=UTC),
        )
    assert since(shop, "ada@example.com") == "2018-03-01"
    assert found(shop, 'created_at < "2019-01-01"') == ["ada@example.com"]
    with shop.store.transaction() as tx:
        merges.take_back(tx, merge, now=datetime(2026, 11, 24, tzinfo=UTC))
    assert since(shop, "ada@example.com") == "2021-03-01"


def test_a_column_can_be_named_by_hand(shop: ImportShop) -> None:
    shop.take("email,Anno\nada@example.com,2020-03-01\n", mapping={"Anno": "created_at"})
    assert since(shop, "ada@example.com") == "2020-03-01"
