"""`mailflow contact merge`: proposals, a merge, its undoing, and that nobody is mailed twice because of one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mail_shop import CAMPAIGN, NOW, letters, mailflow, make_shop, twice, write_campaign
from mailflow.addresses import normalise
from mailflow.model import ConsentState
from mailflow.store import consents, contacts, facts
from mailflow.workspace import Workspace

Run = Callable[..., Any]
PEOPLE = """\
email,first name,last name,phone,postcode,consent
anna@gmail.example,Anna,Huber,+43 664 1234567,8010,subscribed
anna.huber@firm.example,Anna,Huber,0664 1234567,8010,subscribed
ben@example.com,Ben,Berger,,8010,subscribed
"""
ORDERS = """\
Order ID,Email,Date,Total,Status
1,anna@gmail.example,2026-01-05,100.00,paid
2,anna.huber@firm.example,2026-02-05,50.50,paid
3,ben@example.com,2026-02-06,20.00,paid
"""
ANNA, OTHER = "anna@gmail.example", "anna.huber@firm.example"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = make_shop(tmp_path / "shop", people=0)
    for name, text in (("people.csv", PEOPLE), ("orders.csv", ORDERS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        given = ["--consent", "express", "--evidence", "list"] if name == "people.csv" else []
        assert mailflow(made, "import", str(tmp_path / name), *given, now=NOW) == 0
    return made


@pytest.fixture
def run(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that gives the JSON that a command prints."""

    def command(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert mailflow(shop, *words, "--format", "json", now=NOW) == code
        return json.loads(capsys.readouterr().out)

    return command


def contact_id(shop: Workspace, email: str) -> int:
    return int(shop.store.db.execute("SELECT id FROM contacts WHERE email = ?", (email,)).fetchone()[0])


def test_proposals_say_who_and_why(run: Run, shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (pair,) = run("contact", "merge")
    assert pair["strength"] == "strong"
    assert {pair["keep"], pair["other"]} == {ANNA, OTHER}
    assert pair["evidence"] == ["same name: Anna Huber", "same phone: +43 664 1234567", "same postcode: 8010"]
    anna = "keep" if pair["keep"] == ANNA else "other"
    assert (pair[f"{anna}_orders"], pair[f"{anna}_consent"]) == (1, "subscribed")
    assert pair[f"{anna}_revenue"] == [{"currency": "EUR", "revenue": "100.00"}]
    assert mailflow(shop, "contact", "merge", "--format", "csv", now=NOW) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["keep"], row["other_orders"]) == (pair["keep"], "1")
    assert mailflow(shop, "contact", "merge", now=NOW) == 0
    said = capsys.readouterr()
    words = " ".join(said.out.split())
    assert "why same name: Anna Huber, same phone: +43 664 1234567, same postcode: 8010" in words
    assert "1 order, 100.00 EUR, the last on 2026-01-05; subscribed" in words
    assert f"next: mailflow contact merge {pair['keep']} {pair['other']}" in said.err


def test_a_merge_and_back(run: Run, shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    sums = "SELECT count(*), sum(total_minor) FROM orders"
    before = tuple(shop.store.db.execute(sums).fetchone())
    kept_before = facts.kept(shop.store.db)
    rows_before = [tuple(row) for row in shop.store.db.execute("SELECT * FROM contacts ORDER BY id")]
    done = run("contact", "merge", ANNA, OTHER, "--yes")
    assert (done["id"], done["keep"], done["other"]) == (1, ANNA, OTHER)
    assert tuple(shop.store.db.execute(sums).fetchone()) == before
    assert facts.kept(shop.store.db) == facts.counted(shop.store.db)
    members = run("segment", "--rule", "orders.count == 2 and orders.revenue == 150.5")
    assert [member["email"] for member in members] == [ANNA]
    assert run("contact", "show", OTHER)["email"] == ANNA
    assert run("contact", "merge") == []
    (listed,) = run("contact", "merge", "--list")
    assert (listed["kept"], listed["merged"], listed["undone"]) == (ANNA, OTHER, None)
    assert listed["evidence"].startswith("same name: Anna Huber; same phone")
    assert run("contact", "merge", "--undo", "1") == {"id": 1, "kept": ANNA, "merged": OTHER}
    assert facts.kept(shop.store.db) == kept_before
    assert [tuple(row) for row in shop.store.db.execute("SELECT * FROM contacts ORDER BY id")] == rows_before
    assert run("contact", "show", OTHER)["email"] == OTHER
    assert run("contact", "merge", "--list")[0]["undone"] == "2026-03-20T09:00:00Z"
    assert run("contact", "merge") == [], "they were parted: they are two"


def test_the_list_shows_the_days_of_the_shop(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    night = datetime(2026, 3, 20, 23, 30, tzinfo=UTC)
    assert mailflow(shop, "contact", "merge", ANNA, OTHER, "--yes", now=night) == 0
    assert mailflow(shop, "contact", "merge", "--undo", "1", now=night + timedelta(days=1)) == 0
    capsys.readouterr()
    assert mailflow(shop, "contact", "merge", "--list", "--format", "table", now=night) == 0
    told = capsys.readouterr().out
    assert "2026-03-21, undone" in told
    assert "2026-03-22" in told
    assert "2026-03-20" not in told


def test_the_rfm_report_counts_the_person_once(run: Run, shop: Workspace) -> None:
    before = {row["email"]: row for row in run("segment", "--contacts")}
    run("contact", "merge", ANNA, OTHER, "--yes")
    after = {row["email"]: row for row in run("segment", "--contacts")}
    assert set(after) == {ANNA, "ben@example.com"}
    assert (after[ANNA]["frequency"], after[ANNA]["monetary"]) == (2, "150.50")
    assert after[ANNA]["recency_days"] == before[OTHER]["recency_days"]


def test_it_asks_first_and_needs_a_terminal_for_that(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "contact", "merge", ANNA, OTHER, now=NOW) == 2
    said = capsys.readouterr().err
    assert "There is no terminal to ask on: say --yes" in said
    assert "same postcode: 8010" in said
    assert shop.store.db.execute("SELECT count(*) FROM merges").fetchone()[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([ANNA], "merge anna@gmail.example with whom?"),
        ([ANNA, ANNA, "--yes"], "are one person already"),
        ([ANNA, "nobody@example.com", "--yes"], "nobody"),
        (["--undo", "7"], "there is no merge 7"),
        ([ANNA, OTHER, "--undo", "1"], "three different tasks"),
        (["--list", "--undo", "1"], "three different tasks"),
    ],
)
def test_what_cannot_be_done_is_told(
    shop: Workspace, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mailflow(shop, "contact", "merge", *words, now=NOW) == 2
    assert told in capsys.readouterr().err


def test_imports_lead_to_the_person_and_can_be_taken_back(run: Run, shop: Workspace, tmp_path: Path) -> None:
    run("contact", "merge", ANNA, OTHER, "--yes")
    more = tmp_path / "more.csv"
    more.write_text(f"Order ID,Email,Date,Total,Status\n4,{OTHER},2026-03-01,9.50,paid\n", encoding="utf-8")
    imported = run("import", str(more))[0]["id"]
    anna = contact_id(shop, ANNA)
    assert facts.kept(shop.store.db) == facts.counted(shop.store.db)
    assert facts.kept(shop.store.db).revenue[anna, "EUR"] == 16000
    again = run("import", str(tmp_path / "people.csv"), "--consent", "express", "--evidence", "again")[0]
    assert again["inserted"] == 0
    assert consents.state_of(shop.store.db, anna) is ConsentState.SUBSCRIBED
    held = consents.standing(shop.store.db, anna)
    assert held is not None
    assert held.address == ANNA, "a yes for another of their addresses takes none from this one"
    unchanged = run("import", str(tmp_path / "orders.csv"))[0]
    assert (unchanged["inserted"], unchanged["updated"]) == (0, 0), "orders of merged contacts are those of the person"
    run("import", "--undo", str(imported))
    run("contact", "merge", "--undo", "1")
    assert facts.kept(shop.store.db) == facts.counted(shop.store.db)
    assert facts.kept(shop.store.db).revenue[anna, "EUR"] == 10000


def test_undoing_an_import_after_parting_brings_nothing_of_the_other_back(
    run: Run, shop: Workspace, tmp_path: Path
) -> None:
    cities = "SELECT city FROM contacts WHERE email IN (?, ?) ORDER BY email"
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET city = 'Graz' WHERE email = ?", (OTHER,))
    run("contact", "merge", ANNA, OTHER, "--yes")
    file = tmp_path / "moved.csv"
    file.write_text(f"email,city\n{ANNA},Wien\n", encoding="utf-8")
    moved = run("import", str(file))[0]["id"]
    run("contact", "merge", "--undo", "1")
    assert [row[0] for row in shop.store.db.execute(cities, (ANNA, OTHER))] == ["Graz", "Wien"]
    run("import", "--undo", str(moved))
    assert [row[0] for row in shop.store.db.execute(cities, (ANNA, OTHER))] == ["Graz", None]


def test_an_import_of_merged_people_is_undone_without_a_trace_of_trouble(run: Run, shop: Workspace) -> None:
    run("contact", "merge", ANNA, OTHER, "--yes")
    run("contact", "merge", "--undo", "1")
    run("contact", "merge", "ben@example.com", OTHER, "--yes")
    run("import", "--undo", "2")
    run("import", "--undo", "1")
    assert facts.kept(shop.store.db) == facts.counted(shop.store.db) == facts.Facts({}, {})


@pytest.mark.parametrize("by", ["file", "word"])
def test_a_no_for_either_address_holds_for_both_and_after_parting(
    run: Run, shop: Workspace, tmp_path: Path, by: str
) -> None:
    run("contact", "unsubscribe", ANNA)
    run("contact", "merge", ANNA, OTHER, "--yes")
    if by == "file":
        file = tmp_path / "left.csv"
        file.write_text(f"email,consent\n{OTHER},unsubscribed\n", encoding="utf-8")
        run("import", str(file))
    else:
        run("contact", "unsubscribe", OTHER)
    run("contact", "merge", "--undo", "1")
    states = [consents.state_of(shop.store.db, contact_id(shop, email)) for email in (ANNA, OTHER)]
    assert states == [ConsentState.UNSUBSCRIBED] * 2


def test_a_no_said_again_while_merged_outlives_the_merge(run: Run, shop: Workspace, tmp_path: Path) -> None:
    run("contact", "unsubscribe", OTHER)
    run("contact", "merge", ANNA, OTHER, "--yes")
    file = tmp_path / "left.csv"
    file.write_text(f"email,consent\n{ANNA},unsubscribed\n", encoding="utf-8")
    run("import", str(file))
    run("contact", "merge", "--undo", "1")
    assert consents.state_of(shop.store.db, contact_id(shop, ANNA)) is ConsentState.UNSUBSCRIBED


# Mail ---------------------------------------------------------------------------------------------------------


def decisions(plan: Any) -> dict[str, str]:
    return {line["email"]: line["reason"] or line["decision"] for line in plan["messages"]}


def test_a_merged_contact_is_in_no_plan_of_its_own(run: Run, shop: Workspace) -> None:
    run("contact", "merge", ANNA, OTHER, "--yes")
    assert decisions(run("plan", "hello")) == {ANNA: "send", "ben@example.com": "send"}
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert letters(shop) == [ANNA, "ben@example.com"]


def test_who_got_it_under_the_other_address_does_not_get_it_again(run: Run, shop: Workspace) -> None:
    """Send to the first two; the third is merged with one of them; the rest of the sending leaves her out."""
    write_campaign(shop.root, "hello", CAMPAIGN.replace("everyone", f'email == "{OTHER}" or email == "{ANNA}"'))
    run("contact", "unsubscribe", ANNA)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert letters(shop) == [OTHER]
    assert mailflow(shop, "contact", "subscribe", ANNA, "--evidence", "asked at the counter", now=NOW) == 0
    run("contact", "merge", ANNA, OTHER, "--yes")
    assert decisions(run("plan", "hello")) == {ANNA: "already_sent"}
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "run", now=NOW + timedelta(hours=3)) == 0
    assert letters(shop) == [OTHER]
    run("contact", "merge", "--undo", "1")
    assert decisions(run("plan", "hello")) == {ANNA: "send", OTHER: "already_sent"}


def test_a_merge_between_planning_and_sending_mails_the_person_once(run: Run, shop: Workspace) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00 local\n")
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET timezone = 'Asia/Tokyo' WHERE email = ?", (OTHER,))
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "run", now=NOW + timedelta(hours=12)) == 0  # rows are written for all three
    assert shop.store.db.execute("SELECT count(*) FROM messages").fetchone()[0] == 3
    run("contact", "merge", ANNA, OTHER, "--yes")
    for hours in (16, 20, 24, 28, 40):
        assert mailflow(shop, "run", now=NOW + timedelta(hours=hours)) == 0
    assert twice(letters(shop)) == []
    assert letters(shop) == [ANNA, "ben@example.com"]
    merged = shop.store.db.execute("SELECT reason FROM messages WHERE address = ?", (OTHER,)).fetchone()[0]
    assert merged == "merged"


def test_a_merge_after_the_other_address_got_it_holds_the_second_back(run: Run, shop: Workspace) -> None:
    write_campaign(shop.root, "hello", CAMPAIGN + "send_at: 2026-03-21 09:00 local\n")
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET timezone = 'Asia/Tokyo' WHERE email = ?", (OTHER,))
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "run", now=NOW + timedelta(hours=16)) == 0  # nine o'clock in Tokyo, not yet in Vienna
    assert letters(shop) == [OTHER]
    run("contact", "merge", ANNA, OTHER, "--yes")
    assert mailflow(shop, "run", now=NOW + timedelta(hours=24)) == 0
    assert letters(shop) == [OTHER, "ben@example.com"]


def test_why_of_a_merged_address_is_about_the_person(run: Run, shop: Workspace) -> None:
    run("contact", "unsubscribe", OTHER)
    run("contact", "merge", ANNA, OTHER, "--yes")
    answers = run("why", OTHER)
    assert answers[0]["reason"] == "unsubscribed"
    found = contacts.find_by_email(shop.store.db, normalise(OTHER))
    assert found is not None
    assert found.email == ANNA


def test_why_knows_what_the_other_address_got(run: Run, shop: Workspace) -> None:
    run("contact", "unsubscribe", ANNA)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    run("contact", "merge", OTHER, ANNA, "--yes")
    answers = [(answer["what"], answer["state"], answer["reason"]) for answer in run("why", ANNA)]
    assert ("hello", "accepted", None) in answers


def test_two_addresses_in_one_order_history_are_proposed(run: Run, shop: Workspace, tmp_path: Path) -> None:
    ben = "ben.berger@firm.example"
    assert mailflow(shop, "contact", "subscribe", ben, "--evidence", "asked", now=NOW) == 0
    orders = tmp_path / "shop.csv"
    rows = "".join(
        f"{number},{email},77,2026-03-01,9.50,paid\n" for number, email in ((8, ben), (9, "ben@example.com"))
    )
    orders.write_text(f"Order ID,Email,Customer ID,Date,Total,Status\n{rows}", encoding="utf-8")
    imported = run("import", str(orders))[0]["id"]
    (pair,) = [pair for pair in run("contact", "merge") if ben in (pair["keep"], pair["other"])]
    assert pair["evidence"] == ["orders of customer id 77 (plain) name them both"]
    assert pair["strength"] == "likely"
    run("import", "--undo", str(imported))
    assert [pair for pair in run("contact", "merge") if ben in (pair["keep"], pair["other"])] == []
