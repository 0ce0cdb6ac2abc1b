"""Where each field comes from: files, tools' guesses, people's own words, the owner; through undo and merges."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.addresses import normalise
from mailflow.cli.main import run
from mailflow.store import contacts, merges, origins
from mailflow.store.contacts import Contact
from mailflow.store.origins import OriginKind
from mailflow.workspace import Workspace

FIRST, SECOND, THIRD = (datetime(2026, 3, day, 9, tzinfo=UTC) for day in (1, 2, 3))
ADA = "ada@example.com"
Take = Callable[..., None]


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    return Workspace.at(tmp_path / "shop")


@pytest.fixture
def take(shop: Workspace, tmp_path: Path) -> Take:
    """Return a function that imports a file of contacts at an instant."""

    def import_it(name: str, text: str, at: datetime, *words: str) -> None:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        again = ["import", str(path), "--as", "contacts", "--workspace", str(shop.root), "--now", clock.iso(at)]
        assert run([*again, *words, "--quiet"]) == 0

    return import_it


def ada(shop: Workspace, email: str = ADA) -> Contact:
    found = contacts.find_by_email(shop.store.db, normalise(email))
    assert found is not None
    return found


def told(shop: Workspace) -> dict[str, str]:
    return {name: origin.text for name, origin in origins.of_fields(shop.store.db, ada(shop)).items()}


def test_each_field_names_the_file_that_brought_its_value(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,first_name,city,tea\n{ADA},Ada,Wien,green\n", FIRST)
    take("b.csv", f"email,city,phone,tea\n{ADA},Graz,+43 664 123456,green\n", SECOND)
    assert told(shop) == {
        "email": "a.csv",
        "first_name": "a.csv",
        "city": "b.csv",
        "phone": "b.csv",
        "tea": "a.csv",
    }
    found = origins.of_fields(shop.store.db, ada(shop))
    assert (found["tea"].at, found["city"].at) == (FIRST, SECOND)


def test_the_first_source_and_its_day_never_change(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,city\n{ADA},Wien\n", FIRST, "--source", "fair")
    before = ada(shop)
    for at, city in ((SECOND, "Graz"), (THIRD, "Linz")):
        take("b.csv", f"email,city\n{ADA},{city}\n", at, "--source", "webshop")
    after = ada(shop)
    assert (after.source, after.created_at) == (before.source, before.created_at) == ("fair", FIRST)
    assert after.fields["city"] == "Linz"


def test_an_import_that_was_undone_does_not_count(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,city\n{ADA},Wien\n", FIRST)
    take("b.csv", f"email,city\n{ADA},Graz\n", SECOND)
    assert run(["import", "--undo", "2", "--workspace", str(shop.root), "--quiet"]) == 0
    assert told(shop)["city"] == "a.csv"
    take("c.csv", f"email,phone\n{ADA},+43 664 123456\n", THIRD)
    assert told(shop)["city"] == "a.csv"


def test_a_contact_whom_an_undone_file_brought_and_who_had_to_stay_says_so(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,city,accepts_marketing\n{ADA},Wien,no\n", FIRST)
    assert run(["contact", "unsubscribe", ADA, "--workspace", str(shop.root), "--quiet"]) == 0
    assert run(["import", "--undo", "1", "--workspace", str(shop.root), "--quiet"]) == 0
    assert told(shop)["city"] == "a.csv, undone since"


def test_somebody_new_under_an_old_number_has_none_of_its_past(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,city\n{ADA},Wien\n", FIRST)
    take("b.csv", f"email,city\n{ADA},Graz\n", SECOND)
    number = ada(shop).id
    for one in ("2", "1"):
        assert run(["import", "--undo", one, "--workspace", str(shop.root), "--quiet"]) == 0
    words = ["subscribe", "bob@example.com", "--evidence", "asked", "--workspace", str(shop.root), "--quiet"]
    assert run(["contact", *words]) == 0
    bob = ada(shop, "bob@example.com")
    assert bob.id == number
    found = origins.of_fields(shop.store.db, bob)
    assert {name: origin.kind for name, origin in found.items()} == {"email": OriginKind.OWNER}
    assert origins.touches(shop.store.db, bob) == []


def test_what_a_tool_guessed_is_inferred(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,first_name,country\n{ADA},Ada,AT\n", FIRST)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE imports SET options = json_set(options, '$.inferred', json_array('country'))")
    found = origins.of_fields(shop.store.db, ada(shop))
    assert (found["country"].kind, found["first_name"].kind) == (OriginKind.INFERRED, OriginKind.IMPORT)


def state(shop: Workspace, field: str, value: str, at: datetime) -> None:
    with shop.store.transaction() as tx:
        tx.execute(
            "INSERT INTO statements (contact_id, field, value, question, stated_at, source) VALUES (?, ?, ?, ?, ?, ?)",
            (ada(shop).id, field, value, "Where do you live?", clock.to_ms(at), "survey"),
        )


def test_what_somebody_said_of_themselves_is_their_own(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,city\n{ADA},Wien\n", FIRST)
    state(shop, "city", "wien", SECOND)
    found = origins.of_fields(shop.store.db, ada(shop))["city"]
    assert (found.kind, found.source, found.at, found.question) == (
        OriginKind.SELF, "survey", SECOND, "Where do you live?",
    )  # fmt: skip


def test_a_later_file_that_says_something_else_is_the_origin(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,city\n{ADA},Wien\n", FIRST)
    state(shop, "city", "Wien", FIRST + timedelta(hours=1))
    with shop.store.transaction() as tx:  # as if by a form that overwrites, with its line in the journal
        tx.execute(
            "INSERT INTO imports (id, file, sha256, noun, tool, state, started_at) VALUES (9, 'c.csv', '', 'contacts',"
            " 'plain', 'done', ?)",
            (clock.to_ms(THIRD),),
        )
        tx.execute(
            "INSERT INTO import_changes (import_id, noun, first_id, last_id, before)"
            " VALUES (9, 'contacts', :id, :id, :it)",
            {"id": ada(shop).id, "it": json.dumps({"email": ADA, "city": "Wien", "attributes": "{}"})},
        )
        tx.execute("UPDATE contacts SET city = 'Linz'")
    assert told(shop)["city"] == "c.csv"


def test_what_a_merge_filled_comes_from_where_the_other_had_it(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,first_name\n{ADA},Ada\n", FIRST)
    take("b.csv", "email,city,tea\nadele@example.com,Linz,green\n", SECOND)
    with shop.store.transaction() as tx:
        merges.merge(tx, ada(shop).id, ada(shop, "adele@example.com").id, evidence="same phone", now=THIRD)
    assert told(shop) == {
        "email": "a.csv",
        "first_name": "a.csv",
        "city": "b.csv",
        "tea": "b.csv",
    }


def test_an_import_says_what_it_changed_and_brought(shop: Workspace, take: Take) -> None:
    take("a.csv", f"email,city,accepts_marketing\n{ADA},Wien,yes\n", FIRST)
    take("b.csv", f"email,city,tea\n{ADA},Graz,green\n", SECOND)
    added, changed = origins.touches(shop.store.db, ada(shop))
    assert (added.added, added.changed) == (True, ())
    assert (changed.added, set(changed.changed)) == (False, {("city", "Wien", "Graz"), ("tea", None, "green")})
    assert origins.brought(shop.store.db, [ada(shop).id]) == {1: {"consents": 1}}
