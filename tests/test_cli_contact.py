"""`mailflow contact …` as it is typed: what is recorded, printed, and refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailflow import clock, policy
from mailflow.addresses import normalise
from mailflow.cli.main import run
from mailflow.model import Basis, ConsentState, MessageState, SuppressionReason
from mailflow.policy import Limits
from mailflow.store import candidates, consents, contacts, suppressions
from mailflow.store.consents import ConsentEntry
from mailflow.store.events import Event, insert
from mailflow.workspace import Workspace
from people import add_contact, add_message

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ADA, BOB = "Ada@example.com", "bob@example.com"
Do = Callable[..., int]


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    return Workspace.at(tmp_path / "shop")


@pytest.fixture
def do(shop: Workspace) -> Do:
    def contact(*words: str) -> int:
        return run(["contact", *words, "--workspace", str(shop.root), "--now", "2026-03-20T09:00Z"])

    return contact


def state(shop: Workspace, email: str) -> ConsentState | None:
    contact = contacts.find_by_email(shop.store.db, normalise(email))
    return None if contact is None else consents.state_of(shop.store.db, contact.id)


def reasons(shop: Workspace, email: str) -> set[SuppressionReason]:
    return set(suppressions.reasons_for(shop.store.db, shop.keys.address_hash(normalise(email).key)))


def rows(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_subscribe_makes_a_contact_and_keeps_the_evidence(shop: Workspace, do: Do) -> None:
    assert do("subscribe", ADA, "--evidence", "signed the list", "--basis", "purchase") == 0
    contact = contacts.find_by_email(shop.store.db, normalise(ADA))
    assert contact is not None
    assert (contact.email, contact.source) == (ADA, "owner")
    (entry,) = consents.history(shop.store.db, contact.id)
    assert entry == ConsentEntry(
        contact.id,
        ConsentState.SUBSCRIBED,
        Basis.PURCHASE,
        ADA,
        NOW,
        NOW,
        "owner",
        evidence="signed the list",
        lifts=True,
    )


def test_subscribe_lifts_a_no_which_no_file_may(shop: Workspace, do: Do) -> None:
    do("unsubscribe", ADA)
    contact = contacts.find_by_email(shop.store.db, normalise(ADA))
    assert contact is not None
    with shop.store.transaction() as tx:
        consents.append(tx, ConsentEntry(contact.id, ConsentState.SUBSCRIBED, Basis.EXPRESS, ADA, NOW, NOW, "import:1"))
    assert state(shop, ADA) is ConsentState.UNSUBSCRIBED
    assert do("subscribe", ADA, "--evidence", "came back, by letter") == 0
    assert state(shop, ADA) is ConsentState.SUBSCRIBED


@pytest.mark.parametrize("words", [["subscribe", ADA], ["subscribe", ADA, "--evidence", " "]])
def test_nobody_is_subscribed_without_evidence(shop: Workspace, do: Do, words: list[str]) -> None:
    assert do(*words) == 2
    assert state(shop, ADA) is None


def test_unknown_is_no_basis_that_can_be_said(shop: Workspace, do: Do) -> None:
    assert do("subscribe", ADA, "--evidence", "e", "--basis", "unknown") == 2
    assert state(shop, ADA) is None


def test_a_suppressed_address_is_not_subscribed_and_the_reason_is_said(
    shop: Workspace, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    with shop.store.transaction() as tx:
        suppressions.suppress(tx, shop.keys, normalise(BOB), SuppressionReason.COMPLAINT, source="relay", now=NOW)
    assert do("subscribe", ADA, BOB, "--evidence", "e", "--format", "json") == 1
    assert rows(capsys) == [
        {"email": ADA, "result": "subscribed", "reason": None},
        {
            "email": BOB,
            "result": "refused",
            "reason": "The address is suppressed: the person reported our mail as spam.",
        },
    ]
    assert state(shop, BOB) is None


def test_saying_it_twice_changes_nothing(shop: Workspace, do: Do, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["subscribe", ADA, "--evidence", "e"],
        ["unsubscribe", BOB],
        ["suppress", "eve@example.com", "--reason", "r"],
    ):
        assert do(*words) == 0
        before = shop.store.db.execute("SELECT count(*) FROM consents").fetchone()[0]
        capsys.readouterr()
        assert do(*words, "--format", "json") == 0
        assert [row["result"] for row in rows(capsys)] == ["unchanged"]
        assert shop.store.db.execute("SELECT count(*) FROM consents").fetchone()[0] == before


def test_a_no_of_somebody_unknown_is_kept_for_later_files(shop: Workspace, do: Do) -> None:
    assert do("unsubscribe", ADA, "--reason", "by phone") == 0
    assert state(shop, ADA) is ConsentState.UNSUBSCRIBED


def test_a_no_at_the_same_instant_as_a_yes_holds(shop: Workspace, do: Do) -> None:
    do("unsubscribe", ADA)
    do("subscribe", ADA, "--evidence", "e")
    do("unsubscribe", ADA)
    assert state(shop, ADA) is ConsentState.UNSUBSCRIBED


def test_suppressing_somebody_unknown_makes_no_contact(shop: Workspace, do: Do) -> None:
    assert do("suppress", ADA, "--reason", "competitor") == 0
    assert reasons(shop, ADA) == {SuppressionReason.MANUAL}
    assert state(shop, ADA) is None


def test_suppress_needs_a_reason_and_can_be_taken_back(shop: Workspace, do: Do) -> None:
    assert do("suppress", ADA) == 2
    assert do("suppress", ADA, "--reason", "typo") == 0
    assert do("suppress", ADA, "--lift") == 0
    assert reasons(shop, ADA) == set()


def test_what_a_mail_server_said_is_not_the_owners_to_lift(shop: Workspace, do: Do) -> None:
    with shop.store.transaction() as tx:
        suppressions.suppress(tx, shop.keys, normalise(ADA), SuppressionReason.HARD_BOUNCE, source="relay", now=NOW)
    assert do("suppress", ADA, "--lift") == 1
    assert reasons(shop, ADA) == {SuppressionReason.HARD_BOUNCE}


def test_a_file_with_one_address_a_line_reports_its_bad_lines(
    shop: Workspace, do: Do, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gone.txt"
    file.write_text("ada@example.com\nnot an address\n\nbob@example.com\nADA@example.com\n", encoding="utf-8")
    assert do("unsubscribe", "--file", str(file)) == 1
    said = capsys.readouterr().err
    assert f"{file}:2: not an e-mail address" in said
    assert "1 of 3 not done" in said
    assert state(shop, ADA) is state(shop, BOB) is ConsentState.UNSUBSCRIBED


@pytest.mark.parametrize(
    "text",
    [
        "email\nada@example.com\nbob@example.com\n",
        "Name;E-Mail\nAda;ada@example.com\nBob;bob@example.com\n",
        '﻿"First Name","Email Address"\n"Ada","ada@example.com"\n"Bob","bob@example.com"\n',
        "ada@example.com\r\nbob@example.com",
    ],
)
def test_a_csv_needs_only_an_email_column(shop: Workspace, do: Do, tmp_path: Path, text: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8", newline="")
    assert do("suppress", "--file", str(file), "--reason", "r") == 0
    assert len(suppressions.all_hashes(shop.store.db)) == 2
    assert reasons(shop, ADA) == reasons(shop, BOB) == {SuppressionReason.MANUAL}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["unsubscribe"], 2, "--file FILE"),
        (["unsubscribe", ADA, "--file", "x.csv"], 2, "not both"),
        (["unsubscribe", "--file", "missing.csv"], 2, "missing.csv"),
        (["unsubscribe", "nonsense"], 2, "nonsense"),
        (["show", "nonsense"], 2, "nonsense"),
        (["show", ADA], 2, "nobody with this address is known"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    do: Do, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert do(*words) == code
    assert said in capsys.readouterr().err


def test_a_file_without_addresses_is_bad_data(do: Do, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "colours.csv"
    file.write_text("colour,size\nred,5\n", encoding="utf-8")
    assert do("unsubscribe", "--file", str(file)) == 65
    assert "no column for e-mail addresses" in capsys.readouterr().err


def test_show_tells_of_a_suppression_of_somebody_unknown(do: Do, capsys: pytest.CaptureFixture[str]) -> None:
    do("suppress", ADA, "--reason", "r")
    assert do("show", ADA) == 2
    assert "suppressed" in capsys.readouterr().err


def test_show_gathers_a_person_in_time_order(shop: Workspace, do: Do, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.store.transaction() as tx:
        ada = add_contact(tx, ADA, now=NOW, consent=ConsentState.SUBSCRIBED)
        tx.execute("UPDATE contacts SET first_name = 'Ada', attributes = '{\"tea\": \"green\"}' WHERE id = ?", (ada,))
        tx.execute(
            "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
            " VALUES ('shop', '#1', ?, 'paid', 0, 1250, 'EUR', 0)",
            (ada,),
        )
        tx.execute("INSERT INTO contact_facts VALUES (?, 1, 0, 0)", (ada,))
        tx.execute("INSERT INTO contact_revenue VALUES (?, 'EUR', 1250)", (ada,))
        add_message(tx, ada, ADA, now=NOW, state=MessageState.SKIPPED, reason="cap_day")
    do("suppress", ADA, "--reason", "legal")
    capsys.readouterr()
    assert do("show", ADA.upper(), "--format", "json") == 0
    shown = rows(capsys)
    assert shown["fields"] == {"first_name": "Ada", "tea": "green"}
    assert shown["consent"]["state"] == "subscribed"
    assert [held["reason"] for held in shown["suppressions"]] == ["manual"]
    assert shown["orders"]["revenue"] == [{"currency": "EUR", "revenue": "12.50"}]
    assert [moment["what"] for moment in shown["timeline"]] == ["order", "consent", "suppression", "message"]
    assert do("show", ADA) == 0
    page = capsys.readouterr().out
    assert "green" in page
    assert "#1 placed: 12.50 EUR, paid" in page


def test_a_no_is_seen_by_a_send_that_has_its_message_ready(shop: Workspace, do: Do) -> None:
    with shop.store.transaction() as tx:
        ada = add_contact(tx, ADA, now=NOW, consent=ConsentState.SUBSCRIBED)
        message = add_message(tx, ada, ADA, now=NOW)
    with shop.lock():
        assert do("unsubscribe", ADA) == 0
    (candidate,) = candidates.for_messages(shop.store.db, shop.keys, [message], now=NOW)
    assert policy.decide(candidate, Limits(), NOW).code == "unsubscribed"


def test_a_long_list_goes_in_short_transactions(shop: Workspace, do: Do, tmp_path: Path) -> None:
    file = tmp_path / "many.txt"
    file.write_text("".join(f"p{n}@example.com\n" for n in range(1_050)), encoding="utf-8")
    assert do("subscribe", "--file", str(file), "--evidence", "fair", "--quiet") == 0
    assert contacts.count(shop.store.db) == 1_050


@pytest.fixture
def ada(shop: Workspace) -> int:
    """Return a contact whose data would like to steer the terminal, or a browser."""
    with shop.store.transaction() as tx:
        number = add_contact(tx, ADA, now=NOW, consent=ConsentState.SUBSCRIBED)
        note = {"note": "\x1b[31mred\x1b[0m [link=https://evil.example]here[/link] <script>alert(1)</script>"}
        tx.execute(
            "UPDATE contacts SET first_name = '<b>Ada</b>', attributes = ? WHERE id = ?", (json.dumps(note), number)
        )
        tx.executemany(
            "INSERT INTO identities (kind, source, value, contact_id) VALUES (?, ?, ?, ?)",
            [("customer_id", "webshop", "4711", number), ("phone", "", "+436641234567", number)],
        )
        insert(tx, Event("searched", "web\x1b[2J", "e1", NOW, NOW, number, {"query": "[bold]tea[/bold]\x07\u202e"}))
    return number


def test_what_is_data_never_steers_the_terminal(ada: int, do: Do, capsys: pytest.CaptureFixture[str]) -> None:
    assert do("show", ADA) == 0
    page = capsys.readouterr().out
    assert not {letter for letter in page if not letter.isprintable()} - {"\n"}
    for shown in ("\\x1b[31mred\\x1b[0m", "[link=https://evil.example]here", "[bold]tea[/bold]\\x07\\u202e"):
        assert shown in page


def test_a_page_fits_eighty_columns(
    ada: int, do: Do, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert do("show", ADA) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_the_html_page_is_private_and_escapes_everything(ada: int, do: Do, tmp_path: Path) -> None:
    path = tmp_path / "ada.html"
    path.write_text("an older page, readable by all", encoding="utf-8")
    path.chmod(0o644)
    assert do("show", ADA, "--html", str(path)) == 0
    page = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "<b>Ada" not in page
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert "<script" not in page
    assert "\x1b" not in page
    assert not re.search(r"""(?:src|href|url\(|@import)\s*=?\s*["'(]?\s*(?:https?:)?//""", page)
    assert list(tmp_path.glob(".ada*")) == []


def test_a_page_that_cannot_be_written_is_a_sentence(
    ada: int, do: Do, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert do("show", ADA, "--html", str(tmp_path / "nowhere" / "ada.html")) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert do("show", ADA, "--html", str(tmp_path)) == 2


@pytest.mark.parametrize("who", ["4711", "webshop:4711", "+43 664 1234567", "key1", ADA.upper()])
def test_one_is_shown_by_any_key(ada: int, do: Do, capsys: pytest.CaptureFixture[str], who: str) -> None:
    assert do("show", who, "--format", "json") == 0
    assert rows(capsys)["email"] == ADA


def test_an_id_of_two_shops_is_asked_about(
    shop: Workspace, ada: int, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    with shop.store.transaction() as tx:
        bob = add_contact(tx, BOB, now=NOW)
        tx.execute("INSERT INTO identities VALUES ('customer_id', 'square', '4711', ?)", (bob,))
    assert do("show", "4711") == 2
    said = capsys.readouterr().err
    assert "webshop:4711" in said
    assert "square:4711" in said
    assert do("show", "square:4711", "--format", "json") == 0
    assert rows(capsys)["email"] == BOB


def test_a_slip_in_an_address_is_guessed_at(ada: int, do: Do, capsys: pytest.CaptureFixture[str]) -> None:
    assert do("show", "ada@exmaple.com") == 2
    assert "Did you mean ada@example.com?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--only", "events"], ["event"]),
        (["--only", "consent,events"], ["event", "consent"]),
        (["--limit", "1"], ["consent"]),
        (["--since", "2026-03-21"], []),
    ],
)
def test_a_part_of_what_happened(
    ada: int, do: Do, capsys: pytest.CaptureFixture[str], words: list[str], shown: list[str]
) -> None:
    assert do("show", ADA, *words, "--format", "json") == 0
    assert [moment["what"] for moment in rows(capsys)["timeline"]] == shown


@pytest.mark.parametrize("words", [["--only", "nonsense"], ["--only", ""], ["--since", "soon"], ["--limit", "-1"]])
def test_a_part_that_there_is_none_of(ada: int, do: Do, words: list[str]) -> None:
    assert do("show", ADA, *words) == 2


def test_a_table_shows_the_latest_of_a_long_life(
    shop: Workspace, ada: int, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    with shop.store.transaction() as tx:
        for number in range(150):
            insert(tx, Event("page_viewed", "web", f"p{number}", NOW, NOW, ada, {"title": f"Page {number}"}))
    assert do("show", ADA) == 0
    page = capsys.readouterr().out
    assert "the latest 100; --limit 0 shows 52 earlier ones too" in page
    assert "title Page 149" in page
    assert "title Page 10 " not in page
    assert do("show", ADA, "--limit", "0") == 0
    assert "title Page 10 " in capsys.readouterr().out
    assert do("show", ADA, "--format", "json") == 0
    assert len(rows(capsys)["timeline"]) == 152


def test_the_ledger_of_one_person_and_what_held_on_a_day(ada: int, do: Do, capsys: pytest.CaptureFixture[str]) -> None:
    do("unsubscribe", ADA, "--reason", "by phone")
    capsys.readouterr()
    assert do("consent", ADA, "--format", "json") == 0
    first, second = rows(capsys)
    assert first == {
        "contact": "key1", "email": ADA, "state": "subscribed", "basis": "express", "channel": "email", "topic": "",
        "address": ADA, "occurred_at": "2026-03-20T09:00:00Z", "recorded_at": "2026-03-20T09:00:00Z", "source": "test",
        "wording": None, "evidence": None, "lifts": False, "import_id": None,
    }  # fmt: skip
    assert (second["state"], second["evidence"]) == ("unsubscribed", "by phone")
    for day, state in (("2026-03-19", "never"), ("2026-03-20", "unsubscribed")):
        assert do("consent", ADA, "--at", day, "--format", "json") == 0
        assert [row["state"] for row in rows(capsys)] == [state]
    assert do("consent", ADA, "--at", "2026-03-20") == 0
    assert "unsubscribed since" in capsys.readouterr().out


def test_the_day_ends_at_midnight_of_the_accounts_zone(
    shop: Workspace, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    zone = shop.settings.zone
    midnight = clock.end_of_day(date(2026, 3, 19), zone)
    with shop.store.transaction() as tx:
        number = add_contact(tx, ADA, now=midnight - timedelta(days=9))
        entry = ConsentEntry(number, ConsentState.SUBSCRIBED, Basis.EXPRESS, ADA, midnight, midnight, "form")
        consents.append(tx, entry)
    for day, state in (("2026-03-19", "never"), ("2026-03-20", "subscribed")):
        assert do("consent", "--at", day, "--format", "json") == 0
        assert [row["state"] for row in rows(capsys)] == [state]


def test_everybodys_consent_is_counted_or_listed(
    shop: Workspace, ada: int, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    with shop.store.transaction() as tx:
        add_contact(tx, None, now=NOW)
    assert do("consent", "--at", "2026-03-20") == 0
    assert "never" in capsys.readouterr().out
    assert do("consent", "--at", "2026-03-20", "--format", "csv") == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header == "contact,email,channel,topic,state,basis,since,address,source,wording,evidence"
    assert first.startswith(f"key1,{ADA},email,,subscribed,express,2026-03-20T09:00:00Z,")
    assert second == "key2,,email,,never,,,,,,"
    assert do("consent", "--at", "2026-03-19", "--format", "json") == 0
    assert rows(capsys) == []


def test_json_has_amounts_of_events_as_text(
    shop: Workspace, ada: int, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [{"product": "Green tea", "quantity": 2, "price": 12.5}, {"product": "Mug", "quantity": 1, "price": 9}]
    told = {"cart_id": "c1", "value": 34.0, "currency": "EUR", "items": items}
    with shop.store.transaction() as tx:
        insert(tx, Event("cart_updated", "web", "c", NOW, NOW, ada, told))
    assert do("show", ADA, "--format", "json") == 0
    shown = rows(capsys)
    (cart,) = [one for one in shown["timeline"] if one["text"].startswith("cart")]
    assert cart["text"] == "cart_updated: 34.00 EUR, 2 × Green tea + Mug"
    assert cart["details"]["properties"]["value"] == "34.00"
    assert [item["price"] for item in cart["details"]["properties"]["items"]] == ["12.50", "9.00"]
    assert [(one["state"], one["value"], one["currency"]) for one in shown["carts"]] == [("open", "34.00", "EUR")]


def test_segments_that_mean_somebody_are_named(
    shop: Workspace, ada: int, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shop.root / "segments.yaml"
    path.write_text('wien: city == "Wien"\nall: true\nhers: first_name != ""\nwrong: nonsense > 3\n', encoding="utf-8")
    assert do("show", ADA, "--format", "json") == 0
    assert rows(capsys)["segments"] == ["all", "hers"]
    path.write_text("- no rules\n", encoding="utf-8")
    assert do("show", ADA, "--format", "json") == 0
    assert rows(capsys)["segments"] == []


def test_a_cell_of_64_kb_does_not_flood_the_screen(
    shop: Workspace, ada: int, do: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET city = ? WHERE id = ?", ("x" * 64_000, ada))
    assert do("show", ADA) == 0
    page = capsys.readouterr().out
    assert len(page) < 8_000
    assert "64,000 letters" in " ".join(page.split())
